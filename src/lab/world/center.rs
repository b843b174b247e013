//! Identity Center: permission sets, the directory, and who is assigned what where.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::Digest;

use super::State;
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
    /// Accounts to which its administration is delegated.
    pub delegated: BTreeSet<AccountId>,
    /// When it was made.
    pub created: Timestamp,
    /// Permission sets by ARN.
    pub permission_sets: BTreeMap<String, PermissionSet>,
    /// Groups by id.
    pub groups: BTreeMap<String, Group>,
    /// Users by id.
    pub users: BTreeMap<String, DirectoryUser>,
    /// Who holds which permission set in which account.
    pub assignments: BTreeSet<Assignment>,
    /// What was asked for concerning assignments, by the request's id.
    pub requests: BTreeMap<String, AssignmentRequest>,
}

/// A permission set.
#[derive(Clone, Debug)]
pub struct PermissionSet {
    /// `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
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
    /// What it is for.
    pub description: Option<String>,
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
    /// What else was said of it (Name, Emails, …), as DescribeUser tells it again.
    pub attributes: Map<String, Value>,
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

/// An assignment that was asked for or taken away.
#[derive(Clone, Debug)]
pub struct AssignmentRequest {
    /// What it is about.
    pub assignment: Assignment,
    /// Whether it takes the assignment away.
    pub deletes: bool,
    /// When it was asked for.
    pub created: Timestamp,
    /// Why it came to nothing.
    pub failure: Option<String>,
    /// Whether it was looked at before: the first answer is always that it is in progress.
    pub seen: bool,
}

impl IdentityCenter {
    /// An empty instance; `serial` sets its ids apart from those of other instances.
    pub fn new(region: Region, owner: AccountId, serial: u64, created: Timestamp) -> Self {
        Self {
            instance_arn: format!("arn:aws:sso:::instance/ssoins-{serial:016x}"),
            store_id: format!("d-{serial:010x}"),
            region,
            owner,
            delegated: BTreeSet::new(),
            created,
            permission_sets: BTreeMap::new(),
            groups: BTreeMap::new(),
            users: BTreeMap::new(),
            assignments: BTreeSet::new(),
            requests: BTreeMap::new(),
        }
    }

    /// Where it keeps its roles: the region is left out when it is us-east-1.
    ///
    /// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>.
    pub fn role_path(&self) -> String {
        match self.region.as_str() {
            "us-east-1" => "/aws-reserved/sso.amazonaws.com/".to_owned(),
            region => format!("/aws-reserved/sso.amazonaws.com/{region}/"),
        }
    }
}

impl State {
    /// Makes a permission set and gives its ARN; `None` where there is no Identity Center.
    pub fn add_permission_set(&mut self, name: &str, now: Timestamp) -> Option<String> {
        let id = self.new_hex(16);
        let center = self.center.as_mut()?;
        let instance = center.instance_arn.rsplit('/').next().unwrap_or_default();
        let arn = format!("arn:aws:sso:::permissionSet/{instance}/ps-{id}");
        let set = PermissionSet {
            arn: arn.clone(),
            name: name.to_owned(),
            description: None,
            created: now,
            session_duration: "PT1H".to_owned(),
        };
        center.permission_sets.insert(arn.clone(), set);
        Some(arn)
    }

    /// Makes a group of the directory and gives its id; `None` where there is no Identity Center.
    pub fn add_directory_group(&mut self, name: &str) -> Option<String> {
        let id = self.new_uuid();
        let group = Group { id: id.clone(), name: name.to_owned(), description: None, members: BTreeMap::new() };
        self.center.as_mut()?.groups.insert(id.clone(), group);
        Some(id)
    }

    /// Makes a user of the directory and gives its id; `None` where there is no Identity Center.
    pub fn add_directory_user(&mut self, name: &str, display_name: &str) -> Option<String> {
        let id = self.new_uuid();
        let user = DirectoryUser {
            id: id.clone(),
            name: name.to_owned(),
            display_name: display_name.to_owned(),
            attributes: Map::new(),
        };
        self.center.as_mut()?.users.insert(id.clone(), user);
        Some(id)
    }

    /// Puts a user into a group and gives the membership's id; `None` where there is no such group.
    pub fn add_membership(&mut self, group: &str, user: &str) -> Option<String> {
        let id = self.new_uuid();
        self.center.as_mut()?.groups.get_mut(group)?.members.insert(user.to_owned(), id.clone());
        Some(id)
    }

    /// Assigns a permission set. The first assignment of a set in an account makes the role that goes with it, whose name
    /// ends in digits that never came before.
    pub fn assign(&mut self, assignment: Assignment, now: Timestamp) {
        let (suffix, provider) = (self.new_hex(16), self.new_hex(16));
        let Some(center) = self.center.as_mut() else { return };
        let Some(set) = center.permission_sets.get(&assignment.permission_set) else { return };
        let (path, set_name) = (center.role_path(), set.name.clone());
        let account = assignment.account.clone();
        let known = center.assignments.iter().any(|other| same_role(other, &assignment));
        center.assignments.insert(assignment);
        if !known {
            let name = format!("AWSReservedSSO_{set_name}_{suffix}");
            let trust = json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow",
                "Principal": {"Federated": format!("arn:aws:iam::{account}:saml-provider/AWSSSO_{provider}_DO_NOT_DELETE")},
                "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
                "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
            }]});
            self.add_role(&account, &path, &name, trust, now);
        }
    }

    /// Takes an assignment away; with the last one of its set in the account goes the role.
    pub fn unassign(&mut self, assignment: &Assignment) {
        let Some(center) = self.center.as_mut() else { return };
        if !center.assignments.remove(assignment) || center.assignments.iter().any(|other| same_role(other, assignment))
        {
            return;
        }
        let Some(set) = center.permission_sets.get(&assignment.permission_set) else { return };
        let (path, prefix) = (center.role_path(), format!("AWSReservedSSO_{}_", set.name));
        if let Some(account) = self.accounts.get_mut(&assignment.account) {
            account.iam.roles.retain(|_, role| {
                let suffix = role.name.strip_prefix(&prefix).filter(|_| role.path == path);
                !suffix.is_some_and(|suffix| suffix.len() == 16 && suffix.bytes().all(|c| c.is_ascii_hexdigit()))
            });
        }
    }

    /// As many hexadecimal digits as wanted, at most 64, that never came before.
    pub fn new_hex(&mut self, digits: usize) -> String {
        let mut text = self.digest().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        text.truncate(digits);
        text
    }

    /// A UUID that never came before.
    pub fn new_uuid(&mut self) -> String {
        let digest = self.digest();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    fn digest(&mut self) -> [u8; 32] {
        sha2::Sha256::digest(self.new_id("", 26)).into()
    }
}

/// Whether both are of one permission set in one account, and so of one role.
fn same_role(one: &Assignment, other: &Assignment) -> bool {
    one.account == other.account && one.permission_set == other.permission_set
}
