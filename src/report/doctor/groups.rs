//! Checks of the same outcome, told once.

use std::collections::BTreeMap;

use crate::model::{Cause, Checked, Diagnosis, Need, Part, Told, Verdict};

/// How a check came out, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Missing,
    Untold,
    Advice,
    Fine,
    NotNeeded,
}

impl State {
    pub(super) fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Missing(_) => Self::Missing,
            Verdict::Untold(_) => Self::Untold,
            Verdict::Advice(_) => Self::Advice,
            Verdict::Fine => Self::Fine,
            Verdict::NotNeeded(_) => Self::NotNeeded,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Untold => "cannot tell",
            Self::Advice => "advice",
            Self::Fine => "fine",
            Self::NotNeeded => "not needed",
        }
    }
}

/// Needs that came out alike in the same places.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) part: Part,
    pub(super) state: State,
    pub(super) needs: Vec<Need>,
    pub(super) places: Vec<&'a Checked>,
    /// Why, for the first place and need.
    pub(super) told: Option<&'a Told>,
    /// Why it is not needed.
    pub(super) spared: Option<&'static str>,
}

impl Group<'_> {
    pub(super) fn cause(&self) -> Option<Cause> {
        self.told.map(|told| told.cause)
    }
}

/// Why needs are told together or apart.
type Reason = (Option<Cause>, Option<&'static str>);
/// The places, by their order in the diagnosis.
type Places = Vec<usize>;

/// Every group, by part and then the gravest first.
pub(super) fn groups(diagnosis: &Diagnosis, all: bool) -> Vec<Group<'_>> {
    let mut alike: BTreeMap<(Part, State, Reason, Need), Places> = BTreeMap::new();
    for (at, checked) in diagnosis.checked.iter().enumerate() {
        for (need, verdict) in &checked.checks {
            let state = State::of(verdict);
            if all || state < State::Fine {
                let reason = (verdict.told().map(|told| told.cause), spared(verdict));
                alike.entry((checked.part, state, reason, *need)).or_default().push(at);
            }
        }
    }
    let mut merged: BTreeMap<(Part, State, Reason, Places), Vec<Need>> = BTreeMap::new();
    for ((part, state, reason, need), places) in alike {
        merged.entry((part, state, reason, places)).or_default().push(need);
    }
    let group = |((part, state, (_, spared), at), needs): ((Part, State, Reason, Places), Vec<Need>)| {
        let places: Vec<&Checked> = at.into_iter().filter_map(|at| diagnosis.checked.get(at)).collect();
        let first = places.first().and_then(|place| place.checks.iter().find(|(need, _)| needs.first() == Some(need)));
        let told = first.and_then(|(_, verdict)| verdict.told());
        Group { part, state, needs, places, told, spared }
    };
    merged.into_iter().map(group).collect()
}

fn spared(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::NotNeeded(why) => Some(why),
        _ => None,
    }
}

/// How many checks of a part came out how.
pub(super) fn counts(diagnosis: &Diagnosis, part: Part) -> BTreeMap<State, usize> {
    let mut counts = BTreeMap::new();
    let of_part = diagnosis.checked.iter().filter(|checked| checked.part == part);
    for (_, verdict) in of_part.flat_map(|checked| &checked.checks) {
        *counts.entry(State::of(verdict)).or_default() += 1;
    }
    counts
}
