//! Five accounts of the lab with a cluster each, and the command line that looks at them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use jiff::{SignedDuration, Timestamp};
use rolecall::{
    lab::{
        Lab,
        kube::ApiServer,
        world::{
            State, World,
            eks::{AccessEntry, Association, EksCluster},
            keys::{Caller, Key},
            organization::{Account, Organization},
        },
    },
    model::{AccountId, AuthenticationMode, ClusterId, Region},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::fleet::{Ran, rolecall};

const HUB: &str = "111111111111";
pub const ACCOUNTS: [&str; 5] = ["222222222222", "333333333333", "444444444444", "555555555555", "666666666666"];
pub const EXTERNAL_ID: &str = "the-members-secret";
pub const CLUSTER_ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

const MEMBER: &str = "rolecall-member";
const POLICY: &str = "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess:\n  - {who: {role: dev}, groups: [devs]}\n  - {who: {user: ann}, groups: [devs]}\n";

pub struct Scene {
    lab: Lab,
    folder: TempDir,
    keys: Option<(&'static str, &'static str)>,
}

/// The member role of an account.
pub fn role(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/ops/{MEMBER}")
}

fn id(account: &str) -> AccountId {
    account.parse().unwrap()
}

fn cluster_id(account: &str) -> ClusterId {
    ClusterId { account: id(account), region: Region::new("eu-west-1"), name: "main".to_owned() }
}

fn long_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24)
}

fn account(number: &str) -> Account {
    Account {
        id: id(number),
        name: format!("account-{number}"),
        email: format!("{number}@example.com"),
        state: "ACTIVE".to_owned(),
        parent: "r-ab12".to_owned(),
        joined: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::new(),
        regions: BTreeSet::from([Region::new("eu-west-1")]),
        iam: rolecall::lab::world::iam::Iam::default(),
    }
}

fn key(arn: &str, user_id: &str, role: Option<&str>, access_key: &str) -> Key {
    let caller = Caller {
        arn: arn.to_owned(),
        account: id(HUB),
        user_id: user_id.to_owned(),
        role: role.map(str::to_owned),
        access_key: access_key.to_owned(),
    };
    Key { secret: "secret".to_owned(), session_token: None, expires: None, caller }
}

fn trust() -> Value {
    json!({"Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")},
        "Action": ["sts:AssumeRole"],
        "Condition": {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
    }]})
}

fn state() -> State {
    let mut state = State {
        organization: Organization {
            id: "o-a1b2c3d4e5".to_owned(),
            management: id(HUB),
            root: "r-ab12".to_owned(),
            units: BTreeMap::new(),
        },
        accounts: [HUB].into_iter().chain(ACCOUNTS).map(|number| (id(number), account(number))).collect(),
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::from([(
            "AKIAHUB".to_owned(),
            key(&format!("arn:aws:iam::{HUB}:user/hub"), "AIDAHUB", None, "AKIAHUB"),
        )]),
        serial: 0,
    };
    for number in ACCOUNTS {
        state.add_role(&id(number), "/ops/", MEMBER, trust(), long_ago()).unwrap();
        state.add_role(&id(number), "/", "dev", json!({}), long_ago()).unwrap();
    }
    state
}

impl Scene {
    /// Clusters of this mode that somebody else made, into which rolecall has its own access entry.
    pub fn new(mode: AuthenticationMode) -> Self {
        let lab = Lab::start(World::new(state())).unwrap();
        for number in ACCOUNTS {
            let id = cluster_id(number);
            let api = ApiServer::new(id.clone()).unwrap();
            let creator = format!("arn:aws:iam::{number}:role/platform");
            let mut cluster = EksCluster::new(id, Some(mode), creator, long_ago(), api);
            let own = own_entry(&lab.world().read(), number);
            cluster.entries.insert(own.principal.clone(), own);
            lab.add_cluster(cluster);
        }
        let folder = tempfile::tempdir().unwrap();
        let scene = Self { lab, folder, keys: Some(("AKIAHUB", "secret")) };
        scene.settings("mode: enforce\n");
        fs::write(scene.folder.path().join("policy.yaml"), POLICY).unwrap();
        scene
    }

    /// Writes the settings, with further top-level keys.
    pub fn settings(&self, more: &str) {
        let text = format!(
            "apiVersion: rolecall.dev/v1\nkind: Settings\norganization:\n  memberRole: ops/{MEMBER}\n  externalId: \
             {EXTERNAL_ID}\n  regions: [eu-west-1]\n  exclude: {{accounts: [\"{HUB}\"]}}\npolicy: [policy.yaml]\n{more}"
        );
        fs::write(self.folder.path().join("rolecall.yaml"), text).unwrap();
    }

    /// Adds an entry to the policy.
    pub fn policy(&self, entry: &str) {
        fs::write(self.folder.path().join("policy.yaml"), format!("{POLICY}{entry}")).unwrap();
    }

    /// Settings with a hub role that trusts nobody yet; gives its ARN.
    pub fn with_hub_role(&self, external_id: &str) -> String {
        self.lab.world().write().add_role(&id(HUB), "/", "rolecall-hub", json!({"Statement": []}), long_ago()).unwrap();
        let arn = format!("arn:aws:iam::{HUB}:role/rolecall-hub");
        let file = self.folder.path().join("rolecall.yaml");
        let text = fs::read_to_string(&file).unwrap();
        let hub = format!("organization:\n  hub: {{roleArn: \"{arn}\", externalId: {external_id}}}\n");
        fs::write(&file, text.replace("organization:\n", &hub)).unwrap();
        arn
    }

    /// Gives the hub role this trust policy.
    pub fn trust_hub_role(&self, trust: Value) {
        let mut state = self.lab.world().write();
        state.accounts.get_mut(&id(HUB)).unwrap().iam.roles.get_mut("rolecall-hub").unwrap().trust = trust;
    }

    /// The same with another identity as the hub: a role that is not allowed this.
    pub fn with_hub_not_allowed(self, not_allowed: &str) -> Self {
        {
            let mut state = self.lab.world().write();
            let role = state.add_role(&id(HUB), "/", "rolecall-hub", json!({}), long_ago()).unwrap();
            let user_id = format!("{}:hub", role.id);
            let arn = format!("arn:aws:sts::{HUB}:assumed-role/rolecall-hub/hub");
            state.keys.insert("AKIAROLE".to_owned(), key(&arn, &user_id, Some("rolecall-hub"), "AKIAROLE"));
            assert!(state.disallow(&id(HUB), "rolecall-hub", not_allowed));
        }
        Self { keys: Some(("AKIAROLE", "secret")), ..self }
    }

    /// The same without any credentials.
    pub fn without_credentials(self) -> Self {
        Self { keys: None, ..self }
    }

    /// Runs rolecall to its end.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = rolecall(self.folder.path());
        command.args(arguments).env("AWS_ENDPOINT_URL", self.lab.url()).env("AWS_REGION", "eu-west-1");
        command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", self.folder.path());
        if let Some((key, secret)) = self.keys {
            command.env("AWS_ACCESS_KEY_ID", key).env("AWS_SECRET_ACCESS_KEY", secret);
        }
        let ran: Ran = tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
        println!("$ rolecall {}\n{}{}exit {:?}", arguments.join(" "), ran.stderr, ran.stdout, ran.code);
        ran
    }

    /// Runs rolecall with its report as JSON.
    pub async fn json(&self, arguments: &[&str], code: i32) -> Value {
        self.run(&[&["--output", "json"], arguments].concat()).await.expect(code).json()
    }

    /// Takes an action away from the member role of an account, as if no policy allowed it.
    pub fn disallow(&self, account: &str, action: &str) {
        assert!(self.lab.world().write().disallow(&id(account), MEMBER, action));
    }

    /// Denies it an action.
    pub fn deny(&self, account: &str, action: &str) {
        let mut state = self.lab.world().write();
        let role = state.accounts.get_mut(&id(account)).unwrap().iam.roles.get_mut(MEMBER).unwrap();
        role.denied.insert(action.to_owned());
    }

    /// Gives the member role of an account this trust policy.
    pub fn trust(&self, account: &str, trust: Value) {
        let mut state = self.lab.world().write();
        state.accounts.get_mut(&id(account)).unwrap().iam.roles.get_mut(MEMBER).unwrap().trust = trust;
    }

    /// Makes the member role of an account anew.
    pub fn recreate_member_role(&self, account: &str) {
        self.lab.world().write().add_role(&id(account), "/ops/", MEMBER, trust(), Timestamp::now()).unwrap();
    }

    /// Changes the cluster of an account.
    pub fn cluster<T>(&self, account: &str, change: impl FnOnce(&mut EksCluster) -> T) -> T {
        change(self.lab.world().write().clusters.get_mut(&cluster_id(account)).unwrap())
    }

    /// Everything that a write could have changed.
    pub fn writes(&self) -> String {
        let state = self.lab.world().read();
        let told = |cluster: &EksCluster| {
            let entries: Vec<_> = cluster.entries.values().map(|entry| (&entry.principal, entry.modified)).collect();
            let map = cluster.api.store().get("configmaps", "kube-system", "aws-auth");
            format!("{:?} {entries:?} {map:?}", cluster.mode)
        };
        state.clusters.values().map(told).collect()
    }
}

fn own_entry(state: &State, number: &str) -> AccessEntry {
    let role = &state.accounts[&id(number)].iam.roles[MEMBER];
    let mut entry = AccessEntry::new(&role.arn(&id(number)), role.id.clone(), long_ago());
    let admin = Association { namespaces: Vec::new(), associated: long_ago(), modified: long_ago() };
    entry.policies.insert(CLUSTER_ADMIN.to_owned(), admin);
    entry
}
