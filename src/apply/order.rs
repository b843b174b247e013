//! Which steps may still be carried out after what became of those before them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::model::{ObjectRef, Plan, Step, StepResult, UnreadableKind, Write};

/// What is known of the steps so far.
#[derive(Default)]
pub(super) struct Progress {
    blocked: Option<String>,
    refused: BTreeMap<usize, StepResult>,
    results: Vec<StepResult>,
    aws_auth_stopped: bool,
    gone: Option<String>,
    /// Why EKS is not asked for more.
    eks_gone: Option<String>,
    /// The principals whose access entries could not be written.
    entries_stopped: BTreeSet<String>,
    /// No step is begun any more.
    over: Option<String>,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let blocked = plan.blocked.as_ref().map(|guard| format!("held back by the guard {}", guard.name));
        Self {
            blocked,
            refused: BTreeMap::new(),
            results: Vec::new(),
            aws_auth_stopped: false,
            gone: None,
            ..Self::default()
        }
    }

    /// Notes that a step was refused in the dry run; tells whether trying more is of no use.
    pub(super) fn refuse(&mut self, index: usize, result: StepResult) -> bool {
        self.note_gone(&result, None);
        self.refused.insert(index, result);
        self.gone.is_some()
    }

    /// What becomes of a step that is not to be carried out.
    pub(super) fn verdict(&mut self, index: usize, step: &Step) -> Option<StepResult> {
        if let Some(result) = self.refused.remove(&index) {
            // It stays in the way of every removal, those after it included.
            return Some(result);
        }
        self.reason_to_skip(step).map(StepResult::Skipped)
    }

    fn reason_to_skip(&self, step: &Step) -> Option<String> {
        let entry = step.write.entry();
        let gone = if entry.is_some() { &self.eks_gone } else { &self.gone };
        if let Some(why) = self.blocked.as_ref().or(self.over.as_ref()).or(gone.as_ref()) {
            return Some(why.clone());
        }
        if entry.is_some_and(|principal| self.entries_stopped.contains(principal)) {
            return Some("an earlier step on the same access entry did not succeed".to_owned());
        }
        if self.aws_auth_stopped && matches!(step.write, Write::PutAwsAuth { .. }) {
            return Some("an earlier step on aws-auth did not succeed".to_owned());
        }
        if step.removes && !self.refused.is_empty() {
            return Some("it removes something, and a later step was refused in the dry run".to_owned());
        }
        let failed = self.results.iter().position(|result| !matches!(result, StepResult::Done { .. }));
        failed
            .filter(|_| step.removes)
            .map(|failed| format!("it removes something, and step {} before it did not succeed", failed + 1))
    }

    /// Notes what became of the next step.
    pub(super) fn record(&mut self, step: &Step, result: StepResult) {
        let entry = step.write.entry();
        self.note_gone(&result, entry);
        if !matches!(result, StepResult::Done { .. }) {
            self.entries_stopped.extend(entry.map(str::to_owned));
            // Without its backup a broken section is not overwritten either.
            self.aws_auth_stopped |= matches!(step.write, Write::PutAwsAuth { .. } | Write::CreateBackup { .. });
        }
        self.results.push(result);
    }

    /// Notes that nothing more is to be begun.
    pub(super) fn out_of_time(&mut self, time: Duration) {
        let seconds = time.as_secs();
        self.over.get_or_insert_with(|| {
            format!("the {seconds} s for writing to one cluster are over; the next pass goes on")
        });
    }

    /// A server that does not answer one step is not asked for the next: each would wait for its own timeout.
    fn note_gone(&mut self, result: &StepResult, entry: Option<&str>) {
        use UnreadableKind::{Throttled, Timeout, Tls, Unauthenticated, Unreachable};
        if let StepResult::Failed(why) = result
            && matches!(why.kind, Unreachable | Tls | Unauthenticated | Timeout | Throttled)
        {
            let (who, gone) = match entry {
                Some(_) => ("EKS", &mut self.eks_gone),
                None => ("the API server", &mut self.gone),
            };
            gone.get_or_insert_with(|| format!("{who} stopped answering ({})", why.kind));
        }
    }

    pub(super) fn into_results(self) -> Vec<StepResult> {
        self.results
    }
}

/// Whether the plan itself makes this object.
pub(super) fn makes(plan: &Plan, wanted: &ObjectRef) -> bool {
    plan.steps.iter().any(|step| matches!(&step.write, Write::ApplyObject { object, .. } if object == wanted))
}
