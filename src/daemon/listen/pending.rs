//! Clusters that are being created or changed: EKS tells nobody when they are ACTIVE, so that they are looked at again.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;
use tracing::info;

use crate::{events::Target, model::ClusterId};

/// The first pause, which doubles with each look, and the longest.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(5);
/// After this time a cluster is left to the schedule.
const PATIENCE: Duration = Duration::from_hours(1);

/// Clusters that are looked at again, each at its time.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<ClusterId, Watch>);

#[derive(Debug)]
struct Watch {
    since: Instant,
    pause: Duration,
    next: Instant,
}

impl Pending {
    /// When the next look is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|watch| watch.next).min()
    }

    /// What is due by now.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = Target> + '_ {
        let due = self.0.iter().filter(move |(_, watch)| watch.next <= now);
        due.map(|(id, _)| Target::Cluster { id: id.clone(), until_active: true })
    }

    /// Of those looked at, these are not ready yet; the others are done with.
    pub(super) fn looked(&mut self, targets: &BTreeSet<Target>, unready: &BTreeSet<ClusterId>, now: Instant) {
        for target in targets {
            let Target::Cluster { id, until_active: true } = target else { continue };
            if unready.contains(id) {
                self.again(id, now);
            } else {
                self.0.remove(id);
            }
        }
    }

    /// The look came to nothing: those that were waiting go on to wait.
    pub(super) fn failed(&mut self, targets: &BTreeSet<Target>, now: Instant) {
        for target in targets {
            if let Target::Cluster { id, .. } = target
                && self.0.contains_key(id)
            {
                self.again(id, now);
            }
        }
    }

    fn again(&mut self, id: &ClusterId, now: Instant) {
        let watch = self.0.entry(id.clone()).or_insert(Watch { since: now, pause: FIRST.div_f64(2.0), next: now });
        if now.duration_since(watch.since) >= PATIENCE {
            info!(cluster = %id, "not ready after an hour: it is left to the schedule");
            self.0.remove(id);
            return;
        }
        watch.pause = watch.pause.saturating_mul(2).min(LONGEST);
        watch.next = now + watch.pause;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::samples;

    #[test]
    fn pauses_grow_until_the_cluster_is_ready_or_an_hour_has_passed() {
        let id = samples::cluster("new").id;
        let (targets, unready) =
            (BTreeSet::from([Target::Cluster { id: id.clone(), until_active: true }]), BTreeSet::from([id]));
        let (start, mut pending) = (Instant::now(), Pending::default());
        let (mut now, mut looks) = (start, Vec::new());
        pending.looked(&targets, &unready, now);
        while let Some(next) = pending.next() {
            assert_eq!(pending.due(next - Duration::from_millis(1)).count(), 0);
            assert_eq!(pending.due(next).collect::<BTreeSet<_>>(), targets);
            looks.push((next - now).as_secs());
            now = next;
            pending.looked(&targets, &unready, now);
        }
        assert_eq!(looks[..8], [5, 10, 20, 40, 80, 160, 300, 300]);
        assert!((PATIENCE..PATIENCE + LONGEST).contains(&(now - start)), "{looks:?}");

        pending.looked(&targets, &unready, now);
        pending.failed(&targets, now);
        assert_eq!(pending.next(), Some(now + Duration::from_secs(10)));
        pending.looked(&targets, &BTreeSet::new(), now);
        assert_eq!(pending.next(), None);
        pending.failed(&targets, now);
        assert_eq!(pending.next(), None);
    }
}
