//! From a principal as the policy names it to the roles and users that IAM has.

use std::collections::BTreeMap;

use super::{doubt::Doubt, push_once};
use crate::{
    model::{Cluster, Desired, Finding, FindingCode, Identities, Identity, Lookup, Principal, Source},
    policy::{
        entry::Who,
        principal::{path_of, permission_set_in_any_case},
    },
};

/// What resolving needs to know and where it tells what it found.
pub(super) struct Resolver<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) identities: &'a Identities,
    pub(super) doubt: Doubt,
}

impl Resolver<'_> {
    /// The roles or users that the principal is on this cluster; none where it does not exist or cannot be told, which
    /// is then a finding.
    pub(super) fn resolve(&mut self, who: &Who, source: &Source, desired: &mut Desired) -> Vec<Identity> {
        match self.lookup(who) {
            Lookup::Found(found) => self.found(who, found, source, desired),
            Lookup::Missing => {
                desired.findings.push(self.missing(who, source, false));
                Vec::new()
            }
            Lookup::Unknown(why) => self.unknown(who, &why, source, desired),
            Lookup::Outside => self.as_written(who, "which is not an account of the organization", source, desired),
            Lookup::Elsewhere(known) => self.as_written(who, &known, source, desired),
        }
    }

    /// An ARN of another account that cannot be verified.
    fn as_written(&mut self, who: &Who, known: &str, source: &Source, desired: &mut Desired) -> Vec<Identity> {
        match &who.principal {
            Principal::RoleArn(arn) | Principal::UserArn(arn) => {
                let message = format!(
                    "{who} is in account {}, {known}: it gets in as {source} says, existing or not",
                    arn.account
                );
                desired.findings.push(
                    Finding::notice(FindingCode::PrincipalUnknown, who.to_string(), message)
                        .next("make sure that the ARN is right")
                        .from_source(Some(source)),
                );
                vec![Identity { arn: arn.clone(), unique_id: None, created: None }]
            }
            _ => self.unknown(who, "this pass does not walk the cluster's account", source, desired),
        }
    }

    /// Where nobody looked an ARN of another account up, nothing is known of it.
    fn lookup(&self, who: &Who) -> Lookup {
        let foreign = match &who.principal {
            Principal::RoleArn(arn) | Principal::UserArn(arn) => arn.account != self.cluster.id.account.as_str(),
            _ => false,
        };
        match self.identities.found.get(&who.principal) {
            None if foreign => Lookup::Elsewhere("where it is not looked up".to_owned()),
            _ => self.identities.lookup(&who.principal),
        }
    }

    fn found(&self, who: &Who, found: Vec<Identity>, source: &Source, desired: &mut Desired) -> Vec<Identity> {
        let Some(first) = found.first().map(|identity| identity.arn.clone()) else {
            // What a directory group is assigned and has no role for is told once for the account.
            if !matches!(who.principal, Principal::DirectoryGroup(_)) {
                desired.findings.push(self.missing(who, source, true));
            }
            return found;
        };
        let wanted = |identity: &Identity| {
            who.path.as_ref().is_none_or(|path| path.eq_ignore_ascii_case(&path_of(&identity.arn)))
        };
        let kept: Vec<Identity> = found.into_iter().filter(wanted).collect();
        if kept.is_empty() {
            let message =
                format!("{who} does not exist under this path: IAM has {first}, so nobody gets in by {source}");
            desired.findings.push(
                Finding::notice(FindingCode::PrincipalMissing, who.to_string(), message)
                    .next(format!("correct the path, if {first} is the one that is meant"))
                    .from_source(Some(source)),
            );
        }
        if matches!(who.principal, Principal::PermissionSet(_) | Principal::DirectoryGroup(_)) {
            desired.findings.extend(ambiguous(who, &kept, source));
        }
        kept
    }

    /// Nobody gets in: the principal is not there, or it exists and comes down to nobody.
    fn missing(&self, who: &Who, source: &Source, exists: bool) -> Finding {
        let account = &self.cluster.account;
        let elsewhere = match &who.principal {
            Principal::RoleArn(arn) | Principal::UserArn(arn) => {
                Some(&arn.account).filter(|id| **id != account.id.as_str())
            }
            _ => None,
        };
        let place = if let Some(id) = elsewhere {
            id.clone()
        } else if account.name == account.id.as_str() {
            account.id.to_string()
        } else {
            format!("{} ({})", account.name, account.id)
        };
        let (what, next) = match &who.principal {
            Principal::PermissionSet(_) => (
                format!("has no role in account {place}: it is assigned to nobody there"),
                "assign it to the account, correct its name",
            ),
            Principal::DirectoryGroup(_) => (
                format!("is assigned no permission set in account {place}"),
                "assign it a permission set in the account, correct its name",
            ),
            Principal::IamGroup(group) if exists && group.members => {
                (format!("are nobody in account {place}: the group has no users"), "add users to it, correct its name")
            }
            Principal::IamGroup(group) if exists => (
                match &group.via {
                    Some(role) => format!("is nobody in account {place}: no role {role} that its members may assume"),
                    None => format!("has no role in account {place} that its members may assume"),
                },
                "let the group's policies and the role's trust policy allow sts:AssumeRole, correct its name",
            ),
            Principal::IamGroup(group) => {
                let message =
                    format!("{who}: account {place} has no IAM group {}; nobody gets in by {source}", group.name);
                return Finding::notice(FindingCode::PrincipalMissing, who.to_string(), message)
                    .next("create it, correct its name, or leave the account out by `where`")
                    .from_source(Some(source));
            }
            _ => (format!("does not exist in account {place}"), "create it, correct its name"),
        };
        let message = format!("{who} {what}; nobody gets in by {source}");
        Finding::notice(FindingCode::PrincipalMissing, who.to_string(), message)
            .next(format!("{next}, or leave the account out by `where`"))
            .from_source(Some(source))
    }

    fn unknown(&mut self, who: &Who, why: &str, source: &Source, desired: &mut Desired) -> Vec<Identity> {
        let group = matches!(who.principal, Principal::IamGroup(_));
        let what = if group { format!("whom {who} stands for") } else { format!("whether {who} exists") };
        let message = format!(
            "{what} could not be told: {why}; nothing is given by {source}, and nothing is removed from the cluster"
        );
        let next = if matches!(who.principal, Principal::DirectoryGroup(_)) {
            "let rolecall read Identity Center, and its member role IAM in the account, then run the pass again"
        } else if group {
            "choose one role by `via`, or let rolecall's member role read IAM in the account, then run the pass again"
        } else {
            "let rolecall's member role read IAM in the account, then run the pass again"
        };
        desired.findings.push(
            Finding::gap(FindingCode::PrincipalUnknown, who.to_string(), message).next(next).from_source(Some(source)),
        );
        push_once(&mut desired.unknown, format!("{who}: {why}"));
        self.doubt.add(who, &self.cluster.id.account);
        Vec::new()
    }
}

/// Permission sets that have several roles in the account, as one that was provisioned anew while the old role stayed.
fn ambiguous(who: &Who, kept: &[Identity], source: &Source) -> Vec<Finding> {
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for identity in kept {
        sets.entry(chain(who, identity)).or_default().push(identity.arn.to_string());
    }
    let several = sets.into_iter().filter(|(_, arns)| arns.len() > 1).map(|(chain, arns)| {
        let message = format!("{chain} has {} roles in this account, and all get in: {}", arns.len(), arns.join(", "));
        Finding::notice(FindingCode::PermissionSetAmbiguous, who.to_string(), message)
            .next("delete the role that Identity Center left behind, if one is no longer in use")
            .from_source(Some(source))
    });
    several.collect()
}

/// Who gets in, and by what: of a directory group also the permission set whose role it is.
pub(super) fn chain(who: &Who, identity: &Identity) -> String {
    match (&who.principal, identity.arn.role_name().and_then(permission_set_in_any_case)) {
        (Principal::DirectoryGroup(_), Some(set)) => format!("{who}, permission set {set}"),
        _ => who.to_string(),
    }
}
