//! Identity Center's administration: permission sets and who is assigned them.
//!
//! See <https://docs.aws.amazon.com/singlesignon/latest/APIReference/>.

mod assignments;
mod sets;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use serde_json::{Value, json};

use super::{
    Ask, Service, input,
    pages::{Page, Paging},
    wire::{Fault, Protocol, epoch},
};
use crate::{
    lab::world::{
        State,
        center::{IdentityCenter, PermissionSet},
    },
    model::AccountId,
};

pub(super) const SERVICE: Service = Service {
    name: "sso",
    protocol: Protocol::Json { version: "1.1", target: "SWBExternalService", message: "Message" },
    answer,
    resource: |ask| input::text(ask.input, "InstanceArn").unwrap_or("*").to_owned(),
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    match ask.operation {
        "ListInstances" => instances(ask),
        "ListPermissionSets" => sets::list(ask),
        "DescribePermissionSet" => sets::describe(ask),
        "CreatePermissionSet" => sets::create(ask),
        "DeletePermissionSet" => sets::delete(ask),
        "ListPermissionSetsProvisionedToAccount" => sets::of_account(ask),
        "ListAccountsForProvisionedPermissionSet" => sets::accounts(ask),
        "ListAccountAssignments" => assignments::list(ask),
        "ListAccountAssignmentsForPrincipal" => assignments::of_principal(ask),
        "CreateAccountAssignment" => assignments::create(ask),
        "DeleteAccountAssignment" => assignments::delete(ask),
        "DescribeAccountAssignmentCreationStatus" => assignments::status(ask, false),
        "DescribeAccountAssignmentDeletionStatus" => assignments::status(ask, true),
        other => Err(Fault::unknown_operation(other)),
    }
}

const PAGING: Paging = Paging { token: "NextToken", size: "MaxResults", usual: 100, most: 100 };

fn page<T>(ask: &Ask<'_>, items: impl IntoIterator<Item = (String, T)>) -> Result<Page<T>, Fault> {
    PAGING.strict(ask, invalid, items)
}

/// The instance that the caller sees: in its own region alone.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListInstances.html>.
fn instances(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let here = state.center.iter().filter(|center| center.region == *ask.region);
    let Page { items, next } = page(ask, here.map(|center| (center.instance_arn.clone(), center)))?;
    let told = items.into_iter().map(|center| {
        json!({
            "InstanceArn": center.instance_arn,
            "IdentityStoreId": center.store_id,
            "OwnerAccountId": center.owner.as_str(),
            "CreatedDate": epoch(center.created),
            "Status": "ACTIVE",
        })
    });
    Ok(json!({"Instances": told.collect::<Value>(), "NextToken": next}))
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("ValidationException", message)
}

fn not_found(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message)
}

fn required<'a>(ask: &Ask<'a>, name: &str) -> Result<&'a str, Fault> {
    input::required(ask.input, name, "ValidationException")
}

/// Whether the account may administer Identity Center: as its owner, or because that was delegated to it.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/userguide/delegated-admin.html>.
pub(super) fn administers(center: &IdentityCenter, account: &AccountId) -> bool {
    center.owner == *account || center.delegated.contains(account)
}

/// The instance that is named, for those who administer it, in its region.
fn center<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a IdentityCenter, Fault> {
    let wanted = required(ask, "InstanceArn")?;
    if !wanted.starts_with("arn:aws:sso:::instance/") {
        return Err(invalid(format!("{wanted} is not the ARN of an instance")));
    }
    let here = state.center.as_ref().filter(|center| center.region == *ask.region && center.instance_arn == wanted);
    let center = here.ok_or_else(|| not_found(format!("Instance with arn {wanted} could not be found")))?;
    if administers(center, &ask.caller.account) {
        return Ok(center);
    }
    let (caller, operation) = (&ask.caller.arn, ask.operation);
    let message = format!("User: {caller} is not authorized to perform: sso:{operation} on resource: {wanted}");
    Err(Fault::new("AccessDeniedException", message))
}

/// The permission set that is named.
fn set<'a>(ask: &Ask<'_>, center: &'a IdentityCenter) -> Result<&'a PermissionSet, Fault> {
    let wanted = required(ask, "PermissionSetArn")?;
    let missing = || not_found(format!("PermissionSet with arn {wanted} could not be found"));
    center.permission_sets.get(wanted).ok_or_else(missing)
}

/// The account that a parameter names: one of the organization's.
fn account(ask: &Ask<'_>, state: &State, name: &str) -> Result<AccountId, Fault> {
    let wanted = required(ask, name)?;
    let id: AccountId = wanted.parse().map_err(|_| invalid(format!("{wanted} is not the id of an account")))?;
    if state.accounts.contains_key(&id) {
        return Ok(id);
    }
    Err(not_found(format!("Account with id {id} could not be found")))
}
