//! What an access entry can say of what a row says.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.

use crate::model::{Arn, BRIDGE, Gives, MASTERS, entry_group_fault, entry_username_fault};

/// The templates that access entries fill in as the authenticator does.
const SESSION: [&str; 2] = ["{{SessionName}}", "{{SessionNameRaw}}"];

/// The same with what is known of the principal filled in: its account never changes.
pub(super) fn known(row: &Gives, account: &str) -> Gives {
    let fill = |text: &String| text.replace("{{AccountID}}", account);
    let mut groups: Vec<String> = row.groups.iter().map(fill).collect();
    groups.sort();
    groups.dedup();
    Gives { username: fill(&row.username), groups, policies: row.policies.clone() }
}

/// Why EKS takes no access entry that gives this, if it does not.
pub(super) fn fault(wanted: &Gives) -> Option<String> {
    let username = &wanted.username;
    if let Some(fault) = entry_username_fault(username) {
        return Some(fault);
    }
    let rest = SESSION.iter().fold(username.clone(), |rest, template| rest.replace(template, ""));
    if rest.contains("{{") {
        return Some(format!(
            "an access entry fills in no other template than {}, and the username is {username}",
            SESSION[0]
        ));
    }
    wanted.groups.iter().find_map(|group| group_fault(group))
}

fn group_fault(group: &str) -> Option<String> {
    if group.is_empty() {
        return Some("one of its groups is empty, which an access entry cannot hold".to_owned());
    }
    if group.contains("{{") {
        return Some(format!("an access entry fills in no templates in groups, as in {group}"));
    }
    if group == BRIDGE {
        return Some(format!("the group {BRIDGE} is the one by which rows move"));
    }
    entry_group_fault(group)
}

/// Why EKS takes no access entry of this principal, if it does not.
pub(super) fn principal_fault(arn: &Arn) -> Option<String> {
    if arn.resource.starts_with("role/aws-service-role/") {
        return Some("EKS makes no access entries for the roles of AWS services".to_owned());
    }
    let person = arn.role_name().is_some() || arn.user_name().is_some();
    (!person).then(|| "access entries are for IAM roles and users, and this is neither".to_owned())
}

/// The groups that the entry itself holds, and whether the policy for administrators stands beside them.
pub(super) fn groups(wanted: &Gives) -> (Vec<String>, bool) {
    let groups: Vec<String> = wanted.groups.iter().filter(|group| *group != MASTERS).cloned().collect();
    let admin = groups.len() != wanted.groups.len();
    (groups, admin)
}
