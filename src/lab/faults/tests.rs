use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    lab::world::{
        State,
        iam::{Iam, Role},
        keys::{Caller, Key},
        organization::{Account, Organization},
    },
    model::AccountId,
};

const ACCOUNT: &str = "111122223333";

fn id() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn role(name: &str) -> Role {
    Role::new(name, "/", format!("AROA{name}"), Timestamp::UNIX_EPOCH, serde_json::Value::Null)
}

fn world() -> Arc<World> {
    let roles = ["rolecall-member", "dev"].map(|name| (name.to_owned(), role(name)));
    let account = Account {
        id: id(),
        name: "one".to_owned(),
        email: "one@example.com".to_owned(),
        state: "ACTIVE".to_owned(),
        parent: "r-ab12".to_owned(),
        joined: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::new(),
        regions: BTreeSet::new(),
        iam: Iam { roles: BTreeMap::from(roles), ..Iam::default() },
    };
    let caller = Caller {
        arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/rolecall-member/rolecall"),
        account: id(),
        user_id: "AROA:rolecall".to_owned(),
        role: Some("rolecall-member".to_owned()),
        access_key: "ASIA1".to_owned(),
    };
    let expires = Some(Timestamp::now() + SignedDuration::from_hours(1));
    let key = Key { secret: String::new(), session_token: Some(String::new()), expires, caller };
    World::new(State {
        organization: Organization {
            id: "o-a1b2c3d4e5".to_owned(),
            management: "999988887777".parse().unwrap(),
            root: "r-ab12".to_owned(),
            units: BTreeMap::new(),
        },
        accounts: BTreeMap::from([(id(), account)]),
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::from([("ASIA1".to_owned(), key)]),
        serial: 0,
    })
}

fn call(service: &'static str, operation: &str) -> Call {
    let writes = operation.starts_with("update");
    let (operation, account) = (operation.to_owned(), Some(id()));
    Call { service, operation, account, region: None, cluster: None, writes }
}

async fn verdict(faults: &Faults, world: &Arc<World>, call: &Call) -> Verdict {
    faults.verdict(world, call).await
}

#[tokio::test]
async fn a_call_has_the_same_fate_in_whatever_order_calls_arrive() {
    let world = world();
    let calls = [call("eks", "ListClusters"), call("iam", "GetRole"), call("kubernetes", "update configmaps")];
    let weather = Weather { role_goes: 0.0, account_goes: 0.0, deny: 0.0, expire: 0.0, skew: 0.0, ..Weather::storm() };
    let (one, other) = (Faults::new(7, weather.clone()), Faults::new(7, weather));
    let mut first = Vec::new();
    for _ in 0..100 {
        for call in &calls {
            first.push((call.operation.clone(), verdict(&one, &world, call).await, one.latency(call)));
        }
    }
    let mut second = Vec::new();
    for call in &calls {
        for _ in 0..100 {
            second.push((call.operation.clone(), verdict(&other, &world, call).await, other.latency(call)));
        }
    }
    first.sort_by(|a, b| a.0.cmp(&b.0));
    second.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(first, second);
    assert!(first.iter().any(|(_, verdict, _)| *verdict != Verdict::Serve));
    assert!(first.iter().any(|(name, verdict, _)| *verdict == Verdict::LoseAnswer && name == "update configmaps"));
    assert!(first.iter().all(|(name, verdict, _)| *verdict != Verdict::LoseAnswer || name == "update configmaps"));
    let told = one.to_string();
    assert!(told.contains("eks ListClusters (111122223333) #"), "{told}");
    assert_eq!(told.lines().count(), one.injected().len());
    let another = Faults::new(8, Weather::storm());
    let mut differs = false;
    for (_, fate, _) in first.iter().take(100) {
        differs |= verdict(&another, &world, &calls[0]).await != *fate;
    }
    assert!(differs, "another seed is another fate");
}

#[tokio::test]
async fn what_can_be_taken_back_is_taken_back_when_the_faults_stop() {
    let world = world();
    let all = |weather: Weather| Faults::new(1, weather);
    let denying = all(Weather { deny: 1.0, ..Weather::default() });
    let skewing = all(Weather { skew: 1.0, ..Weather::default() });
    let list = call("eks", "ListClusters");
    let denied = |world: &World| world.read().accounts[&id()].iam.roles["rolecall-member"].denied.clone();
    assert_eq!(verdict(&denying, &world, &list).await, Verdict::Serve);
    assert_eq!(denied(&world), BTreeSet::from(["eks:ListClusters".to_owned()]));
    let apart = |world: &World| (world.now().duration_since(Timestamp::now())).as_secs().abs() > 100;
    while !apart(&world) {
        verdict(&skewing, &world, &list).await;
    }
    denying.stop(&world);
    skewing.stop(&world);
    assert!(denied(&world).is_empty() && !apart(&world));
    assert_eq!(verdict(&denying, &world, &list).await, Verdict::Serve);
    assert!(denied(&world).is_empty(), "nothing more happens");
}

#[tokio::test]
async fn an_outage_lasts_until_the_faults_stop_and_hits_one_kind_of_call() {
    let (world, get, list) = (world(), call("iam", "GetRole"), call("eks", "ListClusters"));
    let faults = Faults::new(1, Weather { outage: 0.2, ..Weather::default() });
    while verdict(&faults, &world, &get).await == Verdict::Serve {}
    for _ in 0..50 {
        assert!(matches!(verdict(&faults, &world, &get).await, Verdict::Refuse(refusal) if refusal.status >= 500));
    }
    assert_eq!(faults.injected().len(), 1, "told once");
    assert_eq!(verdict(&faults, &world, &list).await, Verdict::Serve);
    faults.begin_outage(&list);
    assert!(matches!(verdict(&faults, &world, &list).await, Verdict::Refuse(_)));
    faults.stop(&world);
    assert_eq!(verdict(&faults, &world, &get).await, Verdict::Serve);
    assert_eq!(verdict(&faults, &world, &list).await, Verdict::Serve);
}

#[tokio::test]
async fn roles_accounts_and_sessions_go() {
    let world = world();
    let get = call("iam", "GetRole");
    let faults = Faults::new(1, Weather { role_goes: 1.0, ..Weather::default() });
    verdict(&faults, &world, &get).await;
    verdict(&faults, &world, &get).await;
    let left: Vec<String> = world.read().accounts[&id()].iam.roles.keys().cloned().collect();
    assert_eq!(left, ["rolecall-member"], "never the role that asks");
    assert_eq!(faults.to_string(), "iam GetRole (111122223333) #1: role dev of 111122223333 is deleted\n");
    let faults = Faults::new(1, Weather { account_goes: 1.0, ..Weather::default() });
    verdict(&faults, &world, &get).await;
    assert_eq!(world.read().accounts[&id()].state, "SUSPENDED");
    let faults = Faults::new(1, Weather { expire: 1.0, ..Weather::default() });
    verdict(&faults, &world, &get).await;
    assert!(world.read().keys["ASIA1"].expires.unwrap() <= Timestamp::now());
}
