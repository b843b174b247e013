//! Users and roles of one account.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::model::{AccountId, Arn, Partition};

/// One account's IAM. Names are unique whatever their case, so the keys are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Iam {
    /// Roles by name in lower case.
    pub roles: BTreeMap<String, Role>,
    /// Users by name in lower case.
    pub users: BTreeMap<String, User>,
}

/// An IAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its path, with a slash at both ends.
    pub path: String,
    /// The unique id, `AROA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The trust policy.
    pub trust: Value,
    /// Actions (`eks:DescribeCluster`, `eks:*`, `*`) that are denied to it. In the lab a role may do everything else.
    pub denied: BTreeSet<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

/// An IAM user.
#[derive(Clone, Debug)]
pub struct User {
    /// The name.
    pub name: String,
    /// The path, with a slash at both ends.
    pub path: String,
    /// The unique id, `AIDA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl Role {
    /// The ARN, path included.
    pub fn arn(&self, account: &AccountId) -> Arn {
        Arn::iam_role(&Partition::new("aws"), account, &format!("{}{}", self.path, self.name))
    }
}

impl User {
    /// The ARN, path included.
    pub fn arn(&self, account: &AccountId) -> Arn {
        let role = Arn::iam_role(&Partition::new("aws"), account, "");
        Arn { resource: format!("user{}{}", self.path, self.name), ..role }
    }
}
