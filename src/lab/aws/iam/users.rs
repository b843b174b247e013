//! Users.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{checks, exists, gone, iam, iam_mut, invalid, missing, page, shown_tags, tags_page};
use crate::{
    lab::{
        aws::{
            Ask, input,
            wire::{Fault, iso},
        },
        world::{State, iam::User},
    },
    model::{AccountId, Arn},
};

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (name, path) = (checks::name(ask, "UserName", 64)?, checks::path(ask)?);
    let tags = checks::tags(ask, &BTreeMap::new())?;
    let mut state = ask.world.write();
    if iam(ask, &state)?.users.contains_key(&name.to_lowercase()) {
        return Err(exists("User", name));
    }
    let account = &ask.caller.account;
    let user = state.add_user(account, path, name, ask.now).ok_or_else(gone)?;
    user.tags = tags;
    Ok(json!({"User": whole(account, user)}))
}

pub(super) fn get(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    Ok(json!({"User": whole(&ask.caller.account, user(ask, &state)?)}))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let prefix = checks::path_prefix(ask)?;
    let state = ask.world.read();
    let users = iam(ask, &state)?.users.iter().filter(|(_, user)| user.path.starts_with(prefix));
    page(ask, "Users", users.map(|(key, user)| (key.clone(), user)), |user| listed(&ask.caller.account, user))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let user = changing(ask, &mut state)?;
    let (key, id) = (user.name.to_lowercase(), user.id.clone());
    if state.keys.values().any(|key| key.session_token.is_none() && key.caller.user_id == id) {
        let message = "Cannot delete entity, must delete access keys first.";
        return Err(Fault::new("DeleteConflict", message).status(409));
    }
    let iam = iam_mut(ask, &mut state)?;
    if iam.groups.values().any(|group| group.users.contains(&key)) {
        let message = "Cannot delete entity, must remove users from group first.";
        return Err(Fault::new("DeleteConflict", message).status(409));
    }
    iam.users.remove(&key);
    Ok(Value::Null)
}

pub(super) fn tag(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let user = changing(ask, &mut state)?;
    user.tags = checks::tags(ask, &user.tags)?;
    Ok(Value::Null)
}

pub(super) fn untag(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let user = changing(ask, &mut state)?;
    for key in input::texts(ask.input, "TagKeys") {
        user.tags.retain(|known, _| known.to_lowercase() != key.to_lowercase());
    }
    Ok(Value::Null)
}

pub(super) fn list_tags(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    required_name(ask)?;
    tags_page(ask, &user(ask, &state)?.tags)
}

pub(super) fn required_name<'a>(ask: &Ask<'a>) -> Result<&'a str, Fault> {
    checks::name(ask, "UserName", 128)
}

/// The user that is named, or the caller where none is.
fn user<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a User, Fault> {
    let own = ask.caller.arn.parse::<Arn>().ok();
    let name = match (input::text(ask.input, "UserName"), own.as_ref().and_then(Arn::user_name)) {
        (Some(_), _) => required_name(ask)?,
        (None, Some(own)) => own,
        (None, None) => return Err(invalid("Must specify userName when calling with non-User credentials")),
    };
    iam(ask, state)?.users.get(&name.to_lowercase()).ok_or_else(|| missing("user", name))
}

fn changing<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut User, Fault> {
    let name = required_name(ask)?;
    iam_mut(ask, state)?.users.get_mut(&name.to_lowercase()).ok_or_else(|| missing("user", name))
}

fn whole(account: &AccountId, user: &User) -> Value {
    let mut told = listed(account, user);
    if let Some(told) = told.as_object_mut() {
        told.insert("Tags".to_owned(), shown_tags(&user.tags));
    }
    told
}

pub(super) fn listed(account: &AccountId, user: &User) -> Value {
    json!({
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn(account).to_string(),
        "CreateDate": iso(user.created),
    })
}
