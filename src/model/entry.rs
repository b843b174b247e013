//! Access entries of EKS and the access policies associated with them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AuthenticationMode, Partition, Unreadable};

/// The tag, key and value, that marks an access entry as rolecall's.
pub const ENTRY_TAG: (&str, &str) = ("rolecall.dev/managed-by", super::MANAGER);

/// The type of the access entries of people. The other types belong to nodes.
///
/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_AccessEntry.html>.
pub const STANDARD: &str = "STANDARD";

/// The access policy that gives what `system:masters` gives.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>.
pub const CLUSTER_ADMIN_POLICY: &str = "AmazonEKSClusterAdminPolicy";

/// The ARN of an access policy of EKS in a partition.
pub fn access_policy_arn(partition: &Partition, name: &str) -> String {
    format!("arn:{partition}:eks::aws:cluster-access-policy/{name}")
}

/// Where an associated access policy holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccessScope {
    /// In these namespaces, sorted, each once; names may end in `*`.
    Namespaces(Vec<String>),
    /// In the whole cluster.
    Cluster,
}

impl AccessScope {
    /// What two scopes of one policy give together: an entry has one association of a policy only.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Namespaces(mut all), Self::Namespaces(more)) => {
                all.extend(more);
                all.sort();
                all.dedup();
                Self::Namespaces(all)
            }
            _ => Self::Cluster,
        }
    }

    /// Whether it reaches all that the other reaches, namespaces being compared by their names.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cluster, _) => true,
            (Self::Namespaces(_), Self::Cluster) => false,
            (Self::Namespaces(own), Self::Namespaces(other)) => other.iter().all(|name| own.contains(name)),
        }
    }
}

impl fmt::Display for AccessScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("the whole cluster"),
            Self::Namespaces(names) if names.len() == 1 => write!(f, "namespace {}", names.concat()),
            Self::Namespaces(names) => write!(f, "namespaces {}", names.join(", ")),
        }
    }
}

/// An access policy that an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PolicyGrant {
    /// The policy's ARN.
    pub policy: String,
    /// Where it holds.
    pub scope: AccessScope,
}

impl PolicyGrant {
    /// The policy's name, the last part of its ARN.
    pub fn name(&self) -> &str {
        policy_name(&self.policy)
    }
}

impl fmt::Display for PolicyGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.name(), self.scope)
    }
}

/// The name of an access policy, the last part of its ARN.
pub fn policy_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// An access entry as EKS tells of it.
///
/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_AccessEntry.html>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedEntry {
    /// The principal's full ARN, path included.
    pub principal: String,
    /// The username, templates included.
    pub username: String,
    /// The Kubernetes groups.
    pub groups: Vec<String>,
    /// `STANDARD`, or one of the types that belong to nodes.
    pub kind: String,
    /// Whether it bears rolecall's tag.
    pub ours: bool,
    /// When it was made. It holds for the principal that bore the ARN then.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// The associated access policies, sorted; `None` where nothing asked for them.
    pub policies: Option<Vec<PolicyGrant>>,
    /// When the last of them was associated or changed, where there are any and EKS tells.
    #[serde(default)]
    pub associated: Option<Timestamp>,
    /// When it was read, where that was in an earlier pass. Such an entry was not rolecall's then, is told about and is
    /// never the ground of a change or a removal.
    #[serde(default)]
    pub remembered: Option<Timestamp>,
}

/// An access entry that exists and could not be read, or not within the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadEntry {
    /// The principal's full ARN.
    pub principal: String,
    /// Why it is not known.
    pub why: Unreadable,
}

/// The access entries of a cluster: the list of their principals is whole, what each holds may not be known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntriesState {
    /// Those that were read, sorted by principal.
    pub entries: Vec<ObservedEntry>,
    /// Those that were not, sorted by principal.
    pub unread: Vec<UnreadEntry>,
}

/// Under which condition an access entry may be written or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryPrecondition {
    /// The principal has no entry.
    Absent,
    /// It is this entry, unchanged since, but for what earlier steps of the plan wrote to it.
    At {
        /// When it was made.
        created: Timestamp,
        /// When it was last changed.
        modified: Timestamp,
    },
    /// It is the entry that an earlier step of the plan made.
    AfterPrevious,
}

/// Where roles and users get in, as the settings choose it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurfaceChoice {
    /// By access entries wherever the cluster reads them, else by aws-auth.
    #[default]
    Auto,
    /// By aws-auth alone.
    AwsAuth,
    /// By access entries alone.
    AccessEntries,
}

impl SurfaceChoice {
    /// Whether roles and users get in by access entries on a cluster of this mode.
    pub fn by_entries(self, mode: AuthenticationMode) -> bool {
        match self {
            Self::Auto => mode.reads_entries(),
            Self::AwsAuth => false,
            Self::AccessEntries => true,
        }
    }
}

/// Which rule for the usernames of access entries a username breaks, if any.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html> ("username").
pub fn entry_username_fault(username: &str) -> Option<String> {
    const RESERVED: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];
    if username.is_empty() {
        return Some("the username of an access entry cannot be empty".to_owned());
    }
    if let Some(prefix) = RESERVED.iter().find(|prefix| username.starts_with(**prefix)) {
        return Some(format!("the username of an access entry cannot begin with `{prefix}`"));
    }
    let bare = ["{{SessionName}}", "{{SessionNameRaw}}"]
        .into_iter()
        .find(|template| username.split_once(template).is_some_and(|(before, _)| !before.contains(':')));
    bare.map(|template| format!("the username of an access entry must have a colon before `{template}`"))
}

/// Which rule for the groups of access entries a group breaks, if any. `system:masters` breaks none: an access policy
/// stands for it.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html> ("Kubernetes groups").
pub fn entry_group_fault(group: &str) -> Option<String> {
    (group.starts_with("system:") && group != super::MASTERS)
        .then(|| format!("the groups of an access entry cannot begin with `system:`, as {group} does"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> AccessScope {
        AccessScope::Namespaces(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn scopes_of_one_policy_add_up() {
        assert_eq!(names(&["b", "a"]).and(names(&["a"])), names(&["a", "b"]));
        assert_eq!(names(&["a"]).and(AccessScope::Cluster), AccessScope::Cluster);
        assert!(AccessScope::Cluster.covers(&names(&["a"])) && names(&["a", "b"]).covers(&names(&["b"])));
        assert!(!names(&["a"]).covers(&AccessScope::Cluster) && !names(&["a"]).covers(&names(&["b"])));
    }

    #[test]
    fn usernames_of_entries_follow_the_rules_of_eks() {
        for good in ["devs", "dev:{{SessionName}}", "arn:aws:sts::1:assumed-role/x/{{SessionName}}", "a-system:x"] {
            assert_eq!(entry_username_fault(good), None, "{good}");
        }
        for bad in
            ["", "system:x", "eks:x", "aws:x", "amazon:x", "iam:x", "{{SessionName}}", "dev-{{SessionNameRaw}}:x"]
        {
            assert!(entry_username_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn of_the_groups_of_kubernetes_masters_alone_has_a_policy() {
        assert!(entry_group_fault("system:authenticated").is_some());
        assert_eq!([entry_group_fault("system:masters"), entry_group_fault("devs")], [None, None]);
    }
}
