//! Who there is: users and roles in each account, and Identity Center with its roles.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    HEX, HubKey, LETTERS, MEMBER_ROLE, before, text,
    tree::{Sort, Stage, Units},
};
use crate::{
    lab::world::{
        State,
        center::{Assignment, DirectoryUser, Group, IdentityCenter, PermissionSet},
        iam::{Role, User},
    },
    model::{AccountId, Region},
};

/// The user whose key rolecall has.
pub(super) const HUB_USER: &str = "rolecall-hub";

/// The group of the directory, its permission set, and in which accounts it is assigned.
const TEAMS: [(&str, &str, fn(Sort) -> bool); 6] = [
    ("platform-team", "PlatformAdmin", Sort::has_clusters),
    ("developers", "Developer", |sort| matches!(sort, Sort::Workload(Stage::Dev | Stage::Staging))),
    ("on-call", "OnCall", |sort| matches!(sort, Sort::Workload(Stage::Prod))),
    ("auditors", "Auditor", Sort::has_clusters),
    ("finance", "Billing", |sort| sort == Sort::Management),
    ("security", "SecurityAudit", |sort| sort == Sort::Security),
];

const PEOPLE: [&str; 18] = [
    "Ada Lovelace",
    "Grace Hopper",
    "Alan Turing",
    "Edsger Dijkstra",
    "Barbara Liskov",
    "Frances Allen",
    "Radia Perlman",
    "Ken Thompson",
    "Margaret Hamilton",
    "Katherine Johnson",
    "Dennis Ritchie",
    "Lynn Conway",
    "Karen Sparck Jones",
    "Donald Knuth",
    "Hedy Lamarr",
    "Jean Sammet",
    "Adele Goldberg",
    "Shafi Goldwasser",
];

/// Whom the member role trusts: the hub, with the external id of the settings.
pub(super) fn trust(state: &State, hub: &HubKey, external_id: &str) -> Value {
    let hub = state.keys.get(&hub.id).map(|key| key.caller.arn.clone()).unwrap_or_default();
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": hub},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }],
    })
}

/// Fills the accounts and Identity Center.
pub(super) fn settle(
    state: &mut State,
    sorts: &Units,
    regions: &[Region],
    trust: &Value,
    now: Timestamp,
    rng: &mut Rng,
) {
    for (account, &sort) in sorts {
        for role in roles(sort) {
            add_role(state, account, role, trust, before(now, rng.i64(2_000..20_000)), rng);
        }
        if sort == Sort::Workload(Stage::Prod) {
            add_user(state, account, "breakglass", before(now, rng.i64(5_000..20_000)));
        }
    }
    let management = state.organization.management.clone();
    add_user(state, &management, HUB_USER, before(now, 4_000));
    let center = identity_center(state, sorts, regions, now, rng);
    state.center = Some(center);
}

/// Path and name of the roles of an account.
fn roles(sort: Sort) -> Vec<(&'static str, &'static str)> {
    let mut roles = vec![("/", "OrganizationAccountAccessRole")];
    if sort != Sort::Sandbox {
        roles.push(("/", MEMBER_ROLE));
    }
    if sort.has_clusters() {
        roles.extend([
            ("/", "eks-node"),
            ("/", "eks-cluster"),
            ("/", "eks-admin"),
            ("/ci/", "deployer"),
            ("/ci/", "terraform"),
            ("/aws-service-role/eks.amazonaws.com/", "AWSServiceRoleForAmazonEKS"),
        ]);
    }
    roles
}

fn add_role(
    state: &mut State,
    account: &AccountId,
    (path, name): (&str, &str),
    trust: &Value,
    created: Timestamp,
    rng: &mut Rng,
) {
    let service = |service: &str| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole",
        }]})
    };
    let trust = match name {
        MEMBER_ROLE => trust.clone(),
        "eks-node" => service("ec2.amazonaws.com"),
        _ if path.starts_with("/aws-reserved/") => json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{account}:saml-provider/AWSSSO_{}_DO_NOT_DELETE", text(rng, HEX, 16))},
            "Action": ["sts:AssumeRoleWithSAML", "sts:TagSession"],
        }]}),
        _ if path == "/" || path == "/ci/" => json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{account}:root")}, "Action": "sts:AssumeRole",
        }]}),
        _ => service("eks.amazonaws.com"),
    };
    let id = state.new_id("AROA", 17);
    let role = Role {
        name: name.to_owned(),
        path: path.to_owned(),
        id,
        created,
        trust,
        denied: BTreeSet::new(),
        tags: BTreeMap::new(),
    };
    if let Some(account) = state.accounts.get_mut(account) {
        account.iam.roles.insert(name.to_lowercase(), role);
    }
}

fn add_user(state: &mut State, account: &AccountId, name: &str, created: Timestamp) {
    let arn = format!("arn:aws:iam::{account}:user/{name}");
    let known = state.keys.values().find(|key| key.caller.arn == arn).map(|key| key.caller.user_id.clone());
    let id = known.unwrap_or_else(|| state.new_id("AIDA", 17));
    let user = User { name: name.to_owned(), path: "/".to_owned(), id, created, tags: BTreeMap::new() };
    if let Some(account) = state.accounts.get_mut(account) {
        account.iam.users.insert(name.to_lowercase(), user);
    }
}

fn identity_center(
    state: &mut State,
    sorts: &Units,
    regions: &[Region],
    now: Timestamp,
    rng: &mut Rng,
) -> IdentityCenter {
    let instance = format!("ssoins-{}", text(rng, HEX, 16));
    let region = regions.first().cloned().unwrap_or_else(|| Region::new("us-east-1"));
    let mut center = IdentityCenter {
        instance_arn: format!("arn:aws:sso:::instance/{instance}"),
        store_id: format!("d-{}", text(rng, HEX, 10)),
        region,
        owner: state.organization.management.clone(),
        permission_sets: BTreeMap::new(),
        groups: BTreeMap::new(),
        users: BTreeMap::new(),
        assignments: BTreeSet::new(),
    };
    let path = match center.region.as_str() {
        "us-east-1" => "/aws-reserved/sso.amazonaws.com/".to_owned(),
        region => format!("/aws-reserved/sso.amazonaws.com/{region}/"),
    };
    let mut people = PEOPLE.iter();
    for (group, set, assigned) in TEAMS {
        let group = add_group(&mut center, group, people.by_ref().take(3), rng);
        let arn = format!("arn:aws:sso:::permissionSet/{instance}/ps-{}", text(rng, HEX, 16));
        let session_duration = if set == "OnCall" { "PT4H" } else { "PT8H" }.to_owned();
        let created = before(now, rng.i64(5_000..20_000));
        let permission_set = PermissionSet { arn: arn.clone(), name: set.to_owned(), created, session_duration };
        center.permission_sets.insert(arn.clone(), permission_set);
        for account in sorts.iter().filter(|(_, sort)| assigned(**sort)).map(|(account, _)| account) {
            let name = format!("AWSReservedSSO_{set}_{}", text(rng, HEX, 16));
            add_role(state, account, (&path, &name), &Value::Null, before(now, rng.i64(30..5_000)), rng);
            center.assignments.insert(Assignment {
                account: account.clone(),
                permission_set: arn.clone(),
                group: true,
                principal: group.clone(),
            });
        }
    }
    center
}

fn add_group<'a>(
    center: &mut IdentityCenter,
    name: &str,
    people: impl Iterator<Item = &'a &'a str>,
    rng: &mut Rng,
) -> String {
    let mut id = || {
        let parts = [8, 4, 4, 4, 12].map(|characters| text(rng, HEX, characters));
        parts.join("-")
    };
    let group = id();
    let mut members = BTreeMap::new();
    for person in people {
        let user = id();
        members.insert(user.clone(), id());
        let name = format!("{}@acme.example", person.to_lowercase().replace(' ', "."));
        let display_name = (*person).to_owned();
        center.users.insert(user.clone(), DirectoryUser { id: user, name, display_name });
    }
    center.groups.insert(group.clone(), Group { id: group.clone(), name: name.to_owned(), members });
    group
}

/// Identity Center makes the role of one of an account's permission sets anew, under another suffix; says which. Whoever
/// has a row of aws-auth for the old one is out.
pub(super) fn renew(state: &mut State, account: &AccountId, rng: &mut Rng) -> Option<String> {
    let id = state.new_id("AROA", 17);
    let iam = &mut state.accounts.get_mut(account)?.iam;
    let sets: Vec<String> = iam.roles.keys().filter(|name| name.starts_with("awsreservedsso_")).cloned().collect();
    let old = iam.roles.remove(rng.choice(&sets)?)?;
    let set = old.name.rsplit_once('_')?.0.to_owned();
    let new = Role { name: format!("{set}_{}", suffix(rng)), id, ..old };
    let told =
        format!("Identity Center made the role of permission set {} anew", set.trim_start_matches("AWSReservedSSO_"));
    iam.roles.insert(new.name.to_lowercase(), new);
    Some(told)
}

/// The suffix of a permission set's role, of the right form.
pub(super) fn suffix(rng: &mut Rng) -> String {
    text(rng, HEX, 16)
}

/// A name for something that nobody remembers.
pub(super) fn nickname(rng: &mut Rng) -> String {
    text(rng, LETTERS, 6)
}
