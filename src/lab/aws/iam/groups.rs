//! Groups: their users, their inline policies, and the policies that are attached to them.

use serde_json::{Value, json};

use super::{checks, encoded, exists, gone, iam, iam_mut, missing, page, policies, required, users};
use crate::{
    lab::{
        aws::{
            Ask,
            wire::{Fault, iso},
        },
        world::{State, iam::Group},
    },
    model::AccountId,
};

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (name, path) = (name(ask)?, checks::path(ask)?);
    let mut state = ask.world.write();
    if iam(ask, &state)?.groups.contains_key(&name.to_lowercase()) {
        return Err(exists("Group", name));
    }
    let account = &ask.caller.account;
    let group = state.add_group(account, path, name, ask.now).ok_or_else(gone)?;
    Ok(json!({"Group": told(account, group)}))
}

/// The group with its users, page by page.
pub(super) fn get(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let (group, account) = (group(ask, &state)?, &ask.caller.account);
    let all = &iam(ask, &state)?.users;
    let users = group.users.iter().filter_map(|key| Some((key.clone(), all.get(key)?)));
    let mut page = page(ask, "Users", users, |user| users::listed(account, user))?;
    if let Some(page) = page.as_object_mut() {
        page.insert("Group".to_owned(), told(account, group));
    }
    Ok(page)
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let prefix = checks::path_prefix(ask)?;
    let state = ask.world.read();
    let groups = iam(ask, &state)?.groups.iter().filter(|(_, group)| group.path.starts_with(prefix));
    page(ask, "Groups", groups.map(|(key, group)| (key.clone(), group)), |group| told(&ask.caller.account, group))
}

pub(super) fn list_of_user(ask: &Ask<'_>) -> Result<Value, Fault> {
    let user = users::required_name(ask)?;
    let state = ask.world.read();
    let iam = iam(ask, &state)?;
    let key = user.to_lowercase();
    if !iam.users.contains_key(&key) {
        return Err(missing("user", user));
    }
    let groups = iam.groups.iter().filter(|(_, group)| group.users.contains(&key));
    page(ask, "Groups", groups.map(|(key, group)| (key.clone(), group)), |group| told(&ask.caller.account, group))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let group = group(ask, &state)?;
    let conflict = if !group.users.is_empty() {
        "Cannot delete entity, must remove users from group first."
    } else if !group.inline.is_empty() {
        "Cannot delete entity, must delete policies first."
    } else if !group.attached.is_empty() {
        "Cannot delete entity, must detach all policies first."
    } else {
        let key = group.name.to_lowercase();
        iam_mut(ask, &mut state)?.groups.remove(&key);
        return Ok(Value::Null);
    };
    Err(Fault::new("DeleteConflict", conflict).status(409))
}

pub(super) fn add_user(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (group, user) = (name(ask)?, users::required_name(ask)?);
    let mut state = ask.world.write();
    self::group(ask, &state)?;
    state.add_to_group(&ask.caller.account, group, user).ok_or_else(|| missing("user", user))?;
    Ok(Value::Null)
}

pub(super) fn remove_user(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (group, user) = (name(ask)?, users::required_name(ask)?);
    let mut state = ask.world.write();
    self::group(ask, &state)?;
    state.remove_from_group(&ask.caller.account, group, user).ok_or_else(|| missing("user", user))?;
    Ok(Value::Null)
}

pub(super) fn put_policy(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (name, document) = (checks::name(ask, "PolicyName", 128)?, checks::policy(ask)?);
    let mut state = ask.world.write();
    changing(ask, &mut state)?.inline.insert(name.to_owned(), document);
    Ok(Value::Null)
}

pub(super) fn get_policy(ask: &Ask<'_>) -> Result<Value, Fault> {
    let name = checks::name(ask, "PolicyName", 128)?;
    let state = ask.world.read();
    let group = group(ask, &state)?;
    let document = group.inline.get(name).ok_or_else(|| no_policy(name))?;
    Ok(json!({"GroupName": group.name, "PolicyName": name, "PolicyDocument": encoded(document)}))
}

pub(super) fn list_policies(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let names = group(ask, &state)?.inline.keys();
    page(ask, "PolicyNames", names.map(|name| (name.clone(), name)), |name| json!(name))
}

pub(super) fn delete_policy(ask: &Ask<'_>) -> Result<Value, Fault> {
    let name = checks::name(ask, "PolicyName", 128)?;
    let mut state = ask.world.write();
    changing(ask, &mut state)?.inline.remove(name).ok_or_else(|| no_policy(name))?;
    Ok(Value::Null)
}

pub(super) fn attach(ask: &Ask<'_>) -> Result<Value, Fault> {
    let arn = required(ask, "PolicyArn")?;
    let mut state = ask.world.write();
    policies::find(ask, &state)?;
    changing(ask, &mut state)?.attached.insert(arn.to_owned());
    Ok(Value::Null)
}

pub(super) fn detach(ask: &Ask<'_>) -> Result<Value, Fault> {
    let arn = required(ask, "PolicyArn")?;
    let mut state = ask.world.write();
    let taken = changing(ask, &mut state)?.attached.remove(arn);
    if taken { Ok(Value::Null) } else { Err(policies::not_found(arn)) }
}

pub(super) fn list_attached(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let arns = group(ask, &state)?.attached.iter();
    page(
        ask,
        "AttachedPolicies",
        arns.map(|arn| (arn.clone(), arn)),
        |arn| json!({"PolicyName": arn.rsplit('/').next(), "PolicyArn": arn}),
    )
}

fn name<'a>(ask: &Ask<'a>) -> Result<&'a str, Fault> {
    checks::name(ask, "GroupName", 128)
}

fn group<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a Group, Fault> {
    let name = name(ask)?;
    iam(ask, state)?.groups.get(&name.to_lowercase()).ok_or_else(|| missing("group", name))
}

fn changing<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut Group, Fault> {
    let name = name(ask)?;
    iam_mut(ask, state)?.groups.get_mut(&name.to_lowercase()).ok_or_else(|| missing("group", name))
}

fn no_policy(name: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("The group policy with name {name} cannot be found.")).status(404)
}

fn told(account: &AccountId, group: &Group) -> Value {
    json!({
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn(account).to_string(),
        "CreateDate": iso(group.created),
    })
}
