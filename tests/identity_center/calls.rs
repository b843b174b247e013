//! What resolving directory groups costs in calls to AWS.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rolecall::{
    discover::{self, Sharing},
    lab::world::{center::Assignment, organization::Account},
    model::{self, AccountId, AuthenticationMode, Principal, Region},
};
use serde_json::json;

use super::people::{Doorman, HUB, change, group, scene, set};
use crate::access_entries::scene::Scene;

const ACCOUNTS: u64 = 250;
const SETS: u64 = 20;
const GROUPS: u64 = 50;
/// Entries on a page of Identity Center.
const PAGE: u64 = 100;

type Calls = BTreeMap<(&'static str, String), u64>;

fn account(number: u64) -> model::Account {
    let id: AccountId = (300_000_000_000 + number).to_string().parse().unwrap();
    model::Account { name: format!("account-{number}"), id, ou_path: None, tags: None }
}

/// Every group holds one of the permission sets, in every account.
async fn organization() -> (Scene, BTreeSet<String>) {
    let scene = scene(AuthenticationMode::Api).await;
    let sets: Vec<String> = (0..SETS).map(|n| set(&scene, &format!("Set-{n}"))).collect();
    let names: Vec<String> = (0..GROUPS).map(|n| format!("Group-{n}@corp.example.com")).collect();
    let groups: Vec<String> = names.iter().map(|name| group(&scene, name)).collect();
    let trust = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")}, "Action": ["sts:AssumeRole"],
    }]});
    change(&scene, |state| {
        for account in (0..ACCOUNTS).map(account) {
            let made = Account {
                id: account.id.clone(),
                name: account.name,
                email: format!("{}@example.com", account.id),
                state: "ACTIVE".to_owned(),
                parent: "r-ab12".to_owned(),
                joined: Timestamp::UNIX_EPOCH,
                tags: BTreeMap::new(),
                regions: BTreeSet::from([Region::new("eu-west-1")]),
                iam: rolecall::lab::world::iam::Iam::default(),
            };
            state.accounts.insert(account.id.clone(), made);
            state.add_role(&account.id, "/", "rolecall-member", trust.clone(), Timestamp::UNIX_EPOCH).unwrap();
            let center = state.center.as_mut().unwrap();
            for (group, set) in groups.iter().zip(sets.iter().cycle()) {
                let (account, permission_set, principal) = (account.id.clone(), set.clone(), group.clone());
                center.assignments.insert(Assignment { account, permission_set, group: true, principal });
            }
        }
    });
    (scene, names.into_iter().collect())
}

fn count(calls: &Calls, operation: &str) -> u64 {
    calls.iter().filter(|((_, name), _)| name == operation).map(|(_, count)| count).sum()
}

fn told(what: &str, calls: &Calls) {
    println!("{what}:");
    for ((service, operation), count) in calls {
        println!("  {service} {operation} {count}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn resolving_takes_no_more_calls_than_its_formula() {
    let (scene, names) = organization().await;
    drop(scene.lab.world().tally.take());
    let directory = scene.hub.center().unwrap().directory();
    let wanted: BTreeSet<Principal> = names.iter().cloned().map(Principal::DirectoryGroup).collect();
    for account in (0..ACCOUNTS).map(account) {
        let assigned = directory.assigned(&account.id, &names).await;
        assert_eq!(assigned.len() as u64, GROUPS);
        let session = scene.hub.session(&account.id).await.unwrap();
        let known = discover::identities(&session, &account, &wanted, &assigned).await;
        assert_eq!(known.found.len() as u64, GROUPS);
    }
    let calls = scene.lab.world().tally.take();
    told(
        &format!("{ACCOUNTS} accounts × {SETS} permission sets × {GROUPS} groups, from the management account"),
        &calls,
    );
    assert_eq!(count(&calls, "ListInstances"), 1);
    assert_eq!([count(&calls, "GetGroupId"), count(&calls, "ListGroups")], [GROUPS; 2]);
    assert_eq!(count(&calls, "ListAccountAssignmentsForPrincipal"), 1 + GROUPS * ACCOUNTS.div_ceil(PAGE));
    assert_eq!(count(&calls, "DescribePermissionSet"), SETS);
    assert_eq!([count(&calls, "ListRoles"), count(&calls, "AssumeRole")], [ACCOUNTS; 2]);
    assert_eq!(
        calls.values().sum::<u64>(),
        2 + GROUPS * (2 + ACCOUNTS.div_ceil(PAGE)) + SETS + 2 * ACCOUNTS,
        "and no others"
    );

    // Who shares what is a call for each account and permission set, once an hour; a few accounts show it.
    let (few, sharing) = (2, Sharing::new(directory));
    for account in (0..few).map(account) {
        sharing.look(&account, &names).await;
    }
    sharing.findings(std::time::Duration::from_mins(5)).await;
    let calls = scene.lab.world().tally.take();
    told(&format!("who shares what, in {few} accounts"), &calls);
    assert_eq!(calls.values().sum::<u64>(), few * SETS, "all groups are the policy's: no names are asked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn account_by_account_it_takes_a_call_for_each_permission_set() {
    let (scene, names) = organization().await;
    scene.interfere(Doorman::denies("ListAccountAssignmentsForPrincipal"));
    drop(scene.lab.world().tally.take());
    let (few, directory) = (2, scene.hub.center().unwrap().directory());
    // The lab tells what is provisioned by what is assigned.
    for account in (0..few).map(account) {
        directory.assigned(&account.id, &names).await;
    }
    let calls = scene.lab.world().tally.take();
    told(&format!("{few} accounts × {SETS} permission sets × {GROUPS} groups, from elsewhere"), &calls);
    assert_eq!(count(&calls, "ListPermissionSetsProvisionedToAccount"), few);
    assert_eq!(count(&calls, "ListAccountAssignments"), few * SETS);
    assert_eq!(calls.values().sum::<u64>(), 2 + 2 * GROUPS + SETS + few * (1 + SETS));
}
