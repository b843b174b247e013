//! Which accounts a walk goes to, as the organization's listing tells of them.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::mpsc;

use super::{Context, FleetError, Within};
use crate::{
    discover::{self, Hub, Need, Organization},
    model::Account,
};

/// What a pass with these inputs needs to know of the accounts.
pub(super) fn need(context: &Context) -> Need {
    let inputs = &context.inputs;
    Need {
        account_tags: inputs.policy.needs_account_tags() || inputs.settings.needs_account_tags(),
        ou_paths: inputs.policy.needs_ou_paths() || inputs.settings.needs_ou_paths(),
    }
}

/// Reads the organization and starts work on each account that is meant as soon as the listing tells of it. What was listed
/// is told whole, before the accounts that are not meant are left out.
pub(super) async fn each_account(
    context: &Arc<Context>,
    hub: &Arc<Hub>,
    need: Need,
    mut start: impl FnMut(Account),
    listed: impl FnOnce(&Organization),
) -> Result<Organization, FleetError> {
    let within = context.options.within.as_ref().and_then(Within::walked);
    let only = context.options.only.as_ref();
    let wanted = only.map(|only| only.plans.iter().map(|plan| &plan.cluster.account).collect::<BTreeSet<_>>());
    let wanted = |account: &Account| {
        let meant = |ids: &BTreeSet<_>| ids.contains(&account.id);
        within.as_ref().is_none_or(meant) && wanted.as_ref().is_none_or(|ids| ids.contains(&&account.id))
    };
    let (tell, mut told) = mpsc::unbounded_channel();
    let found = |account: &Account| {
        if wanted(account) {
            // The receiver lives as long as the listing, so nothing is lost.
            drop(tell.send(account.clone()));
        }
    };
    let mut start = |account: Account| {
        context.progress.accounts(1);
        start(account);
    };
    let mut organization = {
        let scope = &context.inputs.settings.scope;
        // Principals of other accounts are looked up there, in a part of the fleet as in the whole of it.
        let enough = within.as_ref().filter(|within| !context.inputs.policy.names_accounts_beside(within));
        let listing = discover::organization_of(hub, scope, need, enough, &found);
        let mut listing = std::pin::pin!(context.unless_called_off(listing));
        loop {
            tokio::select! {
                Some(account) = told.recv() => start(account),
                listed = &mut listing => break listed.ok_or(FleetError::Cancelled)??,
            }
        }
    };
    while let Ok(account) = told.try_recv() {
        start(account);
    }
    listed(&organization);
    organization.accounts.retain(wanted);
    if let Some(within) = &context.options.within {
        organization.findings.extend(within.missing_accounts(&organization.accounts));
    }
    Ok(organization)
}
