//! Sections of aws-auth that do not parse: left alone and explained until somebody asks for the repair.

use std::collections::BTreeMap;

use kube::api::ListParams;

use crate::support::{
    Scene,
    fleet::{NODE_ROWS, own_row},
    people::Person,
    scene::{finding, only_cluster, says},
};

/// Everybody's oldest mistake: a template without quotes is a mapping to YAML.
fn broken_row(key: &str, arn: &str) -> String {
    format!("- {key}: {arn}\n  username: {{{{SessionName}}}}\n  groups: [developers]\n")
}

fn policy(eve: &str) -> String {
    format!(
        "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess:\n\
         \x20 - {{who: {{role: developers}}, groups: [developers], username: \"dev:{{{{SessionName}}}}\"}}\n\
         \x20 - {{who: {{user: \"{eve}\"}}, groups: [operators], username: eve}}\n"
    )
}

/// The backups beside aws-auth.
async fn backups(scene: &Scene) -> Vec<BTreeMap<String, String>> {
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=rolecall");
    let maps = scene.config_maps().list(&ours).await.unwrap();
    for map in &maps {
        assert!(map.metadata.name.as_ref().unwrap().starts_with("aws-auth-backup-"), "{map:?}");
    }
    maps.into_iter().map(|map| map.data.unwrap()).collect()
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn broken_users_do_not_stop_the_roles() {
    let scene = Scene::new("broken-users").await;
    scene.roles(["developers"]).await;
    let (ada, adas) = scene.fleet.organization.user(&scene.account, "/", "ada").await;
    let (eve, eves) = scene.fleet.organization.user(&scene.account, "/", "eve").await;
    let (ada_at_the_door, eve_at_the_door) = (Person::at(scene.cluster(), &adas), Person::at(scene.cluster(), &eves));
    let ada_row = format!("# Ada is on call.\n- userarn: {ada}\n  username: ada   # by name\n  groups: [auditors]\n");
    let broken = format!("{ada_row}{}", broken_row("userarn", &eve));
    let roles = format!("{NODE_ROWS}{}", own_row(&scene.account));
    scene.cluster().write_aws_auth([("mapRoles", &roles), ("mapUsers", &broken)]).await;
    scene.fleet.policy(&policy(&eve));

    let synced = scene.json(&["sync"], 1).await;
    let cluster = only_cluster(&synced);
    assert_eq!(cluster["status"], "drifted");
    let told = finding(cluster, "section-broken");
    assert_eq!(told["subject"], "mapUsers");
    says(&told["message"], ["does not parse at line 6", "lets nobody in through it", "not overwritten"]);
    says(&told["next"], ["`--repair`", "aws-auth-backup-", "one row that cannot be read, on line 5, is left out"]);
    says(&told["next"], ["The fixed section:", &ada, &eve, "username: eve"]);
    assert_eq!(scene.section("mapUsers").await, broken, "to the byte what it was");
    assert!(scene.section("mapRoles").await.starts_with(&roles), "{}", scene.section("mapRoles").await);
    assert_eq!(scene.person("developers").await.gets_in("a developer").await.username, "dev:ana");
    assert_eq!((ada_at_the_door.is().await, eve_at_the_door.is().await), (None, None), "nobody gets in through it");
    let before = scene.versions().await;
    scene.json(&["sync"], 1).await;
    assert_eq!(scene.versions().await, before, "what is left needs a person's word");

    let data = scene.aws_auth().await.data.unwrap();
    scene.fleet.run(&["sync", "--repair"]).await.expect(0);
    assert_eq!(backups(&scene).await, [data], "the broken text is kept");
    let users = scene.section("mapUsers").await;
    assert!(users.starts_with(&ada_row) && !users.contains("{{"), "{users}");
    assert_eq!(ada_at_the_door.gets_in("ada").await.username, "ada");
    assert_eq!(eve_at_the_door.gets_in("eve").await.username, "eve");
    scene.sync_writes_nothing().await;
    let before = scene.versions().await;
    scene.fleet.run(&["sync", "--repair"]).await.expect(0);
    assert_eq!(scene.versions().await, before, "there is nothing left to repair");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn broken_roles_are_repaired_by_whoever_still_gets_in() {
    let scene = Scene::new("broken-roles").await;
    scene.roles(["developers"]).await;
    let (eve, _) = scene.fleet.organization.user(&scene.account, "/", "eve").await;
    let kept = format!("{NODE_ROWS}{}", own_row(&scene.account));
    let broken = format!("{kept}{}", broken_row("rolearn", &scene.arn("developers")));
    scene.cluster().write_aws_auth([("mapRoles", &broken)]).await;
    scene.fleet.policy(&policy(&eve));
    let developer = scene.person("developers").await;
    assert_eq!(developer.is().await, None);

    let synced = scene.json(&["sync"], 1).await;
    let told = finding(only_cluster(&synced), "section-broken");
    assert_eq!(told["subject"], "mapRoles");
    says(&told["message"], ["does not parse at line 11", "rolecall itself usually gets in"]);
    says(&told["message"], ["who still gets in is the IAM principal that created the cluster", "access entry"]);
    says(&told["next"], ["`--repair`", "The fixed section:"]);
    assert_eq!(scene.section("mapRoles").await, broken);
    assert!(scene.section("mapUsers").await.contains(&eve), "the other sections are kept in line");
    let table = scene.fleet.run(&["plan"]).await.expect(1);
    assert!(table.stdout.contains("- rolearn: arn:aws:iam::111122223333:role/eks-node"), "{}", table.stdout);

    let data = scene.aws_auth().await.data.unwrap();
    let repaired = scene.json(&["sync", "--repair"], 0).await;
    assert_eq!(only_cluster(&repaired)["status"], "applied");
    assert_eq!(backups(&scene).await, [data]);
    assert!(scene.section("mapRoles").await.starts_with(&kept), "{}", scene.section("mapRoles").await);
    assert_eq!(developer.gets_in("a developer").await.username, "dev:ana");
    scene.sync_writes_nothing().await;
}
