//! The four ways in which a cluster can keep rolecall out. Each is told apart in words and in the report for machines,
//! each says what to do next, and none writes anything.

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::support::{
    MEMBER_ROLE, Scene,
    fleet::NODE_ROWS,
    scene::{change, only_cluster, says},
};

/// What keeps rolecall out, as `connect` rules and aws-auth can make it.
const POLICY: &str = r#"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
roles:
  - {name: devs, rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]}
groups:
  - {name: devs, clusterRoles: [devs]}
access:
  - who: {role: developers}
    groups: [devs]
"#;

/// Runs `plan` and `sync`, in words and as JSON, on a cluster that keeps rolecall out.
async fn kept_out<const N: usize>(scene: &Scene, cause: &str, words: [&str; N], next: &str) {
    let status = if matches!(cause, "unreachable" | "tls") { "unreachable" } else { "access-denied" };
    scene.fleet.policy(POLICY);
    let before = scene.versions().await;
    for command in ["plan", "sync"] {
        let table = scene.fleet.run(&[command]).await.expect(3);
        let table = Value::String(table.stdout);
        says(&table, words);
        says(&table, [next, &status.replace('-', " "), "1 cluster is unknown"]);
        assert_eq!(table.as_str().unwrap().matches(words[0]).count(), 1, "it is said once: {table}");
        let report = scene.json(&[command], 3).await;
        assert_eq!(report["result"], "incomplete");
        assert_eq!(report["written"], 0);
        let cluster = only_cluster(&report);
        assert_eq!(cluster["status"], status, "{cluster:#}");
        assert_eq!(cluster["cause"], cause, "{cluster:#}");
        assert_eq!(cluster["changes"], json!([]), "nothing is planned for what is not known");
        says(&cluster["why"], words);
        says(&cluster["next"], [next]);
    }
    assert_eq!(scene.versions().await, before, "nothing is written");
}

fn rule(scene: &Scene, more: &str) -> String {
    format!("    - {{match: {{clusters: [{}]}}, {more}}}\n", scene.cluster().name)
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn nobody_answers() {
    let scene = Scene::new("nobody-answers").await;
    // Nobody listens on the port of tcpmux.
    let rule = rule(&scene, &format!("server: \"https://127.0.0.1:1\", caFile: {:?}", scene.cluster().ca_file));
    scene.fleet.settings_with_connect(&rule, "mode: enforce\n");
    kept_out(
        &scene,
        "unreachable",
        ["cannot be reached", "https://127.0.0.1:1", "onnection refused"],
        "`connect` rule",
    )
    .await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn somebody_else_answers() {
    let scene = Scene::new("somebody-else-answers").await;
    let cluster = scene.cluster();
    let foreign = scene.fleet.folder.join("foreign.crt");
    std::fs::write(&foreign, crate::support::certs::Authority::new("Somebody else").pem()).unwrap();
    let wrong_ca = rule(&scene, &format!("server: {:?}, caFile: {foreign:?}", cluster.server));
    scene.fleet.settings_with_connect(&wrong_ca, "mode: enforce\n");
    kept_out(&scene, "tls", ["certificate does not come from the cluster's CA"], "`caFile`").await;

    let wrong_name = rule(
        &scene,
        &format!("server: {:?}, caFile: {:?}, tlsServerName: other.example.com", cluster.server, cluster.ca_file),
    );
    scene.fleet.settings_with_connect(&wrong_name, "mode: enforce\n");
    kept_out(&scene, "tls", ["certificate bears another name", "other.example.com"], "`tlsServerName`").await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn the_cluster_does_not_know_rolecall() {
    let scene = Scene::of_a_stranger("does-not-know").await;
    scene.cluster().write_aws_auth([("mapRoles", NODE_ROWS)]).await;
    let own = scene.arn(MEMBER_ROLE);
    kept_out(&scene, "unauthenticated", ["the cluster answers 401", &own], "add an access entry or an aws-auth row")
        .await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn the_cluster_knows_rolecall_and_says_no() {
    let scene = Scene::of_a_stranger("says-no").await;
    scene.cluster().write_aws_auth([("mapRoles", &member_row(&scene, "nobodies"))]).await;
    scene.person(MEMBER_ROLE).await.gets_in("rolecall").await;
    let words = ["says no (403)", "cannot get resource \"configmaps\"", "namespace \"kube-system\""];
    kept_out(&scene, "forbidden", words, "Give rolecall this permission").await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn rolecall_may_read_but_not_write() {
    let scene = Scene::of_a_stranger("read-only").await;
    scene.roles(["developers"]).await;
    let rows = member_row(&scene, "readers");
    scene.cluster().write_aws_auth([("mapRoles", &rows)]).await;
    let_read(&scene, "readers").await;
    scene.person(MEMBER_ROLE).await.gets_in("rolecall").await;
    scene.fleet.policy(POLICY);
    scene.fleet.run(&["plan"]).await.expect(1);
    let before = scene.versions().await;

    let table = scene.fleet.run(&["sync"]).await.expect(1);
    let table = Value::String(table.stdout);
    says(
        &table,
        ["drifted", "not written", "403", "cannot update resource \"configmaps\"", "Give rolecall this permission"],
    );
    let report = scene.json(&["sync"], 1).await;
    assert_eq!(report["written"], 0);
    let cluster = only_cluster(&report);
    assert_eq!(cluster["status"], "drifted");
    let row = change(cluster, &scene.arn("developers"));
    assert_eq!(row["result"], "failed");
    says(&row["resultReason"], ["writing configmap kube-system/aws-auth", "cannot update resource \"configmaps\""]);
    assert_eq!(scene.versions().await, before, "nothing is written");
}

fn member_row(scene: &Scene, group: &str) -> String {
    format!("{NODE_ROWS}- rolearn: {}\n  username: rolecall\n  groups: [{group}]\n", scene.arn(MEMBER_ROLE))
}

/// Lets a group read what rolecall reads.
async fn let_read(scene: &Scene, group: &str) {
    let admin = scene.cluster().admin();
    let role = serde_json::from_value(json!({
        "metadata": {"name": group},
        "rules": [
            {"apiGroups": [""], "resources": ["configmaps", "namespaces"], "verbs": ["get"]},
            {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["get", "list"]},
        ],
    }));
    Api::<ClusterRole>::all(admin.clone()).create(&PostParams::default(), &role.unwrap()).await.unwrap();
    let binding = serde_json::from_value(json!({
        "metadata": {"name": group},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": group},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    }));
    Api::<ClusterRoleBinding>::all(admin).create(&PostParams::default(), &binding.unwrap()).await.unwrap();
}
