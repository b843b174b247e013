//! Access entries where much is there, little is known, or EKS says no.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use rolecall::{
    lab::{
        Call, Interference, Refusal, Verdict,
        world::{World, eks::AccessEntry},
    },
    model::{Action, AuthenticationMode::Api, ENTRY_TAG, FindingCode, PassKind, Status},
};

use super::{
    First, POLICY, found,
    scene::{CLUSTER_ADMIN, Scene, is_ours, role},
};

/// What EKS allows on one cluster.
pub const MOST: usize = 3000;

/// A policy that also binds a group, so that there is something to write beside entries.
const WITH_ROLE: &str = "\
roles:
  - {name: devs, rules: [{apiGroups: [\"\"], resources: [pods], verbs: [get]}]}
groups:
  - {name: devs, clusterRoles: [devs]}
access:
  - who: {role: dev}
    groups: [devs]
    username: \"dev:{{SessionName}}\"
  - who: {role: auditor}
    groups: [devs]
    username: \"auditor:{{SessionName}}\"";

/// Fills the cluster with entries of this many roles, which are called `crowd-0` and so on, made by others or by rolecall.
pub fn crowd(scene: &Scene, count: usize, ours: bool) {
    let made = jiff::Timestamp::now();
    scene.change(|cluster| {
        for number in 0..count {
            let arn = role(&format!("crowd-{number}")).parse().unwrap();
            let mut entry = AccessEntry::new(&arn, format!("AROACROWD{number:08}"), made);
            entry.groups = vec!["crowd".to_owned()];
            if ours {
                entry.tags.insert(ENTRY_TAG.0.to_owned(), ENTRY_TAG.1.to_owned());
            }
            cluster.entries.insert(entry.principal.clone(), entry);
        }
    });
}

fn entries(scene: &Scene) -> usize {
    scene.change(|cluster| cluster.entries.len())
}

#[tokio::test]
async fn what_finds_no_room_on_the_cluster_is_told_and_hinders_nothing_else() {
    let scene = Scene::new(Api).await;
    let said = "The maximum number of access entries for a cluster, 3000, is reached.";
    let refusal = Refusal::new(400, "ResourceLimitExceededException", said);
    scene.interfere(First { operation: "CreateAccessEntry", left: AtomicUsize::new(1), refusal });
    let report = scene.sync(WITH_ROLE).await;
    assert_eq!(report.status, Status::Drifted, "{report:#?}");
    let why = report.why.unwrap();
    assert!(why.contains("CreateAccessEntry of ") && why.contains(said), "{why}");
    let next = report.next.unwrap();
    assert!(next.contains("3,000") && next.contains("delete those"), "{next}");
    assert!(scene.entry("dev").is_some() != scene.entry("auditor").is_some(), "one found no room, the other did");
    let stored = scene.change(|cluster| cluster.api.store().list("clusterrolebindings", None));
    assert!(stored.iter().any(|binding| binding["roleRef"]["name"] == "devs"), "what is beside entries is written");
}

#[tokio::test]
async fn an_entry_that_cannot_become_rolecalls_stays_as_it_is() {
    let scene = Scene::new(Api).await;
    scene.put_entry("dev", |entry| entry.groups = vec!["theirs".to_owned()]);
    let before = scene.entry("dev").unwrap();
    let refusal = Refusal::new(403, "AccessDeniedException", "not authorized to perform: eks:TagResource");
    scene.interfere(First { operation: "TagResource", left: AtomicUsize::new(usize::MAX), refusal });
    let report = scene.sync(POLICY).await;
    assert!(report.why.as_ref().unwrap().contains("eks:TagResource"), "{report:#?}");
    let after = scene.entry("dev").unwrap();
    assert_eq!((after.groups, after.policies.len(), after.tags), (before.groups, 0, before.tags));
    assert_eq!(after.modified, before.modified);
    let made = scene.entry("teams/ops").unwrap();
    assert!(is_ours(&made) && made.policies.contains_key(CLUSTER_ADMIN), "the other entry is made all the same");
}

/// At the rate that leaves room for others it takes minutes to describe 3,000 entries.
#[tokio::test]
async fn of_three_thousand_entries_what_is_not_read_within_the_time_stays_and_what_the_policy_names_is_read_first() {
    let scene = Scene::with(Api, "clusters: {timeout: 5s}\n").await;
    crowd(&scene, MOST - 2, true);
    scene.put_entry("other", |entry| entry.groups = vec!["old".to_owned()]);
    let policy = "access:\n  - who: {role: other}\n    groups: [devs]\n    username: other";
    let report = scene.pass(PassKind::Plan, policy).await.clusters.remove(0);
    let calls = scene.calls();
    assert_eq!(calls["ListAccessEntries"], 30);
    assert!(calls["DescribeAccessEntry"] < 3000, "{calls:?}");
    let plan = report.plan.as_ref().unwrap();
    let of = |action| plan.changes.iter().filter(move |change| change.action == action);
    let changed: Vec<String> = of(Action::Change).map(|change| format!("{:?}", change.subject)).collect();
    assert!(changed.iter().any(|subject| subject.contains("other")), "what the policy names was read: {changed:?}");
    let held_back = found(&report, FindingCode::RemovalHeldBack);
    let told = held_back.iter().find_map(|message| message.split_once(" access entries could not be read"));
    let unread: usize = told.unwrap().0.parse().unwrap();
    assert_eq!(of(Action::Remove).count() + unread, MOST - 1, "what was not read does not go");
}

/// Refuses every call of an operation after the first, this many times.
struct Throttled {
    operation: &'static str,
    seen: AtomicUsize,
    refusals: usize,
}

impl Interference for Throttled {
    fn latency(&self, _call: &Call) -> Duration {
        Duration::ZERO
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict> {
        let hit =
            call.operation == self.operation && (1..=self.refusals).contains(&self.seen.fetch_add(1, Ordering::SeqCst));
        let refusal = Refusal::new(429, "ThrottlingException", "Rate exceeded");
        Box::pin(std::future::ready(if hit { Verdict::Refuse(refusal) } else { Verdict::Serve }))
    }
}

#[tokio::test]
async fn a_list_that_is_throttled_in_the_middle_is_read_to_its_end_or_not_known() {
    let scene = Scene::with(Api, "safety: {maxRemovalsPerCluster: 1000}\n").await;
    crowd(&scene, 150, true);
    let throttled = |refusals| Throttled { operation: "ListAccessEntries", seen: AtomicUsize::new(0), refusals };
    scene.interfere(throttled(usize::MAX - 1));
    let report = scene.sync("access: []").await;
    assert_eq!((report.status, entries(&scene)), (Status::Unknown, 151), "half a list is none: {report:#?}");
    assert!(report.why.unwrap().contains("Rate exceeded"));
    assert!(report.next.unwrap().contains("limits.perAccount"));

    scene.interfere(throttled(1));
    let report = scene.pass(PassKind::Plan, "access: []").await.clusters.remove(0);
    let plan = report.plan.as_ref().unwrap();
    let removed = plan.changes.iter().filter(|change| change.action == Action::Remove).count();
    assert_eq!((removed, report.why), (150, None), "the rest of the list came when it was asked for again");
}

#[tokio::test]
async fn no_policy_takes_or_lowers_the_entry_by_which_rolecall_gets_in() {
    let scene = Scene::with(Api, "unmanaged: remove\n").await;
    let tag = || (ENTRY_TAG.0.to_owned(), ENTRY_TAG.1.to_owned());
    let own = role("rolecall-member");
    scene.change(|cluster| cluster.entries.get_mut(&own).unwrap().tags.extend([tag()]));
    let before = scene.entry("rolecall-member").unwrap();
    for lowered in ["access: []", "access:\n  - who: {role: rolecall-member}\n    groups: [viewers]"] {
        let report = scene.sync(lowered).await;
        let after = scene.entry("rolecall-member").unwrap();
        assert!(is_ours(&after) && after.policies.contains_key(CLUSTER_ADMIN), "{report:#?}");
        assert_eq!((after.groups.len(), after.modified), (0, before.modified), "{lowered}: {report:#?}");
        assert_eq!(scene.writes(), [].into(), "{lowered}");
        let told = found(&report, FindingCode::Protected);
        let told = told.iter().any(|message| message.contains("own way in"));
        assert_eq!(told, lowered.contains("viewers"), "that it stays goes without saying: {report:#?}");
    }
}
