use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::*;
use crate::{
    authenticator::{self, SectionReading},
    model::{AuthenticationMode, Section},
};

fn blueprint(accounts: usize, clusters: usize, seed: u64, drift: Drift) -> Blueprint {
    let regions = ["eu-west-1", "eu-central-1", "us-east-1"].map(Region::new).to_vec();
    Blueprint { accounts, clusters, regions, seed, drift }
}

fn built(blueprint: &Blueprint) -> Built {
    blueprint.build("2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap()).unwrap()
}

/// Everything that is in the organization, but for addresses and certificates.
fn everything(built: &Built) -> String {
    let State { organization, accounts, clusters, center, serial, .. } = &built.state;
    let clusters: Vec<String> = clusters
        .values()
        .map(|cluster| {
            let stored = ["configmaps", "namespaces", "clusterroles", "roles", "clusterrolebindings", "rolebindings"]
                .map(|resource| cluster.api.store().list(resource, None));
            let eks = format!("{:?} {:?} {:?} {:?}", cluster.mode, cluster.tags, cluster.entries, cluster.creator);
            format!("{} {eks} {stored:?}\n", cluster.id)
        })
        .collect();
    format!("{organization:?}{accounts:?}{center:?}{serial}{clusters:?}{}{}", built.settings, built.hub.secret)
}

#[test]
fn the_same_seed_gives_the_same_organization_and_another_one_another() {
    let one = built(&blueprint(12, 30, 7, Drift::Demo));
    let same = built(&blueprint(12, 30, 7, Drift::Demo));
    let other = built(&blueprint(12, 30, 8, Drift::Demo));
    assert_eq!(everything(&one), everything(&same));
    assert_eq!(one.seeded, same.seeded);
    assert_ne!(everything(&one), everything(&other));
}

#[test]
fn an_organization_has_the_accounts_and_clusters_it_shall_have() {
    for (accounts, clusters) in [(4, 1), (8, 12), (40, 120), (5, 250)] {
        let built = built(&blueprint(accounts, clusters, 1, Drift::None));
        assert_eq!((built.state.accounts.len(), built.state.clusters.len()), (accounts, clusters));
        let names: BTreeSet<&String> = built.state.accounts.values().map(|account| &account.name).collect();
        assert_eq!(names.len(), accounts);
        assert!(built.state.accounts.contains_key(&built.state.organization.management));
        let root = &built.state.organization.root;
        for account in built.state.accounts.values() {
            assert!(account.parent == *root || built.state.organization.units.contains_key(&account.parent));
        }
    }
}

#[test]
fn too_small_an_organization_is_refused() {
    let now = Timestamp::UNIX_EPOCH;
    assert!(blueprint(3, 1, 1, Drift::None).build(now).is_err());
    assert!(Blueprint { regions: Vec::new(), ..blueprint(8, 1, 1, Drift::None) }.build(now).is_err());
}

#[test]
fn every_kind_of_drift_and_every_mode_is_there() {
    for seed in 0..5 {
        let built = built(&blueprint(40, 120, seed, Drift::Demo));
        let kinds: BTreeSet<Kind> = built.seeded.values().copied().collect();
        assert_eq!(kinds, Kind::ALL.into_iter().collect(), "seed {seed}");
        assert!((30..60).contains(&built.seeded.len()), "{}", built.seeded.len());
        let modes: BTreeSet<Option<AuthenticationMode>> = built.state.clusters.values().map(|c| c.mode).collect();
        assert_eq!(modes.len(), 4, "{modes:?}");
        let regions: BTreeSet<&Region> = built.state.clusters.keys().map(|id| &id.region).collect();
        assert_eq!(regions.len(), 3);
    }
}

fn aws_auth(built: &Built, id: &ClusterId) -> BTreeMap<String, String> {
    let object = built.state.clusters[id].api.store().get("configmaps", "kube-system", "aws-auth");
    let data = object.as_deref().and_then(|object| object.get("data")).cloned().unwrap_or(Value::Null);
    serde_json::from_value::<Option<BTreeMap<String, String>>>(data).unwrap().unwrap_or_default()
}

/// The first cluster in which this went wrong.
fn with(built: &Built, kind: Kind) -> BTreeMap<String, String> {
    let id = built.seeded.iter().find(|(_, seeded)| **seeded == kind).unwrap().0;
    aws_auth(built, id)
}

#[test]
fn what_goes_wrong_is_what_its_name_says() {
    let built = built(&blueprint(40, 120, 3, Drift::Demo));
    let read = |kind| authenticator::read(&with(&built, kind));
    let rows = |section: &SectionReading| match section {
        SectionReading::Read(rows) => rows.clone(),
        other => panic!("{other:?}"),
    };
    let masters = |kind| {
        rows(&read(kind).roles).rows.iter().filter(|row| row.groups.contains(&"system:masters".to_owned())).count()
    };
    assert_eq!((masters(Kind::Changed), masters(Kind::Unmanaged), masters(Kind::Missing)), (1, 1, 0));
    assert!(matches!(read(Kind::Broken).users, SectionReading::Broken(_)));
    assert_eq!(rows(&read(Kind::Malformed).roles).dropped.len(), 1);
    let never = |row: &authenticator::Row| authenticator::never_matches(Section::Roles, &row.arn).is_some();
    assert!(rows(&read(Kind::NeverMatches).roles).rows.iter().any(never));
    let twice = rows(&read(Kind::Duplicate).roles).rows;
    let arns: BTreeSet<&String> = twice.iter().map(|row| &row.arn).collect();
    assert_eq!(arns.len() + 1, twice.len());
    assert!(with(&built, Kind::Gone).is_empty());
    assert!(rows(&read(Kind::Fresh).roles).rows.len() <= 2);
}

#[test]
fn without_drift_every_row_of_the_policy_stands_and_with_everything_missing_none_does() {
    let is_people =
        |row: &authenticator::Row| !authenticator::is_node_row(&row.groups) && !row.arn.ends_with(MEMBER_ROLE);
    for (drift, least, most) in [(Drift::None, 4, 6), (Drift::Missing, 0, 0)] {
        let built = built(&blueprint(8, 12, 1, drift));
        for (id, cluster) in &built.state.clusters {
            if let Some(mode @ (AuthenticationMode::Api | AuthenticationMode::ApiAndConfigMap)) = cluster.mode {
                let ours = cluster.entries.values().filter(|entry| !entry.tags.is_empty()).count();
                let there = (least..=most).contains(&ours);
                assert!(there || mode == AuthenticationMode::Api && drift != Drift::Missing, "{id}: {ours}");
                continue;
            }
            let SectionReading::Read(roles) = authenticator::read(&aws_auth(&built, id)).roles else { panic!("{id}") };
            let people = roles.rows.iter().filter(|row| is_people(row)).count();
            assert!((least..=most).contains(&people), "{id}: {people}");
            assert!(roles.rows.iter().any(|row| authenticator::is_node_row(&row.groups)), "{id}");
        }
    }
}

#[test]
fn drift_trickles_into_a_running_world() {
    let built = built(&blueprint(8, 12, 1, Drift::None));
    let before = everything(&built);
    let world = crate::lab::world::World::new(built.state.clone());
    let mut rng = Rng::with_seed(1);
    let told: Vec<Trickled> = (0..10).filter_map(|_| trickle(&world, &mut rng)).collect();
    assert_eq!(told.len(), 10);
    assert!(told.iter().all(|told| !told.what.is_empty()));
    let newcomer = newcomer(&world, &mut rng).unwrap().unwrap();
    assert!(!world.read().clusters.contains_key(&newcomer.id));
    assert!(newcomer.api.store().get("namespaces", "", "apps").is_some());
    // The clusters' stores are shared with the running world.
    assert_ne!(everything(&built), before);
}
