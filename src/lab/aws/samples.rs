//! A small world for the tests of the services: a management account with Identity Center and one member account.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ask, SERVICES, wire::Fault};
use crate::{
    lab::{
        kube::ApiServer,
        world::{
            State, World,
            center::IdentityCenter,
            eks::EksCluster,
            iam::Iam,
            keys::{Caller, Key},
            organization::{Account, Organization},
        },
    },
    model::{AccountId, AuthenticationMode, ClusterId, Region},
};

/// Code and message of the error that a call ended with.
macro_rules! refused {
    ($call:expr) => {{
        let error = $call.send().await.expect_err("it should be refused");
        let error = error.into_service_error();
        (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    }};
}
pub(super) use refused;

pub(super) const MANAGEMENT: &str = "111111111111";
pub(super) const MEMBER: &str = "222222222222";
pub(super) const REGION: &str = "eu-west-1";

/// When everything was made.
pub(super) fn then() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

pub(super) fn account(id: &str) -> AccountId {
    id.parse().unwrap()
}

/// In each account: the role Admin, with a session behind the access key `ASIA<account>`, and the user /ops/deploy.
pub(super) fn world() -> Arc<World> {
    let organization = Organization {
        id: "o-lab1234567".to_owned(),
        management: account(MANAGEMENT),
        root: "r-lab1".to_owned(),
        units: BTreeMap::new(),
    };
    let mut state = State {
        organization,
        accounts: BTreeMap::new(),
        clusters: BTreeMap::new(),
        center: Some(IdentityCenter::new(Region::new(REGION), account(MANAGEMENT), 7, then())),
        queues: BTreeMap::new(),
        keys: BTreeMap::new(),
        serial: 0,
    };
    for id in [MANAGEMENT, MEMBER] {
        let made = Account {
            id: account(id),
            name: format!("account {id}"),
            email: format!("{id}@example.com"),
            state: "ACTIVE".to_owned(),
            parent: "r-lab1".to_owned(),
            joined: then(),
            tags: BTreeMap::new(),
            regions: BTreeSet::from([Region::new(REGION), Region::new("us-east-1")]),
            iam: Iam::default(),
        };
        state.accounts.insert(account(id), made);
        let role = state.add_role(&account(id), "/", "Admin", json!({}), then()).unwrap().id.clone();
        state.add_user(&account(id), "/ops/", "deploy", then()).unwrap();
        let caller = Caller {
            arn: format!("arn:aws:sts::{id}:assumed-role/Admin/test"),
            account: account(id),
            user_id: format!("{role}:test"),
            role: Some("admin".to_owned()),
            access_key: format!("ASIA{id}"),
        };
        let key = Key {
            secret: "secret".to_owned(),
            session_token: Some("token".to_owned()),
            expires: None,
            caller: caller.clone(),
        };
        state.keys.insert(caller.access_key, key);
    }
    World::new(state)
}

/// Puts a cluster of the member account into the world, made by its role Admin.
pub(super) fn cluster(world: &World, name: &str, mode: Option<AuthenticationMode>) -> ClusterId {
    let id = ClusterId { account: account(MEMBER), region: Region::new(REGION), name: name.to_owned() };
    let creator = format!("arn:aws:iam::{MEMBER}:role/Admin");
    let cluster = EksCluster::new(id.clone(), mode, creator, then(), ApiServer::new(id.clone()).unwrap());
    world.write().clusters.insert(id.clone(), cluster);
    id
}

/// The SDK's configuration to speak to the lab as the member account's Admin.
pub(super) fn sdk(url: &str, region: &str) -> aws_config::SdkConfig {
    sdk_of(url, MEMBER, region)
}

/// The same as an account's Admin.
pub(super) fn sdk_of(url: &str, account: &str, region: &str) -> aws_config::SdkConfig {
    let access_key = format!("ASIA{account}");
    let credentials =
        aws_credential_types::Credentials::new(access_key, "secret", Some("token".to_owned()), None, "lab");
    aws_config::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .endpoint_url(url)
        .region(aws_config::Region::new(region.to_owned()))
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
        .build()
}

/// Asks a service as an account's Admin, past the wire; gives the answer, or code and message of the error.
pub(super) fn ask(
    world: &Arc<World>,
    (account, region): (&str, &str),
    service: &str,
    operation: &str,
    input: &Value,
) -> Result<Value, (String, String)> {
    let caller = world.read().keys[&format!("ASIA{account}")].caller.clone();
    let region = Region::new(region);
    let ask =
        Ask { world, now: then(), caller: &caller, region: &region, host: "lab", operation, input, page_ends: None };
    let service = SERVICES.into_iter().find(|known| known.name == service).unwrap();
    (service.answer)(&ask).map_err(|Fault { refusal, .. }| (refusal.code, refusal.message))
}
