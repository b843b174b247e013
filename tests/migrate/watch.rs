//! Who gets in and as what, looked at after every single call.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::BoxFuture;
use rolecall::{
    authenticator,
    lab::{
        Call, Interference, Verdict,
        world::{State, World, eks::EksCluster},
    },
    model::{BRIDGE, ClusterId, MASTERS},
};

use crate::access_entries::scene::CLUSTER_ADMIN;

/// Name, groups, and whether it is an administrator.
pub type Access = (String, Vec<String>, bool);
/// By cluster and principal.
pub type Everybody = BTreeMap<(ClusterId, String), Access>;

/// As whom every role of the organization gets into every cluster.
pub fn everybody(state: &State) -> Everybody {
    let roles = state.accounts.iter().flat_map(|(id, account)| account.iam.roles.values().map(move |role| (id, role)));
    let roles: Vec<(String, String)> = roles.map(|(id, role)| (role.arn(id).to_string(), role.id.clone())).collect();
    let mut all = Everybody::new();
    for (id, cluster) in &state.clusters {
        for (arn, unique) in &roles {
            all.extend(access(cluster, arn, unique).map(|access| ((id.clone(), arn.clone()), access)));
        }
    }
    all
}

fn access(cluster: &EksCluster, arn: &str, unique: &str) -> Option<Access> {
    let (store, mode) = (cluster.api.store(), cluster.authentication_mode());
    let people = |groups: &[String]| {
        let kept = groups.iter().filter(|group| *group != BRIDGE && *group != MASTERS);
        kept.cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let entry = cluster.entries.get(arn).filter(|entry| mode.reads_entries() && entry.principal_id == unique);
    if let Some(entry) = entry {
        let admin = entry.policies.get(CLUSTER_ADMIN).is_some_and(|association| association.namespaces.is_empty());
        let carries = store.get("clusterrolebindings", "", BRIDGE).is_some();
        let admin = admin || (carries && entry.groups.iter().any(|group| group == BRIDGE));
        return Some((entry.username.clone(), people(&entry.groups), admin));
    }
    let stored = store.get("configmaps", "kube-system", "aws-auth").filter(|_| mode.reads_aws_auth())?;
    let data = serde_json::from_value(stored["data"].clone()).unwrap();
    let (prefix, name) = (arn.split(":role/").next().unwrap(), arn.rsplit('/').next().unwrap());
    let account = arn.split(':').nth(4).unwrap();
    let row = authenticator::resolve(&authenticator::read(&data), &format!("{prefix}:role/{name}"), account)?;
    let admin = row.groups.iter().any(|group| group == MASTERS);
    Some((row.username, people(&row.groups), admin))
}

type Spoil = Box<dyn Fn(&Call, usize) -> Verdict + Send + Sync>;

/// Stands at the doors, notes every write, and whoever has less than at the beginning.
pub struct Watch {
    before: Everybody,
    spoil: Spoil,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    writes: Vec<String>,
    less: Vec<String>,
}

impl Watch {
    /// Watches from now on; what becomes of a write may depend on how many there were before.
    pub fn new(world: &Arc<World>, spoil: impl Fn(&Call, usize) -> Verdict + Send + Sync + 'static) -> Arc<Self> {
        let before = everybody(&world.read());
        let watch = Arc::new(Self { before, spoil: Box::new(spoil), noted: Mutex::default() });
        world.set_interference(Arc::clone(&watch) as Arc<dyn Interference>);
        watch
    }

    /// The writes that were carried out, in order; nobody may ever have had less, or anything under another name.
    pub fn writes(&self) -> Vec<String> {
        let noted = self.noted.lock().unwrap();
        assert!(noted.less.is_empty(), "after {:#?}: {:#?}", noted.writes, noted.less);
        noted.writes.clone()
    }
}

impl Interference for Watch {
    fn latency(&self, _call: &Call) -> Duration {
        Duration::ZERO
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict> {
        let made = self.noted.lock().unwrap().writes.len();
        let verdict = if is_write(call) { (self.spoil)(call, made) } else { Verdict::Serve };
        Box::pin(std::future::ready(verdict))
    }

    fn served(&self, world: &Arc<World>, call: &Call) {
        let now = everybody(&world.read());
        let mut noted = self.noted.lock().unwrap();
        if is_write(call) {
            noted.writes.push(call.operation.clone());
        }
        for (who, (username, groups, admin)) in &self.before {
            let same = now.get(who).is_some_and(|(name, has, is)| name == username && has == groups && is >= admin);
            if !same {
                noted.less.push(format!("{who:?}: {:?}", now.get(who)));
            }
        }
    }
}

/// STS calls and dry runs change nothing of what is watched.
fn is_write(call: &Call) -> bool {
    call.writes && ["eks", "kubernetes"].contains(&call.service)
}
