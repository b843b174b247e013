//! Identity Center beside one cluster of the lab.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use jiff::Timestamp;
use rolecall::{
    lab::{
        Call, Interference, Refusal, Verdict,
        world::{
            State, World,
            center::{Assignment, IdentityCenter},
        },
    },
    model::{AuthenticationMode, Region},
};

use crate::access_entries::scene::Scene;

pub const HUB: &str = "111111111111";
pub const MEMBER: &str = "222222222222";
pub const GROUP: &str = "K8s-Developers@corp.example.com";

/// A cluster in an organization whose Identity Center is empty, and settings that say in which region it is.
pub async fn scene(mode: AuthenticationMode) -> Scene {
    scene_in(mode, "eu-west-1").await
}

/// The same with settings that name this region.
pub async fn scene_in(mode: AuthenticationMode, region: &str) -> Scene {
    let scene = Scene::with(mode, &format!("identityCenter: {{region: {region}}}\n")).await;
    let center = IdentityCenter::new(Region::new("eu-west-1"), HUB.parse().unwrap(), 1, Timestamp::UNIX_EPOCH);
    scene.lab.world().write().center = Some(center);
    scene
}

pub fn change<T>(scene: &Scene, change: impl FnOnce(&mut State) -> T) -> T {
    change(&mut scene.lab.world().write())
}

pub fn group(scene: &Scene, name: &str) -> String {
    change(scene, |state| state.add_directory_group(name).unwrap())
}

pub fn set(scene: &Scene, name: &str) -> String {
    change(scene, |state| state.add_permission_set(name, Timestamp::UNIX_EPOCH).unwrap())
}

pub fn assignment(set: &str, principal: &str, group: bool) -> Assignment {
    let (permission_set, principal) = (set.to_owned(), principal.to_owned());
    Assignment { account: MEMBER.parse().unwrap(), permission_set, group, principal }
}

/// Assigns a set to a group in the cluster's account.
pub fn assign(scene: &Scene, set: &str, group: &str) {
    change(scene, |state| state.assign(assignment(set, group, true), Timestamp::now()));
}

/// A group that holds a permission set in the cluster's account, and the set's ARN.
pub fn held(scene: &Scene, name: &str, set_name: &str) -> (String, String) {
    let (group, set) = (group(scene, name), set(scene, set_name));
    assign(scene, &set, &group);
    (group, set)
}

/// The paths and names of the set's roles in the cluster's account.
pub fn roles(scene: &Scene, set_name: &str) -> Vec<String> {
    let state = scene.lab.world().read();
    let roles = state.accounts[&MEMBER.parse().unwrap()].iam.roles.values();
    let of_set = roles.filter(|role| {
        let suffix = role.name.strip_prefix(&format!("AWSReservedSSO_{set_name}_"));
        suffix.is_some_and(|suffix| suffix.len() == 16)
    });
    of_set.map(|role| format!("{}{}", role.path.trim_start_matches('/'), role.name)).collect()
}

/// Refuses calls, and writes down those that change something.
pub struct Doorman {
    pub operation: &'static str,
    /// How many are served before.
    pub served: Mutex<usize>,
    pub verdict: Verdict,
}

impl Doorman {
    pub fn denies(operation: &'static str) -> Self {
        let refusal = Refusal::new(400, "AccessDeniedException", "You do not have sufficient access");
        Self { operation, served: Mutex::new(0), verdict: Verdict::Refuse(refusal) }
    }

    pub fn throttles_after(operation: &'static str, served: usize) -> Self {
        let refusal = Refusal::new(400, "ThrottlingException", "Rate exceeded");
        Self { operation, served: Mutex::new(served), verdict: Verdict::Refuse(refusal) }
    }
}

impl Interference for Doorman {
    fn latency(&self, _call: &Call) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict> {
        let mut served = self.served.lock().unwrap();
        let verdict = match (call.operation == self.operation, *served) {
            (false, _) => Verdict::Serve,
            (true, 0) => self.verdict.clone(),
            // One item a page, so that there is a page to be cut off from.
            (true, _) => {
                *served -= 1;
                Verdict::ShortPage(1)
            }
        };
        Box::pin(std::future::ready(verdict))
    }
}

/// Keeps what aws-auth held after each write, and the writes of EKS.
#[derive(Clone, Default)]
pub struct Recorder(pub Arc<Mutex<Vec<String>>>);

impl Interference for Recorder {
    fn latency(&self, _call: &Call) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, _call: &'a Call) -> BoxFuture<'a, Verdict> {
        Box::pin(std::future::ready(Verdict::Serve))
    }

    fn served(&self, world: &Arc<World>, call: &Call) {
        let written = match (call.service, call.operation.as_str()) {
            ("eks", operation) if call.writes => operation.to_owned(),
            ("kubernetes", operation) if call.writes && operation.ends_with("configmaps") => {
                let state = world.read();
                let stored = state.clusters.values().next().unwrap();
                let stored = stored.api.store().get("configmaps", "kube-system", "aws-auth");
                stored.map(|map| map["data"]["mapRoles"].to_string()).unwrap_or_default()
            }
            _ => return,
        };
        self.0.lock().unwrap().push(written);
    }
}
