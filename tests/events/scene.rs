//! An organization in the lab with a queue of events, and the daemon that listens to it.

use std::{collections::BTreeMap, fs, process::Command, sync::Arc};

use jiff::Timestamp;
use rolecall::{
    lab::{
        Lab,
        blueprint::{Blueprint, Built, Drift},
        kube::ApiServer,
        world::{World, eks::EksCluster, queue::Queue},
    },
    model::{AccountId, AuthenticationMode, ClusterId, Region},
};
use serde_json::{Value, json};

use crate::support::{
    daemon::{Daemon, YEARLY},
    eventually,
    fleet::rolecall,
};

const REGION: &str = "eu-west-1";

pub struct Scene {
    pub lab: Lab,
    folder: tempfile::TempDir,
    management: AccountId,
    settings: String,
    key: (String, String),
    port: u16,
}

impl Scene {
    /// A fleet with so much drift, and a queue.
    pub fn new(drift: Drift) -> Self {
        let scene = Self::without_queue(drift);
        scene.make_queue();
        scene
    }

    /// With more in the settings.
    pub fn with(drift: Drift, settings: &str) -> Self {
        let mut scene = Self::new(drift);
        scene.settings.push_str(settings);
        scene
    }

    /// The same, the queue not being there.
    pub fn without_queue(drift: Drift) -> Self {
        let blueprint = Blueprint { accounts: 6, clusters: 6, regions: vec![Region::new(REGION)], seed: 3, drift };
        let Built { state, policy, settings, hub, .. } = blueprint.build(Timestamp::now()).unwrap();
        let (management, folder) = (state.organization.management.clone(), tempfile::tempdir().unwrap());
        fs::write(folder.path().join("policy.yaml"), policy).unwrap();
        let lab = Lab::start(World::new(state)).unwrap();
        let port = Daemon::port();
        let queue = format!("https://sqs.{REGION}.amazonaws.com/{management}/events");
        let settings = format!("{settings}{}events: {{queue: \"{queue}\"}}\n", Daemon::web(port));
        Self { lab, folder, management, settings, key: (hub.id, hub.secret), port }
    }

    /// Starts the daemon; without a schedule it makes its first pass alone.
    pub async fn daemon(&self, schedule: Option<&str>) -> Daemon {
        let cron = schedule.unwrap_or(YEARLY);
        let settings = format!("{}schedule: {{cron: \"{cron}\"}}\n", self.settings);
        fs::write(self.folder.path().join("rolecall.yaml"), settings).unwrap();
        let mut command: Command = rolecall(self.folder.path());
        command
            .args(["-v", "run"])
            .env("AWS_ENDPOINT_URL", self.lab.url())
            .env("AWS_ACCESS_KEY_ID", &self.key.0)
            .env("AWS_SECRET_ACCESS_KEY", &self.key.1)
            .env("AWS_REGION", REGION)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        Daemon::start_in(&command, self.folder.path(), self.port).await
    }

    /// The queue's URL path.
    pub fn queue(&self) -> String {
        format!("/{}/events", self.management)
    }

    /// Makes the queue, whose messages come again after two seconds.
    pub fn make_queue(&self) {
        let queue = Queue {
            account: self.management.clone(),
            region: Region::new(REGION),
            name: "events".to_owned(),
            messages: std::collections::VecDeque::new(),
            attributes: BTreeMap::from([("VisibilityTimeout".to_owned(), "2".to_owned())]),
        };
        self.lab.world().write().queues.insert(self.queue(), queue);
    }

    pub fn send(&self, body: &str) {
        assert!(self.lab.world().write().send_event(&self.queue(), body, Timestamp::now()));
    }

    /// Waits until every message was deleted.
    pub async fn queue_is_empty(&self) {
        let empty = async || self.lab.world().read().queues[&self.queue()].messages.is_empty().then_some(());
        eventually("an empty queue", empty).await;
    }

    /// An account in which there are clusters.
    pub fn account(&self) -> AccountId {
        self.lab.world().read().clusters.keys().next().unwrap().account.clone()
    }

    /// Somebody asks for a cluster, as whose creator rolecall gets in; it is ready when it was looked at twice.
    pub fn new_cluster(&self, name: &str) -> ClusterId {
        let id = ClusterId { account: self.account(), region: Region::new(REGION), name: name.to_owned() };
        let creator = format!("arn:aws:iam::{}:role/rolecall-member", id.account);
        let api = ApiServer::new(id.clone()).unwrap();
        let mut cluster =
            EksCluster::new(id.clone(), Some(AuthenticationMode::ConfigMap), creator, Timestamp::now(), api);
        "CREATING".clone_into(&mut cluster.status);
        cluster.looks_left = Some(2);
        self.lab.add_cluster(cluster);
        id
    }

    /// Whether a cluster has a role that the policy makes on every one.
    pub fn has_role(&self, id: &ClusterId) -> bool {
        let state = self.lab.world().read();
        state.clusters[id].api.store().get("clusterroles", "", "developer").is_some()
    }

    pub async fn gets_role(&self, id: &ClusterId) {
        eventually("a role of the policy", async || self.has_role(id).then_some(())).await;
    }

    /// How often what was called since this was last asked.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let calls = self.lab.world().tally.take().into_iter();
        calls.map(|((service, call), count)| (format!("{service} {call}"), count)).collect()
    }

    /// Waits until the daemon asks the queue.
    pub async fn is_listening(&self) {
        let asked = async || self.calls().contains_key("sqs ReceiveMessage").then_some(());
        eventually("a long poll", asked).await;
    }
}

/// The sample of this name, about this cluster, with an id of its own.
pub fn event(sample: &str, cluster: &ClusterId, id: &str) -> String {
    let path = format!("{}/tests/events/samples/{sample}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    event["id"] = json!(id);
    event["detail"]["recipientAccountId"] = json!(cluster.account);
    event["detail"]["awsRegion"] = json!(cluster.region);
    event["detail"]["requestParameters"]["name"] = json!(cluster.name);
    event.to_string()
}

/// Stands at the doors and refuses calls of one name while it is told to.
#[derive(Default)]
pub struct Refusing {
    pub call: std::sync::Mutex<Option<&'static str>>,
}

impl rolecall::lab::Interference for Refusing {
    fn latency(&self, _call: &rolecall::lab::Call) -> std::time::Duration {
        std::time::Duration::ZERO
    }

    fn verdict<'a>(
        &'a self,
        _world: &'a Arc<World>,
        call: &'a rolecall::lab::Call,
    ) -> futures::future::BoxFuture<'a, rolecall::lab::Verdict> {
        use rolecall::lab::{Refusal, Verdict};
        let refused = self.call.lock().unwrap().is_some_and(|name| name == call.operation);
        let refusal = || Verdict::Refuse(Refusal::new(403, "AccessDeniedException", "not today"));
        Box::pin(std::future::ready(if refused { refusal() } else { Verdict::Serve }))
    }
}
