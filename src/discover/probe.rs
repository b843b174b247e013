//! Whether what rolecall calls is allowed, tried call by call or, where a call would change something, asked of IAM.

use std::collections::BTreeSet;

use aws_sdk_iam::{
    operation::simulate_principal_policy::builders::SimulatePrincipalPolicyFluentBuilder,
    types::{EvaluationResult, PolicyEvaluationDecisionType as Decision, ResourceSpecificResult},
};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{
    DiscoverError, DiscoverErrorKind, Hub, Need, Session, actions, error::Call, iam_groups, identities, organization,
    pages::read_pages, rates::Rate,
};
use crate::model::{Account, Arn, EventQueue, Principal};

/// An IAM action and what came of the call behind it.
pub type Trial = (&'static str, Result<(), DiscoverError>);

/// Tries each read that the organization takes. Calls about what only another call tells of are left out where that one
/// fails.
pub async fn hub_trials(hub: &Hub, need: Need) -> Vec<Trial> {
    let client = hub.organizations();
    let mut trials = vec![
        (actions::DESCRIBE_ORGANIZATION, organization::describe(hub, &client).await.map(drop)),
        tried(hub, actions::LIST_ACCOUNTS, &hub.rates.list_accounts, client.list_accounts().max_results(1).send())
            .await
            .without_answer(),
    ];
    if need.ou_paths {
        let roots = tried(hub, actions::LIST_ROOTS, &hub.rates.list_roots, client.list_roots().send()).await;
        let root = roots.1.as_ref().ok().and_then(|answer| answer.roots().first()?.id().map(str::to_owned));
        trials.push(roots.without_answer());
        if let Some(root) = root {
            let units = client.list_organizational_units_for_parent().parent_id(&root).max_results(1).send();
            let units = tried(hub, actions::LIST_ORGANIZATIONAL_UNITS, &hub.rates.list_units, units).await;
            trials.push(units.without_answer());
            let accounts = client.list_accounts_for_parent().parent_id(&root).max_results(1).send();
            let rate = &hub.rates.list_accounts_for_parent;
            trials.push(tried(hub, actions::LIST_ACCOUNTS_FOR_PARENT, rate, accounts).await.without_answer());
        }
    }
    if need.account_tags {
        let tags = client.list_tags_for_resource().resource_id(hub.caller().account.as_str()).send();
        trials.push(tried(hub, actions::LIST_TAGS, &hub.rates.list_tags, tags).await.without_answer());
    }
    trials
}

/// A call with its answer.
struct Tried<T>(&'static str, Result<T, DiscoverError>);

impl<T> Tried<T> {
    fn without_answer(self) -> Trial {
        (self.0, self.1.map(drop))
    }
}

async fn tried<T, E>(
    hub: &Hub,
    action: &'static str,
    rate: &Rate,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
) -> Tried<T>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    rate.wait().await;
    Tried(action, Box::pin(call).await.map_err(|error| DiscoverError::of(&error, &hub.call(action))))
}

/// Tries each call that looking these principals up in the account takes: once each, but for those about IAM groups.
pub async fn look_up_trials(session: &Session, account: &Account, wanted: &BTreeSet<Principal>) -> Vec<Trial> {
    let service = session.service("iam", None);
    let client = iam(session);
    let reader = identities::Iam { session, service: session.service("iam", None), client: client.clone() };
    let (mut trials, groups) = Box::pin(iam_groups::trials(&reader, wanted)).await;
    let takes = identities::takes(session, account, wanted, &groups);
    if let Some(path) = takes.list {
        let asked = service.ask(client.list_roles().path_prefix(path).max_items(1).send()).await;
        let call = session.call(actions::LIST_ROLES, None);
        trials.push((actions::LIST_ROLES, asked.map(drop).map_err(|error| DiscoverError::of(&error, &call))));
    }
    if let Some(name) = takes.role {
        let asked = service.ask(client.get_role().role_name(name).send()).await;
        let call = session.call(actions::GET_ROLE, None).on(name);
        trials.push((actions::GET_ROLE, answered(asked.map(drop).map_err(|error| DiscoverError::of(&error, &call)))));
    }
    if let Some(name) = takes.user {
        let asked = service.ask(client.get_user().user_name(name).send()).await;
        let call = session.call(actions::GET_USER, None).on(name);
        trials.push((actions::GET_USER, answered(asked.map(drop).map_err(|error| DiscoverError::of(&error, &call)))));
    }
    trials
}

/// Who is told that something does not exist was allowed to ask.
fn answered(result: Result<(), DiscoverError>) -> Result<(), DiscoverError> {
    match result {
        Err(error) if error.what() == DiscoverErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn iam(session: &Session) -> aws_sdk_iam::Client {
    let retries = session.service("iam", None).retries();
    let config = aws_sdk_iam::config::Builder::from(session.home_config()).retry_partition(retries).build();
    aws_sdk_iam::Client::from_conf(config)
}

/// What IAM says would become of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulated {
    /// It would be allowed.
    Allowed,
    /// No policy of the role allows it.
    NotAllowed,
    /// It is denied by this, whatever the role's own policies allow.
    Denied(&'static str),
    /// It depends on what these condition keys hold.
    Depends(Vec<String>),
}

/// Asks IAM what would become of calls of the role on a resource. Service control policies without conditions and
/// permissions boundaries are taken into account; session policies and resource control policies are not.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html> and
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_testing-policies.html>.
///
/// # Errors
/// When the role may not ask.
pub async fn simulate(
    session: &Session,
    role: &Arn,
    asked: &[&'static str],
    resource: &str,
) -> Result<Vec<(&'static str, Simulated)>, DiscoverError> {
    let (client, service) = (iam(session), session.service("iam", None));
    let call = session.call(actions::SIMULATE, None).on(role.to_string());
    let answers = read_pages(&call, |marker| {
        let (client, service, call) = (&client, &service, &call);
        async move {
            let ask = simulation(client, role, asked, resource).set_marker(marker);
            let page = service.ask(ask.send()).await.map_err(|error| DiscoverError::of(&error, call))?;
            let next = if page.is_truncated() { page.marker().map(str::to_owned) } else { None };
            Ok((page.evaluation_results.unwrap_or_default(), next))
        }
    })
    .await;
    told(&answers.whole()?, asked, &call)
}

/// Asks IAM what would become of the calls to a queue by whoever reads it, whose IAM knows it as `source`: to receive a
/// message would hide it from others and count as a try. What the queue's own policy says is not taken into account.
///
/// # Errors
/// When it may not ask.
pub async fn simulate_queue(
    hub: &Hub,
    queue: &EventQueue,
    source: &Arn,
    resource: &str,
) -> Result<Vec<(&'static str, Simulated)>, DiscoverError> {
    let (client, asked) = (hub.iam_for_queue(queue), actions::QUEUE_ACTIONS);
    let call = hub.call(actions::SIMULATE).on(source.to_string()).by(source.to_string());
    let answers = read_pages(&call, |marker| {
        let (client, call) = (&client, &call);
        async move {
            let ask = simulation(client, source, asked, resource).set_marker(marker);
            let page = Box::pin(ask.send()).await.map_err(|error| DiscoverError::of(&error, call))?;
            let next = if page.is_truncated() { page.marker().map(str::to_owned) } else { None };
            Ok((page.evaluation_results.unwrap_or_default(), next))
        }
    })
    .await;
    told(&answers.whole()?, asked, &call)
}

fn simulation(
    client: &aws_sdk_iam::Client,
    source: &Arn,
    asked: &[&str],
    resource: &str,
) -> SimulatePrincipalPolicyFluentBuilder {
    let names = asked.iter().map(|action| (*action).to_owned()).collect();
    let ask = client.simulate_principal_policy().policy_source_arn(source.to_string());
    ask.set_action_names(Some(names)).resource_arns(resource)
}

/// What was answered about each action.
fn told(
    answers: &[EvaluationResult],
    asked: &[&'static str],
    call: &Call,
) -> Result<Vec<(&'static str, Simulated)>, DiscoverError> {
    let of = |action: &&'static str| {
        let answer = answers.iter().find(|answer| answer.eval_action_name().eq_ignore_ascii_case(action));
        let missing = || DiscoverError::new(DiscoverErrorKind::Other, call, &format!("nothing is said of {action}"));
        answer.map(|answer| (*action, meaning(answer))).ok_or_else(missing)
    };
    asked.iter().map(of).collect()
}

/// What an answer means. Where a resource is named, condition keys that are missing are told with the resource.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>.
fn meaning(answer: &EvaluationResult) -> Simulated {
    let of_resources =
        answer.resource_specific_results().iter().flat_map(ResourceSpecificResult::missing_context_values);
    let keys: BTreeSet<String> = answer.missing_context_values().iter().chain(of_resources).cloned().collect();
    let organization = answer.organizations_decision_detail().is_some_and(|detail| !detail.allowed_by_organizations());
    let boundary =
        answer.permissions_boundary_decision_detail().is_some_and(|detail| !detail.allowed_by_permissions_boundary());
    match answer.eval_decision() {
        Decision::Allowed => Simulated::Allowed,
        _ if organization => Simulated::Denied("a service control policy"),
        _ if boundary => Simulated::Denied("the role's permissions boundary"),
        Decision::ExplicitDeny => Simulated::Denied("an explicit deny"),
        _ if !keys.is_empty() => Simulated::Depends(keys.into_iter().collect()),
        _ => Simulated::NotAllowed,
    }
}
