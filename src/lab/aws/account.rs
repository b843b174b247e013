//! The Account Management API, as far as it tells an account's regions.
//!
//! See <https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Ask, Service, input,
    pages::Paging,
    wire::{Fault, Protocol},
};
use crate::model::AccountId;

pub(super) const SERVICE: Service = Service {
    name: "account",
    protocol: Protocol::Rest(&[("POST", "/listRegions", "ListRegions")]),
    answer,
    resource: |ask| format!("arn:aws:account::{}:account", ask.caller.account),
};

const PAGING: Paging = Paging { token: "NextToken", size: "MaxResults", usual: 50, most: 50 };

/// The regions that every account has.
///
/// See <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>.
const BY_DEFAULT: [&str; 17] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
/// Some of those that have to be enabled.
const OPT_IN: [&str; 6] = ["af-south-1", "ap-east-1", "eu-central-2", "eu-south-1", "il-central-1", "me-south-1"];
const STATUSES: [&str; 5] = ["DISABLED", "DISABLING", "ENABLED", "ENABLED_BY_DEFAULT", "ENABLING"];

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    match ask.operation {
        "ListRegions" => list_regions(ask),
        other => Err(Fault::unknown_operation(other)),
    }
}

/// What is not among the account's regions is not enabled in it.
fn list_regions(ask: &Ask<'_>) -> Result<Value, Fault> {
    if input::number(ask.input, "MaxResults").is_some_and(|size| !(1..=50).contains(&size)) {
        return Err(invalid("MaxResults", "MaxResults must be from 1 to 50"));
    }
    let wanted = input::texts(ask.input, "RegionOptStatusContains");
    if wanted.iter().any(|status| !STATUSES.contains(&status.as_str())) {
        return Err(invalid("RegionOptStatusContains", "RegionOptStatusContains has to hold region opt statuses"));
    }
    let state = ask.world.read();
    let id = match input::text(ask.input, "AccountId") {
        None => ask.caller.account.clone(),
        Some(id) => id.parse::<AccountId>().map_err(|_| invalid("AccountId", "AccountId must be 12 digits"))?,
    };
    let management = ask.caller.account == state.organization.management;
    let account = state.accounts.get(&id).filter(|_| management || id == ask.caller.account);
    let account = account.ok_or_else(|| {
        let message = format!(
            "User: {} is not authorized to perform: account:ListRegions (The management account or a delegated \
             administrator can access account {id} only, if it is in the organization)",
            ask.caller.arn
        );
        Fault::new("AccessDenied", message)
    })?;
    let mut regions: BTreeMap<&str, &str> = BTreeMap::new();
    regions.extend(BY_DEFAULT.into_iter().chain(OPT_IN).map(|region| (region, "DISABLED")));
    for region in &account.regions {
        let status = if BY_DEFAULT.contains(&region.as_str()) { "ENABLED_BY_DEFAULT" } else { "ENABLED" };
        regions.insert(region.as_str(), status);
    }
    let regions = regions.into_iter().filter(|(_, status)| wanted.is_empty() || wanted.iter().any(|w| w == status));
    let page = PAGING.page(ask, regions.map(|(region, status)| (region.to_owned(), (region, status))));
    let page = page.map_err(|_| invalid("NextToken", "NextToken is not one that this call gave out"))?;
    let shape = |(region, status)| json!({"RegionName": region, "RegionOptStatus": status});
    let regions: Vec<Value> = page.items.into_iter().map(shape).collect();
    Ok(match page.next {
        Some(next) => json!({"Regions": regions, "NextToken": next}),
        None => json!({"Regions": regions}),
    })
}

fn invalid(field: &str, message: &str) -> Fault {
    let fields = json!([{"name": field, "message": message}]);
    Fault::new("ValidationException", message).with("reason", "fieldValidationFailed").with("fieldList", fields)
}
