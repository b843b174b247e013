//! Rows of aws-auth moved to access entries in the whole fleet: first a survey that writes nothing, then rounds on each
//! cluster, as many as there are things to be waited for.

mod carry_out;
mod people;
mod site;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::{
    Context, FleetError, Inputs, PassOptions, Progress, Within, examine,
    tasks::{cluster_span, join_all, or_fault},
    walk,
};
use crate::{
    discover::{Hub, Turns},
    model::{
        AuthenticationMode, Cluster, ClusterReport, MigrateReport, MigratedCluster, PassKind, Unreadable,
        UnreadableKind,
    },
};

use people::People;
use site::Site;

/// What a migration is asked to do.
#[derive(Clone, Debug)]
pub struct MigrateOptions {
    /// The authentication mode to come to, if it shall change.
    pub to: Option<AuthenticationMode>,
    /// Whether rolecall's own row moves too.
    pub include_own: bool,
    /// How long what was written to an access entry has to stand before anything is built upon it.
    pub settle: Duration,
    /// How long all of it may take.
    pub timeout: Duration,
    /// Only this part of the fleet; without it, all of it.
    pub within: Option<Within>,
}

impl MigrateOptions {
    fn settle(&self) -> SignedDuration {
        SignedDuration::try_from(self.settle).unwrap_or(SignedDuration::MAX)
    }

    fn means(&self, cluster: &Cluster) -> bool {
        self.within.as_ref().is_none_or(|within| within.covers(&cluster.id))
    }
}

/// What every part of a migration shares.
struct Shared {
    context: Context,
    hub: Arc<Hub>,
    options: MigrateOptions,
    people: People,
    at_once: Turns,
    /// How many clusters there are, those that are not meant included: budgets are parts of it.
    fleet: usize,
}

/// The fleet as it stands before anything is moved.
pub struct Survey {
    shared: Arc<Shared>,
    report: MigrateReport,
}

impl std::fmt::Debug for Survey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Survey").field("report", &self.report).finish_non_exhaustive()
    }
}

/// Reads every cluster and plans what would move; nothing is written.
///
/// # Errors
/// When the organization itself cannot be read.
pub async fn survey(
    inputs: Arc<Inputs>,
    options: MigrateOptions,
    hub: &Arc<Hub>,
    cancel: CancellationToken,
    progress: Arc<dyn Progress>,
) -> Result<Survey, FleetError> {
    let started = Timestamp::now();
    let found = walk::discover(Arc::clone(&inputs), hub, cancel.clone(), Arc::clone(&progress)).await?;
    let shared = Arc::new(Shared {
        at_once: Turns::new(inputs.settings.limits.clusters),
        context: Context::new(inputs, PassOptions::new(PassKind::Plan), cancel, progress),
        hub: Arc::clone(hub),
        options,
        people: People::new(found.accounts.clone()),
        fleet: found.clusters.len(),
    });
    let clusters: Vec<Cluster> = found.clusters.into_iter().filter(|c| shared.options.means(c)).collect();
    let mut findings = found.findings;
    if let Some(within) = &shared.options.within {
        findings.extend(within.missing_accounts(&found.accounts));
        findings.extend(within.missing(clusters.iter().map(|cluster| &cluster.id)));
    }
    let clusters = clusters.into_iter().map(|cluster| only(examine::fault(cluster))).collect();
    let looks = on_each(&shared, clusters, |shared, unseen| async move {
        let site = Site::new(&shared, unseen.report.cluster);
        shared.at_once.take(Box::pin(site.survey())).await
    });
    let clusters = looks.instrument(info_span!("migrate", stage = "survey")).await;
    let report = MigrateReport {
        applied: false,
        organization: found.organization,
        started,
        finished: Timestamp::now(),
        accounts: found.accounts.len(),
        regions: found.regions,
        clusters,
        findings,
    };
    Ok(Survey { shared, report })
}

impl Survey {
    /// What was found.
    pub fn report(&self) -> &MigrateReport {
        &self.report
    }

    /// Moves what can be moved, and tells what is left.
    pub async fn carry_out(self) -> MigrateReport {
        let Self { shared, report } = self;
        let moving = carry_out::all(&shared, report.clusters);
        let clusters = moving.instrument(info_span!("migrate", stage = "move")).await;
        MigrateReport { applied: true, finished: Timestamp::now(), clusters, ..report }
    }
}

/// Does something about each cluster, side by side; the results are sorted.
async fn on_each<F>(
    shared: &Arc<Shared>,
    clusters: Vec<MigratedCluster>,
    work: impl Fn(Arc<Shared>, MigratedCluster) -> F,
) -> Vec<MigratedCluster>
where
    F: Future<Output = MigratedCluster> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for cluster in clusters {
        let lost = cluster.report.cluster.clone();
        let span = cluster_span(&lost.id);
        let (working, progress) = (work(Arc::clone(shared), cluster), Arc::clone(&shared.context.progress));
        tasks.spawn(
            async move {
                let done = or_fault(working, || only(examine::fault(lost))).await;
                progress.cluster_done(done.report.status);
                done
            }
            .instrument(span),
        );
    }
    let mut all = join_all(tasks).await;
    all.sort_by(|a, b| a.report.cluster.id.cmp(&b.report.cluster.id));
    all
}

/// A cluster of whose rows nothing is known.
fn only(report: ClusterReport) -> MigratedCluster {
    MigratedCluster { report, rows: Vec::new(), mode: None, waits_until: None }
}

/// Why something is not known when it was called off.
fn called_off() -> Unreadable {
    let message = "the migration was called off".to_owned();
    Unreadable { kind: UnreadableKind::Timeout, message, next: Some("run it again: it goes on".to_owned()) }
}
