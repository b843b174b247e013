//! Rows of aws-auth that access entries override.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html#set-cam>: where a cluster reads both, the
//! access entry of a principal counts and its row does not.

use std::collections::{HashMap, HashSet};

use crate::{
    authenticator::{Resolved, is_node_row},
    model::{
        AccessScope, CLUSTER_ADMIN_POLICY, Desired, DesiredRow, Finding, FindingCode, MASTERS, ObservedEntry,
        PlanRules, PolicyGrant, STANDARD, Section, Surface, Unmanaged,
    },
    plan::draft::{listed, same_groups},
};

use super::{
    base::{Base, Rows, bare, holds},
    people,
};

/// Tells of each row that has no effect because its principal has an access entry, and of those that will have none when
/// the planned entries stand. Rows that give the same are told together.
pub(super) fn tell(
    base: &Base<'_>,
    rows: &Rows,
    desired: &Desired,
    rules: &PlanRules,
    by_entries: bool,
    findings: &mut Vec<Finding>,
) {
    let Rows::Known(rows, _) = rows else { return };
    let wanted: HashMap<String, &DesiredRow> =
        people(desired).map(|row| (bare(&row.principal.to_string()), row)).collect();
    let untold: HashSet<String> = findings.iter().map(|finding| bare(&finding.subject)).collect();
    let (mut same, mut moving) = (Vec::new(), Vec::new());
    for (arn, row) in rows {
        if row.section == Section::Accounts || is_node_row(&row.groups) {
            continue;
        }
        let wanted = wanted.get(arn).copied();
        match base.by_bare(arn).filter(|entry| entry.kind == STANDARD) {
            Some(_) if wanted.is_none() && rules.unmanaged == Unmanaged::Keep => {}
            Some(entry) if gives_the_same(row, entry) => same.push(arn.clone()),
            Some(entry) => findings.push(differs(arn, row, entry, wanted, by_entries)),
            None if by_entries && wanted.is_some() && !untold.contains(arn) => moving.push(arn.clone()),
            None => {}
        }
    }
    if !same.is_empty() {
        let message = format!(
            "{} of aws-auth have no effect, since access entries of the same principals count, and give the same: {}",
            counted(same.len()),
            listed(&same, 5)
        );
        findings.push(notice(message).next("`rolecall migrate --apply` takes them away, each verified once more"));
    }
    if !moving.is_empty() {
        let message = format!(
            "{} of aws-auth are left in place and have no effect once the access entries planned for the same principals \
             stand: {}",
            counted(moving.len()),
            listed(&moving, 5)
        );
        findings.push(notice(message).next("`rolecall migrate --apply` takes them away, each verified once more"));
    }
}

fn counted(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

fn notice(message: String) -> Finding {
    Finding::notice(FindingCode::RowShadowed, "aws-auth", message).on(Surface::AwsAuth)
}

/// Whether the row and the entry give the same name, groups and power.
fn gives_the_same(row: &Resolved, entry: &ObservedEntry) -> bool {
    let (masters, groups): (Vec<String>, Vec<String>) = row.groups.iter().cloned().partition(|group| group == MASTERS);
    let admin = |grant: &PolicyGrant| grant.name() == CLUSTER_ADMIN_POLICY && grant.scope == AccessScope::Cluster;
    let policies_fit = entry
        .policies
        .as_ref()
        .is_some_and(|policies| policies.iter().all(admin) && policies.iter().any(admin) != masters.is_empty());
    row.username == entry.username && same_groups(&groups, &entry.groups) && policies_fit
}

fn differs(arn: &str, row: &Resolved, entry: &ObservedEntry, wanted: Option<&DesiredRow>, by_entries: bool) -> Finding {
    let policies = match &entry.policies {
        Some(policies) => holds(&entry.username, &entry.groups, policies),
        None => format!("{} and the access policies that it holds", holds(&entry.username, &entry.groups, &[])),
    };
    let message = format!(
        "the row of {arn} in {} gives {}, but has no effect: the access entry of the same principal counts and gives {policies}",
        row.section,
        holds(&row.username, &row.groups, &[]),
    );
    let notice = |next| Finding::notice(FindingCode::RowShadowed, arn, message.clone()).next(next).on(Surface::AwsAuth);
    match wanted {
        Some(_) if by_entries => {
            notice("delete the row: the policy's place is the access entry, without which the row would count again")
        }
        // The policy's place is aws-auth, and what it wants there does not hold.
        Some(wanted) => Finding::drift(FindingCode::RowShadowed, arn, message.clone())
            .next("delete the access entry, or let people get in by access entries (`clusters.surface: auto`)")
            .on(Surface::AwsAuth)
            .from_source(wanted.sources.first()),
        None => notice("delete the one that is not meant"),
    }
}
