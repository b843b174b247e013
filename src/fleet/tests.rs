//! Passes over an AWS in which something hangs. Clusters end at their certificate authority, which is none: what they
//! hold is of no matter here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{FleetError, Inputs, PassOptions, Progress, load, pass, today};
use crate::{
    discover::tests::server::{Answer, Ask, Server},
    model::{FindingCode, PassKind, PassReport, Status},
};

const SETTINGS: &str = "\
apiVersion: rolecall.dev/v1
kind: Settings
organization:
  memberRole: rolecall-member
  regions: [eu-west-1]
clusters: {timeout: 30s}
policy: [policy.yaml]
limits: {clusters: 2, perAccount: 2}
";

const POLICY: &str = "\
apiVersion: rolecall.dev/v1
kind: AccessPolicy
groups: [{name: admins, clusterRoles: [view]}]
access: [{who: {role: admin}, groups: [admins]}]
";

fn inputs() -> Arc<Inputs> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rolecall.yaml"), SETTINGS).unwrap();
    std::fs::write(dir.path().join("policy.yaml"), POLICY).unwrap();
    let loaded = load(&dir.path().join("rolecall.yaml"), today());
    Arc::new(loaded.inputs.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)))
}

/// Two accounts; the first has the clusters `hung-1`, `hung-2` and `c1` to `c8`, the other `d1`.
fn fleet(ask: &Ask) -> Option<Answer> {
    Some(match ask.operation.as_str() {
        "ListAccounts" => Answer::Json(json!({"Accounts": [{"Id": "111111111111"}, {"Id": "222222222222"}]})),
        "ListClusters" if ask.key.ends_with("111111111111") => {
            Answer::Json(json!({"clusters": ["hung-1", "hung-2", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8"]}))
        }
        "ListClusters" => Answer::Json(json!({"clusters": ["d1"]})),
        "DescribeCluster" => Answer::Json(json!({"cluster": {
            "name": ask.text("path"), "status": "ACTIVE", "endpoint": "https://127.0.0.1:1",
            "certificateAuthority": {"data": "bm8="}}})),
        "GetRole" => Answer::Error(404, "NoSuchEntity", "no"),
        _ => return None,
    })
}

fn hung(ask: &Ask) -> bool {
    ask.operation == "DescribeCluster" && ask.text("path").starts_with("hung")
}

/// How many clusters are done.
#[derive(Default)]
struct Done(AtomicUsize);

impl Done {
    async fn reaches(&self, clusters: usize) {
        while self.0.load(Ordering::SeqCst) < clusters {
            tokio::task::yield_now().await;
        }
    }
}

impl Progress for Done {
    fn cluster_done(&self, _: Status) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Running {
    done: Arc<Done>,
    cancel: CancellationToken,
    pass: tokio::task::JoinHandle<Result<PassReport, FleetError>>,
}

async fn start(server: &Server) -> Running {
    let (hub, done, cancel) = (Arc::new(server.hub().await), Arc::<Done>::default(), CancellationToken::new());
    let (watching, token) = (Arc::clone(&done), cancel.clone());
    let pass =
        tokio::spawn(async move { pass(inputs(), PassOptions::new(PassKind::Plan), &hub, token, watching).await });
    Running { done, cancel, pass }
}

/// Lets time pass without waiting for it.
async fn pass_by(time: Duration) {
    time::pause();
    time::advance(time).await;
    time::resume();
}

/// What could not be read, by code and the cluster or account it is of.
fn gaps(report: &PassReport) -> Vec<(FindingCode, String)> {
    let name = |place: &crate::model::Place| place.cluster.clone().or(place.account.as_ref().map(ToString::to_string));
    report.findings.iter().filter(|f| f.incomplete).map(|f| (f.code, name(&f.place).unwrap_or_default())).collect()
}

#[tokio::test]
async fn as_many_clusters_as_there_are_turns_may_hang_and_the_others_are_read_before_those_give_up() {
    let server = Server::start(|ask| if hung(ask) { Some(Answer::Never) } else { fleet(ask) }).await;
    let running = start(&server).await;
    server.asked_for("DescribeCluster", 2).await;
    pass_by(Duration::from_secs(6)).await;
    running.done.reaches(9).await;
    assert!(!running.pass.is_finished(), "the two that hang are still waited for");
    pass_by(Duration::from_secs(25)).await;
    let report = running.pass.await.unwrap().unwrap();
    assert_eq!(report.clusters.len(), 9);
    let expected = ["hung-1", "hung-2"].map(|name| (FindingCode::ClusterUnreadable, name.to_owned()));
    assert_eq!(gaps(&report), expected);
    let finding = report.findings.iter().find(|finding| finding.incomplete).unwrap();
    assert!(finding.message.contains("was not described within 30 s"), "{}", finding.message);
    assert!(finding.next.as_ref().unwrap().contains("clusters.timeout"));
}

#[tokio::test]
async fn an_account_that_hangs_holds_up_no_other() {
    let hangs = |ask: &Ask| ask.operation == "AssumeRole" && ask.text("RoleArn").contains("111111111111");
    let server = Server::start(move |ask| if hangs(ask) { Some(Answer::Never) } else { fleet(ask) }).await;
    let running = start(&server).await;
    running.done.reaches(1).await;
    assert!(!running.pass.is_finished());
    running.cancel.cancel();
    let report = running.pass.await.unwrap().unwrap();
    assert_eq!(gaps(&report), [(FindingCode::AccountUnreadable, "111111111111".to_owned())]);
}

#[tokio::test]
async fn a_pass_that_is_called_off_waits_for_no_answer_of_aws() {
    for operation in
        ["DescribeOrganization", "ListAccounts", "AssumeRole", "ListClusters", "GetRole", "DescribeCluster"]
    {
        let hangs = move |ask: &Ask| ask.operation == operation;
        let server = Server::start(move |ask| if hangs(ask) { Some(Answer::Never) } else { fleet(ask) }).await;
        let running = start(&server).await;
        server.asked_for(operation, 1).await;
        running.cancel.cancel();
        match running.pass.await.unwrap() {
            Ok(report) => assert!(!gaps(&report).is_empty(), "{operation}"),
            Err(FleetError::Cancelled) => assert!(["DescribeOrganization", "ListAccounts"].contains(&operation)),
            Err(error) => panic!("{operation}: {error}"),
        }
    }
}
