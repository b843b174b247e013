//! The whole way of a directory group: moto's Identity Center, a real cluster.

use aws_sdk_ssoadmin::types::{PrincipalType, TargetType};

use crate::support::{Scene, fleet::REGION};

const POLICY: &str = r#"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
roles:
  - name: ad-cluster-devs
    rules:
      - {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
groups:
  - name: ad-cluster-devs
    clusterRoles: [ad-cluster-devs]
access:
  - who: {directoryGroup: K8s-Developers}
    groups: [ad-cluster-devs]
    username: "dev:{{SessionName}}"
"#;

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_directory_group_gets_into_a_real_cluster() {
    let scene = Scene::new("directory-group").await;
    let (admin, store) = scene.fleet.organization.center(REGION).await;
    let instances = admin.list_instances().send().await.unwrap();
    let instance = &instances.instances()[0];
    let (arn, directory) = (instance.instance_arn().unwrap(), instance.identity_store_id().unwrap());
    let group = store.create_group().identity_store_id(directory).display_name("K8s-Developers").send().await.unwrap();
    let set = admin.create_permission_set().instance_arn(arn).name("DeveloperAccess");
    let set = set.session_duration("PT1H").send().await.unwrap();
    let set = set.permission_set().unwrap().permission_set_arn().unwrap().to_owned();
    let assigning = admin.create_account_assignment().instance_arn(arn).permission_set_arn(&set);
    let assigning = assigning.target_id(&scene.account).target_type(TargetType::AwsAccount);
    assigning.principal_id(group.group_id()).principal_type(PrincipalType::Group).send().await.unwrap();
    // moto makes no role for an assignment.
    let path = format!("/aws-reserved/sso.amazonaws.com/{REGION}/");
    let role = "AWSReservedSSO_DeveloperAccess_0123456789abcdef";
    scene.fleet.organization.role(&scene.account, &path, role).await;
    scene.fleet.policy(POLICY);
    scene.fleet.settings(&format!("mode: enforce\nidentityCenter: {{region: {REGION}}}\n"));

    let plan = scene.fleet.run(&["plan"]).await.expect(1);
    println!("{}", plan.stdout);
    let told = plan.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("directory group K8s-Developers, permission set DeveloperAccess"), "{}", plan.stdout);
    scene.sync().await;
    let ana = scene.person(role).await;
    assert_eq!(ana.gets_in("the developer").await.username, "dev:ana");
    assert!(ana.may("list", "", "pods", None).await && !ana.may("delete", "", "pods", None).await);
    scene.sync_writes_nothing().await;

    let explained = scene.fleet.run(&["explain", "directoryGroup:K8s-Developers"]).await.expect(0).stdout;
    println!("{explained}");
    let words = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    for chain in [
        "gets into 1 of 1 cluster",
        "directory group K8s-Developers → permission set DeveloperAccess → arn:aws:iam::",
        "gets in as dev:{{SessionName}} in ad-cluster-devs by row 3 of mapRoles in aws-auth, rolecall's",
        "policy the same, granted by policy.yaml:12",
        "may ClusterRole ad-cluster-devs by group ad-cluster-devs",
        "get, list, watch on pods",
    ] {
        assert!(words.contains(chain), "{chain:?} is not in {explained}");
    }
    scene.fleet.run(&["explain", "directoryGroup:K8s-Nobody"]).await.expect(1);
}
