//! What names must look like, and which are not the policy's to use. Every check answers with the reason in words.

use jiff::civil::Date;

use crate::authenticator::is_node_row;

/// The ClusterRoles for people that every cluster has.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles>.
pub(super) const BUILT_IN_ROLES: [&str; 4] = ["cluster-admin", "admin", "edit", "view"];

/// The name of a role or binding: a path segment.
///
/// See <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names>.
pub(super) fn rbac_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if name == "." || name == ".." || name.contains(['/', '%']) {
        return Err(format!(
            "{name:?} cannot be the name of a Kubernetes role: it may not be `.` or `..` nor contain `/` or `%`"
        ));
    }
    subject_name(name)
}

/// A role that the policy would own: not one of the cluster's own.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>.
pub(super) fn owned_role(name: &str, namespaced: bool) -> Result<(), String> {
    if name.starts_with("system:") || name.starts_with("eks:") {
        let owner = if name.starts_with("eks:") { "EKS" } else { "Kubernetes" };
        return Err(format!("{name:?} belongs to {owner}: a policy cannot own roles of that prefix"));
    }
    if !namespaced && BUILT_IN_ROLES.contains(&name) {
        return Err(format!("{name:?} is a ClusterRole that every cluster has already: a policy cannot own it"));
    }
    Ok(())
}

/// A namespace: a DNS label of at most 63 characters.
///
/// See <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names>.
pub(super) fn namespace(name: &str) -> Result<(), String> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let good = (1..=63).contains(&name.len())
        && name.bytes().all(|b| inner(b) || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if good {
        return Ok(());
    }
    Err(format!(
        "{name:?} cannot be a namespace: it takes 1 to 63 lower-case letters, digits and `-`, with neither end a `-`"
    ))
}

/// The name of a group or user.
pub(super) fn subject_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Err(format!("{name:?} has blanks around it or control characters in it: no one would ever match it"));
    }
    Ok(())
}

/// A group that an access entry may give.
pub(super) fn granted_group(name: &str) -> Result<(), String> {
    if is_node_row(&[name.to_owned()]) {
        return Err(format!("the group {name:?} is for nodes and EKS itself, not for access that a policy gives"));
    }
    Ok(())
}

/// A username that an access entry may give. Kubernetes keeps `system:` for itself.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-subjects>.
pub(super) fn username(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the username is empty, and EKS would let the caller in without a name".to_owned());
    }
    subject_name(name)?;
    if name.starts_with("system:") {
        return Err(format!("the username {name:?} begins with `system:`, which Kubernetes keeps for itself"));
    }
    Ok(())
}

/// A day written as YYYY-MM-DD.
pub(super) fn date(text: &str) -> Result<Date, String> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() });
    let parsed = if shaped { text.parse::<Date>().ok() } else { None };
    parsed.ok_or_else(|| format!("{text:?} is not a day of the calendar"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn role_names_are_path_segments() {
        for good in ["pods", "ad-cluster-devs", "system:x", "A.b", "view role"] {
            assert_eq!(rbac_name(good), Ok(()), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a%b", " a", "a\n"] {
            assert!(rbac_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn roles_of_kubernetes_and_eks_are_not_the_policys() {
        for bad in ["system:node", "eks:addon-manager", "cluster-admin", "admin", "edit", "view"] {
            assert!(owned_role(bad, false).is_err(), "{bad}");
        }
        assert!(owned_role("system:node", true).is_err());
        assert_eq!(owned_role("view", true), Ok(()), "a Role of this name is nobody else's");
        assert_eq!(owned_role("viewer", false), Ok(()));
    }

    #[test]
    fn namespaces_are_dns_labels() {
        assert_eq!(namespace("team-a"), Ok(()));
        assert_eq!(namespace(&"a".repeat(63)), Ok(()));
        for bad in ["", "-a", "a-", "Team", "a.b", "a_b", &"a".repeat(64)] {
            assert!(namespace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn node_groups_and_system_usernames_are_refused() {
        for bad in ["system:nodes", "system:bootstrappers", "system:node-proxier", "eks:kube-proxy-windows"] {
            assert!(granted_group(bad).is_err(), "{bad}");
        }
        assert_eq!(granted_group("system:masters"), Ok(()));
        assert!(username("system:node:x").is_err());
        assert!(username("").is_err());
        assert_eq!(username("devuser:{{SessionName}}"), Ok(()));
    }

    #[test]
    fn days_are_written_in_one_way() {
        assert_eq!(date("2027-03-31").unwrap().to_string(), "2027-03-31");
        for bad in ["2027-02-30", "31.03.2027", "2027-3-31", "20270331", "2027-03-31T00:00", "soon", ""] {
            assert!(date(bad).is_err(), "{bad}");
        }
    }
}
