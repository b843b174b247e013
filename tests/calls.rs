//! What a pass asks of AWS and of the clusters, counted at the other end.

use std::{collections::BTreeMap, process::Output, sync::Arc};

use rolecall::{
    lab::{
        Lab,
        blueprint::{Blueprint, Built, Drift},
        world::World,
    },
    model::Region,
};

use crate::support::fleet::{Ran, rolecall};

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
        let ran: Output = rolecall(self.folder.path())
            .args(["--output", "json", command])
            .env("ROLECALL_SETTINGS", self.folder.path().join("rolecall.yaml"))
            .env("AWS_ENDPOINT_URL", self.lab.url())
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .output()
            .unwrap();
        let calls = self.world.tally.take().into_iter().map(|((service, call), n)| (format!("{service} {call}"), n));
        (ran.into(), calls.collect())
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
