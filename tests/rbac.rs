//! Roles and bindings: kept as the policy wants them, replaced without a gap, pruned only when they are rolecall's.

use futures::TryStreamExt;
use k8s_openapi::api::{
    core::v1::Namespace,
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleBinding},
};
use kube::{
    Resource, ResourceExt,
    api::{Api, DeleteParams, ListParams, PostParams, WatchEvent, WatchParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::support::{
    MEMBER_ROLE, Scene,
    fleet::NODE_ROWS,
    scene::{change, finding, only_cluster, says},
};

const PODS: &str = "{apiGroups: [\"\"], resources: [pods], verbs: [get, list]}";

/// A policy with these roles and groups, and developers in the group `devs`.
fn policy(roles: &str, groups: &str) -> String {
    format!(
        "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\nroles: [{roles}]\ngroups: [{groups}]\naccess:\n  \
         - {{who: {{role: developers}}, groups: [devs]}}\n"
    )
}

fn pods() -> String {
    policy(&format!("{{name: pods, rules: [{PODS}]}}"), "{name: devs, clusterRoles: [pods]}")
}

async fn scene(name: &str) -> Scene {
    let scene = Scene::new(name).await;
    scene.roles(["developers"]).await;
    scene
}

fn roles(scene: &Scene) -> Api<ClusterRole> {
    Api::all(scene.cluster().admin())
}

fn bindings(scene: &Scene) -> Api<ClusterRoleBinding> {
    Api::all(scene.cluster().admin())
}

async fn create<K>(api: &Api<K>, object: Value) -> K
where
    K: Resource + Clone + serde::Serialize + DeserializeOwned + std::fmt::Debug,
{
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap()
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn what_is_changed_or_deleted_by_hand_comes_back() {
    let scene = scene("rbac-by-hand").await;
    scene.fleet.policy(&pods());
    scene.sync().await;
    let developer = scene.person("developers").await;
    developer.gets_in("a developer").await;
    assert!(developer.may("list", "", "pods", None).await && !developer.may("list", "", "secrets", None).await);

    let mut role = roles(&scene).get("pods").await.unwrap();
    let secrets = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".to_owned()]),
        verbs: vec!["list".to_owned()],
        ..PolicyRule::default()
    };
    role.rules.get_or_insert_default().push(secrets);
    let by_hand = PostParams { field_manager: Some("kubectl-edit".to_owned()), ..PostParams::default() };
    roles(&scene).replace("pods", &by_hand, &role).await.unwrap();
    assert!(developer.may("list", "", "secrets", None).await);
    bindings(&scene).delete("rolecall:devs:pods", &DeleteParams::default()).await.unwrap();

    let table = scene.fleet.run(&["plan"]).await.expect(1);
    says(
        &Value::String(table.stdout),
        ["ClusterRole pods", "rules differ", "changed by kubectl-edit", "- list on secrets"],
    );
    let synced = scene.json(&["sync"], 0).await;
    let cluster = only_cluster(&synced);
    assert_eq!(change(cluster, "pods")["action"], "change");
    assert_eq!(change(cluster, "rolecall:devs:pods")["action"], "add");
    assert!(developer.may("list", "", "pods", None).await && !developer.may("list", "", "secrets", None).await);
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_group_that_moves_to_another_role_is_never_without_one() {
    let scene = scene("rbac-moves").await;
    let both = format!("{{name: pods, rules: [{PODS}]}}, {{name: more-pods, rules: [{PODS}]}}");
    scene.fleet.policy(&policy(&both, "{name: devs, clusterRoles: [pods]}"));
    scene.sync().await;
    let seen = bindings(&scene).list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();

    scene.fleet.policy(&policy(&both, "{name: devs, clusterRoles: [more-pods]}"));
    let synced = scene.json(&["sync"], 0).await;
    let removal = change(only_cluster(&synced), "rolecall:devs:pods");
    assert_eq!((&removal["action"], &removal["reason"]), (&json!("remove"), &json!("replaced by another binding")));

    let history = bindings(&scene).watch(&WatchParams::default().timeout(5), &seen).await.unwrap();
    let mut events = Vec::new();
    let mut history = std::pin::pin!(history);
    while let Some(event) = history.try_next().await.unwrap() {
        events.push(match event {
            WatchEvent::Added(binding) => format!("+ {}", binding.name_any()),
            WatchEvent::Deleted(binding) => format!("- {}", binding.name_any()),
            other => format!("{other:?}"),
        });
        if events.len() == 2 {
            break;
        }
    }
    assert_eq!(events, ["+ rolecall:devs:more-pods", "- rolecall:devs:pods"], "in the order of the API server");
    let developer = scene.person("developers").await;
    developer.gets_in("a developer").await;
    assert!(developer.may("list", "", "pods", None).await);
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn only_what_is_rolecalls_is_pruned() {
    let scene = scene("rbac-prune").await;
    scene.fleet.policy(&pods());
    scene.sync().await;
    create(&roles(&scene), json!({"metadata": {"name": "theirs"}, "rules": []})).await;
    let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "theirs"});
    // Even with rolecall's way of naming: only the label says whose it is.
    create(&bindings(&scene), json!({"metadata": {"name": "rolecall:devs:theirs"}, "roleRef": role_ref})).await;

    scene.fleet.policy(&policy("", ""));
    let synced = scene.json(&["sync"], 0).await;
    let cluster = only_cluster(&synced);
    assert_eq!(change(cluster, "pods")["action"], "remove");
    assert_eq!(change(cluster, "rolecall:devs:pods")["action"], "remove");
    assert!(roles(&scene).get_opt("pods").await.unwrap().is_none());
    assert!(bindings(&scene).get_opt("rolecall:devs:pods").await.unwrap().is_none());
    assert!(roles(&scene).get_opt("theirs").await.unwrap().is_some());
    assert!(bindings(&scene).get_opt("rolecall:devs:theirs").await.unwrap().is_some());
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_namespace_that_is_missing_is_waited_for() {
    let scene = scene("rbac-namespace").await;
    let groups = "{name: devs, clusterRoles: [pods], namespaces: [{name: team-a, clusterRoles: [edit]}]}";
    scene.fleet.policy(&policy(&format!("{{name: pods, rules: [{PODS}]}}"), groups));
    let synced = scene.json(&["sync"], 0).await;
    let cluster = only_cluster(&synced);
    assert_eq!(cluster["status"], "applied");
    let told = finding(cluster, "namespace-missing");
    says(&told["message"], ["namespace team-a does not exist", "binding devs → clusterrole/edit"]);
    says(&told["next"], ["create the namespace"]);
    assert!(bindings(&scene).get_opt("rolecall:devs:pods").await.unwrap().is_some(), "the rest is made");
    scene.sync_writes_nothing().await;

    create(&Api::<Namespace>::all(scene.cluster().admin()), json!({"metadata": {"name": "team-a"}})).await;
    scene.fleet.run(&["plan"]).await.expect(1);
    let synced = scene.json(&["sync"], 0).await;
    assert_eq!(only_cluster(&synced)["findings"], json!([]));
    let made: Api<RoleBinding> = Api::namespaced(scene.cluster().admin(), "team-a");
    assert_eq!(made.get("rolecall:devs:edit").await.unwrap().role_ref.name, "edit");
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_role_that_helm_manages_is_left_to_helm() {
    let scene = scene("rbac-helm").await;
    let helm = json!({"metadata": {"name": "pods", "labels": {"app.kubernetes.io/managed-by": "Helm"}}, "rules": []});
    let theirs = create(&roles(&scene), helm).await;
    scene.fleet.policy(&pods());
    let synced = scene.json(&["sync"], 1).await;
    let told = finding(only_cluster(&synced), "name-taken");
    says(&told["message"], ["clusterrole pods", "managed by Helm"]);
    says(&told["next"], ["another name"]);
    assert_eq!(roles(&scene).get("pods").await.unwrap(), theirs);

    scene.fleet.policy(&policy("", ""));
    scene.sync().await;
    assert_eq!(roles(&scene).get("pods").await.unwrap(), theirs, "nor is it pruned");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_refused_escalation_is_explained_and_harms_nothing() {
    let scene = Scene::of_a_stranger("rbac-escalation").await;
    scene.roles(["developers"]).await;
    let rules = json!([
        {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["get", "create", "update"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"],
         "verbs": ["get", "list", "create", "update", "patch", "delete"]},
    ]);
    create(&roles(&scene), json!({"metadata": {"name": "writers"}, "rules": rules})).await;
    let role_ref = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "writers"});
    let group = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "writers"});
    let binding = json!({"metadata": {"name": "writers"}, "roleRef": role_ref, "subjects": [group]});
    create(&bindings(&scene), binding).await;
    let own = format!("- rolearn: {}\n  username: rolecall\n  groups: [writers]\n", scene.arn(MEMBER_ROLE));
    let rows = format!("{NODE_ROWS}{own}");
    scene.cluster().write_aws_auth([("mapRoles", &rows)]).await;
    scene.person(MEMBER_ROLE).await.gets_in("rolecall").await;

    scene.fleet.policy(&pods());
    let synced = scene.json(&["sync"], 1).await;
    let cluster = only_cluster(&synced);
    assert_eq!(cluster["status"], "drifted");
    says(&cluster["why"], ["RBAC lets nobody grant what he does not hold himself (403)", "pods"]);
    says(&cluster["next"], ["`escalate`", "`bind`", "privilege-escalation-prevention"]);
    assert_eq!(change(cluster, "pods")["result"], "failed");
    assert_eq!(change(cluster, "rolecall:devs:pods")["result"], "failed");
    assert_eq!(change(cluster, &scene.arn("developers"))["result"], "written", "who gets in does not wait for it");
    assert!(scene.section("mapRoles").await.starts_with(&rows));
    scene.person("developers").await.gets_in("a developer").await;
    assert!(roles(&scene).get_opt("pods").await.unwrap().is_none());
}
