//! One pass at a time, each a task of its own.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{Sleep, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    discover::{self, Hub},
    fleet::{self, FleetError, Inputs, PassOptions, Quiet},
    model::{PassKind, PassReport},
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
    work: Work,
    /// How many passes in a row have failed as a whole.
    failures: u32,
    state: Arc<web::State>,
    stop: CancellationToken,
}

/// How far the pass has come that was last asked for.
enum Work {
    /// It has ended.
    Idle,
    /// It waits for its jitter to pass.
    Waiting(Pin<Box<Sleep>>),
    /// It failed as a whole, and the next one does not wait for the schedule, which may be a day away.
    Retrying(Pin<Box<Sleep>>),
    /// It runs.
    Running(JoinHandle<Pass>),
}

impl Runner {
    /// Runs nothing yet.
    pub(super) fn new(inputs: Arc<Inputs>, state: Arc<web::State>, stop: CancellationToken) -> Self {
        Self { inputs, hub: None, work: Work::Idle, failures: 0, state, stop }
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
        self.inputs = inputs;
    }

    /// Whether a pass is running, or waiting for its jitter to pass.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.work, Work::Waiting(_) | Work::Running(_))
    }

    /// Asks for a pass after a random part of `jitter`.
    pub(super) fn start(&mut self, jitter: Duration) {
        self.work = Work::Waiting(Box::pin(sleep(jitter.mul_f64(fastrand::f64()))));
    }

    /// Begins the pass that waits, waits for its end and takes in what it found; waits forever when none was asked for.
    /// Safe to be dropped at any time and called again.
    pub(super) async fn ended(&mut self) {
        if let Work::Waiting(wait) | Work::Retrying(wait) = &mut self.work {
            wait.as_mut().await;
            // Only now are the inputs taken, so that what was loaded during the wait is what the pass works with.
            let pass = pass(Arc::clone(&self.inputs), self.hub.clone(), self.stop.clone());
            self.work = Work::Running(tokio::spawn(pass));
        }
        let Work::Running(running) = &mut self.work else { return std::future::pending().await };
        let result = running.await;
        self.work = Work::Idle;
        match result {
            Ok(Ok((report, hub, inputs))) => {
                // The settings may have changed while the pass ran; its hub then belongs to another organization.
                if same_hub(&inputs, &self.inputs) {
                    self.hub = Some(hub);
                }
                self.failures = 0;
                self.state.record_pass(&report);
            }
            Ok(Err(FleetError::Cancelled)) => info!("the pass was called off"),
            Ok(Err(error)) => {
                let (kind, next) = (error.kind(), error.next());
                error!(%error, kind, next, "the pass failed: nothing was written");
                self.state.pass_failed(&error.to_string());
                self.retry();
            }
            Err(error) => {
                error!(%error, "the pass ended abnormally");
                self.state.pass_failed("the pass ended abnormally: see the log");
                self.retry();
            }
        }
    }

    /// Tries again in a while that doubles with each failure, with fresh credentials; the schedule may be earlier.
    fn retry(&mut self) {
        let wait = FIRST_RETRY.saturating_mul(1 << self.failures.min(10)).min(LAST_RETRY);
        self.failures = self.failures.saturating_add(1);
        self.hub = None;
        info!(seconds = wait.as_secs(), "the next pass comes after this time, or by schedule");
        self.work = Work::Retrying(Box::pin(sleep(wait)));
    }

    /// Waits for the running pass, if any; one that only waits for its jitter never begins.
    pub(super) async fn finish(&mut self) {
        if matches!(self.work, Work::Running(_)) {
            self.ended().await;
        }
    }
}

/// Whether the hub made for the one serves the other as well.
fn same_hub(one: &Inputs, other: &Inputs) -> bool {
    let (one, other) = (&one.settings, &other.settings);
    one.scope == other.scope && one.limits.per_account == other.limits.per_account
}

async fn pass(inputs: Arc<Inputs>, hub: Option<Arc<Hub>>, stop: CancellationToken) -> Pass {
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
    let report = fleet::pass(Arc::clone(&inputs), PassOptions::new(kind), &hub, stop, Arc::new(Quiet)).await?;
    Ok((report, hub, inputs))
}
