//! What the halves of the planner hand back before it is put in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::model::{Action, Change, ChangedBy, FieldManager, Finding, Guard, MANAGER, Plan, Step, Surface, Write};

/// A write with the changes that it makes.
pub(super) struct Pending {
    pub(super) write: Write,
    pub(super) changes: Vec<Change>,
    pub(super) removes: bool,
    /// Whether its removals count: those that make room for a replacement do not.
    pub(super) counts: bool,
}

impl Pending {
    /// How many removals this is to the guard on their number.
    pub(super) fn removals(&self) -> usize {
        if self.counts { self.changes.iter().filter(|change| change.action == Action::Remove).count() } else { 0 }
    }
}

/// One surface's half of a plan.
#[derive(Default)]
pub(super) struct Part {
    /// What adds and changes, in order.
    pub(super) pending: Vec<Pending>,
    /// What takes away, in order.
    pub(super) prune: Vec<Pending>,
    pub(super) findings: Vec<Finding>,
    pub(super) guard: Option<Guard>,
}

impl Part {
    /// A half that only has something to tell.
    pub(super) fn only(findings: Vec<Finding>) -> Self {
        Self { findings, ..Self::default() }
    }
}

/// Puts the writes into the plan in the order in which they are given; the changes are listed by surface, those that say
/// who gets in before those that say what for.
pub(super) fn assemble(plan: &mut Plan, pending: Vec<Pending>) {
    let mut counts: BTreeMap<Surface, usize> = BTreeMap::new();
    for change in pending.iter().flat_map(|pending| &pending.changes) {
        *counts.entry(change.surface).or_default() += 1;
    }
    let mut start = 0;
    for count in counts.values_mut() {
        start += std::mem::replace(count, start);
    }
    let mut numbered: Vec<(usize, Change)> = Vec::new();
    for Pending { write, changes, removes, .. } in pending {
        let mut indexes = Vec::with_capacity(changes.len());
        for change in changes {
            let next = counts.entry(change.surface).or_default();
            indexes.push(*next);
            numbered.push((*next, change));
            *next += 1;
        }
        plan.steps.push(Step { write, changes: indexes, removes });
    }
    numbered.sort_by_key(|(index, _)| *index);
    plan.changes = numbered.into_iter().map(|(_, change)| change).collect();
}

/// Who wrote an object after rolecall did last, or last at all where rolecall never wrote it.
///
/// Nobody, when rolecall was the last: then the policy has changed, not the cluster. Managed fields tell time by the
/// second, so that a writer of the same second counts as later.
pub(super) fn changed_by(managers: &[FieldManager]) -> Option<ChangedBy> {
    let (position, other) = managers.iter().enumerate().find(|(_, manager)| manager.name != MANAGER)?;
    // What the API server writes when a client does not say who it is: <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.
    if other.name == "unknown" {
        return None;
    }
    let ours = managers.iter().take(position).find(|manager| manager.name == MANAGER);
    if ours.is_some_and(|ours| other.time.is_none() || other.time < ours.time) {
        return None;
    }
    Some(ChangedBy { manager: other.name.clone(), time: other.time })
}

/// Whether two lists name the same groups; order and repetition mean nothing.
pub(super) fn same_groups(one: &[String], other: &[String]) -> bool {
    one == other || one.iter().collect::<BTreeSet<_>>() == other.iter().collect::<BTreeSet<_>>()
}

/// The first bytes of a hash in hexadecimal digits.
pub(super) fn hex(bytes: impl AsRef<[u8]>, at_most: usize) -> String {
    bytes.as_ref().iter().take(at_most).fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Words for a person from a list: `a`, `a and 2 more`.
pub(super) fn listed(items: &[String], at_most: usize) -> String {
    let shown = items.iter().take(at_most).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(at_most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn manager(name: &str, second: Option<i64>) -> FieldManager {
        FieldManager { name: name.to_owned(), time: second.map(|second| jiff::Timestamp::from_second(second).unwrap()) }
    }

    #[test]
    fn whoever_wrote_after_rolecall_is_named() {
        let named = |managers: &[FieldManager]| changed_by(managers).map(|by| by.manager);
        assert_eq!(named(&[manager("kubectl-edit", Some(9)), manager("rolecall", Some(5))]).unwrap(), "kubectl-edit");
        assert_eq!(named(&[manager("rolecall", Some(5)), manager("kubectl-edit", Some(5))]).unwrap(), "kubectl-edit");
        assert_eq!(named(&[manager("rolecall", Some(5)), manager("kubectl-edit", Some(4))]), None);
        assert_eq!(named(&[manager("terraform", None)]).unwrap(), "terraform");
        assert_eq!(named(&[]), None);
    }

    #[test]
    fn long_lists_are_cut() {
        let items: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(listed(&items, 2), "a, b and 1 more");
        assert_eq!(listed(&items, 3), "a, b, c");
    }
}
