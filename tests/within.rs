//! `--account` and `--cluster`: a part of the fleet, and what is said where there is no such part.

use std::collections::BTreeSet;

use rolecall::model::AuthenticationMode;
use serde_json::Value;

use crate::doctor::scene::{ACCOUNTS, Scene};

const NOBODY: &str = "999999999999";

fn scene() -> Scene {
    Scene::new(AuthenticationMode::ApiAndConfigMap)
}

/// The accounts of the clusters in a report.
fn walked(report: &Value) -> BTreeSet<&str> {
    report["clusters"].as_array().unwrap().iter().map(|cluster| cluster["account"]["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_command_looks_at_the_part_that_is_named_and_at_no_more() {
    let scene = scene();
    let one = format!("{}/eu-west-1/main", ACCOUNTS[1]);
    let accounts = |chosen: &[&'static str]| chosen.iter().copied().collect::<BTreeSet<_>>();
    for command in ["plan", "report", "migrate"] {
        let of = async |arguments: &[&str]| {
            let ran = scene.run(&[&["--output", "json", command], arguments].concat()).await;
            assert_ne!(ran.code, Some(3), "{}", ran.stdout);
            ran.json()
        };
        let both = of(&["--account", ACCOUNTS[0], "--account", ACCOUNTS[1]]).await;
        assert_eq!(walked(&both), accounts(&ACCOUNTS[..2]), "{command}");
        assert_eq!(walked(&of(&["--cluster", "main"]).await), accounts(&ACCOUNTS), "{command}");
        assert_eq!(walked(&of(&["--cluster", &one]).await), accounts(&ACCOUNTS[1..2]), "{command}");
        let narrowed = of(&["--account", ACCOUNTS[2], "--cluster", "main"]).await;
        assert_eq!(walked(&narrowed), accounts(&ACCOUNTS[2..3]), "{command}");
    }
    let before = scene.cluster(ACCOUNTS[0], |cluster| cluster.entries.len());
    scene.run(&["sync", "--account", ACCOUNTS[3]]).await;
    assert!(scene.cluster(ACCOUNTS[3], |cluster| cluster.entries.len()) > before, "it was brought in line");
    assert_eq!(scene.cluster(ACCOUNTS[0], |cluster| cluster.entries.len()), before, "and no other was");
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_is_told() {
    let scene = scene();
    for command in ["plan", "sync", "report", "migrate", "doctor"] {
        let ran = scene.run(&["--color", "never", command, "--account", NOBODY]).await.expect(3);
        let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&format!("account {NOBODY} is not walked")), "{command}: {}", ran.stdout);
        let ran = scene.run(&["--color", "never", command, "--cluster", "none-such"]).await.expect(3);
        let said = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("no cluster named none-such was found"), "{command}: {}", ran.stdout);
    }
    let both = scene.json(&["report", "--account", NOBODY, "--account", ACCOUNTS[0]], 3).await;
    assert_eq!(walked(&both), BTreeSet::from([ACCOUNTS[0]]), "the other one is looked at all the same");
}

#[tokio::test]
async fn the_doctor_looks_at_one_account_after_it_was_mended() {
    let scene = scene();
    scene.disallow(ACCOUNTS[0], "eks:ListAccessEntries");
    scene.run(&["doctor", "--account", ACCOUNTS[1]]).await.expect(0);
    scene.run(&["doctor", "--cluster", &format!("{}/eu-west-1/main", ACCOUNTS[0])]).await.expect(1);
}
