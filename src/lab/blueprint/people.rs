//! Who there is: users and roles in each account, and Identity Center with its roles.

use fastrand::Rng;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    HubKey, LETTERS, MEMBER_ROLE, before, text,
    tree::{Sort, Stage, Units},
};
use crate::{
    lab::world::{
        State,
        center::{Assignment, IdentityCenter},
    },
    model::{AccountId, Region},
};

/// The user whose key rolecall has.
pub(super) const HUB_USER: &str = "rolecall-hub";

/// Where a permission set is assigned.
type Where = fn(Sort) -> bool;

/// The groups of the directory, each with its permission set.
const TEAMS: [(&str, &str, Where); 6] = [
    ("platform-team", "PlatformAdmin", Sort::has_clusters),
    ("developers", "Developer", |sort| matches!(sort, Sort::Workload(Stage::Dev | Stage::Staging))),
    ("on-call", "OnCall", |sort| sort == Sort::Workload(Stage::Prod)),
    ("auditors", "Auditor", Sort::has_clusters),
    ("finance", "Billing", |sort| sort == Sort::Management),
    ("security", "SecurityAudit", |sort| sort == Sort::Security),
];

/// Three for each group.
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
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": hub},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }]})
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
        for (path, name) in roles(sort) {
            let trust = if name == MEMBER_ROLE { trust.clone() } else { trusts(account, path, name) };
            state.add_role(account, path, name, trust, before(now, rng.i64(2_000..20_000)));
        }
        if sort == Sort::Workload(Stage::Prod) {
            state.add_user(account, "/", "breakglass", before(now, rng.i64(5_000..20_000)));
        }
    }
    let management = state.organization.management.clone();
    let region = regions.first().cloned().unwrap_or_else(|| Region::new("us-east-1"));
    let made = before(now, 20_000);
    state.center = Some(IdentityCenter::new(region, management, rng.u64(..), made));
    let mut people = PEOPLE.chunks(PEOPLE.len() / TEAMS.len());
    for (group, set, wanted) in TEAMS {
        let Some((group, set)) = team(state, group, people.next().unwrap_or_default(), set, made) else { continue };
        for account in sorts.iter().filter(|(_, sort)| wanted(**sort)).map(|(account, _)| account) {
            let (account, permission_set, principal) = (account.clone(), set.clone(), group.clone());
            state.assign(
                Assignment { account, permission_set, group: true, principal },
                before(now, rng.i64(30..5_000)),
            );
        }
    }
}

/// Makes a group with its people, and its permission set.
fn team(state: &mut State, group: &str, people: &[&str], set: &str, made: Timestamp) -> Option<(String, String)> {
    let group = state.add_directory_group(group)?;
    for person in people {
        let name = format!("{}@acme.example", person.to_lowercase().replace(' ', "."));
        let user = state.add_directory_user(&name, person)?;
        state.add_membership(&group, &user)?;
    }
    Some((group, state.add_permission_set(set, made)?))
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

/// Teams that work on clusters, each by a role of its own.
const MORE_TEAMS: [&str; 7] = ["payments", "search", "catalog", "mobile", "data", "identity", "messaging"];

/// Adds a role for each of more teams to the accounts that have clusters.
pub(super) fn teams(state: &mut State, sorts: &Units, made: Timestamp) {
    for account in sorts.iter().filter(|(_, sort)| sort.has_clusters()).map(|(account, _)| account) {
        for team in MORE_TEAMS {
            state.add_role(account, "/teams/", team, trusts(account, "/teams/", team), made);
        }
    }
}

/// Whom the other roles trust: a service, or everybody in the account who may.
fn trusts(account: &AccountId, path: &str, name: &str) -> Value {
    let principal = match (path, name) {
        (_, "eks-node") => json!({"Service": "ec2.amazonaws.com"}),
        (_, "eks-cluster") | ("/aws-service-role/eks.amazonaws.com/", _) => json!({"Service": "eks.amazonaws.com"}),
        _ => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
    };
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})
}

/// Somebody takes an assignment away and gives it back, so that the role of the permission set is made anew under another
/// suffix; says which. Whoever has a row of aws-auth for the old one is out.
pub(super) fn renew(state: &mut State, account: &AccountId, now: Timestamp, rng: &mut Rng) -> Option<String> {
    let center = state.center.as_ref()?;
    let of_account: Vec<&Assignment> = center.assignments.iter().filter(|it| it.account == *account).collect();
    let assignment = Assignment::clone(rng.choice(of_account)?);
    let set = center.permission_sets.get(&assignment.permission_set)?.name.clone();
    state.unassign(&assignment);
    state.assign(assignment, now);
    Some(format!("permission set {set} was assigned anew and has another role"))
}

/// A name for something that nobody remembers.
pub(super) fn nickname(rng: &mut Rng) -> String {
    text(rng, LETTERS, 6)
}
