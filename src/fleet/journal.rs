//! The log of a pass: every cluster that is not in sync, every change with what it holds before and after.

use tracing::{info, warn};

use crate::{
    model::{ClusterReport, Content, PassReport, Source, Status},
    report::{self, ChangeResult},
};

/// Logs what a pass found and did. A daemon has no other voice than this between two looks at its metrics.
pub(super) fn log(report: &PassReport) {
    for finding in &report.findings {
        if finding.incomplete {
            warn!(place = %finding.place, code = ?finding.code, next = finding.next.as_deref(), "{}", finding.message);
        }
    }
    for cluster in report.clusters.iter().filter(|cluster| cluster.status != Status::InSync) {
        log_cluster(cluster);
    }
    let counts = report.counts();
    let count = |status| counts.get(&status).copied().unwrap_or(0);
    info!(
        accounts = report.accounts,
        clusters = report.clusters.len(),
        in_sync = count(Status::InSync),
        applied = count(Status::Applied),
        drifted = count(Status::Drifted),
        blocked = count(Status::Blocked),
        unknown = report.clusters.iter().filter(|c| c.status.is_unknown()).count(),
        "pass ended"
    );
}

fn log_cluster(report: &ClusterReport) {
    let (cluster, status, why) = (&report.cluster.id, report.status.as_str(), report.why.as_deref());
    match report.status {
        Status::InSync | Status::Applied | Status::Paused | Status::LeftAlone => {
            info!(%cluster, status, why, "cluster")
        }
        _ => warn!(%cluster, status, why, next = report.next.as_deref(), "cluster"),
    }
    let Some(plan) = &report.plan else { return };
    for finding in plan.findings.iter().filter(|finding| finding.drift || finding.incomplete) {
        warn!(%cluster, code = ?finding.code, next = finding.next.as_deref(), "{}", finding.message);
    }
    let earlier = report.earlier.iter().flat_map(|(plan, outcome)| report::results(plan, Some(outcome)));
    let last = report::results(plan, report.outcome.as_ref());
    // Of plans that a conflict cut short, only what was written counts: the rest was planned anew.
    for (change, result) in earlier.filter(|(_, result)| *result == ChangeResult::Written).chain(last) {
        let (action, subject, reason) = (change.action.sign(), &change.subject, change.reason.as_str());
        let (before, after) = (text(change.before.as_ref()), text(change.after.as_ref()));
        let sources = change.sources.iter().map(Source::to_string).collect::<Vec<_>>().join(", ");
        let (surface, result_name, why) = (change.surface, result.as_str(), result.why());
        match result {
            ChangeResult::Planned | ChangeResult::Written => {
                info!(%cluster, %surface, %action, %subject, reason, before, after, sources, result = result_name, "change");
            }
            _ => {
                warn!(%cluster, %surface, %action, %subject, reason, before, after, sources, result = result_name, why, "change");
            }
        }
    }
}

fn text(content: Option<&Content>) -> Option<String> {
    content.and_then(|content| serde_json::to_string(content).ok())
}
