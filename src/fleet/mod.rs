//! One pass over the fleet: composes the stages. Discover, observe and plan run ahead as one pipeline; corrections begin
//! only when the whole fleet has been planned, so that budgets see all of it.

mod accounts;
mod center;
mod correct;
mod doctor;
mod examine;
mod explain;
mod foreign;
mod import;
mod journal;
mod load;
mod lookups;
mod migrate;
mod progress;
mod seen;
mod selection;
mod stock;
mod tasks;
mod walk;
mod within;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

pub use doctor::diagnose;
pub use explain::{Explained, explain};
pub use import::{Differing, Import, import};
pub use load::{Inputs, Loaded, load, load_settings};
pub use migrate::{MigrateOptions, Survey, survey};
pub use progress::{Progress, Quiet};
pub use walk::{Discovery, discover};
pub use within::{Within, held, known};

use crate::{
    discover::{DiscoverError, Hub},
    model::{ClusterId, PassKind, PassReport, Plan, Principal},
};

pub use crate::observe::EntryMemory;

/// Why a pass could not take place at all.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// AWS could not be read to the point where there is a fleet.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// The pass was called off before there was anything to report.
    #[error("the pass was called off before it had read anything")]
    Cancelled,
}

impl FleetError {
    /// A short stable name, for metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Discover(error) => error.kind(),
            Self::Cancelled => "cancelled",
        }
    }

    /// What to do next, in a sentence, where there is something.
    pub fn next(&self) -> Option<&str> {
        match self {
            Self::Discover(error) => Some(error.next()),
            Self::Cancelled => None,
        }
    }
}

/// What a pass is asked to do beyond its settings and policy.
#[derive(Clone, Debug)]
pub struct PassOptions {
    /// Compare only, or correct as well.
    pub kind: PassKind,
    /// Whether broken sections of aws-auth may be rewritten, their text kept in a backup ConfigMap.
    pub repair: bool,
    /// Only these plans, made earlier: a cluster whose plan is no longer the same is refused.
    pub only: Option<Only>,
    /// Only this part of the fleet; without it, all of it.
    pub within: Option<Within>,
    /// Whom `explain` is asked about; looked up beside those that the policy names.
    pub asked: Vec<Principal>,
    /// What earlier passes of the same process learned of access entries; without it, all of them are read.
    pub memory: Option<Arc<EntryMemory>>,
}

/// Plans made earlier, and how large the fleet was for which they were made.
#[derive(Clone, Debug)]
pub struct Only {
    /// The plans.
    pub plans: Vec<Plan>,
    /// How many clusters were known then; budgets in percent are parts of the fleet, not of the plans.
    pub fleet: usize,
}

impl Only {
    /// The plan for a cluster.
    pub(crate) fn plan(&self, cluster: &ClusterId) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.cluster == *cluster)
    }
}

impl PassOptions {
    /// Whether the pass sees the whole fleet.
    pub(crate) fn is_whole(&self) -> bool {
        self.only.is_none() && self.within.is_none()
    }

    /// How many clusters the whole fleet has at least.
    pub(crate) fn fleet(&self) -> usize {
        let (only, within) = (self.only.as_ref(), self.within.as_ref());
        only.map_or(0, |only| only.fleet).max(within.map_or(0, |within| within.fleet))
    }

    /// A plain pass that remembers nothing.
    pub fn new(kind: PassKind) -> Self {
        Self { kind, repair: false, only: None, within: None, asked: Vec::new(), memory: None }
    }
}

/// What every part of one pass shares.
pub(crate) struct Context {
    pub(crate) inputs: Arc<Inputs>,
    pub(crate) options: PassOptions,
    pub(crate) progress: Arc<dyn Progress>,
    pub(crate) cancel: CancellationToken,
    pub(crate) today: Date,
    /// When the pass was first seen to be called off.
    pub(crate) called_off: OnceLock<Instant>,
}

/// How long writes in flight may take after the pass was called off.
const GRACE: Duration = Duration::from_secs(8);

impl Context {
    pub(crate) fn new(
        inputs: Arc<Inputs>,
        options: PassOptions,
        cancel: CancellationToken,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self { inputs, options, progress, cancel, today: today(), called_off: OnceLock::new() }
    }

    /// What the work gives, or nothing when the pass is called off before.
    pub(crate) async fn unless_called_off<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.cancel.cancelled() => None,
        }
    }

    /// Ends some seconds after the pass was called off, at the same time for everybody who waits.
    pub(crate) async fn expired(&self) {
        self.cancel.cancelled().await;
        tokio::time::sleep_until(*self.called_off.get_or_init(Instant::now) + GRACE).await;
    }
}

/// Today in UTC, by which grants and pauses end.
pub fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

/// Walks the organization once: reads and plans every cluster and, for [`PassKind::Sync`], corrects it.
///
/// # Errors
/// When the organization itself cannot be read. Whatever fails below that is a finding or a cluster's status.
pub async fn pass(
    inputs: Arc<Inputs>,
    options: PassOptions,
    hub: &Arc<Hub>,
    cancel: CancellationToken,
    progress: Arc<dyn Progress>,
) -> Result<PassReport, FleetError> {
    let started = Timestamp::now();
    if let Some(memory) = &options.memory {
        memory.forget_old(started);
    }
    let context = Arc::new(Context::new(inputs, options, cancel, progress));
    let span = info_span!("pass", kind = ?context.options.kind);
    async {
        let mut walked = walk::examine_all(&context, hub).await?;
        let corrected = match context.options.kind {
            PassKind::Plan => walked.examined.into_iter().map(|examined| examined.report).collect(),
            PassKind::Sync => correct::correct_all(&context, walked.examined).await,
        };
        walked.findings.extend(walked.center.findings(&context).await);
        walked.findings.sort();
        let clusters = selection::complete(&context, corrected, &mut walked.findings);
        let report = PassReport {
            kind: context.options.kind,
            organization: walked.organization,
            started,
            finished: Timestamp::now(),
            accounts: walked.accounts,
            regions: walked.regions,
            clusters,
            findings: walked.findings,
        };
        journal::log(&report);
        Ok(report)
    }
    .instrument(span)
    .await
}
