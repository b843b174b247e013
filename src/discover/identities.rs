//! What an account's IAM knows of the principals that the policy names.

use std::collections::BTreeSet;

use aws_sdk_iam::{Client, types};
use aws_smithy_types::DateTime;
use futures::{StreamExt, stream};
use jiff::Timestamp;

use super::{DiscoverError, DiscoverErrorKind, Session, actions, pages::read_pages, session::Service};
use crate::model::{Account, Arn, Identities, Identity, Lookup, Principal};

/// IAM calls at the same time; IAM is one service for the whole account.
const CONCURRENCY: usize = 4;
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
pub async fn identities(session: &Session, account: &Account, wanted: &BTreeSet<Principal>) -> Identities {
    let service = session.service("iam", None);
    let config = aws_sdk_iam::config::Builder::from(session.home_config()).retry_partition(service.retries()).build();
    let iam = Iam { session, service, client: Client::from_conf(config) };
    let role_names: BTreeSet<&str> = wanted.iter().filter_map(|p| named(p, account, session)?.role()).collect();
    let sets = wanted.iter().any(|p| matches!(p, Principal::PermissionSet(_)));
    let all_roles = if role_names.len() > NAMES { Some(iam.list("/").await) } else { None };
    let sso_roles = match &all_roles {
        Some(all) => Some(all.clone()),
        None if sets => Some(iam.list(SSO_PATH).await),
        None => None,
    };
    let look_up = |principal: Principal| {
        let (iam, all_roles, sso_roles) = (&iam, &all_roles, &sso_roles);
        async move {
            let lookup = match named(&principal, account, session) {
                None => other(&principal, sso_roles.as_ref()),
                Some(Name::Role(name)) => match all_roles {
                    Some(all) => among(all, name),
                    None => iam.role(name).await,
                },
                Some(Name::User(name)) => iam.user(name).await,
            };
            let lookup = same_path(&principal, lookup);
            (principal, lookup)
        }
    };
    // The futures are made before they are streamed: a closure inside the stream would keep this one from being sent
    // between threads.
    let lookups: Vec<_> = wanted.iter().cloned().map(look_up).collect();
    let found = stream::iter(lookups).buffer_unordered(CONCURRENCY).collect().await;
    Identities { found, findings: Vec::new() }
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

/// What [`identities()`] calls for these principals.
pub(super) fn takes<'a>(session: &Session, account: &Account, wanted: &'a BTreeSet<Principal>) -> Takes<'a> {
    let names = || wanted.iter().filter_map(|principal| named(principal, account, session));
    let roles: BTreeSet<&str> = names().filter_map(Name::role).collect();
    let sets = wanted.iter().any(|principal| matches!(principal, Principal::PermissionSet(_)));
    let all = roles.len() > NAMES;
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
fn other(principal: &Principal, sso_roles: Option<&Result<Vec<Identity>, String>>) -> Lookup {
    match (principal, sso_roles) {
        (Principal::PermissionSet(set), Some(Ok(roles))) => {
            let roles: Vec<Identity> = roles.iter().filter(|role| is_role_of_set(&role.arn, set)).cloned().collect();
            if roles.is_empty() { Lookup::Missing } else { Lookup::Found(roles) }
        }
        (Principal::PermissionSet(_), Some(Err(why))) => Lookup::Unknown(why.clone()),
        (Principal::Account(_), _) => Lookup::Found(Vec::new()),
        (Principal::DirectoryGroup(_) | Principal::IamGroup(_), _) => {
            Lookup::Unknown(format!("{principal} was not looked up in this pass"))
        }
        _ => Lookup::Outside,
    }
}

/// The role of this name; of names that differ in case alone there is never more than one.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html> ("IAM name requirements").
fn among(roles: &Result<Vec<Identity>, String>, name: &str) -> Lookup {
    match roles {
        Err(why) => Lookup::Unknown(why.clone()),
        Ok(roles) => {
            match roles.iter().find(|role| role.arn.role_name().is_some_and(|found| found.eq_ignore_ascii_case(name))) {
                Some(role) => Lookup::Found(vec![role.clone()]),
                None => Lookup::Missing,
            }
        }
    }
}

/// Whether it is the role of exactly this permission set: `AWSReservedSSO_<set>_<16 hex digits>` under Identity Center's
/// path. Set names may hold underscores, so only the last part is the suffix, and nothing is a pattern.
fn is_role_of_set(arn: &Arn, set: &str) -> bool {
    let Some(name) = arn.role_name() else { return false };
    let under_path = arn.resource.strip_prefix("role").is_some_and(|rest| rest.starts_with(SSO_PATH));
    let hex = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
    under_path
        && name
            .strip_prefix("AWSReservedSSO_")
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

struct Iam<'a> {
    session: &'a Session,
    service: Service<'a>,
    client: Client,
}

impl Iam<'_> {
    async fn list(&self, path: &str) -> Result<Vec<Identity>, String> {
        let call = self.session.call(actions::LIST_ROLES, None);
        let roles = read_pages(&call, |marker| {
            let call = &call;
            async move {
                let ask = self.client.list_roles().path_prefix(path).max_items(1000).set_marker(marker);
                let page = self.service.ask(ask.send()).await;
                let page = page.map_err(|e| DiscoverError::of(&e, call))?;
                let next = if page.is_truncated() { page.marker().map(str::to_owned) } else { None };
                if page.is_truncated() && next.is_none() {
                    return Err(DiscoverError::new(
                        DiscoverErrorKind::Other,
                        call,
                        "a page was cut off without a marker",
                    ));
                }
                Ok((page.roles().iter().map(role).collect(), next))
            }
        })
        .await;
        let roles: Vec<Option<Identity>> = roles.whole().map_err(|e| e.to_string())?;
        roles.into_iter().collect::<Option<_>>().ok_or_else(|| format!("{call} gave a role whose ARN cannot be read"))
    }

    async fn role(&self, name: &str) -> Lookup {
        let call = self.session.call(actions::GET_ROLE, None).on(name);
        match self.service.ask(self.client.get_role().role_name(name).send()).await {
            Ok(answer) => one(answer.role().and_then(role), name),
            Err(e) => not_found(&DiscoverError::of(&e, &call)),
        }
    }

    async fn user(&self, name: &str) -> Lookup {
        let call = self.session.call(actions::GET_USER, None).on(name);
        match self.service.ask(self.client.get_user().user_name(name).send()).await {
            Ok(answer) => one(answer.user().and_then(user), name),
            Err(e) => not_found(&DiscoverError::of(&e, &call)),
        }
    }
}

fn one(identity: Option<Identity>, name: &str) -> Lookup {
    match identity {
        Some(identity) => Lookup::Found(vec![identity]),
        None => Lookup::Unknown(format!("IAM's answer about {name} cannot be read")),
    }
}

fn not_found(error: &DiscoverError) -> Lookup {
    match error.what() {
        DiscoverErrorKind::NotFound => Lookup::Missing,
        _ => Lookup::Unknown(error.to_string()),
    }
}

fn role(role: &types::Role) -> Option<Identity> {
    identity(role.arn(), role.role_id(), role.create_date())
}

fn user(user: &types::User) -> Option<Identity> {
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
        let roles = Ok(vec![Identity { arn, unique_id: None, created: None }]);
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
