//! Whatever a policy says, rolecall does not take away its own way into a cluster.

use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, PostParams};
use serde_json::json;

use crate::support::{
    MEMBER_ROLE, Scene,
    fleet::{NODE_ROWS, own_row},
    people::Person,
    scene::{finding, only_cluster, says},
    world,
};

fn document(body: &str) -> String {
    format!("apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess:\n{body}")
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_policy_that_lowers_rolecall_itself_is_not_followed() {
    let scene = Scene::of_a_stranger("lowers-rolecall").await;
    let rows = format!("{NODE_ROWS}{}", own_row(&scene.account));
    scene.cluster().write_aws_auth([("mapRoles", &rows)]).await;
    scene.person(MEMBER_ROLE).await.gets_in("rolecall").await;
    scene.fleet.policy(&document(&format!("  - {{who: {{role: {MEMBER_ROLE}}}, groups: [viewers]}}\n")));
    let before = scene.versions().await;

    let synced = scene.json(&["sync"], 1).await;
    let told = finding(only_cluster(&synced), "protected");
    says(&told["message"], ["system:masters as rolecall", "viewers", "never changed", "rolecall's own way in"]);
    assert_eq!(scene.versions().await, before, "nothing is written");

    scene.fleet.policy(&document("  []\n"));
    scene.fleet.settings("mode: enforce\nunmanaged: remove\n");
    let synced = scene.json(&["sync"], 0).await;
    assert_eq!(only_cluster(&synced)["findings"], json!([]), "that it stays goes without saying");
    assert_eq!(scene.versions().await, before, "the own row is nobody's to remove");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_policy_that_closes_the_door_behind_rolecall_is_blocked() {
    let scene = Scene::of_a_stranger("closes-the-door").await;
    // Here rolecall comes in as one of its whole account, so that no row of aws-auth bears its name.
    let account = format!("- {:?}\n", scene.account);
    scene.cluster().write_aws_auth([("mapRoles", NODE_ROWS), ("mapAccounts", &account)]).await;
    let binding = serde_json::from_value(json!({
        "metadata": {"name": "rolecall"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": scene.arn(MEMBER_ROLE)}],
    }));
    let bindings: Api<ClusterRoleBinding> = Api::all(scene.cluster().admin());
    bindings.create(&PostParams::default(), &binding.unwrap()).await.unwrap();
    scene.person(MEMBER_ROLE).await.gets_in("rolecall").await;
    let mine = format!("  - who: {{account: {:?}}}\n", scene.account);
    let other = "  - who: {account: \"444455556666\"}\n";

    scene.fleet.policy(&document(&format!("{mine}{other}")));
    scene.sync().await;
    assert_eq!(scene.section("mapAccounts").await, format!("{account}- \"444455556666\"\n"));
    let stranger = world().await.session("arn:aws:iam::444455556666:role/somebody", "bo").await;
    let stranger = Person::at(scene.cluster(), &stranger).gets_in("a stranger").await;
    assert_eq!(stranger.username, "arn:aws:iam::444455556666:role/somebody");
    assert_eq!(stranger.groups, ["system:authenticated"], "an account gives no groups");

    scene.fleet.policy(&document(other));
    let before = scene.versions().await;
    let synced = scene.json(&["sync"], 1).await;
    let cluster = only_cluster(&synced);
    assert_eq!((&cluster["status"], &cluster["blocked"]["guard"]), (&json!("blocked"), &json!("own-access")));
    says(&cluster["why"], ["rolecall's own way in", &scene.arn(MEMBER_ROLE), "would change", "→ nothing"]);
    assert_eq!(scene.versions().await, before, "nothing is written");
}
