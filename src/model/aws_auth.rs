//! The aws-auth ConfigMap as it is stored.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A section of aws-auth, named by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Section {
    /// `mapRoles`.
    #[serde(rename = "mapRoles")]
    Roles,
    /// `mapUsers`.
    #[serde(rename = "mapUsers")]
    Users,
    /// `mapAccounts`.
    #[serde(rename = "mapAccounts")]
    Accounts,
}

impl Section {
    /// Every section in the order in which the authenticator looks: roles, users, accounts.
    pub const ALL: [Self; 3] = [Self::Roles, Self::Users, Self::Accounts];

    /// The key in the ConfigMap's data; the authenticator takes it in this case only.
    pub fn key(self) -> &'static str {
        match self {
            Self::Roles => "mapRoles",
            Self::Users => "mapUsers",
            Self::Accounts => "mapAccounts",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Who last wrote an object, from its managedFields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldManager {
    /// The manager's name, such as `kubectl-edit`.
    pub name: String,
    /// When it last wrote.
    pub time: Option<Timestamp>,
}

/// The ConfigMap kube-system/aws-auth as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAuth {
    /// The object's uid.
    pub uid: String,
    /// The resourceVersion that a write must name.
    pub resource_version: String,
    /// The data, key by key, byte for byte.
    pub data: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Who wrote it last, the latest first.
    pub managers: Vec<FieldManager>,
    /// Whether the ConfigMap is marked immutable, so that no write can succeed.
    pub immutable: bool,
}
