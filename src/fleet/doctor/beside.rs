//! What the hub reads beside the organization: the queue of events, and Identity Center. Another role may do so.

use super::{checked, trusted, verdicts};
use crate::{
    discover::{self, Hub, IDENTITY_CENTER_ACTIONS, QUEUE_ACTIONS, Trial},
    fleet::Context,
    model::{AccountId, Arn, Cause, Checked, EventQueue, Need, Part, Partition, Place, Principal, Told, Verdict},
};

const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

/// Checks with the role that they are of; with none they are the hub's own.
type Checks = (Option<Arn>, Vec<(Need, Verdict)>);

/// Adds those of the hub to its own; gives those of other roles.
pub(super) fn sorted(all: impl IntoIterator<Item = Checks>, of_hub: &mut Vec<(Need, Verdict)>) -> Vec<Checked> {
    let mut of_others = Vec::new();
    for (role, checks) in all {
        match role {
            None => of_hub.extend(checks),
            Some(role) => of_others.push(checked(Part::Hub, Place::default(), Some(role.to_string()), checks)),
        }
    }
    of_others
}

/// The queue of events: nothing can be read from it without an effect, so that IAM is asked.
pub(super) async fn queue(context: &Context, hub: &Hub) -> Checks {
    let settings = &context.inputs.settings;
    let every = |verdict: &Verdict| {
        let actions = QUEUE_ACTIONS.iter().chain([&SIMULATE]);
        actions.map(|action| (Need::HubAction(action), verdict.clone())).collect::<Vec<_>>()
    };
    let Some(queue) = &settings.events else {
        return (None, every(&Verdict::NotNeeded("the settings name no queue of events")));
    };
    let role = queue.role.as_ref().map(|role| role.arn.clone());
    let source = role.clone().unwrap_or_else(|| trusted(hub.caller(), context));
    let resource = arn(queue, &hub.caller().arn.partition);
    let checks = match discover::simulate_queue(hub, queue, &source, &resource).await {
        Ok(answers) => {
            let of = |(action, simulated): &(&'static str, _)| {
                let verdict = verdicts::of_simulation(action, simulated, &resource, &source.to_string());
                (Need::HubAction(action), and_policy_of(queue, &source, verdict))
            };
            [(Need::HubAction(SIMULATE), Verdict::Fine)].into_iter().chain(answers.iter().map(of)).collect()
        }
        Err(error) => {
            let untold = verdicts::not_tried(&error, &source, "deploy/iam/hub-policy.json");
            let actions = QUEUE_ACTIONS.iter().map(|action| (Need::HubAction(action), untold.clone()));
            actions.chain([(Need::HubAction(SIMULATE), verdicts::not_asked(&error))]).collect()
        }
    };
    (role, checks)
}

pub(super) fn arn(queue: &EventQueue, partition: &Partition) -> String {
    let mut parts = queue.url.rsplit('/');
    let (name, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    format!("arn:{partition}:sqs:{}:{account}:{name}", queue.region)
}

/// What is allowed in one account has to be allowed by the other's queue as well, of which the simulation knows nothing.
fn and_policy_of(queue: &EventQueue, source: &Arn, verdict: Verdict) -> Verdict {
    let owner = queue.url.rsplit('/').nth(1).and_then(|id| id.parse::<AccountId>().ok());
    if verdict != Verdict::Fine || owner == source.account_id() {
        return verdict;
    }
    Verdict::Untold(Told {
        cause: Cause::NotTried,
        what: format!("the queue belongs to another account than {source}: its own policy has to allow it too"),
        next: Some("See that the queue's policy allows it.".to_owned()),
    })
}

/// Identity Center, where the policy names directory groups. `account` is one of the organization.
pub(super) async fn center(context: &Context, hub: &Hub, account: Option<&AccountId>) -> Checks {
    let scope = context.inputs.settings.scope.identity_center.as_ref();
    let role = scope.and_then(|scope| scope.role.as_ref()).map(|role| role.arn.clone());
    let named = context.inputs.policy.access.iter().find_map(|entry| match &entry.who.principal {
        Principal::DirectoryGroup(name) => Some(name),
        _ => None,
    });
    let (Some(group), Some(center)) = (named, hub.center()) else {
        let verdict = Verdict::NotNeeded("the policy names no directory group");
        return (
            None,
            IDENTITY_CENTER_ACTIONS.iter().map(|action| (Need::HubAction(action), verdict.clone())).collect(),
        );
    };
    let trials = Box::pin(center.trials(group, account.unwrap_or(&hub.caller().account))).await;
    let of = |action: &&'static str| {
        let trial = trials.iter().find(|(tried, _)| tried == action);
        let verdict = trial.map_or_else(|| left_out(action, &trials), |(_, result)| verdicts::of_trial(result));
        (Need::HubAction(action), verdict)
    };
    (role, IDENTITY_CENTER_ACTIONS.iter().map(of).collect())
}

/// Why a call was not tried.
fn left_out(action: &str, trials: &[Trial]) -> Verdict {
    let answered = |name: &str| trials.iter().any(|(tried, result)| *tried == name && result.is_ok());
    if trials.len() < 2 {
        return verdicts::before("the instance of Identity Center is not known");
    }
    match action {
        "sso:ListAccountAssignmentsForPrincipal" => {
            Verdict::NotNeeded("only the management account may; assignments are read account by account")
        }
        _ if answered("sso:ListPermissionSetsProvisionedToAccount") => {
            Verdict::NotNeeded("no permission set is provisioned in the account where it was tried")
        }
        _ => verdicts::before("the account's permission sets could not be listed"),
    }
}
