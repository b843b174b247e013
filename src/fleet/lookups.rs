//! Principals that are looked up in an account beside the walk.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    discover::{self, Hub},
    model::{Account, Identities, Lookup, Principal},
};

/// What the account's IAM knows of them; where it cannot be entered they are unknown, for that reason.
pub(super) async fn in_account(hub: &Hub, account: &Account, wanted: &BTreeSet<Principal>) -> Identities {
    match hub.session(&account.id).await {
        Ok(session) => discover::identities(&session, account, wanted, &BTreeMap::new()).await,
        Err(error) => unknown(wanted, &error.to_string()),
    }
}

/// None of them is known, for this reason.
pub(super) fn unknown(wanted: &BTreeSet<Principal>, why: &str) -> Identities {
    let found = wanted.iter().map(|principal| (principal.clone(), Lookup::Unknown(why.to_owned())));
    Identities { found: found.collect(), ..Identities::default() }
}
