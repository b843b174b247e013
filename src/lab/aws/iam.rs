//! IAM: users, roles, groups and policies of the caller's account.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/APIReference/>.

mod checks;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod group_tests;
mod groups;
mod policies;
mod roles;
mod simulation;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod users;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    Ask, Service, input,
    pages::{Page, Paging},
    wire::{Fault, Protocol},
};
use crate::lab::world::{State, iam::Iam};

pub(super) const SERVICE: Service = Service {
    name: "iam",
    protocol: Protocol::Query { version: "2010-05-08", namespace: "https://iam.amazonaws.com/doc/2010-05-08/" },
    answer,
    resource,
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    match ask.operation {
        "CreateRole" => roles::create(ask),
        "GetRole" => roles::get(ask),
        "ListRoles" => roles::list(ask),
        "DeleteRole" => roles::delete(ask),
        "TagRole" => roles::tag(ask),
        "UntagRole" => roles::untag(ask),
        "ListRoleTags" => roles::list_tags(ask),
        "SimulatePrincipalPolicy" => simulation::simulate(ask),
        "CreateUser" => users::create(ask),
        "GetUser" => users::get(ask),
        "ListUsers" => users::list(ask),
        "DeleteUser" => users::delete(ask),
        "TagUser" => users::tag(ask),
        "UntagUser" => users::untag(ask),
        "ListUserTags" => users::list_tags(ask),
        "CreateGroup" => groups::create(ask),
        "GetGroup" => groups::get(ask),
        "ListGroups" => groups::list(ask),
        "ListGroupsForUser" => groups::list_of_user(ask),
        "DeleteGroup" => groups::delete(ask),
        "AddUserToGroup" => groups::add_user(ask),
        "RemoveUserFromGroup" => groups::remove_user(ask),
        "PutGroupPolicy" => groups::put_policy(ask),
        "GetGroupPolicy" => groups::get_policy(ask),
        "ListGroupPolicies" => groups::list_policies(ask),
        "DeleteGroupPolicy" => groups::delete_policy(ask),
        "AttachGroupPolicy" => groups::attach(ask),
        "DetachGroupPolicy" => groups::detach(ask),
        "ListAttachedGroupPolicies" => groups::list_attached(ask),
        "CreatePolicy" => policies::create(ask),
        "GetPolicy" => policies::get(ask),
        "DeletePolicy" => policies::delete(ask),
        "CreatePolicyVersion" => policies::create_version(ask),
        "GetPolicyVersion" => policies::get_version(ask),
        "UpdateAssumeRolePolicy" => roles::update_trust(ask),
        other => Err(Fault::unknown_operation(other)),
    }
}

/// How policy documents are encoded in answers.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html> ("URL-encoded compliant with RFC 3986").
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn encoded(document: &Value) -> String {
    utf8_percent_encode(&document.to_string(), ENCODED).to_string()
}

/// What AccessDenied names: the role, user, group or policy, or the path that is listed.
fn resource(ask: &Ask<'_>) -> String {
    let account = &ask.caller.account;
    let path = input::text(ask.input, "PathPrefix").unwrap_or("/");
    if let Some(source) = input::text(ask.input, "PolicySourceArn") {
        return source.to_owned();
    }
    match (input::text(ask.input, "RoleName"), input::text(ask.input, "UserName")) {
        (Some(role), _) => format!("role {role}"),
        (_, Some(user)) => format!("user {user}"),
        _ if input::text(ask.input, "GroupName").is_some() => {
            format!("group {}", input::text(ask.input, "GroupName").unwrap_or_default())
        }
        _ if input::text(ask.input, "PolicyArn").is_some() => {
            format!("policy {}", input::text(ask.input, "PolicyArn").unwrap_or_default())
        }
        _ => format!("arn:aws:iam::{account}:{}{path}", if ask.operation == "ListUsers" { "user" } else { "role" }),
    }
}

const PAGING: Paging = Paging { token: "Marker", size: "MaxItems", usual: 100, most: 1000 };

/// A page as IAM tells it: `IsTruncated` says whether a `Marker` comes with it.
fn page<T>(
    ask: &Ask<'_>,
    name: &str,
    items: impl IntoIterator<Item = (String, T)>,
    told: impl Fn(T) -> Value,
) -> Result<Value, Fault> {
    let Page { items, next } = PAGING.strict(ask, invalid, items)?;
    Ok(json!({
        name: items.into_iter().map(told).collect::<Value>(),
        "IsTruncated": next.is_some(),
        "Marker": next,
    }))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationError", message)
}

fn required<'a>(ask: &Ask<'a>, name: &str) -> Result<&'a str, Fault> {
    input::required(ask.input, name, "ValidationError")
}

fn gone() -> Fault {
    Fault::new("InvalidClientTokenId", "The security token included in the request is invalid.").status(403)
}

fn iam<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a Iam, Fault> {
    state.accounts.get(&ask.caller.account).map(|account| &account.iam).ok_or_else(gone)
}

fn iam_mut<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut Iam, Fault> {
    state.accounts.get_mut(&ask.caller.account).map(|account| &mut account.iam).ok_or_else(gone)
}

fn exists(what: &str, name: &str) -> Fault {
    Fault::new("EntityAlreadyExists", format!("{what} with name {name} already exists.")).status(409)
}

fn missing(what: &str, name: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("The {what} with name {name} cannot be found.")).status(404)
}

fn tags(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Tags of a single role or user; listings and those without any leave them out.
fn shown_tags(known: &BTreeMap<String, String>) -> Value {
    if known.is_empty() { Value::Null } else { tags(known) }
}

fn tags_page(ask: &Ask<'_>, known: &BTreeMap<String, String>) -> Result<Value, Fault> {
    page(
        ask,
        "Tags",
        known.iter().map(|(key, value)| (key.clone(), (key, value))),
        |(key, value)| json!({"Key": key, "Value": value}),
    )
}
