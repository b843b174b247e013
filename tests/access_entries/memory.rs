//! What the passes of one process remember of access entries, counted by the calls that are not made again.

use rolecall::model::{AuthenticationMode::Api, ClusterReport, FindingCode, PassKind, Status};

use super::{
    POLICY,
    bounds::{MOST, crowd},
    found,
    scene::Scene,
};

const CROWD: usize = 40;

async fn look(scene: &Scene, policy: &str) -> ClusterReport {
    scene.pass(PassKind::Plan, policy).await.clusters.remove(0)
}

/// How often entries were listed, described, and their policies listed.
fn calls(scene: &Scene) -> [u64; 3] {
    let calls = scene.calls();
    ["ListAccessEntries", "DescribeAccessEntry", "ListAssociatedAccessPolicies"]
        .map(|name| calls.get(name).copied().unwrap_or_default())
}

/// How many entries a pass could not read.
fn unread(report: &ClusterReport) -> usize {
    let told = found(report, FindingCode::RemovalHeldBack);
    let count = told.iter().find_map(|message| message.split_once(" access entries could not be read"));
    count.map_or(0, |(count, _)| count.parse().unwrap())
}

#[tokio::test]
async fn from_the_second_pass_on_only_what_the_policy_names_or_is_ours_is_described() {
    for (unmanaged, policies) in [("keep", 0), ("report", CROWD + 1)] {
        let scene = Scene::with(Api, &format!("unmanaged: {unmanaged}\n")).await.remembering();
        crowd(&scene, CROWD, false);
        let strangers = u64::try_from(CROWD + 1).unwrap();
        look(&scene, POLICY).await;
        assert_eq!(
            calls(&scene),
            [1, strangers, u64::try_from(policies).unwrap()],
            "{unmanaged}: rolecall's is the one more"
        );
        scene.sync(POLICY).await;
        look(&scene, POLICY).await;
        assert_eq!(calls(&scene), [1, 2, 2], "{unmanaged}");
        look(&scene, "access: []").await;
        assert_eq!(calls(&scene), [1, 2, 2], "{unmanaged}: what is ours goes, and is read to go");
        let gone = scene.sync("access: []").await;
        assert_eq!((gone.status, scene.entry("dev").is_none()), (Status::Applied, true), "{unmanaged}: {gone:#?}");
    }
}

#[tokio::test]
async fn a_stranger_is_told_as_it_was_read_and_when_until_the_policy_names_it() {
    let scene = Scene::new(Api).await.remembering();
    scene.put_entry("other", |entry| entry.groups = vec!["theirs".to_owned()]);
    let told = |report: &ClusterReport| -> String { found(report, FindingCode::Unmanaged).concat() };
    let first = told(&look(&scene, "access: []").await);
    assert!(first.contains("holds theirs as ") && !first.contains("read at"), "{first}");
    scene.put_entry("other", |entry| entry.groups = vec!["changed".to_owned()]);
    let second = told(&look(&scene, "access: []").await);
    assert!(second.contains("holds theirs as ") && second.contains(" UTC): not ours"), "{second}");

    let named = "access:\n  - who: {role: other}\n    groups: [devs]";
    let plan = look(&scene, named).await.plan.unwrap();
    assert!(plan.changes.iter().any(|change| format!("{:?}", change.before).contains("changed")), "{plan:#?}");
    let third = told(&look(&scene, "access: []").await);
    assert!(third.contains("holds changed as ") && !third.contains("read at"), "it was not remembered: {third}");
}

#[tokio::test]
async fn what_is_to_be_removed_is_read_before_whatever_is_remembered_of_it() {
    let scene = Scene::new(Api).await.remembering();
    scene.put_entry("other", |entry| entry.groups = vec!["theirs".to_owned()]);
    look(&scene, "access: []").await;
    scene.put_entry("other", |entry| entry.groups = vec!["changed".to_owned()]);
    let scene = scene.saying("unmanaged: remove\n");
    let plan = look(&scene, "access: []").await.plan.unwrap();
    let removed: Vec<String> = plan.changes.iter().map(|change| format!("{:?}", change.before)).collect();
    assert!(matches!(&removed[..], [one] if one.contains("changed")), "{removed:?}");
    assert_eq!(calls(&scene)[1], 2);
    scene.sync("access: []").await;
    assert!(scene.entry("other").is_none());
}

/// At the rate that leaves room for others a pass reads some hundred of them.
#[tokio::test]
async fn of_three_thousand_entries_each_pass_reads_others_than_those_before() {
    let scene = Scene::with(Api, "unmanaged: keep\nclusters: {timeout: 4s}\n").await.remembering();
    crowd(&scene, MOST - 1, false);
    let mut left = MOST;
    for _ in 0..2 {
        let report = look(&scene, "access: []").await;
        let described = usize::try_from(calls(&scene)[1]).unwrap();
        let read = left - unread(&report);
        assert!(read > 0 && read <= described, "{read} more are known after {described} descriptions: {report:#?}");
        assert!(report.plan.unwrap().findings.iter().any(|finding| {
            finding.incomplete && finding.next.as_ref().is_some_and(|next| next.contains("clusters.timeout"))
        }));
        left -= read;
    }
    assert_ne!(left, 0);
}

#[tokio::test]
async fn a_pass_that_runs_out_of_time_is_gone_on_with_until_everything_is_known() {
    let scene = Scene::with(Api, "unmanaged: keep\nclusters: {timeout: 1s}\n").await.remembering();
    let count = 150;
    crowd(&scene, count - 1, false);
    let (mut passes, mut described) = (0, 0);
    loop {
        let report = look(&scene, "access: []").await;
        passes += 1;
        described += calls(&scene)[1];
        if report.why.is_none() && unread(&report) == 0 {
            break;
        }
        assert!(passes < count, "{report:#?}");
    }
    assert!(passes > 1, "there was too much for one pass");
    // A description that the deadline cuts off is asked for again.
    assert!((count..=count + 8 * passes).contains(&usize::try_from(described).unwrap()), "{described} in {passes}");
    look(&scene, "access: []").await;
    assert_eq!(calls(&scene)[1], 0);
}
