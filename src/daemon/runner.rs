//! One pass at a time, each a task of its own.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::{
    discover::{self, Hub},
    fleet::{self, FleetError, Inputs, PassOptions, Quiet},
    model::{PassKind, PassReport},
    settings::Mode,
    web,
};

/// What a pass gives back: the hub is kept for the next one, with its connections and credentials.
type Pass = Result<(PassReport, Arc<Hub>, Arc<Inputs>), FleetError>;

/// Runs passes, never two at once.
pub(super) struct Runner {
    inputs: Arc<Inputs>,
    hub: Option<Arc<Hub>>,
    running: Option<JoinHandle<Pass>>,
    state: Arc<web::State>,
    stop: CancellationToken,
}

impl Runner {
    /// Runs nothing yet.
    pub(super) fn new(inputs: Arc<Inputs>, state: Arc<web::State>, stop: CancellationToken) -> Self {
        Self { inputs, hub: None, running: None, state, stop }
    }

    /// Whether these are the inputs in force.
    pub(super) fn is_current(&self, inputs: &Inputs) -> bool {
        *self.inputs == *inputs
    }

    /// Later passes work with these inputs; one that is running ends with its own.
    pub(super) fn take(&mut self, inputs: Arc<Inputs>) {
        if !same_hub(&inputs, &self.inputs) {
            self.hub = None;
        }
        self.inputs = inputs;
    }

    /// Whether a pass is running, or waiting for its jitter to pass.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts a pass after a random part of `jitter`.
    pub(super) fn start(&mut self, jitter: Duration) {
        let (inputs, hub, stop) = (Arc::clone(&self.inputs), self.hub.clone(), self.stop.clone());
        self.running = Some(tokio::spawn(async move {
            let wait = jitter.mul_f64(fastrand::f64());
            tokio::select! {
                () = tokio::time::sleep(wait) => pass(inputs, hub, stop).await,
                () = stop.cancelled() => Err(FleetError::Cancelled),
            }
        }));
    }

    /// Waits for the running pass and takes in what it found; waits forever when none runs.
    pub(super) async fn ended(&mut self) {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let result = running.await;
        self.running = None;
        match result {
            Ok(Ok((report, hub, inputs))) => {
                // The settings may have changed while the pass ran; its hub then belongs to another organization.
                if same_hub(&inputs, &self.inputs) {
                    self.hub = Some(hub);
                }
                self.state.record_pass(&report);
            }
            Ok(Err(FleetError::Cancelled)) => info!("the pass was called off"),
            Ok(Err(error)) => {
                error!(error = %error, kind = error.kind(), "the pass failed: nothing was written; the next one comes by schedule");
                self.state.pass_failed(&error.to_string());
                self.hub = None;
            }
            Err(error) => {
                error!(%error, "the pass ended abnormally; the next one comes by schedule");
                self.state.pass_failed("the pass ended abnormally: see the log");
            }
        }
    }

    /// Waits for the running pass, if any.
    pub(super) async fn finish(&mut self) {
        if self.is_running() {
            self.ended().await;
        }
    }
}

/// Whether the hub made for these inputs serves those as well.
fn same_hub(these: &Inputs, those: &Inputs) -> bool {
    let (these, those) = (&these.settings, &those.settings);
    these.scope == those.scope && these.limits.per_account == those.limits.per_account
}

async fn pass(inputs: Arc<Inputs>, hub: Option<Arc<Hub>>, stop: CancellationToken) -> Pass {
    let hub = match hub {
        Some(hub) => hub,
        None => Arc::new(discover::hub(&inputs.settings.scope, inputs.settings.limits.per_account).await?),
    };
    let kind = match inputs.settings.mode {
        Mode::Report => PassKind::Plan,
        Mode::Enforce => PassKind::Sync,
    };
    let report = fleet::pass(Arc::clone(&inputs), PassOptions::new(kind), &hub, stop, Arc::new(Quiet)).await?;
    Ok((report, hub, inputs))
}
