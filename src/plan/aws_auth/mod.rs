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

use crate::model::{Cluster, ClusterState, Desired, Finding, FindingCode, Observed, PlanRules, Surface};

use super::{
    draft::{Part, changed_by},
    protection::Protection,
};

use base::Base;
use decide::{Context, Decisions};

/// Plans aws-auth, unless the cluster does not read it or it could not be read.
///
/// In `API_AND_CONFIG_MAP` an access entry may override a row; entries are not looked at.
pub(super) fn plan(cluster: &Cluster, desired: &Desired, state: &ClusterState, rules: &PlanRules) -> Part {
    if !cluster.authentication_mode.reads_aws_auth() {
        return Part::only(not_read(desired).into_iter().collect());
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
    remove::decide(&context, desired, &wanted, rules.repair, &mut decisions);
    settle::settle(cluster, stored, &base, &protection, rules, decisions)
}

/// A cluster of access entries only does not read aws-auth: what is wanted there cannot be placed.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html#set-cam>.
fn not_read(desired: &Desired) -> Option<Finding> {
    // EKS itself lets the nodes of such a cluster in.
    let people = desired.rows.iter().filter(|row| !row.node);
    let grants = people.clone().count() + desired.accounts.len();
    if grants == 0 {
        return None;
    }
    let noun = if grants == 1 { "grant" } else { "grants" };
    let message = format!(
        "{grants} {noun} of the policy cannot be placed: the cluster's authentication mode is API, so that it does not \
         read aws-auth, and this version does not manage access entries"
    );
    let source = people.flat_map(|row| &row.sources).next();
    let finding = Finding::drift(FindingCode::CannotBePlaced, Surface::AwsAuth.as_str(), message);
    let next = "make access entries for them, or leave the cluster out by the policy's `where`";
    Some(finding.next(next).on(Surface::AwsAuth).from_source(source))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod broken_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
