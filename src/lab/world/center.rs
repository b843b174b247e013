//! Identity Center: permission sets, the directory, and who is assigned what where.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{AccountId, Region};

/// The organization's instance.
#[derive(Clone, Debug)]
pub struct IdentityCenter {
    /// `arn:aws:sso:::instance/ssoins-…`.
    pub instance_arn: String,
    /// `d-…`.
    pub store_id: String,
    /// The region it lives in; it answers in no other.
    pub region: Region,
    /// The account that owns it.
    pub owner: AccountId,
    /// Permission sets by ARN.
    pub permission_sets: BTreeMap<String, PermissionSet>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Users by id.
    pub users: BTreeMap<String, DirectoryUser>,
    /// Who holds which permission set in which account.
    pub assignments: BTreeSet<Assignment>,
}

/// A permission set.
#[derive(Clone, Debug)]
pub struct PermissionSet {
    /// `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// How long its sessions last, as ISO 8601.
    pub session_duration: String,
}

/// A group of the directory.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// Ids of the users in it, with the id of the membership.
    pub members: BTreeMap<String, String>,
}

/// A user of the directory.
#[derive(Clone, Debug)]
pub struct DirectoryUser {
    /// The id.
    pub id: String,
    /// The user name.
    pub name: String,
    /// The display name.
    pub display_name: String,
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The account.
    pub account: AccountId,
    /// The permission set's ARN.
    pub permission_set: String,
    /// Whether the principal is a group rather than a user.
    pub group: bool,
    /// The group's or user's id.
    pub principal: String,
}
