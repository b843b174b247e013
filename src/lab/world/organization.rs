//! The organization's tree and its accounts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::iam::Iam;
use crate::model::{AccountId, Region};

/// The tree; accounts name their parent themselves.
#[derive(Clone, Debug)]
pub struct Organization {
    /// `o-` and ten or more characters.
    pub id: String,
    /// The management account.
    pub management: AccountId,
    /// The root's id, `r-….`
    pub root: String,
    /// The organizational units by id.
    pub units: BTreeMap<String, Unit>,
}

/// An organizational unit.
#[derive(Clone, Debug)]
pub struct Unit {
    /// `ou-<root>-<8 or more characters>`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The unit above, or the root.
    pub parent: String,
}

/// A member account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The twelve digits.
    pub id: AccountId,
    /// Its name in the organization.
    pub name: String,
    /// The root user's address.
    pub email: String,
    /// PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE or CLOSED.
    pub state: String,
    /// The unit it is in, or the root.
    pub parent: String,
    /// When it joined.
    pub joined: Timestamp,
    /// Its tags in the organization.
    pub tags: BTreeMap<String, String>,
    /// The regions that are enabled.
    pub regions: BTreeSet<Region>,
    /// Its users, roles and groups.
    pub iam: Iam,
}
