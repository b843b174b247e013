//! What is remembered of Identity Center from one pass to the next.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::OnceCell, time::Instant};

use super::ask::{Holder, Pair};

/// How long it counts who holds a permission set and what they are called. It is told to people and decides nothing.
const AGE: Duration = Duration::from_hours(1);

/// What outlives a pass.
#[derive(Default)]
pub(super) struct Memory {
    /// Names of permission sets by ARN. A permission set keeps its name for life.
    ///
    /// See <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_UpdatePermissionSet.html>.
    pub(super) sets: Cells<String, String>,
    pub(super) holders: Aging<Pair, Arc<BTreeSet<Holder>>>,
    /// Names of groups and users; `None` of those that are no more.
    pub(super) names: Aging<Holder, Option<String>>,
}

impl Memory {
    pub(super) fn forget_old(&self) {
        self.holders.forget_old();
        self.names.forget_old();
    }
}

/// Answers that are asked for once each, however many want them.
pub(super) struct Cells<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Cells<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Cells<K, V> {
    /// The place of the answer.
    pub(super) fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}

/// Answers that count for a while.
pub(super) struct Aging<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Aging<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Aging<K, V> {
    pub(super) fn get(&self, key: &K) -> Option<V> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(key).filter(|(since, _)| since.elapsed() < AGE).map(|(_, value)| value.clone())
    }

    pub(super) fn put(&self, key: K, value: V) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (Instant::now(), value));
    }

    fn forget_old(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (since, _)| since.elapsed() < AGE);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_told_an_hour_ago_is_asked_for_again() {
        let known = Aging::default();
        known.put("a", 1);
        tokio::time::advance(Duration::from_mins(59)).await;
        assert_eq!(known.get(&"a"), Some(1));
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(known.get(&"a"), None);
        known.forget_old();
        assert!(known.0.lock().unwrap().is_empty());
    }
}
