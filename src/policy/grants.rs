//! Access policies of EKS as an entry gives them, and what access entries cannot take.

use super::entry::{AccessEntry, Policy, Spot};
use crate::{
    model::{AccessScope, entry_group_fault, entry_username_fault},
    source::Diagnostic,
};

/// The policy's name, from the name or the ARN that the file gives.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>.
pub(super) fn name(text: &str) -> Result<String, String> {
    let name = match text.strip_prefix("arn:") {
        None => Some(text),
        Some(rest) => rest.split_once(":eks::aws:cluster-access-policy/").map(|(_, name)| name),
    };
    let good = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    name.filter(good).map(str::to_owned).ok_or_else(|| format!("{text:?} is not an access policy of EKS"))
}

/// Whether a namespace can be that of an association: a namespace's name, in which `*` stands for any text.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html>.
pub(super) fn namespace(text: &str) -> Result<(), String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'*';
    if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
        return Ok(());
    }
    Err(format!(
        "{text:?} cannot be a namespace: it takes 1 to 63 lower-case letters, digits and `-`, and `*` for any text"
    ))
}

/// Where a policy holds: in the whole cluster unless namespaces are named.
pub(super) fn scope(namespaces: Option<&[String]>) -> AccessScope {
    match namespaces {
        None => AccessScope::Cluster,
        Some(names) => AccessScope::Namespaces(Vec::new()).and(AccessScope::Namespaces(names.to_vec())),
    }
}

/// What no access entry can take, in entries that give access policies, which only access entries can hold.
pub(super) fn check(policy: &Policy) -> Vec<Diagnostic> {
    let entries = policy.access.iter().filter(|entry| !entry.policies.is_empty());
    let faults = entries.flat_map(faults).map(|(fault, spot)| {
        let message = format!("{fault}, and `accessPolicies` are held by access entries alone");
        Diagnostic::error(spot.source.file.clone(), spot.span, message).help(HELP)
    });
    faults.collect()
}

/// The same in entries that may be meant for clusters that read aws-auth.
pub(super) fn lint(entry: &AccessEntry) -> Vec<Diagnostic> {
    let faults = faults(entry).into_iter().filter(|_| entry.policies.is_empty()).map(|(fault, spot)| {
        let message = format!("{fault}: on clusters where {} gets in by an access entry it is not placed", entry.who);
        Diagnostic::warning(spot.source.file.clone(), spot.span, message).help(HELP)
    });
    faults.collect()
}

fn faults(entry: &AccessEntry) -> Vec<(String, &Spot)> {
    let username = entry.username.iter().filter_map(|name| Some((entry_username_fault(&name.text)?, &name.spot)));
    let groups = entry.groups.iter().filter_map(|group| Some((entry_group_fault(&group.name)?, &group.spot)));
    username.chain(groups).collect()
}

const HELP: &str =
    "see https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html for the rules of EKS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_named_by_name_or_arn() {
        assert_eq!(name("AmazonEKSViewPolicy").unwrap(), "AmazonEKSViewPolicy");
        assert_eq!(
            name("arn:aws-cn:eks::aws:cluster-access-policy/AmazonEKSViewPolicy").unwrap(),
            "AmazonEKSViewPolicy"
        );
        for bad in
            ["", "a b", "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:eks::aws:cluster-access-policy/", "a/b"]
        {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn namespaces_may_hold_stars() {
        assert!(["team-a", "dev-*", "*"].iter().all(|good| namespace(good).is_ok()));
        assert!(["", "Team", "a.b", &"a".repeat(64)].iter().all(|bad| namespace(bad).is_err()));
    }
}
