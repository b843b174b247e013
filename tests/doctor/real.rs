//! The manifest that is printed, on a real API server.

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::{
    ResourceExt as _,
    api::{Api, DynamicObject, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde::Deserialize as _;
use serde_json::json;

use super::{checks, paste};
use crate::support::{MEMBER_ROLE, Scene, fleet::NODE_ROWS};

const POLICY: &str = "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess: []\n";

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn who_may_only_read_gets_a_manifest_that_gives_the_rest() {
    let scene = Scene::of_a_stranger("doctor-read-only").await;
    scene.fleet.policy(POLICY);
    let unknown = scene.json(&["doctor"], 1).await;
    let row = paste(&unknown, "aws-auth-row");
    assert!(row["text"].as_str().unwrap().contains(&scene.arn(MEMBER_ROLE)), "{row:#}");

    let own = format!("- rolearn: {}\n  username: rolecall\n  groups: [readers]\n", scene.arn(MEMBER_ROLE));
    scene.cluster().write_aws_auth([("mapRoles", &format!("{NODE_ROWS}{own}"))]).await;
    let_read(&scene).await;
    scene.person(MEMBER_ROLE).await.gets_in("rolecall").await;
    let before = scene.versions().await;
    let report = scene.json(&["doctor"], 1).await;
    assert_eq!(scene.versions().await, before, "asking changes nothing");
    let missing = checks(&report, "missing");
    assert_eq!(missing.len(), 1, "{report:#}");
    let verbs: Vec<&str> =
        missing[0]["needs"].as_array().unwrap().iter().map(|need| need["verb"].as_str().unwrap()).collect();
    assert!(["bind", "create", "delete", "escalate", "patch", "update"].iter().all(|verb| verbs.contains(verb)));
    assert!(!verbs.contains(&"list") && !verbs.contains(&"get"), "it may read: {verbs:?}");

    scene.fleet.settings("mode: report\n");
    let reading = scene.json(&["doctor"], 0).await;
    assert_eq!(reading["paste"], json!([]), "who only looks has all that it takes");

    scene.fleet.settings("mode: enforce\n");
    let text = paste(&report, "cluster-access")["text"].as_str().unwrap();
    for document in serde_yaml::Deserializer::from_str(text) {
        apply(&scene, DynamicObject::deserialize(document).unwrap()).await;
    }
    let mended = scene.json(&["doctor"], 0).await;
    assert_eq!(mended["result"], "fine", "{mended:#}");
    let advice = checks(&mended, "advice");
    assert_eq!(advice[0]["cause"], "aws-auth-alone", "a broken mapRoles would lock it out");
}

async fn apply(scene: &Scene, object: DynamicObject) {
    let types = object.types.clone().unwrap();
    let (group, version) = types.api_version.split_once('/').unwrap();
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    let admin = scene.cluster().admin();
    let api: Api<DynamicObject> = match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(admin, namespace, &resource),
        None => Api::all_with(admin, &resource),
    };
    let parameters = PatchParams::apply("tests").validation_strict();
    api.patch(&object.name_any(), &parameters, &Patch::Apply(&object)).await.unwrap();
}

/// Lets the group read what rolecall reads.
async fn let_read(scene: &Scene) {
    let admin = scene.cluster().admin();
    let role = json!({
        "metadata": {"name": "readers"},
        "rules": [
            {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["get"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
        ],
    });
    let roles = Api::<ClusterRole>::all(admin.clone());
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let binding = json!({
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "readers"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}],
    });
    let bindings = Api::<ClusterRoleBinding>::all(admin);
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();
}
