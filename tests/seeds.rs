//! The cases people begin with, each on a real kube-apiserver whose door the real authenticator keeps. In each, a second
//! run writes nothing, and nodes get in throughout.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::Api;

use crate::support::{
    Fleet, RealCluster,
    ec2::private_dns_name,
    fleet::{NODE_ROWS, own_row},
    people::Person,
    scene::versions,
    world,
};

struct Seed {
    fleet: Fleet,
    account: String,
}

impl Seed {
    /// A fleet of one cluster with the policy of this name from `config/seeds`, its account id put in.
    async fn new(name: &str) -> Self {
        let (fleet, account) = Fleet::of_one(world().await, name).await;
        fleet.settings("mode: enforce\n");
        let policy = format!("{}/config/seeds/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let policy = std::fs::read_to_string(policy).unwrap().replace("111122223333", &account);
        fleet.policy(&policy);
        Self { fleet, account }
    }

    fn cluster(&self) -> &RealCluster {
        &self.fleet.clusters[0]
    }

    async fn role(&self, path: &str, name: &str) {
        self.fleet.organization.role(&self.account, path, name).await;
    }

    /// Somebody's session in a role of the account.
    async fn session(&self, role: &str, session: &str) -> Person {
        let arn = format!("arn:aws:iam::{}:role/{role}", self.account);
        let credentials = world().await.session(&arn, session).await;
        Person::at(self.cluster(), &credentials)
    }

    /// Brings the cluster in line, and again: the second run changes nothing at all.
    async fn sync(&self) {
        self.fleet.run(&["plan"]).await.expect(1);
        self.fleet.run(&["sync"]).await.expect(0);
        let first = versions(self.cluster()).await;
        self.fleet.run(&["sync"]).await.expect(0);
        assert_eq!(versions(self.cluster()).await, first, "the second run writes nothing");
        self.fleet.run(&["plan"]).await.expect(0);
    }

    /// An instance in the role of the nodes comes in under its own name and as a node.
    async fn node_gets_in(&self) {
        let instance = "i-0123456789abcdef0";
        let node = self.session("eks-node", instance).await.gets_in("a node").await;
        assert_eq!(node.username, format!("system:node:{}", private_dns_name(instance)));
        let groups: BTreeSet<&str> = node.groups.iter().map(String::as_str).collect();
        assert_eq!(groups, BTreeSet::from(["system:authenticated", "system:bootstrappers", "system:nodes"]));
    }

    async fn map_roles(&self) -> String {
        self.cluster().aws_auth().await.unwrap().data.unwrap()["mapRoles"].clone()
    }
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn an_admin_role_stands_beside_the_role_of_the_nodes() {
    let seed = Seed::new("admin-beside-nodes").await;
    seed.role("/", "eks-admin").await;
    seed.role("/", "eks-node").await;
    let admin = seed.session("eks-admin", "ana@example.com").await;
    assert_eq!(admin.is().await, None, "nobody mapped the role yet");
    seed.sync().await;
    assert!(seed.map_roles().await.starts_with(&format!("{NODE_ROWS}{}", own_row(&seed.account))), "others' rows stay");
    let identity = admin.gets_in("the admin").await;
    assert_eq!(identity.username, "admin");
    assert!(identity.groups.contains(&"system:masters".to_owned()));
    assert!(admin.may("delete", "", "nodes", None).await);
    seed.node_gets_in().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn roles_are_bound_to_users() {
    let seed = Seed::new("developers-by-user").await;
    seed.role("/", "developers").await;
    seed.role("/", "admins").await;
    seed.sync().await;
    let developer = seed.session("developers", "ana").await;
    assert_eq!(developer.gets_in("a developer").await.username, "developer");
    assert!(developer.may("list", "", "pods", Some("default")).await);
    assert!(developer.may("get", "", "pods/log", Some("default")).await);
    assert!(!developer.may("delete", "", "pods", Some("default")).await);
    let admin = seed.session("admins", "bo").await;
    assert_eq!(admin.gets_in("an admin").await.username, "admin");
    assert!(admin.may("delete", "", "pods", Some("default")).await);
    assert!(!admin.may("list", "", "secrets", Some("default")).await);
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn three_roles_of_a_team_each_session_under_its_own_name() {
    let seed = Seed::new("fitcycle").await;
    for role in ["fitcycleMasters", "fitcycleDevCluster_Admin", "fitcycleDevCluster_User"] {
        seed.role("/", role).await;
    }
    seed.sync().await;
    let admin = seed.session("fitcycleDevCluster_Admin", "ana@example.com").await;
    let identity = admin.gets_in("the cluster's admin").await;
    assert_eq!(identity.username, "adminuser:ana-example.com");
    assert!(identity.groups.contains(&"ad-cluster-admins".to_owned()));
    assert!(admin.may("create", "apps", "deployments", Some("default")).await);
    let user = seed.session("fitcycleDevCluster_User", "bo").await;
    assert_eq!(user.gets_in("a developer").await.username, "devuser:bo");
    assert!(user.may("watch", "", "pods", None).await);
    assert!(!user.may("delete", "", "pods", None).await);
    let master = seed.session("fitcycleMasters", "cy").await.gets_in("a master").await;
    let name = format!("arn:aws:sts::{}:assumed-role/fitcycleMasters/cy", seed.account);
    assert_eq!(master.username, name, "the name that access entries give by default");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_role_of_identity_center_loses_its_reserved_path() {
    let seed = Seed::new("sso-role").await;
    let role = "AWSReservedSSO_PlatformAdmin_0123456789abcdef";
    seed.role("/aws-reserved/sso.amazonaws.com/eu-west-1/", role).await;
    seed.sync().await;
    let rows = seed.map_roles().await;
    assert!(rows.contains(&format!("arn:aws:iam::{}:role/{role}\n", seed.account)), "{rows}");
    assert!(!rows.contains("aws-reserved"), "{rows}");
    let admin = seed.session(&format!("aws-reserved/sso.amazonaws.com/eu-west-1/{role}"), "ana@example.com").await;
    assert_eq!(admin.gets_in("the platform's admin").await.username, "admin:ana-example.com");
    assert!(admin.may("delete", "", "namespaces", None).await);
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_user_keeps_the_path_of_its_arn() {
    let seed = Seed::new("user-arn").await;
    let (arn, credentials) = seed.fleet.organization.user(&seed.account, "/ops/", "eve").await;
    seed.sync().await;
    let users = seed.cluster().aws_auth().await.unwrap().data.unwrap()["mapUsers"].clone();
    assert!(users.contains(&arn), "{users}");
    let eve = Person::at(seed.cluster(), &credentials).gets_in("eve").await;
    assert_eq!(eve.username, "eve");
    assert!(eve.groups.contains(&"operators".to_owned()));
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_cluster_without_aws_auth_gets_one() {
    let seed = Seed::new("no-aws-auth").await;
    Api::<ConfigMap>::namespaced(seed.cluster().admin(), "kube-system")
        .delete("aws-auth", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    seed.role("/", "eks-admin").await;
    seed.role("/", "eks-node").await;
    seed.sync().await;
    seed.node_gets_in().await;
    assert!(
        seed.session("eks-admin", "ana").await.gets_in("an admin").await.groups.contains(&"cluster-admins".to_owned())
    );
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn console_readers_see_all_namespaces_and_guests_one() {
    let seed = Seed::new("console-access").await;
    seed.role("/", "console-readers").await;
    seed.role("/", "console-guests").await;
    seed.sync().await;
    let reader = seed.session("console-readers", "ana").await;
    let groups = reader.gets_in("a reader").await.groups;
    assert!(groups.contains(&"eks-console-dashboard-full-access-group".to_owned()), "{groups:?}");
    assert!(reader.may("list", "apps", "deployments", None).await && !reader.may("delete", "", "pods", None).await);
    let guest = seed.session("console-guests", "bo").await;
    guest.gets_in("a guest").await;
    assert!(guest.may("list", "", "pods", Some("default")).await);
    assert!(!guest.may("list", "", "pods", Some("kube-system")).await);
    assert!(guest.may("list", "", "nodes", None).await);
}
