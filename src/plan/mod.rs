//! Desired × observed → plan; guards. Pure, synchronous, deterministic.

mod aws_auth;
mod draft;
mod entries;
mod guards;
mod migrate;
mod ownership;
mod protection;
mod rbac;
pub mod splice;
mod successor;
mod way_in;

pub use migrate::{migrate, principals};
pub use ownership::{OWNED_ROWS, owned_rows};

use std::borrow::Cow;

use crate::model::{
    Action, Change, Cluster, ClusterState, Desired, DesiredRow, Finding, FindingCode, Place, Plan, PlanRules, Step,
    Surface, Write,
};

/// Plans what brings one cluster in line with what is desired for it.
///
/// What could not be observed is left alone and told; nothing is taken away while part of what is desired is unknown.
/// Roles come first, then bindings, then the rows of aws-auth and the access entries that add or change, and only then what takes away: rows that
/// go or that give up one group for another, and last what RBAC no longer needs. Neither half takes away what the other,
/// being unknown, may still lean on. The plan's findings begin with those of `desired`.
pub fn plan(cluster: &Cluster, desired: &Desired, state: &ClusterState, rules: &PlanRules) -> Plan {
    let staying = entries::staying::staying(cluster, desired, state, rules);
    let (on_aws_auth, elsewhere) = divided(cluster, desired, &staying, rules);
    let aws_auth = aws_auth::plan(cluster, &on_aws_auth, &elsewhere, state, rules);
    let entries = entries::plan(cluster, &without(desired, &staying), state, rules);
    let way_in = way_in::plan(cluster, state, rules);
    let rows_stay = rows_stay(cluster, state, &aws_auth.findings, rules);
    let rbac = rbac::plan(desired, &state.rbac, rows_stay, || rbac::Holders::of(state, rules));
    let mut plan = Plan::empty(cluster.id.clone());
    plan.findings.extend(desired.findings.iter().cloned());
    plan.findings.extend(way_in.findings);
    plan.findings.extend(aws_auth.findings);
    plan.findings.extend(entries.findings);
    plan.findings.extend(entries::staying::tell(desired, &staying));
    plan.findings.extend(rbac.findings);
    for finding in plan.findings.iter_mut().filter(|finding| finding.place == Place::default()) {
        finding.place = cluster.place();
    }
    let parts =
        [way_in.pending, rbac.pending, aws_auth.pending, entries.pending, aws_auth.prune, entries.prune, rbac.prune];
    let pending: Vec<draft::Pending> = parts.into_iter().flatten().collect();
    plan.blocked = aws_auth.guard.or_else(|| guards::max_removals(&pending, rules.max_removals));
    draft::assemble(&mut plan, pending);
    plan.findings.extend(taken_over(&plan.steps).map(|finding| finding.at(cluster.place())).collect::<Vec<_>>());
    plan
}

/// What is desired without the rows that stay where they are.
fn without<'d>(desired: &'d Desired, staying: &[bool]) -> Cow<'d, Desired> {
    if !staying.contains(&true) {
        return Cow::Borrowed(desired);
    }
    let mut staying = staying.iter();
    let mut rest = desired.clone();
    rest.rows.retain(|_| staying.next() != Some(&true));
    Cow::Owned(rest)
}

/// What is wanted of aws-auth, and the rows that are not: roles and users get in by access entries where the settings and
/// the cluster's mode have it so, and whoever holds access policies alone is nothing for aws-auth. Their rows, where there
/// are any, are left as they are. Rows that stay are those that stand as wanted: nothing is to be moved.
///
/// Accounts and the roles of nodes stay with aws-auth: no access entry stands for an account, and those of nodes are
/// EKS's own matter.
fn divided<'d>(
    cluster: &Cluster,
    desired: &'d Desired,
    staying: &[bool],
    rules: &PlanRules,
) -> (Cow<'d, Desired>, Vec<&'d DesiredRow>) {
    let by_entries = rules.surface.by_entries(cluster.authentication_mode);
    let leaves = |row: &DesiredRow| !row.node && (by_entries || (row.groups.is_empty() && !row.policies.is_empty()));
    let (elsewhere, here): (Vec<_>, Vec<_>) =
        desired.rows.iter().zip(staying).partition(|(row, stays)| !**stays && leaves(row));
    if elsewhere.is_empty() {
        return (Cow::Borrowed(desired), Vec::new());
    }
    let on_aws_auth = Desired {
        rows: here.into_iter().map(|(row, _)| row.clone()).collect(),
        accounts: desired.accounts.clone(),
        unknown: desired.unknown.clone(),
        ..Desired::default()
    };
    (Cow::Owned(on_aws_auth), elsewhere.into_iter().map(|(row, _)| row).collect())
}

/// No write goes untold: those that make no change only note what is rolecall's from now on.
fn taken_over(steps: &[Step]) -> impl Iterator<Item = Finding> {
    steps.iter().filter(|step| step.changes.is_empty()).filter_map(|step| {
        let (subject, what, surface) = match &step.write {
            Write::PutAwsAuth { .. } => {
                let what = format!(
                    "rows of aws-auth that stand as the policy wants are noted as rolecall's in the annotation {OWNED_ROWS}"
                );
                ("aws-auth".to_owned(), what, Surface::AwsAuth)
            }
            Write::ApplyObject { object, .. } => {
                let what = format!("{object} stands as the policy wants and gets rolecall's label");
                (object.to_string(), what, Surface::Rbac)
            }
            Write::TagEntry { principal, .. } => {
                let what = format!("the access entry of {principal} that the policy names gets rolecall's tag");
                (principal.clone(), what, Surface::AccessEntries)
            }
            _ => return None,
        };
        let message = format!("{what}; nothing else changes, and what the policy drops later is removed");
        Some(Finding::notice(FindingCode::TakenOver, subject, message).on(surface))
    })
}

/// Why rows of aws-auth may stay that hold groups whose bindings the policy no longer wants: whoever gets in by them
/// would lose what he can do, although the policy gives it to him in another way.
fn rows_stay(cluster: &Cluster, state: &ClusterState, findings: &[Finding], rules: &PlanRules) -> Option<&'static str> {
    let left = |finding: &Finding| match finding.code {
        FindingCode::CannotBeEdited | FindingCode::ReadingsDiffer => finding.drift,
        FindingCode::SectionBroken => !rules.repair,
        _ => false,
    };
    if cluster.authentication_mode.reads_aws_auth() && state.aws_auth.known().is_none() {
        Some("aws-auth, whose rows may lean on it, could not be read")
    } else if cluster.authentication_mode.reads_entries()
        && state
            .entries
            .known()
            .is_none_or(|entries| entries.as_ref().is_some_and(|entries| !entries.unread.is_empty()))
    {
        Some("access entries that may lean on it could not be read")
    } else if findings.iter().any(left) {
        Some("rows of aws-auth that may lean on it cannot be changed")
    } else {
        None
    }
}

/// A removal, or a change that takes something away, that is not planned for these reasons.
fn held_back(change: &Change, reasons: &[String]) -> Finding {
    let message = format!(
        "{} would be {} ({}), but that is held back for now: {}",
        change.subject,
        if change.action == Action::Remove { "removed" } else { "changed" },
        change.reason,
        draft::listed(reasons, 3)
    );
    let finding = Finding::gap(FindingCode::RemovalHeldBack, change.subject.to_string(), message);
    finding.next("correct what could not be read; the next pass decides again").on(change.surface)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixtures;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod leaning_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod properties;
