//! The Kubernetes half of the contract: the same conversations with a real API server and with one of the lab.
//!
//! What the real one said is kept in `tests/contract/kubernetes/`. The lab is compared with that whenever tests run;
//! with the real parts (`tests/run contract`) it is seen that it is still what a real one says, and with
//! `ROLECALL_RECORD=1` it is written anew. What is meant to differ in the lab is in `tests/contract/exceptions.yaml`.

mod access;
mod apply;
mod config_maps;
mod mask;
mod reading;
mod talk;

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use aws_credential_types::Credentials;
use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use rolecall::{
    lab::{
        kube::ApiServer,
        world::{
            State, World,
            eks::EksCluster,
            keys::{Caller, Key},
            organization::Organization,
        },
    },
    model::{AccountId, AuthenticationMode, ClusterId, Region},
};
use talk::{Exchange, Server, Talk};
use tokio_util::sync::CancellationToken;

use crate::{
    contract::{self, Difference},
    support::world,
};

type Case = (&'static str, for<'a, 'b> fn(&'a mut Talk<'b>) -> LocalBoxFuture<'a, ()>);

macro_rules! cases {
    ($($module:ident::$case:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "-", stringify!($case)), |talk| Box::pin($module::$case(talk)))),*]
    };
}

/// In this order, on one server.
const CASES: &[Case] = cases![
    access::identities,
    access::refusals,
    access::allowed,
    access::escalation,
    apply::config_map,
    apply::after_an_update,
    apply::incomplete,
    apply::roles,
    apply::bindings,
    config_maps::life,
    config_maps::delete_on_conditions,
    config_maps::dry_run,
    config_maps::immutable,
    config_maps::invalid,
    config_maps::too_large,
    reading::selectors,
    reading::pages,
    reading::rbac_lists,
    reading::from_the_beginning,
    reading::itself,
    reading::leases,
];

const ACCOUNT: &str = "111122223333";
const CLUSTER: &str = "contract";

/// The access keys of the roles that come to the cluster, with the ids of their roles.
const SESSIONS: [(&str, &str, &str); 2] = [
    ("creator", "ASIACREATOR000000001", "AROACREATOR0000000001"),
    ("visitor", "ASIAVISITOR000000001", "AROAVISITOR0000000001"),
];

fn session(role: usize) -> Credentials {
    Credentials::new(SESSIONS[role].1, "secret", Some("token".to_owned()), None, "contract")
}

fn session_arn(role: &str) -> String {
    format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/ana@example.com")
}

async fn conversations(server: &Server) -> Vec<(&'static str, Vec<Exchange>)> {
    let mut all = Vec::new();
    for (name, case) in CASES {
        let mut talk = Talk::new(server);
        case(&mut talk).await;
        all.push((*name, talk.exchanges));
    }
    all
}

fn record(case: &str) -> PathBuf {
    contract::folder().join("kubernetes").join(format!("{case}.json"))
}

fn recorded(case: &str) -> Vec<Exchange> {
    let file = record(case);
    let hint = "record it with ROLECALL_RECORD=1 tests/run contract_kubernetes";
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}: {hint}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Where these conversations differ from the recorded ones.
fn differences(talks: &[(&'static str, Vec<Exchange>)]) -> Vec<Difference> {
    let mut all = Vec::new();
    for (case, said) in talks {
        let wanted = recorded(case);
        let titles = |talk: &[Exchange]| talk.iter().map(|said| said.title.clone()).collect::<Vec<_>>();
        assert_eq!(titles(said), titles(&wanted), "{case} has other exchanges than its record");
        for (said, wanted) in said.iter().zip(&wanted) {
            let value = |exchange: &Exchange| serde_json::to_value(exchange).unwrap();
            all.extend(contract::differences(&format!("{case}: {}", said.title), &value(wanted), &value(said)));
        }
    }
    all
}

/// What the access keys stand for.
fn keys() -> [Key; 2] {
    SESSIONS.map(|(role, access_key, unique_id)| {
        let caller = Caller {
            arn: session_arn(role),
            account: ACCOUNT.parse().unwrap(),
            user_id: format!("{unique_id}:ana@example.com"),
            role: Some(role.to_owned()),
            access_key: access_key.to_owned(),
        };
        Key { secret: "secret".to_owned(), session_token: Some("token".to_owned()), expires: None, caller }
    })
}

/// A cluster of the lab that the two roles may come to, and who serves it.
fn lab_cluster() -> (Arc<World>, Arc<ApiServer>, CancellationToken) {
    let account: AccountId = ACCOUNT.parse().unwrap();
    let id = ClusterId { account: account.clone(), region: Region::new(talk::REGION), name: CLUSTER.to_owned() };
    let api = ApiServer::new(id.clone()).unwrap();
    let creator = format!("arn:aws:iam::{ACCOUNT}:role/creator");
    let mode = Some(AuthenticationMode::ConfigMap);
    let cluster = EksCluster::new(id.clone(), mode, creator, Timestamp::now(), Arc::clone(&api));
    let organization = Organization {
        id: "o-contract00".to_owned(),
        management: account.clone(),
        root: "r-root".to_owned(),
        units: BTreeMap::new(),
    };
    let world = World::new(State {
        organization,
        accounts: BTreeMap::new(),
        clusters: [(id, cluster)].into(),
        center: None,
        queues: BTreeMap::new(),
        keys: keys().into_iter().map(|key| (key.caller.access_key.clone(), key)).collect(),
        serial: 0,
    });
    let cancel = CancellationToken::new();
    drop(api.serve(&world, cancel.clone()));
    (world, api, cancel)
}

#[tokio::test]
async fn the_lab_talks_as_a_real_api_server_was_recorded() {
    let (_world, api, cancel) = lab_cluster();
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.crt");
    fs::write(&ca_file, api.ca_pem()).unwrap();
    let (url, cluster) = (api.endpoint(), CLUSTER.to_owned());
    let server = Server { url, ca_file, cluster, creator: session(0), visitor: session(1) };
    let talks = conversations(&server).await;
    cancel.cancel();
    contract::verdict(differences(&talks), "kubernetes", "recorded");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_real_api_server_talks_as_it_was_recorded() {
    let world = world().await;
    for key in keys() {
        world.sts.remember(key);
    }
    let real = world.fresh_cluster_of(CLUSTER, &format!("arn:aws:iam::{ACCOUNT}:role/creator")).await;
    let (url, ca_file) = (real.server.clone(), real.ca_file.clone());
    let server = Server { url, ca_file, cluster: CLUSTER.to_owned(), creator: session(0), visitor: session(1) };
    let talks = conversations(&server).await;
    if std::env::var_os("ROLECALL_RECORD").is_some() {
        fs::create_dir_all(contract::folder().join("kubernetes")).unwrap();
        for (case, said) in &talks {
            fs::write(record(case), serde_json::to_string_pretty(said).unwrap() + "\n").unwrap();
        }
    }
    let differences = differences(&talks);
    let hint = "if it is right, record it with ROLECALL_RECORD=1 tests/run contract_kubernetes";
    assert!(differences.is_empty(), "\n{}\n{hint}\n", contract::show(&differences, "recorded", "real"));
}
