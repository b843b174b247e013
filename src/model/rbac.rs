//! The Kubernetes RBAC objects that rolecall makes and reads.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The field manager and the label value by which rolecall's objects are known.
pub const MANAGER: &str = "rolecall";

/// The label that marks an object as somebody's:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// The group whose members may do everything, whatever RBAC says.
///
/// See <https://kubernetes.io/docs/concepts/security/rbac-good-practices/#least-privilege>.
pub const MASTERS: &str = "system:masters";

/// The four kinds of the API group `rbac.authorization.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RbacKind {
    /// A role of the whole cluster.
    ClusterRole,
    /// A role within a namespace.
    Role,
    /// A binding for the whole cluster.
    ClusterRoleBinding,
    /// A binding within a namespace.
    RoleBinding,
}

impl RbacKind {
    /// The kind's name in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClusterRole => "ClusterRole",
            Self::Role => "Role",
            Self::ClusterRoleBinding => "ClusterRoleBinding",
            Self::RoleBinding => "RoleBinding",
        }
    }
}

impl fmt::Display for RbacKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What names an RBAC object in a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: RbacKind,
    /// Its namespace, for Role and RoleBinding.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.as_str().to_lowercase())?;
        match &self.namespace {
            Some(namespace) => write!(f, "{namespace}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Whether a binding's subject is a group or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SubjectKind {
    /// A Kubernetes group.
    Group,
    /// A Kubernetes user.
    User,
    /// A service account; read, never written.
    ServiceAccount,
}

/// A subject of a binding.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RbacSubject {
    /// Group, user or service account.
    pub kind: SubjectKind,
    /// Its name.
    pub name: String,
    /// The namespace of a service account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// The role that a binding grants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleRef {
    /// `ClusterRole` or `Role`.
    pub kind: RbacKind,
    /// The role's name.
    pub name: String,
}

impl fmt::Display for RoleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str().to_lowercase(), self.name)
    }
}

/// A rule of a role, with the API's own field names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// API groups, `""` being the core group.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub api_groups: Vec<String>,
    /// Resources and subresources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Verbs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verbs: Vec<String>,
    /// Names to which the rule is limited.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource_names: Vec<String>,
    /// URL paths that are not resources; only in a ClusterRole.
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_urls: Vec<String>,
}

/// The name that rolecall gives a binding: `rolecall:GROUP:ROLE` for a group and a ClusterRole,
/// `rolecall:KIND:SUBJECT:KIND:ROLE` for the rest. Where a part is too long or holds anything but letters, digits, `-`,
/// `_` and `.`, the parts are shortened and a hash of the originals follows, so that different bindings within one
/// namespace never share a name.
///
/// The names of RBAC objects are path segments and may not be `.` or `..` or hold `/` or `%`:
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names>.
pub fn binding_name(subject: &RbacSubject, role: &RoleRef) -> String {
    let kind = match subject.kind {
        SubjectKind::Group => "group",
        SubjectKind::User => "user",
        SubjectKind::ServiceAccount => "serviceaccount",
    };
    let role_kind = role.kind.as_str().to_lowercase();
    let full = match (subject.kind, role.kind) {
        (SubjectKind::Group, RbacKind::ClusterRole) => format!("rolecall:{}:{}", subject.name, role.name),
        _ => format!("rolecall:{kind}:{}:{role_kind}:{}", subject.name, role.name),
    };
    let plain = |text: &str| !text.is_empty() && text.chars().all(is_plain);
    if plain(&subject.name) && plain(&role.name) && subject.namespace.is_none() && full.len() <= 253 {
        return full;
    }
    // Four parts, where the forms above have three or five: the forms cannot be taken for one another.
    let namespace = subject.namespace.as_deref().unwrap_or_default();
    let originals = [kind, namespace, &subject.name, &role_kind, &role.name].join("\0");
    let digest = Sha256::digest(originals);
    let hash = digest.iter().take(8).fold(0_u64, |hash, byte| (hash << 8) | u64::from(*byte));
    format!("rolecall:{}:{}:{hash:016x}", readable(&subject.name), readable(&role.name))
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn readable(text: &str) -> String {
    text.chars().take(100).map(|c| if is_plain(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn name(kind: SubjectKind, subject: &str, role_kind: RbacKind, role: &str) -> String {
        let subject = RbacSubject { kind, name: subject.to_owned(), namespace: None };
        binding_name(&subject, &RoleRef { kind: role_kind, name: role.to_owned() })
    }

    #[test]
    fn a_group_and_a_cluster_role_give_a_name_that_people_can_read() {
        let plain = name(SubjectKind::Group, "ad-cluster-devs", RbacKind::ClusterRole, "view");
        assert_eq!(plain, "rolecall:ad-cluster-devs:view");
        let user = name(SubjectKind::User, "ada", RbacKind::Role, "view");
        assert_eq!(user, "rolecall:user:ada:role:view");
    }

    #[test]
    fn different_bindings_never_share_a_name() {
        let subjects = ["a", "a:b", "b", "user", "group", "role", "user:a", "a/b", "a b", "", "%", "A"];
        let roles = ["a", "b", "b:c", "c", "role:b", "clusterrole", "a/b"];
        let mut names = BTreeSet::new();
        let mut count = 0;
        for kind in [SubjectKind::Group, SubjectKind::User] {
            for role_kind in [RbacKind::ClusterRole, RbacKind::Role] {
                for (subject, role) in subjects.iter().flat_map(|s| roles.iter().map(move |r| (s, r))) {
                    names.insert(name(kind, subject, role_kind, role));
                    count += 1;
                }
            }
        }
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_name_is_a_path_segment_of_253_characters_at_most() {
        for subject in ["x".repeat(300), "arn:aws:iam::111122223333:role/x%2f".to_owned(), "Gruppe Ö".to_owned()] {
            let name = name(SubjectKind::Group, &subject, RbacKind::ClusterRole, &"y".repeat(240));
            assert!(name.len() <= 253 && !name.contains(['/', '%', ' ']) && name.is_ascii(), "{name}");
        }
    }
}
