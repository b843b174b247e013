//! What a pass asks of AWS and of the clusters, counted at the other end.

use std::{
    collections::BTreeMap,
    process::{Command, Output},
    sync::Arc,
};

use rolecall::{
    lab::{
        Lab,
        blueprint::{Blueprint, Built, Drift},
        world::{World, eks::AccessEntry},
    },
    model::{AuthenticationMode, Region},
};

use crate::support::{
    daemon::Daemon,
    fleet::{Ran, rolecall},
};

const ACCOUNTS: usize = 20;
const CLUSTERS: usize = 48;

/// An organization in the lab, and the rolecall that looks after it.
struct Scene {
    world: Arc<World>,
    lab: Lab,
    folder: tempfile::TempDir,
    key: (String, String),
}

impl Scene {
    fn new(drift: Drift) -> Self {
        let regions = ["eu-west-1", "us-east-1"].map(Region::new).to_vec();
        let blueprint = Blueprint { accounts: ACCOUNTS, clusters: CLUSTERS, regions, seed: 7, drift };
        let Built { state, policy, settings, hub, .. } = blueprint.build(jiff::Timestamp::now()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        std::fs::write(folder.path().join("rolecall.yaml"), settings).unwrap();
        let world = World::new(state);
        let lab = Lab::start(Arc::clone(&world)).unwrap();
        Self { world, lab, folder, key: (hub.id, hub.secret) }
    }

    /// Runs rolecall, and tells how often what was asked meanwhile.
    fn run(&self, command: &str) -> (Ran, BTreeMap<String, u64>) {
        drop(self.world.tally.take());
        let ran: Output = self.rolecall().args(["--output", "json", command]).output().unwrap();
        (ran.into(), self.calls())
    }

    fn rolecall(&self) -> Command {
        let mut command = rolecall(self.folder.path());
        command
            .env("ROLECALL_SETTINGS", self.folder.path().join("rolecall.yaml"))
            .env("AWS_ENDPOINT_URL", self.lab.url())
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command
    }

    /// What was asked since this was last told.
    fn calls(&self) -> BTreeMap<String, u64> {
        let calls = self.world.tally.take().into_iter();
        calls.map(|((service, call), n)| (format!("{service} {call}"), n)).collect()
    }

    /// Starts the daemon with a pass each second, strangers in the clusters being left alone.
    async fn daemon(&self) -> Daemon {
        let (file, port) = (self.folder.path().join("rolecall.yaml"), Daemon::port());
        let settings = std::fs::read_to_string(&file).unwrap();
        let settings = settings.split_once("unmanaged:").unwrap().0;
        let more = format!("unmanaged: keep\n{}schedule: {{cron: \"* * * * * *\"}}\n", Daemon::web(port));
        std::fs::write(&file, format!("{settings}{more}")).unwrap();
        let mut command = self.rolecall();
        command.arg("run");
        Daemon::start_in(&command, self.folder.path(), port).await
    }

    /// Gives every cluster that reads nothing but entries so many of others; tells how many clusters these are, and how
    /// many entries one of them had before at most.
    fn crowd(&self, strangers: usize) -> (u64, u64) {
        let (mut clusters, mut most) = (0, 0);
        let mut state = self.world.write();
        for (id, cluster) in &mut state.clusters {
            if cluster.mode.is_none_or(|mode| !mode.reads_entries()) {
                continue;
            }
            clusters += 1;
            most = most.max(u64::try_from(cluster.entries.len()).unwrap());
            let added = if cluster.mode == Some(AuthenticationMode::Api) { strangers } else { 0 };
            for number in 0..added {
                let arn = format!("arn:aws:iam::{}:role/stranger-{number}", id.account).parse().unwrap();
                let entry = AccessEntry::new(&arn, format!("AROASTRANGER{number:08}"), jiff::Timestamp::now());
                cluster.entries.insert(entry.principal.clone(), entry);
            }
        }
        (clusters, most)
    }
}

fn of(calls: &BTreeMap<String, u64>, starts: &[&str]) -> u64 {
    calls.iter().filter(|(call, _)| starts.iter().any(|start| call.starts_with(start))).map(|(_, n)| n).sum()
}

#[test]
fn a_converged_cluster_costs_one_description_and_five_reads_and_no_write() {
    let scene = Scene::new(Drift::None);
    let (ran, calls) = scene.run("sync");
    ran.expect(0);
    let clusters = u64::try_from(CLUSTERS).unwrap();
    assert_eq!(of(&calls, &["eks DescribeCluster"]), clusters, "{calls:?}");
    let reads = of(&calls, &["kubernetes get ", "kubernetes list "]);
    assert!((clusters..=clusters * 5).contains(&reads), "{calls:?}");
    assert_eq!(of(&calls, &["kubernetes "]), reads, "{calls:?}");
}

#[test]
fn the_pass_after_a_correction_writes_nothing() {
    let scene = Scene::new(Drift::Missing);
    let (ran, calls) = scene.run("sync");
    ran.expect(0);
    assert!(of(&calls, &["kubernetes patch ", "kubernetes update ", "kubernetes create "]) > 0, "{calls:?}");
    let (ran, calls) = scene.run("sync");
    ran.expect(0);
    assert_eq!(of(&calls, &["kubernetes "]), of(&calls, &["kubernetes get ", "kubernetes list "]), "{calls:?}");
    assert!(of(&calls, &["kubernetes "]) <= 5 * u64::try_from(CLUSTERS).unwrap(), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_first_pass_a_daemon_describes_the_entries_alone_that_the_policy_names_or_that_are_its_own() {
    let scene = Scene::new(Drift::None);
    let (clusters, most) = scene.crowd(50);
    let mut daemon = scene.daemon().await;
    daemon.metric_reaches("rolecall_passes_total{result=\"in-sync\"}", 1.0).await;
    let first = scene.calls();
    assert!(of(&first, &["eks DescribeAccessEntry"]) > 50, "{first:?}");
    // The pass that runs now and the one after it, of which one at least is in this from its beginning to its end.
    daemon.metric_reaches("rolecall_passes_total{result=\"in-sync\"}", 3.0).await;
    let calls = scene.calls();
    let lists = of(&calls, &["eks ListAccessEntries"]);
    assert!(lists >= clusters, "{calls:?}");
    // A pass may have listed before and described after.
    let described = of(&calls, &["eks DescribeAccessEntry"]);
    assert!((1..=(lists + clusters) * most).contains(&described), "{most} entries at most: {calls:?}");
    daemon.stops().await;
}
