//! An organization drawn by chance, the same for the same seed: accounts in a tree, Identity Center, roles, clusters, and
//! what has gone wrong in them.
//!
//! - `tree` is the accounts, `people` who and what there is in each of them, `fleet` the clusters.
//! - `policy` is the policy that all of it shall follow, as a file and as what it asks of one cluster.
//! - `contents` is a cluster as rolecall leaves it; `drift` is what happens to it afterwards, at the start and later on.

mod contents;
mod drift;
mod fleet;
mod ledger;
mod people;
mod policy;
mod tree;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

pub use drift::{Kind, Trickled, newcomer, trickle};

use super::world::{
    State,
    keys::{Caller, Key},
    organization::Account,
};
use crate::model::{ClusterId, Region};

/// The role that rolecall assumes in every account.
pub const MEMBER_ROLE: &str = "rolecall-member";

/// The fewest accounts that give an organization: one each to manage, to watch, to share, and to work in.
pub const FEWEST_ACCOUNTS: usize = 4;

/// How an organization shall be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blueprint {
    /// How many accounts, at least [`FEWEST_ACCOUNTS`].
    pub accounts: usize,
    /// How many clusters.
    pub clusters: usize,
    /// The regions that the clusters are spread over; Identity Center lives in the first.
    pub regions: Vec<Region>,
    /// What chance begins with.
    pub seed: u64,
    /// How far the clusters are from the policy.
    pub drift: Drift,
}

/// How far the clusters are from the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Not at all: every cluster is as rolecall leaves it.
    None,
    /// Everything is missing but the nodes' rows and rolecall's own way in, every cluster reads aws-auth, and some more teams
    /// have roles below `/teams/` to which a policy may give access.
    Missing,
    /// A part of them, each in a way of its own; see [`Kind`].
    Demo,
}

/// The credentials that rolecall is given.
#[derive(Clone)]
pub struct HubKey {
    /// AWS_ACCESS_KEY_ID.
    pub id: String,
    /// AWS_SECRET_ACCESS_KEY. It is worth nothing outside of the lab.
    pub secret: String,
}

impl std::fmt::Debug for HubKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HubKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An organization as it was drawn, with the files of the rolecall that looks after it.
#[derive(Debug)]
pub struct Built {
    /// The organization. Each cluster's API server has its port already.
    pub state: State,
    /// `policy.yaml`.
    pub policy: &'static str,
    /// `rolecall.yaml`, without `web` and `schedule`.
    pub settings: String,
    /// The hub's credentials.
    pub hub: HubKey,
    /// What has gone wrong where.
    pub seeded: BTreeMap<ClusterId, Kind>,
}

impl Blueprint {
    /// Draws the organization as it stands at a moment.
    ///
    /// # Errors
    /// When there are too few accounts or regions, or when there is no port for an API server.
    pub fn build(&self, now: Timestamp) -> io::Result<Built> {
        if self.accounts < FEWEST_ACCOUNTS || self.regions.is_empty() {
            let why = format!("an organization takes {FEWEST_ACCOUNTS} accounts and a region at least");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let mut rng = Rng::with_seed(self.seed);
        let founded = before(now, 900 * 24);
        let plots = tree::plots(self.accounts);
        let (mut state, units) = tree::organization(&plots, &self.regions, founded, &mut rng);
        let hub = hub_key(&mut state, now, &mut rng);
        let external_id = text(&mut rng, LETTERS, 24);
        let trust = people::trust(&state, &hub, &external_id);
        people::settle(&mut state, &units, &self.regions, &trust, now, &mut rng);
        fleet::clusters(self, &mut state, &units, now, &mut rng)?;
        if self.drift == Drift::Missing {
            people::teams(&mut state, &units, founded);
        }
        let ids: Vec<ClusterId> = state.clusters.keys().cloned().collect();
        for id in &ids {
            if self.drift != Drift::Missing {
                fleet::admit(&mut state, id, before(now, 26));
            }
            contents::fill(&state, id, self.drift != Drift::Missing, before(now, 26));
        }
        let seeded = if self.drift == Drift::Demo { drift::seed(&mut state, now, &mut rng) } else { BTreeMap::new() };
        Ok(Built { state, policy: policy::TEXT, settings: policy::settings(&self.regions, &external_id), hub, seeded })
    }
}

impl State {
    /// The account that a cluster is in.
    fn account_of(&self, id: &ClusterId) -> Option<&Account> {
        self.accounts.get(&id.account)
    }
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &[u8] = b"0123456789abcdef";
const DIGITS: &[u8] = b"0123456789";

/// A text of so many characters of an alphabet.
fn text(rng: &mut Rng, alphabet: &[u8], characters: usize) -> String {
    (0..characters).filter_map(|_| rng.choice(alphabet)).map(|&c| char::from(c)).collect()
}

/// So many hours before a moment.
fn before(now: Timestamp, hours: i64) -> Timestamp {
    now.checked_sub(SignedDuration::from_hours(hours)).unwrap_or(now)
}

/// The user as which rolecall reads the organization, with its key.
fn hub_key(state: &mut State, now: Timestamp, rng: &mut Rng) -> HubKey {
    let hub = HubKey { id: format!("AKIA{}", text(rng, CAPITALS, 16)), secret: text(rng, LETTERS, 40) };
    let account = state.organization.management.clone();
    let user = state.add_user(&account, "/", people::HUB_USER, before(now, 4_000));
    let user_id = user.map(|user| user.id.clone()).unwrap_or_default();
    let arn = format!("arn:aws:iam::{account}:user/{}", people::HUB_USER);
    let caller = Caller { arn, account, user_id, role: None, access_key: hub.id.clone() };
    let key = Key { secret: hub.secret.clone(), session_token: None, expires: None, caller };
    state.keys.insert(hub.id.clone(), key);
    hub
}
