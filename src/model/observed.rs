//! What a cluster has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{AwsAuth, EntriesState, FieldManager, ObjectRef, RbacSubject, RoleRef, Rule};

/// Why something could not be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadableKind {
    /// Nobody answered: name, route, connection, proxy.
    Unreachable,
    /// Somebody answered whose certificate does not fit.
    Tls,
    /// 401: the cluster does not know rolecall.
    Unauthenticated,
    /// 403: it knows rolecall and says no.
    Forbidden,
    /// The time ran out.
    Timeout,
    /// Throttled to the end of the retries.
    Throttled,
    /// The server failed or spoke in a way that was not understood.
    Server,
}

impl UnreadableKind {
    /// A short stable name, for metrics and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Timeout => "timeout",
            Self::Throttled => "throttled",
            Self::Server => "server",
        }
    }
}

/// Why something could not be read, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// The kind.
    pub kind: UnreadableKind,
    /// What happened, where and why, in a sentence.
    pub message: String,
    /// What to do next.
    pub next: Option<String>,
}

/// A reading: known, or unknown for a reason. Unknown is not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed<T> {
    /// It was read as a whole.
    Known(T),
    /// It was not.
    Unknown(Unreadable),
}

impl<T> Observed<T> {
    /// The reading, when it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    /// The same reading with other words for why it is not known.
    #[must_use]
    pub fn map_unknown(self, words: impl FnOnce(Unreadable) -> Unreadable) -> Self {
        match self {
            Self::Known(value) => Self::Known(value),
            Self::Unknown(why) => Self::Unknown(words(why)),
        }
    }

    /// Why it is not known.
    pub fn unknown(&self) -> Option<&Unreadable> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

/// A ClusterRole or Role as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRole {
    /// What names it.
    pub object: ObjectRef,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Whether the control plane fills its rules from other roles (aggregationRule).
    pub aggregated: bool,
    /// Whether it carries rolecall's label and rolecall wrote it.
    pub ours: bool,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub resource_version: String,
    /// Who wrote it, the latest first.
    pub managers: Vec<FieldManager>,
}

/// A binding as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedBinding {
    /// What names it.
    pub object: ObjectRef,
    /// The role it grants; immutable.
    pub role_ref: RoleRef,
    /// Its subjects.
    pub subjects: Vec<RbacSubject>,
    /// Whether it carries rolecall's label and rolecall wrote it.
    pub ours: bool,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub resource_version: String,
    /// Who wrote it, the latest first.
    pub managers: Vec<FieldManager>,
}

/// The RBAC objects that are rolecall's, and those that bear a name the policy speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RbacState {
    /// Roles.
    pub roles: Vec<ObservedRole>,
    /// Bindings.
    pub bindings: Vec<ObservedBinding>,
    /// Namespaces that the policy speaks of and that do not exist.
    pub missing_namespaces: BTreeSet<String>,
    /// Roles that bindings of the policy name and that do not exist, neither in the cluster nor in the policy.
    pub missing_roles: BTreeSet<ObjectRef>,
}

/// What one cluster has, each surface on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterState {
    /// The aws-auth ConfigMap; `Known(None)` when there is none or the cluster does not read it.
    pub aws_auth: Observed<Option<AwsAuth>>,
    /// The access entries; `Known(None)` where the cluster reads none.
    pub entries: Observed<Option<EntriesState>>,
    /// RBAC.
    pub rbac: Observed<RbacState>,
}

impl fmt::Display for UnreadableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
