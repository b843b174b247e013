//! What happens to the rows of aws-auth: to rolecall's own, to those of others, and to those that nobody may touch.

use kube::api::PostParams;
use serde_json::{Value, json};

use crate::support::{
    MEMBER_ROLE, Scene,
    fleet::{NODE_ROWS, own_row},
    people::Person,
    scene::{change, finding, only_cluster, says},
    world,
};

/// A policy that gives each of these roles a group of its own name.
fn policy(roles: &[&str]) -> String {
    let grants: String = roles.iter().map(|role| format!("  - {}\n", grant(role, role))).collect();
    document(&format!("access:\n{grants}"))
}

fn grant(role: &str, group: &str) -> String {
    format!("{{who: {{role: {role}}}, groups: [{group}], username: \"{role}:{{{{SessionName}}}}\"}}")
}

fn document(body: &str) -> String {
    format!("apiVersion: rolecall.dev/v1\nkind: AccessPolicy\n{body}")
}

/// A row that somebody else wrote.
fn row(arn: &str, username: &str, group: &str) -> String {
    format!("- rolearn: {arn}\n  username: {username}\n  groups: [{group}]\n")
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn rows_of_others_stay_byte_for_byte() {
    let scene = Scene::new("rows-of-others").await;
    scene.roles(["developers"]).await;
    let own = scene.arn(MEMBER_ROLE);
    let others = format!(
        "# Platform team: ask in #platform before you touch this.\n\
         \x20   - groups:   # for nodes\n\
         \x20           - system:bootstrappers\n\
         \x20           - system:nodes\n\
         \x20     rolearn: arn:aws:iam::111122223333:role/eks-node\n\
         \x20     username: 'system:node:{{{{EC2PrivateDNSName}}}}'\n\
         \n\
         \x20   - {{\"rolearn\": {own}, username: \"rolecall\",   groups: [ 'system:masters' ]}}   # rolecall\n\
         \x20   -   rolearn: arn:aws:iam::111122223333:role/contractor\n\
         \x20       username: >-\n\
         \x20         contractor\n\
         \x20       groups: [auditors,\n\
         \x20          more-auditors]\n\
         \x20   # The end.\n"
    );
    let users = "[]   # nobody yet\n";
    scene.cluster().write_aws_auth([("mapRoles", &others), ("mapUsers", users), ("notes", "not EKS's")]).await;
    let mut map = scene.aws_auth().await;
    map.metadata.labels = Some([("team".to_owned(), "platform".to_owned())].into());
    map.metadata.annotations = Some([("owner".to_owned(), "ops".to_owned())].into());
    scene.config_maps().replace("aws-auth", &PostParams::default(), &map).await.unwrap();

    scene.fleet.policy(&policy(&["developers"]));
    scene.sync().await;
    let with_grant = scene.section("mapRoles").await;
    let lines: Vec<&str> = with_grant.lines().collect();
    let kept: Vec<&str> = others.lines().filter(|line| lines.contains(line)).collect();
    assert_eq!(kept.join("\n"), others.trim_end(), "every line of theirs stands as it stood: {with_grant}");
    assert!(with_grant.contains(&scene.arn("developers")), "{with_grant}");
    scene.sync_writes_nothing().await;

    scene.fleet.policy(&document("access: []\n"));
    scene.sync().await;
    assert_eq!(scene.section("mapRoles").await, others, "a grant that ends leaves no trace");
    let map = scene.aws_auth().await;
    let data = map.data.unwrap();
    assert_eq!((data["mapUsers"].as_str(), data["notes"].as_str()), (users, "not EKS's"));
    assert_eq!(map.metadata.labels.unwrap()["team"], "platform");
    assert_eq!(
        json!(map.metadata.annotations),
        json!({"owner": "ops"}),
        "rolecall's annotation goes with its last row"
    );
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_grant_that_leaves_the_policy_is_revoked() {
    let scene = Scene::new("revocation").await;
    scene.roles(["developers", "auditors"]).await;
    scene.fleet.policy(&policy(&["developers", "auditors"]));
    scene.sync().await;
    let (developer, auditor) = (scene.person("developers").await, scene.person("auditors").await);
    assert_eq!(developer.gets_in("a developer").await.username, "developers:ana");
    auditor.gets_in("an auditor").await;

    scene.fleet.policy(&policy(&["auditors"]));
    let planned = scene.json(&["plan"], 1).await;
    let removal = change(only_cluster(&planned), &scene.arn("developers"));
    assert_eq!((&removal["action"], &removal["reason"]), (&json!("remove"), &json!("no longer granted")));
    assert_eq!(only_cluster(&planned)["changes"].as_array().unwrap().len(), 1, "exactly that row: {planned:#}");
    developer.gets_in("a developer, after a mere plan").await;

    scene.sync().await;
    developer.is_out("a developer").await;
    auditor.gets_in("an auditor, still").await;
    let text = scene.section("mapRoles").await;
    assert!(text.starts_with(&format!("{NODE_ROWS}{}", own_row(&scene.account))), "{text}");
    assert!(!text.contains(&scene.arn("developers")), "{text}");
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_row_changed_by_hand_is_told_and_put_back() {
    let scene = Scene::new("changed-by-hand").await;
    scene.roles(["developers"]).await;
    scene.fleet.policy(&policy(&["developers"]));
    scene.sync().await;
    let as_it_was = scene.section("mapRoles").await;
    let developer = scene.person("developers").await;
    developer.gets_in("a developer").await;

    let widened = as_it_was.replace("[\"developers\"]", "[\"developers\", \"system:masters\"]");
    assert_ne!(widened, as_it_was, "{as_it_was}");
    scene.edit_section("kubectl-edit", "mapRoles", |_| widened.clone()).await;
    let masters = || async { developer.is().await.unwrap().groups.contains(&"system:masters".to_owned()) };
    crate::support::eventually("widened rights", async || masters().await.then_some(())).await;

    let table = scene.fleet.run(&["plan"]).await.expect(1);
    says(
        &Value::String(table.stdout),
        ["groups developers, system:masters → developers", "changed by kubectl-edit on 20"],
    );
    let planned = scene.json(&["plan"], 1).await;
    let found = change(only_cluster(&planned), &scene.arn("developers"));
    assert_eq!((&found["action"], &found["changedBy"]["manager"]), (&json!("change"), &json!("kubectl-edit")));

    scene.sync().await;
    assert_eq!(scene.section("mapRoles").await, as_it_was, "to the byte what it was");
    crate::support::eventually("rights as before", async || (!masters().await).then_some(())).await;
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_protected_principal_is_never_touched() {
    let scene = Scene::new("protected").await;
    scene.roles(["breakglass", "developers"]).await;
    let breakglass = row(&scene.arn("breakglass"), "breakglass", "system:masters");
    let rows = format!("{NODE_ROWS}{}{breakglass}", own_row(&scene.account));
    scene.cluster().write_aws_auth([("mapRoles", &rows)]).await;
    let protect = "mode: enforce\nunmanaged: remove\nprotect: [\"arn:aws:iam::*:role/breakglass\"]\n";
    scene.fleet.settings(protect);

    scene.fleet.policy(&policy(&["developers"]));
    let synced = scene.json(&["sync"], 0).await;
    let told = finding(only_cluster(&synced), "protected");
    assert_eq!(told["subject"], scene.arn("breakglass"));
    says(&told["message"], ["would be removed", "stays", "`arn:aws:iam::*:role/breakglass`"]);
    assert!(scene.section("mapRoles").await.starts_with(&rows), "`unmanaged: remove` does not touch it");

    scene.fleet.policy(&document(&format!("access:\n  - {}\n", grant("breakglass", "viewers"))));
    let before = scene.section("mapRoles").await;
    let synced = scene.json(&["sync"], 1).await;
    let told = finding(only_cluster(&synced), "protected");
    says(&told["message"], ["system:masters", "viewers", "never changed"]);
    let after = scene.section("mapRoles").await;
    assert!(after.starts_with(&rows) && after.len() < before.len(), "the policy does not touch it either: {after}");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn rows_that_the_policy_does_not_name_go_only_where_that_is_chosen() {
    let scene = Scene::new("unmanaged").await;
    scene.roles(["developers"]).await;
    let world = world().await;
    let contractor = "arn:aws:iam::444455556666:role/contractor";
    let fargate = row("arn:aws:iam::444455556666:role/fargate", "system:node:{{SessionName}}", "system:node-proxier");
    let kept = format!("{NODE_ROWS}{}{fargate}", own_row(&scene.account));
    let rows = format!("{kept}{}", row(contractor, "contractor", "auditors"));
    scene.cluster().write_aws_auth([("mapRoles", &rows)]).await;
    let contractor_at_the_door = Person::at(scene.cluster(), &world.session(contractor, "bo").await);
    contractor_at_the_door.gets_in("the contractor").await;
    scene.fleet.policy(&policy(&["developers"]));

    let synced = scene.json(&["sync"], 0).await;
    let told = finding(only_cluster(&synced), "unmanaged");
    assert_eq!(told["subject"], contractor);
    says(&told["message"], ["auditors as contractor", "not ours, left alone"]);
    assert!(scene.section("mapRoles").await.starts_with(&rows), "by default it is only told");

    scene.fleet.settings("mode: enforce\nunmanaged: remove\n");
    let synced = scene.json(&["sync"], 0).await;
    assert_eq!(change(only_cluster(&synced), contractor)["action"], "remove");
    contractor_at_the_door.is_out("the contractor").await;
    let text = scene.section("mapRoles").await;
    assert!(text.starts_with(&kept) && !text.contains(contractor), "nodes, Fargate and rolecall stay: {text}");
    let node = Person::at(
        scene.cluster(),
        &world.session("arn:aws:iam::111122223333:role/eks-node", "i-0123456789abcdef0").await,
    );
    node.gets_in("a node").await;
    scene.sync_writes_nothing().await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn more_removals_than_allowed_are_none_at_all() {
    let scene = Scene::new("too-many-removals").await;
    scene.roles(["one", "two", "three"]).await;
    scene.fleet.policy(&policy(&["one", "two", "three"]));
    scene.sync().await;
    scene.fleet.policy(&policy(&["three"]));
    scene.fleet.settings("mode: enforce\nsafety: {maxRemovalsPerCluster: 1}\n");

    let before = scene.versions().await;
    let synced = scene.json(&["sync"], 1).await;
    let cluster = only_cluster(&synced);
    assert_eq!((&cluster["status"], &cluster["blocked"]["guard"]), (&json!("blocked"), &json!("max-removals")));
    says(&cluster["why"], ["2 removals", "1 are allowed", &scene.arn("one"), &scene.arn("two")]);
    says(&cluster["next"], ["`safety.maxRemovalsPerCluster`"]);
    let table = scene.fleet.run(&["sync"]).await.expect(1);
    says(&Value::String(table.stdout), ["blocked 1", "2 removals", "Nothing was written"]);
    assert_eq!(scene.versions().await, before, "nothing is written");

    scene.fleet.settings("mode: enforce\nsafety: {maxRemovalsPerCluster: 2}\n");
    scene.sync().await;
    scene.person("one").await.is_out("a session of the first role").await;
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn of_several_rows_of_one_role_the_last_is_put_right() {
    let scene = Scene::new("duplicates").await;
    scene.roles(["developers"]).await;
    let arn = scene.arn("developers");
    let wanted = row(&arn, "\"developers:{{SessionName}}\"", "developers");
    let other_case = arn.replace(":role/developers", ":role/DEVELOPERS");
    let rows = format!("{}{wanted}{}", own_row(&scene.account), row(&other_case, "boss", "system:masters"));
    scene.cluster().write_aws_auth([("mapRoles", &rows)]).await;
    let developer = scene.person("developers").await;
    assert_eq!(developer.gets_in("a developer").await.username, "boss", "the last row counts, in whatever case");

    scene.fleet.policy(&policy(&["developers"]));
    scene.fleet.run(&["plan"]).await.expect(1);
    scene.sync().await;
    let is_right = async || developer.is().await.filter(|is| is.username == "developers:ana");
    let identity = crate::support::eventually("the name of the policy", is_right).await;
    assert!(!identity.groups.contains(&"system:masters".to_owned()), "{identity:?}");
    let text = scene.section("mapRoles").await;
    assert!(text.starts_with(&format!("{}{wanted}", own_row(&scene.account))), "the first stays as it is: {text}");
    let planned = scene.json(&["plan"], 0).await;
    says(&finding(only_cluster(&planned), "row-shadowed")["message"], ["has no effect"]);
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn users_and_accounts_get_in_and_out_as_the_policy_says() {
    let scene = Scene::new("users-and-accounts").await;
    let (eve, credentials) = scene.fleet.organization.user(&scene.account, "/ops/", "eve").await;
    let eve_at_the_door = Person::at(scene.cluster(), &credentials);
    let session = world().await.session("arn:aws:iam::444455556666:role/teams/auditor", "bo").await;
    let stranger = Person::at(scene.cluster(), &session);
    let user = format!("  - {{who: {{user: \"{eve}\"}}, groups: [operators]}}\n");
    let account = "  - who: {account: \"444455556666\"}\n";
    assert_eq!(stranger.is().await, None);

    scene.fleet.policy(&document(&format!("access:\n{user}{account}")));
    scene.sync().await;
    let identity = eve_at_the_door.gets_in("eve").await;
    assert_eq!(identity.username, eve, "a user is named by its ARN unless the policy says otherwise");
    assert!(identity.groups.contains(&"operators".to_owned()));
    let identity = stranger.gets_in("somebody of the account").await;
    assert_eq!(identity.username, "arn:aws:iam::444455556666:role/auditor");
    scene.sync_writes_nothing().await;

    scene.fleet.policy(&document("access: []\n"));
    scene.sync().await;
    eve_at_the_door.is_out("eve").await;
    stranger.is_out("somebody of the account").await;
    scene.sync_writes_nothing().await;
}
