//! Rounds of looking, writing and waiting on each cluster, until nothing is left or the time is over.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::{Shared, on_each, only, site::Site};
use crate::{
    apply,
    discover::Eks,
    fleet::examine,
    model::{Cluster, Guard, MigratedCluster, Outcome, Plan, Status, Unreadable, UnreadableKind},
};

/// How often in a row somebody else may be faster.
const TRIES: usize = 3;
/// How many rounds a cluster takes at most: those that follow each other are few, and whoever writes rows again that were
/// moved would keep it busy for ever.
const ROUNDS: usize = 60;

/// Moves what can be moved on every cluster.
pub(super) async fn all(shared: &Arc<Shared>, mut clusters: Vec<MigratedCluster>) -> Vec<MigratedCluster> {
    hold_to_budget(shared, &mut clusters);
    let (moving, mut done): (Vec<_>, Vec<_>) = clusters.into_iter().partition(moves);
    shared.context.progress.applying(moving.len());
    let until = Instant::now().checked_add(shared.options.timeout).unwrap_or(Instant::now() + AGES);
    let moved =
        on_each(shared, moving, |shared, seen| async move { Box::pin(Rounds::new(&shared, seen, until).go()).await });
    done.extend(moved.await);
    done.sort_by(|a, b| a.report.cluster.id.cmp(&b.report.cluster.id));
    done
}

/// As good as no end.
const AGES: Duration = Duration::from_hours(24 * 365);

/// Whether there is anything to write to it, now or later.
fn moves(cluster: &MigratedCluster) -> bool {
    let plan = cluster.report.plan.as_ref().filter(|plan| plan.blocked.is_none());
    plan.is_some_and(|plan| !plan.steps.is_empty() || cluster.waits_until.is_some())
}

/// Blocks every plan when more clusters would change than the settings allow at once.
fn hold_to_budget(shared: &Shared, clusters: &mut [MigratedCluster]) {
    let unknown = clusters.iter().filter(|cluster| cluster.report.status.is_unknown() && !moves(cluster)).count();
    let known = shared.fleet.saturating_sub(unknown);
    let allowed = shared.context.inputs.settings.safety.max_changed_clusters.of(known);
    let changed = clusters.iter().filter(|cluster| moves(cluster)).count();
    if changed <= allowed {
        return;
    }
    warn!(changed, allowed, "more clusters would change than `safety.maxChangedClusters` allows: nothing is written");
    for cluster in clusters.iter_mut().filter(|cluster| moves(cluster)) {
        cluster.report.block(Guard {
            name: "max-changed-clusters".to_owned(),
            message: format!("{changed} of {known} clusters would change, {allowed} may at once"),
            next: "take some of them with `--cluster`, or raise `safety.maxChangedClusters`".to_owned(),
        });
    }
}

/// The rounds on one cluster.
struct Rounds<'s> {
    site: Site<'s>,
    /// The cluster as it was looked at last.
    last: MigratedCluster,
    until: Instant,
    /// The plans that were carried out, with what became of them.
    done: Vec<(Plan, Outcome)>,
    /// When something was last written, by a clock that nobody sets.
    written: Option<Instant>,
}

/// What one round came to.
struct Round {
    /// The cluster as it was before anything was written in the round.
    seen: MigratedCluster,
    /// What became of the round's plan; nothing where there was none.
    outcome: Option<Outcome>,
    /// Why there shall be no further round.
    over: Option<Unreadable>,
}

impl<'s> Rounds<'s> {
    fn new(shared: &'s Shared, last: MigratedCluster, until: Instant) -> Self {
        let site = Site::new(shared, last.report.cluster.clone());
        Self { site, last, until, done: Vec::new(), written: None }
    }

    async fn go(mut self) -> MigratedCluster {
        let mut conflicts = 0;
        for _ in 0..ROUNDS {
            let shared = self.site.shared;
            let Round { seen, outcome, over } = shared.at_once.take(Box::pin(self.round())).await;
            if over.is_some() {
                return self.finish(seen, outcome, over);
            }
            let Some(outcome) = outcome else {
                match seen.waits_until {
                    None => return self.finish(seen, None, None),
                    Some(settled) => match self.wait(settled).await {
                        Ok(()) => continue,
                        Err(why) => return self.finish(seen, None, Some(why)),
                    },
                }
            };
            info!(written = outcome.written(), "round carried out");
            if outcome.written() > 0 {
                (conflicts, self.written) = (0, Some(Instant::now()));
                let plan = seen.report.plan.unwrap_or_else(|| Plan::empty(self.site.cluster.id.clone()));
                self.done.push((plan, outcome));
                continue;
            }
            conflicts += 1;
            if outcome.conflict().is_some() && conflicts < TRIES {
                continue;
            }
            // What cannot be written keeps nothing else from being settled.
            let Some(settled) = seen.waits_until else { return self.finish(seen, Some(outcome), None) };
            if let Err(why) = self.wait(settled).await {
                return self.finish(seen, Some(outcome), Some(why));
            }
        }
        let message = format!("{}: after {ROUNDS} rounds something is still left", self.site.cluster.id);
        let next = "See who writes to aws-auth or the access entries at the same time.".to_owned();
        let why = Unreadable { kind: UnreadableKind::Server, message, next: Some(next) };
        let seen = Box::pin(self.site.look()).await.migrated;
        self.finish(seen, None, Some(why))
    }

    /// Looks, and writes what is next.
    async fn round(&mut self) -> Round {
        let shared = self.site.shared;
        let ended = |seen, why| Round { seen, outcome: None, over: Some(why) };
        let looking = async {
            self.site.cluster = described(shared, &self.site.cluster).await?;
            Ok::<_, Unreadable>(Box::pin(self.site.look()).await)
        };
        let looked = match shared.context.unless_called_off(Box::pin(looking)).await {
            Some(Ok(looked)) => looked,
            Some(Err(why)) => {
                let seen = only(examine::unreadable(self.site.cluster.clone(), None, why.clone()));
                return ended(seen, why);
            }
            None => return ended(self.last.clone(), super::called_off()),
        };
        self.last = looked.migrated.clone();
        let (Some(plan), Some((client, way_in))) = (&looked.migrated.report.plan, &looked.door) else {
            return Round { seen: looked.migrated, outcome: None, over: None };
        };
        if plan.steps.is_empty() {
            return Round { seen: looked.migrated, outcome: None, over: None };
        }
        let left = self.until.saturating_duration_since(Instant::now());
        let applied = tokio::select! {
            outcome = apply::apply(client, way_in.eks.as_ref(), plan, left) => Some(outcome),
            () = shared.context.expired() => None,
        };
        let Some(outcome) = applied else {
            let mut seen = looked.migrated;
            seen.report.status = Status::Unknown;
            return ended(seen, super::called_off());
        };
        let over = (left.is_zero()).then(|| self.late());
        Round { seen: looked.migrated, outcome: Some(outcome), over }
    }

    /// Waits until something is settled, by EKS's clock and, for what was written here, by one's own.
    async fn wait(&self, settled: Timestamp) -> Result<(), Unreadable> {
        let (now, settle) = (Instant::now(), self.site.shared.options.settle);
        let by_eks = Duration::try_from(settled.duration_since(Timestamp::now())).unwrap_or_default();
        let by_own = self.written.map_or(Duration::ZERO, |written| (written + settle).saturating_duration_since(now));
        // Timestamps tell less than a monotonic clock: a look right at the moment may come too early.
        let pause = by_eks.max(by_own) + Duration::from_millis(20);
        if now + pause > self.until {
            return Err(self.late());
        }
        self.site.shared.context.progress.settling();
        info!(seconds = pause.as_secs(), "waiting until what was written is settled");
        let paused = self.site.shared.context.unless_called_off(sleep(pause)).await;
        paused.ok_or_else(super::called_off)
    }

    fn late(&self) -> Unreadable {
        Unreadable {
            kind: UnreadableKind::Timeout,
            message: format!("{}: the time is over; what was begun stands safely as it is", self.site.cluster.id),
            next: Some("Run it again, it goes on where it was, or give it longer with `--timeout`.".to_owned()),
        }
    }

    /// Puts together what was seen last, what was written, and why there was no more.
    fn finish(self, seen: MigratedCluster, outcome: Option<Outcome>, over: Option<Unreadable>) -> MigratedCluster {
        let mut migrated = seen;
        let report = &mut migrated.report;
        report.cluster = self.site.cluster;
        let failure = outcome.as_ref().and_then(|outcome| outcome.failure().cloned());
        let conflict = outcome.as_ref().and_then(|outcome| outcome.conflict().map(str::to_owned));
        (report.earlier, report.outcome) = (self.done, outcome);
        if let Some(why) = failure.or(over) {
            (report.why, report.next) = (Some(why.message), why.next);
        } else if let Some(conflict) = conflict {
            report.why = Some(format!("somebody else writes at the same time: {conflict}"));
            report.next = Some("run it again: it goes on where it was".to_owned());
        }
        let wrote = report.earlier.iter().any(|(_, outcome)| outcome.written() > 0);
        if report.status == Status::InSync && wrote {
            report.status = Status::Applied;
        }
        migrated
    }
}

/// The cluster as EKS tells of it now: its mode may have changed.
async fn described(shared: &Shared, cluster: &Cluster) -> Result<Cluster, Unreadable> {
    let lost = |message: String, next: Option<String>| Unreadable { kind: UnreadableKind::Server, message, next };
    let failed = |error: crate::discover::DiscoverError| lost(error.to_string(), Some(error.next().to_owned()));
    let session = shared.hub.session(&cluster.id.account).await.map_err(failed)?;
    let eks = Eks::new(&session, &cluster.account, &cluster.id.region);
    match eks.describe(&cluster.id.name).await.map_err(failed)? {
        Some((described, _)) => Ok(described),
        None => Err(lost(format!("cluster {} is gone", cluster.id), None)),
    }
}
