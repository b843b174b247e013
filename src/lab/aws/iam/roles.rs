//! Roles.

use serde_json::{Value, json};

use super::{checks, encoded, exists, iam, iam_mut, missing, page, shown_tags, tags_page};
use crate::{
    lab::{
        aws::{
            Ask, input,
            wire::{Fault, iso},
        },
        world::{State, iam::Role},
    },
    model::AccountId,
};

/// What AWS made, Identity Center's roles and those of services, is AWS's to change.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html> (UnmodifiableEntity).
const PROTECTED: [&str; 2] = ["/aws-reserved/", "/aws-service-role/"];

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let name = checks::name(ask, "RoleName", 64)?;
    let path = checks::path(ask)?;
    if PROTECTED.iter().any(|protected| path.starts_with(protected)) {
        let message = format!("Roles of the path {path} can only be created by AWS");
        return Err(super::invalid(message));
    }
    let (trust, max_session) = (checks::trust(ask)?, checks::max_session(ask)?);
    let tags = checks::tags(ask, &std::collections::BTreeMap::new())?;
    let mut state = ask.world.write();
    if iam(ask, &state)?.roles.contains_key(&name.to_lowercase()) {
        return Err(exists("Role", name));
    }
    let account = &ask.caller.account;
    let role = state.add_role(account, path, name, trust, ask.now).ok_or_else(super::gone)?;
    role.tags = tags;
    role.max_session = max_session;
    role.description = input::text(ask.input, "Description").map(str::to_owned);
    let mut told = listed(account, role);
    if let Some(told) = told.as_object_mut() {
        told.insert("Tags".to_owned(), shown_tags(&role.tags));
    }
    Ok(json!({"Role": told}))
}

pub(super) fn get(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let role = role(ask, &state)?;
    let mut told = listed(&ask.caller.account, role);
    if let Some(told) = told.as_object_mut() {
        told.insert("Tags".to_owned(), shown_tags(&role.tags));
        told.insert("RoleLastUsed".to_owned(), json!({}));
    }
    Ok(json!({"Role": told}))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let prefix = checks::path_prefix(ask)?;
    let state = ask.world.read();
    let roles = iam(ask, &state)?.roles.iter().filter(|(_, role)| role.path.starts_with(prefix));
    page(ask, "Roles", roles.map(|(key, role)| (key.clone(), role)), |role| listed(&ask.caller.account, role))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let key = changing(ask, &mut state)?.name.to_lowercase();
    iam_mut(ask, &mut state)?.roles.remove(&key);
    Ok(Value::Null)
}

pub(super) fn update_trust(ask: &Ask<'_>) -> Result<Value, Fault> {
    let trust = checks::trust_of(ask, "PolicyDocument")?;
    let mut state = ask.world.write();
    changing(ask, &mut state)?.trust = trust;
    Ok(Value::Null)
}

pub(super) fn tag(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let role = changing(ask, &mut state)?;
    role.tags = checks::tags(ask, &role.tags)?;
    Ok(Value::Null)
}

pub(super) fn untag(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let role = changing(ask, &mut state)?;
    for key in input::texts(ask.input, "TagKeys") {
        role.tags.retain(|known, _| known.to_lowercase() != key.to_lowercase());
    }
    Ok(Value::Null)
}

pub(super) fn list_tags(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    tags_page(ask, &role(ask, &state)?.tags)
}

/// The role that is named, whatever the case.
fn role<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a Role, Fault> {
    let name = checks::name(ask, "RoleName", 64)?;
    iam(ask, state)?.roles.get(&name.to_lowercase()).ok_or_else(|| missing("role", name))
}

fn changing<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut Role, Fault> {
    let name = checks::name(ask, "RoleName", 64)?;
    let role = iam_mut(ask, state)?.roles.get_mut(&name.to_lowercase()).ok_or_else(|| missing("role", name))?;
    if PROTECTED.iter().any(|protected| role.path.starts_with(protected)) {
        let why = "this role is only modifiable by AWS";
        let message = format!("Cannot perform the operation on the protected role '{}' - {why}", role.name);
        return Err(Fault::new("UnmodifiableEntity", message));
    }
    Ok(role)
}

/// As listings tell it: without tags and without when it was last used.
fn listed(account: &AccountId, role: &Role) -> Value {
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn(account).to_string(),
        "CreateDate": iso(role.created),
        "AssumeRolePolicyDocument": encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.max_session,
    })
}
