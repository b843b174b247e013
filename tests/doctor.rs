//! `rolecall doctor`: what is missing is told once, with the statement that mends it.

mod real;
pub mod scene;

use rolecall::model::AuthenticationMode;
use scene::{ACCOUNTS, Scene};
use serde_json::{Value, json};

/// The only thing to paste of a kind.
#[track_caller]
fn paste<'r>(report: &'r Value, kind: &str) -> &'r Value {
    let all: Vec<&Value> = report["paste"].as_array().unwrap().iter().filter(|p| p["kind"] == kind).collect();
    assert_eq!(all.len(), 1, "{kind}: {report:#}");
    all[0]
}

/// The checks that came out in this way.
fn checks<'r>(report: &'r Value, state: &str) -> Vec<&'r Value> {
    report["checks"].as_array().unwrap().iter().filter(|check| check["state"] == state).collect()
}

fn accounts(of: &Value) -> Vec<&str> {
    of["places"].as_array().unwrap().iter().map(|place| place["account"].as_str().unwrap()).collect()
}

fn statements(paste: &Value) -> Value {
    serde_json::from_str::<Value>(paste["text"].as_str().unwrap()).unwrap()["Statement"].take()
}

#[tokio::test]
async fn nothing_is_missing() {
    let scene = Scene::new(AuthenticationMode::ApiAndConfigMap);
    let before = scene.writes();
    let ran = scene.run(&["doctor"]).await.expect(0);
    assert!(ran.stdout.contains("rolecall has everything that it needs."), "{}", ran.stdout);
    assert!(!ran.stdout.contains("Ready to paste"));
    assert_eq!(scene.writes(), before, "nothing is ever written");
    let all = scene.json(&["doctor", "--all"], 0).await;
    assert_eq!((&all["result"], &all["paste"]), (&json!("fine"), &json!([])));
    let told: String = checks(&all, "fine").iter().map(|check| check["needs"].to_string()).collect();
    for action in rolecall::discover::ENTRY_WRITES_OF_ENTRY {
        assert!(told.contains(action), "IAM was asked about {action}: {all:#}");
    }
    let spared: String = checks(&all, "not-needed").iter().map(|check| check["needs"].to_string()).collect();
    let optional = ["iam:GetGroup", "eks:UpdateClusterConfig", "eks:DescribeUpdate", "sqs:ReceiveMessage"];
    for action in optional.iter().chain(rolecall::discover::IDENTITY_CENTER_ACTIONS) {
        assert!(spared.contains(action), "{action} is not needed here: {all:#}");
    }
}

#[tokio::test]
async fn what_iam_groups_take_is_tried_where_the_policy_names_one() {
    let scene = Scene::new(AuthenticationMode::Api);
    scene.policy("  - {who: {iamGroup: devs}, groups: [devs]}\n");
    let all = scene.json(&["doctor", "--all"], 0).await;
    let told: String = checks(&all, "fine").iter().map(|check| check["needs"].to_string()).collect();
    assert!(
        told.contains("iam:GetGroup") && !told.contains("iam:ListGroupPolicies"),
        "there is no such group: {all:#}"
    );

    // Whether there is one cannot be told any more; what its policies take is tried all the same, and told at once.
    for action in ["iam:*Group*", "iam:GetPolicy*"] {
        scene.disallow(ACCOUNTS[0], action);
    }
    let report = scene.json(&["doctor"], 1).await;
    assert_eq!(accounts(checks(&report, "missing")[0]), ACCOUNTS[..1]);
    let lacking = json!([
        "iam:GetGroup",
        "iam:GetGroupPolicy",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListAttachedGroupPolicies",
        "iam:ListGroupPolicies",
    ]);
    assert_eq!(statements(paste(&report, "member-policy"))[0]["Action"], lacking);
}

#[tokio::test]
async fn what_the_queue_of_events_takes_is_asked_of_iam() {
    let settings = "mode: enforce\nevents: {queue: \"https://sqs.eu-west-1.amazonaws.com/111111111111/told\"}\n";
    let scene = Scene::new(AuthenticationMode::Api).with_hub_not_allowed("sqs:DeleteMessage");
    scene.settings(settings);
    let report = scene.json(&["doctor"], 1).await;
    let given = statements(paste(&report, "hub-policy"));
    assert_eq!(given[0]["Action"], json!(["sqs:DeleteMessage"]), "{report:#}");
    assert_eq!(given[0]["Resource"], "arn:aws:sqs:eu-west-1:111111111111:told");

    let scene = Scene::new(AuthenticationMode::Api).with_hub_not_allowed("iam:SimulatePrincipalPolicy");
    scene.settings(settings);
    let report = scene.json(&["doctor"], 3).await;
    let untold = checks(&report, "untold");
    assert_eq!(untold[0]["needs"].as_array().unwrap().len(), 3, "{report:#}");
    let given = statements(paste(&report, "hub-policy"));
    assert_eq!(given[0]["Action"], json!(["iam:SimulatePrincipalPolicy"]));
    assert_eq!(given[0]["Resource"], "arn:aws:iam::111111111111:role/rolecall-hub");
}

#[tokio::test]
async fn an_action_that_three_accounts_lack_is_one_line_and_one_statement() {
    let scene = Scene::new(AuthenticationMode::ApiAndConfigMap);
    for account in &ACCOUNTS[..3] {
        scene.disallow(account, "eks:ListAccessEntries");
    }
    let report = scene.json(&["doctor"], 1).await;
    let missing = checks(&report, "missing");
    assert_eq!(missing.len(), 1, "{report:#}");
    assert_eq!(missing[0]["needs"], json!([{"kind": "action", "action": "eks:ListAccessEntries"}]));
    assert_eq!(accounts(missing[0]), ACCOUNTS[..3]);
    let paste = paste(&report, "member-policy");
    assert_eq!(accounts(paste), ACCOUNTS[..3]);
    let statement = json!([{
        "Sid": "ReadAccessEntries", "Effect": "Allow", "Action": ["eks:ListAccessEntries"], "Resource": "*",
    }]);
    assert_eq!(statements(paste), statement);
    let table = scene.run(&["doctor"]).await.expect(1).stdout;
    assert_eq!(table.matches("missing     eks:ListAccessEntries").count(), 1, "{table}");
    assert!(table.contains("in 3 of 5 accounts"), "{table}");

    // Another account lacks something else beside: it is told apart.
    scene.disallow(ACCOUNTS[3], "eks:ListAccessEntries");
    scene.disallow(ACCOUNTS[3], "eks:ListClusters");
    let report = scene.json(&["doctor"], 1).await;
    let pastes = report["paste"].as_array().unwrap();
    assert_eq!(pastes.len(), 2, "{report:#}");
}

#[tokio::test]
async fn writes_are_asked_of_iam_and_only_where_they_are_made() {
    let scene = Scene::new(AuthenticationMode::Api);
    let writes = ["eks:CreateAccessEntry", "eks:AssociateAccessPolicy"];
    for action in writes {
        scene.disallow(ACCOUNTS[0], action);
    }
    let report = scene.json(&["doctor"], 1).await;
    let given = statements(paste(&report, "member-policy"));
    assert_eq!(given[0]["Action"], json!(["eks:AssociateAccessPolicy", "eks:CreateAccessEntry"]));
    assert_eq!(given[0]["Resource"], json!(["arn:aws:eks:*:*:cluster/*", "arn:aws:eks:*:*:access-entry/*"]));

    // An explicit deny is not mended by allowing more.
    scene.deny(ACCOUNTS[1], "eks:DeleteAccessEntry");
    let report = scene.json(&["doctor"], 1).await;
    let denied = checks(&report, "missing").into_iter().find(|check| check["cause"] == "denied").unwrap();
    assert_eq!(accounts(denied), ACCOUNTS[1..2]);
    assert!(denied["why"].as_str().unwrap().contains("an explicit deny stands against it"), "{denied:#}");
    assert_eq!(accounts(paste(&report, "member-policy")), ACCOUNTS[..1]);

    scene.settings("mode: report\n");
    let report = scene.json(&["doctor"], 0).await;
    assert_eq!(report["paste"], json!([]), "who only looks needs no writes");
}

#[tokio::test]
async fn what_cannot_be_asked_cannot_be_told() {
    let scene = Scene::new(AuthenticationMode::Api);
    scene.disallow(ACCOUNTS[4], "iam:SimulatePrincipalPolicy");
    let before = scene.writes();
    let report = scene.json(&["doctor"], 3).await;
    assert_eq!(report["result"], "untold");
    let untold = checks(&report, "untold");
    assert_eq!((untold.len(), accounts(untold[0])), (1, vec![ACCOUNTS[4]]), "{report:#}");
    assert_eq!(untold[0]["needs"].as_array().unwrap().len(), 6);
    assert_eq!(statements(paste(&report, "member-policy"))[0]["Action"], json!(["iam:SimulatePrincipalPolicy"]));
    assert_eq!(scene.writes(), before, "nothing is tried instead");
}

#[tokio::test]
async fn an_account_that_lets_nobody_in_gets_its_trust_policy_without_the_secret() {
    let scene = Scene::new(AuthenticationMode::Api);
    scene.trust(ACCOUNTS[2], json!({"Statement": []}));
    let report = scene.json(&["doctor"], 1).await;
    assert_eq!(accounts(checks(&report, "missing")[0]), ACCOUNTS[2..3]);
    let paste = paste(&report, "member-trust-policy");
    let trust = statements(paste);
    assert_eq!(trust[0]["Principal"]["AWS"], "arn:aws:iam::111111111111:user/hub");
    assert_eq!(trust[0]["Condition"]["StringEquals"]["sts:ExternalId"], "MEMBER_EXTERNAL_ID");
    assert_eq!(trust[0]["Action"], json!(["sts:AssumeRole"]), "there is no source identity");
    for output in ["table", "json", "markdown"] {
        let ran = scene.run(&["--output", output, "-vv", "doctor", "--all"]).await.expect(1);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains(scene::EXTERNAL_ID), "{output} tells the secret");
    }

    // Pasted, it lets rolecall in.
    let text = paste["text"].as_str().unwrap().replace("MEMBER_EXTERNAL_ID", scene::EXTERNAL_ID);
    scene.trust(ACCOUNTS[2], serde_json::from_str(&text).unwrap());
    scene.run(&["doctor"]).await.expect(0);
}

#[tokio::test]
async fn a_hub_that_may_nothing_gets_its_policy() {
    let scene = Scene::new(AuthenticationMode::Api);
    let hub = scene.with_hub_not_allowed("organizations:*");
    let report = hub.json(&["doctor"], 1).await;
    let given = statements(paste(&report, "hub-policy"));
    assert_eq!(given[0]["Action"], json!(["organizations:DescribeOrganization", "organizations:ListAccounts"]));
    let untold = checks(&report, "untold");
    assert_eq!(untold[0]["needs"], json!([{"kind": "other", "name": "accounts"}]));
}

#[tokio::test]
async fn without_credentials_that_is_what_is_missing() {
    let scene = Scene::new(AuthenticationMode::Api);
    let report = scene.without_credentials().json(&["doctor"], 1).await;
    let missing = checks(&report, "missing");
    assert_eq!(missing[0]["needs"], json!([{"kind": "other", "name": "credentials"}]), "{report:#}");
    assert_eq!(missing[0]["cause"], "no-credentials");
}

#[tokio::test]
async fn a_cluster_that_does_not_know_rolecall_gets_the_commands_of_its_mode() {
    let scene = Scene::new(AuthenticationMode::ApiAndConfigMap);
    let role = scene::role(ACCOUNTS[0]);
    scene.cluster(ACCOUNTS[0], |cluster| cluster.entries.clear());
    scene.cluster(ACCOUNTS[1], |cluster| {
        cluster.entries.clear();
        cluster.mode = Some(AuthenticationMode::ConfigMap);
    });
    scene.settings("mode: enforce\nclusters: {onboarding: {selfEntry: false}}\n");
    let report = scene.json(&["doctor"], 1).await;
    let entry = paste(&report, "access-entry")["text"].as_str().unwrap();
    for command in [
        format!("aws eks create-access-entry --region eu-west-1 --cluster-name main --principal-arn {role}\n"),
        format!(
            "aws eks associate-access-policy --region eu-west-1 --cluster-name main --principal-arn {role} --access-scope type=cluster --policy-arn {}\n",
            scene::CLUSTER_ADMIN
        ),
    ] {
        assert!(entry.contains(&command), "{entry}");
    }
    let row = paste(&report, "aws-auth-row");
    assert_eq!(accounts(row), ACCOUNTS[1..2]);
    assert!(
        row["text"].as_str().unwrap().starts_with("# account-333333333333 (333333333333), eu-west-1\neksctl create")
    );
    assert!(row["notes"].to_string().contains("authenticationMode=API_AND_CONFIG_MAP"), "{row:#}");
}

#[tokio::test]
async fn a_cluster_into_which_rolecall_lets_itself_lacks_nothing_but_the_right_to() {
    let scene = Scene::new(AuthenticationMode::Api);
    scene.cluster(ACCOUNTS[0], |cluster| cluster.entries.clear());
    let report = scene.json(&["doctor"], 0).await;
    assert_eq!((&checks(&report, "advice")[0]["cause"], &report["paste"]), (&json!("self-entry"), &json!([])));
    // So it is: a pass opens it, and nothing is left to say.
    scene.run(&["sync"]).await;
    assert_eq!(scene.json(&["doctor"], 0).await["checks"], json!([]));

    scene.cluster(ACCOUNTS[0], |cluster| cluster.entries.clear());
    scene.disallow(ACCOUNTS[0], "eks:CreateAccessEntry");
    let report = scene.json(&["doctor"], 1).await;
    assert_eq!(statements(paste(&report, "member-policy"))[0]["Action"], json!(["eks:CreateAccessEntry"]));
}

#[tokio::test]
async fn a_hub_role_that_cannot_be_assumed_gets_its_trust_policy() {
    let scene = Scene::new(AuthenticationMode::Api);
    let role = scene.with_hub_role("the-hubs-secret");
    let ran = scene.run(&["--output", "json", "doctor"]).await.expect(1);
    let report = ran.json();
    assert_eq!(checks(&report, "missing")[0]["needs"], json!([{"kind": "other", "name": "hub-role"}]));
    let text = paste(&report, "hub-trust-policy")["text"].as_str().unwrap();
    assert!(text.contains("arn:aws:iam::111111111111:root") && text.contains("HUB_EXTERNAL_ID"), "{text}");
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("the-hubs-secret"));

    let trust = serde_json::from_str(&text.replace("HUB_EXTERNAL_ID", "the-hubs-secret")).unwrap();
    scene.trust_hub_role(trust);
    let mended = scene.json(&["doctor"], 0).await;
    assert_eq!(mended["hub"], role);
}

#[tokio::test]
async fn an_entry_of_a_role_that_was_made_anew_is_made_anew() {
    let scene = Scene::new(AuthenticationMode::Api);
    scene.recreate_member_role(ACCOUNTS[0]);
    let report = scene.json(&["doctor"], 1).await;
    let text = paste(&report, "access-entry-anew")["text"].as_str().unwrap().to_owned();
    let order =
        ["delete-access-entry", "create-access-entry", "associate-access-policy"].map(|c| text.find(c).unwrap());
    assert!(order.is_sorted(), "{text}");
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_says_why() {
    let scene = Scene::new(AuthenticationMode::Api);
    // Nobody listens on the port of tcpmux.
    scene.settings(&format!(
        "mode: enforce\nclusters:\n  connect:\n    - {{match: {{accounts: [\"{}\"]}}, server: \"https://127.0.0.1:1\"}}\n",
        ACCOUNTS[0]
    ));
    let report = scene.json(&["doctor"], 1).await;
    let missing = checks(&report, "missing");
    assert_eq!(
        (&missing[0]["needs"], &missing[0]["cause"]),
        (&json!([{"kind": "other", "name": "reach"}]), &json!("unreachable"))
    );
    assert!(missing[0]["why"].as_str().unwrap().contains("127.0.0.1:1"), "{report:#}");
    assert_eq!(report["paste"], json!([]));
}
