//! Desired × observed → plan; guards. Pure, synchronous, deterministic.

mod aws_auth;
mod draft;
mod guards;
mod ownership;
mod protection;
mod rbac;
pub mod splice;

pub use ownership::OWNED_ROWS;

use crate::model::{Change, Cluster, ClusterState, Desired, Finding, FindingCode, Place, Plan, PlanRules};

/// Plans what brings one cluster in line with what is desired for it.
///
/// What could not be observed is left alone and told; nothing is taken away while part of what is desired is unknown.
/// Roles come first, then bindings, then the rows of aws-auth that add or change, and only then what takes away. The
/// plan's findings begin with those of `desired`.
pub fn plan(cluster: &Cluster, desired: &Desired, state: &ClusterState, rules: &PlanRules) -> Plan {
    let aws_auth = aws_auth::plan(cluster, desired, &state.aws_auth, rules);
    let rbac = rbac::plan(desired, &state.rbac);
    let mut plan = Plan::empty(cluster.id.clone());
    plan.findings.extend(desired.findings.iter().cloned());
    plan.findings.extend(aws_auth.findings);
    plan.findings.extend(rbac.findings);
    for finding in plan.findings.iter_mut().filter(|finding| finding.place == Place::default()) {
        finding.place = cluster.place();
    }
    let parts = [rbac.pending, aws_auth.pending, aws_auth.prune, rbac.prune];
    let pending: Vec<draft::Pending> = parts.into_iter().flatten().collect();
    plan.blocked = aws_auth.guard.or_else(|| guards::max_removals(&pending, rules.max_removals));
    draft::assemble(&mut plan, pending);
    plan
}

/// A removal that is not planned because part of what is desired is not known.
fn held_back(change: &Change, unknown: &[String]) -> Finding {
    let message = format!(
        "{} would be removed ({}), but that is held back, since not everything that the policy wants here is known: {}",
        change.subject,
        change.reason,
        draft::listed(unknown, 3)
    );
    let finding = Finding::gap(FindingCode::RemovalHeldBack, change.subject.to_string(), message);
    finding.next("correct what could not be read; the next pass decides again").on(change.surface)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixtures;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod properties;
