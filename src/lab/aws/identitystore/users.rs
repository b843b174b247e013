//! Users.

use serde_json::{Map, Value, json};

use super::{
    Page, directory, directory_mut, duplicate, filter, id as id_of, invalid, missing, page, required, revised, same,
    unique,
};
use crate::lab::{
    aws::{Ask, input, wire::Fault},
    world::center::{DirectoryUser, IdentityCenter},
};

/// What CreateUser is told beside the names.
const ATTRIBUTES: [&str; 12] = [
    "Addresses",
    "Emails",
    "Locale",
    "Name",
    "NickName",
    "PhoneNumbers",
    "PreferredLanguage",
    "ProfileUrl",
    "Timezone",
    "Title",
    "UserType",
    "Website",
];

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let known = directory(ask, &state)?;
    let name = input::text(ask.input, "UserName").filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("userName is a required attribute"))?;
    if name.chars().count() > 128 || name.chars().any(char::is_whitespace) {
        return Err(invalid("userName takes 1 to 128 characters without spaces"));
    }
    complete(ask.input)?;
    if known.users.values().any(|user| same(&user.name, name)) {
        return Err(duplicate("UserName"));
    }
    let display_name = required(ask, "DisplayName")?;
    let id = state.add_directory_user(name, display_name).ok_or_else(|| missing("IDENTITY_STORE"))?;
    let center = directory_mut(ask, &mut state)?;
    let user = center.users.get_mut(&id).ok_or_else(|| missing("USER"))?;
    let given = ATTRIBUTES.iter().filter_map(|name| Some(((*name).to_owned(), ask.input.get(*name)?.clone())));
    user.attributes = given.collect::<Map<_, _>>();
    Ok(revised(named(&center.store_id, &id)))
}

/// What a user has to have beside its name.
fn complete(asked: &Value) -> Result<(), Fault> {
    let name = asked.get("Name").unwrap_or(&Value::Null);
    let has = |value: &Value, member: &str| input::text(value, member).is_some_and(|text| !text.is_empty());
    let parts = [
        ("displayname", has(asked, "DisplayName")),
        ("givenname", has(name, "GivenName")),
        ("familyname", has(name, "FamilyName")),
    ];
    let lacking: Vec<String> = parts
        .iter()
        .filter(|(_, there)| !there)
        .map(|(name, _)| format!("{name}: The attribute {name} is required"))
        .collect();
    if lacking.is_empty() { Ok(()) } else { Err(invalid(lacking.join(", "))) }
}

/// The user goes with its memberships.
pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let wanted = id_of(ask, "UserId")?;
    let center = directory_mut(ask, &mut state)?;
    center.users.remove(wanted).ok_or_else(|| missing("USER"))?;
    for group in center.groups.values_mut() {
        group.members.remove(wanted);
    }
    Ok(json!({}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let user = center.users.get(id_of(ask, "UserId")?).ok_or_else(|| missing("USER"))?;
    Ok(told(center, user))
}

pub(super) fn id(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let (value, path) = unique(ask, &["username", "emails.value"])?;
    let found = center.users.values().find(|user| match path.as_str() {
        "username" => same(&user.name, value),
        _ => emails(user).any(|email| same(email, value)),
    });
    Ok(named(&center.store_id, &found.ok_or_else(|| missing("USER"))?.id))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let center = directory(ask, &state)?;
    let name = filter(ask, "UserName")?;
    let users = center.users.values().filter(|user| name.is_none_or(|name| same(&user.name, name)));
    let Page { items, next } = page(ask, users.map(|user| (user.id.clone(), user)))?;
    let told = items.into_iter().map(|user| told(center, user));
    Ok(json!({"Users": told.collect::<Value>(), "NextToken": next}))
}

fn emails(user: &DirectoryUser) -> impl Iterator<Item = &str> {
    let emails = user.attributes.get("Emails").and_then(Value::as_array);
    emails.into_iter().flatten().filter_map(|email| input::text(email, "Value"))
}

fn named(store: &str, id: &str) -> Value {
    json!({
        "IdentityStoreId": store,
        "UserId": id,
        "UserArn": format!("arn:aws:identitystore:::user/{id}"),
    })
}

fn told(center: &IdentityCenter, user: &DirectoryUser) -> Value {
    let mut told = revised(named(&center.store_id, &user.id));
    if let Some(told) = told.as_object_mut() {
        told.insert("UserName".to_owned(), user.name.as_str().into());
        told.insert("DisplayName".to_owned(), user.display_name.as_str().into());
        told.insert("UserStatus".to_owned(), "ENABLED".into());
        told.extend(user.attributes.clone());
    }
    told
}
