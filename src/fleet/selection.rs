//! Which of the clusters found are meant, and whether all that were asked for were seen.

use std::collections::BTreeSet;

use super::Context;
use crate::{
    model::{Cluster, ClusterReport, Finding, FindingCode, Match, Plan},
    policy,
};

/// Whether the settings mean this cluster. One of which it cannot be told is left alone, with a finding.
pub(super) fn means(context: &Context, cluster: &Cluster) -> Result<bool, Box<Finding>> {
    let options = &context.options;
    if options.within.as_ref().is_some_and(|within| !within.covers(&cluster.id)) {
        return Ok(false);
    }
    let scope = &context.inputs.settings.scope;
    let excluded = scope.exclude.as_ref().map_or(Match::No, |exclude| exclude.matches(cluster));
    match scope.include.matches(cluster).and(|| excluded.negate()) {
        Match::Yes => Ok(options.only.as_ref().is_none_or(|only| only.plan(&cluster.id).is_some())),
        Match::No => Ok(false),
        Match::Unknown(why) => {
            let message =
                format!("whether cluster {} is meant by `include` and `exclude` cannot be told: {why}", cluster.id);
            let finding = Finding::gap(FindingCode::SelectorUnknown, cluster.id.to_string(), message);
            Err(Box::new(finding.at(cluster.place())))
        }
    }
}

/// Adds what the policy selects and this fleet does not have, when the fleet was read as a whole.
pub(super) fn unused_selectors<'c>(
    context: &Context,
    clusters: impl Iterator<Item = &'c Cluster>,
    findings: &mut Vec<Finding>,
) {
    if context.options.is_whole() && !findings.iter().any(|finding| finding.incomplete) {
        findings.extend(policy::lint_fleet(&context.inputs.policy, clusters));
    }
}

/// Sorts the reports and adds a finding for each cluster of a plan file that was not seen.
pub(super) fn complete(
    context: &Context,
    mut reports: Vec<ClusterReport>,
    findings: &mut Vec<Finding>,
) -> Vec<ClusterReport> {
    reports.sort_by(|a, b| a.cluster.id.cmp(&b.cluster.id));
    unused_selectors(context, reports.iter().map(|report| &report.cluster), findings);
    if let Some(only) = &context.options.only {
        let seen: BTreeSet<_> = reports.iter().map(|report| &report.cluster.id).collect();
        findings.extend(only.plans.iter().filter(|plan| !seen.contains(&plan.cluster)).map(vanished));
    }
    if let Some(within) = &context.options.within {
        findings.extend(within.missing(reports.iter().map(|report| &report.cluster.id)));
    }
    reports
}

/// A cluster that was asked for and is not there.
fn vanished(plan: &Plan) -> Finding {
    let message = format!("cluster {} is in the plan and was not found in this pass", plan.cluster);
    Finding::gap(FindingCode::ClusterUnreadable, plan.cluster.to_string(), message)
        .next("make a new plan with `rolecall plan --out FILE`")
}
