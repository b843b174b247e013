//! The same with moto's IAM and a real API server, which lets the people in.

use aws_credential_types::Credentials;
use serde_json::json;

use super::trust;
use crate::support::{Scene, people::Person, scene::says};

const POLICY: &str = r#"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
roles:
  - name: helpers
    rules:
      - {apiGroups: [""], resources: [pods], verbs: [list]}
groups:
  - name: helpers
    clusterRoles: [helpers]
access:
  - who: {iamGroup: DevOps}
    groups: [devs]
    username: "dev:{{SessionName}}"
  - who: {iamGroup: Support, members: true}
    groups: [helpers]
"#;

/// The group DevOps may assume the roles `k8s-…` but for one; ana and ben are in the group Support.
async fn people(scene: &Scene) -> [Credentials; 2] {
    let (organization, account) = (&scene.fleet.organization, &scene.account);
    let iam = organization.iam(account).await;
    let root = trust(&json!({"AWS": format!("arn:aws:iam::{account}:root")}));
    let service = trust(&json!({"Service": "ec2.amazonaws.com"}));
    for (path, name, trust) in [
        ("/", "k8s-admin", &root),
        ("/teams/", "k8s-ops", &root),
        ("/", "k8s-secret", &root),
        ("/", "k8s-job", &service),
    ] {
        let create = iam.create_role().role_name(name).path(path).assume_role_policy_document(trust.to_string());
        create.send().await.unwrap();
    }
    let policy = |effect: &str, resource: &str| {
        let statement = json!({"Effect": effect, "Action": "sts:AssumeRole", "Resource": resource});
        json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
    };
    iam.create_group().group_name("DevOps").send().await.unwrap();
    let own = policy("Allow", &format!("arn:aws:iam::{account}:role/*k8s-*"));
    iam.put_group_policy().group_name("DevOps").policy_name("own").policy_document(own).send().await.unwrap();
    let keeps = policy("Deny", "arn:aws:iam::*:role/k8s-secret");
    let keeps = iam.create_policy().policy_name("keeps").policy_document(keeps).send().await.unwrap();
    let arn = keeps.policy().unwrap().arn().unwrap();
    iam.attach_group_policy().group_name("DevOps").policy_arn(arn).send().await.unwrap();

    iam.create_group().group_name("Support").send().await.unwrap();
    let (_, ana) = organization.user(account, "/people/", "ana").await;
    let (_, ben) = organization.user(account, "/", "ben").await;
    for name in ["ana", "ben"] {
        iam.add_user_to_group().group_name("Support").user_name(name).send().await.unwrap();
    }
    [ana, ben]
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn groups_of_iam_get_into_a_real_cluster() {
    let scene = Scene::new("iam-groups").await;
    let [ana, ben] = people(&scene).await;
    let [ana, ben] = [ana, ben].map(|credentials| Person::at(scene.cluster(), &credentials));
    scene.fleet.policy(POLICY);
    let report = scene.json(&["sync"], 0).await;
    says(&report["findings"], ["role k8s-job, which is left out"]);

    let [admin, ops] = [scene.person("k8s-admin").await, scene.person("k8s-ops").await];
    let admin = admin.gets_in("k8s-admin").await;
    assert!(admin.username == "dev:ana" && admin.groups.contains(&"devs".to_owned()), "{admin:?}");
    ops.gets_in("k8s-ops").await;
    let rows = scene.section("mapRoles").await;
    assert!(!rows.contains("k8s-secret") && !rows.contains("k8s-job"), "{rows}");

    let is = ana.gets_in("ana").await;
    assert!(is.groups.contains(&"helpers".to_owned()), "{is:?}");
    ben.gets_in("ben").await;
    assert!(ana.may("list", "", "pods", Some("default")).await && !ana.may("delete", "", "pods", None).await);
    scene.sync_writes_nothing().await;

    let iam = scene.fleet.organization.iam(&scene.account).await;
    iam.remove_user_from_group().group_name("Support").user_name("ana").send().await.unwrap();
    scene.sync().await;
    ana.is_out("ana").await;
    ben.gets_in("ben").await;
    scene.sync_writes_nothing().await;
}
