//! A small and hostile organization, drawn from a seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use fastrand::Rng;
use jiff::Timestamp;
use rolecall::{
    lab::{
        kube::ApiServer,
        world::{
            State, World,
            center::{Assignment, IdentityCenter},
            eks::{AccessEntry, Association, EksCluster},
            keys::{Caller, Key},
            organization::{Account, Organization, Unit},
        },
    },
    model::{AccountId, Arn, AuthenticationMode, ClusterId, Region},
};
use serde_json::json;

use super::{
    content,
    dice::{chance, pick},
    policy::{BREAKGLASS, NODE, ROLES, SET, USERS, path},
    texts::Chunk,
};

/// The management account, in which rolecall's own user is.
pub const HUB: &str = "999988887777";
/// The hub's access key.
pub const KEY: (&str, &str) = ("AKIASOAKSOAKSOAKSOAK", "soak-secret-key");
/// The member role.
pub const MEMBER: &str = "rolecall-member";
/// Where clusters are.
pub const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The organization's root.
const ROOT: &str = "r-soak";

/// How rolecall gets into a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// As the cluster's creator, who has an entry of his own where there are entries.
    Creator,
    /// By a row in system:masters.
    Row,
    /// By a row in a group of its own that somebody bound to cluster-admin.
    Group,
    /// By an access entry.
    Entry,
}

impl WayIn {
    /// Whether it leads through aws-auth.
    pub fn is_row(self) -> bool {
        matches!(self, Self::Row | Self::Group)
    }
}

/// What is special about a cluster.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is there or not, whatever the others are")]
pub struct Feature {
    /// Its authentication mode.
    pub mode: AuthenticationMode,
    /// How rolecall gets in.
    pub way_in: WayIn,
    /// Whether a section of its aws-auth does not parse.
    pub broken: bool,
    /// Whether that is mapRoles.
    pub roles_broken: bool,
    /// Whether nothing of the broken section can be rescued, or not everybody who is protected.
    pub beyond_rescue: bool,
    /// Whether a section is written so oddly that rolecall may refuse to edit it.
    pub odd: bool,
    /// Whether its aws-auth is immutable.
    pub immutable: bool,
    /// Whether a protected principal leans on a group that the policies bind.
    pub leaning: bool,
    /// Principals, in small letters, that may never be without the access that they have.
    pub protected: BTreeSet<String>,
}

/// The bytes that are somebody else's, by cluster.
pub type Chunks = Arc<Mutex<BTreeMap<ClusterId, BTreeSet<Chunk>>>>;

/// The organization and what is to be known of it.
pub struct Scene {
    /// The world of the lab.
    pub world: Arc<World>,
    /// The member accounts.
    pub accounts: Vec<String>,
    /// Every cluster.
    pub features: BTreeMap<ClusterId, Feature>,
    /// What is somebody else's in aws-auth.
    pub chunks: Chunks,
}

/// Draws an organization of 2 to 5 accounts with 2 to 8 clusters.
pub fn scene(rng: &mut Rng) -> Scene {
    let now = Timestamp::now();
    let accounts: Vec<String> = (0..rng.usize(2..=5)).map(|n| format!("11112222330{n}")).collect();
    let mut state = state(now);
    add_account(&mut state, HUB, "management", ROOT, rng, now);
    for (number, id) in accounts.iter().enumerate() {
        let parent = pick(rng, &["ou-soak-prodprod", "ou-soak-devdevde", "ou-soak-teamteam", ROOT]);
        add_account(&mut state, id, &format!("account-{number}"), parent, rng, now);
        add_people(&mut state, &id.parse().unwrap(), rng, now);
    }
    let mut scene = Scene {
        world: World::new(state),
        accounts: accounts.clone(),
        features: BTreeMap::new(),
        chunks: Chunks::default(),
    };
    for number in 0..rng.usize(2..=8) {
        let account = accounts[rng.usize(..accounts.len())].parse().unwrap();
        let id = ClusterId { account, region: Region::new(pick(rng, &REGIONS)), name: format!("c{number}") };
        scene.add_cluster(id, rng, now);
    }
    scene
}

fn state(now: Timestamp) -> State {
    let unit = |id: &str, name: &str, parent: &str| {
        (id.to_owned(), Unit { id: id.to_owned(), name: name.to_owned(), parent: parent.to_owned() })
    };
    let units = [
        unit("ou-soak-prodprod", "Prod", ROOT),
        unit("ou-soak-devdevde", "Dev", ROOT),
        unit("ou-soak-teamteam", "Team", "ou-soak-devdevde"),
    ];
    let hub: AccountId = HUB.parse().unwrap();
    let organization = Organization {
        id: "o-soaksoak01".to_owned(),
        management: hub.clone(),
        root: ROOT.to_owned(),
        units: BTreeMap::from(units),
    };
    let mut state = State {
        organization,
        accounts: BTreeMap::new(),
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::new(),
        serial: 0,
    };
    let mut center = IdentityCenter::new(Region::new("eu-west-1"), hub.clone(), 1, now);
    center.groups.clear();
    state.center = Some(center);
    let caller = Caller {
        arn: format!("arn:aws:iam::{HUB}:user/rolecall"),
        account: hub,
        user_id: "AIDASOAKHUB".to_owned(),
        role: None,
        access_key: KEY.0.to_owned(),
    };
    let key = Key { secret: KEY.1.to_owned(), session_token: None, expires: None, caller };
    state.keys.insert(KEY.0.to_owned(), key);
    state
}

fn add_account(state: &mut State, id: &str, name: &str, parent: &str, rng: &mut Rng, now: Timestamp) {
    let id: AccountId = id.parse().unwrap();
    let stage = pick(rng, &["live", "test", "other"]);
    let account = Account {
        id: id.clone(),
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        state: "ACTIVE".to_owned(),
        parent: parent.to_owned(),
        joined: now,
        tags: BTreeMap::from([("stage".to_owned(), stage.to_owned())]),
        regions: REGIONS.map(Region::new).into_iter().collect(),
        iam: rolecall::lab::world::iam::Iam::default(),
    };
    state.accounts.insert(id.clone(), account);
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")},
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
    }]});
    state.add_role(&id, "/", MEMBER, trust, now);
}

/// The roles and users that policies speak of, most of them there.
fn add_people(state: &mut State, account: &AccountId, rng: &mut Rng, now: Timestamp) {
    for name in ROLES.into_iter().chain([NODE, BREAKGLASS]) {
        if chance(rng, 0.85) {
            state.add_role(account, path(name), name, json!({}), now);
        }
    }
    for name in USERS {
        if chance(rng, 0.7) {
            state.add_user(account, path(name), name, now);
        }
    }
    if chance(rng, 0.5) {
        let known = state.center.as_ref().and_then(|center| center.permission_sets.keys().next().cloned());
        let set = known.or_else(|| state.add_permission_set(SET, now)).unwrap();
        let principal = state.add_directory_group("people").unwrap();
        let assignment = Assignment { account: account.clone(), permission_set: set, group: true, principal };
        state.assign(assignment, now);
    }
}

impl Scene {
    fn add_cluster(&mut self, id: ClusterId, rng: &mut Rng, now: Timestamp) {
        use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
        let mode = pick(rng, &[ConfigMap, ConfigMap, ConfigMap, ApiAndConfigMap, ApiAndConfigMap, Api]);
        let way_in = match mode {
            ConfigMap => pick(rng, &[WayIn::Creator, WayIn::Row, WayIn::Group]),
            ApiAndConfigMap => pick(rng, &[WayIn::Row, WayIn::Group, WayIn::Entry]),
            Api => WayIn::Entry,
        };
        let member: Arn = format!("arn:aws:iam::{}:role/{MEMBER}", id.account).parse().unwrap();
        let creator = match way_in {
            WayIn::Creator => member.to_string(),
            _ => format!("arn:aws:iam::{}:role/creator", id.account),
        };
        let api = ApiServer::new(id.clone()).unwrap();
        let told = (mode != ConfigMap || rng.bool()).then_some(mode);
        let mut cluster = EksCluster::new(id.clone(), told, creator, now, api);
        if chance(rng, 0.7) {
            cluster.tags.insert("team".to_owned(), pick(rng, &["a", "b", "c"]).to_owned());
        }
        if way_in == WayIn::Entry {
            let id = self.world.read().principal_id(&member).unwrap_or_default().to_owned();
            let mut entry = AccessEntry::new(&member, id, now);
            let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";
            let whole = Association { namespaces: Vec::new(), associated: now, modified: now };
            entry.policies.insert(policy.to_owned(), whole);
            cluster.entries.insert(member.to_string(), entry);
        }
        let feature = content::fill(&cluster, mode, way_in, &self.chunks, rng, now);
        cluster.api.store().keep_history();
        self.features.insert(id.clone(), feature);
        self.world.write().clusters.insert(id, cluster);
    }
}
