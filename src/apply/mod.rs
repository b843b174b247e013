//! Plan → outcome: the only code that mutates anything. It decides nothing.

mod abreast;
mod aws_auth;
mod entries;
mod mode;
mod object;
mod order;
mod policies;

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    connect::{self, Eks},
    model::{ClusterId, Outcome, Plan, Step, StepOutcome, StepResult, Unreadable, Write},
};
use order::Progress;

/// Carries out the plan's steps in their order, each under its precondition. Roles that follow each other and take nothing
/// away are written side by side, and so are bindings.
///
/// A precondition that does not hold is never forced. A step that removes something is left out when any step before it
/// did not succeed, and when any object of the plan is refused in a server-side dry run, which comes before the first
/// write of a plan that removes anything. A plan that a guard holds back is left out as a whole.
///
/// No step is begun after `time`; a write that was begun is waited for, since only its answer tells whether it took place.
pub async fn apply(client: &kube::Client, eks: Option<&Eks>, plan: &Plan, time: Duration) -> Outcome {
    let deadline = Deadline { began: Instant::now(), time };
    // A time without end is one that no clock can tell.
    let until = deadline.began.checked_add(time).unwrap_or(deadline.began + NO_END);
    let place = Place { client, eks, cluster: &plan.cluster, until };
    let mut progress = Progress::new(plan);
    if plan.blocked.is_none() && plan.steps.iter().any(|step| step.removes) {
        place.rehearse(plan, &mut progress).await;
    }
    let (mut left, mut index) = (Left::default(), 0);
    while let Some(rest) = plan.steps.get(index..) {
        match abreast::next(rest) {
            [] => break,
            [step] => {
                let result = match deadline.verdict(&mut progress, index, step) {
                    Some(result) => result,
                    None => place.carry_out(step, &mut left).await,
                };
                log(plan, step, &result);
                progress.record(step, result);
                index += 1;
            }
            several => {
                place.carry_out_abreast(plan, index, several, deadline, &mut progress).await;
                index += several.len();
            }
        }
    }
    progress.into_outcome()
}

/// As good as no end.
const NO_END: Duration = Duration::from_hours(24);

/// What the steps so far left behind.
#[derive(Default)]
struct Left {
    aws_auth: Option<aws_auth::Left>,
    /// The principals whose access entries were written.
    entries: BTreeSet<String>,
}

/// Until when steps may be begun.
#[derive(Clone, Copy)]
struct Deadline {
    began: Instant,
    time: Duration,
}

impl Deadline {
    /// What becomes of a step that is not to be begun, now that its turn has come.
    fn verdict(self, progress: &mut Progress, index: usize, step: &Step) -> Option<StepResult> {
        if self.began.elapsed() >= self.time {
            progress.out_of_time(self.time);
        }
        progress.verdict(index, step)
    }
}

/// Where the writes go.
#[derive(Clone, Copy)]
struct Place<'a> {
    client: &'a kube::Client,
    eks: Option<&'a Eks>,
    cluster: &'a ClusterId,
    /// When nothing is waited for any more.
    until: Instant,
}

/// Why a write did not take place, or not as planned.
enum Miss {
    /// The object is not what the plan had seen.
    Conflict(String),
    /// The server refused or did not answer.
    Failed(Unreadable),
}

impl From<Miss> for StepResult {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Conflict(why) => Self::Conflict(why),
            Miss::Failed(why) => Self::Failed(why),
        }
    }
}

impl Place<'_> {
    /// 409 is a conflict, whatever else is a failure.
    fn miss(self, error: &kube::Error, doing: &str) -> Miss {
        match error {
            kube::Error::Api(status) if status.code == 409 => Miss::Conflict(format!("{doing}: {}", status.message)),
            _ => Miss::Failed(connect::unreadable(error, doing, self.cluster)),
        }
    }

    /// The server took the write and holds something else: an admission webhook, most likely.
    fn altered(self, doing: &str) -> Miss {
        let mut why = connect::server_error("the server took it and stored something else", doing, self.cluster);
        why.next = Some("See which admission webhook or controller of the cluster alters it.".to_owned());
        Miss::Failed(why)
    }

    /// Tries every object in a server-side dry run and notes what is refused.
    async fn rehearse(self, plan: &Plan, progress: &mut Progress) {
        let objects = plan.steps.iter().enumerate().filter_map(|(index, step)| match &step.write {
            Write::ApplyObject { object, precondition, after, .. } => Some((index, object, precondition, after)),
            _ => None,
        });
        // The futures are made before they are streamed: a closure inside the stream would keep this one from being sent
        // between threads.
        let tries: Vec<_> = objects
            .map(|(index, object, precondition, after)| async move {
                (index, object, self.put_object(object, precondition, after, true).await)
            })
            .collect();
        let mut tried = stream::iter(tries).buffered(abreast::AT_ONCE);
        while let Some((index, object, result)) = tried.next().await {
            match result {
                Ok(_) => {}
                Err(object::Refusal::AwaitsRole(role, _)) if order::makes(plan, &role) => {}
                Err(refusal) => {
                    let result = StepResult::from(refusal.into_miss());
                    tracing::info!(cluster = %self.cluster, %object, ?result, "refused in the dry run");
                    if progress.refuse(index, result) {
                        return;
                    }
                }
            }
        }
    }

    async fn carry_out(self, step: &Step, left: &mut Left) -> StepResult {
        let written = match &step.write {
            Write::PutAwsAuth { precondition, before, after } => {
                let put = self.put_aws_auth(precondition, before.as_ref(), after, left.aws_auth.as_ref()).await;
                put.map(|new| Some(left.aws_auth.insert(new).resource_version.clone()))
            }
            Write::CreateBackup { name, data } => self.create_backup(name, data).await.map(Some),
            Write::ApplyObject { object, precondition, after, .. } => {
                let put = self.put_object(object, precondition, after, false).await;
                put.map(Some).map_err(object::Refusal::into_miss)
            }
            Write::DeleteObject { object, precondition, .. } => {
                self.delete_object(object, precondition).await.map(|()| None)
            }
            Write::SetMode { before, after } => self.set_mode(*before, *after).await.map(|()| None),
            write => self.put_entry(write, left).await.map(|()| None),
        };
        match written {
            Ok(resource_version) => StepResult::Done { at: Timestamp::now(), resource_version },
            Err(miss) => miss.into(),
        }
    }
}

/// What a write is about, and what it does, for the log.
fn told(write: &Write) -> (String, &'static str) {
    match write {
        Write::PutAwsAuth { .. } => ("configmap kube-system/aws-auth".to_owned(), "write"),
        Write::CreateBackup { name, .. } => (format!("configmap kube-system/{name}"), "write"),
        Write::ApplyObject { object, .. } => (object.to_string(), "write"),
        Write::DeleteObject { object, .. } => (object.to_string(), "delete"),
        Write::SetMode { .. } => ("the authentication mode".to_owned(), "change"),
        entry => {
            let action = match entry {
                Write::CreateEntry { .. } => "create",
                Write::DeleteEntry { .. } => "delete",
                Write::RecreateEntry { .. } => "delete and create",
                Write::TagEntry { .. } => "tag",
                Write::AssociatePolicy { .. } => "associate policy",
                Write::DisassociatePolicy { .. } => "disassociate policy",
                _ => "write",
            };
            (format!("access entry of {}", entry.entry().unwrap_or_default()), action)
        }
    }
}

fn log(plan: &Plan, step: &Step, result: &StepResult) {
    let (object, action) = told(&step.write);
    let cluster = &plan.cluster;
    match result {
        StepResult::Done { .. } | StepResult::Found { .. } => {
            tracing::info!(%cluster, %object, action, result = "done", "step");
        }
        StepResult::Conflict(why) => tracing::warn!(%cluster, %object, action, result = "conflict", why, "step"),
        StepResult::Failed(why) => tracing::warn!(%cluster, %object, action, result = "failed", %why, "step"),
        StepResult::Skipped(why) => tracing::info!(%cluster, %object, action, result = "skipped", why, "step"),
    }
}

impl Progress {
    fn into_outcome(self) -> Outcome {
        let steps = self.into_results().into_iter().enumerate();
        Outcome { steps: steps.map(|(step, result)| StepOutcome { step, result }).collect() }
    }
}

#[cfg(test)]
mod tests;
