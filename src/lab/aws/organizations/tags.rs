//! Tags of accounts.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{invalid, is_account, is_root, is_unit, listed, matching, not_found, violation};
use crate::lab::{
    aws::{Ask, input, pages::Paging, wire::Fault},
    world::State,
};

/// No resource has more tags.
const MOST: usize = 50;
const PAGING: Paging = Paging { token: "NextToken", size: "MaxResults", usual: MOST, most: MOST };

pub(super) fn list(ask: &Ask<'_>, state: &State) -> Result<Value, Fault> {
    let id = matching(ask, "ResourceId", is_target)?;
    let none = BTreeMap::new();
    let tags = match state.accounts.values().find(|account| account.id.as_str() == id) {
        Some(account) => &account.tags,
        None if id == state.organization.root || state.organization.units.contains_key(id) => &none,
        None => return Err(not_found("TargetNotFoundException", "target")),
    };
    let tags = tags.iter().map(|(key, value)| (key.clone(), (key, value)));
    let page = PAGING.page(ask, tags);
    let page = page.map_err(|_| invalid("INVALID_NEXT_TOKEN", "You provided an invalid pagination token."))?;
    Ok(listed("Tags", page, |(key, value)| json!({"Key": key, "Value": value})))
}

/// Adds tags or changes their values. In the lab only accounts have tags.
pub(super) fn tag(ask: &Ask<'_>, state: &mut State) -> Result<Value, Fault> {
    let id = matching(ask, "ResourceId", is_target)?;
    let tags = asked(ask)?;
    let known = id == state.organization.root || state.organization.units.contains_key(id);
    let Some(account) = state.accounts.values_mut().find(|account| account.id.as_str() == id) else {
        return Err(if known {
            invalid("TARGET_NOT_SUPPORTED", "You can't perform the specified operation on that target entity.")
        } else {
            not_found("TargetNotFoundException", "target")
        });
    };
    let new = tags.keys().filter(|key| !account.tags.contains_key(*key)).count();
    if account.tags.len() + new > MOST {
        let message = "You have exceeded the number of tags allowed on this resource.";
        return Err(violation("MAX_TAG_LIMIT_EXCEEDED", message));
    }
    account.tags.extend(tags);
    Ok(Value::Null)
}

/// The tags that a call carries.
pub(super) fn asked(ask: &Ask<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags = BTreeMap::new();
    let none = Vec::new();
    for tag in ask.input.get("Tags").and_then(Value::as_array).unwrap_or(&none) {
        let (key, value) = (input::text(tag, "Key").unwrap_or_default(), input::text(tag, "Value").unwrap_or_default());
        if key.is_empty() {
            let message = "You provided a string parameter that is shorter than allowed.";
            return Err(invalid("MIN_LENGTH_EXCEEDED", message));
        }
        if key.chars().count() > 128 || value.chars().count() > 256 {
            let message = "You provided a string parameter that is longer than allowed.";
            return Err(invalid("MAX_LENGTH_EXCEEDED", message));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message = "You specified a tag key that is a system tag.";
            return Err(invalid("INVALID_SYSTEM_TAGS_PARAMETER", message));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            let message = "Tag keys must be unique among the tags attached to the same entity.";
            return Err(invalid("DUPLICATE_TAG_KEY", message));
        }
    }
    Ok(tags)
}

fn is_target(id: &str) -> bool {
    is_account(id) || is_root(id) || is_unit(id)
}
