use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{IamGroup, MemberRole, Principal, Region};

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../tests/events/samples/", $name, ".json"))
    };
}

const ACCOUNT: &str = "444455556666";

fn own() -> Own {
    let member = MemberRole {
        path_and_name: "platform/rolecall-member".to_owned(),
        external_id: None,
        session_name: "rolecall".to_owned(),
        source_identity: None,
    };
    Own::new(&member, &"arn:aws:sts::999988887777:assumed-role/rolecall-hub/i-0123".parse().unwrap())
}

/// A policy that names the role `deployer`, a permission set, a directory group and the IAM group DevOps.
fn interest() -> Interest {
    Interest::of(&[
        Principal::RoleName("Deployer".to_owned()),
        Principal::PermissionSet("PlatformAdmin".to_owned()),
        Principal::DirectoryGroup("K8s-Developers".to_owned()),
        Principal::IamGroup(IamGroup { name: "DevOps".to_owned(), via: None, members: false }),
    ])
}

fn read(body: &str) -> Result<Target, Ignored> {
    super::read(body, &own(), &interest()).map(|trigger| trigger.target)
}

fn changed(sample: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut event: Value = serde_json::from_str(sample).unwrap();
    change(&mut event);
    event.to_string()
}

fn cluster(until_active: bool) -> Target {
    let (account, region) = (ACCOUNT.parse().unwrap(), Region::new("eu-west-1"));
    Target::Cluster { id: ClusterId { account, region, name: "checkout".to_owned() }, until_active }
}

fn account() -> Target {
    Target::Account(ACCOUNT.parse().unwrap())
}

#[test]
fn each_event_names_what_to_look_at() {
    for (sample, target) in [
        (sample!("eks-create-cluster"), cluster(true)),
        (sample!("eks-update-cluster-config"), cluster(true)),
        (sample!("eks-delete-cluster"), cluster(false)),
        (sample!("eks-create-access-entry"), cluster(false)),
        (sample!("eks-tag-resource"), cluster(false)),
        (sample!("organizations-create-account-result"), account()),
        (sample!("organizations-move-account"), account()),
        (sample!("organizations-tag-account"), account()),
        (sample!("organizations-accept-handshake"), account()),
        (sample!("organizations-rename-unit"), Target::Fleet),
        (sample!("iam-create-role-of-permission-set"), account()),
        (sample!("iam-delete-role"), account()),
        (sample!("iam-add-user-to-group"), account()),
        (sample!("sso-create-account-assignment"), account()),
        (sample!("sso-provision-permission-set"), Target::Fleet),
        (sample!("identitystore-delete-group"), Target::Fleet),
    ] {
        assert_eq!(read(sample), Ok(target), "{sample}");
    }
}

#[test]
fn what_changes_no_access_is_ignored_for_a_reason() {
    for (sample, why) in [
        (sample!("ec2-run-instances"), Ignored::Unrelated),
        (sample!("identitystore-create-group-membership"), Ignored::Unrelated),
        (sample!("eks-create-cluster-failed"), Ignored::FailedCall),
        (sample!("organizations-create-account-failed"), Ignored::FailedCall),
        (sample!("eks-own-associate-access-policy"), Ignored::OwnCall),
    ] {
        assert_eq!(read(sample), Err(why), "{sample}");
    }
    let scheduled = changed(sample!("eks-create-cluster"), |event| event["detail-type"] = "Scheduled Event".into());
    assert_eq!(read(&scheduled), Err(Ignored::Unrelated));
    let unit = changed(sample!("organizations-tag-account"), |event| {
        event["detail"]["requestParameters"]["resourceId"] = "ou-ab12-11111111".into();
    });
    assert_eq!(read(&unit), Err(Ignored::Unrelated));
}

#[test]
fn only_rolecalls_own_sessions_are_its_own() {
    let by = |arn: &str| {
        read(&changed(sample!("eks-create-access-entry"), |event| event["detail"]["userIdentity"]["arn"] = arn.into()))
    };
    for own in [
        "arn:aws:sts::444455556666:assumed-role/rolecall-member/rolecall",
        "arn:aws:sts::999988887777:assumed-role/rolecall-hub/i-0123",
    ] {
        assert_eq!(by(own), Err(Ignored::OwnCall), "{own}");
    }
    for other in [
        "arn:aws:sts::444455556666:assumed-role/rolecall-member/alice",
        "arn:aws:sts::444455556666:assumed-role/rolecall-member-2/rolecall",
        "arn:aws:sts::111122223333:assumed-role/rolecall-member/rolecall",
        "arn:aws:iam::444455556666:user/rolecall",
        "",
        "rolecall",
    ] {
        assert_eq!(by(other), Ok(cluster(false)), "{other}");
    }
}

#[test]
fn principals_that_the_policy_does_not_name_call_for_no_pass() {
    let named = Interest::of(&[Principal::RoleArn("arn:aws:iam::444455556666:role/ci/deployer".parse().unwrap())]);
    let read = |sample: &str, interest: &Interest| super::read(sample, &own(), interest).map(|trigger| trigger.target);
    assert_eq!(read(sample!("iam-delete-role"), &named), Ok(account()));
    for sample in [
        sample!("iam-create-role-of-permission-set"),
        sample!("iam-add-user-to-group"),
        sample!("sso-create-account-assignment"),
        sample!("identitystore-delete-group"),
    ] {
        assert_eq!(read(sample, &named), Err(Ignored::NotNamed), "{sample}");
    }
    let stranger = changed(sample!("iam-delete-role"), |event| {
        event["detail"]["requestParameters"]["roleName"] = "stranger".into();
    });
    assert_eq!(read(&stranger, &named), Err(Ignored::NotNamed));
    let sets = Interest::of(&[Principal::PermissionSet("X".to_owned())]);
    assert_eq!(read(sample!("iam-create-role-of-permission-set"), &sets), Ok(account()));
    assert_eq!(read(sample!("iam-delete-role"), &sets), Err(Ignored::NotNamed));
}

#[test]
fn a_notification_of_sns_is_unwrapped() {
    let wrap = |message: Value| json!({"Type": "Notification", "MessageId": "x", "Message": message}).to_string();
    assert_eq!(read(&wrap(sample!("eks-create-cluster").into())), Ok(cluster(true)));
    for message in [json!("hello"), json!({}), Value::Null] {
        assert_eq!(read(&wrap(message)), Err(Ignored::Malformed));
    }
    let twice = wrap(wrap(sample!("eks-create-cluster").into()).into());
    assert_eq!(read(&twice), Err(Ignored::Malformed));
}

#[test]
fn an_older_record_names_the_cluster_in_another_way() {
    let older = changed(sample!("eks-create-cluster"), |event| {
        event["detail"]["requestParameters"] = json!({"clusterName": "checkout"});
    });
    assert_eq!(read(&older), Ok(cluster(true)));
}

#[test]
fn names_that_cannot_be_are_malformed() {
    let long = "x".repeat(101);
    for (place, value) in [
        ("/detail/requestParameters/name", json!("a b")),
        ("/detail/requestParameters/name", json!("../x")),
        ("/detail/requestParameters/name", json!(long)),
        ("/detail/requestParameters/name", json!("-x")),
        ("/detail/awsRegion", json!("http://example.com")),
        ("/detail/recipientAccountId", json!("4444")),
        ("/detail", json!("text")),
        ("/id", json!("")),
        ("/id", json!("x".repeat(1000))),
        ("/source", json!(null)),
    ] {
        let body = changed(sample!("eks-create-cluster"), |event| *event.pointer_mut(place).unwrap() = value.clone());
        assert_eq!(read(&body), Err(Ignored::Malformed), "{place} {value}");
    }
    let none = changed(sample!("eks-delete-cluster"), |event| event["detail"]["requestParameters"] = Value::Null);
    assert_eq!(read(&none), Err(Ignored::Malformed));
}

#[test]
fn hostile_text_is_malformed_and_nothing_worse() {
    let deep = "[".repeat(1_000_000);
    let wide = format!("{{\"a\": \"{}\"}}", "x".repeat(1_000_000));
    for body in ["", "hello", "null", "[]", "{}", "\u{0}", "{\"detail\":{}}", &deep, &wide] {
        assert_eq!(read(body), Err(Ignored::Malformed));
    }
}

proptest! {
    #[test]
    fn no_change_to_an_event_crashes_the_reader(at in 0usize..2000, bytes in "\\PC{0,8}") {
        let sample = sample!("eks-create-cluster");
        let at = (0..=at.min(sample.len())).rev().find(|at| sample.is_char_boundary(*at)).unwrap();
        let (before, after) = sample.split_at(at);
        let body = format!("{before}{bytes}{}", after.get(3..).unwrap_or_default());
        if let Ok(trigger) = super::read(&body, &own(), &interest()) {
            prop_assert!(!trigger.id.is_empty() && trigger.id.len() <= 128);
        }
    }
}
