//! What is found and done, in the log: it is the only place where a daemon says which cluster drifted, and why.

use tracing::{debug, error, info, warn};

use crate::{
    fleet::Loaded,
    model::{ClusterReport, Finding, PassReport, Status},
    report::{self, ChangeResult},
    source::Severity,
};

/// Says what is wrong with settings and policy, a line for each.
pub(super) fn diagnostics(loaded: &Loaded) {
    for diagnostic in loaded.diagnostics.sorted(&loaded.files) {
        let line = diagnostic.one_line(&loaded.files);
        match diagnostic.severity {
            Severity::Error => error!("{line}"),
            Severity::Warning => warn!("{line}"),
        }
    }
}

/// Says what a pass found and did: everything that was written, every cluster that is not as the policy wants it, and
/// what could not be read. What would be the same in every pass, such as rows that are not rolecall's, is left to
/// `rolecall report`.
pub(super) fn pass(report: &PassReport) {
    for found in &report.findings {
        finding(found, &found.place.to_string());
    }
    for report in &report.clusters {
        cluster(report);
    }
}

fn cluster(report: &ClusterReport) {
    let cluster = &report.cluster.id;
    for change in report::written(report) {
        let (surface, sign, subject) = (change.surface, change.action.sign(), &change.subject);
        info!(%cluster, %surface, reason = change.reason, "written: {sign} {subject}");
    }
    let results = report.plan.as_ref().map(|plan| report::results(plan, report.outcome.as_ref())).unwrap_or_default();
    let left = results.iter().filter(|(_, result)| *result != ChangeResult::Written).count();
    for (change, result) in &results {
        if *result != ChangeResult::Written {
            let (surface, sign, subject) = (change.surface, change.action.sign(), &change.subject);
            debug!(%cluster, %surface, reason = change.reason, why = result.why(), "not written: {sign} {subject}");
        }
    }
    let (status, why, next) = (report.status.words(), report.why.as_deref(), report.next.as_deref());
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

fn finding(finding: &Finding, place: &str) {
    let (subject, next) = (&finding.subject, finding.next.as_deref());
    if finding.incomplete || finding.drift {
        warn!(place, subject, next, "{}", finding.message);
    } else {
        debug!(place, subject, next, "{}", finding.message);
    }
}
