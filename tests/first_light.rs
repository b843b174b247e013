//! The main job from end to end: an organization in moto, real clusters, one policy.

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;

use crate::support::{Fleet, Organization, fleet::own_row, world};

const POLICY: &str = r#"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
roles:
  - name: ad-cluster-devs
    rules:
      - {apiGroups: [""], resources: [pods, pods/log], verbs: [get, list, watch]}
groups:
  - name: ad-cluster-devs
    clusterRoles: [ad-cluster-devs]
access:
  - who: {role: eks-admin}
    groups: [system:masters]
    username: "admin:{{SessionName}}"
    where: {organizationalUnits: [/Workloads/**]}
  - who: {permissionSet: Developers}
    groups: [ad-cluster-devs]
    username: "dev:{{SessionName}}"
    where: {organizationalUnits: [/Workloads/Dev]}
"#;

/// Three accounts in two units with a real cluster each, and a fourth account that is suspended.
pub async fn fleet() -> (Fleet, Vec<String>, String) {
    let world = world().await;
    let mut fleet = Fleet::new(world, "first-light").await;
    let organization = &fleet.organization;
    let workloads = organization.unit(&organization.root, "Workloads").await;
    let dev = organization.unit(&workloads, "Dev").await;
    let prod = organization.unit(&workloads, "Prod").await;
    let mut accounts = Vec::new();
    for (unit, name) in [(&dev, "shop-dev"), (&dev, "data-dev"), (&prod, "shop-prod")] {
        let account = organization.account(unit, name).await;
        organization.role(&account, "/teams/", "eks-admin").await;
        accounts.push(account);
    }
    permission_set(organization, &accounts[0], "Developers_0123456789abcdef").await;
    permission_set(organization, &accounts[1], "Developers_Admin_fedcba9876543210").await;
    let suspended = organization.account(&prod, "old-prod").await;
    organization.suspend(&suspended).await;
    for (account, name) in accounts.iter().zip(["dev-1", "dev-2", "prod-1"]) {
        let cluster = fleet.cluster(world, account, name).await;
        cluster.write_aws_auth([("mapRoles", &own_row(account))]).await;
    }
    fleet.policy(POLICY);
    (fleet, accounts, suspended)
}

async fn permission_set(organization: &Organization, account: &str, name: &str) {
    organization.role(account, "/aws-reserved/sso.amazonaws.com/eu-west-1/", &format!("AWSReservedSSO_{name}")).await;
}

async fn maps(fleet: &Fleet) -> Vec<ConfigMap> {
    let mut maps = Vec::new();
    for cluster in &fleet.clusters {
        maps.push(cluster.aws_auth().await.unwrap());
    }
    maps
}

fn roles(map: &ConfigMap) -> &str {
    &map.data.as_ref().unwrap()["mapRoles"]
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn one_policy_reaches_every_cluster_of_the_organization() {
    let (fleet, accounts, suspended) = fleet().await;
    fleet.settings("mode: enforce\n");

    let discovered = fleet.run(&["--output", "json", "discover"]).await.expect(0);
    for expected in accounts.iter().map(String::as_str).chain(["dev-1", "dev-2", "prod-1", "/Workloads/Dev"]) {
        assert!(discovered.stdout.contains(expected), "{expected}: {}", discovered.stdout);
    }
    assert!(discovered.stdout.contains(&suspended), "the suspended account is named: {}", discovered.stdout);

    let before = maps(&fleet).await;
    let plan = fleet.run(&["plan"]).await.expect(1);
    assert!(plan.stdout.contains("AWSReservedSSO_Developers_0123456789abcdef"), "{}", plan.stdout);
    assert_eq!(maps(&fleet).await, before, "plan writes nothing");

    fleet.run(&["sync"]).await.expect(0);
    let after = maps(&fleet).await;
    for (map, account) in after.iter().zip(&accounts) {
        assert!(roles(map).starts_with(&own_row(account)), "{}", roles(map));
        assert!(roles(map).contains(&format!("arn:aws:iam::{account}:role/eks-admin")), "{}", roles(map));
    }
    assert!(
        roles(&after[0])
            .contains(&format!("arn:aws:iam::{}:role/AWSReservedSSO_Developers_0123456789abcdef", accounts[0]))
    );
    assert!(!roles(&after[1]).contains("AWSReservedSSO"), "Developers is not Developers_Admin: {}", roles(&after[1]));
    assert!(!roles(&after[2]).contains("AWSReservedSSO"), "prod is not in /Workloads/Dev");

    let second = fleet.run(&["plan"]).await.expect(0);
    assert!(!second.stdout.contains("missing"), "{}", second.stdout);
    fleet.run(&["sync"]).await.expect(0);
    assert_eq!(maps(&fleet).await, after, "the second pass writes nothing");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn an_account_that_refuses_leaves_the_others_to_be_corrected() {
    let (fleet, accounts, _) = fleet().await;
    fleet.settings("mode: enforce\n");
    crate::support::world().await.sts.deny_account(&accounts[1]);
    let sync = fleet.run(&["--output", "json", "sync"]).await.expect(3);
    let report: Value = sync.json();
    assert!(report.to_string().contains(&accounts[1]), "the account that refused is named: {report:#}");
    let after = maps(&fleet).await;
    assert!(roles(&after[0]).contains("eks-admin") && roles(&after[2]).contains("eks-admin"));
    assert_eq!(roles(&after[1]), own_row(&accounts[1]));
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_plan_from_a_file_is_refused_where_the_cluster_moved() {
    let (fleet, accounts, _) = fleet().await;
    fleet.settings("mode: enforce\n");
    fleet.run(&["plan", "--out", "plan.json"]).await.expect(1);
    let moved = format!("# touched\n{}", own_row(&accounts[1]));
    fleet.clusters[1].write_aws_auth([("mapRoles", &moved)]).await;
    let sync = fleet.run(&["sync", "--plan", "plan.json"]).await.expect(1);
    assert!(sync.stdout.contains("dev-2") && sync.stdout.contains("moved"), "{}", sync.stdout);
    let after = maps(&fleet).await;
    assert!(roles(&after[0]).contains("eks-admin") && roles(&after[2]).contains("eks-admin"));
    assert_eq!(roles(&after[1]), moved, "what moved is left as it is");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn no_more_clusters_change_in_one_pass_than_the_budget_allows() {
    let (fleet, accounts, _) = fleet().await;
    let before = maps(&fleet).await;
    fleet.settings("mode: enforce\nsafety: {maxChangedClusters: 2}\n");
    let sync = fleet.run(&["sync"]).await.expect(1);
    assert!(sync.stdout.contains("3 of 3 clusters would change, 2 may in one pass"), "{}", sync.stdout);
    assert_eq!(maps(&fleet).await, before, "a budget that is too small stops everything");

    fleet.settings("mode: enforce\n");
    fleet.run(&["sync"]).await.expect(0);
    for (cluster, account) in fleet.clusters.iter().zip(&accounts).take(2) {
        cluster.write_aws_auth([("mapRoles", &own_row(account))]).await;
    }
    fleet.settings("mode: enforce\nsafety: {maxChangedClusters: 50%}\n");
    fleet.run(&["plan", "--out", "plan.json"]).await.expect(1);
    fleet.run(&["sync", "--plan", "plan.json"]).await.expect(0);
    assert!(roles(&maps(&fleet).await[1]).contains("eks-admin"), "half of three clusters, rounded up, is two");
}
