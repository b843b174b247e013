//! Somebody else writes aws-auth at the same moment, or the answer to a write is lost.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};

use crate::support::{
    Scene,
    front::{Front, Trick},
    scene::{change, only_cluster, says},
};

const POLICY: &str = r#"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
access:
  - {who: {role: developers}, groups: [developers], username: "dev:{{SessionName}}"}
"#;

/// A cluster behind a door with this trick.
async fn behind(name: &str, trick: impl FnOnce(&Scene) -> Trick) -> (Scene, Front) {
    let scene = Scene::new(name).await;
    scene.roles(["developers"]).await;
    scene.fleet.policy(POLICY);
    let front = Front::of(scene.cluster(), trick(&scene)).await;
    scene.fleet.settings_with_connect(&format!("    - {}\n", front.connect_rule), "mode: enforce\n");
    (scene, front)
}

/// Somebody who adds a row of their own before every write for which `when` holds.
fn somebody_writes(scene: &Scene, when: fn(usize) -> bool) -> Trick {
    let maps: Api<ConfigMap> = Api::namespaced(scene.cluster().admin(), "kube-system");
    Trick::Before(Box::new(move |count| {
        let maps = maps.clone();
        Box::pin(async move {
            if !when(count) {
                return;
            }
            let mut map = maps.get("aws-auth").await.unwrap();
            map.data.get_or_insert_default().entry("mapRoles".to_owned()).or_default().push_str(&their_row(count));
            let params = PostParams { field_manager: Some("terraform".to_owned()), ..PostParams::default() };
            maps.replace("aws-auth", &params, &map).await.unwrap();
        })
    }))
}

fn their_row(count: usize) -> String {
    format!("- rolearn: arn:aws:iam::444455556666:role/theirs-{count}\n  username: theirs\n  groups: [auditors]\n")
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn whoever_writes_in_between_keeps_what_he_wrote() {
    let (scene, front) = behind("written-in-between", |scene| somebody_writes(scene, |count| count == 0)).await;
    let before = scene.section("mapRoles").await;
    let ran = scene.fleet.run(&["--output", "json", "sync"]).await.expect(0);
    says(&Value::String(ran.stderr.clone()), ["somebody else wrote in between"]);
    let synced = ran.json();
    let cluster = only_cluster(&synced);
    assert_eq!(cluster["status"], "applied");
    assert_eq!(change(cluster, &scene.arn("developers"))["result"], "written");
    assert_eq!(synced["written"], 1, "what failed at first is not counted");
    assert_eq!(front.writes(), 2, "refused once, planned again, written once");

    let after = scene.section("mapRoles").await;
    assert!(after.starts_with(&format!("{before}{}", their_row(0))), "{after}");
    assert!(after.contains(&scene.arn("developers")), "{after}");
    scene.person("developers").await.gets_in("a developer").await;
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_fight_is_given_up_and_told() {
    let (scene, front) = behind("fight", |scene| somebody_writes(scene, |_| true)).await;
    let before = scene.section("mapRoles").await;
    let table = scene.fleet.run(&["sync"]).await.expect(1);
    let tries = front.writes();
    let theirs: String = (0..tries).map(their_row).collect();
    assert_eq!(scene.section("mapRoles").await, format!("{before}{theirs}"), "theirs stay, nothing is forced");
    assert!(tries > 1, "it is tried again");
    says(&Value::String(table.stdout), ["drifted", "not written, changed meanwhile", "Nothing was written"]);
    let synced = scene.json(&["sync"], 1).await;
    let cluster = only_cluster(&synced);
    assert_eq!((&cluster["status"], &synced["written"]), (&json!("drifted"), &json!(0)));
    assert_eq!(change(cluster, &scene.arn("developers"))["result"], "conflict");
    says(&cluster["why"], ["somebody else writes at the same time", "kube-system/aws-auth"]);
    says(&cluster["next"], ["run again"]);
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_write_whose_answer_is_lost_is_told_as_it_is() {
    let (scene, front) = behind("answer-lost", |_| Trick::LoseAnswer).await;
    let synced = scene.json(&["sync"], 0).await;
    assert_eq!(front.writes(), 1, "it is not written again blindly");
    let cluster = only_cluster(&synced);
    assert_eq!(cluster["status"], "applied");
    says(&cluster["why"], ["a write was answered with an error and yet took place"]);
    let row = change(cluster, &scene.arn("developers"));
    assert_eq!(row["result"], "written", "the second look found it: {row:#}");
    assert_eq!(synced["written"], 1);
    let write = &cluster["writes"][0];
    assert_eq!(write["result"], "written");
    says(&write["resultReason"], ["writing configmap kube-system/aws-auth"]);
    scene.person("developers").await.gets_in("a developer").await;
    let next = scene.json(&["sync"], 0).await;
    assert_eq!((&only_cluster(&next)["status"], &next["written"]), (&json!("in-sync"), &json!(0)));
    assert_eq!(front.writes(), 1);
}
