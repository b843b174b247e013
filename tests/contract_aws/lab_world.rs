//! The contract's world, made in the lab without a call.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use aws_credential_types::Credentials;
use jiff::Timestamp;
use rolecall::{
    lab::{
        Lab,
        kube::ApiServer,
        world::{State, World, center, eks::EksCluster, iam::Iam, keys, organization, queue::Queue},
    },
    model::{AccountId, AuthenticationMode, ClusterId, Region},
};
use serde_json::{Value, json};

/// A lab with the world that is described, the hub's credentials in it, and the accounts' ids by their names.
pub fn start(described: &Value) -> (Lab, Credentials, Value) {
    let mut ids = BTreeMap::from([("management".to_owned(), account_id(0))]);
    for (at, name) in described["members"].as_object().unwrap().keys().enumerate() {
        ids.insert(name.clone(), account_id(at + 1));
    }
    let mut state = organization(described, &ids);
    let credentials = hub(&mut state, &ids["management"]);
    let now = Timestamp::now();
    principals(&mut state, described, &ids["checkout"], now);
    for name in described["members"].as_object().unwrap().keys() {
        state.add_role(&ids[name], "/", "OrganizationAccountAccessRole", trust(&ids["management"]), now);
    }
    for account in ["checkout", "payments"] {
        let name = text(&described["member_role"]);
        state.add_role(&ids[account], "/", &name, trust(&ids["management"]), now);
    }
    clusters(&mut state, described, &ids["checkout"], now);
    center(&mut state, described, &ids, now);
    let (account, region, name) = (ids["management"].clone(), region(described), text(&described["queue"]));
    let (messages, attributes) = (VecDeque::new(), BTreeMap::new());
    let queue = Queue { account: account.clone(), region, name: name.clone(), messages, attributes };
    state.queues.insert(format!("/{account}/{name}"), queue);
    let accounts: BTreeMap<String, String> = ids.iter().map(|(name, id)| (name.clone(), id.to_string())).collect();
    (Lab::start(World::new(state)).unwrap(), credentials, json!(accounts))
}

fn account_id(at: usize) -> AccountId {
    format!("11112222{:04}", 3000 + at).parse().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn region(described: &Value) -> Region {
    Region::new(text(&described["region"]))
}

fn trust(management: &AccountId) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        "Condition": {},
        "Sid": format!("Of{management}"),
    }]})
}

fn organization(described: &Value, ids: &BTreeMap<String, AccountId>) -> State {
    let root = "r-a1b2".to_owned();
    let mut units = BTreeMap::new();
    let mut by_path = BTreeMap::from([(String::new(), root.clone())]);
    for (at, path) in described["units"].as_array().unwrap().iter().map(text).enumerate() {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let id = format!("ou-a1b2-{:08}", at + 1);
        let unit = organization::Unit { id: id.clone(), name: name.to_owned(), parent: by_path[above].clone() };
        units.insert(id.clone(), unit);
        by_path.insert(path, id);
    }
    let mut accounts = BTreeMap::new();
    for (name, id) in ids {
        let unit = described["members"][name].as_str().unwrap_or_default();
        let team = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        accounts.insert(
            id.clone(),
            organization::Account {
                id: id.clone(),
                name: if name == "management" { "master".to_owned() } else { name.clone() },
                email: if name == "management" { "master@example.com".into() } else { format!("{name}@example.com") },
                state: if name == "old" { "SUSPENDED".to_owned() } else { "ACTIVE".to_owned() },
                parent: by_path[unit].clone(),
                joined: Timestamp::now(),
                tags: if name == "checkout" { team } else { BTreeMap::new() },
                regions: BTreeSet::from([region(described), Region::new("us-east-1")]),
                iam: Iam::default(),
            },
        );
    }
    let management = ids["management"].clone();
    State {
        organization: organization::Organization { id: "o-a1b2c3d4e5".to_owned(), management, root, units },
        accounts,
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::new(),
        serial: 0,
    }
}

fn hub(state: &mut State, management: &AccountId) -> Credentials {
    let role = state.add_role(management, "/", "rolecall-hub", trust(management), Timestamp::now()).unwrap();
    let caller = keys::Caller {
        arn: format!("arn:aws:sts::{management}:assumed-role/rolecall-hub/hub"),
        account: management.clone(),
        user_id: format!("{}:hub", role.id),
        role: Some("rolecall-hub".to_owned()),
        access_key: "ASIAHUB0000000000001".to_owned(),
    };
    let session_token = Some("a token of the hub".to_owned());
    let key = keys::Key { secret: "the hub's".to_owned(), session_token: session_token.clone(), expires: None, caller };
    let id = key.caller.access_key.clone();
    state.keys.insert(id.clone(), key);
    Credentials::new(id, "the hub's", session_token, None, "contract")
}

fn principals(state: &mut State, described: &Value, account: &AccountId, now: Timestamp) {
    for role in described["roles"].as_array().unwrap() {
        let trust = json!({"Version": "2012-10-17", "Statement": []});
        state.add_role(account, &text(&role[0]), &text(&role[1]), trust, now).unwrap();
    }
    for user in described["users"].as_array().unwrap() {
        state.add_user(account, &text(&user[0]), &text(&user[1]), now).unwrap();
    }
    let mut arns = BTreeMap::new();
    for (name, document) in described["policies"].as_object().unwrap() {
        let policy = state.add_policy(account, "/", name, document.clone(), now).unwrap();
        arns.insert(name.clone(), policy.arn(account).to_string());
    }
    for (name, described) in described["groups"].as_object().unwrap() {
        let group = state.add_group(account, &text(&described["path"]), name, now).unwrap();
        group.inline = serde_json::from_value(described["inline"].clone()).unwrap();
        group.attached =
            described["attached"].as_array().unwrap().iter().map(|policy| arns[&text(policy)].clone()).collect();
        for user in described["users"].as_array().unwrap() {
            state.add_to_group(account, name, &text(user)).unwrap();
        }
    }
}

fn clusters(state: &mut State, described: &Value, account: &AccountId, now: Timestamp) {
    let reading =
        described["clusters"].as_array().unwrap().iter().map(|name| (name, AuthenticationMode::ApiAndConfigMap));
    for (name, mode) in reading.chain([(&described["rows_only"], AuthenticationMode::ConfigMap)]) {
        let id = ClusterId { account: account.clone(), region: region(described), name: text(name) };
        let creator = format!("arn:aws:iam::{account}:role/{}", text(&described["member_role"]));
        let api: Arc<ApiServer> = ApiServer::new(id.clone()).unwrap();
        let mut cluster = EksCluster::new(id.clone(), Some(mode), creator, now, api);
        cluster.tags.insert("team".to_owned(), "a".to_owned());
        cluster.request.insert("roleArn".to_owned(), json!(format!("arn:aws:iam::{account}:role/eks")));
        state.clusters.insert(id, cluster);
    }
}

fn center(state: &mut State, described: &Value, ids: &BTreeMap<String, AccountId>, now: Timestamp) {
    state.center = Some(center::IdentityCenter::new(region(described), ids["management"].clone(), 1, now));
    let mut directory = BTreeMap::new();
    for name in described["directory"]["users"].as_array().unwrap().iter().map(text) {
        directory.insert(name.clone(), state.add_directory_user(&name, &name).unwrap());
        let named = json!({"GivenName": name, "FamilyName": name});
        let users = &mut state.center.as_mut().unwrap().users;
        users.get_mut(&directory[&name]).unwrap().attributes.insert("Name".to_owned(), named);
    }
    for (name, members) in described["directory"]["groups"].as_object().unwrap() {
        let group = state.add_directory_group(name).unwrap();
        for member in members.as_array().unwrap() {
            state.add_membership(&group, &directory[&text(member)]).unwrap();
        }
        directory.insert(name.clone(), group);
    }
    for (name, given) in described["permission_sets"].as_object().unwrap() {
        let permission_set = state.add_permission_set(name, now).unwrap();
        for given in given.as_array().unwrap() {
            // The roles that come with assignments are in the world's list of roles, for moto makes none.
            state.center.as_mut().unwrap().assignments.insert(center::Assignment {
                account: ids[&text(&given[1])].clone(),
                permission_set: permission_set.clone(),
                group: true,
                principal: directory[&text(&given[0])].clone(),
            });
        }
    }
}
