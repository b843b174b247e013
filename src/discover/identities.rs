//! What an account's IAM knows of the principals that the policy names.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::{Client, types};
use aws_smithy_types::DateTime;
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{
    Assigned, DiscoverError, DiscoverErrorKind, Session, actions, assigned, iam_groups,
    pages::{next_marker, read_pages},
    session::Service,
};
use crate::model::{Account, Arn, IamGroup, Identities, Identity, Lookup, Principal, SSO_PREFIX};

/// IAM calls at the same time; IAM is one service for the whole account.
pub(super) const CONCURRENCY: usize = 4;
/// With more role names than this, one listing of all roles takes less time than a call for each: one page holds as many
/// roles as an account may have unless its quota was raised.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
const NAMES: usize = CONCURRENCY;
/// Where Identity Center keeps its roles; a region may follow.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>.
const SSO_PATH: &str = "/aws-reserved/sso.amazonaws.com/";

/// Looks principals up in the account's IAM. It never fails: what cannot be told is unknown, for a reason.
/// `assigned` is what Identity Center says of the directory groups among them.
pub async fn identities(
    session: &Session,
    account: &Account,
    wanted: &BTreeSet<Principal>,
    assigned: &BTreeMap<String, Assigned>,
) -> Identities {
    let service = session.service("iam", None);
    let config = aws_sdk_iam::config::Builder::from(session.home_config()).retry_partition(service.retries()).build();
    let iam = Iam { session, service, client: Client::from_conf(config) };
    let groups = Box::pin(iam_groups::read(&iam, wanted)).await;
    let mut role_names: BTreeSet<&str> = wanted.iter().filter_map(|p| named(p, account, session)?.role()).collect();
    role_names.extend(groups.roles(wanted));
    let sets = wanted.iter().any(|p| matches!(p, Principal::PermissionSet(_)))
        || assigned.values().any(|held| matches!(held, Assigned::Sets(sets) if !sets.is_empty()));
    let list_all = role_names.len() > NAMES || groups.take_all_roles(wanted);
    let all_roles = if list_all { Some(iam.list("/").await) } else { None };
    let sso_roles = match &all_roles {
        Some(all) => Some(all.clone()),
        None if sets => Some(iam.list(SSO_PATH).await),
        None => None,
    };
    let look_up = |principal: Principal| {
        let (iam, groups, all_roles, sso_roles) = (&iam, &groups, &all_roles, &sso_roles);
        async move {
            if let Principal::IamGroup(group) = &principal {
                let (lookup, findings) = groups.look_up(iam, account, group, all_roles.as_ref()).await;
                return (principal, lookup, findings);
            }
            let lookup = match named(&principal, account, session) {
                None => match &principal {
                    Principal::DirectoryGroup(group) => assigned::look_up(group, assigned, sso_roles.as_ref()),
                    _ => other(&principal, sso_roles.as_ref()),
                },
                Some(Name::Role(name)) => match all_roles {
                    Some(all) => among(all, name),
                    None => iam.role(name).await.map_or_else(Lookup::Unknown, found),
                },
                Some(Name::User(name)) => iam.user(name).await,
            };
            let lookup = same_path(&principal, lookup);
            (principal, lookup, Vec::new())
        }
    };
    // The futures are made before they are streamed: a closure inside the stream would keep this one from being sent
    // between threads.
    let lookups: Vec<_> = wanted.iter().cloned().map(look_up).collect();
    let looked_up: Vec<_> = stream::iter(lookups).buffer_unordered(CONCURRENCY).collect().await;
    let findings = assigned::without_role(account, wanted, assigned, sso_roles.as_ref());
    let mut identities = Identities { findings, ..Identities::default() };
    for (principal, lookup, findings) in looked_up {
        identities.found.insert(principal, lookup);
        // Two entries about one group tell the same of it once.
        let new = findings.into_iter().filter(|one| !identities.findings.contains(one)).collect::<Vec<_>>();
        identities.findings.extend(new);
    }
    identities
}

fn found(role: Option<Role>) -> Lookup {
    role.map_or(Lookup::Missing, |role| Lookup::Found(vec![role.identity]))
}

/// The calls that looking principals up takes, each with what it asks for.
pub(super) struct Takes<'a> {
    /// The path whose roles are listed.
    pub(super) list: Option<&'static str>,
    /// A role that is asked for.
    pub(super) role: Option<&'a str>,
    /// A user that is asked for.
    pub(super) user: Option<&'a str>,
}

/// What [`identities()`] calls for these principals, of whose IAM groups these are there.
pub(super) fn takes<'a>(
    session: &Session,
    account: &Account,
    wanted: &'a BTreeSet<Principal>,
    groups: &[&'a IamGroup],
) -> Takes<'a> {
    let names = || wanted.iter().filter_map(|principal| named(principal, account, session));
    let mut roles: BTreeSet<&str> = names().filter_map(Name::role).collect();
    roles.extend(groups.iter().filter_map(|group| group.via.as_deref()));
    let sets =
        wanted.iter().any(|principal| matches!(principal, Principal::PermissionSet(_) | Principal::DirectoryGroup(_)));
    let all = roles.len() > NAMES || groups.iter().any(|group| !group.members && group.via.is_none());
    Takes {
        list: if all { Some("/") } else { sets.then_some(SSO_PATH) },
        role: roles.into_iter().next().filter(|_| !all),
        user: names().find_map(|name| match name {
            Name::User(name) => Some(name),
            Name::Role(_) => None,
        }),
    }
}

/// A name to look up in this account's IAM.
#[derive(Clone, Copy)]
enum Name<'a> {
    Role(&'a str),
    User(&'a str),
}

impl<'a> Name<'a> {
    fn role(self) -> Option<&'a str> {
        match self {
            Self::Role(name) => Some(name),
            Self::User(_) => None,
        }
    }
}

fn named<'a>(principal: &'a Principal, account: &Account, session: &Session) -> Option<Name<'a>> {
    let here = |arn: &Arn| arn.account == account.id.as_str() && arn.partition == *session.partition();
    match principal {
        Principal::RoleName(name) => Some(Name::Role(last_part(name))),
        Principal::UserName(name) => Some(Name::User(last_part(name))),
        Principal::RoleArn(arn) if here(arn) => arn.role_name().map(Name::Role),
        Principal::UserArn(arn) if here(arn) => arn.user_name().map(Name::User),
        _ => None,
    }
}

fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// An account as a principal is nothing that IAM could tell of; the ARNs that are left belong to other accounts.
fn other(principal: &Principal, sso_roles: Option<&Result<Vec<Role>, String>>) -> Lookup {
    match (principal, sso_roles) {
        (Principal::PermissionSet(set), Some(Ok(roles))) => {
            let roles = roles.iter().map(|role| &role.identity);
            let roles: Vec<Identity> = roles.filter(|role| is_role_of_set(&role.arn, set)).cloned().collect();
            if roles.is_empty() { Lookup::Missing } else { Lookup::Found(roles) }
        }
        (Principal::PermissionSet(_), Some(Err(why))) => Lookup::Unknown(why.clone()),
        (Principal::Account(_), _) => Lookup::Found(Vec::new()),
        _ => Lookup::Outside,
    }
}

/// The role of this name; of names that differ in case alone there is never more than one.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html> ("IAM name requirements").
fn among(roles: &Result<Vec<Role>, String>, name: &str) -> Lookup {
    match roles {
        Err(why) => Lookup::Unknown(why.clone()),
        Ok(roles) => {
            let same =
                |role: &&Role| role.identity.arn.role_name().is_some_and(|found| found.eq_ignore_ascii_case(name));
            found(roles.iter().find(same).cloned())
        }
    }
}

/// Whether it is the role of exactly this permission set: `AWSReservedSSO_<set>_<16 hex digits>` under Identity Center's
/// path. Set names may hold underscores, so only the last part is the suffix, and nothing is a pattern.
pub(super) fn is_role_of_set(arn: &Arn, set: &str) -> bool {
    let Some(name) = arn.role_name() else { return false };
    let under_path = arn.resource.strip_prefix("role").is_some_and(|rest| rest.starts_with(SSO_PATH));
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    under_path
        && name
            .strip_prefix(SSO_PREFIX)
            .and_then(|rest| rest.rsplit_once('_'))
            .is_some_and(|(own, suffix)| own == set && suffix.len() == 16 && suffix.bytes().all(hex))
}

/// A principal that was named with a path is only the one at that path. A role's ARN without one goes by its name, since
/// EKS wants role ARNs without their path; a user's ARN always has to be whole.
fn same_path(principal: &Principal, lookup: Lookup) -> Lookup {
    let resource = match principal {
        Principal::RoleArn(arn) if arn.without_role_path() != *arn => arn.resource.clone(),
        Principal::UserArn(arn) => arn.resource.clone(),
        Principal::RoleName(name) if name.contains('/') => format!("role/{}", name.trim_start_matches('/')),
        Principal::UserName(name) if name.contains('/') => format!("user/{}", name.trim_start_matches('/')),
        _ => return lookup,
    };
    match lookup {
        Lookup::Found(found) if found.iter().any(|one| !one.arn.resource.eq_ignore_ascii_case(&resource)) => {
            Lookup::Missing
        }
        other => other,
    }
}

/// A role with the text of its trust policy.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) identity: Identity,
    pub(super) trust: Option<String>,
}

/// IAM in one account.
pub(super) struct Iam<'a> {
    pub(super) session: &'a Session,
    pub(super) service: Service<'a>,
    pub(super) client: Client,
}

impl Iam<'_> {
    /// The role as which rolecall itself comes into clusters, without its path.
    pub(super) fn own(&self) -> Arn {
        self.session.own_principal()
    }

    async fn list(&self, path: &str) -> Result<Vec<Role>, String> {
        let call = self.session.call(actions::LIST_ROLES, None);
        let roles = read_pages(&call, |marker| {
            let call = &call;
            async move {
                let ask = self.client.list_roles().path_prefix(path).max_items(1000).set_marker(marker);
                let page = self.service.ask(ask.send()).await;
                let page = page.map_err(|e| DiscoverError::of(&e, call))?;
                let next = next_marker(call, page.is_truncated(), page.marker())?;
                Ok((page.roles().iter().map(role).collect(), next))
            }
        })
        .await;
        let roles: Vec<Option<Role>> = roles.whole().map_err(|e| e.to_string())?;
        roles.into_iter().collect::<Option<_>>().ok_or_else(|| format!("{call} gave a role whose ARN cannot be read"))
    }

    /// The role of this name, if there is one.
    pub(super) async fn role(&self, name: &str) -> Result<Option<Role>, String> {
        let call = self.session.call(actions::GET_ROLE, None).on(name);
        match self.service.ask(self.client.get_role().role_name(name).send()).await {
            Ok(answer) => answer.role().and_then(role).map(Some).ok_or_else(|| unreadable(name)),
            Err(e) => match DiscoverError::of(&e, &call) {
                error if error.what() == DiscoverErrorKind::NotFound => Ok(None),
                error => Err(error.to_string()),
            },
        }
    }

    async fn user(&self, name: &str) -> Lookup {
        let call = self.session.call(actions::GET_USER, None).on(name);
        match self.service.ask(self.client.get_user().user_name(name).send()).await {
            Ok(answer) => match answer.user().and_then(user) {
                Some(identity) => Lookup::Found(vec![identity]),
                None => Lookup::Unknown(unreadable(name)),
            },
            Err(e) => match DiscoverError::of(&e, &call) {
                error if error.what() == DiscoverErrorKind::NotFound => Lookup::Missing,
                error => Lookup::Unknown(error.to_string()),
            },
        }
    }
}

fn unreadable(name: &str) -> String {
    format!("IAM's answer about {name} cannot be read")
}

fn role(role: &types::Role) -> Option<Role> {
    let identity = identity(role.arn(), role.role_id(), role.create_date())?;
    Some(Role { identity, trust: role.assume_role_policy_document().map(str::to_owned) })
}

pub(super) fn user(user: &types::User) -> Option<Identity> {
    identity(user.arn(), user.user_id(), user.create_date())
}

fn identity(arn: &str, id: &str, created: &DateTime) -> Option<Identity> {
    let created = i32::try_from(created.subsec_nanos()).ok().and_then(|ns| Timestamp::new(created.secs(), ns).ok());
    Some(Identity { arn: arn.parse().ok()?, unique_id: Some(id.to_owned()).filter(|id| !id.is_empty()), created })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn is_role_of(path_and_name: &str, set: &str) -> bool {
        is_role_of_set(&format!("arn:aws:iam::111122223333:role/{path_and_name}").parse().unwrap(), set)
    }

    #[test]
    fn a_permission_set_is_matched_by_its_exact_name() {
        let sso = "aws-reserved/sso.amazonaws.com";
        for path in [sso.to_owned(), format!("{sso}/eu-west-1")] {
            let role = |name: &str| format!("{path}/AWSReservedSSO_{name}");
            assert!(is_role_of(&role("Developers_0123456789abcdef"), "Developers"));
            assert!(is_role_of(&role("Developers_Admin_0123456789abcdef"), "Developers_Admin"));
            assert!(!is_role_of(&role("Developers_Admin_0123456789abcdef"), "Developers"));
            assert!(!is_role_of(&role("Developers_0123456789abcdef"), "developers"));
            assert!(!is_role_of(&role("Developers_0123456789abcdef"), "Dev.*"));
            assert!(is_role_of(&role("a+b.c=d@e,f_0123456789abcdef"), "a+b.c=d@e,f"));
            assert!(!is_role_of(&role("Developers_0123456789abcde"), "Developers"));
            assert!(!is_role_of(&role("Developers_0123456789abcdeg"), "Developers"));
            assert!(is_role_of(&role("A_0123456789abcdef_fedcba9876543210"), "A_0123456789abcdef"));
        }
    }

    #[test]
    fn a_role_is_found_in_a_list_whatever_the_case() {
        let arn = "arn:aws:iam::111122223333:role/ops/Deployer".parse().unwrap();
        let identity = Identity { arn, unique_id: None, created: None };
        let roles = Ok(vec![Role { identity, trust: None }]);
        assert!(matches!(among(&roles, "deployer"), Lookup::Found(_)));
        assert_eq!(among(&roles, "deploy"), Lookup::Missing);
    }

    #[test]
    fn a_role_elsewhere_that_looks_like_a_permission_sets_is_none() {
        let name = "AWSReservedSSO_Developers_0123456789abcdef";
        for path in ["", "sso.amazonaws.com/", "x/aws-reserved/sso.amazonaws.com/"] {
            assert!(!is_role_of(&format!("{path}{name}"), "Developers"), "{path}");
        }
    }
}
