//! Principals as a policy names them and what an account's IAM knows of them.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, Arn, Finding};

/// Who gets in, as the policy says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Principal {
    /// The role of this name in each cluster's own account.
    RoleName(String),
    /// One role by its full ARN, path included or not.
    RoleArn(Arn),
    /// The user of this name in each cluster's own account.
    UserName(String),
    /// One user by its full ARN.
    UserArn(Arn),
    /// The role that an Identity Center permission set has in each cluster's own account.
    PermissionSet(String),
    /// The roles of the permission sets that an Identity Center group is assigned in each cluster's own account.
    DirectoryGroup(String),
    /// The roles that the members of an IAM group of each cluster's own account may assume, or its members themselves.
    IamGroup(IamGroup),
    /// Every principal of an account (mapAccounts).
    Account(AccountId),
}

/// An IAM group as the policy names it. EKS knows no IAM groups: it comes down to roles or users.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IamGroup {
    /// Its name.
    pub name: String,
    /// The name of the one role that counts, of those that its members may assume.
    pub via: Option<String>,
    /// Whether it stands for its members, user by user, and not for roles.
    pub members: bool,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleName(name) => write!(f, "role {name}"),
            Self::RoleArn(arn) => write!(f, "role {arn}"),
            Self::UserName(name) => write!(f, "user {name}"),
            Self::UserArn(arn) => write!(f, "user {arn}"),
            Self::PermissionSet(name) => write!(f, "permission set {name}"),
            Self::DirectoryGroup(name) => write!(f, "directory group {name}"),
            Self::IamGroup(IamGroup { name, via: Some(role), .. }) => write!(f, "IAM group {name} via role {role}"),
            Self::IamGroup(IamGroup { name, members: true, .. }) => write!(f, "members of IAM group {name}"),
            Self::IamGroup(IamGroup { name, .. }) => write!(f, "IAM group {name}"),
            Self::Account(id) => write!(f, "account {id}"),
        }
    }
}

/// A role or user that exists in IAM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The full ARN, path included.
    pub arn: Arn,
    /// The unique id (`AROA…`, `AIDA…`); a recreated role has another one.
    pub unique_id: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

/// What looking a principal up gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lookup {
    /// It exists; several for a permission set with two suffixes and for groups.
    Found(Vec<Identity>),
    /// It does not exist.
    Missing,
    /// It could not be told, for this reason.
    Unknown(String),
    /// It was not looked up: it is in an account that is not one of the organization's.
    Outside,
    /// It was not looked up: it is in another account than the cluster, of which this is known.
    Elsewhere(String),
}

/// What one account's IAM knows of the principals that the policy names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// Each principal that was looked up, with what came of it.
    pub found: BTreeMap<Principal, Lookup>,
    /// What was found on the way that concerns the account and not one cluster alone.
    pub findings: Vec<Finding>,
}

impl Identities {
    /// What is known of a principal; one that was never looked up is unknown, not missing.
    pub fn lookup(&self, principal: &Principal) -> Lookup {
        self.found
            .get(principal)
            .cloned()
            .unwrap_or_else(|| Lookup::Unknown(format!("{principal} was not looked up in this pass")))
    }
}
