//! Correcting the fleet: budgets first, then each cluster's plan, then a second look that must find nothing left.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{task::JoinSet, time::Instant};
use tracing::{Instrument, info, warn};

use super::{
    Context,
    examine::{self, Examined, WayIn},
    tasks::{cluster_span, join_all, or_fault},
    within::MAX_CHANGED_CLUSTERS,
};
use crate::{
    apply,
    discover::Turns,
    model::{
        AuthenticationMode, Change, Cluster, ClusterId, ClusterReport, Guard, Outcome, Plan, Status, Step, StepOutcome,
        StepResult, UnreadableKind, Write,
    },
};

/// How often a cluster is observed and planned again because somebody else wrote to it in between.
const TRIES: usize = 3;
/// How many times as long as reading it writing to a cluster may take: a cluster that is seen for the first time may need
/// hundreds of objects.
const WRITING: u32 = 10;

/// Between two looks at a cluster that does not let rolecall in yet.
const PAUSE: Duration = Duration::from_secs(1);

/// Carries out every plan that may be carried out.
pub(super) async fn correct_all(context: &Arc<Context>, mut examined: Vec<Examined>) -> Vec<ClusterReport> {
    hold_to_budget(context, &mut examined);
    let to_do = examined.iter().filter(|examined| examined.way_in.is_some()).count();
    context.progress.applying(to_do);
    let at_once = Arc::new(Turns::new(context.inputs.settings.limits.clusters));
    let mut tasks = JoinSet::new();
    let mut reports = Vec::with_capacity(examined.len());
    for Examined { report, way_in } in examined {
        let Some(way_in) = way_in else {
            reports.push(report);
            continue;
        };
        let (context, at_once) = (Arc::clone(context), Arc::clone(&at_once));
        let span = cluster_span(&report.cluster.id);
        tasks.spawn(
            async move {
                let lost = report.cluster.clone();
                let correcting = at_once.take(async { Box::pin(correct(&context, report, &way_in)).await });
                let report = or_fault(correcting, || examine::fault(lost)).await;
                context.progress.cluster_done(report.status);
                report
            }
            .instrument(span),
        );
    }
    reports.extend(join_all(tasks).await);
    reports
}

/// Blocks every plan when more clusters would change than the settings allow in one pass.
fn hold_to_budget(context: &Context, examined: &mut [Examined]) {
    let known = examined.iter().filter(|e| counts(&e.report)).count();
    let known = known.max(context.options.fleet());
    let allowed = context.inputs.settings.safety.max_changed_clusters.of(known);
    let changed = examined.iter().filter(|e| e.way_in.is_some() && changes_anything(&e.report)).count();
    if changed == 0 {
        return;
    }
    let changed = changed + held_elsewhere(context, examined);
    if changed <= allowed {
        return;
    }
    warn!(changed, allowed, "more clusters would change than `safety.maxChangedClusters` allows: nothing is written");
    for Examined { report, way_in } in examined.iter_mut().filter(|e| e.way_in.is_some()) {
        let guard = Guard {
            name: MAX_CHANGED_CLUSTERS.to_owned(),
            message: format!("{changed} of {known} clusters would change, {allowed} may in one pass"),
            next: "see with `rolecall plan` whether that is meant, then raise `safety.maxChangedClusters`".to_owned(),
        };
        *way_in = None;
        report.block(guard);
    }
}

/// How many clusters outside of this part of the fleet wait to be changed, held back by the budget of the whole.
fn held_elsewhere(context: &Context, examined: &[Examined]) -> usize {
    let Some(within) = &context.options.within else { return 0 };
    let seen: BTreeSet<&ClusterId> = examined.iter().map(|examined| &examined.report.cluster.id).collect();
    within.held.iter().filter(|id| !seen.contains(id)).count()
}

fn changes_anything(report: &ClusterReport) -> bool {
    report.plan.as_ref().is_some_and(|plan| !plan.changes.is_empty())
}

/// Whether the cluster belongs to the fleet of which budgets are a part: one of whose surfaces only one could be read is
/// not known, but changes there all the same.
fn counts(report: &ClusterReport) -> bool {
    !report.status.is_unknown() || changes_anything(report)
}

/// Corrects one cluster: applies its plan, and looks again. A conflict makes a new plan; a failed write is never repeated
/// blindly, the second look tells whether it took place.
async fn correct(context: &Context, mut report: ClusterReport, way_in: &WayIn) -> ClusterReport {
    let client = match way_in.client(&report.cluster) {
        Ok(client) => client,
        Err(why) => return examine::unreadable(report.cluster, report.plan, why),
    };
    for attempt in 1..=TRIES {
        let Some(plan) = report.plan.clone() else { return report };
        if context.cancel.is_cancelled() {
            report.why = Some("the pass was called off before this cluster was corrected".to_owned());
            return report;
        }
        let strange = is_strange(&report, &plan, way_in);
        let outcome = tokio::select! {
            outcome = apply::apply(&client, way_in.eks.as_ref(), &plan, way_in.timeout * WRITING) => outcome,
            () = context.expired() => {
                report.status = Status::Unknown;
                report.why = Some("the pass was called off while this cluster was being written to".to_owned());
                return report;
            }
        };
        info!(written = outcome.written(), steps = plan.steps.len(), "plan carried out");
        report.cluster.authentication_mode = mode_after(&report.cluster, &plan, &outcome);
        let look = tokio::select! {
            look = look_again(&client, &report.cluster, way_in, strange) => look,
            () = context.expired() => {
                report.status = Status::Unknown;
                report.why = Some("the pass was called off before this cluster was read again".to_owned());
                report.outcome = Some(outcome);
                return report;
            }
        };
        let outcome = confirm(&plan, outcome, &look);
        let conflict = outcome.conflict().map(str::to_owned);
        let settled = settle(&mut report, &plan, outcome, &look);
        let let_in = strange && look.why.is_none() && !look.plan.steps.is_empty();
        if settled || !(conflict.is_some() || let_in) || attempt == TRIES {
            return report;
        }
        let outdated = context.options.only.is_some() || look.why.is_some() || look.plan.blocked.is_some();
        if outdated {
            return report;
        }
        if let Some(conflict) = conflict {
            warn!(conflict, attempt, "somebody else wrote in between: observed and planned again");
        } else {
            info!("the cluster lets rolecall in now: the policy follows");
        }
        if let Some(outcome) = report.outcome.take() {
            report.earlier.push((plan, outcome));
        }
        report.plan = Some(look.plan);
    }
    report
}

/// Whether the cluster does not let rolecall in, and its plan is to change that.
fn is_strange(report: &ClusterReport, plan: &Plan, way_in: &WayIn) -> bool {
    let own = way_in.rules.onboarding.as_ref().map(|onboarding| onboarding.own_role.to_string());
    let of_own = |step: &Step| step.write.entry().is_some_and(|entry| Some(entry) == own.as_deref());
    match report.cause {
        Some(UnreadableKind::Unauthenticated) => true,
        Some(UnreadableKind::Forbidden) => plan.steps.iter().any(of_own),
        _ => false,
    }
}

/// The cluster's authentication mode, which the plan may have taken one step further.
fn mode_after(cluster: &Cluster, plan: &Plan, outcome: &Outcome) -> AuthenticationMode {
    let written = outcome.steps.iter().filter(|step| step.result.is_written());
    let set = written.filter_map(|step| match &plan.steps.get(step.step)?.write {
        Write::SetMode { after, .. } => Some(*after),
        _ => None,
    });
    set.fold(cluster.authentication_mode, |_, mode| mode)
}

/// Looks at a cluster after it was written to. One that did not let rolecall in, and in which it has an access entry now, is
/// asked until the entry is in effect, which takes some seconds.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.
async fn look_again(client: &kube::Client, cluster: &Cluster, way_in: &WayIn, strange: bool) -> examine::Look {
    let until = Instant::now() + way_in.timeout;
    loop {
        let look = Box::pin(examine::look(client, cluster, way_in, Instant::now())).await;
        // The entry and its policy take effect one after the other.
        let refused = look
            .why
            .as_ref()
            .is_some_and(|why| matches!(why.kind, UnreadableKind::Unauthenticated | UnreadableKind::Forbidden));
        if !(strange && refused) || Instant::now() + PAUSE >= until {
            return look;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Turns the failures into writes that the second look found in place: an answer may be lost on its way back.
fn confirm(plan: &Plan, mut outcome: Outcome, look: &examine::Look) -> Outcome {
    use UnreadableKind::{Server, Timeout, Unreachable};
    if look.why.is_some() {
        return outcome;
    }
    let left = |change: &Change| {
        let same = |other: &Change| {
            (other.surface, other.action, &other.subject) == (change.surface, change.action, &change.subject)
        };
        look.plan.changes.iter().any(same)
    };
    for StepOutcome { step, result } in &mut outcome.steps {
        let StepResult::Failed(answer) = result else { continue };
        let open = matches!(answer.kind, Unreachable | Timeout | Server);
        let made: Vec<&Change> =
            plan.steps.get(*step).into_iter().flat_map(|s| &s.changes).filter_map(|i| plan.changes.get(*i)).collect();
        let in_place = if made.is_empty() { look.plan.steps.is_empty() } else { !made.into_iter().any(left) };
        if open && in_place {
            *result = StepResult::Found { at: Timestamp::now(), answer: answer.clone() };
        }
    }
    outcome
}

/// Says where the cluster stands after its plan was carried out; true when there is nothing left to do.
fn settle(report: &mut ClusterReport, plan: &Plan, outcome: Outcome, look: &examine::Look) -> bool {
    let wrote_changes = !plan.changes.is_empty() || !report.earlier.is_empty();
    let outcome = report.outcome.insert(outcome);
    let found = outcome
        .found()
        .map(|answer| format!("a write was answered with an error and yet took place: {}", answer.message));
    report.next = None;
    if let (Some(plan), None) = (&mut report.plan, &look.why) {
        plan.findings.clone_from(&look.plan.findings);
    }
    let in_sync = look.why.is_none() && look.plan.steps.is_empty() && !look.plan.has_drift();
    if in_sync {
        report.status = if wrote_changes { Status::Applied } else { Status::InSync };
        report.why = found;
        return true;
    }
    if let Some(why) = &look.why {
        report.status = examine::status_of(why.kind);
        report.cause = Some(why.kind);
        report.why = Some(format!("after writing it could not be read again: {}", why.message));
        report.next.clone_from(&why.next);
        return false;
    }
    report.status = Status::Drifted;
    if let Some(failure) = outcome.failure() {
        report.why = Some(failure.message.clone());
        report.next.clone_from(&failure.next);
    } else if let Some(conflict) = outcome.conflict() {
        report.why = Some(format!("somebody else writes at the same time: {conflict}"));
        let in_conflict = |step: &&StepOutcome| matches!(step.result, StepResult::Conflict(_));
        let step = outcome.steps.iter().find(in_conflict).and_then(|step| plan.steps.get(step.step));
        let tells = if step.is_some_and(|step| step.write.entry().is_some()) {
            "in CloudTrail who keeps writing the cluster's access entries"
        } else {
            "in the managed fields of the object who keeps writing it"
        };
        report.next = Some(format!("run again; if it goes on, see {tells}"));
    } else {
        report.why = found.or_else(|| Some(left(look)));
    }
    false
}

/// What the second look found left, in words.
fn left(look: &examine::Look) -> String {
    match look.plan.changes.len() {
        0 => "what is left cannot be corrected by rolecall".to_owned(),
        1 => "one change is left after writing".to_owned(),
        more => format!("{more} changes are left after writing"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::model::{Action, Content, Subject, Surface, samples};

    #[test]
    fn a_cluster_that_is_known_in_part_and_would_change_is_one_of_those_that_may() {
        let lost = examine::fault(samples::cluster("checkout"));
        assert!(!counts(&lost), "nothing is known of it");
        let mut plan = Plan::empty(lost.cluster.id.clone());
        plan.changes.push(Change {
            surface: Surface::AwsAuth,
            action: Action::Add,
            subject: Subject::Account("444455556666".parse().unwrap()),
            who: None,
            reason: "missing".to_owned(),
            before: None,
            after: Some(Content::Account),
            sources: Vec::new(),
            changed_by: None,
        });
        assert!(counts(&ClusterReport { plan: Some(plan), ..lost }));
    }
}
