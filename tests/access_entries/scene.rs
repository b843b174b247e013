//! One cluster of the lab, with roles that may get in, and passes over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use aws_config::{BehaviorVersion, Region as SdkRegion};
use aws_credential_types::Credentials;
use jiff::{SignedDuration, Timestamp, civil::date};
use rolecall::{
    discover::{self, Hub},
    fleet::{self, EntryMemory, Inputs, MigrateOptions, PassOptions, Quiet, Survey},
    lab::{
        Interference, Lab,
        kube::ApiServer,
        world::{
            State, World,
            eks::{AccessEntry, Association, EksCluster},
            keys::{Caller, Key},
            organization::{Account, Organization},
        },
    },
    model::{AccountId, Arn, AuthenticationMode, ClusterId, ClusterReport, ENTRY_TAG, PassKind, PassReport, Region},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Another account of the organization, which is not walked; rolecall's own user is in it.
pub const HUB: &str = "111111111111";
/// The account that the cluster is in.
pub const MEMBER: &str = "222222222222";

/// The roles that the policies of these tests name.
const ROLES: [(&str, &str); 4] = [("/", "dev"), ("/teams/", "ops"), ("/", "auditor"), ("/", "other")];

pub const CLUSTER_ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

pub struct Scene {
    pub lab: Lab,
    pub hub: Arc<Hub>,
    pub id: ClusterId,
    settings: String,
    memory: Option<Arc<EntryMemory>>,
}

/// A role's ARN, path included.
pub fn role(path_and_name: &str) -> String {
    format!("arn:aws:iam::{MEMBER}:role/{path_and_name}")
}

fn world() -> Arc<World> {
    let account = |id: &str| Account {
        id: id.parse().unwrap(),
        name: format!("account-{id}"),
        email: format!("{id}@example.com"),
        state: "ACTIVE".to_owned(),
        parent: "r-ab12".to_owned(),
        joined: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::new(),
        regions: BTreeSet::from([Region::new("eu-west-1")]),
        iam: rolecall::lab::world::iam::Iam::default(),
    };
    let caller = Caller {
        arn: format!("arn:aws:iam::{HUB}:user/hub"),
        account: HUB.parse().unwrap(),
        user_id: "AIDAHUB".to_owned(),
        role: None,
        access_key: "AKIAHUB".to_owned(),
    };
    let key = Key { secret: "secret".to_owned(), session_token: None, expires: None, caller };
    let mut state = State {
        organization: Organization {
            id: "o-a1b2c3d4e5".to_owned(),
            management: HUB.parse().unwrap(),
            root: "r-ab12".to_owned(),
            units: BTreeMap::new(),
        },
        accounts: [HUB, MEMBER].map(|id| (id.parse().unwrap(), account(id))).into(),
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::from([("AKIAHUB".to_owned(), key)]),
        serial: 0,
    };
    let trust = json!({"Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")},
        "Action": ["sts:AssumeRole"],
    }]});
    let (id, then) = (MEMBER.parse().unwrap(), long_ago());
    state.add_role(&id, "/", "rolecall-member", trust, then).unwrap();
    for (path, name) in ROLES {
        state.add_role(&id, path, name, json!({}), then).unwrap();
    }
    World::new(state)
}

fn long_ago() -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24)
}

impl Scene {
    /// A cluster that rolecall made, in this mode; where it reads access entries rolecall has one.
    pub async fn new(mode: AuthenticationMode) -> Self {
        Self::with(mode, "").await
    }

    /// The same with more lines of settings.
    pub async fn with(mode: AuthenticationMode, settings: &str) -> Self {
        let lab = Lab::start(world()).unwrap();
        let id = add_cluster(&lab, "one", mode);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(lab.url())
            .region(SdkRegion::new("eu-west-1"))
            .credentials_provider(Credentials::new("AKIAHUB", "secret", None, None, "tests"))
            .load()
            .await;
        let settings = format!(
            "apiVersion: rolecall.dev/v1\nkind: Settings\norganization: {{memberRole: rolecall-member, regions: \
             [eu-west-1], include: {{accounts: [\"{MEMBER}\"]}}}}\npolicy: [policy.yaml]\nmode: enforce\n{settings}"
        );
        let scope = inputs(&settings, "access: []").settings.scope.clone();
        let hub = Arc::new(discover::hub_with(config, &scope, 4).await.unwrap());
        Self { lab, hub, id, settings, memory: None }
    }

    /// The same with all accounts of the organization walked.
    #[must_use]
    pub fn walking_all(self) -> Self {
        let only = format!(", include: {{accounts: [\"{MEMBER}\"]}}");
        assert!(self.settings.contains(&only), "{}", self.settings);
        Self { settings: self.settings.replace(&only, ""), ..self }
    }

    /// The same with passes that remember, as those of the daemon do.
    #[must_use]
    pub fn remembering(self) -> Self {
        Self { memory: Some(Arc::default()), ..self }
    }

    /// The same with more lines of settings from now on.
    #[must_use]
    pub fn saying(self, settings: &str) -> Self {
        Self { settings: self.settings + settings, ..self }
    }

    /// One more cluster, in this mode.
    pub fn add_cluster(&self, name: &str, mode: AuthenticationMode) -> ClusterId {
        add_cluster(&self.lab, name, mode)
    }

    /// What would move, and what takes it to move it.
    pub async fn survey(&self, options: MigrateOptions, cancel: CancellationToken) -> Survey {
        let inputs = Arc::new(inputs(&self.settings, "access: []"));
        fleet::survey(inputs, options, &self.hub, cancel, Arc::new(Quiet)).await.unwrap()
    }

    /// The settings of the scene with a policy.
    pub fn inputs(&self, policy: &str) -> Inputs {
        inputs(&self.settings, policy)
    }

    /// One pass under a policy; the calls of earlier passes are forgotten.
    pub async fn pass(&self, kind: PassKind, policy: &str) -> PassReport {
        drop(self.lab.world().tally.take());
        let (inputs, cancel) = (Arc::new(inputs(&self.settings, policy)), CancellationToken::new());
        let options = PassOptions { memory: self.memory.clone(), ..PassOptions::new(kind) };
        fleet::pass(inputs, options, &self.hub, cancel, Arc::new(Quiet)).await.unwrap()
    }

    /// One correcting pass, and what it found and did on the cluster.
    pub async fn sync(&self, policy: &str) -> ClusterReport {
        let mut report = self.pass(PassKind::Sync, policy).await;
        assert_eq!(report.clusters.len(), 1, "{:?}", report.findings);
        report.clusters.remove(0)
    }

    /// How often each operation of EKS was called in the last pass, those that write alone.
    pub fn writes(&self) -> BTreeMap<String, u64> {
        let calls = self.lab.world().tally.take();
        let writes = calls.into_iter().filter(|((service, operation), _)| {
            let kubernetes =
                *service == "kubernetes" && !operation.starts_with("get") && !operation.starts_with("list");
            let eks = ["Create", "Update", "Delete", "Associate", "Disassociate", "Tag"];
            kubernetes || (*service == "eks" && eks.iter().any(|verb| operation.starts_with(verb)))
        });
        writes.map(|((_, operation), count)| (operation, count)).collect()
    }

    /// How often an operation was called since the last pass began.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let calls = self.lab.world().tally.take();
        calls.into_iter().filter(|((service, _), _)| *service == "eks").map(|((_, name), n)| (name, n)).collect()
    }

    /// Changes the account that the cluster is in.
    pub fn account<T>(&self, change: impl FnOnce(&mut State, &AccountId) -> T) -> T {
        change(&mut self.lab.world().write(), &MEMBER.parse().unwrap())
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut EksCluster) -> T) -> T {
        change(self.lab.world().write().clusters.get_mut(&self.id).unwrap())
    }

    /// A role's entry as it is.
    pub fn entry(&self, path_and_name: &str) -> Option<AccessEntry> {
        self.change(|cluster| cluster.entries.get(&role(path_and_name)).cloned())
    }

    /// Puts an entry for a role there, made an hour ago by somebody else.
    pub fn put_entry(&self, name: &str, change: impl FnOnce(&mut AccessEntry)) {
        let mut entry = entry_of(&self.lab.world().read(), name);
        change(&mut entry);
        self.change(|cluster| cluster.entries.insert(entry.principal.clone(), entry));
    }

    /// Makes a role anew, now.
    pub fn recreate_role(&self, path: &str, name: &str) {
        let mut state = self.lab.world().write();
        state.add_role(&MEMBER.parse().unwrap(), path, name, json!({}), Timestamp::now()).unwrap();
    }

    /// The data of aws-auth.
    pub fn aws_auth(&self) -> Option<Value> {
        let stored = self.change(|cluster| cluster.api.store().get("configmaps", "kube-system", "aws-auth"));
        stored.map(|stored| stored["data"].clone())
    }

    pub fn put_aws_auth(&self, roles: &str) {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {"mapRoles": roles},
        });
        self.change(|cluster| cluster.api.store().put(object, Timestamp::now()).unwrap());
    }

    pub fn interfere(&self, interference: impl Interference + 'static) {
        self.lab.world().set_interference(Arc::new(interference));
    }
}

fn add_cluster(lab: &Lab, name: &str, mode: AuthenticationMode) -> ClusterId {
    let (account, region) = (MEMBER.parse().unwrap(), Region::new("eu-west-1"));
    let id = ClusterId { account, region, name: name.to_owned() };
    let api = ApiServer::new(id.clone()).unwrap();
    let mut cluster = EksCluster::new(id.clone(), Some(mode), role("rolecall-member"), long_ago(), api);
    if mode != AuthenticationMode::ConfigMap {
        let mut own = entry_of(&lab.world().read(), "rolecall-member");
        let admin = Association { namespaces: Vec::new(), associated: long_ago(), modified: long_ago() };
        own.policies.insert(CLUSTER_ADMIN.to_owned(), admin);
        cluster.entries.insert(own.principal.clone(), own);
    }
    lab.add_cluster(cluster);
    id
}

fn entry_of(state: &State, name: &str) -> AccessEntry {
    let account: AccountId = MEMBER.parse().unwrap();
    let role = &state.accounts[&account].iam.roles[name];
    let arn: Arn = role.arn(&account);
    AccessEntry::new(&arn, role.id.clone(), long_ago() + SignedDuration::from_hours(1))
}

pub fn is_ours(entry: &AccessEntry) -> bool {
    entry.tags.get(ENTRY_TAG.0).is_some_and(|value| value == ENTRY_TAG.1)
}

fn inputs(settings: &str, policy: &str) -> Inputs {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rolecall.yaml"), settings).unwrap();
    let policy = format!("apiVersion: rolecall.dev/v1\nkind: AccessPolicy\n{policy}\n");
    fs::write(dir.path().join("policy.yaml"), policy).unwrap();
    let loaded = fleet::load(&dir.path().join("rolecall.yaml"), date(2026, 1, 1));
    let said = loaded.render(false);
    loaded.inputs.unwrap_or_else(|| panic!("{said}"))
}
