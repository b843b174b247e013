//! The clusters: which accounts and regions they are in, how they let principals in, and how rolecall gets in.

use std::{collections::BTreeMap, io};

use fastrand::Rng;
use jiff::Timestamp;

use super::{
    Blueprint, Drift, MEMBER_ROLE, before, people, policy,
    tree::{Sort, Stage, Units},
};
use crate::{
    lab::{
        kube::ApiServer,
        world::{
            State,
            eks::{AccessEntry, Association, EksCluster},
            organization::Account,
        },
    },
    model::{AccountId, AuthenticationMode, ClusterId, ENTRY_TAG, MASTERS, Section},
};

/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>.
const CLUSTER_ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

const NAMES: [&str; 10] = ["core", "apps", "edge", "batch", "data", "jobs", "api", "web", "stream", "tools"];
const VERSIONS: [&str; 3] = ["1.34", "1.35", "1.36"];

/// Spreads the clusters over the accounts that have any.
pub(super) fn clusters(
    blueprint: &Blueprint,
    state: &mut State,
    sorts: &Units,
    now: Timestamp,
    rng: &mut Rng,
) -> io::Result<()> {
    let wanted = |sort: Sort| sort.has_clusters() && (blueprint.drift != Drift::Missing || sort != Sort::Platform);
    let homes: Vec<(&AccountId, Sort)> =
        sorts.iter().filter(|(_, sort)| wanted(**sort)).map(|(id, s)| (id, *s)).collect();
    let first: Vec<usize> = homes.iter().map(|_| rng.usize(..NAMES.len())).collect();
    for k in 0..blueprint.clusters {
        let (home, turn) = (k % homes.len(), k / homes.len());
        let (account, sort) = homes[home];
        let region = blueprint.regions[(home + turn) % blueprint.regions.len()].clone();
        let name = NAMES[(first[home] + turn) % NAMES.len()];
        let name = if turn < NAMES.len() { name.to_owned() } else { format!("{name}-{}", turn / NAMES.len() + 1) };
        let id = ClusterId { account: account.clone(), region, name };
        let created = before(now, rng.i64(200..20_000));
        let cluster = cluster(state, id, sort, created, rng)?;
        state.clusters.insert(cluster.id.clone(), cluster);
    }
    Ok(())
}

/// One more cluster in an account that works on a product; `None` where there is no such account.
pub(super) fn newcomer(state: &State, now: Timestamp, rng: &mut Rng) -> io::Result<Option<EksCluster>> {
    let homes: Vec<(&Account, Sort)> = state
        .accounts
        .values()
        .filter_map(|account| Some((account, Sort::Workload(Stage::of(&account.tags)?))))
        .collect();
    let Some(&(account, sort)) = rng.choice(&homes) else { return Ok(None) };
    let Some(region) = rng.choice(&account.regions).cloned() else { return Ok(None) };
    let name = format!("new-{}", people::nickname(rng));
    let id = ClusterId { account: account.id.clone(), region, name };
    cluster(state, id, sort, now, rng).map(Some)
}

fn cluster(state: &State, id: ClusterId, sort: Sort, created: Timestamp, rng: &mut Rng) -> io::Result<EksCluster> {
    let mode = mode(sort, rng);
    // Whoever made a cluster gets in without a row; rolecall made some itself, as the one who runs Terraform.
    let made_by = if mode == AuthenticationMode::ConfigMap && rng.u8(..8) == 0 { MEMBER_ROLE } else { "ci/terraform" };
    let account = state.accounts.get(&id.account);
    let team = account.and_then(|account| account.tags.get("team")).cloned().unwrap_or_default();
    let mut tags = BTreeMap::from([("team".to_owned(), team)]);
    let mut entries = Vec::new();
    if let Sort::Workload(stage) = sort {
        tags.insert("stage".to_owned(), stage.as_str().to_owned());
    }
    if let Some(account) = account.filter(|_| mode != AuthenticationMode::ConfigMap) {
        entries.extend(own_entry(account, created));
    }
    if let Some(account) = account.filter(|_| mode == AuthenticationMode::Api) {
        let people = policy::rows(account, Some(Stage::Dev)).into_iter().filter(|row| row.section == Section::Roles);
        entries.extend(people.filter_map(|row| {
            let entry = entry(account, row.arn.rsplit('/').next()?, created)?;
            Some(AccessEntry { groups: row.groups, username: row.username, ..entry })
        }));
    }
    let reported = mode != AuthenticationMode::ConfigMap || rng.bool();
    let creator = format!("arn:aws:iam::{}:role/{made_by}", id.account);
    let api = ApiServer::new(id.clone())?;
    Ok(EksCluster {
        version: VERSIONS[rng.usize(..VERSIONS.len())].to_owned(),
        tags,
        entries: entries.into_iter().map(|entry| (entry.principal.clone(), entry)).collect(),
        ..EksCluster::new(id, reported.then_some(mode), creator, created, api)
    })
}

/// The platform's clusters have gone all the way; of the others some are under way.
fn mode(sort: Sort, rng: &mut Rng) -> AuthenticationMode {
    match sort {
        Sort::Platform => AuthenticationMode::Api,
        _ if rng.u8(..5) < 4 => AuthenticationMode::ConfigMap,
        _ => AuthenticationMode::ApiAndConfigMap,
    }
}

/// Lets people into a cluster under way by access entries, as rolecall makes them.
pub(super) fn admit(state: &mut State, id: &ClusterId, when: Timestamp) {
    let (Some(cluster), Some(account)) = (state.clusters.get(id), state.account_of(id)) else { return };
    if cluster.mode != Some(AuthenticationMode::ApiAndConfigMap) {
        return;
    }
    let rows = policy::rows(account, Stage::of(&cluster.tags));
    let entries: Vec<AccessEntry> = rows.into_iter().filter_map(|row| owned_entry(account, row, when)).collect();
    let Some(cluster) = state.clusters.get_mut(id) else { return };
    cluster.entries.extend(entries.into_iter().map(|entry| (entry.principal.clone(), entry)));
}

fn owned_entry(account: &Account, row: policy::Row, when: Timestamp) -> Option<AccessEntry> {
    let made = match row.section {
        Section::Users => AccessEntry::new(&row.arn.parse().ok()?, row.unique_id, when),
        _ => entry(account, row.arn.rsplit('/').next()?, when)?,
    };
    let (masters, groups): (Vec<String>, Vec<String>) = row.groups.into_iter().partition(|group| group == MASTERS);
    let admin = Association { namespaces: Vec::new(), associated: when, modified: when };
    Some(AccessEntry {
        groups,
        username: row.username,
        tags: BTreeMap::from([(ENTRY_TAG.0.to_owned(), ENTRY_TAG.1.to_owned())]),
        policies: masters.into_iter().map(|_| (CLUSTER_ADMIN.to_owned(), admin.clone())).collect(),
        ..made
    })
}

/// rolecall's own way into a cluster that has access entries.
fn own_entry(account: &Account, created: Timestamp) -> Option<AccessEntry> {
    let admin = Association { namespaces: Vec::new(), associated: created, modified: created };
    let entry = entry(account, MEMBER_ROLE, created)?;
    Some(AccessEntry { policies: BTreeMap::from([(CLUSTER_ADMIN.to_owned(), admin)]), ..entry })
}

/// An entry for the role of this name, whatever its path.
pub(super) fn entry(account: &Account, name: &str, created: Timestamp) -> Option<AccessEntry> {
    let role = account.iam.roles.get(&name.to_lowercase())?;
    Some(AccessEntry::new(&role.arn(&account.id), role.id.clone(), created))
}
