//! The plan: typed changes for people, and the exact writes that make them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AccessScope, AccountId, ArnPattern, AuthenticationMode, ClusterId, Finding, ObjectRef, Onboarding, PolicyGrant,
    RbacSubject, RoleRef, Rule, Section, Source, SurfaceChoice, Write, policy_name,
};

/// A place in a cluster where access lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// The aws-auth ConfigMap.
    AwsAuth,
    /// EKS access entries.
    AccessEntries,
    /// Kubernetes RBAC.
    Rbac,
}

impl Surface {
    /// The surface's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsAuth => "aws-auth",
            Self::AccessEntries => "access-entries",
            Self::Rbac => "rbac",
        }
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is done to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is added.
    Add,
    /// It is changed.
    Change,
    /// It is removed.
    Remove,
}

impl Action {
    /// The sign that tables show: `+`, `~` or `-`.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
        }
    }
}

/// What a change is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum Subject {
    /// A role's row of mapRoles or access entry, by its ARN.
    Role(String),
    /// A user's row of mapUsers or access entry, by its ARN.
    User(String),
    /// An item of mapAccounts.
    Account(AccountId),
    /// An access policy that the access entry of a principal holds.
    Policy {
        /// The principal's full ARN.
        principal: String,
        /// The policy's ARN.
        policy: String,
    },
    /// A section of aws-auth that is repaired.
    Section(Section),
    /// The cluster's authentication mode.
    Mode,
    /// An RBAC object.
    Object(ObjectRef),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(arn) => write!(f, "role {arn}"),
            Self::User(arn) => write!(f, "user {arn}"),
            Self::Account(id) => write!(f, "account {id}"),
            Self::Policy { principal, policy } => write!(f, "policy {} of {principal}", policy_name(policy)),
            Self::Section(section) => write!(f, "section {section}"),
            Self::Mode => f.write_str("the authentication mode"),
            Self::Object(object) => write!(f, "{object}"),
        }
    }
}

/// What a subject holds, before or after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A row: username and groups.
    Row {
        /// The username, templates included.
        username: String,
        /// The Kubernetes groups.
        groups: Vec<String>,
    },
    /// An access entry: username and groups.
    Entry {
        /// The username, templates included.
        username: String,
        /// The Kubernetes groups.
        groups: Vec<String>,
        /// The access policies that go with the entry itself; those that come, change or go alone are changes of their
        /// own.
        policies: Vec<PolicyGrant>,
    },
    /// An associated access policy: where it holds.
    Scope(AccessScope),
    /// An item of mapAccounts: its presence is all there is.
    Account,
    /// An authentication mode.
    Mode(AuthenticationMode),
    /// A section's whole text.
    Text(String),
    /// The rules of a role.
    Rules(Vec<Rule>),
    /// A binding.
    Binding {
        /// The role it grants.
        role_ref: RoleRef,
        /// Who is bound.
        subjects: Vec<RbacSubject>,
    },
}

/// Who last wrote what a change corrects, as far as managedFields tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedBy {
    /// The field manager, such as `kubectl-edit`.
    pub manager: String,
    /// When.
    pub time: Option<Timestamp>,
}

/// One change to one subject, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub surface: Surface,
    /// What is done.
    pub action: Action,
    /// To what.
    pub subject: Subject,
    /// How the policy names the principal, where it does.
    pub who: Option<String>,
    /// Why, in a few words: `missing`, `groups differ`, `no longer granted`.
    pub reason: String,
    /// What it holds now.
    pub before: Option<Content>,
    /// What it will hold.
    pub after: Option<Content>,
    /// The lines of the policy that want it.
    pub sources: Vec<Source>,
    /// Who last wrote what is corrected.
    pub changed_by: Option<ChangedBy>,
}

/// One write with the changes that it makes. Steps are carried out in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The write.
    pub write: Write,
    /// Indexes into the plan's changes.
    pub changes: Vec<usize>,
    /// Whether it takes something away: such a step is left out when any step before it did not succeed.
    pub removes: bool,
}

/// Why a plan may not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// The guard's stable name, such as `max-removals`.
    pub name: String,
    /// What it saw, in a sentence.
    pub message: String,
    /// What to do when the change is meant.
    pub next: String,
}

/// What is to be done to one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The cluster.
    pub cluster: ClusterId,
    /// The changes, for people.
    pub changes: Vec<Change>,
    /// The writes that make them, in order.
    pub steps: Vec<Step>,
    /// What is not a change.
    pub findings: Vec<Finding>,
    /// Why nothing of it may be carried out.
    pub blocked: Option<Guard>,
}

impl Plan {
    /// A plan that changes nothing.
    pub fn empty(cluster: ClusterId) -> Self {
        Self { cluster, changes: Vec::new(), steps: Vec::new(), findings: Vec::new(), blocked: None }
    }

    /// Whether the cluster differs from the policy: a change to make, or a finding that counts as drift.
    pub fn has_drift(&self) -> bool {
        !self.changes.is_empty() || self.findings.iter().any(|finding| finding.drift)
    }
}

/// What is done about things that are not rolecall's and that the policy does not speak of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmanaged {
    /// Nothing, silently.
    Keep,
    /// They are reported.
    #[default]
    Report,
    /// They are removed, protected ones excepted.
    Remove,
}

/// The rules that a plan keeps to on one cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanRules {
    /// Where roles and users get in.
    pub surface: SurfaceChoice,
    /// What is done about unmanaged rows and entries.
    pub unmanaged: Unmanaged,
    /// Principals that are never changed or removed.
    pub protect: Vec<ArnPattern>,
    /// The IAM role or user as which rolecall comes into the cluster.
    pub own_principal: Option<String>,
    /// What may be done about a cluster that does not let it in; without it nothing.
    pub onboarding: Option<Onboarding>,
    /// How many things may be removed from one cluster in one pass.
    pub max_removals: usize,
    /// Whether a broken section may be rewritten, its text kept in a backup ConfigMap.
    pub repair: bool,
}
