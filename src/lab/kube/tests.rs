//! A served API server, asked with a real client.

use std::time::{Duration, SystemTime};

use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    core::v1::{ConfigMap, Namespace},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::json;

use super::fixture::{ACCOUNT, Served, role_id};
use crate::model::AuthenticationMode as Mode;

fn refusal(error: kube::Error) -> (u16, String, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason, status.message),
        other => panic!("{other}"),
    }
}

async fn who(client: &kube::Client) -> Result<SelfSubjectReview, kube::Error> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    api.create(&PostParams::default(), &SelfSubjectReview::default()).await
}

async fn username(client: &kube::Client) -> Result<String, u16> {
    match who(client).await {
        Ok(review) => Ok(review.status.unwrap().user_info.unwrap().username.unwrap()),
        Err(error) => Err(refusal(error).0),
    }
}

#[tokio::test]
async fn a_fresh_cluster_has_what_a_real_one_has() {
    let served = Served::start(Mode::ConfigMap);
    let admin = served.admin();
    let roles: Api<ClusterRole> = Api::all(admin.clone());
    let all = roles.list(&ListParams::default()).await.unwrap();
    assert_eq!(all.items.len(), 69);
    let view = roles.get("view").await.unwrap();
    assert!(view.rules.unwrap().iter().any(|rule| rule.resources.iter().flatten().any(|one| one == "pods")));
    let namespaces: Api<Namespace> = Api::all(admin.clone());
    let names: Vec<_> = namespaces
        .list(&ListParams::default())
        .await
        .unwrap()
        .into_iter()
        .map(|it| it.metadata.name.unwrap())
        .collect();
    assert_eq!(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
    assert_eq!(admin.apiserver_version().await.unwrap().minor, "36");
    let groups = admin.list_api_groups().await.unwrap();
    assert!(groups.groups.iter().any(|group| group.name == "rbac.authorization.k8s.io"));
}

#[tokio::test]
async fn tokens_are_taken_as_the_authenticator_takes_them() {
    let served = Served::start(Mode::ConfigMap);
    let user = served.known("dev");
    let review = who(&user).await.unwrap().status.unwrap().user_info.unwrap();
    assert_eq!(review.username.as_deref(), Some("dev"));
    assert_eq!(review.uid.unwrap(), format!("aws-iam-authenticator:{ACCOUNT}:{}", role_id("dev")));
    assert_eq!(review.groups.unwrap(), ["system:authenticated"]);
    assert_eq!(review.extra.unwrap()["sessionName"], ["jo@example"]);

    let other = served.token_for("dev", "two", SystemTime::now());
    assert_eq!(username(&served.client(&other)).await, Err(401));
    let old = served.token_for("dev", "one", SystemTime::now() - Duration::from_mins(16));
    assert_eq!(username(&served.client(&old)).await, Err(401));
    let token = served.token("dev");
    let forged = format!("{}{}", &token[..token.len() - 4], "AAAA");
    assert_eq!(username(&served.client(&forged)).await, Err(401));
    assert_eq!(username(&served.client(&served.token("nobody"))).await, Err(401));
    assert_eq!(username(&served.client("wrong")).await, Err(401));
}

#[tokio::test]
async fn the_mode_decides_which_surface_lets_in() {
    let rows = format!("- {{rolearn: \"arn:aws:iam::{ACCOUNT}:role/dev\", username: \"row:{{{{SessionName}}}}\"}}\n");
    for (mode, expected, creator) in [
        (Mode::ConfigMap, Ok("row:jo-example"), Ok("kubernetes-admin")),
        (Mode::ApiAndConfigMap, Ok("entry:path/dev:jo-example"), Err(401)),
        (Mode::Api, Ok("entry:path/dev:jo-example"), Err(401)),
    ] {
        let served = Served::start(mode);
        served.map_roles(&rows);
        served.entry("path/dev", &role_id("dev"), &["devs"], &[]);
        let dev = served.client(&served.token("dev"));
        assert_eq!(username(&dev).await.as_deref(), expected.as_ref().copied(), "{mode}");
        let maker = served.client(&served.token("creator"));
        assert_eq!(username(&maker).await.as_deref(), creator.as_ref().copied(), "{mode}");
    }
    // An entry of a role that was made anew lets nobody in; a row still does where rows are read.
    let served = Served::start(Mode::ApiAndConfigMap);
    served.entry("dev", "AROAFORMER", &[], &[]);
    assert_eq!(username(&served.client(&served.token("dev"))).await, Err(401));
    served.map_roles(&rows);
    assert_eq!(username(&served.client(&served.token("dev"))).await.as_deref(), Ok("row:jo-example"));
}

#[tokio::test]
async fn access_policies_allow_what_they_are_for() {
    let served = Served::start(Mode::Api);
    served.entry("viewer", &role_id("viewer"), &[], &[("AmazonEKSViewPolicy", &["team-*"])]);
    served.entry("chief", &role_id("chief"), &[], &[("AmazonEKSClusterAdminPolicy", &[])]);
    served.entry("auditor", &role_id("auditor"), &[], &[("AmazonEKSAdminViewPolicy", &[])]);
    let viewer = served.client(&served.token("viewer"));
    let list = |client: &kube::Client, namespace: &str| {
        let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
        async move { api.list(&ListParams::default()).await.map(|list| list.items.len()).map_err(|error| refusal(error).0) }
    };
    assert_eq!(list(&viewer, "team-a").await, Ok(0));
    assert_eq!(list(&viewer, "default").await, Err(403));
    let auditor = served.client(&served.token("auditor"));
    assert_eq!(list(&auditor, "default").await, Ok(0));
    let admin: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": {"name": "x"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }))
    .unwrap();
    let chief: Api<ClusterRoleBinding> = Api::all(served.client(&served.token("chief")));
    chief.create(&PostParams::default(), &admin).await.unwrap();
    let auditor: Api<ClusterRoleBinding> = Api::all(auditor);
    let refused = refusal(auditor.create(&PostParams::default(), &admin).await.unwrap_err());
    assert_eq!(refused.0, 403);
}

#[tokio::test]
async fn nobody_grants_what_they_do_not_hold() {
    let served = Served::start(Mode::ConfigMap);
    let client = served.known("writer");
    let rbac =
        json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "create", "patch"]});
    served.grant("writer", &json!([rbac]));
    let roles: Api<ClusterRole> = Api::all(client.clone());
    let role = |name: &str, resource: &str| -> ClusterRole {
        let reading = json!([{"apiGroups": [""], "resources": [resource], "verbs": ["get", "list"]}]);
        serde_json::from_value(json!({"metadata": {"name": name}, "rules": reading})).unwrap()
    };
    let refused = refusal(roles.create(&PostParams::default(), &role("pods", "pods")).await.unwrap_err());
    assert_eq!(
        refused.2,
        "clusterroles.rbac.authorization.k8s.io \"pods\" is forbidden: user \"writer\" (groups=[\"system:authenticated\"]) is \
         attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\" \"list\"]}"
    );
    let bindings: Api<ClusterRoleBinding> = Api::all(client);
    let binding = |role: &str| -> ClusterRoleBinding {
        let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role});
        serde_json::from_value(json!({"metadata": {"name": "b"}, "roleRef": role_ref})).unwrap()
    };
    let refused = refusal(bindings.create(&PostParams::default(), &binding("missing")).await.unwrap_err());
    assert_eq!(
        (refused.0, refused.2.as_str()),
        (404, "clusterrolebindings.rbac.authorization.k8s.io \"missing\" not found")
    );
    assert_eq!(refusal(bindings.create(&PostParams::default(), &binding("cluster-admin")).await.unwrap_err()).0, 403);
    // With the two verbs both may be done.
    let verbs = json!({"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "verbs": ["bind", "escalate"]});
    served.grant("writer", &json!([rbac, verbs]));
    roles.create(&PostParams::default(), &role("pods", "pods")).await.unwrap();
    bindings.create(&PostParams::default(), &binding("missing")).await.unwrap();
}

#[tokio::test]
async fn writes_meet_preconditions_and_change_nothing_without_need() {
    let served = Served::start(Mode::ConfigMap);
    served.api.store().keep_history();
    let maps: Api<ConfigMap> = Api::namespaced(served.admin(), "kube-system");
    let params = PostParams { field_manager: Some("rolecall".into()), ..PostParams::default() };
    let new: ConfigMap =
        serde_json::from_value(json!({"metadata": {"name": "aws-auth"}, "data": {"mapRoles": "[]"}})).unwrap();
    let created = maps.create(&params, &new).await.unwrap();
    assert_eq!(refusal(maps.create(&params, &new).await.unwrap_err()).1, "AlreadyExists");
    let mut changed = created.clone();
    changed.data.as_mut().unwrap().insert("mapUsers".into(), "[]".into());
    let dry = PostParams { dry_run: true, ..params.clone() };
    maps.replace("aws-auth", &dry, &changed).await.unwrap();
    let replaced = maps.replace("aws-auth", &params, &changed).await.unwrap();
    assert_ne!(replaced.metadata.resource_version, created.metadata.resource_version);
    assert_eq!(refusal(maps.replace("aws-auth", &params, &changed).await.unwrap_err()).0, 409);
    let again = maps.replace("aws-auth", &params, &replaced).await.unwrap();
    assert_eq!(again.metadata.resource_version, replaced.metadata.resource_version);

    let wrong = Preconditions { uid: Some("x".into()), resource_version: None };
    let refused = refusal(maps.delete("aws-auth", &DeleteParams::default().preconditions(wrong)).await.unwrap_err());
    assert!(
        refused.2.starts_with("Operation cannot be fulfilled on ConfigMap \"aws-auth\": the UID in the precondition")
    );
    maps.delete("aws-auth", &DeleteParams::default()).await.unwrap();
    let history = served.api.store().history();
    let data: Vec<_> = history.iter().map(|version| version.as_ref().map(|it| it["data"].clone())).collect();
    let first = json!({"mapRoles": "[]"});
    assert_eq!(data, [None, Some(first), Some(json!({"mapRoles": "[]", "mapUsers": "[]"})), None]);
}

#[tokio::test]
async fn lists_come_in_pages_of_one_moment() {
    let served = Served::start(Mode::ConfigMap);
    let maps: Api<ConfigMap> = Api::all(served.admin());
    for n in 0..5 {
        let labels = if n % 2 == 0 { json!({"even": "yes"}) } else { json!({}) };
        let metadata = json!({"name": format!("m{n}"), "namespace": "default", "labels": labels});
        served.put(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}));
    }
    let names = |list: kube::core::ObjectList<ConfigMap>| {
        list.items.into_iter().map(|it| it.metadata.name.unwrap()).collect::<Vec<_>>()
    };
    let first = maps.list(&ListParams::default().limit(2)).await.unwrap();
    let token = first.metadata.continue_.clone().unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    served.api.store().delete("configmaps", "default", "m2");
    let next = maps.list(&ListParams::default().limit(9).continue_token(&token)).await.unwrap();
    assert_eq!(names(next), ["m2", "m3", "m4"]);
    served.api.store().expire_lists();
    let expired = maps.list(&ListParams::default().limit(9).continue_token(&token)).await.unwrap_err();
    assert_eq!(refusal(expired).1, "Expired");
    for (selector, expected) in [
        ("even=yes", vec!["m0", "m4"]),
        ("even in (yes, no),even", vec!["m0", "m4"]),
        ("!even", vec!["m1", "m3"]),
        ("even notin (yes)", vec!["m1", "m3"]),
    ] {
        assert_eq!(names(maps.list(&ListParams::default().labels(selector)).await.unwrap()), expected, "{selector}");
    }
    assert_eq!(names(maps.list(&ListParams::default().fields("metadata.name=m3")).await.unwrap()), ["m3"]);
}

#[tokio::test]
async fn applying_takes_only_what_it_may() {
    let served = Served::start(Mode::ConfigMap);
    let roles: Api<ClusterRole> = Api::all(served.admin());
    let config = |verb: &str| {
        let one = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": [verb]}]);
        Patch::Apply(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": one,
            "metadata": {"name": "r", "labels": {"app.kubernetes.io/managed-by": "rolecall"}},
        }))
    };
    let made = roles.patch("r", &PatchParams::apply("rolecall"), &config("get")).await.unwrap();
    let again = roles.patch("r", &PatchParams::apply("rolecall"), &config("get")).await.unwrap();
    assert_eq!(made.metadata.resource_version, again.metadata.resource_version);
    let refused = refusal(roles.patch("r", &PatchParams::apply("other"), &config("list")).await.unwrap_err());
    assert_eq!(refused.2, "Apply failed with 1 conflict: conflict with \"rolecall\": .rules");
    let forced = roles.patch("r", &PatchParams::apply("other").force(), &config("list")).await.unwrap();
    let managers: Vec<_> = forced.metadata.managed_fields.unwrap().into_iter().map(|it| it.manager.unwrap()).collect();
    assert_eq!(managers, ["other", "rolecall"]);
}
