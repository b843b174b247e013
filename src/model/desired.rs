//! What the policy wants for one cluster.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, Arn, Finding, PolicyGrant, RbacSubject, RoleRef, Rule, Section, Source};

/// A role or user that shall get in, by a row of mapRoles or mapUsers or by an access entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredRow {
    /// `Section::Roles` or `Section::Users`.
    pub section: Section,
    /// The principal's full ARN, path included.
    pub principal: Arn,
    /// The unique id of the role or user, where known.
    pub unique_id: Option<String>,
    /// When the role or user was made, where known.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// The username, templates included; never empty.
    pub username: String,
    /// The Kubernetes groups, sorted, each once.
    pub groups: Vec<String>,
    /// The access policies, sorted, each once; only an access entry can hold them.
    #[serde(default)]
    pub policies: Vec<PolicyGrant>,
    /// Whether this is a node role given by the policy: added when missing, never changed or removed.
    pub node: bool,
    /// How the policy names the principal, such as `permission set PlatformAdmin`.
    pub who: String,
    /// The lines of the policy that grant it.
    pub sources: Vec<Source>,
}

impl DesiredRow {
    /// The ARN as aws-auth must hold it: a role without its path, a user with it.
    pub fn mapped_arn(&self) -> String {
        let Arn { partition, service, region, account, .. } = &self.principal;
        match self.principal.role_name() {
            Some(name) => {
                ["arn:", partition.as_str(), ":", service, ":", region, ":", account, ":role/", name].concat()
            }
            None => self.principal.to_string(),
        }
    }
}

/// An account all of whose principals shall get in under their ARN, without groups (mapAccounts).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredAccount {
    /// The account.
    pub id: AccountId,
    /// The lines of the policy that grant it.
    pub sources: Vec<Source>,
}

/// A ClusterRole or Role that the policy owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredRole {
    /// The namespace of a Role, `None` for a ClusterRole.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its rules, in the policy's order.
    pub rules: Vec<Rule>,
    /// The line of the policy that defines it.
    pub sources: Vec<Source>,
}

/// A group or user bound to a role; without a namespace for the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredBinding {
    /// The namespace of a RoleBinding, `None` for a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// Who is bound.
    pub subject: RbacSubject,
    /// To which role.
    pub role_ref: RoleRef,
    /// The lines of the policy that bind it.
    pub sources: Vec<Source>,
}

/// What the policy wants for one cluster, each thing once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Roles and users, in the policy's order.
    pub rows: Vec<DesiredRow>,
    /// Accounts, in the policy's order.
    pub accounts: Vec<DesiredAccount>,
    /// Roles, in the policy's order.
    pub roles: Vec<DesiredRole>,
    /// Bindings, in the policy's order.
    pub bindings: Vec<DesiredBinding>,
    /// Why parts of it are not known (an account's IAM unreadable, a selector undecided); while any stands, nothing may be
    /// removed from the cluster.
    pub unknown: Vec<String>,
    /// What compiling found: principals missing, grants ended and the like.
    pub findings: Vec<Finding>,
}
