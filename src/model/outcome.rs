//! What became of a plan.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Unreadable;

/// What became of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepResult {
    /// Written, read back and found as planned.
    Done {
        /// When the server had taken the write.
        at: Timestamp,
        /// The object's resourceVersion afterwards; `None` after a deletion.
        resource_version: Option<String>,
    },
    /// The server's answer was an error or was lost, and the next look found the write in place.
    Found {
        /// When it was found.
        at: Timestamp,
        /// What the write was answered with.
        answer: Unreadable,
    },
    /// The object was no longer what the plan had seen: nothing was written, the cluster must be observed again.
    Conflict(String),
    /// The server refused or could not be reached; whether the write took place is told by the next observation.
    Failed(Unreadable),
    /// Left out, for this reason.
    Skipped(String),
}

impl StepResult {
    /// Whether the write is in place.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Found { .. })
    }
}

/// One step's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepOutcome {
    /// The index of the step in the plan.
    pub step: usize,
    /// What became of it.
    pub result: StepResult,
}

/// What became of a plan, step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Every step of the plan, in order.
    pub steps: Vec<StepOutcome>,
}

impl Outcome {
    /// Whether every step was written and found as planned.
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| step.result.is_written())
    }

    /// What the first write was answered with that was found in place all the same, if any.
    pub fn found(&self) -> Option<&Unreadable> {
        self.steps.iter().find_map(|step| match &step.result {
            StepResult::Found { answer, .. } => Some(answer),
            _ => None,
        })
    }

    /// The first conflict, if any.
    pub fn conflict(&self) -> Option<&str> {
        self.steps.iter().find_map(|step| match &step.result {
            StepResult::Conflict(why) => Some(why.as_str()),
            _ => None,
        })
    }

    /// The first failure, if any.
    pub fn failure(&self) -> Option<&Unreadable> {
        self.steps.iter().find_map(|step| match &step.result {
            StepResult::Failed(why) => Some(why),
            _ => None,
        })
    }

    /// How many steps were written.
    pub fn written(&self) -> usize {
        self.steps.iter().filter(|step| step.result.is_written()).count()
    }
}
