//! The roles that directory groups come down to in an account.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Assigned,
    identities::{Role, is_role_of_set},
};
use crate::model::{Account, Finding, FindingCode, Lookup, Principal};

/// The roles under Identity Center's path, where they were listed.
pub(super) type SsoRoles<'a> = Option<&'a Result<Vec<Role>, String>>;

/// The roles of exactly the permission sets that the group is assigned in the account.
pub(super) fn look_up(group: &str, assigned: &BTreeMap<String, Assigned>, roles: SsoRoles<'_>) -> Lookup {
    match (assigned.get(group), roles) {
        (None, _) => Lookup::Unknown("Identity Center was not asked in this pass".to_owned()),
        (Some(Assigned::Sets(sets)), _) if sets.is_empty() => Lookup::Missing,
        (Some(Assigned::Unknown(why)), _) | (Some(Assigned::Sets(_)), Some(Err(why))) => Lookup::Unknown(why.clone()),
        (Some(Assigned::Sets(_)), None) => Lookup::Unknown("the account's roles were not listed".to_owned()),
        (Some(Assigned::Sets(sets)), Some(Ok(roles))) => {
            let of_sets = |role: &&Role| sets.iter().any(|set| is_role_of_set(&role.identity.arn, set));
            Lookup::Found(roles.iter().filter(of_sets).map(|role| role.identity.clone()).collect())
        }
    }
}

/// The permission sets that groups are assigned in the account and that have no role there.
pub(super) fn without_role(
    account: &Account,
    wanted: &BTreeSet<Principal>,
    assigned: &BTreeMap<String, Assigned>,
    roles: SsoRoles<'_>,
) -> Vec<Finding> {
    let Some(Ok(roles)) = roles else { return Vec::new() };
    let mut findings = Vec::new();
    for principal in wanted {
        let Principal::DirectoryGroup(group) = principal else { continue };
        let Some(Assigned::Sets(sets)) = assigned.get(group) else { continue };
        for set in sets.iter().filter(|set| !roles.iter().any(|role| is_role_of_set(&role.identity.arn, set))) {
            let message = format!(
                "{principal} is assigned permission set {set} in this account, which has no role for it yet: nobody gets \
                 in by it until Identity Center has provisioned it"
            );
            findings.push(
                Finding::notice(FindingCode::PrincipalMissing, principal.to_string(), message)
                    .next("if it stays so, look in Identity Center why the permission set is not provisioned")
                    .at(account.place()),
            );
        }
    }
    findings
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::model::{Identity, samples};

    fn role(name: &str) -> Role {
        let arn = format!("arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_{name}");
        let identity = Identity { arn: arn.parse().unwrap(), unique_id: None, created: None };
        Role { identity, trust: None }
    }

    fn assigned(sets: &[&str]) -> BTreeMap<String, Assigned> {
        [("Devs".to_owned(), Assigned::Sets(sets.iter().map(|&set| set.to_owned()).collect()))].into()
    }

    #[test]
    fn a_group_is_the_roles_of_exactly_its_permission_sets() {
        let (dev, admin) = (role("Dev_0123456789abcdef"), role("Dev_Admin_0123456789abcdef"));
        let roles = Ok(vec![dev.clone(), admin]);
        assert_eq!(look_up("Devs", &assigned(&["Dev"]), Some(&roles)), Lookup::Found(vec![dev.identity]));
        assert_eq!(look_up("Devs", &assigned(&[]), Some(&roles)), Lookup::Missing);
        assert_eq!(look_up("Devs", &assigned(&["View"]), Some(&roles)), Lookup::Found(Vec::new()));
    }

    #[test]
    fn what_was_not_read_is_unknown() {
        let unknown = |lookup| assert!(matches!(lookup, Lookup::Unknown(_)), "{lookup:?}");
        let roles = Ok(Vec::new());
        unknown(look_up("Others", &assigned(&["Dev"]), Some(&roles)));
        unknown(look_up("Devs", &assigned(&["Dev"]), Some(&Err("refused".to_owned()))));
        unknown(look_up("Devs", &assigned(&["Dev"]), None));
        let unread = [("Devs".to_owned(), Assigned::Unknown("throttled".to_owned()))].into();
        unknown(look_up("Devs", &unread, Some(&roles)));
    }

    #[test]
    fn a_permission_set_without_a_role_is_told() {
        let (account, wanted) =
            (samples::cluster("one").account, [Principal::DirectoryGroup("Devs".to_owned())].into());
        let roles = Ok(vec![role("Dev_0123456789abcdef")]);
        let told = without_role(&account, &wanted, &assigned(&["Dev", "View"]), Some(&roles));
        assert_eq!(told.len(), 1);
        assert!(told[0].message.contains("View") && told[0].place.account.is_some(), "{told:?}");
        assert_eq!(without_role(&account, &wanted, &assigned(&["Dev"]), Some(&Err("refused".to_owned()))), []);
    }
}
