//! Groups of Identity Center's directory, from their name to the rows and entries of the roles behind them.

mod calls;
mod explained;
mod people;
mod whole;

use jiff::Timestamp;
use rolecall::{
    model::{AuthenticationMode, ClusterReport, Finding, FindingCode, PassKind, PassReport, Status},
    report::{Format, View, render},
};
use serde_json::json;

use crate::access_entries::scene::Scene;
use people::{Doorman, GROUP, MEMBER, Recorder, assign, assignment, change, group, held, roles, scene, scene_in, set};

use AuthenticationMode::{Api, ConfigMap};

const POLICY: &str = "\
access:
  - who: {directoryGroup: K8s-Developers@corp.example.com}
    groups: [devs]
  - who: {role: dev}
    groups: [plain]";

const NOBODY: &str = "access: [{who: {role: dev}, groups: [plain]}]";

fn said(report: &PassReport, code: FindingCode) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.code == code).collect()
}

fn of_cluster(report: &ClusterReport, code: FindingCode) -> Vec<&str> {
    let findings = report.plan.iter().flat_map(|plan| &plan.findings);
    findings.filter(|finding| finding.code == code).map(|finding| finding.message.as_str()).collect()
}

/// What aws-auth maps.
fn rows(scene: &Scene) -> String {
    scene.aws_auth().unwrap_or_default()["mapRoles"].as_str().unwrap_or_default().to_owned()
}

fn last(path_and_name: &str) -> &str {
    path_and_name.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_group_gets_in_by_the_roles_of_exactly_its_permission_sets() {
    for mode in [Api, ConfigMap] {
        let scene = scene(mode).await;
        held(&scene, GROUP, "Dev");
        held(&scene, "Others", "Dev_Other");
        let mut report = scene.pass(PassKind::Sync, POLICY).await;
        let table = render(&report, Format::Table, &View::default());
        let words = format!("directory group {GROUP}, permission set Dev");
        assert!(table.split_whitespace().collect::<Vec<_>>().join(" ").contains(&words), "{table}");
        let cluster = report.clusters.remove(0);
        assert_eq!((cluster.status, cluster.why.as_deref()), (Status::Applied, None), "{cluster:#?}");
        let (own, other) = (&roles(&scene, "Dev")[0], &roles(&scene, "Dev_Other")[0]);
        if mode == Api {
            assert_eq!(scene.entry(own).unwrap().groups, ["devs"]);
            assert!(scene.entry(other).is_none());
        } else {
            assert!(rows(&scene).contains(last(own)) && !rows(&scene).contains(last(other)), "{}", rows(&scene));
        }
        assert_eq!(scene.sync(POLICY).await.status, Status::InSync);
        assert_eq!(scene.writes(), [].into());
    }
}

#[tokio::test]
async fn others_who_hold_the_permission_set_are_told_with_their_numbers() {
    let scene = scene(Api).await;
    let (_, dev) = held(&scene, GROUP, "Dev");
    for name in ["Ops", "Contractors"] {
        let other = group(&scene, name);
        assign(&scene, &dev, &other);
    }
    change(&scene, |state| {
        for name in ["ana", "ben", "cem", "dora"] {
            let user = state.add_directory_user(name, name).unwrap();
            state.assign(assignment(&dev, &user, false), Timestamp::now());
        }
        let gone = state.add_directory_group("Gone").unwrap();
        state.assign(assignment(&dev, &gone, true), Timestamp::now());
        state.center.as_mut().unwrap().groups.remove(&gone);
    });
    let report = scene.pass(PassKind::Plan, POLICY).await;
    let [shared] = said(&report, FindingCode::PermissionSetShared)[..] else { panic!("{:#?}", report.findings) };
    assert!(shared.message.contains("is also held by 3 groups (") && shared.message.contains("Contractors"));
    assert!(shared.message.contains(", deleted"), "{}", shared.message);
    assert!(shared.message.contains("and 4 users (") && shared.message.contains("and others)"), "{}", shared.message);
    assert!(!shared.incomplete && !shared.drift && shared.place.account == Some(MEMBER.parse().unwrap()));
    let again = scene.pass(PassKind::Plan, POLICY).await;
    assert_eq!(said(&again, FindingCode::PermissionSetShared), [shared]);
    let calls = scene.lab.world().tally.take();
    let asked = |name: &str| calls.iter().filter(|((_, operation), _)| operation == name).count();
    assert_eq!([asked("ListAccountAssignments"), asked("DescribeUser"), asked("DescribePermissionSet")], [0; 3]);
    assert_eq!(asked("ListAccountAssignmentsForPrincipal"), 1, "what decides is asked for in each pass");
}

#[tokio::test]
async fn who_else_holds_it_cannot_be_read_and_nothing_is_held_up() {
    let scene = scene(Api).await;
    held(&scene, GROUP, "Dev");
    scene.interfere(Doorman::denies("ListAccountAssignments"));
    let report = scene.pass(PassKind::Sync, POLICY).await;
    assert_eq!(report.clusters[0].status, Status::Applied, "{report:#?}");
    let [told] = said(&report, FindingCode::PermissionSetShared)[..] else { panic!("{:#?}", report.findings) };
    assert!(told.message.contains("was not looked up for 1 of 1 permission sets") && !told.incomplete, "{told:?}");
}

#[tokio::test]
async fn a_new_suffix_is_let_in_before_the_stale_one_goes_in_one_pass() {
    for mode in [Api, ConfigMap] {
        let scene = scene(mode).await;
        let (group, dev) = held(&scene, GROUP, "Dev");
        assert_eq!(scene.sync(POLICY).await.status, Status::Applied);
        let old = roles(&scene, "Dev").remove(0);
        change(&scene, |state| {
            state.unassign(&assignment(&dev, &group, true));
            state.assign(assignment(&dev, &group, true), Timestamp::now());
        });
        let new = roles(&scene, "Dev").remove(0);
        assert_ne!(old, new);
        let recorder = Recorder::default();
        scene.interfere(recorder.clone());
        let report = scene.sync(POLICY).await;
        assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
        let written = recorder.0.lock().unwrap().clone();
        if mode == Api {
            let old = format!("arn:aws:iam::{MEMBER}:role/{old}");
            assert!(scene.change(|cluster| !cluster.entries.contains_key(&old)));
            assert!(scene.entry(&new).is_some());
            let at = |name: &str| written.iter().position(|written| written == name).unwrap();
            assert!(at("CreateAccessEntry") < at("DeleteAccessEntry"), "{written:?}");
        } else {
            let (old, new) = (last(&old), last(&new));
            assert!(written.iter().any(|map| map.contains(old) && map.contains(new)), "both at first: {written:?}");
            assert!(rows(&scene).contains(new) && !rows(&scene).contains(old), "{}", rows(&scene));
        }
        assert_eq!(scene.sync(POLICY).await.status, Status::InSync);
    }
}

#[tokio::test]
async fn two_suffixes_at_once_both_stay_and_are_told() {
    let scene = scene(Api).await;
    held(&scene, GROUP, "Dev");
    change(&scene, |state| {
        let path = state.center.as_ref().unwrap().role_path();
        let name = "AWSReservedSSO_Dev_00000000000000aa";
        state.add_role(&MEMBER.parse().unwrap(), &path, name, json!({}), Timestamp::now()).unwrap();
    });
    let report = scene.sync(POLICY).await;
    let both = roles(&scene, "Dev");
    assert!(both.len() == 2 && both.iter().all(|role| scene.entry(role).is_some()), "{report:#?}");
    let told = of_cluster(&report, FindingCode::PermissionSetAmbiguous);
    assert!(told[0].contains("permission set Dev has 2 roles"), "{told:?}");
}

#[tokio::test]
async fn a_permission_set_without_a_role_yet_leaves_nothing_dangling() {
    let scene = scene(Api).await;
    held(&scene, GROUP, "Dev");
    change(&scene, |state| {
        let account = state.accounts.get_mut(&MEMBER.parse().unwrap()).unwrap();
        account.iam.roles.retain(|_, role| !role.name.starts_with("AWSReservedSSO_"));
    });
    let report = scene.pass(PassKind::Sync, POLICY).await;
    let told = said(&report, FindingCode::PrincipalMissing);
    assert!(told.len() == 1 && told[0].message.contains("has no role for it yet"), "{:#?}", report.findings);
    assert!(scene.change(|cluster| cluster.entries.keys().all(|arn| !arn.contains("AWSReservedSSO"))));
}

#[tokio::test]
async fn a_group_that_is_no_more_is_told_with_names_like_it_and_loses_its_access() {
    let scene = scene(Api).await;
    let (id, _) = held(&scene, GROUP, "Dev");
    scene.sync(POLICY).await;
    change(&scene, |state| {
        state.center.as_mut().unwrap().groups.remove(&id);
        state.add_directory_group("K8s-Developers@example.com");
    });
    let report = scene.pass(PassKind::Sync, POLICY).await;
    let told = said(&report, FindingCode::PrincipalMissing);
    assert!(told[0].message.contains("does not exist in Identity Center"), "{told:?}");
    assert!(told[0].next.as_ref().unwrap().contains("K8s-Developers@example.com"), "{told:?}");
    assert_eq!(told[0].source.as_ref().unwrap().line, 4);
    assert!(scene.entry(&roles(&scene, "Dev")[0]).is_none());
}

/// Nothing of the group can be told: what it has stays, what others shall have is given.
async fn keeps_what_it_has(scene: &Scene, why: &str) -> PassReport {
    let report = scene.pass(PassKind::Sync, POLICY).await;
    let cluster = &report.clusters[0];
    assert!(scene.entry("dev").is_some(), "other grants go on: {report:#?}");
    assert!(roles(scene, "Dev").iter().all(|role| scene.entry(role).is_some()), "{report:#?}");
    let told = of_cluster(cluster, FindingCode::PrincipalUnknown);
    assert!(told.len() == 1 && told[0].contains(why), "{told:?}");
    report
}

/// A group that was let in, and a grant that still has to be given.
async fn before(scene: &Scene) -> (String, String) {
    let made = held(scene, GROUP, "Dev");
    scene.sync(&POLICY.replace("role: dev", "role: ops")).await;
    assert!(scene.entry(&roles(scene, "Dev")[0]).is_some() && scene.entry("dev").is_none());
    made
}

#[tokio::test]
async fn a_name_that_two_groups_bear_is_not_guessed() {
    let scene = scene(Api).await;
    before(&scene).await;
    group(&scene, GROUP);
    let report = keeps_what_it_has(&scene, "has 2 groups of this name").await;
    assert_eq!(said(&report, FindingCode::PrincipalUnknown).len(), 1);
}

#[tokio::test]
async fn without_identity_center_its_groups_fail_at_once_and_the_others_go_on() {
    for region in ["us-east-1", "eu-west-1"] {
        let scene = scene_in(Api, region).await;
        held(&scene, GROUP, "Dev");
        if region == "eu-west-1" {
            scene.sync(POLICY).await;
            change(&scene, |state| state.center = None);
        }
        let report = scene.pass(PassKind::Sync, POLICY).await;
        let told = said(&report, FindingCode::IdentityCenterUnreadable);
        assert!(told.len() == 1 && told[0].incomplete, "{:#?}", report.findings);
        assert!(told[0].message.contains(&format!("no instance in region {region}")), "{told:?}");
        assert!(scene.entry("dev").is_some(), "other grants go on");
        assert_eq!(scene.entry(&roles(&scene, "Dev")[0]).is_some(), region == "eu-west-1", "nothing is removed");
    }
}

#[tokio::test]
async fn who_may_not_ask_by_group_asks_account_by_account() {
    let scene = scene(Api).await;
    let (_, dev) = held(&scene, GROUP, "Dev");
    let ops = group(&scene, "Ops");
    assign(&scene, &dev, &ops);
    assign(&scene, &set(&scene, "Other"), &ops);
    scene.interfere(Doorman::denies("ListAccountAssignmentsForPrincipal"));
    let report = scene.pass(PassKind::Sync, POLICY).await;
    assert_eq!(report.clusters[0].status, Status::Applied, "{report:#?}");
    assert!(scene.entry(&roles(&scene, "Dev")[0]).is_some() && scene.entry(&roles(&scene, "Other")[0]).is_none());
    assert!(said(&report, FindingCode::PermissionSetShared)[0].message.contains("1 group (Ops)"));
    let calls = scene.lab.world().tally.take();
    assert_eq!(calls[&("sso", "ListPermissionSetsProvisionedToAccount".to_owned())], 1);
    assert_eq!(calls[&("sso", "ListAccountAssignments".to_owned())], 2, "the search for others needs no more");
    assert_eq!(scene.sync(NOBODY).await.status, Status::Applied);
    assert!(scene.entry(&roles(&scene, "Dev")[0]).is_none(), "no longer granted");
}

#[tokio::test]
async fn a_listing_that_is_throttled_on_its_second_page_is_unknown_and_not_short() {
    for operation in ["ListAccountAssignmentsForPrincipal", "ListInstances", "GetGroupId"] {
        let scene = scene(Api).await;
        let (group, _) = before(&scene).await;
        assign(&scene, &set(&scene, "More"), &group);
        // The first call of the first asks whether it may be asked at all.
        let served = if operation == "ListAccountAssignmentsForPrincipal" { 2 } else { 0 };
        scene.interfere(Doorman::throttles_after(operation, served));
        let report = scene.pass(PassKind::Sync, POLICY).await;
        let told = of_cluster(&report.clusters[0], FindingCode::PrincipalUnknown);
        assert!(told.len() == 1 && told[0].contains(operation) && told[0].contains("throttled"), "{told:?}");
        assert!(scene.entry("dev").is_some() && scene.entry(&roles(&scene, "Dev")[0]).is_some(), "{report:#?}");
        assert!(scene.entry(&roles(&scene, "More")[0]).is_none());
    }
}

#[tokio::test]
async fn an_account_whose_iam_cannot_be_read_keeps_what_it_has() {
    let scene = scene(Api).await;
    before(&scene).await;
    scene.interfere(Doorman::denies("ListRoles"));
    keeps_what_it_has(&scene, "ListRoles").await;
}
