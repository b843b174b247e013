//! Groups.

use serde_json::{Value, json};

use super::{
    Page, directory, directory_mut, duplicate, filter, id as id_of, invalid, missing, page, required, revised, same,
    unique,
};
use crate::lab::{
    aws::{Ask, input, wire::Fault},
    world::center::{Group, IdentityCenter},
};

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let known = directory(ask, &state)?;
    let name = required(ask, "DisplayName")?;
    if name.is_empty() || name.chars().count() > 1024 {
        return Err(invalid("DisplayName takes 1 to 1024 characters"));
    }
    if known.groups.values().any(|group| same(&group.name, name)) {
        return Err(duplicate("GroupDisplayName"));
    }
    let id = state.add_directory_group(name).ok_or_else(|| missing("IDENTITY_STORE"))?;
    let center = directory_mut(ask, &mut state)?;
    let group = center.groups.get_mut(&id).ok_or_else(|| missing("GROUP"))?;
    group.description = input::text(ask.input, "Description").map(str::to_owned);
    Ok(revised(named(&center.store_id, &id)))
}

/// The group goes with its memberships.
pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let wanted = id_of(ask, "GroupId")?;
    directory_mut(ask, &mut state)?.groups.remove(wanted).ok_or_else(|| missing("GROUP"))?;
    Ok(json!({}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    Ok(told(center, group(ask, center)?))
}

pub(super) fn id(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let (name, _) = unique(ask, &["displayname"])?;
    let group = center.groups.values().find(|group| same(&group.name, name)).ok_or_else(|| missing("GROUP"))?;
    Ok(named(&center.store_id, &group.id))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let name = filter(ask, "DisplayName")?;
    let groups = center.groups.values().filter(|group| name.is_none_or(|name| same(&group.name, name)));
    let Page { items, next } = page(ask, groups.map(|group| (group.id.clone(), group)))?;
    let told = items.into_iter().map(|group| told(center, group));
    Ok(json!({"Groups": told.collect::<Value>(), "NextToken": next}))
}

/// The group that is named.
pub(super) fn group<'a>(ask: &Ask<'_>, center: &'a IdentityCenter) -> Result<&'a Group, Fault> {
    center.groups.get(id_of(ask, "GroupId")?).ok_or_else(|| missing("GROUP"))
}

fn named(store: &str, id: &str) -> Value {
    json!({
        "IdentityStoreId": store,
        "GroupId": id,
        "GroupArn": format!("arn:aws:identitystore:::group/{id}"),
    })
}

fn told(center: &IdentityCenter, group: &Group) -> Value {
    let mut told = revised(named(&center.store_id, &group.id));
    if let Some(told) = told.as_object_mut() {
        told.insert("DisplayName".to_owned(), group.name.as_str().into());
        if let Some(description) = &group.description {
            told.insert("Description".to_owned(), description.as_str().into());
        }
    }
    told
}
