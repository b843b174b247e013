//! One account with one real cluster, the people who come to it, and what rolecall left there.

use std::collections::BTreeMap;

use k8s_openapi::api::{
    core::v1::ConfigMap,
    rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
};
use kube::{
    Resource,
    api::{Api, ListParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Fleet, RealCluster,
    fleet::{REGION, Ran},
    people::Person,
    world,
};

/// A fleet of one cluster.
pub struct Scene {
    pub fleet: Fleet,
    /// The account's id.
    pub account: String,
}

impl Scene {
    /// A cluster that knows rolecall both as its creator and by a row of aws-auth beside the nodes' row; changes may be
    /// written.
    pub async fn new(name: &str) -> Self {
        let (fleet, account) = Fleet::of_one(world().await, name).await;
        fleet.settings("mode: enforce\n");
        Self { fleet, account }
    }

    /// A cluster that somebody else created: rolecall gets in by aws-auth alone, which is not there yet.
    pub async fn of_a_stranger(name: &str) -> Self {
        let world = world().await;
        let mut fleet = Fleet::new(world, name).await;
        let unit = fleet.organization.unit(&fleet.organization.root, "Workloads").await;
        let account = fleet.organization.account(&unit, "dev").await;
        fleet.organization.cluster(&account, REGION, name, &[]).await;
        fleet.clusters.push(world.fresh_cluster(name).await);
        fleet.settings("mode: enforce\n");
        Self { fleet, account }
    }

    pub fn cluster(&self) -> &RealCluster {
        &self.fleet.clusters[0]
    }

    /// The ARN of a role of the account.
    pub fn arn(&self, role: &str) -> String {
        format!("arn:aws:iam::{}:role/{role}", self.account)
    }

    /// Makes roles in the account.
    pub async fn roles<const N: usize>(&self, names: [&str; N]) {
        for name in names {
            self.fleet.organization.role(&self.account, "/", name).await;
        }
    }

    /// Somebody's session in a role of the account, at the cluster's door.
    pub async fn person(&self, role: &str) -> Person {
        let credentials = world().await.session(&self.arn(role), "ana").await;
        Person::at(self.cluster(), &credentials)
    }

    /// Runs rolecall with its report as JSON.
    pub async fn json(&self, arguments: &[&str], code: i32) -> Value {
        let arguments = [&["--output", "json"], arguments].concat();
        self.fleet.run(&arguments).await.expect(code).json()
    }

    /// Runs `sync`, which must leave nothing to do.
    pub async fn sync(&self) -> Ran {
        self.fleet.run(&["sync"]).await.expect(0)
    }

    /// Runs `sync` once more on a cluster that is in line: it writes nothing.
    pub async fn sync_writes_nothing(&self) {
        let before = self.versions().await;
        self.sync().await;
        assert_eq!(self.versions().await, before);
    }

    pub async fn aws_auth(&self) -> ConfigMap {
        self.cluster().aws_auth().await.unwrap()
    }

    /// A section of aws-auth.
    pub async fn section(&self, key: &str) -> String {
        self.aws_auth().await.data.unwrap()[key].clone()
    }

    /// Changes a section by hand, as this field manager.
    pub async fn edit_section(&self, manager: &str, key: &str, edit: impl FnOnce(&str) -> String) {
        let mut map = self.aws_auth().await;
        let data = map.data.get_or_insert_default();
        let text = edit(data.get(key).map_or("", String::as_str));
        data.insert(key.to_owned(), text);
        let params = PostParams { field_manager: Some(manager.to_owned()), ..PostParams::default() };
        self.config_maps().replace("aws-auth", &params, &map).await.unwrap();
    }

    /// The ConfigMaps beside aws-auth, as a cluster administrator sees them.
    pub fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.cluster().admin(), "kube-system")
    }

    /// The resourceVersion of everything that rolecall may write.
    pub async fn versions(&self) -> BTreeMap<String, String> {
        versions(self.cluster()).await
    }
}

/// The resourceVersion of everything that rolecall may write.
pub async fn versions(cluster: &RealCluster) -> BTreeMap<String, String> {
    let mut versions = BTreeMap::new();
    collect(&Api::<ConfigMap>::namespaced(cluster.admin(), "kube-system"), &mut versions).await;
    collect(&Api::<ClusterRole>::all(cluster.admin()), &mut versions).await;
    collect(&Api::<ClusterRoleBinding>::all(cluster.admin()), &mut versions).await;
    collect(&Api::<Role>::all(cluster.admin()), &mut versions).await;
    collect(&Api::<RoleBinding>::all(cluster.admin()), &mut versions).await;
    versions
}

async fn collect<K>(api: &Api<K>, versions: &mut BTreeMap<String, String>)
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug,
{
    for object in api.list(&ListParams::default()).await.unwrap() {
        let meta = object.meta();
        let key = format!("{} {:?} {:?}", K::kind(&()), meta.namespace, meta.name);
        versions.insert(key, meta.resource_version.clone().unwrap());
    }
}

/// The only cluster of a report.
pub fn only_cluster(report: &Value) -> &Value {
    let clusters = report["clusters"].as_array().unwrap();
    assert_eq!(clusters.len(), 1, "{report:#}");
    &clusters[0]
}

/// The cluster's change of the subject with this name.
#[track_caller]
pub fn change<'r>(cluster: &'r Value, name: &str) -> &'r Value {
    let mut changes = cluster["changes"].as_array().unwrap().iter();
    changes
        .find(|change| change["subject"]["name"] == name)
        .unwrap_or_else(|| panic!("no change of {name}: {cluster:#}"))
}

/// The cluster's finding of this code.
#[track_caller]
pub fn finding<'r>(cluster: &'r Value, code: &str) -> &'r Value {
    let mut findings = cluster["findings"].as_array().unwrap().iter();
    findings.find(|finding| finding["code"] == code).unwrap_or_else(|| panic!("no finding {code}: {cluster:#}"))
}

/// Fails the test unless every one of these stands in the text.
#[track_caller]
pub fn says<const N: usize>(text: &Value, words: [&str; N]) {
    // People read wrapped text: line breaks and indentation are not what is asserted on.
    let told = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(told.contains(word), "{word:?} is not said in: {told}");
    }
}
