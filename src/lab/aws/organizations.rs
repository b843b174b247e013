//! Organizations: one organization, read and made by its management account.
//!
//! See <https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html>.

mod change;
mod shapes;
mod tags;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use serde_json::{Value, json};

use super::{
    Ask, Service, input,
    pages::{Page, Paging},
    wire::{Fault, Protocol},
};
use crate::{
    lab::world::{
        State,
        organization::{Account, Unit},
    },
    model::AccountId,
};

pub(super) const SERVICE: Service = Service {
    name: "organizations",
    protocol: Protocol::Json { version: "1.1", target: "AWSOrganizationsV20161128", message: "Message" },
    answer,
    resource: |_| "*".to_owned(),
};

const PAGING: Paging = Paging { token: "NextToken", size: "MaxResults", usual: 20, most: 20 };

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    // It answers in one region of the partition.
    if ask.region.as_str() != "us-east-1" {
        let message = "Credential should be scoped to a valid region. ";
        return Err(Fault::new("SignatureDoesNotMatch", message).status(403));
    }
    let change: Option<Change> = match ask.operation {
        "CreateAccount" => Some(change::create_account),
        "CreateOrganizationalUnit" => Some(change::create_unit),
        "MoveAccount" => Some(change::move_account),
        "TagResource" => Some(tags::tag),
        _ => None,
    };
    if let Some(change) = change {
        let mut state = ask.world.write();
        entitled(ask, &state)?;
        return change(ask, &mut state);
    }
    let state = ask.world.read();
    entitled(ask, &state)?;
    read(ask, &state)
}

type Change = fn(&Ask<'_>, &mut State) -> Result<Value, Fault>;

fn read(ask: &Ask<'_>, state: &State) -> Result<Value, Fault> {
    match ask.operation {
        "DescribeAccount" => {
            let id = account_id(ask, "AccountId")?;
            Ok(json!({"Account": shapes::account(state, account(state, &id)?)}))
        }
        "DescribeCreateAccountStatus" => change::describe_creation(ask, state),
        "DescribeOrganization" => Ok(json!({"Organization": shapes::organization(state)})),
        "DescribeOrganizationalUnit" => {
            let id = matching(ask, "OrganizationalUnitId", is_unit)?;
            let found = state.organization.units.get(id);
            let missing = || not_found("OrganizationalUnitNotFoundException", "organizational unit");
            Ok(json!({"OrganizationalUnit": shapes::unit(state, found.ok_or_else(missing)?)}))
        }
        "ListAccounts" => {
            let accounts = members(state).map(|account| (account.id.to_string(), account));
            Ok(listed("Accounts", page(ask, accounts)?, |account| shapes::account(state, account)))
        }
        "ListAccountsForParent" => {
            let parent = parent(ask, state, "ParentId", "ParentNotFoundException", "parent")?;
            let accounts = members(state).filter(|account| account.parent == parent);
            let accounts = accounts.map(|account| (account.id.to_string(), account));
            Ok(listed("Accounts", page(ask, accounts)?, |account| shapes::account(state, account)))
        }
        "ListOrganizationalUnitsForParent" => {
            let parent = parent(ask, state, "ParentId", "ParentNotFoundException", "parent")?;
            let units = state.organization.units.iter().filter(|(_, unit)| unit.parent == parent);
            let units = units.map(|(id, unit)| (id.clone(), unit));
            Ok(listed("OrganizationalUnits", page(ask, units)?, |unit| shapes::unit(state, unit)))
        }
        "ListParents" => list_parents(ask, state),
        "ListRoots" => {
            let root = page(ask, [(state.organization.root.clone(), ())])?;
            Ok(listed("Roots", root, |()| shapes::root(state)))
        }
        "ListTagsForResource" => tags::list(ask, state),
        other => Err(Fault::unknown_operation(other)),
    }
}

fn list_parents(ask: &Ask<'_>, state: &State) -> Result<Value, Fault> {
    let child = matching(ask, "ChildId", |id| is_account(id) || is_unit(id))?;
    let parent = match state.organization.units.get(child) {
        Some(unit) => Some(&unit.parent),
        None => members(state).find(|account| account.id.as_str() == child).map(|account| &account.parent),
    };
    let parent = parent.ok_or_else(|| not_found("ChildNotFoundException", "child"))?;
    let kind = if *parent == state.organization.root { "ROOT" } else { "ORGANIZATIONAL_UNIT" };
    let parents = page(ask, [(parent.clone(), parent)])?;
    Ok(listed("Parents", parents, |parent| json!({"Id": parent, "Type": kind})))
}

/// Only the management account may, and any member DescribeOrganization.
fn entitled(ask: &Ask<'_>, state: &State) -> Result<(), Fault> {
    if account(state, &ask.caller.account).is_err() {
        return Err(Fault::new(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        ));
    }
    if ask.caller.account != state.organization.management && ask.operation != "DescribeOrganization" {
        return Err(Fault::new("AccessDenied", "You don't have permissions to access this resource."));
    }
    Ok(())
}

/// The accounts of the organization; one without a parent stands alone.
fn members(state: &State) -> impl Iterator<Item = &Account> {
    state.accounts.values().filter(|account| !account.parent.is_empty())
}

fn account<'s>(state: &'s State, id: &AccountId) -> Result<&'s Account, Fault> {
    let found = state.accounts.get(id).filter(|account| !account.parent.is_empty());
    found.ok_or_else(|| not_found("AccountNotFoundException", "account"))
}

fn unit_names<'s>(state: &'s State, parent: &str) -> impl Iterator<Item = &'s Unit> {
    state.organization.units.values().filter(move |unit| unit.parent == parent)
}

/// The id of a root or unit that exists.
fn parent<'a>(ask: &Ask<'a>, state: &State, name: &str, code: &str, what: &str) -> Result<&'a str, Fault> {
    let id = matching(ask, name, |id| is_root(id) || is_unit(id))?;
    if id == state.organization.root || state.organization.units.contains_key(id) {
        return Ok(id);
    }
    Err(not_found(code, what))
}

fn account_id(ask: &Ask<'_>, name: &str) -> Result<AccountId, Fault> {
    let id = matching(ask, name, is_account)?;
    id.parse().map_err(|_| invalid("INVALID_PATTERN", PATTERN))
}

fn page<T>(ask: &Ask<'_>, items: impl IntoIterator<Item = (String, T)>) -> Result<Page<T>, Fault> {
    match input::number(ask.input, "MaxResults") {
        Some(size) if size > 20 => {
            let message = "You provided a numeric parameter that has a larger value than allowed.";
            return Err(invalid("MAX_VALUE_EXCEEDED", message));
        }
        Some(size) if size < 1 => {
            let message = "You provided a numeric parameter that has a smaller value than allowed.";
            return Err(invalid("MIN_VALUE_EXCEEDED", message));
        }
        _ => {}
    }
    let bad = |_| invalid("INVALID_NEXT_TOKEN", "You provided a pagination token that this call did not give out.");
    PAGING.page(ask, items).map_err(bad)
}

fn listed<T>(name: &str, page: Page<T>, shape: impl Fn(T) -> Value) -> Value {
    let items: Vec<Value> = page.items.into_iter().map(shape).collect();
    let mut answer = json!({name: items});
    if let Some(next) = page.next {
        answer["NextToken"] = next.into();
    }
    answer
}

const PATTERN: &str = "You provided a value that does not match the required pattern.";

/// A parameter that has to be there and look like this.
fn matching<'a>(ask: &Ask<'a>, name: &str, looks: impl Fn(&str) -> bool) -> Result<&'a str, Fault> {
    let missing = || invalid("INPUT_REQUIRED", "You must include a value for all required parameters.");
    let value = input::text(ask.input, name).ok_or_else(missing)?;
    if looks(value) { Ok(value) } else { Err(invalid("INVALID_PATTERN", PATTERN)) }
}

fn invalid(reason: &str, message: &str) -> Fault {
    Fault::new("InvalidInputException", message).with("Reason", reason)
}

fn violation(reason: &str, message: &str) -> Fault {
    Fault::new("ConstraintViolationException", message).with("Reason", reason)
}

fn not_found(code: &str, what: &str) -> Fault {
    let article = if what.starts_with(['a', 'o']) { "an" } else { "a" };
    Fault::new(code, format!("You specified {article} {what} that doesn't exist."))
}

fn is_account(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_root(id: &str) -> bool {
    id.strip_prefix("r-").is_some_and(|rest| is_word(rest, 4))
}

fn is_unit(id: &str) -> bool {
    let parts = id.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(root, unit)| is_word(root, 4) && is_word(unit, 8))
}

fn is_word(text: &str, least: usize) -> bool {
    let letters = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    letters && (least..=32).contains(&text.len())
}
