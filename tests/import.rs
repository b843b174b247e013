//! `rolecall import`: a fleet made by hand is described, and a plan under that policy finds nothing to change.

#[cfg(feature = "lab")]
mod by_hand;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::support::{Scene, fleet::NODE_ROWS};

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_cluster_made_by_hand_is_described_and_stays_as_it_is() {
    let scene = Scene::new("import").await;
    scene.roles(["developers", "ci", "eks-node"]).await;
    let (account, member) = (&scene.account, crate::support::MEMBER_ROLE);
    let node_rows = NODE_ROWS.replace("111122223333", account);
    let rows = format!(
        "{node_rows}- rolearn: arn:aws:iam::{account}:role/{member}\n  username: rolecall\n  groups: [system:masters]\n\
         - rolearn: {}   # by hand\n  username: dev:{{{{SessionName}}}}\n  groups:\n    - devs\n    - readers\n\
         - rolearn: {}\n  username: ci\n- rolearn: {}\n  username: gone\n",
        scene.arn("developers"),
        scene.arn("ci"),
        scene.arn("gone")
    );
    let account_row = "- \"123456789012\"\n";
    scene.cluster().write_aws_auth([("mapRoles", &rows), ("mapAccounts", account_row)]).await;
    let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "get"]}]);
    let (roles, bindings): (Api<ClusterRole>, Api<ClusterRoleBinding>) =
        (Api::all(scene.cluster().admin()), Api::all(scene.cluster().admin()));
    let role = json!({"metadata": {"name": "reads-pods"}, "rules": rules});
    roles.create(&PostParams::default(), &serde_json::from_value(role).unwrap()).await.unwrap();
    let group = |name: &str| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name});
    let binding = json!({
        "metadata": {"name": "made-by-hand"},
        "roleRef": {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": "reads-pods"},
        "subjects": [group("devs"), group("nobody-here"), {"kind": "User", "name": "ci"}],
    });
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();

    // No policy is needed to write one.
    let settings = std::fs::read_to_string(scene.fleet.settings_file()).unwrap();
    std::fs::write(scene.fleet.settings_file(), settings.replace("policy: [policy.yaml]\n", "")).unwrap();
    let imported = scene.fleet.run(&["import", "--out", "policy.yaml"]).await.expect(0);
    assert!(imported.stderr.contains("role/gone on "), "{}", imported.stderr);
    std::fs::write(scene.fleet.settings_file(), settings).unwrap();
    let text = std::fs::read_to_string(scene.fleet.folder.join("policy.yaml")).unwrap();
    for words in [
        "- who: {role: developers}\n    groups: [devs, readers]\n    username: \"dev:{{SessionName}}\"\n",
        "- who: {role: ci}\n    username: ci\n",
        "- who: {account: \"123456789012\"}\n",
        "- {name: devs, clusterRoles: [reads-pods]}\n",
        "- {name: ci, clusterRoles: [reads-pods]}\n",
        "- {role: eks-node}\n",
    ] {
        assert!(text.contains(words), "{words:?} is not in\n{text}");
    }
    assert!(!text.contains("nobody-here") && !text.contains("where:") && !text.contains(member), "{text}");

    scene.fleet.run(&["import", "--out", "policy.yaml"]).await.expect(2);
    let planned = scene.json(&["plan"], 0).await;
    assert_eq!(planned["clusters"][0]["changes"], json!([]));
    let before = scene.section("mapRoles").await;
    scene.sync().await;
    assert_eq!(scene.section("mapRoles").await, before, "only the notes of what is rolecall's are written");
    scene.sync_writes_nothing().await;
    let developer = scene.person("developers").await;
    assert!(developer.may("list", "", "pods", None).await && !developer.may("list", "", "secrets", None).await);
    let again = scene.fleet.run(&["import"]).await.expect(0);
    assert_eq!(again.stdout, text, "what was imported is imported again");
}
