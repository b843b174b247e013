//! Access entries on servers that know nothing of the lab: EKS, STS and IAM of ministack, and a real API server.
//!
//! ministack has no organization worth reading, so the account is named in the settings; nor does the real authenticator
//! read access entries, so rolecall gets in as the cluster's creator and nobody comes in by an entry here: that is the
//! lab's part.

mod scene;

use std::collections::BTreeMap;

use crate::support::scene::{only_cluster, says};
use scene::{EDIT, Scene, VIEW};

const POLICY: &str = r#"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
roles:
  - {name: devs, rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]}
groups:
  - {name: devs, clusterRoles: [devs]}
access:
  - who: {role: dev}
    groups: [devs]
    username: "dev:{{SessionName}}"
    accessPolicies: [{policy: AmazonEKSViewPolicy, namespaces: [team-a, "dev-*"]}]
  - who: {role: ops}
    groups: [system:masters]
"#;

const POLICY_OF_LATE: &str = r"
apiVersion: rolecall.dev/v1
kind: AccessPolicy
access:
  - {who: {role: late}, groups: [devs]}
";

const CLUSTER_ADMIN: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

#[tokio::test]
#[ignore = "needs the real control plane and ministack: run tests/run"]
async fn a_policy_becomes_entries_and_bindings_and_stays_so() {
    let scene = Scene::new("entries-kept", 1).await;
    scene.roles(&[("/", "dev"), ("/teams/", "ops"), ("/", "other")]).await;
    scene.make_entry("other", "theirs").await;
    let theirs = scene.entry("other").await;
    scene.policy(POLICY);
    scene.run(&["plan"]).await.expect(1);
    assert_eq!(scene.listed().await, scene.arns(&["other", "rolecall-member"]), "plan writes nothing");

    scene.run(&["sync"]).await.expect(0);
    let (dev, ops) = (scene.entry("dev").await.unwrap(), scene.entry("teams/ops").await.unwrap());
    assert!(dev.is_ours() && ops.is_ours());
    assert_eq!((dev.username.as_str(), &dev.groups), ("dev:{{SessionName}}", &vec!["devs".to_owned()]));
    assert_eq!(dev.policies, BTreeMap::from([(VIEW.to_owned(), vec!["dev-*".to_owned(), "team-a".to_owned()])]));
    let default = format!("arn:aws:sts::{}:assumed-role/ops/{{{{SessionName}}}}", scene.account);
    assert_eq!((ops.username, ops.groups.len()), (default, 0));
    assert_eq!(ops.policies, BTreeMap::from([(CLUSTER_ADMIN.to_owned(), Vec::new())]), "the whole cluster");
    assert_eq!(scene.bound_to("devs").await, ["devs"]);
    scene.sync_writes_nothing().await;

    // By other hands: another group, another scope, one policy too many, and an entry gone.
    scene.update_entry("dev", "dev:{{SessionName}}", &["devs", "root"]).await;
    scene.associate("dev", VIEW, &["kube-system"]).await;
    scene.associate("dev", EDIT, &[]).await;
    scene.delete_entry("teams/ops").await;
    scene.run(&["plan"]).await.expect(1);
    scene.run(&["sync"]).await.expect(0);
    let again = scene.entry("dev").await.unwrap();
    assert_eq!((again.username, again.groups, again.policies), (dev.username, dev.groups, dev.policies));
    assert!(scene.entry("teams/ops").await.unwrap().is_ours());
    scene.sync_writes_nothing().await;

    scene.policy("apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess: []\n");
    scene.run(&["sync"]).await.expect(0);
    assert_eq!(scene.listed().await, scene.arns(&["other", "rolecall-member"]), "ours go, its own way in does not");
    assert_eq!(scene.entry("other").await, theirs, "what is somebody else's stays as it is");
    assert_eq!(scene.bound_to("devs").await, [""; 0]);
    scene.sync_writes_nothing().await;
}

/// ministack gives one page of a list and no token for the rest, so that 100 of 101 entries look like all of them.
#[tokio::test]
#[ignore = "needs the real control plane and ministack: run tests/run"]
async fn what_a_list_leaves_out_is_neither_written_nor_removed() {
    let scene = Scene::new("entries-left-out", 2).await;
    scene.roles(&[("/", "late")]).await;
    for number in 0..99 {
        scene.make_entry(&format!("crowd-{number}"), "theirs").await;
    }
    scene.make_entry("late", "theirs").await;
    let before = (scene.listed().await, scene.entry("late").await);
    assert!(before.0.len() == 100 && !before.0.contains(&scene.arn("late")));
    scene.settings("unmanaged: keep\n");
    scene.policy(POLICY_OF_LATE);
    let report = scene.json(&["sync"], 1).await;
    let cluster = only_cluster(&report);
    assert_eq!(report["written"], 0, "{report:#}");
    says(&cluster["why"], ["role/late", "it exists now, and the plan had seen none"]);
    says(&cluster["next"], ["CloudTrail"]);
    assert!((scene.listed().await, scene.entry("late").await) == before);
}
