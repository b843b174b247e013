//! Who gets in, as whom, and what he may do.

use serde_json::{Value, json};

use super::{
    apply::{group, rbac, role_ref, rule},
    talk::{Ask, Talk, apply, delete, get, post, put},
};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
const MAY: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn who() -> Ask {
    post(WHO, &json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}))
}

fn may(spec: &Value) -> Ask {
    let spec = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec});
    post(MAY, &spec)
}

/// A role with these rules for a group, in the whole cluster or in a namespace.
async fn allow(talk: &mut Talk<'_>, name: &str, namespace: Option<&str>, rules: Value) {
    let (role, binding) =
        if namespace.is_some() { ("Role", "RoleBinding") } else { ("ClusterRole", "ClusterRoleBinding") };
    let at = |kind: &str| match namespace {
        Some(namespace) => format!("{RBAC}/namespaces/{namespace}/{}s", kind.to_lowercase()),
        None => format!("{RBAC}/{}s", kind.to_lowercase()),
    };
    talk.prepare(post(&at(role), &rbac(role, name, namespace, &json!({"rules": rules})))).await;
    let bound = json!({"roleRef": role_ref(role, name), "subjects": [group(name)]});
    talk.prepare(post(&at(binding), &rbac(binding, name, namespace, &bound))).await;
}

/// Waits until the authorizer has heard of what was just allowed.
async fn heard(talk: &mut Talk<'_>, ask: Ask) {
    talk.await_status(ask, 200).await;
}

/// Who the server takes its callers for.
pub async fn identities(talk: &mut Talk<'_>) {
    talk.say("the creator", who().by_creator()).await;
    talk.say("the creator on behalf of another", who().by("ana", &["devs"])).await;
    talk.say("of no group", who().by("ana", &[])).await;
    talk.say("without a token", who().with_token(None)).await;
    talk.say("with a token of no kind", who().with_token(Some("nonsense"))).await;
    talk.say("with a token of AWS that says nothing", who().with_token(Some("k8s-aws-v1.bm9uc2Vuc2U"))).await;
    talk.say("the version without a token", get("/version").with_token(None)).await;
    talk.say("reading without a token", get(MAPS).with_token(None)).await;
    talk.say("the version with a wrong token", get("/version").with_token(Some("nonsense"))).await;
    talk.say("somebody no row lets in", who().by_visitor()).await;
    let rows =
        "- rolearn: arn:aws:iam::111122223333:role/visitor\n  username: visitor:{{SessionName}}\n  groups: [guests]\n";
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth"}, "data": {"mapRoles": rows}});
    talk.prepare(post("/api/v1/namespaces/kube-system/configmaps", &map)).await;
    talk.await_status(who().by_visitor(), 201).await;
    talk.say("let in by a row", who().by_visitor()).await;
    talk.say("a guest may not", get(MAPS).by_visitor()).await;
    talk.say("a guest may not be another", get(MAPS).by_visitor_as("admin")).await;
}

/// What is refused, in whose words.
pub async fn refusals(talk: &mut Talk<'_>) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "refused"}});
    let role = rbac("ClusterRole", "refused", None, &json!({"rules": []}));
    let local = rbac("RoleBinding", "refused", Some("default"), &json!({"roleRef": role_ref("ClusterRole", "view")}));
    let ana = |ask: Ask| ask.by("ana", &["devs"]);
    talk.say("get", ana(get(&format!("{MAPS}/refused")))).await;
    talk.say("list", ana(get(MAPS))).await;
    talk.say("list everywhere", ana(get("/api/v1/configmaps"))).await;
    talk.say("create", ana(post(MAPS, &map))).await;
    talk.say("replace", ana(put(&format!("{MAPS}/refused"), &map))).await;
    talk.say("apply", ana(apply(&format!("{MAPS}/refused?fieldManager=a"), &map))).await;
    talk.say("delete", ana(delete(&format!("{MAPS}/refused"), None))).await;
    talk.say("delete all", ana(delete(MAPS, None))).await;
    talk.say("get a namespace", ana(get("/api/v1/namespaces/kube-system"))).await;
    talk.say("get a role of the cluster", ana(get(&format!("{RBAC}/clusterroles/refused")))).await;
    talk.say("create a role of the cluster", ana(post(&format!("{RBAC}/clusterroles"), &role))).await;
    talk.say("list bindings everywhere", ana(get(&format!("{RBAC}/rolebindings")))).await;
    talk.say("create a binding", ana(post(&format!("{RBAC}/namespaces/default/rolebindings"), &local))).await;
    talk.say("a path of no resource", ana(get("/metrics"))).await;
    talk.say("an unknown resource", ana(get("/apis/nowhere.example.com/v1/things"))).await;
    talk.say("the version", ana(get("/version"))).await;
    talk.say("himself", ana(who())).await;
}

/// What is allowed, and no more.
pub async fn allowed(talk: &mut Talk<'_>) {
    let one = json!({"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["aws-auth"], "verbs": ["get", "update"]});
    allow(talk, "contract:namer", Some("kube-system"), json!([one])).await;
    allow(
        talk,
        "contract:lister",
        None,
        json!([rule("configmaps", &["list"]), {"nonResourceURLs": ["/metrics", "/logs/*"], "verbs": ["get"]}]),
    )
    .await;
    let namer = |ask: Ask| ask.by("nina", &["contract:namer"]);
    let lister = |ask: Ask| ask.by("lisa", &["contract:lister"]);
    let system = "/api/v1/namespaces/kube-system/configmaps";
    heard(talk, lister(get("/api/v1/configmaps?limit=1"))).await;
    let there = json!({"resourceAttributes": {"verb": "get", "resource": "configmaps", "name": "aws-auth", "namespace": "kube-system"}});
    talk.say("by its name", namer(may(&there))).await;
    for (title, change) in [
        ("another name", json!({"name": "other"})),
        ("any name", json!({"name": ""})),
        ("another verb", json!({"verb": "delete"})),
        ("another namespace", json!({"namespace": "default"})),
        ("every namespace", json!({"namespace": ""})),
        ("another group", json!({"group": "apps"})),
        ("another resource", json!({"resource": "secrets"})),
        ("a part of it", json!({"subresource": "status"})),
    ] {
        let mut spec = there.clone();
        for (key, value) in change.as_object().unwrap() {
            spec["resourceAttributes"][key] = value.clone();
        }
        talk.say(title, namer(may(&spec))).await;
    }
    talk.say("the list of names he may not", namer(get(system))).await;
    talk.say("the list of the one he may", namer(get(&format!("{system}?fieldSelector=metadata.name%3Daws-auth"))))
        .await;
    talk.say("one other", namer(get(&format!("{system}/other")))).await;
    talk.say("listing is not reading", lister(get(&format!("{system}/aws-auth")))).await;
    for path in ["/metrics", "/logs/a/b", "/logs"] {
        talk.say(
            &format!("may he read {path}"),
            lister(may(&json!({"nonResourceAttributes": {"verb": "get", "path": path}}))),
        )
        .await;
    }
    talk.say(
        "may an administrator do everything",
        may(&json!({"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}})),
    )
    .await;
    talk.say(
        "may he do everything",
        lister(may(&json!({"resourceAttributes": {"verb": "*", "group": "*", "resource": "*"}}))),
    )
    .await;
    talk.say("nothing asked", lister(may(&json!({})))).await;
    talk.say(
        "both asked",
        lister(may(&json!({"resourceAttributes": {"verb": "get"}, "nonResourceAttributes": {"verb": "get"}}))),
    )
    .await;
}

/// Nobody gives what he has not, unless he may `bind` or `escalate`.
pub async fn escalation(talk: &mut Talk<'_>) {
    let rbac_group = |resources: &[&str], verbs: &[&str]| json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": resources, "verbs": verbs});
    let all = ["clusterroles", "clusterrolebindings", "roles", "rolebindings"];
    let write = ["get", "list", "create", "update", "patch", "delete"];
    allow(talk, "contract:writer", None, json!([rbac_group(&all, &write), rule("pods", &["get", "list"])])).await;
    let binds = json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["contract:strong"], "verbs": ["bind"]});
    let more = json!([rbac_group(&all, &write), binds]);
    allow(talk, "contract:binder", None, more).await;
    let more = json!([rbac_group(&all, &write), rbac_group(&["clusterroles", "roles"], &["escalate"])]);
    allow(talk, "contract:escalator", None, more).await;
    let strong = json!({"rules": [rule("secrets", &["get", "list"]), rule("pods", &["get"])]});
    talk.prepare(post(&format!("{RBAC}/clusterroles"), &rbac("ClusterRole", "contract:strong", None, &strong))).await;
    let weak = json!({"rules": [rule("pods", &["get"])]});
    talk.prepare(post(&format!("{RBAC}/clusterroles"), &rbac("ClusterRole", "contract:weak", None, &weak))).await;
    for who in ["writer", "binder", "escalator"] {
        let group_name = format!("contract:{who}");
        let by = |ask: Ask| ask.by(who, &[group_name.as_str()]);
        heard(talk, by(get(&format!("{RBAC}/clusterroles?limit=1")))).await;
        let title = |what: &str| format!("{who}: {what}");
        let roles = format!("{RBAC}/clusterroles/contract:{who}-role?fieldManager=rolecall");
        let role = |rules: &Value| rbac("ClusterRole", &format!("contract:{who}-role"), None, rules);
        talk.say(&title("a role of what he has"), by(apply(&roles, &role(&weak)))).await;
        talk.say(&title("a role of what he has not"), by(apply(&roles, &role(&strong)))).await;
        let local = rbac("Role", "contract:local", Some("default"), &strong);
        talk.say(&title("in a namespace"), by(post(&format!("{RBAC}/namespaces/default/roles?dryRun=All"), &local)))
            .await;
        for target in ["weak", "strong", "missing"] {
            let name = format!("contract:{who}-{target}");
            let binding = rbac(
                "ClusterRoleBinding",
                &name,
                None,
                &json!({
                    "roleRef": role_ref("ClusterRole", &format!("contract:{target}")), "subjects": [group("devs")],
                }),
            );
            let path = format!("{RBAC}/clusterrolebindings/{name}?fieldManager=rolecall");
            talk.say(&title(&format!("bind the {target} role")), by(apply(&path, &binding))).await;
            let binding = rbac(
                "RoleBinding",
                &name,
                Some("default"),
                &json!({
                    "roleRef": role_ref("ClusterRole", &format!("contract:{target}")), "subjects": [group("devs")],
                }),
            );
            let path = format!("{RBAC}/namespaces/default/rolebindings/{name}?fieldManager=rolecall");
            talk.say(&title(&format!("bind the {target} role in a namespace")), by(apply(&path, &binding))).await;
        }
    }
}
