//! The aws-auth half: who gets in under which name and with which groups.

mod base;
mod broken;
mod decide;
mod losses;
mod remove;
mod rescue;
mod settle;
mod wanted;
mod write;

use crate::{
    authenticator::folded,
    model::{Cluster, ClusterState, Desired, DesiredRow, Finding, FindingCode, Observed, PlanRules, Source, Surface},
};

use super::{
    draft::{Part, changed_by, listed},
    protection::Protection,
};

use base::Base;
use decide::{Context, Decisions};

/// Plans aws-auth, unless the cluster does not read it or it could not be read.
///
/// In `API_AND_CONFIG_MAP` an access entry may override a row; the half of the access entries tells it. The rows of
/// those who get in `elsewhere` are left as they are.
pub(super) fn plan(
    cluster: &Cluster,
    desired: &Desired,
    elsewhere: &[&DesiredRow],
    state: &ClusterState,
    rules: &PlanRules,
) -> Part {
    if !cluster.authentication_mode.reads_aws_auth() {
        return Part::only(not_read(desired));
    }
    let stored = match &state.aws_auth {
        Observed::Known(stored) => stored.as_ref(),
        Observed::Unknown(why) => {
            let message = format!("aws-auth could not be read, so that nothing is planned for it: {why}");
            let finding = Finding::gap(FindingCode::ClusterUnreadable, Surface::AwsAuth.as_str(), message);
            return Part::only(vec![Finding { next: why.next.clone(), ..finding }.on(Surface::AwsAuth)]);
        }
    };
    let mut findings = Vec::new();
    let wanted = wanted::collect(desired, &mut findings);
    let base = Base::new(stored, &mut findings);
    let protection = Protection::new(rules);
    let changed_by = stored.and_then(|stored| changed_by(&stored.managers));
    let unread = state.rbac.unknown().map(|_| "the RBAC objects that it leans on could not be read".to_owned());
    let waits: Vec<String> = desired.unknown.iter().cloned().chain(unread).collect();
    let (protected, unmanaged) = (&protection, rules.unmanaged);
    let context = Context { base: &base, protection: protected, unmanaged, waits: &waits, changed_by };
    let mut decisions = Decisions::new(&base, findings);
    decide::decide(&context, &wanted, &mut decisions);
    for row in elsewhere {
        decisions.leave(&base, &folded(&row.mapped_arn()));
    }
    remove::decide(&context, desired, &wanted, rules.repair, &mut decisions);
    settle::settle(cluster, stored, &base, &protection, rules, decisions)
}

/// A cluster of access entries only does not read aws-auth: what is wanted there cannot be placed.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html#set-cam>.
fn not_read(desired: &Desired) -> Vec<Finding> {
    // EKS itself lets the nodes of such a cluster in.
    let people: Vec<&DesiredRow> = desired.rows.iter().filter(|row| !row.node).collect();
    let mut findings = Vec::new();
    if let Some(first) = people.first() {
        let (count, noun) = (people.len(), if people.len() == 1 { "grant" } else { "grants" });
        let message = format!(
            "{count} {noun} of the policy cannot be placed: `clusters.surface` is aws-auth, and the cluster's authentication \
             mode is API, so that it does not read it"
        );
        let next = "set `clusters.surface: auto`, or leave the cluster out by the policy's `where`";
        findings.push(unplaced(message, next, first.sources.first()));
    }
    if let Some(first) = desired.accounts.first() {
        let ids: Vec<String> = desired.accounts.iter().map(|account| account.id.to_string()).collect();
        let message = format!(
            "whole accounts cannot be let in on this cluster ({}): only aws-auth has mapAccounts, and the cluster's \
             authentication mode is API, so that it does not read it",
            listed(&ids, 5)
        );
        let next = "name the roles and users of the account, or leave the cluster out by the policy's `where`";
        findings.push(unplaced(message, next, first.sources.first()));
    }
    findings
}

fn unplaced(message: String, next: &str, source: Option<&Source>) -> Finding {
    Finding::drift(FindingCode::CannotBePlaced, Surface::AwsAuth.as_str(), message)
        .next(next)
        .on(Surface::AwsAuth)
        .from_source(source)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod broken_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
