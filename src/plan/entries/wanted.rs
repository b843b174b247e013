//! What the policy wants to stand in access entries.

use crate::{
    model::{
        AccessScope, CLUSTER_ADMIN_POLICY, Cluster, Content, Desired, DesiredRow, Finding, FindingCode, MASTERS,
        Partition, PolicyGrant, Surface, access_policy_arn, entry_group_fault, entry_username_fault,
    },
    plan::draft::same_groups,
};

use super::people;

/// One entry that shall stand.
pub(super) struct Wanted<'d> {
    pub(super) row: &'d DesiredRow,
    /// The groups that the entry itself holds.
    pub(super) groups: Vec<String>,
    /// The access policies, sorted; one of them stands for `system:masters`.
    pub(super) policies: Vec<PolicyGrant>,
    /// Whether EKS can take it; one that it cannot is left as it is.
    pub(super) possible: bool,
}

impl Wanted<'_> {
    pub(super) fn content(&self) -> Content {
        Content::Entry { username: self.row.username.clone(), groups: self.groups.clone(), policies: Vec::new() }
    }

    pub(super) fn groups_are_met_by(&self, groups: &[String]) -> bool {
        same_groups(&self.groups, groups)
    }
}

/// Every entry that is desired; what EKS would refuse is told.
pub(super) fn collect<'d>(cluster: &Cluster, desired: &'d Desired, findings: &mut Vec<Finding>) -> Vec<Wanted<'d>> {
    let admin = PolicyGrant {
        policy: access_policy_arn(&Partition::of_region(&cluster.id.region), CLUSTER_ADMIN_POLICY),
        scope: AccessScope::Cluster,
    };
    let mut all = Vec::new();
    for row in people(desired) {
        let (masters, groups): (Vec<String>, Vec<String>) = row.groups.iter().cloned().partition(|g| g == MASTERS);
        let mut policies = row.policies.clone();
        if !masters.is_empty() {
            policies.retain(|grant| grant.policy != admin.policy);
            policies.push(admin.clone());
            policies.sort();
        }
        let fault = fault(row, &groups);
        let possible = fault.is_none();
        findings.extend(fault.map(|fault| refused(row, &fault)));
        all.push(Wanted { row, groups, policies, possible });
    }
    all
}

fn fault(row: &DesiredRow, groups: &[String]) -> Option<String> {
    if row.principal.resource.starts_with("role/aws-service-role/") {
        return Some("EKS makes no access entries for the roles of AWS services".to_owned());
    }
    entry_username_fault(&row.username).or_else(|| groups.iter().find_map(|group| entry_group_fault(group)))
}

fn refused(row: &DesiredRow, why: &str) -> Finding {
    let message = format!("the grant for {} is not placed: {why} ({})", row.principal, row.username);
    Finding::drift(FindingCode::CannotBePlaced, row.principal.to_string(), message)
        .next("correct the policy: https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html")
        .on(Surface::AccessEntries)
        .from_source(row.sources.first())
}
