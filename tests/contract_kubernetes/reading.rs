//! Lists, selectors and pages; and what every server has to say about itself.

use serde_json::{Value, json};

use super::{
    apply::{rbac, role_ref},
    talk::{Talk, delete, get, post, put},
};

const MAPS: &str = "/api/v1/namespaces/kube-public/configmaps";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const OURS: &str = "labelSelector=app.kubernetes.io/managed-by%3Drolecall-lists";

/// By label, as rolecall finds what is its own.
pub async fn selectors(talk: &mut Talk<'_>) {
    for (name, labels) in [
        ("one", json!({"contract": "lists", "team": "a", "tier": "1"})),
        ("two", json!({"contract": "lists", "team": "b"})),
        ("three", json!({"contract": "lists", "tier": "1"})),
    ] {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels}});
        talk.prepare(post(MAPS, &object)).await;
    }
    for selector in [
        "contract=lists",
        "contract==lists,team=a",
        "contract=lists,team!=a",
        "contract=lists,team",
        "contract=lists,!team",
        "contract=lists,team in (a, c)",
        "contract in (lists),team notin (a)",
        "contract=lists,tier=2",
        "contract=lists,team=a=b",
        "contract=lists,team in a",
        "contract=lists,team=a b",
    ] {
        let encoded = selector.replace(' ', "%20").replace('=', "%3D").replace('!', "%21").replace(',', "%2C");
        talk.say(selector, get(&format!("{MAPS}?labelSelector={encoded}"))).await;
    }
    talk.say("one by its name", get(&format!("{MAPS}?fieldSelector=metadata.name%3Dtwo"))).await;
    talk.say("in all namespaces", get("/api/v1/configmaps?labelSelector=contract%3Dlists")).await;
}

/// By pages.
pub async fn pages(talk: &mut Talk<'_>) {
    for number in 0..5 {
        let labels = json!({"contract": "pages"});
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("page-{number}"), "labels": labels}});
        talk.prepare(post(MAPS, &object)).await;
    }
    let list = format!("{MAPS}?labelSelector=contract%3Dpages&limit=2");
    let token = |page: &Value| page["metadata"]["continue"].as_str().unwrap().to_owned();
    let first = talk.say("the first page", get(&list)).await;
    talk.prepare(delete(&format!("{MAPS}/page-4"), None)).await;
    let second = talk.say("the second page", get(&format!("{list}&continue={}", token(&first)))).await;
    talk.say("the last page, of what there was", get(&format!("{list}&continue={}", token(&second)))).await;
    talk.say("a limit of exactly what there is", get(&list.replace("limit=2", "limit=4"))).await;
    talk.say("a token that is none", get(&format!("{list}&continue=nonsense"))).await;
    talk.say("a limit that is none", get(&list.replace("limit=2", "limit=two"))).await;
    let three = format!("{MAPS}?limit=2&labelSelector=contract%3Dnothing");
    talk.say("nothing at all", get(&three)).await;
}

/// RBAC objects of our own, in one namespace and in all.
pub async fn rbac_lists(talk: &mut Talk<'_>) {
    let ours = |mut object: Value| {
        object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "rolecall-lists"});
        object
    };
    for (kind, resource, rest) in [
        ("ClusterRole", "clusterroles", json!({"rules": []})),
        ("ClusterRoleBinding", "clusterrolebindings", json!({"roleRef": role_ref("ClusterRole", "view")})),
    ] {
        talk.prepare(post(&format!("{RBAC}/{resource}"), &ours(rbac(kind, "contract:list", None, &rest)))).await;
        talk.say(kind, get(&format!("{RBAC}/{resource}?{OURS}&limit=500"))).await;
    }
    for (kind, resource, rest) in [
        ("Role", "roles", json!({"rules": []})),
        ("RoleBinding", "rolebindings", json!({"roleRef": role_ref("ClusterRole", "view")})),
    ] {
        for namespace in ["default", "kube-public"] {
            let object = ours(rbac(kind, "contract:list", Some(namespace), &rest));
            talk.prepare(post(&format!("{RBAC}/namespaces/{namespace}/{resource}"), &object)).await;
        }
        talk.say(kind, get(&format!("{RBAC}/{resource}?{OURS}&limit=500"))).await;
        talk.say(&format!("{kind} in default"), get(&format!("{RBAC}/namespaces/default/{resource}?{OURS}"))).await;
    }
}

/// What is in every cluster from the beginning.
pub async fn from_the_beginning(talk: &mut Talk<'_>) {
    for path in [
        "/api/v1/namespaces/kube-system",
        "/api/v1/namespaces/default",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/cluster-admin",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:basic-user",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:discovery",
    ] {
        talk.say(path, get(path)).await;
    }
    talk.say("a namespace that is not there", get("/api/v1/namespaces/nowhere")).await;
}

/// What the server is, and what it does not have.
pub async fn itself(talk: &mut Talk<'_>) {
    for path in [
        "/version",
        "/healthz",
        "/readyz",
        "/livez",
        "/nowhere",
        "/api/v1/nowhere",
        "/api/v1/namespaces/default/nowhere",
        "/apis/nowhere.example.com/v1/things",
        "/apis/rbac.authorization.k8s.io/v1beta1/clusterroles",
        "/apis/rbac.authorization.k8s.io/v1/nowhere",
        "/apis/rbac.authorization.k8s.io/v1beta1",
        "/apis/nowhere.example.com/v1",
        "/api/v2",
        "/api/v2/things",
    ] {
        talk.say(path, get(path)).await;
    }
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}});
    talk.say("a method that is not allowed", put(MAPS, &object)).await;
    talk.say("creating what exists by its name", post(&format!("{MAPS}/a"), &object)).await;
}

/// The lock that keeps two of a kind apart.
pub async fn leases(talk: &mut Talk<'_>) {
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = |holder: &str, version: &Value, second: u8| {
        let mut metadata = json!({"name": "rolecall"});
        if !version.is_null() {
            metadata["resourceVersion"] = version.clone();
        }
        let renewed = format!("2026-01-02T03:04:{second:02}.000000Z");
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": {
            "holderIdentity": holder, "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": "2026-01-02T03:04:05.000000Z", "renewTime": renewed,
        }})
    };
    let at = format!("{LEASES}/rolecall");
    talk.say("none yet", get(&at)).await;
    let made = talk.say("taken", post(LEASES, &lease("one", &Value::Null, 5))).await;
    talk.say("taken by another at the same moment", post(LEASES, &lease("two", &Value::Null, 6))).await;
    let version = &made["metadata"]["resourceVersion"];
    let renewed = talk.say("renewed", put(&at, &lease("one", version, 15))).await;
    talk.say("taken over by what was seen before", put(&at, &lease("two", version, 16))).await;
    talk.say("taken over by no version", put(&at, &lease("two", &Value::Null, 16))).await;
    let version = &renewed["metadata"]["resourceVersion"];
    let mut wrong = lease("one", version, 25);
    wrong["spec"]["leaseDurationSeconds"] = json!(0);
    talk.say("for no time", put(&at, &wrong)).await;
    wrong["spec"]["leaseDurationSeconds"] = json!(15);
    wrong["spec"]["renewTime"] = json!("yesterday");
    talk.say("a time that is none", put(&at, &wrong)).await;
    talk.say("given back", delete(&at, None)).await;
}
