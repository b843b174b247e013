//! Users, roles, groups and policies of one account.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::State;
use crate::model::{AccountId, Arn, Partition};

/// One account's IAM. Names are unique whatever their case, so the keys are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Iam {
    /// Roles by name in lower case.
    pub roles: BTreeMap<String, Role>,
    /// Users by name in lower case.
    pub users: BTreeMap<String, User>,
    /// Groups by name in lower case.
    pub groups: BTreeMap<String, Group>,
    /// The account's own managed policies by name in lower case.
    pub policies: BTreeMap<String, ManagedPolicy>,
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
    /// What it is for.
    pub description: Option<String>,
    /// How long its sessions may last, in seconds.
    pub max_session: u32,
    /// The trust policy.
    pub trust: Value,
    /// Actions (`eks:DescribeCluster`, `eks:*`, `*`) that are denied to it. In the lab a role may do everything else but
    /// what it is not allowed.
    pub denied: BTreeSet<String>,
    /// Actions that no policy allows it.
    pub not_allowed: BTreeSet<String>,
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

/// An IAM group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The name.
    pub name: String,
    /// The path, with a slash at both ends.
    pub path: String,
    /// The unique id, `AGPA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its users, by name in lower case.
    pub users: BTreeSet<String>,
    /// Its inline policies by name.
    pub inline: BTreeMap<String, Value>,
    /// The ARNs of the policies that are attached to it.
    pub attached: BTreeSet<String>,
}

/// A managed policy of an account.
#[derive(Clone, Debug)]
pub struct ManagedPolicy {
    /// The name.
    pub name: String,
    /// The path, with a slash at both ends.
    pub path: String,
    /// The unique id, `ANPA…`.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its versions, `v1` first, each with when it was made.
    pub versions: Vec<(Value, Timestamp)>,
    /// The number of the version in force, counted from 1.
    pub in_force: usize,
}

impl Role {
    /// A role that may do everything, whose sessions last an hour at most, without tags.
    pub fn new(name: impl Into<String>, path: impl Into<String>, id: String, created: Timestamp, trust: Value) -> Self {
        Self {
            name: name.into(),
            path: path.into(),
            id,
            created,
            description: None,
            max_session: 3600,
            trust,
            denied: BTreeSet::new(),
            not_allowed: BTreeSet::new(),
            tags: BTreeMap::new(),
        }
    }

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

impl Group {
    /// The ARN, path included.
    pub fn arn(&self, account: &AccountId) -> Arn {
        let role = Arn::iam_role(&Partition::new("aws"), account, "");
        Arn { resource: format!("group{}{}", self.path, self.name), ..role }
    }
}

impl ManagedPolicy {
    /// The ARN, path included.
    pub fn arn(&self, account: &AccountId) -> Arn {
        let role = Arn::iam_role(&Partition::new("aws"), account, "");
        Arn { resource: format!("policy{}{}", self.path, self.name), ..role }
    }
}

impl State {
    /// Makes a role, in place of one of the same name; `None` when there is no such account.
    pub fn add_role(
        &mut self,
        account: &AccountId,
        path: &str,
        name: &str,
        trust: Value,
        now: Timestamp,
    ) -> Option<&mut Role> {
        let id = self.new_id("AROA", 17);
        let roles = &mut self.accounts.get_mut(account)?.iam.roles;
        let key = name.to_lowercase();
        roles.insert(key.clone(), Role::new(name, path, id, now, trust));
        roles.get_mut(&key)
    }

    /// Takes an action away from a role, as if no policy allowed it; `false` when there is no such role.
    pub fn disallow(&mut self, account: &AccountId, role: &str, action: &str) -> bool {
        let roles = self.accounts.get_mut(account).map(|account| &mut account.iam.roles);
        let role = roles.and_then(|roles| roles.get_mut(&role.to_lowercase()));
        role.map(|role| role.not_allowed.insert(action.to_owned())).is_some()
    }

    /// Makes a user, in place of one of the same name; `None` when there is no such account.
    pub fn add_user(&mut self, account: &AccountId, path: &str, name: &str, now: Timestamp) -> Option<&mut User> {
        let id = self.new_id("AIDA", 17);
        let users = &mut self.accounts.get_mut(account)?.iam.users;
        let key = name.to_lowercase();
        let user = User { name: name.to_owned(), path: path.to_owned(), id, created: now, tags: BTreeMap::new() };
        users.insert(key.clone(), user);
        users.get_mut(&key)
    }

    /// Makes a group without users and policies, in place of one of the same name; `None` when there is no such account.
    pub fn add_group(&mut self, account: &AccountId, path: &str, name: &str, now: Timestamp) -> Option<&mut Group> {
        let id = self.new_id("AGPA", 17);
        let groups = &mut self.accounts.get_mut(account)?.iam.groups;
        let key = name.to_lowercase();
        let (name, path, users) = (name.to_owned(), path.to_owned(), BTreeSet::new());
        let (inline, attached) = (BTreeMap::new(), BTreeSet::new());
        groups.insert(key.clone(), Group { name, path, id, created: now, users, inline, attached });
        groups.get_mut(&key)
    }

    /// Puts a user into a group; `None` when one of them is not there.
    pub fn add_to_group(&mut self, account: &AccountId, group: &str, user: &str) -> Option<()> {
        let iam = &mut self.accounts.get_mut(account)?.iam;
        let user = iam.users.get_key_value(&user.to_lowercase())?.0.clone();
        iam.groups.get_mut(&group.to_lowercase())?.users.insert(user);
        Some(())
    }

    /// Takes a user out of a group; `None` when it was not in it.
    pub fn remove_from_group(&mut self, account: &AccountId, group: &str, user: &str) -> Option<()> {
        let iam = &mut self.accounts.get_mut(account)?.iam;
        iam.groups.get_mut(&group.to_lowercase())?.users.remove(&user.to_lowercase()).then_some(())
    }

    /// Makes a managed policy with this document, in place of one of the same name; `None` when there is no such account.
    pub fn add_policy(
        &mut self,
        account: &AccountId,
        path: &str,
        name: &str,
        document: Value,
        now: Timestamp,
    ) -> Option<&mut ManagedPolicy> {
        let id = self.new_id("ANPA", 17);
        let policies = &mut self.accounts.get_mut(account)?.iam.policies;
        let (key, path, versions) = (name.to_lowercase(), path.to_owned(), vec![(document, now)]);
        let policy = ManagedPolicy { name: name.to_owned(), path, id, created: now, versions, in_force: 1 };
        policies.insert(key.clone(), policy);
        policies.get_mut(&key)
    }

    /// The unique id of the role or user of exactly this ARN, path included.
    pub fn principal_id(&self, arn: &Arn) -> Option<&str> {
        let account = arn.account_id()?;
        let iam = &self.accounts.get(&account)?.iam;
        if let Some(name) = arn.role_name() {
            let role = iam.roles.get(&name.to_lowercase())?;
            return (role.arn(&account) == *arn).then_some(&*role.id);
        }
        let user = iam.users.get(&arn.user_name()?.to_lowercase())?;
        (user.arn(&account) == *arn).then_some(&*user.id)
    }
}
