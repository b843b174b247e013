//! What became of each change of a plan.

use crate::model::{Change, ClusterReport, Outcome, Plan, StepResult, Unreadable};

/// What became of one change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeResult<'a> {
    /// It was not tried: the pass only plans, or the plan was held back.
    Planned,
    /// Every write of it was made, read back and found as planned.
    Written,
    /// The object had moved since it was read, so that nothing was written.
    Conflict(&'a str),
    /// A write of it failed.
    Failed(&'a Unreadable),
    /// A write of it was left out.
    Skipped(&'a str),
}

impl<'a> ChangeResult<'a> {
    /// The stable name for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Written => "written",
            Self::Conflict(_) => "conflict",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    /// Why it was not written, when it was tried.
    pub fn why(self) -> Option<&'a str> {
        match self {
            Self::Planned | Self::Written => None,
            Self::Conflict(why) | Self::Skipped(why) => Some(why),
            Self::Failed(why) => Some(&why.message),
        }
    }
}

/// The changes of a plan, each with what became of it. A change that takes several writes is written only when all of
/// them are; else its first write that was not made tells why.
pub fn results<'a>(plan: &'a Plan, outcome: Option<&'a Outcome>) -> Vec<(&'a Change, ChangeResult<'a>)> {
    plan.changes
        .iter()
        .enumerate()
        .map(|(index, change)| (change, outcome.map_or(ChangeResult::Planned, |outcome| result(plan, outcome, index))))
        .collect()
}

fn result<'a>(plan: &Plan, outcome: &'a Outcome, change: usize) -> ChangeResult<'a> {
    let mut result = ChangeResult::Planned;
    let makes = |step: usize| plan.steps.get(step).is_some_and(|step| step.changes.contains(&change));
    for step in outcome.steps.iter().filter(|step| makes(step.step)) {
        result = match &step.result {
            StepResult::Done { .. } | StepResult::Found { .. } => ChangeResult::Written,
            StepResult::Conflict(why) => return ChangeResult::Conflict(why),
            StepResult::Failed(why) => return ChangeResult::Failed(why),
            StepResult::Skipped(why) => return ChangeResult::Skipped(why),
        };
    }
    result
}

/// Every change that a pass has written on a cluster, those of plans that a conflict cut short included.
pub fn written(report: &ClusterReport) -> impl Iterator<Item = &Change> {
    report
        .carried_out()
        .flat_map(|(plan, outcome)| results(plan, Some(outcome)))
        .filter(|(_, result)| *result == ChangeResult::Written)
        .map(|(change, _)| change)
}
