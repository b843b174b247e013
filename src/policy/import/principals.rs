//! From the ARNs that clusters hold to the principals as a policy names them.

use std::collections::BTreeSet;

use super::Seen;
use crate::{
    authenticator::{self, SectionReading},
    model::{Arn, Cluster, ClusterState, Identity, Lookup, Partition, Principal, STANDARD, Section, permission_set_of},
    policy::principal,
};

/// Somebody who gets in, as IAM knows him where it could be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// How the policy names him.
    pub(super) principal: Principal,
    /// His ARN: IAM's own where it was asked, else as the cluster holds it.
    pub(super) identity: Identity,
    /// Whether he is of the cluster's own account.
    pub(super) here: bool,
}

/// Why an ARN is nobody that a policy can name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nobody {
    /// He does not exist, for this reason.
    Missing(String),
    /// A policy has no words for him, for this reason.
    Wordless(String),
}

/// What IAM is to be asked about a cluster.
pub(super) fn to_look_up(cluster: &Cluster, state: &ClusterState) -> BTreeSet<Principal> {
    let mut arns: Vec<String> = Vec::new();
    if let Some(Some(stored)) = state.aws_auth.known().filter(|_| cluster.authentication_mode.reads_aws_auth()) {
        let reading = authenticator::read(&stored.data);
        for section in [Section::Roles, Section::Users] {
            if let SectionReading::Read(rows) = reading.section(section) {
                arns.extend(rows.rows.iter().map(|row| row.arn.clone()));
            }
        }
    }
    let entries = state.entries.known().into_iter().flatten().flat_map(|state| &state.entries);
    arns.extend(entries.filter(|entry| entry.kind == STANDARD).map(|entry| entry.principal.clone()));
    let mut wanted = BTreeSet::new();
    for arn in arns.iter().filter_map(|arn| arn.parse::<Arn>().ok()).filter(|arn| is_here(cluster, arn)) {
        if let Some(name) = arn.role_name() {
            wanted.insert(Principal::RoleName(name.to_owned()));
            wanted.extend(permission_set(name).map(|set| Principal::PermissionSet(set.to_owned())));
        } else if let Some(name) = arn.user_name() {
            wanted.insert(Principal::UserName(name.to_owned()));
        }
    }
    wanted
}

/// Who an ARN of a cluster is; `whole` when its path belongs to it, as in access entries and for users.
pub(super) fn person(seen: &Seen<'_>, text: &str, whole: bool) -> Result<(Person, Option<String>), Nobody> {
    let wordless = |why: String| Nobody::Wordless(why);
    let arn: Arn = text.parse().map_err(|_| wordless("it is not an ARN".to_owned()))?;
    let kind = match (arn.role_name(), arn.user_name()) {
        (Some(name), _) => Kind::Role(name),
        (None, Some(name)) => Kind::User(name),
        (None, None) => return Err(wordless("a policy names roles, users and accounts alone".to_owned())),
    };
    if is_here(seen.cluster, &arn) {
        return here(seen, &arn, kind, whole);
    }
    let checked = match kind {
        Kind::Role(_) => principal::role(text),
        Kind::User(_) => principal::user(text),
    };
    let who = checked.map_err(|wrong| wordless(wrong.message))?;
    let identity = Identity { arn, unique_id: None, created: None };
    Ok((Person { principal: who.principal, identity, here: false }, None))
}

#[derive(Clone, Copy)]
enum Kind<'a> {
    Role(&'a str),
    User(&'a str),
}

impl Kind<'_> {
    fn named(self) -> Principal {
        match self {
            Self::Role(name) => Principal::RoleName(name.to_owned()),
            Self::User(name) => Principal::UserName(name.to_owned()),
        }
    }
}

/// Somebody of the cluster's own account, and what could not be told of him.
fn here(seen: &Seen<'_>, arn: &Arn, kind: Kind<'_>, whole: bool) -> Result<(Person, Option<String>), Nobody> {
    let (identity, unsure) = match seen.identities.lookup(&kind.named()) {
        Lookup::Found(found) => match found.into_iter().next() {
            Some(identity) => (identity, None),
            None => return Err(Nobody::Missing("it does not exist in IAM".to_owned())),
        },
        Lookup::Missing => return Err(Nobody::Missing("it does not exist in IAM".to_owned())),
        Lookup::Unknown(why) => (Identity { arn: arn.clone(), unique_id: None, created: None }, Some(why)),
        Lookup::Outside | Lookup::Elsewhere(_) => {
            let why = "its account is not walked".to_owned();
            (Identity { arn: arn.clone(), unique_id: None, created: None }, Some(why))
        }
    };
    if whole && !identity.arn.resource.eq_ignore_ascii_case(&arn.resource) {
        let resource = &identity.arn.resource;
        return Err(Nobody::Missing(format!("it does not exist in IAM, which has {resource}")));
    }
    let principal = match (identity.arn.role_name(), identity.arn.user_name()) {
        (Some(name), _) => permission_set(name)
            .map(|set| Principal::PermissionSet(set.to_owned()))
            .filter(|set| unsure.is_some() || is_the_only_role(seen, set, &identity))
            .unwrap_or_else(|| Principal::RoleName(name.to_owned())),
        (None, Some(name)) => Principal::UserName(name.to_owned()),
        (None, None) => kind.named(),
    };
    Ok((Person { principal, identity, here: true }, unsure))
}

/// Whether the permission set has this role in the account and no other: a policy that names the set lets all of them in.
fn is_the_only_role(seen: &Seen<'_>, set: &Principal, identity: &Identity) -> bool {
    match seen.identities.lookup(set) {
        Lookup::Found(found) => found.len() == 1 && found.iter().all(|role| role.arn == identity.arn),
        _ => false,
    }
}

fn is_here(cluster: &Cluster, arn: &Arn) -> bool {
    let partition = Partition::of_region(&cluster.id.region);
    arn.account.as_str() == cluster.id.account.as_str() && arn.partition == partition && arn.service == "iam"
}

/// The permission set in the name of its role, where a policy could name it.
fn permission_set(role: &str) -> Option<&str> {
    permission_set_of(role).filter(|set| principal::permission_set(set).is_ok())
}

/// The ARN as two spellings of one principal have it alike: in small letters, a role without its path.
pub(super) fn bare(arn: &Arn) -> String {
    authenticator::folded(&arn.without_role_path().to_string())
}
