//! Principals as a policy names them and what an account's IAM knows of them.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AccountId, Arn};

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
    /// Every principal of an account (mapAccounts).
    Account(AccountId),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RoleName(name) => write!(f, "role {name}"),
            Self::RoleArn(arn) => write!(f, "role {arn}"),
            Self::UserName(name) => write!(f, "user {name}"),
            Self::UserArn(arn) => write!(f, "user {arn}"),
            Self::PermissionSet(name) => write!(f, "permission set {name}"),
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
    /// It exists; several only for a permission set with two suffixes.
    Found(Vec<Identity>),
    /// It does not exist.
    Missing,
    /// It could not be told, for this reason.
    Unknown(String),
    /// It was not looked up: the account is not one of the organization's that this pass walks.
    Outside,
}

/// What one account's IAM knows of the principals that the policy names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    /// Each principal that was looked up, with what came of it.
    pub found: BTreeMap<Principal, Lookup>,
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
