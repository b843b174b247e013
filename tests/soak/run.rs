//! One seed from its first pass to its last.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, atomic::AtomicU64},
};

use fastrand::Rng;
use rolecall::{
    discover::Hub,
    lab::{
        Call, Lab,
        faults::{Faults, Weather},
        world::World,
    },
    model::{ClusterId, PassKind},
};
use serde_json::Value;

use super::{
    calm,
    client::{self, Choices, Patience},
    dice::{aside, chance, pick},
    judge::{Case, Made, wanted},
    meddler::Colleague,
    policy::Policy,
    scene::{HUB, Scene, scene},
};

/// A seed whose promises were not kept.
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// What was not kept.
    pub faults: Vec<String>,
    /// What was done to rolecall, and in what surroundings.
    pub surroundings: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} (alone: ROLECALL_SOAK_SEED={} cargo test --test main soak)", self.seed, self.seed)?;
        writeln!(f, "{}", self.surroundings)?;
        self.faults.iter().try_for_each(|fault| writeln!(f, "  BROKEN {fault}"))
    }
}

/// What a seed did, for the sum at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Clusters.
    pub clusters: usize,
    /// Passes.
    pub passes: usize,
    /// Faults.
    pub faults: usize,
    /// Writes of rolecall's.
    pub writes: usize,
}

/// A seed at work.
struct Seed {
    scene: Scene,
    choices: Choices,
    policy: Policy,
    url: String,
    hub: Option<Arc<Hub>>,
    made: Vec<Made>,
    first: BTreeMap<ClusterId, Option<Arc<Value>>>,
}

/// Runs one seed.
///
/// # Errors
/// The promises that were not kept.
pub async fn run(seed: u64) -> Result<Sum, Broken> {
    let mut rng = Rng::with_seed(seed);
    let scene = scene(&mut rng);
    let choices = Choices::random(&mut rng);
    let policy = Policy::random(&scene.accounts, &mut rng);
    let weather = Weather::random(&mut rng);
    let told = format!("  {choices:?}\n  {weather:?}");
    let colleague = Colleague { chunks: Arc::clone(&scene.chunks), count: AtomicU64::new(0) };
    let faults = Arc::new(Faults::new(seed, weather).with_meddler(colleague));
    let world = Arc::clone(&scene.world);
    let lab = Lab::start(Arc::clone(&world)).unwrap();
    let first =
        world.read().clusters.iter().map(|(id, it)| (id.clone(), it.api.store().history()[0].clone())).collect();
    let mut work = Seed { scene, choices, policy, url: lab.url().to_owned(), hub: None, made: Vec::new(), first };
    world.set_interference(Arc::<Faults>::clone(&faults));
    for _ in 0..rng.u8(1..=3) {
        let mut dice = aside(&rng, 2);
        if chance(&mut dice, 0.5) {
            faults.begin_outage(&some_listing(&work.scene.accounts, &mut dice));
        }
        let kind = if chance(&mut rng, 0.15) { PassKind::Plan } else { PassKind::Sync };
        work.pass(kind, Patience::SHORT).await;
        if chance(&mut rng, 0.4) {
            work.policy = work.policy.changed(&work.scene.accounts, &mut rng);
        }
    }
    faults.stop(&world);
    // A hub that was made in a hurry would go on being so.
    if !work.choices.one_hub {
        work.hub = None;
    }
    let mut found = work.calm().await;
    found.extend(work.judged());
    let sum = work.sum(faults.injected().len());
    let lost = tokio::task::spawn_blocking(move || lab.stop()).await;
    assert!(lost.is_ok(), "the lab did not stop");
    if found.is_empty() {
        return Ok(sum);
    }
    let surroundings = format!("{told}\n{}\n{faults}", work.described());
    Err(Broken { seed, faults: found, surroundings })
}

/// A call that tells much of what a pass has to know, for a whole pass to do without.
fn some_listing(accounts: &[String], rng: &mut Rng) -> Call {
    let listings = [("organizations", "ListTagsForResource"), ("iam", "GetRole"), ("iam", "ListRoles")];
    let (service, operation) = pick(rng, &listings);
    let account = if service == "organizations" { HUB } else { accounts[rng.usize(..accounts.len())].as_str() };
    let account = account.parse().ok();
    Call { service, operation: operation.to_owned(), account, region: None, cluster: None, writes: false }
}

impl Seed {
    fn marks(&self) -> BTreeMap<ClusterId, usize> {
        let state = self.scene.world.read();
        state.clusters.iter().map(|(id, cluster)| (id.clone(), cluster.api.store().journal().len())).collect()
    }

    fn wanted(&self) -> BTreeMap<ClusterId, super::policy::Wanted> {
        wanted(&self.policy, &self.scene.world.read())
    }

    async fn pass(&mut self, kind: PassKind, patience: Patience) {
        let (before, mark) = (self.wanted(), self.marks());
        let inputs = self.choices.inputs(&self.policy, patience.cluster);
        let hub = match self.hub.take().filter(|_| self.choices.one_hub) {
            Some(hub) => Ok(hub),
            None => client::hub(&inputs, &self.url, patience).await,
        };
        let report = match hub {
            Ok(hub) => {
                self.hub = Some(Arc::clone(&hub));
                client::run(inputs, &hub, kind, self.choices.repair).await
            }
            Err(why) => Err(why),
        };
        self.made.push(Made { report, wanted: [before, self.wanted()], marks: [mark, self.marks()] });
    }

    /// Two passes to settle, and one that writes nothing.
    async fn calm(&mut self) -> Vec<String> {
        for _ in 0..2 {
            self.pass(PassKind::Sync, Patience::LONG).await;
        }
        let mut faults = match &self.made[self.made.len() - 1].report {
            Ok(report) => calm::unsettled(&self.scene, self.choices, &self.policy, report),
            Err(why) => vec![format!("(d) the calm pass could not be made: {why}")],
        };
        let world: &World = &self.scene.world;
        let versions = |world: &World| -> BTreeMap<ClusterId, u64> {
            let state = world.read();
            state.clusters.iter().map(|(id, cluster)| (id.clone(), cluster.api.store().version())).collect()
        };
        let before = versions(world);
        drop(world.tally.take());
        self.pass(PassKind::Sync, Patience::LONG).await;
        let world: &World = &self.scene.world;
        for ((service, operation), count) in world.tally.take() {
            let reads = ["get", "list", "watch", "Get", "List", "Describe", "AssumeRole"];
            if !reads.iter().any(|read| operation.starts_with(read)) {
                faults.push(format!("(e) the pass after that called {service} {operation} {count} times"));
            }
        }
        if versions(world) != before {
            faults.push("(e) the pass after that changed resourceVersions".to_owned());
        }
        faults
    }

    fn judged(&self) -> Vec<String> {
        let state = self.scene.world.read();
        let chunks = self.scene.chunks.lock().unwrap();
        let none = std::collections::BTreeSet::new();
        let mut faults = Vec::new();
        for (id, cluster) in &state.clusters {
            let journal = cluster.api.store().journal();
            let case = Case {
                id,
                feature: &self.scene.features[id],
                first: self.first[id].as_deref(),
                journal: &journal,
                chunks: chunks.get(id).unwrap_or(&none),
                removes_unmanaged: self.choices.unmanaged == "remove",
            };
            faults.extend(case.faults(&self.made));
        }
        let reports = self.made.iter().filter_map(|made| made.report.as_ref().ok());
        let own = reports.flat_map(|report| &report.clusters).filter_map(|cluster| cluster.why.as_ref());
        faults.extend(own.filter(|why| why.contains("fault of rolecall")).map(|why| format!("a panic: {why}")));
        faults
    }

    fn sum(&self, faults: usize) -> Sum {
        let state = self.scene.world.read();
        let writes = |it: &rolecall::lab::world::eks::EksCluster| {
            it.api.store().journal().iter().filter(|written| written.by_request).count()
        };
        Sum {
            clusters: state.clusters.len(),
            passes: self.made.len(),
            faults,
            writes: state.clusters.values().map(writes).sum(),
        }
    }

    fn described(&self) -> String {
        let mut lines: Vec<String> =
            self.scene.features.iter().map(|(id, feature)| format!("  {id}: {feature:?}")).collect();
        lines.push(format!("  policy: {}", self.policy.text()));
        for (number, made) in self.made.iter().enumerate() {
            match &made.report {
                Ok(report) => lines.push(format!("  pass {number}: {:?}", report.counts())),
                Err(why) => lines.push(format!("  pass {number}: {why}")),
            }
        }
        lines.join("\n")
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.clusters += other.clusters;
        self.passes += other.passes;
        self.faults += other.faults;
        self.writes += other.writes;
    }
}
