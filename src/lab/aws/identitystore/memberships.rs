//! Who is in which group.

use serde_json::{Value, json};

use super::{Page, checked, directory, directory_mut, duplicate, groups::group, id as id_of, member, missing, page};
use crate::lab::{
    aws::{Ask, input, wire::Fault},
    world::center::IdentityCenter,
};

const KIND: &str = "GROUP_MEMBERSHIP";

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let center = directory(ask, &state)?;
    let (wanted, group) = (user(ask, center)?, group(ask, center)?);
    if group.members.contains_key(wanted) {
        return Err(duplicate("GroupMembership"));
    }
    let group = group.id.clone();
    let id = state.add_membership(&group, wanted).ok_or_else(|| missing("GROUP"))?;
    Ok(named(&directory(ask, &state)?.store_id, &id))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let wanted = id_of(ask, "MembershipId")?;
    let center = directory_mut(ask, &mut state)?;
    let (group, user) = found(center, wanted).map(|(group, user)| (group.to_owned(), user.to_owned()))?;
    if let Some(group) = center.groups.get_mut(&group) {
        group.members.remove(&user);
    }
    Ok(json!({}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let wanted = id_of(ask, "MembershipId")?;
    let (group, user) = found(center, wanted)?;
    Ok(told(center, wanted, group, user))
}

pub(super) fn id(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let membership = group(ask, center)?.members.get(member(ask)?).ok_or_else(|| missing(KIND))?;
    Ok(named(&center.store_id, membership))
}

pub(super) fn is_member(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let user = user(ask, center)?;
    let mut results = Vec::new();
    for asked in input::texts(ask.input, "GroupIds") {
        let group = center.groups.get(checked(&asked, "groupIds")?).ok_or_else(|| missing("GROUP"))?;
        results.push(json!({
            "GroupId": group.id,
            "MemberId": {"UserId": user},
            "MembershipExists": group.members.contains_key(user),
        }));
    }
    Ok(json!({"Results": results}))
}

pub(super) fn of_group(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let group = group(ask, center)?;
    let members = group.members.iter().map(|(user, id)| (user.clone(), (id, user)));
    let Page { items, next } = page(ask, members)?;
    let told = items.into_iter().map(|(id, user)| told(center, id, &group.id, user));
    Ok(json!({"GroupMemberships": told.collect::<Value>(), "NextToken": next}))
}

pub(super) fn of_member(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let user = user(ask, center)?;
    let groups = center.groups.values();
    let held = groups.filter_map(|group| Some((group.id.clone(), (group.members.get(user)?, &group.id))));
    let Page { items, next } = page(ask, held)?;
    let told = items.into_iter().map(|(id, group)| told(center, id, group, user));
    Ok(json!({"GroupMemberships": told.collect::<Value>(), "NextToken": next}))
}

/// The user that is named, who has to exist.
fn user<'a>(ask: &Ask<'a>, center: &IdentityCenter) -> Result<&'a str, Fault> {
    let user = member(ask)?;
    if center.users.contains_key(user) { Ok(user) } else { Err(missing("USER")) }
}

/// Group and user of a membership.
fn found<'a>(center: &'a IdentityCenter, wanted: &str) -> Result<(&'a str, &'a str), Fault> {
    let mut all = center.groups.values().flat_map(|group| {
        group.members.iter().map(move |(user, membership)| (membership, group.id.as_str(), user.as_str()))
    });
    let found = all.find(|(membership, ..)| *membership == wanted);
    found.map(|(_, group, user)| (group, user)).ok_or_else(|| missing(KIND))
}

fn named(store: &str, id: &str) -> Value {
    json!({
        "IdentityStoreId": store,
        "MembershipId": id,
        "MembershipArn": format!("arn:aws:identitystore:::membership/{id}"),
    })
}

fn told(center: &IdentityCenter, id: &str, group: &str, user: &str) -> Value {
    let mut told = named(&center.store_id, id);
    if let Some(told) = told.as_object_mut() {
        told.insert("GroupId".to_owned(), group.into());
        told.insert("MemberId".to_owned(), json!({"UserId": user}));
    }
    told
}
