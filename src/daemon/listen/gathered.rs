//! What was gathered and not asked for yet: that about single accounts and clusters is asked for at once, that about the
//! whole organization once in a while, so that a burst of such events does not keep the daemon walking it.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use crate::events::Target;

/// For how long after the first event others are gathered, so that what one change sets off is looked at once.
const WINDOW: Duration = Duration::from_secs(1);
/// How long after a pass over the whole organization that events asked for the next such pass begins.
const APART: Duration = Duration::from_mins(1);

/// A message that is worked on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) receipt: String,
    pub(super) event: String,
}

/// The messages that wait, and what they name.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What is about accounts and clusters, the whole organization left out.
    targets: BTreeSet<Target>,
    parts: Vec<Held>,
    parts_at: Option<Instant>,
    /// The messages that are about the whole organization.
    whole: Vec<Held>,
    whole_at: Option<Instant>,
    /// When the whole organization may be asked for again.
    rested: Option<Instant>,
}

impl Gathered {
    /// When something is to be asked for.
    pub(super) fn due(&self) -> Option<Instant> {
        self.parts_at.into_iter().chain(self.whole_at).min()
    }

    /// Every message.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.parts.iter().chain(&self.whole)
    }

    /// Takes a message in, with what it names.
    pub(super) fn take(&mut self, held: Held, target: Target, now: Instant) {
        let soon = now + WINDOW;
        if target == Target::Fleet {
            self.whole.push(held);
            self.whole_at.get_or_insert(self.rested.map_or(soon, |rested| rested.max(soon)));
        } else {
            self.parts.push(held);
            self.targets.insert(target);
            self.parts_at.get_or_insert(soon);
        }
    }

    /// Takes in a message whose event is here already, if it is: both are done with together.
    pub(super) fn join(&mut self, held: Held) -> Result<(), Held> {
        let same = |others: &[Held]| others.iter().any(|other| other.event == held.event);
        if same(&self.parts) {
            self.parts.push(held);
        } else if same(&self.whole) {
            self.whole.push(held);
        } else {
            return Err(held);
        }
        Ok(())
    }

    /// What is asked for now: everything, when the whole organization is due, and otherwise the parts alone.
    pub(super) fn ask(&mut self, now: Instant) -> (Vec<Held>, BTreeSet<Target>) {
        self.parts_at = None;
        let (mut held, mut targets) = (std::mem::take(&mut self.parts), std::mem::take(&mut self.targets));
        if self.whole_at.is_some_and(|at| at <= now) {
            self.whole_at = None;
            held.append(&mut self.whole);
            targets.insert(Target::Fleet);
        }
        (held, targets)
    }

    /// A pass over these came to its end, well or not.
    pub(super) fn looked(&mut self, targets: &BTreeSet<Target>, now: Instant) {
        if targets.contains(&Target::Fleet) {
            let rested = now + APART;
            self.rested = Some(rested);
            self.whole_at = self.whole_at.map(|at| at.max(rested));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::samples;

    fn held(event: &str) -> Held {
        Held { receipt: format!("receipt of {event}"), event: event.to_owned() }
    }

    fn events(asked: &[Held]) -> Vec<&str> {
        asked.iter().map(|held| held.event.as_str()).collect()
    }

    #[test]
    fn a_burst_about_the_whole_organization_is_asked_for_once_a_minute_and_nothing_is_lost() {
        let (start, mut gathered) = (Instant::now(), Gathered::default());
        let (mut now, mut passes, mut followed) = (start, Vec::new(), 0);
        for number in 0..600 {
            now = start + Duration::from_secs(number);
            gathered.take(held(&number.to_string()), Target::Fleet, now);
            if gathered.due().unwrap() <= now {
                let (asked, targets) = gathered.ask(now);
                followed += asked.len();
                passes.push(now);
                gathered.looked(&targets, now);
            }
        }
        assert_eq!(passes[0], start + WINDOW, "the first waits for nothing");
        assert!(passes.windows(2).all(|pair| pair[1] - pair[0] >= APART), "{passes:?}");
        assert_eq!(passes.len(), 10);
        let due = gathered.due().unwrap();
        assert!(due > now && due <= now + APART);
        assert_eq!(followed + gathered.ask(due).0.len(), 600, "what came meanwhile goes with the next one");
        assert_eq!((gathered.due(), gathered.held().count()), (None, 0));
    }

    #[test]
    fn accounts_and_clusters_do_not_wait_for_the_organization() {
        let (now, mut gathered) = (Instant::now(), Gathered::default());
        let one = Target::Cluster { id: samples::cluster("one").id, until_active: false };
        gathered.looked(&BTreeSet::from([Target::Fleet]), now);
        gathered.take(held("whole"), Target::Fleet, now);
        assert_eq!(gathered.due(), Some(now + APART));
        gathered.take(held("part"), one.clone(), now);
        assert_eq!(gathered.due(), Some(now + WINDOW));
        let (asked, targets) = gathered.ask(now + WINDOW);
        assert_eq!((events(&asked), targets), (vec!["part"], BTreeSet::from([one.clone()])));
        assert_eq!(gathered.due(), Some(now + APART));

        gathered.take(held("later"), one.clone(), now + APART);
        let (asked, targets) = gathered.ask(now + APART);
        assert_eq!((events(&asked), targets), (vec!["later", "whole"], BTreeSet::from([one, Target::Fleet])));
    }

    #[test]
    fn one_that_comes_while_the_organization_is_walked_waits_from_its_end_on() {
        let (now, mut gathered) = (Instant::now(), Gathered::default());
        gathered.take(held("first"), Target::Fleet, now);
        let (_, targets) = gathered.ask(now + WINDOW);
        gathered.take(held("second"), Target::Fleet, now + WINDOW);
        let end = now + Duration::from_mins(3);
        gathered.looked(&targets, end);
        assert_eq!(gathered.due(), Some(end + APART));
    }

    #[test]
    fn the_same_event_again_is_done_with_together_with_the_first() {
        let (now, mut gathered) = (Instant::now(), Gathered::default());
        gathered.take(held("e"), Target::Fleet, now);
        assert_eq!(gathered.join(held("e")), Ok(()));
        assert_eq!(gathered.join(held("other")), Err(held("other")));
        assert_eq!(gathered.ask(now + WINDOW).0.len(), 2);
    }
}
