//! What IAM knows of the principals of rows, asked for once in each account.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::Mutex;

use crate::{
    discover::Hub,
    fleet::lookups,
    model::{Account, AccountId, Identities, Lookup, Principal},
};

/// The accounts that are walked, and what was asked of them so far.
pub(super) struct People {
    accounts: BTreeMap<AccountId, (Account, Mutex<BTreeMap<Principal, Lookup>>)>,
}

impl People {
    pub(super) fn new(accounts: Vec<Account>) -> Self {
        let of = |account: Account| (account.id.clone(), (account, Mutex::default()));
        Self { accounts: accounts.into_iter().map(of).collect() }
    }

    /// Looks principals up, each in its own account. What is known is not asked again, what could not be told is.
    pub(super) async fn look_up(&self, hub: &Hub, wanted: BTreeSet<Principal>) -> Identities {
        let mut by_account: BTreeMap<Option<AccountId>, BTreeSet<Principal>> = BTreeMap::new();
        for principal in wanted {
            by_account.entry(account(&principal)).or_default().insert(principal);
        }
        let mut all = Identities::default();
        for (account, wanted) in by_account {
            match account.and_then(|id| self.accounts.get(&id)) {
                Some((account, known)) => all.found.extend(in_account(hub, account, known, wanted).await),
                None => all.found.extend(wanted.into_iter().map(|principal| (principal, Lookup::Outside))),
            }
        }
        all
    }
}

fn account(principal: &Principal) -> Option<AccountId> {
    match principal {
        Principal::RoleArn(arn) | Principal::UserArn(arn) => arn.account_id(),
        _ => None,
    }
}

async fn in_account(
    hub: &Hub,
    account: &Account,
    known: &Mutex<BTreeMap<Principal, Lookup>>,
    wanted: BTreeSet<Principal>,
) -> Vec<(Principal, Lookup)> {
    // Whoever comes second finds what the first asked for.
    let mut known = known.lock().await;
    let open = |principal: &&Principal| !matches!(known.get(principal), Some(Lookup::Found(_) | Lookup::Missing));
    let asked: BTreeSet<Principal> = wanted.iter().filter(open).cloned().collect();
    if !asked.is_empty() {
        known.extend(lookups::in_account(hub, account, &asked).await.found);
    }
    let told = |principal: Principal| {
        let lookup = known.get(&principal).cloned();
        let lookup = lookup.unwrap_or_else(|| Lookup::Unknown(format!("{principal} was not looked up")));
        (principal, lookup)
    };
    wanted.into_iter().map(told).collect()
}
