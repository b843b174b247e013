//! Permission sets.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Page, account, center, invalid, page, required, set};
use crate::lab::{
    aws::{
        Ask, input,
        wire::{Fault, epoch},
    },
    world::center::PermissionSet,
};

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let sets = center(ask, &state)?.permission_sets.keys();
    let Page { items, next } = page(ask, sets.map(|arn| (arn.clone(), arn)))?;
    Ok(json!({"PermissionSets": items, "NextToken": next}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    Ok(json!({"PermissionSet": told(set(ask, center(ask, &state)?)?)}))
}

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let known = center(ask, &state)?;
    let name = required(ask, "Name")?;
    let well_formed = name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if !well_formed || !(1..=32).contains(&name.len()) {
        let rule =
            r"Member must have length less than or equal to 32 and satisfy regular expression pattern: [\w+=,.@-]+";
        return Err(invalid(format!("Value '{name}' at 'name' failed to satisfy constraint: {rule}")));
    }
    if known.permission_sets.values().any(|set| set.name == name) {
        return Err(Fault::new("ConflictException", format!("PermissionSet with name {name} already exists.")));
    }
    let duration = input::text(ask.input, "SessionDuration").unwrap_or("PT1H");
    if !duration.starts_with('P') {
        return Err(invalid(format!("Value '{duration}' at 'sessionDuration' is not an ISO-8601 duration")));
    }
    let made = state.add_permission_set(name, ask.now);
    let made = made.and_then(|arn| state.center.as_mut()?.permission_sets.get_mut(&arn));
    let made = made.ok_or_else(|| super::not_found("The instance is gone"))?;
    duration.clone_into(&mut made.session_duration);
    made.description = input::text(ask.input, "Description").map(str::to_owned);
    Ok(json!({"PermissionSet": told(made)}))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let known = center(ask, &state)?;
    let arn = set(ask, known)?.arn.clone();
    if known.assignments.iter().any(|assignment| assignment.permission_set == arn) {
        let message = format!("PermissionSet {arn} is still assigned to accounts: its assignments have to go first");
        return Err(Fault::new("ConflictException", message));
    }
    if let Some(center) = state.center.as_mut() {
        center.permission_sets.remove(&arn);
    }
    Ok(json!({}))
}

/// The sets that are assigned to anyone in an account, which is what provisions them there.
pub(super) fn of_account(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let (center, account) = (center(ask, &state)?, account(ask, &state, "AccountId")?);
    let here = center.assignments.iter().filter(|assignment| assignment.account == account);
    let sets: BTreeSet<&String> = here.map(|assignment| &assignment.permission_set).filter(|_| latest(ask)).collect();
    let Page { items, next } = page(ask, sets.into_iter().map(|arn| (arn.clone(), arn)))?;
    Ok(json!({"PermissionSets": items, "NextToken": next}))
}

/// The accounts in which a set is assigned to anyone.
pub(super) fn accounts(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = center(ask, &state)?;
    let set = &set(ask, center)?.arn;
    let with_set = center.assignments.iter().filter(|assignment| assignment.permission_set == *set);
    let accounts: BTreeSet<&str> = with_set.map(|one| one.account.as_str()).filter(|_| latest(ask)).collect();
    let Page { items, next } = page(ask, accounts.into_iter().map(|id| (id.to_owned(), id)))?;
    Ok(json!({"AccountIds": items, "NextToken": next}))
}

/// In the lab every set is provisioned as it is: nothing is left for those who ask for others.
fn latest(ask: &Ask<'_>) -> bool {
    input::text(ask.input, "ProvisioningStatus") != Some("LATEST_PERMISSION_SET_NOT_PROVISIONED")
}

fn told(set: &PermissionSet) -> Value {
    let mut told = json!({
        "Name": set.name,
        "PermissionSetArn": set.arn,
        "CreatedDate": epoch(set.created),
        "SessionDuration": set.session_duration,
    });
    if let (Some(told), Some(description)) = (told.as_object_mut(), &set.description) {
        told.insert("Description".to_owned(), description.as_str().into());
    }
    told
}
