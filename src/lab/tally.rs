//! How often each operation was called.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::Call;

/// Calls by service and operation since the start or the last [`Tally::take`].
#[derive(Debug, Default)]
pub struct Tally {
    calls: Mutex<BTreeMap<(&'static str, String), u64>>,
}

impl Tally {
    /// Counts one call.
    pub(super) fn count(&self, call: &Call) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry((call.service, call.operation.clone())).or_default() += 1;
    }

    /// The counts so far, and begins anew.
    pub fn take(&self) -> BTreeMap<(&'static str, String), u64> {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
