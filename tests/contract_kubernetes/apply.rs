//! Server-side apply, <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.

use serde_json::{Value, json};

use super::talk::{Talk, apply, get, post, put};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn map(name: &str, data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// An RBAC object as rolecall sends it.
pub fn rbac(kind: &str, name: &str, namespace: Option<&str>, rest: &Value) -> Value {
    let mut metadata = json!({"name": name, "labels": {"app.kubernetes.io/managed-by": "rolecall"}});
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    let mut object = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata});
    for (key, value) in rest.as_object().unwrap() {
        object[key] = value.clone();
    }
    object
}

pub fn rule(resource: &str, verbs: &[&str]) -> Value {
    json!({"apiGroups": [""], "resources": [resource], "verbs": verbs})
}

pub fn role_ref(kind: &str, name: &str) -> Value {
    json!({"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name})
}

pub fn group(name: &str) -> Value {
    json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

/// Keys of a ConfigMap with more than one owner.
pub async fn config_map(talk: &mut Talk<'_>) {
    let by = |manager: &str| format!("{MAPS}/shared?fieldManager={manager}");
    let both = map("shared", &json!({"a": "1", "b": "2"}));
    talk.say("create by applying", apply(&by("rolecall"), &both)).await;
    talk.say("apply the same", apply(&by("rolecall"), &both)).await;
    talk.say("another manager's key", apply(&by("other"), &map("shared", &json!({"c": "3"})))).await;
    talk.say("the same value by both", apply(&by("other"), &map("shared", &json!({"a": "1", "c": "3"})))).await;
    talk.say("a conflict", apply(&by("other"), &map("shared", &json!({"b": "two", "c": "3"})))).await;
    talk.say("two conflicts", apply(&by("third"), &map("shared", &json!({"b": "two", "c": "three"})))).await;
    let forced = map("shared", &json!({"b": "two", "c": "3"}));
    talk.say("by force", apply(&format!("{}&force=true", by("other")), &forced)).await;
    talk.say("dropping keys", apply(&by("rolecall"), &map("shared", &json!({"d": "4"})))).await;
    talk.say("nothing left of other", apply(&by("other"), &map("shared", &json!({})))).await;
    talk.say("get", get(&format!("{MAPS}/shared"))).await;
}

/// Applying onto what was written otherwise.
pub async fn after_an_update(talk: &mut Talk<'_>) {
    let by = |manager: &str| format!("{MAPS}/written?fieldManager={manager}");
    let live =
        talk.say("create", post(&format!("{MAPS}?fieldManager=kubectl"), &map("written", &json!({"a": "1"})))).await;
    talk.say("a conflict with who created it", apply(&by("rolecall"), &map("written", &json!({"a": "2"})))).await;
    talk.say("the same value", apply(&by("rolecall"), &map("written", &json!({"a": "1"})))).await;
    let mut changed = live.clone();
    changed["data"] = json!({"a": "3"});
    changed["metadata"]["resourceVersion"] = Value::Null;
    talk.say("replace takes it over", put(&by("kubectl"), &changed)).await;
    talk.say("a conflict after that", apply(&by("rolecall"), &map("written", &json!({"a": "1"})))).await;
    let mut at = map("written", &json!({"a": "5"}));
    at["metadata"]["uid"] = live["metadata"]["uid"].clone();
    at["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
    talk.say("an outdated version", apply(&format!("{}&force=true", by("rolecall")), &at)).await;
    at["metadata"]["resourceVersion"] = Value::Null;
    at["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    talk.say("another uid", apply(&format!("{}&force=true", by("rolecall")), &at)).await;
}

/// Without what it needs.
pub async fn incomplete(talk: &mut Talk<'_>) {
    let path = format!("{MAPS}/half");
    talk.say("no field manager", apply(&path, &map("half", &json!({})))).await;
    talk.say("no kind", apply(&format!("{path}?fieldManager=rolecall"), &json!({"metadata": {"name": "half"}}))).await;
    let other = map("other", &json!({}));
    talk.say("another name than the path's", apply(&format!("{path}?fieldManager=rolecall"), &other)).await;
    let mut managed = map("half", &json!({}));
    managed["metadata"]["managedFields"] = json!([]);
    talk.say("with empty managedFields", apply(&format!("{path}?fieldManager=rolecall"), &managed)).await;
    let unknown = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "half"}, "dta": {"a": "1"}});
    talk.say("an unknown field", apply(&format!("{path}?fieldManager=rolecall"), &unknown)).await;
    let strict = format!("{path}?fieldManager=rolecall&fieldValidation=Strict");
    talk.say("an unknown field, strictly", apply(&strict, &unknown)).await;
    let bad_name = map("Bad_Name", &json!({}));
    talk.say("a bad name", apply(&format!("{MAPS}/Bad_Name?fieldManager=rolecall"), &bad_name)).await;
    let versioned =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gone", "resourceVersion": "1"}});
    talk.say("a version of what is not there", apply(&format!("{MAPS}/gone?fieldManager=rolecall"), &versioned)).await;
    let uid = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "gone", "uid": "00000000-0000-4000-8000-000000000000"}});
    talk.say("a uid of what is not there", apply(&format!("{MAPS}/gone?fieldManager=rolecall"), &uid)).await;
    let nowhere = "/api/v1/namespaces/nowhere/configmaps/a?fieldManager=rolecall";
    talk.say("in a namespace that is not there", apply(nowhere, &map("a", &json!({})))).await;
}

/// Roles of both scopes.
pub async fn roles(talk: &mut Talk<'_>) {
    for (kind, namespace, resource) in [
        ("ClusterRole", None, format!("{RBAC}/clusterroles")),
        ("Role", Some("default"), format!("{RBAC}/namespaces/default/roles")),
    ] {
        let of = |rules: Value| rbac(kind, "contract:reader", namespace, &json!({"rules": rules}));
        let by = |manager: &str| format!("{resource}/contract:reader?fieldManager={manager}");
        let title = |what: &str| format!("{kind}: {what}");
        let pods = of(json!([rule("pods", &["get", "list"])]));
        talk.say(&title("a trial"), apply(&format!("{}&dryRun=All", by("rolecall")), &pods)).await;
        talk.say(&title("a trial stores nothing"), get(&format!("{resource}/contract:reader"))).await;
        let made = talk.say(&title("create by applying"), apply(&by("rolecall"), &pods)).await;
        talk.say(&title("apply the same"), apply(&by("rolecall"), &pods)).await;
        let secrets = of(json!([rule("pods", &["get"]), rule("secrets", &["get"])]));
        talk.say(&title("rules are one field"), apply(&by("other"), &secrets)).await;
        let mut exact = secrets.clone();
        exact["metadata"]["uid"] = made["metadata"]["uid"].clone();
        exact["metadata"]["resourceVersion"] = made["metadata"]["resourceVersion"].clone();
        talk.say(&title("the version that was seen"), apply(&format!("{}&force=true", by("rolecall")), &exact)).await;
        talk.say(&title("no longer that version"), apply(&format!("{}&force=true", by("rolecall")), &exact)).await;
        talk.say(&title("no rules"), apply(&by("rolecall"), &of(json!([])))).await;
        talk.say(
            &title("without its label"),
            apply(
                &by("rolecall"),
                &json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": "contract:reader"},
                }),
            ),
        )
        .await;
    }
    let no_verbs = rbac("ClusterRole", "contract:mute", None, &json!({"rules": [rule("pods", &[])]}));
    talk.say("a rule without verbs", apply(&format!("{RBAC}/clusterroles/contract:mute?fieldManager=a"), &no_verbs))
        .await;
    let mixed = json!({"rules": [{"nonResourceURLs": ["/healthz"], "resources": ["pods"], "apiGroups": [""], "verbs": ["get"]}]});
    let mixed = rbac("ClusterRole", "contract:mixed", None, &mixed);
    talk.say("a rule of two kinds", apply(&format!("{RBAC}/clusterroles/contract:mixed?fieldManager=a"), &mixed)).await;
    let urls = json!({"rules": [{"nonResourceURLs": ["/healthz"], "verbs": ["get"]}]});
    let urls = rbac("Role", "contract:urls", Some("default"), &urls);
    let path = format!("{RBAC}/namespaces/default/roles/contract:urls?fieldManager=a");
    talk.say("URLs in a namespace", apply(&path, &urls)).await;
    let slash = rbac("ClusterRole", "a/b", None, &json!({"rules": []}));
    talk.say("a name with a slash", post(&format!("{RBAC}/clusterroles"), &slash)).await;
}

/// Bindings of both scopes.
pub async fn bindings(talk: &mut Talk<'_>) {
    for (kind, namespace, resource) in [
        ("ClusterRoleBinding", None, format!("{RBAC}/clusterrolebindings")),
        ("RoleBinding", Some("default"), format!("{RBAC}/namespaces/default/rolebindings")),
    ] {
        let of = |role: Value, subjects: Value| {
            rbac(kind, "contract:binding", namespace, &json!({"roleRef": role, "subjects": subjects}))
        };
        let by = |manager: &str| format!("{resource}/contract:binding?fieldManager={manager}");
        let title = |what: &str| format!("{kind}: {what}");
        let view = role_ref("ClusterRole", "view");
        let devs = of(view.clone(), json!([group("devs")]));
        talk.say(&title("create by applying"), apply(&by("rolecall"), &devs)).await;
        talk.say(&title("apply the same"), apply(&by("rolecall"), &devs)).await;
        let ops = of(view.clone(), json!([group("devs"), group("ops")]));
        talk.say(&title("another manager's subjects"), apply(&by("other"), &ops)).await;
        talk.say(
            &title("another role"),
            apply(&by("rolecall"), &of(role_ref("ClusterRole", "edit"), json!([group("devs")]))),
        )
        .await;
        let force = format!("{}&force=true", by("rolecall"));
        let people = json!([
            {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ana"},
            {"kind": "ServiceAccount", "name": "robot", "namespace": "default"},
        ]);
        talk.say(&title("other subjects"), apply(&force, &of(view.clone(), people))).await;
        talk.say(&title("no subjects"), apply(&force, &of(view.clone(), json!([])))).await;
        let lost = json!([{"kind": "ServiceAccount", "name": "robot"}]);
        talk.say(&title("a service account of no namespace"), apply(&force, &of(view.clone(), lost))).await;
        talk.say(&title("a subject of no kind"), apply(&force, &of(view.clone(), json!([{"name": "x"}])))).await;
        talk.say(&title("get"), get(&format!("{resource}/contract:binding"))).await;
        let lonely = rbac(
            kind,
            "contract:lonely",
            namespace,
            &json!({
                "roleRef": role_ref("ClusterRole", "contract:nowhere"), "subjects": [group("devs")],
            }),
        );
        let path = format!("{resource}/contract:lonely?fieldManager=rolecall");
        talk.say(&title("a role that is not there"), apply(&path, &lonely)).await;
    }
    let role = rbac(
        "ClusterRoleBinding",
        "contract:role",
        None,
        &json!({
            "roleRef": role_ref("Role", "contract:reader"), "subjects": [group("devs")],
        }),
    );
    let path = format!("{RBAC}/clusterrolebindings/contract:role?fieldManager=rolecall");
    talk.say("a Role bound in the whole cluster", apply(&path, &role)).await;
    let nowhere = rbac(
        "RoleBinding",
        "contract:a",
        Some("nowhere"),
        &json!({
            "roleRef": role_ref("ClusterRole", "view"), "subjects": [group("devs")],
        }),
    );
    let path = format!("{RBAC}/namespaces/nowhere/rolebindings/contract:a?fieldManager=rolecall");
    talk.say("in a namespace that is not there", apply(&path, &nowhere)).await;
}
