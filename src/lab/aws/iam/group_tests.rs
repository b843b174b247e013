//! Groups and policies by the SDK's own client, over the wire.

use aws_sdk_iam::{Client, error::ProvideErrorMetadata};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::lab::{
    Lab,
    aws::samples::{self, MEMBER, refused},
};

const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;

fn started() -> (Lab, Client) {
    let lab = Lab::start(samples::world()).unwrap();
    let client = Client::new(&samples::sdk(lab.url(), "us-east-1"));
    (lab, client)
}

fn same(encoded: &str, document: &str) -> bool {
    let decoded = percent_decode_str(encoded).decode_utf8().unwrap();
    encoded.starts_with("%7B")
        && serde_json::from_str::<Value>(&decoded).unwrap() == serde_json::from_str::<Value>(document).unwrap()
}

#[tokio::test]
async fn users_come_into_a_group_and_go() {
    let (_lab, iam) = started();
    let made = iam.create_group().group_name("DevOps").path("/ops/").send().await.unwrap().group.unwrap();
    assert_eq!(made.arn(), format!("arn:aws:iam::{MEMBER}:group/ops/DevOps"));
    assert!(made.group_id().starts_with("AGPA"));
    assert_eq!(refused!(iam.create_group().group_name("devops")).0, "EntityAlreadyExists");
    for user in ["ana", "Ben", "cy"] {
        iam.create_user().user_name(user).send().await.unwrap();
        iam.add_user_to_group().group_name("devops").user_name(user).send().await.unwrap();
    }
    assert_eq!(refused!(iam.add_user_to_group().group_name("DevOps").user_name("nobody")).0, "NoSuchEntity");
    assert_eq!(refused!(iam.add_user_to_group().group_name("None").user_name("ana")).0, "NoSuchEntity");
    let first = iam.get_group().group_name("DevOps").max_items(2).send().await.unwrap();
    assert_eq!((first.users().len(), first.is_truncated()), (2, true));
    let rest = iam.get_group().group_name("DevOps").marker(first.marker().unwrap()).send().await.unwrap();
    assert_eq!((rest.users()[0].user_name(), rest.is_truncated()), ("cy", false));
    let of_user = iam.list_groups_for_user().user_name("ben").send().await.unwrap();
    assert_eq!(of_user.groups()[0].group_name(), "DevOps");
    assert_eq!(refused!(iam.delete_user().user_name("Ben")).0, "DeleteConflict");
    assert_eq!(refused!(iam.delete_group().group_name("DevOps")).0, "DeleteConflict");
    for user in ["ana", "Ben", "cy"] {
        iam.remove_user_from_group().group_name("DevOps").user_name(user).send().await.unwrap();
    }
    assert_eq!(refused!(iam.remove_user_from_group().group_name("DevOps").user_name("ana")).0, "NoSuchEntity");
    iam.delete_group().group_name("DevOps").send().await.unwrap();
    let (code, message) = refused!(iam.get_group().group_name("DevOps"));
    assert_eq!((code.as_str(), message.as_str()), ("NoSuchEntity", "The group with name DevOps cannot be found."));
}

#[tokio::test]
async fn policies_stand_in_a_group_or_are_attached_to_it() {
    let (_lab, iam) = started();
    iam.create_group().group_name("DevOps").send().await.unwrap();
    let put = |document: &str| iam.put_group_policy().group_name("DevOps").policy_name("own").policy_document(document);
    put(POLICY).send().await.unwrap();
    for wrong in ["{", "{}", &POLICY.replace("Resource", "Ressource"), &POLICY.replace("\"Action\"", "\"Principal\"")] {
        assert_eq!(refused!(put(wrong)).0, "MalformedPolicyDocument", "{wrong}");
    }
    let names = iam.list_group_policies().group_name("DevOps").send().await.unwrap();
    assert_eq!(names.policy_names(), ["own"]);
    let own = iam.get_group_policy().group_name("DevOps").policy_name("own").send().await.unwrap();
    assert!(same(own.policy_document(), POLICY), "{}", own.policy_document());
    assert_eq!(refused!(iam.get_group_policy().group_name("DevOps").policy_name("x")).0, "NoSuchEntity");

    let made = iam.create_policy().policy_name("Assume").path("/ops/").policy_document(POLICY).send().await.unwrap();
    let arn = made.policy().unwrap().arn().unwrap().to_owned();
    assert_eq!(arn, format!("arn:aws:iam::{MEMBER}:policy/ops/Assume"));
    assert_eq!(refused!(iam.create_policy().policy_name("assume").policy_document(POLICY)).0, "EntityAlreadyExists");
    let attach = |arn: &str| iam.attach_group_policy().group_name("DevOps").policy_arn(arn);
    attach(&arn).send().await.unwrap();
    attach("arn:aws:iam::aws:policy/AdministratorAccess").send().await.unwrap();
    assert_eq!(refused!(attach(&arn.replace("/ops/", "/"))).0, "NoSuchEntity");
    assert_eq!(refused!(attach("policy")).0, "InvalidInput");
    let attached = iam.list_attached_group_policies().group_name("DevOps").send().await.unwrap();
    assert_eq!(attached.attached_policies().len(), 2);

    let narrow = POLICY.replace("\"*\"", "\"arn:aws:iam::1:role/x\"");
    let version =
        |default| iam.create_policy_version().policy_arn(&arn).policy_document(&narrow).set_as_default(default).send();
    assert_eq!(version(false).await.unwrap().policy_version().unwrap().version_id(), Some("v2"));
    let in_force = || async {
        let policy = iam.get_policy().policy_arn(&arn).send().await.unwrap().policy.unwrap();
        assert_eq!(policy.attachment_count(), Some(1));
        let id = policy.default_version_id().unwrap();
        let version = iam.get_policy_version().policy_arn(&arn).version_id(id).send().await.unwrap();
        version.policy_version.unwrap()
    };
    assert!(same(in_force().await.document().unwrap(), POLICY));
    version(true).await.unwrap();
    assert_eq!(in_force().await.version_id(), Some("v3"));
    assert!(same(in_force().await.document().unwrap(), &narrow));
    assert_eq!(refused!(iam.get_policy_version().policy_arn(&arn).version_id("v9")).0, "NoSuchEntity");
    assert_eq!(refused!(iam.delete_policy().policy_arn(&arn)).0, "DeleteConflict");
    iam.detach_group_policy().group_name("DevOps").policy_arn(&arn).send().await.unwrap();
    assert_eq!(refused!(iam.detach_group_policy().group_name("DevOps").policy_arn(&arn)).0, "NoSuchEntity");
    iam.delete_policy().policy_arn(&arn).send().await.unwrap();
    assert_eq!(refused!(iam.get_policy().policy_arn(&arn)).0, "NoSuchEntity");
}
