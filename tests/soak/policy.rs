//! Random policies, with a judge of their own: what they want for a cluster, told from the lab's state alone.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use rolecall::lab::world::{State, eks::EksCluster};
use serde_json::{Value, json};

use super::dice::{aside, chance, pick, some};

/// Names of roles that the policies speak of; those at odd places live under a path.
pub const ROLES: [&str; 5] = ["dev", "Ops-Team", "ci_deploy", "audit", "late"];
/// Users that the policies speak of.
pub const USERS: [&str; 2] = ["ann", "bob"];
/// Kubernetes groups.
pub const GROUPS: [&str; 4] = ["developers", "ops", "viewers", "system:masters"];
/// The permission set that exists in some accounts.
pub const SET: &str = "Platform_Admin";
/// A role that the settings protect.
pub const BREAKGLASS: &str = "breakglass";
/// The role of the nodes.
pub const NODE: &str = "eks-node";

/// The path of a role or user by its name.
pub fn path(name: &str) -> &'static str {
    match name {
        "ci_deploy" => "/ci/deploy/",
        "bob" => "/people/",
        _ => "/",
    }
}

/// On which clusters an entry counts.
#[derive(Clone, Debug)]
pub enum Where {
    /// On all.
    Everywhere,
    /// Those with the tag `team` of this value.
    Team(&'static str),
    /// Those of accounts below this organizational unit.
    Unit(&'static str),
    /// Those of accounts whose tag `stage` has this value.
    Stage(&'static str),
    /// All but the cluster of this name.
    Not(String),
}

/// Whether the role is one that gets in: one of an account that is not walked is not looked up.
fn stands(state: &State, account: &str, name: &str) -> bool {
    let walked = state.accounts.iter().find(|(id, account_of)| id.as_str() == account && account_of.state == "ACTIVE");
    walked.is_none_or(|(_, account_of)| account_of.iam.roles.contains_key(&name.to_lowercase()))
}

impl Where {
    fn random(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0 => Self::Team(pick(rng, &["a", "b"])),
            1 => Self::Unit(pick(rng, &["/Prod", "/Dev"])),
            2 => Self::Stage(pick(rng, &["live", "test"])),
            3 => Self::Not(format!("c{}", rng.u8(0..8))),
            // Where much hangs on the accounts' tags, much is lost if they are taken for none when they cannot be read.
            4 | 5 => Self::Stage(pick(&mut aside(rng, 1), &["live", "test"])),
            _ => Self::Everywhere,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Everywhere => json!({}),
            Self::Team(value) => json!({"clusterTags": {"team": [value]}}),
            Self::Unit(path) => json!({"organizationalUnits": [format!("{path}/**")]}),
            Self::Stage(value) => json!({"accountTags": {"stage": [value]}}),
            Self::Not(name) => json!({"not": {"clusters": [name]}}),
        }
    }

    fn means(&self, state: &State, cluster: &EksCluster) -> bool {
        let account = &state.accounts[&cluster.id.account];
        match self {
            Self::Everywhere => true,
            Self::Team(value) => cluster.tags.get("team").is_some_and(|tag| tag == value),
            Self::Unit(path) => {
                let mut names = Vec::new();
                let mut at = account.parent.as_str();
                while let Some(unit) = state.organization.units.get(at) {
                    names.push(unit.name.as_str());
                    at = &unit.parent;
                }
                names.last().is_some_and(|top| path.trim_start_matches('/') == *top)
            }
            Self::Stage(value) => account.tags.get("stage").is_some_and(|tag| tag == value),
            Self::Not(name) => cluster.id.name != *name,
        }
    }
}

/// Who gets in.
#[derive(Clone, Debug)]
pub enum Who {
    /// The role of this name in each account.
    Role(String),
    /// The role of this name in this account, by its ARN.
    RoleIn(String, String),
    /// The user of this name in each account.
    User(String),
    /// The permission set.
    Set,
    /// Everybody of an account.
    Account(String),
}

/// One line under `access`.
#[derive(Clone, Debug)]
pub struct Grant {
    who: Who,
    groups: Vec<&'static str>,
    selector: Where,
}

/// One random policy.
#[derive(Clone, Debug)]
pub struct Policy {
    grants: Vec<Grant>,
    bindings: Vec<(&'static str, &'static str, Option<&'static str>, Where)>,
    roles: Vec<(&'static str, Where)>,
    nodes: bool,
}

/// What a policy wants in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Username and groups by ARN in small letters.
    pub rows: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Accounts whose every principal gets in.
    pub accounts: BTreeSet<String>,
    /// Group, role and namespace.
    pub bindings: BTreeSet<(String, String, Option<String>)>,
    /// ClusterRoles that the policy defines.
    pub roles: BTreeSet<String>,
    /// Whether it names a protected principal, which stays as it is whatever the policy says.
    pub names_protected: bool,
}

/// The username that the policies give a principal, if any: one for each name, so that no two lines contradict.
fn username(name: &str) -> Option<String> {
    match name {
        "dev" => Some("dev:{{SessionName}}".to_owned()),
        "audit" => Some("auditor".to_owned()),
        "ann" => Some("ann".to_owned()),
        _ => None,
    }
}

impl Policy {
    /// Any policy for these accounts.
    pub fn random(accounts: &[String], rng: &mut Rng) -> Self {
        let mut grants = Vec::new();
        for _ in 0..rng.usize(1..7) {
            let who = match rng.u8(0..12) {
                0 | 1 => Who::User(pick(rng, &USERS).to_owned()),
                2 => Who::Set,
                3 => Who::Account(pick(rng, &["444455556666", "000011112222"]).to_owned()),
                4 | 5 => Who::RoleIn(accounts[rng.usize(..accounts.len())].clone(), pick(rng, &ROLES).to_owned()),
                6 if chance(rng, 0.3) => Who::Role(BREAKGLASS.to_owned()),
                _ => Who::Role(pick(rng, &ROLES).to_owned()),
            };
            let groups = match &who {
                Who::Account(_) => Vec::new(),
                _ => Some(some(rng, &GROUPS, 0.4)).filter(|groups| !groups.is_empty()).unwrap_or(vec!["viewers"]),
            };
            grants.push(Grant { who, groups, selector: Where::random(rng) });
        }
        let mut bindings = Vec::new();
        for group in &GROUPS[..3] {
            for role in ["view", "edit", "soak-reader"] {
                if chance(rng, 0.3) {
                    let namespace = chance(rng, 0.3).then_some("team-a");
                    bindings.push((*group, role, namespace, Where::random(rng)));
                }
            }
        }
        let roles = some(rng, &["soak-reader", "soak-writer"], 0.5);
        let roles = roles.into_iter().map(|role| (role, Where::random(rng))).collect();
        Self { grants, bindings, roles, nodes: chance(rng, 0.4) }
    }

    /// The same with a line more, less or changed.
    pub fn changed(&self, accounts: &[String], rng: &mut Rng) -> Self {
        let other = Self::random(accounts, rng);
        let mut changed = self.clone();
        match rng.u8(0..4) {
            0 => changed.grants.extend(other.grants.into_iter().take(1)),
            1 if changed.grants.len() > 1 => drop(changed.grants.remove(0)),
            2 => changed.bindings = other.bindings,
            _ => return other,
        }
        changed
    }

    /// The policy file.
    pub fn text(&self) -> String {
        let access: Vec<Value> = self.grants.iter().map(Grant::json).collect();
        let groups: Vec<Value> = self
            .bindings
            .iter()
            .map(|(group, role, namespace, selector)| match namespace {
                Some(namespace) => {
                    json!({"name": group, "namespaces": [{"name": namespace, "clusterRoles": [role]}], "where": selector.json()})
                }
                None => json!({"name": group, "clusterRoles": [role], "where": selector.json()}),
            })
            .collect();
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]);
        let roles: Vec<Value> =
            self.roles.iter().map(|(name, at)| json!({"name": name, "rules": rules, "where": at.json()})).collect();
        let nodes = if self.nodes { json!([{"role": NODE}]) } else { json!([]) };
        let (version, kind) = ("rolecall.dev/v1", "AccessPolicy");
        json!({"apiVersion": version, "kind": kind, "access": access, "groups": groups, "roles": roles, "nodes": nodes})
            .to_string()
    }

    /// What it wants for a cluster, as the lab's state is now.
    pub fn wanted(&self, state: &State, cluster: &EksCluster) -> Wanted {
        let mut wanted = Wanted::default();
        for grant in self.grants.iter().filter(|grant| grant.selector.means(state, cluster)) {
            grant.add(state, cluster, &mut wanted);
        }
        for (group, role, namespace, _) in self.bindings.iter().filter(|it| it.3.means(state, cluster)) {
            wanted.bindings.insert(((*group).to_owned(), (*role).to_owned(), namespace.map(str::to_owned)));
        }
        wanted.roles =
            self.roles.iter().filter(|(_, at)| at.means(state, cluster)).map(|(name, _)| (*name).to_owned()).collect();
        if self.nodes && state.accounts[&cluster.id.account].iam.roles.contains_key(NODE) {
            let groups = ["system:bootstrappers", "system:nodes"].map(str::to_owned);
            let arn = format!("arn:aws:iam::{}:role/{NODE}", cluster.id.account);
            wanted.rows.insert(arn, ("system:node:{{EC2PrivateDNSName}}".to_owned(), BTreeSet::from(groups)));
        }
        wanted
    }
}

impl Grant {
    fn json(&self) -> Value {
        let who = match &self.who {
            Who::Role(name) => json!({"role": name}),
            Who::RoleIn(account, name) => json!({"role": format!("arn:aws:iam::{account}:role{}{name}", path(name))}),
            Who::User(name) => json!({"user": name}),
            Who::Set => json!({"permissionSet": SET}),
            Who::Account(id) => json!({"account": id}),
        };
        let mut entry = json!({"who": who, "where": self.selector.json()});
        if !matches!(self.who, Who::Account(_)) {
            entry["groups"] = json!(self.groups);
        }
        if let Who::Role(name) | Who::RoleIn(_, name) | Who::User(name) = &self.who
            && let Some(username) = username(name)
        {
            entry["username"] = json!(username);
        }
        entry
    }

    fn add(&self, state: &State, cluster: &EksCluster, wanted: &mut Wanted) {
        let here = &cluster.id.account;
        let iam = &state.accounts[here].iam;
        let role = |account: &str, name: &str| {
            let session = format!("arn:aws:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}");
            (format!("arn:aws:iam::{account}:role/{name}"), username(name).unwrap_or(session))
        };
        let exists = |name: &str| iam.roles.contains_key(&name.to_lowercase());
        let found: Vec<(String, String)> = match &self.who {
            Who::Account(id) => {
                wanted.accounts.insert(id.clone());
                return;
            }
            Who::Role(name) if exists(name) => vec![role(here.as_str(), name)],
            Who::RoleIn(account, name) if stands(state, account, name) => vec![role(account, name)],
            Who::User(name) if iam.users.contains_key(name) => {
                let arn = format!("arn:aws:iam::{here}:user{}{name}", path(name));
                vec![(arn.clone(), username(name).unwrap_or(arn))]
            }
            Who::Set => {
                let of_set = |name: &&String| name.starts_with(&format!("awsreservedsso_{}_", SET.to_lowercase()));
                iam.roles.keys().filter(of_set).map(|key| role(here.as_str(), &iam.roles[key].name)).collect()
            }
            _ => Vec::new(),
        };
        for (arn, username) in found {
            wanted.names_protected |= arn.ends_with(BREAKGLASS);
            let row = wanted.rows.entry(arn.to_lowercase()).or_insert_with(|| (username, BTreeSet::new()));
            row.1.extend(self.groups.iter().map(|&group| group.to_owned()));
        }
    }
}
