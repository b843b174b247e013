//! One pass at a time, each a task of its own: those of the schedule over the whole fleet, and between them those over
//! what events name.

use std::{collections::BTreeSet, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    task::{JoinError, JoinHandle},
    time::{Instant, Sleep, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::listen::{Asked, Served};
use crate::{
    discover::{self, Hub},
    fleet::{self, EntryMemory, FleetError, Inputs, PassOptions, Quiet, Within},
    model::{ClusterId, PassKind, PassReport},
    settings::{Mode, Settings},
    web,
};

/// What a pass gives back: the hub is kept for the next one, with its connections and credentials.
type Pass = Result<(PassReport, Arc<Hub>, Arc<Inputs>), FleetError>;

/// How long after a pass that failed as a whole the next one is tried, at first and at most.
const FIRST_RETRY: Duration = Duration::from_secs(5);
const LAST_RETRY: Duration = Duration::from_mins(10);

/// Runs passes, never two at once.
pub(super) struct Runner {
    inputs: Arc<Inputs>,
    hub: Option<Arc<Hub>>,
    /// It outlives the hub: what it knows is known by cluster.
    memory: Arc<EntryMemory>,
    due: Due,
    running: Option<Running>,
    /// What events ask for; whatever pass begins next takes it along.
    asked: Option<Asked>,
    /// How many clusters the last pass over the whole fleet knew.
    fleet: Option<usize>,
    /// Which clusters the budget of that pass held back.
    held: BTreeSet<ClusterId>,
    /// How many passes over the whole fleet in a row have failed.
    failures: u32,
    state: Arc<web::State>,
    stop: CancellationToken,
}

/// When the next pass over the whole fleet begins.
enum Due {
    /// Nobody asked for one.
    Never,
    /// It waits for its jitter to pass, or for a pass over a part to end.
    Asked(Pin<Box<Sleep>>),
    /// The last one failed as a whole, and the next one does not wait for the schedule, which may be a day away.
    Retry(Pin<Box<Sleep>>),
}

/// A pass that runs.
struct Running {
    pass: JoinHandle<Pass>,
    /// The part of the fleet that it looks at; without it, all of it.
    within: Option<Within>,
    asked: Option<Asked>,
}

impl Runner {
    /// Runs nothing yet.
    pub(super) fn new(inputs: Arc<Inputs>, state: Arc<web::State>, stop: CancellationToken) -> Self {
        let (hub, due, running, asked, fleet) = (None, Due::Never, None, None, None);
        let (memory, held) = (Arc::default(), BTreeSet::new());
        Self { inputs, hub, memory, due, running, asked, fleet, held, failures: 0, state, stop }
    }

    /// The settings in force.
    pub(super) fn settings(&self) -> &Settings {
        &self.inputs.settings
    }

    /// Whether these are the inputs in force.
    pub(super) fn is_current(&self, inputs: &Inputs) -> bool {
        *self.inputs == *inputs
    }

    /// Passes that have not begun yet work with these inputs; one that is running ends with its own.
    pub(super) fn take(&mut self, inputs: Arc<Inputs>) {
        if !same_hub(&inputs, &self.inputs) {
            self.hub = None;
        }
        // How much these would change is measured against the budgets by a pass over the whole fleet first.
        self.fleet = None;
        self.inputs = inputs;
    }

    /// Whether a pass over the whole fleet is running, or waiting for its jitter to pass.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.due, Due::Asked(_)) || self.running.as_ref().is_some_and(|running| running.within.is_none())
    }

    /// Asks for a pass over the whole fleet after a random part of `jitter`, or when the one that runs has ended.
    pub(super) fn start(&mut self, jitter: Duration) {
        self.due = Due::Asked(Box::pin(sleep(jitter.mul_f64(fastrand::f64()))));
    }

    /// Asks for a pass over what events name, as soon as none is running. What is asked for while AWS cannot be read, or
    /// before the fleet is known of which budgets are a part (after a reload, again), waits for the pass over the whole
    /// fleet and goes with it.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.asked = Some(asked);
    }

    /// Begins the pass that waits, waits for its end and takes in what it found; waits forever when none was asked for.
    /// Safe to be dropped at any time and called again.
    pub(super) async fn ended(&mut self) {
        if self.running.is_none() {
            self.begin().await;
        }
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let result = (&mut running.pass).await;
        if let Some(Running { within, asked, .. }) = self.running.take() {
            match within {
                None => self.whole_ended(result, asked),
                Some(within) => self.part_ended(result, &within, asked),
            }
        }
    }

    /// Waits until a pass is to begin, and begins it.
    async fn begin(&mut self) {
        let retrying = matches!(self.due, Due::Retry(_));
        let within = match (&mut self.due, &self.asked, self.fleet) {
            (Due::Asked(due) | Due::Retry(due), ..) if due.deadline() <= Instant::now() => None,
            (_, Some(asked), Some(fleet)) if !retrying => {
                asked.within(fleet).map(|within| Within { held: self.held.clone(), ..within })
            }
            (Due::Asked(due) | Due::Retry(due), ..) => {
                due.as_mut().await;
                None
            }
            (Due::Never, ..) => return std::future::pending().await,
        };
        if let Some(within) = &within {
            let (accounts, clusters) = (within.accounts.len(), within.clusters.len());
            info!(accounts, clusters, "events name accounts and clusters: a pass looks at just these");
        } else {
            self.due = Due::Never;
        }
        // Only now are the inputs taken, so that what was loaded during the wait is what the pass works with.
        let pass = pass(
            Arc::clone(&self.inputs),
            self.hub.clone(),
            Arc::clone(&self.memory),
            within.clone(),
            self.stop.clone(),
        );
        self.running = Some(Running { pass: tokio::spawn(pass), within, asked: self.asked.take() });
    }

    fn whole_ended(&mut self, result: Result<Pass, JoinError>, asked: Option<Asked>) {
        match result {
            Ok(Ok((report, hub, inputs))) => {
                self.keep(hub, &inputs);
                self.failures = 0;
                if self.is_current(&inputs) {
                    (self.fleet, self.held) = (Some(fleet::known(&report)), fleet::held(&report));
                }
                self.state.record_pass(&report);
                answer(asked, Some(&report));
            }
            Ok(Err(FleetError::Cancelled)) => info!("the pass was called off"),
            Ok(Err(error)) => {
                let (kind, next) = (error.kind(), error.next());
                error!(%error, kind, next, "the pass failed: nothing was written");
                self.state.pass_failed(&error.to_string());
                self.retry();
                answer(asked, None);
            }
            Err(error) => {
                error!(%error, "the pass ended abnormally");
                self.state.pass_failed("the pass ended abnormally: see the log");
                self.retry();
                answer(asked, None);
            }
        }
    }

    /// A part that failed is asked for again by its messages, which come again; the schedule is not its matter.
    fn part_ended(&mut self, result: Result<Pass, JoinError>, within: &Within, asked: Option<Asked>) {
        match result {
            Ok(Ok((report, hub, inputs))) => {
                self.keep(hub, &inputs);
                self.state.record_part(&report, within);
                return answer(asked, Some(&report));
            }
            Ok(Err(FleetError::Cancelled)) => info!("the pass over what events named was called off"),
            Ok(Err(error)) => {
                let (kind, next) = (error.kind(), error.next());
                error!(%error, kind, next, "the pass over what events named failed: nothing was written");
                self.state.part_failed();
                self.hub = None;
            }
            Err(error) => {
                error!(%error, "the pass over what events named ended abnormally");
                self.state.part_failed();
                self.hub = None;
            }
        }
        answer(asked, None);
    }

    /// The settings may have changed while the pass ran; its hub then belongs to another organization.
    fn keep(&mut self, hub: Arc<Hub>, inputs: &Inputs) {
        if same_hub(inputs, &self.inputs) {
            self.hub = Some(hub);
        }
    }

    /// Tries again in a while that doubles with each failure, with fresh credentials; the schedule may be earlier.
    fn retry(&mut self) {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(10)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.hub = None;
        info!(seconds = wait.as_secs(), "the next pass comes after this time, or by schedule");
        self.due = Due::Retry(Box::pin(sleep(wait)));
    }

    /// Waits for the running pass, if any; one that only waits for its jitter never begins.
    pub(super) async fn finish(&mut self) {
        if self.running.is_some() {
            self.ended().await;
        }
    }
}

fn answer(asked: Option<Asked>, report: Option<&PassReport>) {
    if let Some(asked) = asked {
        let served = report.map_or(Served::Failed, |report| Served::of(&asked.targets, report));
        // Whoever asked may have stopped listening since.
        drop(asked.reply.send(served));
    }
}

/// Whether the hub made for the one serves the other as well.
pub(super) fn same_hub(one: &Inputs, other: &Inputs) -> bool {
    let (one, other) = (&one.settings, &other.settings);
    one.scope == other.scope && one.limits.per_account == other.limits.per_account
}

async fn pass(
    inputs: Arc<Inputs>,
    hub: Option<Arc<Hub>>,
    memory: Arc<EntryMemory>,
    within: Option<Within>,
    stop: CancellationToken,
) -> Pass {
    let settings = &inputs.settings;
    let hub = if let Some(hub) = hub {
        hub
    } else {
        tokio::select! {
            hub = discover::hub(&settings.scope, settings.limits.per_account) => Arc::new(hub?),
            () = stop.cancelled() => return Err(FleetError::Cancelled),
        }
    };
    let kind = match settings.mode {
        Mode::Report => PassKind::Plan,
        Mode::Enforce => PassKind::Sync,
    };
    let options = PassOptions { within, memory: Some(memory), ..PassOptions::new(kind) };
    let report = fleet::pass(Arc::clone(&inputs), options, &hub, stop, Arc::new(Quiet)).await?;
    Ok((report, hub, inputs))
}
