//! Roles and users of other accounts than the cluster's, which a policy can name by their ARNs alone.

use jiff::Timestamp;
use rolecall::model::{AuthenticationMode, ExitCode, FindingCode, PassKind, PassReport};
use serde_json::json;

use crate::access_entries::scene::{HUB, Scene};

const STRANGER: &str = "999988887777";

/// A policy that gives a group to a role of an account.
fn policy(account: &str, role: &str) -> String {
    format!("access:\n  - {{who: {{role: \"arn:aws:iam::{account}:role/{role}\"}}, groups: [devs], username: ci}}")
}

/// In the other account of the organization: a way in for rolecall, and the role `/tools/ci`.
async fn scene() -> Scene {
    let scene = Scene::new(AuthenticationMode::ConfigMap).await;
    let trust = json!({"Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")},
        "Action": ["sts:AssumeRole"],
    }]});
    scene.account(|state, _| {
        let hub = HUB.parse().unwrap();
        state.add_role(&hub, "/", "rolecall-member", trust, Timestamp::now()).unwrap();
        state.add_role(&hub, "/tools/", "ci", json!({}), Timestamp::now()).unwrap();
    });
    scene
}

fn rows(scene: &Scene) -> String {
    scene.aws_auth().and_then(|data| Some(data["mapRoles"].as_str()?.to_owned())).unwrap_or_default()
}

/// What the pass says of the only principal of its policy.
fn told(report: &PassReport, code: FindingCode) -> String {
    let mut found = report.all_findings().filter(|finding| finding.code == code);
    found.next().unwrap_or_else(|| panic!("no {code:?}: {report:#?}")).message.clone()
}

#[tokio::test]
async fn a_role_of_another_account_that_is_walked_is_verified_there() {
    let scene = scene().await.walking_all();
    let report = scene.pass(PassKind::Sync, &policy(HUB, "ci")).await;
    assert_eq!(report.exit_code(true), ExitCode::InSync, "{report:#?}");
    assert!(rows(&scene).contains(&format!("arn:aws:iam::{HUB}:role/ci")), "{}", rows(&scene));

    let gone = scene.pass(PassKind::Sync, &policy(HUB, "gone")).await;
    assert!(told(&gone, FindingCode::PrincipalMissing).contains(&format!("does not exist in account {HUB}")));
    assert!(!rows(&scene).contains(HUB), "what it had goes, and nothing dangles: {}", rows(&scene));
    let elsewhere = scene.pass(PassKind::Sync, &policy(HUB, "other/ci")).await;
    assert!(told(&elsewhere, FindingCode::PrincipalMissing).contains("does not exist"), "another path");
}

#[tokio::test]
async fn an_account_that_refuses_leaves_what_its_roles_have() {
    let scene = scene().await.walking_all();
    scene.pass(PassKind::Sync, &policy(HUB, "ci")).await;
    let before = rows(&scene);
    scene.account(|state, _| {
        let hub = state.accounts.get_mut(&HUB.parse().unwrap()).unwrap();
        hub.iam.roles.get_mut("rolecall-member").unwrap().denied.insert("iam:GetRole".to_owned());
    });
    let report = scene.pass(PassKind::Sync, &policy(HUB, "ci")).await;
    assert_eq!(report.exit_code(false), ExitCode::Incomplete);
    assert!(told(&report, FindingCode::PrincipalUnknown).contains("GetRole"));
    assert_eq!(rows(&scene), before);
}

#[tokio::test]
async fn what_cannot_be_verified_gets_in_as_written_and_is_marked() {
    let scene = scene().await;
    let report = scene.pass(PassKind::Sync, &policy(HUB, "tools/nobody")).await;
    let message = told(&report, FindingCode::PrincipalUnknown);
    assert!(message.contains("another account of the organization, which is not walked"), "{message}");
    assert!(rows(&scene).contains(&format!("arn:aws:iam::{HUB}:role/nobody")), "{}", rows(&scene));

    let report = scene.pass(PassKind::Sync, &policy(STRANGER, "ci")).await;
    let message = told(&report, FindingCode::PrincipalUnknown);
    assert!(message.contains("which is not an account of the organization"), "{message}");
    assert_eq!(report.exit_code(false), ExitCode::InSync, "{report:#?}");
    assert!(rows(&scene).contains(STRANGER) && !rows(&scene).contains(HUB), "{}", rows(&scene));
}

#[tokio::test]
async fn an_arn_costs_one_call_and_no_session_beside_the_walks() {
    let scene = scene().await.walking_all();
    let both = format!("{}\n  - who: {{role: \"arn:aws:iam::{HUB}:role/tools/ci\"}}", policy(HUB, "ci"));
    scene.pass(PassKind::Plan, &both).await;
    let calls = scene.lab.world().tally.take();
    assert_eq!(calls.get(&("iam", "GetRole".to_owned())), Some(&2), "{calls:?}");
    let assumed = calls.iter().filter(|((_, operation), _)| operation == "AssumeRole").map(|(_, count)| count);
    assert_eq!(assumed.sum::<u64>(), 2, "one session in each account: {calls:?}");
}
