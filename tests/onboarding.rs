//! Clusters that do not let rolecall in yet, on the lab.

use rolecall::model::{AuthenticationMode, ClusterReport, FindingCode, PassKind, Status};

use crate::access_entries::{
    POLICY, converged,
    scene::{CLUSTER_ADMIN, Scene, is_ours, role},
};

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

/// A cluster of others on which rolecall has nothing yet.
async fn stranger(mode: AuthenticationMode, settings: &str) -> Scene {
    let scene = Scene::with(mode, settings).await;
    scene.change(|cluster| {
        cluster.creator = role("teams/ops");
        cluster.entries.clear();
    });
    scene
}

#[tokio::test]
async fn a_new_cluster_gets_a_way_in_and_then_the_policy_in_one_pass() {
    let policy = format!("groups:\n  - {{name: devs, clusterRoles: [view]}}\n{POLICY}");
    for mode in [Api, ApiAndConfigMap] {
        let scene = stranger(mode, "").await;
        let planned = scene.pass(PassKind::Plan, &policy).await;
        assert!(scene.entry("rolecall-member").is_none(), "a plan writes nothing");
        let planned = planned.clusters[0].plan.as_ref().unwrap().changes[0].subject.to_string();
        assert!(planned.contains("rolecall-member"), "{planned}");
        let report = scene.sync(&policy).await;
        assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
        let own = scene.entry("rolecall-member").unwrap();
        assert!(is_ours(&own) && own.policies.contains_key(CLUSTER_ADMIN));
        assert!(scene.entry("dev").is_some());
        let bound = scene.change(|cluster| cluster.api.store().get("clusterrolebindings", "", "rolecall:devs:view"));
        assert!(bound.is_some());
        converged(&scene, &policy).await;
    }
}

#[tokio::test]
async fn a_cluster_of_aws_auth_alone_is_let_read_entries_where_the_settings_say_so() {
    let scene = stranger(ConfigMap, "clusters: {onboarding: {enableAccessEntries: true}}\n").await;
    let rows = format!("- rolearn: {}\n  username: old\n  groups: [olds]\n", role("auditor"));
    scene.put_aws_auth(&rows);
    let planned = scene.pass(PassKind::Plan, POLICY).await;
    let planned: Vec<String> =
        planned.clusters[0].plan.as_ref().unwrap().changes.iter().map(|change| change.subject.to_string()).collect();
    assert_eq!(planned.len(), 3, "{planned:?}");
    assert_eq!(scene.change(|cluster| cluster.mode), Some(ConfigMap), "a plan writes nothing");
    let report = scene.sync(POLICY).await;
    assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
    assert_eq!(scene.change(|cluster| cluster.mode), Some(ApiAndConfigMap));
    assert!(is_ours(&scene.entry("rolecall-member").unwrap()) && scene.entry("dev").is_some());
    assert_eq!(scene.aws_auth().unwrap()["mapRoles"], rows, "what others have stays");
    converged(&scene, POLICY).await;
}

#[tokio::test]
async fn where_rolecall_may_not_let_itself_in_it_says_what_to_run() {
    let off = "clusters: {onboarding: {selfEntry: false}}\n";
    for (mode, settings, command) in [
        (Api, off, "aws eks associate-access-policy --region eu-west-1 --cluster-name one"),
        (ConfigMap, "", "eksctl create iamidentitymapping --region eu-west-1 --cluster one"),
    ] {
        let scene = stranger(mode, settings).await;
        let report = scene.sync("access: []").await;
        assert_eq!(report.status, Status::AccessDenied, "{report:#?}");
        let findings = &report.plan.as_ref().unwrap().findings;
        let no_way_in = findings.iter().find(|finding| finding.code == FindingCode::NoWayIn).unwrap();
        assert!(no_way_in.next.as_ref().unwrap().contains(command), "{no_way_in:?}");
        assert!(no_way_in.incomplete && scene.entry("rolecall-member").is_none());
    }
}

#[tokio::test]
async fn an_entry_of_rolecalls_that_lets_it_in_no_more_is_told() {
    let scene = stranger(Api, "").await;
    scene.sync("access: []").await;
    let own = role("rolecall-member");
    scene.change(|cluster| cluster.entries.get_mut(&own).unwrap().principal_id = "AROAOFONEBEFORE".to_owned());
    let report = scene.sync("access: []").await;
    assert_eq!(report.status, Status::AccessDenied, "{report:#?}");
    let next = found_next(&report, FindingCode::NoWayIn);
    assert!(next.contains("aws eks delete-access-entry"), "{next}");
}

#[tokio::test]
async fn a_way_in_that_was_made_by_half_is_made_whole() {
    for mode in [Api, ApiAndConfigMap] {
        let scene = stranger(mode, "").await;
        scene.sync("access: []").await;
        let own = role("rolecall-member");
        scene.change(|cluster| cluster.entries.get_mut(&own).unwrap().policies.clear());
        let report = scene.sync(POLICY).await;
        assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
        assert!(scene.entry("rolecall-member").unwrap().policies.contains_key(CLUSTER_ADMIN));
        assert!(scene.entry("dev").is_some(), "the policy follows in the same pass");
    }
}

#[tokio::test]
async fn rolecalls_own_entry_stays_as_it_is_whatever_the_policy_says_of_its_role() {
    let scene = stranger(ApiAndConfigMap, "").await;
    scene.sync("access: []").await;
    let own = scene.entry("rolecall-member").unwrap();
    for groups in ["[system:masters]", "[devs]"] {
        let policy = format!("access:\n  - {{who: {{role: rolecall-member}}, groups: {groups}}}");
        scene.sync(&policy).await;
        let now = scene.entry("rolecall-member").unwrap();
        assert_eq!((&now.username, &now.groups), (&own.username, &own.groups));
        assert!(now.policies.keys().eq(own.policies.keys()));
        assert_eq!(scene.writes(), [].into());
        let again = scene.sync(&policy).await;
        assert_eq!(again.status == Status::InSync, groups == "[system:masters]", "{:#?}", again.plan);
    }
    converged(&scene, "access: []").await;
    assert!(scene.entry("rolecall-member").is_some());
}

fn found_next(report: &ClusterReport, code: FindingCode) -> String {
    let findings = report.plan.iter().flat_map(|plan| &plan.findings);
    findings.filter(|finding| finding.code == code).find_map(|finding| finding.next.clone()).unwrap_or_default()
}
