//! The directory past the wire.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::lab::{
    aws::samples::{self, MANAGEMENT, MEMBER, REGION},
    world::World,
};

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// Asks with the directory's id added to the input.
fn directory(world: &Arc<World>, operation: &str, mut input: Value) -> Result<Value, (String, String)> {
    input["IdentityStoreId"] = json!(world.read().center.as_ref().unwrap().store_id);
    samples::ask(world, (MANAGEMENT, REGION), "identitystore", operation, &input)
}

fn by_attribute(path: &str, value: &str) -> Value {
    json!({"AlternateIdentifier": {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}})
}

fn user(name: &str) -> Value {
    json!({
        "UserName": name, "DisplayName": name, "Name": {"GivenName": "Kim", "FamilyName": "Lee"},
        "Emails": [{"Value": format!("{name}@example.com"), "Primary": true}],
    })
}

#[test]
fn groups_are_found_by_name_and_names_are_taken_once() {
    let world = samples::world();
    let made = directory(&world, "CreateGroup", json!({"DisplayName": "Ops", "Description": "on call"})).unwrap();
    let id = made["GroupId"].as_str().unwrap();
    assert_eq!(id.len(), 36);
    assert_eq!(made["GroupArn"], format!("arn:aws:identitystore:::group/{id}"));
    let taken = directory(&world, "CreateGroup", json!({"DisplayName": "ops"}));
    assert_eq!(taken.unwrap_err(), ("ConflictException".to_owned(), "Duplicate GroupDisplayName".to_owned()));
    let found = directory(&world, "GetGroupId", by_attribute("displayName", "Ops")).unwrap();
    assert_eq!(found["GroupId"], id);
    assert_eq!(
        directory(&world, "GetGroupId", by_attribute("displayName", "x")).unwrap_err().0,
        "ResourceNotFoundException"
    );
    assert_eq!(directory(&world, "GetGroupId", by_attribute("members", "x")).unwrap_err().0, "ValidationException");
    let told = directory(&world, "DescribeGroup", json!({"GroupId": made["GroupArn"]})).unwrap();
    assert_eq!((&told["DisplayName"], &told["Description"]), (&json!("Ops"), &json!("on call")));
    directory(&world, "DeleteGroup", json!({"GroupId": id})).unwrap();
    assert_eq!(directory(&world, "DescribeGroup", json!({"GroupId": id})).unwrap_err().0, "ResourceNotFoundException");
    assert_eq!(directory(&world, "DeleteGroup", json!({"GroupId": id})).unwrap_err().0, "ResourceNotFoundException");
}

#[test]
fn users_have_to_be_whole_and_are_found_by_name_and_address() {
    let world = samples::world();
    let half = directory(&world, "CreateUser", json!({"UserName": "kim", "DisplayName": "Kim"}));
    let words = "givenname: The attribute givenname is required, familyname: The attribute familyname is required";
    assert_eq!(half.unwrap_err(), ("ValidationException".to_owned(), words.to_owned()));
    let id = directory(&world, "CreateUser", user("kim")).unwrap()["UserId"].as_str().unwrap().to_owned();
    assert_eq!(directory(&world, "CreateUser", user("KIM")).unwrap_err().0, "ConflictException");
    for asked in [by_attribute("userName", "kim"), by_attribute("emails.value", "kim@example.com")] {
        assert_eq!(directory(&world, "GetUserId", asked).unwrap()["UserId"], id);
    }
    let told = directory(&world, "DescribeUser", json!({"UserId": id})).unwrap();
    assert_eq!((&told["UserName"], &told["Name"]["FamilyName"]), (&json!("kim"), &json!("Lee")));
    let filtered = json!({"Filters": [{"AttributePath": "UserName", "AttributeValue": "lee"}]});
    assert_eq!(directory(&world, "ListUsers", filtered).unwrap()["Users"], json!([]));
}

#[test]
fn memberships_tie_users_to_groups_and_go_with_them() {
    let world = samples::world();
    let kim = directory(&world, "CreateUser", user("kim")).unwrap()["UserId"].clone();
    let groups: Vec<Value> = ["a", "b", "c"]
        .iter()
        .map(|name| directory(&world, "CreateGroup", json!({"DisplayName": name})).unwrap()["GroupId"].clone())
        .collect();
    let join = |group: &Value| json!({"GroupId": group, "MemberId": {"UserId": kim}});
    for group in &groups {
        directory(&world, "CreateGroupMembership", join(group)).unwrap();
    }
    assert_eq!(directory(&world, "CreateGroupMembership", join(&groups[0])).unwrap_err().0, "ConflictException");
    let nobody = json!({"GroupId": groups[0], "MemberId": {"UserId": NOBODY}});
    assert_eq!(directory(&world, "CreateGroupMembership", nobody).unwrap_err().0, "ResourceNotFoundException");

    let mut ask = json!({"MemberId": {"UserId": kim}, "MaxResults": 2});
    let first = directory(&world, "ListGroupMembershipsForMember", ask.clone()).unwrap();
    assert_eq!(first["GroupMemberships"].as_array().unwrap().len(), 2);
    ask["NextToken"] = first["NextToken"].clone();
    let rest = directory(&world, "ListGroupMembershipsForMember", ask).unwrap();
    assert_eq!((rest["GroupMemberships"].as_array().unwrap().len(), &rest["NextToken"]), (1, &Value::Null));
    let wrong = json!({"NextToken": first["NextToken"]});
    assert_eq!(directory(&world, "ListGroups", wrong).unwrap_err().0, "ValidationException");

    let membership = directory(&world, "GetGroupMembershipId", join(&groups[1])).unwrap()["MembershipId"].clone();
    let told = directory(&world, "DescribeGroupMembership", json!({"MembershipId": membership})).unwrap();
    assert_eq!(told["GroupId"], groups[1]);
    directory(&world, "DeleteGroupMembership", json!({"MembershipId": membership})).unwrap();
    let in_them = json!({"MemberId": {"UserId": kim}, "GroupIds": [groups[0], groups[1]]});
    let results = directory(&world, "IsMemberInGroups", in_them).unwrap()["Results"].clone();
    assert_eq!((&results[0]["MembershipExists"], &results[1]["MembershipExists"]), (&json!(true), &json!(false)));
    directory(&world, "DeleteUser", json!({"UserId": kim})).unwrap();
    let members = directory(&world, "ListGroupMemberships", json!({"GroupId": groups[0]})).unwrap();
    assert_eq!(members["GroupMemberships"], json!([]));
}

#[test]
fn an_id_has_to_look_like_one() {
    let world = samples::world();
    let kim = directory(&world, "CreateUser", user("kim")).unwrap()["UserId"].clone();
    let code = |operation: &str, input: Value| directory(&world, operation, input).unwrap_err().0;
    let asks = |id: &str| {
        [
            ("DescribeGroup", json!({"GroupId": id})),
            ("DescribeUser", json!({"UserId": id})),
            ("DescribeGroupMembership", json!({"MembershipId": id})),
            ("ListGroupMembershipsForMember", json!({"MemberId": {"UserId": id}})),
            ("IsMemberInGroups", json!({"MemberId": {"UserId": kim}, "GroupIds": [id]})),
        ]
    };
    let of = |start: &str| format!("{start}{NOBODY}");
    for id in [of(""), of("0123456789-"), of("arn:aws-cn:identitystore:::group/"), NOBODY.replace('0', "A")] {
        for (operation, input) in asks(&id) {
            assert_eq!(code(operation, input), "ResourceNotFoundException", "{operation} {id}");
        }
    }
    for id in [
        String::new(),
        "x".to_owned(),
        of("x/"),
        of("0123-"),
        of("ABCDEF0123-"),
        of("-"),
        NOBODY.replace('4', "g"),
        of("arn:aws:iam:::group/"),
        of("arn:aws:identitystore:::role/"),
        of("arn:gcp:identitystore:::group/"),
    ] {
        for (operation, input) in asks(&id) {
            assert_eq!(code(operation, input), "ValidationException", "{operation} {id}");
        }
    }
    let words = directory(&world, "DescribeGroup", json!({"GroupId": "x"})).unwrap_err().1;
    assert!(
        words.starts_with("1 validation error detected: Value 'x' at 'groupId' failed to satisfy constraint: Member")
    );
}

#[test]
fn another_region_and_other_accounts_see_nothing() {
    let world = samples::world();
    let store = world.read().center.as_ref().unwrap().store_id.clone();
    let list = |at| samples::ask(&world, at, "identitystore", "ListGroups", &json!({"IdentityStoreId": store}));
    assert_eq!(list((MANAGEMENT, "us-east-1")).unwrap_err().0, "ResourceNotFoundException");
    assert_eq!(list((MEMBER, REGION)).unwrap_err().0, "AccessDeniedException");
    assert_eq!(list((MANAGEMENT, REGION)).unwrap()["Groups"], json!([]));
}
