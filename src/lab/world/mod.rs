//! What there is in the lab: plain data, changed by the calls that the doors let in.

pub mod center;
pub mod eks;
pub mod iam;
pub mod keys;
pub mod organization;
pub mod queue;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use jiff::{SignedDuration, Timestamp};

use super::{Interference, Peace, Tally};
use crate::model::{AccountId, ClusterId};

/// Everything, behind one lock; what is inside a cluster has its own.
pub struct World {
    /// How often each operation was called.
    pub tally: Tally,
    state: RwLock<State>,
    interference: RwLock<Arc<dyn Interference>>,
    skew: RwLock<SignedDuration>,
    trail: RwLock<Option<String>>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// The organization with all that belongs to its accounts.
#[derive(Clone, Debug)]
pub struct State {
    /// The accounts' tree.
    pub organization: organization::Organization,
    /// The accounts.
    pub accounts: BTreeMap<AccountId, organization::Account>,
    /// The clusters of all accounts.
    pub clusters: BTreeMap<ClusterId, eks::EksCluster>,
    /// Identity Center, where the organization has it.
    pub center: Option<center::IdentityCenter>,
    /// Queues by URL path, `/<account>/<name>`.
    pub queues: BTreeMap<String, queue::Queue>,
    /// Access keys by their id.
    pub keys: BTreeMap<String, keys::Key>,
    /// Counts up with every id that is made, so that a world of the same seed has the same ids.
    pub serial: u64,
}

impl World {
    /// A world in peace.
    pub fn new(state: State) -> Arc<Self> {
        Arc::new(Self {
            tally: Tally::default(),
            state: RwLock::new(state),
            interference: RwLock::new(Arc::new(Peace::default())),
            skew: RwLock::new(SignedDuration::ZERO),
            trail: RwLock::new(None),
        })
    }

    /// Looks at the state.
    pub fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state.
    pub fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who stands at the doors from now on.
    pub fn set_interference(&self, interference: Arc<dyn Interference>) {
        *self.interference.write().unwrap_or_else(PoisonError::into_inner) = interference;
    }

    pub(super) fn interference(&self) -> Arc<dyn Interference> {
        Arc::clone(&self.interference.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells of every change by a call to AWS in the queue of this URL path from now on, as EventBridge would.
    pub fn tell_changes_in(&self, queue: &str) {
        *self.trail.write().unwrap_or_else(PoisonError::into_inner) = Some(queue.to_owned());
    }

    /// The queue that is told of changes.
    pub(super) fn told_changes(&self) -> Option<String> {
        self.trail.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The time as the lab's servers see it.
    pub fn now(&self) -> Timestamp {
        let skew = *self.skew.read().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::now();
        now.checked_add(skew).unwrap_or(now)
    }

    /// Sets the servers' clocks apart from the caller's.
    pub fn set_skew(&self, skew: SignedDuration) {
        *self.skew.write().unwrap_or_else(PoisonError::into_inner) = skew;
    }
}

impl State {
    /// The next id of its kind: the prefix and `digits` characters, such as a role's `AROA` and 17.
    pub fn new_id(&mut self, prefix: &str, digits: usize) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        self.serial += 1;
        // Spread over the alphabet, so that neighbours do not look alike; an odd factor loses nothing.
        let mut rest = u128::from(self.serial).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let mut id = prefix.to_owned();
        for _ in 0..digits {
            rest = rest.rotate_left(5);
            id.push(char::from(ALPHABET[usize::try_from(rest & 31).unwrap_or_default()]));
        }
        id
    }
}
