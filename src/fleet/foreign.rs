//! Roles and users that the policy names by ARNs of other accounts than the cluster's.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OnceCell, watch},
    time::timeout,
};

use super::lookups;
use crate::{
    discover::{Hub, Organization},
    model::{Account, AccountId, Arn, Lookup, Principal},
};

/// The ARN, where the principal is named by one.
fn arn(principal: &Principal) -> Option<&Arn> {
    match principal {
        Principal::RoleArn(arn) | Principal::UserArn(arn) => Some(arn),
        _ => None,
    }
}

/// Whether the principal is named by an ARN of another account.
pub(super) fn is_foreign(principal: &Principal, account: &Account) -> bool {
    arn(principal).is_some_and(|arn| arn.account != account.id.as_str())
}

/// Looks each of them up once in a pass, in its own account, if that is one that is walked.
pub(super) struct Foreign {
    hub: Arc<Hub>,
    timeout: Duration,
    roster: watch::Sender<Option<Roster>>,
    asked: Mutex<HashMap<Principal, Arc<OnceCell<Lookup>>>>,
}

/// The organization's accounts; which they are is known when it is listed to its end.
#[derive(Clone)]
struct Roster {
    members: Option<BTreeSet<AccountId>>,
    /// Whether the settings name the accounts, so that no organization was asked.
    named: bool,
    walked: BTreeMap<AccountId, Account>,
}

impl Foreign {
    pub(super) fn new(hub: &Arc<Hub>, timeout: Duration) -> Self {
        Self { hub: Arc::clone(hub), timeout, roster: watch::Sender::new(None), asked: Mutex::default() }
    }

    /// The organization is listed to its end.
    pub(super) fn listed(&self, organization: &Organization) {
        let walked = organization.accounts.iter().map(|account| (account.id.clone(), account.clone())).collect();
        let (members, named) = (organization.members.clone(), organization.id.is_none());
        self.roster.send_replace(Some(Roster { members, named, walked }));
    }

    /// What is known of these; it waits until the organization is listed.
    pub(super) async fn look_up(&self, wanted: BTreeSet<Principal>) -> BTreeMap<Principal, Lookup> {
        let mut found = BTreeMap::new();
        if wanted.is_empty() {
            return found;
        }
        let mut roster = self.roster.subscribe();
        // The sender lives as long as this, so there is always an end to the waiting.
        let Some(roster) = roster.wait_for(Option::is_some).await.ok().and_then(|roster| roster.clone()) else {
            return found;
        };
        for principal in wanted {
            let cell = {
                let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(asked.entry(principal.clone()).or_default())
            };
            let lookup = cell.get_or_init(|| Box::pin(self.one(&principal, &roster))).await.clone();
            found.insert(principal, lookup);
        }
        found
    }

    async fn one(&self, principal: &Principal, roster: &Roster) -> Lookup {
        let here = |arn: &&Arn| arn.partition == *self.hub.partition();
        let Some(id) = arn(principal).filter(here).and_then(Arn::account_id) else { return Lookup::Outside };
        let Some(account) = roster.walked.get(&id) else {
            return match &roster.members {
                Some(members) if members.contains(&id) => {
                    Lookup::Elsewhere("another account of the organization, which is not walked".to_owned())
                }
                Some(_) => Lookup::Outside,
                None if roster.named => Lookup::Elsewhere("where it is not looked up".to_owned()),
                // A pass over a part of the organization would else give back what a whole one took away.
                None => Lookup::Unknown(format!("account {id} is not among those that this pass listed")),
            };
        };
        let wanted = BTreeSet::from([principal.clone()]);
        match timeout(self.timeout, lookups::in_account(&self.hub, account, &wanted)).await {
            Ok(known) => known.lookup(principal),
            Err(_) => Lookup::Unknown(format!("account {id} did not answer within {} s", self.timeout.as_secs())),
        }
    }
}
