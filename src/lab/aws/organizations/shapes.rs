//! How Organizations tells of what it holds.

use serde_json::{Value, json};

use crate::lab::{
    aws::wire::epoch,
    world::{
        State,
        organization::{Account, Unit},
    },
};

pub(super) fn organization(state: &State) -> Value {
    let management = state.organization.management.as_str();
    let email = state.accounts.get(&state.organization.management).map(|account| account.email.as_str());
    json!({
        "Id": state.organization.id,
        "Arn": arn(state, "organization", ""),
        "FeatureSet": "ALL",
        "MasterAccountArn": arn(state, "account", management),
        "MasterAccountId": management,
        "MasterAccountEmail": email,
        "AvailablePolicyTypes": [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}],
    })
}

pub(super) fn root(state: &State) -> Value {
    let id = &state.organization.root;
    json!({"Id": id, "Arn": arn(state, "root", id), "Name": "Root", "PolicyTypes": []})
}

pub(super) fn unit(state: &State, unit: &Unit) -> Value {
    json!({
        "Id": unit.id,
        "Arn": arn(state, "ou", &unit.id),
        "Name": unit.name,
        "Path": format!("{}{}/", above(state, &unit.parent), unit.id),
    })
}

/// `State` is what `Status` was, and finer.
///
/// See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html>.
pub(super) fn account(state: &State, account: &Account) -> Value {
    let status = match account.state.as_str() {
        "PENDING_ACTIVATION" => "ACTIVE",
        "CLOSED" => "SUSPENDED",
        other => other,
    };
    json!({
        "Id": account.id,
        "Arn": arn(state, "account", account.id.as_str()),
        "Email": account.email,
        "Name": account.name,
        "Status": status,
        "State": account.state,
        "Paths": [format!("{}{}/", above(state, &account.parent), account.id)],
        "JoinedMethod": if account.id == state.organization.management { "INVITED" } else { "CREATED" },
        "JoinedTimestamp": epoch(account.joined),
    })
}

/// The ids of the units from the root to this one, the root not among them.
pub(super) fn units_down_to<'s>(state: &'s State, parent: &'s str) -> Vec<&'s str> {
    let mut units = Vec::new();
    let mut at = parent;
    // The tree is at most five deep; more would be a circle.
    while let Some(unit) = state.organization.units.get(at).filter(|_| units.len() < 64) {
        units.push(unit.id.as_str());
        at = &unit.parent;
    }
    units.reverse();
    units
}

/// `o-…/r-…/ou-…/`.
fn above(state: &State, parent: &str) -> String {
    let mut path = format!("{}/{}/", state.organization.id, state.organization.root);
    for unit in units_down_to(state, parent) {
        path.push_str(unit);
        path.push('/');
    }
    path
}

fn arn(state: &State, kind: &str, id: &str) -> String {
    let slash = if id.is_empty() { "" } else { "/" };
    format!("arn:aws:organizations::{}:{kind}/{}{slash}{id}", state.organization.management, state.organization.id)
}
