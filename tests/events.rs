//! The daemon listens to events: what they name is looked at within seconds, and nothing that comes over the queue does
//! harm.

mod scene;
mod templates;

use std::sync::Arc;

use rolecall::{lab::blueprint::Drift, model::ClusterId};
use scene::{Refusing, Scene, event};

use crate::support::daemon::Daemon;

async fn counts(daemon: &Daemon, result: &str, least: f64) {
    daemon.metric_reaches(&format!("rolecall_events_total{{result=\"{result}\"}}"), least).await;
}

async fn is(daemon: &Daemon, series: &str, value: f64) {
    let found = daemon.metric(series).await;
    assert!((found - value).abs() < f64::EPSILON, "{series} is {found}, not {value}\n{}", daemon.log());
}

fn of(calls: &std::collections::BTreeMap<String, u64>, start: &str) -> u64 {
    calls.iter().filter(|(call, _)| call.starts_with(start)).map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_cluster_is_brought_in_line_without_the_schedule() {
    let scene = Scene::new(Drift::None);
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    let fleet = daemon.metric("rolecall_clusters{status=\"in-sync\"}").await;
    scene.is_listening().await;
    drop(scene.calls());

    let id = scene.new_cluster("brand-new");
    scene.send(&event("eks-create-cluster", &id, "e-1"));
    scene.queue_is_empty().await;
    assert!(!scene.has_role(&id), "it was not ready when it was first looked at");
    scene.gets_role(&id).await;
    daemon.metric_reaches("rolecall_clusters{status=\"applied\"}", 1.0).await;
    is(&daemon, "rolecall_clusters{status=\"in-sync\"}", fleet).await;
    is(&daemon, "rolecall_events_total{result=\"followed\"}", 1.0).await;
    is(&daemon, "rolecall_pass_duration_seconds_count", 1.0).await;
    is(&daemon, "rolecall_targeted_passes_total{result=\"in-sync\"}", 2.0).await;
    let calls = scene.calls();
    assert_eq!(of(&calls, "eks DescribeCluster"), 2, "only the cluster that was named: {calls:?}");
    assert_eq!(of(&calls, "eks ListClusters"), 0, "{calls:?}");
    assert!(daemon.log().contains("a pass looks at just these"), "{}", daemon.log());
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_malformed_or_unrelated_is_counted_and_dropped() {
    let scene = Scene::new(Drift::None);
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    let id = scene.lab.world().read().clusters.keys().next().unwrap().clone();
    for body in ["hello", "{}", &"[".repeat(100_000)] {
        scene.send(body);
    }
    scene.send(&event("ec2-run-instances", &id, "e-1"));
    scene.send(&event("eks-create-cluster-failed", &id, "e-2"));
    counts(&daemon, "malformed", 3.0).await;
    counts(&daemon, "unrelated", 1.0).await;
    counts(&daemon, "failed-call", 1.0).await;
    scene.queue_is_empty().await;
    is(&daemon, "rolecall_events_total{result=\"followed\"}", 0.0).await;
    is(&daemon, "rolecall_targeted_passes_total{result=\"in-sync\"}", 0.0).await;
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_comes_again_does_no_harm() {
    let scene = Scene::new(Drift::None);
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    let id = scene.lab.world().read().clusters.keys().next().unwrap().clone();
    let one = event("eks-create-access-entry", &id, "e-1");
    scene.send(&one);
    scene.send(&one);
    counts(&daemon, "followed", 1.0).await;
    scene.queue_is_empty().await;
    drop(scene.calls());
    scene.send(&one);
    counts(&daemon, "duplicate", 2.0).await;
    scene.queue_is_empty().await;
    let calls = scene.calls();
    assert_eq!(of(&calls, "eks "), 0, "what was done with is not looked at again: {calls:?}");
    scene.send(&event("eks-create-access-entry", &id, "e-2"));
    counts(&daemon, "followed", 2.0).await;
    let calls = scene.calls();
    let writes = ["patch", "update", "create", "delete"].map(|verb| of(&calls, &format!("kubernetes {verb}")));
    assert_eq!(writes, [0; 4], "a cluster in which nothing changed is only read: {calls:?}");
    assert_eq!(of(&calls, "eks DescribeCluster "), 0);
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_away_does_not_stop_the_schedule() {
    let scene = Scene::without_queue(Drift::None);
    let mut daemon = scene.daemon(Some("* * * * * *")).await;
    daemon.says("the event queue cannot be used").await;
    daemon.metric_reaches("rolecall_passes_total{result=\"in-sync\"}", 3.0).await;
    assert_eq!(daemon.ready().await, "ready\n");
    let log = daemon.log();
    assert!(log.contains("Check `events.queue`"), "{log}");
    assert_eq!(log.matches("the event queue cannot be used: ").count(), 1, "it is said once: {log}");
    scene.make_queue();
    daemon.says("the event queue answers again").await;
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rolecalls_own_changes_are_not_followed_and_those_of_others_are() {
    let scene = Scene::new(Drift::Missing);
    scene.lab.world().tell_changes_in(&scene.queue());
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    counts(&daemon, "own-call", 1.0).await;
    scene.queue_is_empty().await;
    is(&daemon, "rolecall_events_total{result=\"followed\"}", 0.0).await;

    let id = scene.lab.world().read().clusters.keys().next().unwrap().clone();
    scene.lab.world().write().clusters[&id].api.store().delete("clusterroles", "", "developer");
    assert!(!scene.has_role(&id));
    scene.send(&event("eks-create-access-entry", &id, "e-1"));
    scene.gets_role(&id).await;
    scene.queue_is_empty().await;
    is(&daemon, "rolecall_events_total{result=\"followed\"}", 1.0).await;
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_budget_of_the_fleet_held_back_is_not_done_bit_by_bit() {
    let scene = Scene::with(Drift::Missing, "safety: {maxChangedClusters: 1}\n");
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    let held = daemon.metric("rolecall_clusters{status=\"blocked\"}").await;
    assert!(held > 1.0, "{held} clusters are held back\n{}", daemon.log());
    drop(scene.calls());
    let ids: Vec<ClusterId> = scene.lab.world().read().clusters.keys().cloned().collect();
    for (number, id) in ids.iter().enumerate() {
        scene.send(&event("eks-create-access-entry", id, &format!("e-{number}")));
        let followed = f64::from(u32::try_from(number + 1).unwrap());
        counts(&daemon, "followed", followed).await;
    }
    let calls = scene.calls();
    let writes = ["patch", "update", "create", "delete"].map(|verb| of(&calls, &format!("kubernetes {verb}")));
    assert_eq!(writes, [0; 4], "{calls:?}");
    is(&daemon, "rolecall_clusters{status=\"blocked\"}", held).await;
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_pass_that_failed_come_again() {
    let scene = Scene::new(Drift::None);
    let refusing = Arc::<Refusing>::default();
    scene.lab.world().set_interference(Arc::<Refusing>::clone(&refusing));
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    *refusing.call.lock().unwrap() = Some("ListAccounts");
    let id = scene.lab.world().read().clusters.keys().next().unwrap().clone();
    scene.send(&event("eks-create-access-entry", &id, "e-1"));
    daemon.metric_reaches("rolecall_targeted_passes_total{result=\"error\"}", 2.0).await;
    assert_eq!(daemon.ready().await, "ready\n", "health rests on the passes over the whole fleet");
    is(&daemon, "rolecall_events_total{result=\"followed\"}", 0.0).await;
    *refusing.call.lock().unwrap() = None;
    counts(&daemon, "followed", 1.0).await;
    scene.queue_is_empty().await;
    daemon.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_does_not_keep_the_daemon() {
    let scene = Scene::new(Drift::None);
    let mut daemon = scene.daemon(None).await;
    daemon.ready().await;
    scene.is_listening().await;
    daemon.stops().await;
}
