//! Who is assigned which permission set in which account. An assignment takes effect at once; the call that asks for it
//! still tells of it as in progress.

use serde_json::{Value, json};

use super::{Page, account, center, invalid, not_found, page, required, set};
use crate::lab::{
    aws::{
        Ask, input,
        wire::{Fault, epoch},
    },
    world::{
        State,
        center::{Assignment, AssignmentRequest, IdentityCenter},
    },
};

/// Who holds a permission set in an account.
pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = center(ask, &state)?;
    let (account, set) = (account(ask, &state, "AccountId")?, &set(ask, center)?.arn);
    let here = center.assignments.iter().filter(|one| one.account == account && one.permission_set == *set);
    answer(ask, here)
}

/// What a principal holds in all accounts; a user also by the groups it is in.
pub(super) fn of_principal(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = center(ask, &state)?;
    let (group, principal) = principal(ask)?;
    let only = ask.input.get("Filter").and_then(|filter| input::text(filter, "AccountId"));
    let holds = |one: &&Assignment| {
        let directly = one.group == group && one.principal == principal;
        let by_group = one.group && !group && is_member(center, &one.principal, principal);
        (directly || by_group) && only.is_none_or(|only| one.account.as_str() == only)
    };
    answer(ask, center.assignments.iter().filter(holds))
}

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let wanted = wanted(ask, &state)?;
    let center = center(ask, &state)?;
    let known = if wanted.group {
        center.groups.contains_key(&wanted.principal)
    } else {
        center.users.contains_key(&wanted.principal)
    };
    let failure = (!known).then(|| format!("Received a 404 status error: {} does not exist", wanted.principal));
    if failure.is_none() {
        state.assign(wanted.clone(), ask.now);
    }
    let told = asked(ask, &mut state, wanted, false, failure);
    Ok(json!({"AccountAssignmentCreationStatus": told}))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let wanted = wanted(ask, &state)?;
    if !center(ask, &state)?.assignments.contains(&wanted) {
        return Err(not_found("The account assignment could not be found"));
    }
    state.unassign(&wanted);
    let told = asked(ask, &mut state, wanted, true, None);
    Ok(json!({"AccountAssignmentDeletionStatus": told}))
}

/// How far a request is.
pub(super) fn status(ask: &Ask<'_>, deletes: bool) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    center(ask, &state)?;
    let (member, parameter) = if deletes {
        ("AccountAssignmentDeletionStatus", "AccountAssignmentDeletionRequestId")
    } else {
        ("AccountAssignmentCreationStatus", "AccountAssignmentCreationRequestId")
    };
    let id = required(ask, parameter)?;
    let request = state.center.as_mut().and_then(|center| center.requests.get_mut(id));
    let missing = || not_found(format!("Request with id {id} could not be found"));
    let request = request.filter(|request| request.deletes == deletes).ok_or_else(missing)?;
    let answer = json!({ member: told(id, request) });
    request.seen = true;
    Ok(answer)
}

/// Notes a request, and tells it for the first time.
fn asked(ask: &Ask<'_>, state: &mut State, assignment: Assignment, deletes: bool, failure: Option<String>) -> Value {
    let id = state.new_uuid();
    let mut request = AssignmentRequest { assignment, deletes, created: ask.now, failure, seen: false };
    let answer = told(&id, &request);
    request.seen = true;
    if let Some(center) = state.center.as_mut() {
        center.requests.insert(id, request);
    }
    answer
}

fn told(id: &str, request: &AssignmentRequest) -> Value {
    let assignment = &request.assignment;
    let status = match (request.seen, &request.failure) {
        (false, _) => "IN_PROGRESS",
        (true, None) => "SUCCEEDED",
        (true, Some(_)) => "FAILED",
    };
    let mut told = json!({
        "Status": status,
        "RequestId": id,
        "TargetId": assignment.account.as_str(),
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": assignment.permission_set,
        "PrincipalType": kind(assignment),
        "PrincipalId": assignment.principal,
        "CreatedDate": epoch(request.created),
    });
    if let (Some(told), "FAILED", Some(why)) = (told.as_object_mut(), status, &request.failure) {
        told.insert("FailureReason".to_owned(), why.as_str().into());
    }
    told
}

/// The assignment that the parameters describe.
fn wanted(ask: &Ask<'_>, state: &State) -> Result<Assignment, Fault> {
    let center = center(ask, state)?;
    if required(ask, "TargetType")? != "AWS_ACCOUNT" {
        return Err(invalid("The TargetType must be AWS_ACCOUNT"));
    }
    let permission_set = set(ask, center)?.arn.clone();
    let (group, principal) = principal(ask)?;
    let account = account(ask, state, "TargetId")?;
    Ok(Assignment { account, permission_set, group, principal: principal.to_owned() })
}

/// Whether it is a group, and its id.
fn principal<'a>(ask: &Ask<'a>) -> Result<(bool, &'a str), Fault> {
    let group = match required(ask, "PrincipalType")? {
        "GROUP" => true,
        "USER" => false,
        _ => return Err(invalid("The PrincipalType must be one of [USER, GROUP]")),
    };
    Ok((group, required(ask, "PrincipalId")?))
}

fn is_member(center: &IdentityCenter, group: &str, user: &str) -> bool {
    center.groups.get(group).is_some_and(|group| group.members.contains_key(user))
}

fn kind(assignment: &Assignment) -> &'static str {
    if assignment.group { "GROUP" } else { "USER" }
}

fn answer<'a>(ask: &Ask<'_>, assignments: impl Iterator<Item = &'a Assignment>) -> Result<Value, Fault> {
    // The set is sorted by these very fields in this order.
    let key = |one: &Assignment| format!("{} {} {} {}", one.account, one.permission_set, one.group, one.principal);
    let Page { items, next } = page(ask, assignments.map(|one| (key(one), one)))?;
    let told = items.into_iter().map(|one| {
        json!({
            "AccountId": one.account.as_str(),
            "PermissionSetArn": one.permission_set,
            "PrincipalType": kind(one),
            "PrincipalId": one.principal,
        })
    });
    Ok(json!({"AccountAssignments": told.collect::<Value>(), "NextToken": next}))
}
