//! Identity Center past the wire: who is assigned what, and the roles that come and go with it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    lab::{
        aws::samples::{self, MANAGEMENT, MEMBER, REGION},
        world::World,
    },
    model::Region,
};

const HOME: (&str, &str) = (MANAGEMENT, REGION);

fn sso(world: &Arc<World>, operation: &str, input: &Value) -> Result<Value, (String, String)> {
    samples::ask(world, HOME, "sso", operation, input)
}

fn instance(world: &World) -> String {
    world.read().center.as_ref().unwrap().instance_arn.clone()
}

fn assignment(world: &Arc<World>, set: &str, kind: &str, principal: &str) -> Value {
    json!({
        "InstanceArn": instance(world), "TargetId": MEMBER, "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": set, "PrincipalType": kind, "PrincipalId": principal,
    })
}

fn roles(world: &World) -> Vec<(String, String)> {
    let state = world.read();
    let roles = state.accounts[&samples::account(MEMBER)].iam.roles.values();
    let reserved = roles.filter(|role| role.path.starts_with("/aws-reserved/"));
    reserved.map(|role| (role.path.clone(), role.name.clone())).collect()
}

#[test]
fn an_assignment_makes_the_role_the_last_one_takes_it_away_and_a_new_one_has_a_new_suffix() {
    let world = samples::world();
    let made = sso(&world, "CreatePermissionSet", &json!({"InstanceArn": instance(&world), "Name": "Ops"})).unwrap();
    let set = made["PermissionSet"]["PermissionSetArn"].as_str().unwrap().to_owned();
    let again = sso(&world, "CreatePermissionSet", &json!({"InstanceArn": instance(&world), "Name": "Ops"}));
    assert_eq!(again.unwrap_err().0, "ConflictException");
    let group = world.write().add_directory_group("ops").unwrap();
    let user = world.write().add_directory_user("kim", "Kim").unwrap();
    world.write().add_membership(&group, &user).unwrap();

    let asked = sso(&world, "CreateAccountAssignment", &assignment(&world, &set, "GROUP", &group)).unwrap();
    let asked = &asked["AccountAssignmentCreationStatus"];
    assert_eq!(asked["Status"], "IN_PROGRESS");
    let look = json!({"InstanceArn": instance(&world), "AccountAssignmentCreationRequestId": asked["RequestId"]});
    let status = sso(&world, "DescribeAccountAssignmentCreationStatus", &look).unwrap();
    assert_eq!(status["AccountAssignmentCreationStatus"]["Status"], "SUCCEEDED");
    let first = roles(&world);
    let (path, name) = &first[0];
    assert_eq!(
        (path.as_str(), name.len()),
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_Ops_".len() + 16)
    );
    sso(&world, "CreateAccountAssignment", &assignment(&world, &set, "USER", &user)).unwrap();
    assert_eq!(roles(&world), first);
    let trust = world.read().accounts[&samples::account(MEMBER)].iam.roles[&name.to_lowercase()].trust.clone();
    assert_eq!(trust["Statement"][0]["Action"][0], "sts:AssumeRoleWithSAML");

    let by_user = json!({"InstanceArn": instance(&world), "PrincipalId": user, "PrincipalType": "USER"});
    let held = sso(&world, "ListAccountAssignmentsForPrincipal", &by_user).unwrap();
    assert_eq!(held["AccountAssignments"].as_array().unwrap().len(), 2);
    let here = json!({"InstanceArn": instance(&world), "AccountId": MEMBER, "PermissionSetArn": set, "MaxResults": 1});
    let page = sso(&world, "ListAccountAssignments", &here).unwrap();
    assert_eq!(page["AccountAssignments"][0]["PrincipalType"], "USER");
    let mut next = here.clone();
    next["NextToken"] = page["NextToken"].clone();
    let page = sso(&world, "ListAccountAssignments", &next).unwrap();
    assert_eq!((&page["AccountAssignments"][0]["PrincipalType"], &page["NextToken"]), (&json!("GROUP"), &Value::Null));
    next["AccountId"] = json!(MANAGEMENT);
    assert_eq!(sso(&world, "ListAccountAssignments", &next).unwrap_err().0, "ValidationException");
    let sets = json!({"InstanceArn": instance(&world), "AccountId": MEMBER});
    let sets = sso(&world, "ListPermissionSetsProvisionedToAccount", &sets).unwrap();
    assert_eq!(sets["PermissionSets"], json!([set]));

    sso(&world, "DeleteAccountAssignment", &assignment(&world, &set, "USER", &user)).unwrap();
    assert_eq!(roles(&world), first);
    sso(&world, "DeleteAccountAssignment", &assignment(&world, &set, "GROUP", &group)).unwrap();
    assert_eq!(roles(&world), []);
    let gone = sso(&world, "DeleteAccountAssignment", &assignment(&world, &set, "GROUP", &group));
    assert_eq!(gone.unwrap_err().0, "ResourceNotFoundException");
    sso(&world, "CreateAccountAssignment", &assignment(&world, &set, "GROUP", &group)).unwrap();
    assert!(roles(&world).len() == 1 && roles(&world) != first);
    let delete = json!({"InstanceArn": instance(&world), "PermissionSetArn": set});
    assert_eq!(sso(&world, "DeletePermissionSet", &delete).unwrap_err().0, "ConflictException");
}

#[test]
fn nobody_is_assigned_who_does_not_exist() {
    let world = samples::world();
    let set = world.write().add_permission_set("Ops", samples::then()).unwrap();
    let asked = sso(&world, "CreateAccountAssignment", &assignment(&world, &set, "GROUP", "nobody")).unwrap();
    let id = &asked["AccountAssignmentCreationStatus"]["RequestId"];
    let look = json!({"InstanceArn": instance(&world), "AccountAssignmentCreationRequestId": id});
    let status = sso(&world, "DescribeAccountAssignmentCreationStatus", &look).unwrap();
    assert_eq!(status["AccountAssignmentCreationStatus"]["Status"], "FAILED");
    assert_eq!(roles(&world), []);
    let mut nowhere = assignment(&world, &set, "GROUP", "nobody");
    nowhere["TargetId"] = json!("999999999999");
    assert_eq!(sso(&world, "CreateAccountAssignment", &nowhere).unwrap_err().0, "ResourceNotFoundException");
}

#[test]
fn it_answers_in_its_region_to_those_who_administer_it() {
    let world = samples::world();
    let instances = |at| samples::ask(&world, at, "sso", "ListInstances", &json!({})).unwrap();
    assert_eq!(instances(HOME)["Instances"][0]["OwnerAccountId"], MANAGEMENT);
    assert_eq!(instances((MANAGEMENT, "us-east-1"))["Instances"], json!([]));
    let list = json!({"InstanceArn": instance(&world)});
    let sets = |at| samples::ask(&world, at, "sso", "ListPermissionSets", &list);
    assert_eq!(sets((MANAGEMENT, "us-east-1")).unwrap_err().0, "ResourceNotFoundException");
    assert_eq!(sets((MEMBER, REGION)).unwrap_err().0, "AccessDeniedException");
    world.write().center.as_mut().unwrap().delegated.insert(samples::account(MEMBER));
    assert_eq!(sets((MEMBER, REGION)).unwrap()["PermissionSets"], json!([]));
}

#[test]
fn in_us_east_1_the_roles_path_names_no_region() {
    let world = samples::world();
    world.write().center.as_mut().unwrap().region = Region::new("us-east-1");
    let path = world.read().center.as_ref().unwrap().role_path();
    assert_eq!(path, "/aws-reserved/sso.amazonaws.com/");
}
