//! Identity Center's directory: users, groups and who is in which.
//!
//! See <https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/>.

mod groups;
mod memberships;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod users;

use serde_json::Value;

use super::{
    Ask, Service, input,
    pages::{Page, Paging},
    ssoadmin::administers,
    wire::{Fault, Protocol},
};
use crate::lab::world::{State, center::IdentityCenter};

pub(super) const SERVICE: Service = Service {
    name: "identitystore",
    protocol: Protocol::Json { version: "1.1", target: "AWSIdentityStore", message: "Message" },
    answer,
    resource: |ask| format!("arn:aws:identitystore::{}:identitystore/{}", ask.caller.account, store(ask)),
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    match ask.operation {
        "CreateGroup" => groups::create(ask),
        "DeleteGroup" => groups::delete(ask),
        "DescribeGroup" => groups::describe(ask),
        "GetGroupId" => groups::id(ask),
        "ListGroups" => groups::list(ask),
        "CreateUser" => users::create(ask),
        "DeleteUser" => users::delete(ask),
        "DescribeUser" => users::describe(ask),
        "GetUserId" => users::id(ask),
        "ListUsers" => users::list(ask),
        "CreateGroupMembership" => memberships::create(ask),
        "DeleteGroupMembership" => memberships::delete(ask),
        "DescribeGroupMembership" => memberships::describe(ask),
        "GetGroupMembershipId" => memberships::id(ask),
        "IsMemberInGroups" => memberships::is_member(ask),
        "ListGroupMemberships" => memberships::of_group(ask),
        "ListGroupMembershipsForMember" => memberships::of_member(ask),
        other => Err(Fault::unknown_operation(other)),
    }
}

const PAGING: Paging = Paging { token: "NextToken", size: "MaxResults", usual: 100, most: 100 };

fn page<T>(ask: &Ask<'_>, items: impl IntoIterator<Item = (String, T)>) -> Result<Page<T>, Fault> {
    PAGING.strict(ask, invalid, items)
}

/// Names are taken whatever their case.
fn same(name: &str, other: &str) -> bool {
    name.to_lowercase() == other.to_lowercase()
}

/// A group or user as it is told with its revision, which lookups by name do not tell. The lab changes nothing of what it
/// once made.
fn revised(mut told: Value) -> Value {
    if let Some(told) = told.as_object_mut() {
        told.insert("Revision".to_owned(), "1".into());
    }
    told
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationException", message)
}

fn missing(kind: &str) -> Fault {
    Fault::new("ResourceNotFoundException", format!("{kind} not found.")).with("ResourceType", kind)
}

fn duplicate(what: &str) -> Fault {
    Fault::new("ConflictException", format!("Duplicate {what}")).with("Reason", "UNIQUENESS_CONSTRAINT_VIOLATION")
}

fn required<'a>(ask: &Ask<'a>, name: &str) -> Result<&'a str, Fault> {
    input::required(ask.input, name, "ValidationException")
}

/// The id in a parameter.
fn id<'a>(ask: &Ask<'a>, name: &str) -> Result<&'a str, Fault> {
    checked(required(ask, name)?, &input::lower_first(name))
}

/// What every id has to look like: `ResourceId` in the model of the API.
const RESOURCE_ID: &str = "(arn:aws[a-z-]*:identitystore:::(user|group|membership)/)?([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-\
    [A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}";

/// An id, which may come as an ARN that ends in it.
fn checked<'a>(given: &'a str, at: &str) -> Result<&'a str, Fault> {
    let id = match given.rsplit_once('/') {
        Some((arn, id)) => is_arn(arn).then_some(id),
        None => Some(given),
    };
    id.filter(|id| is_id(id)).ok_or_else(|| {
        let constraint = format!("Member must satisfy regular expression pattern: {RESOURCE_ID}");
        let at = format!("Value '{given}' at '{at}' failed to satisfy constraint: {constraint}");
        invalid(format!("1 validation error detected: {at}"))
    })
}

fn is_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    let ["arn", partition, "identitystore", "", "", "user" | "group" | "membership"] = parts.as_slice() else {
        return false;
    };
    let more = partition.strip_prefix("aws");
    more.is_some_and(|more| more.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-'))
}

fn is_id(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    let uuid = match parts.as_slice() {
        [directory, uuid @ ..] if directory.len() == 10 && !directory.bytes().any(|c| c.is_ascii_uppercase()) => uuid,
        uuid => uuid,
    };
    parts.iter().all(|part| part.bytes().all(|digit| digit.is_ascii_hexdigit()))
        && uuid.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
}

/// The user's id in a `MemberId`.
fn member<'a>(ask: &Ask<'a>) -> Result<&'a str, Fault> {
    let member = ask.input.get("MemberId").and_then(|member| input::text(member, "UserId"));
    checked(member.ok_or_else(|| invalid("MemberId must have a UserId"))?, "memberId.userId")
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn store<'a>(ask: &Ask<'a>) -> &'a str {
    last(input::text(ask.input, "IdentityStoreId").unwrap_or_default())
}

/// The directory that is named, for those who administer it, in its region.
fn directory<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a IdentityCenter, Fault> {
    required(ask, "IdentityStoreId")?;
    let here = state.center.as_ref().filter(|center| center.region == *ask.region && center.store_id == store(ask));
    let center = here.ok_or_else(|| missing("IDENTITY_STORE"))?;
    if administers(center, &ask.caller.account) {
        return Ok(center);
    }
    let (caller, operation) = (&ask.caller.arn, ask.operation);
    let message = format!("User: {caller} is not authorized to perform: identitystore:{operation}");
    Err(Fault::new("AccessDeniedException", message))
}

fn directory_mut<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut IdentityCenter, Fault> {
    directory(ask, state)?;
    state.center.as_mut().ok_or_else(|| missing("IDENTITY_STORE"))
}

/// What an alternate identifier looks for: the value of the one attribute that is asked after, in any spelling of `paths`.
fn unique<'a>(ask: &Ask<'a>, paths: &[&str]) -> Result<(&'a str, String), Fault> {
    let asked = ask.input.get("AlternateIdentifier").and_then(|alternate| alternate.get("UniqueAttribute"));
    let asked = asked.ok_or_else(|| invalid("The lab looks up by UniqueAttribute only"))?;
    let path = input::text(asked, "AttributePath").unwrap_or_default();
    if !paths.contains(&path.to_lowercase().as_str()) {
        return Err(invalid(format!("The attribute {path} is not a unique attribute")));
    }
    match input::text(asked, "AttributeValue").filter(|value| !value.is_empty()) {
        Some(value) => Ok((value, path.to_lowercase())),
        None => Err(invalid("attribute value cannot be empty or null for attribute path")),
    }
}

/// The value that a listing is filtered by, if any; it can only be this attribute.
fn filter<'a>(ask: &Ask<'a>, path: &str) -> Result<Option<&'a str>, Fault> {
    let Some(filter) = ask.input.get("Filters").and_then(Value::as_array).and_then(|filters| filters.first()) else {
        return Ok(None);
    };
    match input::text(filter, "AttributePath") {
        Some(asked) if asked.eq_ignore_ascii_case(path) => Ok(input::text(filter, "AttributeValue")),
        asked => Err(invalid(format!("The attribute {} cannot be filtered by", asked.unwrap_or_default()))),
    }
}
