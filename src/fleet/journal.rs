//! What a pass found and did, in the log: it is the only place where a daemon says which cluster drifted, and why, and the
//! record of every write with what was there before and after.

use tracing::{debug, info, warn};

use crate::{
    model::{Change, ClusterReport, Content, Finding, PassReport, Source, Status},
    report::{self, ChangeResult},
};

/// Says everything that was written, every cluster that is not as the policy wants it, and what could not be read. What
/// would be the same in every pass, such as rows that are not rolecall's, is only for those who ask for more lines.
pub(super) fn log(report: &PassReport) {
    for found in &report.findings {
        finding(found, &found.place.to_string());
    }
    for report in &report.clusters {
        cluster(report);
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

fn cluster(report: &ClusterReport) {
    let cluster = &report.cluster.id;
    for written in report::written(report) {
        change(report, written, ChangeResult::Written);
    }
    let results = report.plan.as_ref().map(|plan| report::results(plan, report.outcome.as_ref())).unwrap_or_default();
    let left: Vec<_> = results.into_iter().filter(|(_, result)| *result != ChangeResult::Written).collect();
    for (not_written, result) in &left {
        change(report, not_written, *result);
    }
    let (status, why, next, left) = (report.status.words(), report.why.as_deref(), report.next.as_deref(), left.len());
    match report.status {
        Status::InSync => debug!(%cluster, "{status}"),
        Status::Applied => info!(%cluster, why, "{status}"),
        Status::Paused | Status::LeftAlone => info!(%cluster, why, next, "{status}"),
        Status::Drifted | Status::Blocked => warn!(%cluster, changes_left = left, why, next, "{status}"),
        Status::Unreachable | Status::AccessDenied | Status::Unknown => warn!(%cluster, why, next, "{status}"),
    }
    for found in report.plan.iter().flat_map(|plan| &plan.findings) {
        finding(found, &cluster.to_string());
    }
}

fn change(report: &ClusterReport, change: &Change, result: ChangeResult<'_>) {
    let (cluster, surface, sign, subject) = (&report.cluster.id, change.surface, change.action.sign(), &change.subject);
    let (before, after) = (text(change.before.as_ref()), text(change.after.as_ref()));
    let sources = change.sources.iter().map(Source::to_string).collect::<Vec<_>>().join(", ");
    let (reason, why, words) = (change.reason.as_str(), result.why(), result.as_str());
    info!(%cluster, %surface, reason, before, after, sources, why, "{words}: {sign} {subject}");
}

fn text(content: Option<&Content>) -> Option<String> {
    content.and_then(|content| serde_json::to_string(content).ok())
}

fn finding(finding: &Finding, place: &str) {
    let (subject, next) = (&finding.subject, finding.next.as_deref());
    if finding.incomplete || finding.drift {
        warn!(place, subject, next, "{}", finding.message);
    } else {
        debug!(place, subject, next, "{}", finding.message);
    }
}
