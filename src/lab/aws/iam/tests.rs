//! IAM by the SDK's own client, over the wire.

use aws_sdk_iam::{Client, error::ProvideErrorMetadata, types::Tag};

use crate::lab::{
    Lab,
    aws::samples::{self, MEMBER, refused, then},
    world::center::Assignment,
};

const TRUST: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

fn started() -> (Lab, Client) {
    let lab = Lab::start(samples::world()).unwrap();
    let client = Client::new(&samples::sdk(lab.url(), "us-east-1"));
    (lab, client)
}

#[tokio::test]
async fn a_role_tells_its_id_its_date_and_its_trust_whatever_the_case_it_is_asked_in() {
    let (_lab, iam) = started();
    let create = iam.create_role().role_name("Auditor").path("/sec/").assume_role_policy_document(TRUST);
    let tag = Tag::builder().key("team").value("a b").build().unwrap();
    let made = create.tags(tag).max_session_duration(7200).send().await.unwrap().role.unwrap();
    let got = iam.get_role().role_name("AUDITOR").send().await.unwrap().role.unwrap();
    assert_eq!(got.arn(), format!("arn:aws:iam::{MEMBER}:role/sec/Auditor"));
    assert!(got.role_id().starts_with("AROA") && got.role_id().len() == 21, "{}", got.role_id());
    assert_eq!(
        (got.role_id(), got.create_date(), got.max_session_duration()),
        (made.role_id(), made.create_date(), Some(7200))
    );
    assert_eq!((got.tags()[0].key(), got.tags()[0].value()), ("team", "a b"));
    let trust = got.assume_role_policy_document().unwrap();
    assert!(trust.starts_with("%7B%22"), "{trust}");
    let trust = percent_encoding::percent_decode_str(trust).decode_utf8().unwrap();
    let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(same(&trust), same(TRUST));

    iam.delete_role().role_name("auditor").send().await.unwrap();
    let (code, message) = refused!(iam.get_role().role_name("Auditor"));
    assert_eq!((code.as_str(), message.as_str()), ("NoSuchEntity", "The role with name Auditor cannot be found."));
    let again = iam.create_role().role_name("Auditor").path("/sec/").assume_role_policy_document(TRUST);
    assert_ne!(again.send().await.unwrap().role.unwrap().role_id(), made.role_id());
}

#[tokio::test]
async fn roles_are_listed_by_path_in_pages() {
    let (_lab, iam) = started();
    for name in ["a", "b", "c"] {
        let create = iam.create_role().role_name(name).path("/sec/").assume_role_policy_document(TRUST);
        create.send().await.unwrap();
    }
    let first = iam.list_roles().path_prefix("/sec/").max_items(2).send().await.unwrap();
    let names = |roles: &[aws_sdk_iam::types::Role]| roles.iter().map(|r| r.role_name().to_owned()).collect::<Vec<_>>();
    assert_eq!((names(first.roles()), first.is_truncated()), (vec!["a".to_owned(), "b".to_owned()], true));
    let rest = iam.list_roles().path_prefix("/sec/").marker(first.marker().unwrap()).send().await.unwrap();
    assert_eq!((names(rest.roles()), rest.is_truncated(), rest.marker()), (vec!["c".to_owned()], false, None));
    assert_eq!(refused!(iam.list_roles().marker(first.marker().unwrap())).0, "ValidationError");
    assert_eq!(refused!(iam.list_roles().path_prefix("sec")).0, "ValidationError");
    let all = iam.list_roles().send().await.unwrap();
    assert_eq!(names(all.roles()), ["a", "Admin", "b", "c"]);
    assert!(all.roles()[0].tags.is_none());
    let users = iam.list_users().path_prefix("/ops/").send().await.unwrap();
    assert_eq!(users.users()[0].arn(), format!("arn:aws:iam::{MEMBER}:user/ops/deploy"));
    assert!(iam.list_users().path_prefix("/sec/").send().await.unwrap().users().is_empty());
}

#[tokio::test]
async fn what_iam_documents_as_wrong_is_refused() {
    let (lab, iam) = started();
    let create = |name: &str, trust: &str| iam.create_role().role_name(name).assume_role_policy_document(trust);
    let (code, message) = refused!(create("ADMIN", TRUST));
    assert_eq!((code.as_str(), message.as_str()), ("EntityAlreadyExists", "Role with name ADMIN already exists."));
    assert_eq!(refused!(iam.create_user().user_name("Deploy")).0, "EntityAlreadyExists");
    assert_eq!(refused!(create("a b", TRUST)).0, "ValidationError");
    assert_eq!(refused!(create(&"a".repeat(65), TRUST)).0, "ValidationError");
    assert_eq!(refused!(create("x", TRUST).path("sec")).0, "ValidationError");
    for trust in ["{", "{}", &TRUST.replace("Principal", "Resource"), &TRUST.replace("Principal", "Prince")] {
        assert_eq!(refused!(create("x", trust)).0, "MalformedPolicyDocument", "{trust}");
    }
    assert_eq!(refused!(iam.get_user().user_name("nobody")).0, "NoSuchEntity");
    // A session of a role is no user.
    assert_eq!(refused!(iam.get_user()).0, "ValidationError");
    assert_eq!(refused!(iam.delete_role().role_name("nobody")).0, "NoSuchEntity");

    let reserved = {
        let mut state = lab.world().write();
        let set = state.add_permission_set("Ops", then()).unwrap();
        let account = samples::account(MEMBER);
        let assignment =
            Assignment { account: account.clone(), permission_set: set, group: true, principal: "g".to_owned() };
        state.assign(assignment, then());
        let roles = &state.accounts[&account].iam.roles;
        roles.values().find(|role| role.name.starts_with("AWSReservedSSO_")).unwrap().name.clone()
    };
    assert_eq!(refused!(iam.delete_role().role_name(reserved)).0, "UnmodifiableEntity");
}

#[tokio::test]
async fn users_and_tags_come_and_go() {
    let (_lab, iam) = started();
    let made = iam.create_user().user_name("Kim").path("/ops/").send().await.unwrap().user.unwrap();
    assert!(made.user_id().starts_with("AIDA"));
    let tag = |key: &str| Tag::builder().key(key).value("1").build().unwrap();
    iam.tag_user().user_name("kim").tags(tag("a")).tags(tag("b")).send().await.unwrap();
    iam.untag_user().user_name("kim").tag_keys("A").send().await.unwrap();
    let got = iam.get_user().user_name("KIM").send().await.unwrap().user.unwrap();
    assert_eq!((got.user_name(), got.tags().len(), got.tags()[0].key()), ("Kim", 1, "b"));
    assert_eq!(refused!(iam.tag_role().role_name("Admin").tags(tag("a")).tags(tag("A"))).0, "InvalidInput");
    iam.tag_role().role_name("Admin").tags(tag("a")).send().await.unwrap();
    let tags = iam.list_role_tags().role_name("Admin").send().await.unwrap();
    assert_eq!(tags.tags()[0].key(), "a");
    iam.delete_user().user_name("Kim").send().await.unwrap();
    assert_eq!(refused!(iam.delete_user().user_name("Kim")).0, "NoSuchEntity");
}

#[tokio::test]
async fn a_simulation_tells_what_a_role_is_denied_and_what_nothing_allows_it() {
    let (lab, iam) = started();
    {
        let mut state = lab.world().write();
        let account = MEMBER.parse().unwrap();
        assert!(state.disallow(&account, "Admin", "eks:Create*"));
        let role = state.accounts.get_mut(&account).unwrap().iam.roles.get_mut("admin").unwrap();
        role.denied.insert("eks:DeleteAccessEntry".to_owned());
    }
    let role = iam.get_role().role_name("Admin").send().await.unwrap().role.unwrap();
    let actions = ["eks:CreateAccessEntry", "eks:DeleteAccessEntry", "eks:UpdateAccessEntry"];
    let ask = |arn: &str| {
        let ask = iam.simulate_principal_policy().policy_source_arn(arn).resource_arns("arn:aws:eks:::cluster/x");
        ask.set_action_names(Some(actions.map(str::to_owned).to_vec()))
    };
    let results = ask(role.arn()).send().await.unwrap();
    let told: std::collections::BTreeMap<&str, &str> =
        results.evaluation_results().iter().map(|one| (one.eval_action_name(), one.eval_decision().as_str())).collect();
    let decisions = actions.map(|action| told[action]);
    assert_eq!(decisions, ["implicitDeny", "explicitDeny", "allowed"]);
    assert_eq!(refused!(ask(&format!("{}x", role.arn()))).0, "NoSuchEntity");
    assert_eq!(refused!(ask("Admin")).0, "ValidationError");
    assert_eq!(refused!(ask(role.arn()).action_names("nonsense")).0, "InvalidInput");
}
