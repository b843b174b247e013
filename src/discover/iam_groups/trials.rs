//! Whether what reading groups takes is allowed.

use std::collections::BTreeSet;

use super::{super::probe::Trial, Iam, group};
use crate::{
    discover::{DiscoverError, DiscoverErrorKind, actions, error::Call},
    model::{Arn, IamGroup, Principal},
};

/// A name that nothing bears: what is asked about it is refused or not found, and either tells who may ask.
const NOTHING: &str = "rolecall-doctor";

/// Tries each call that reading these groups takes; gives the groups that are there as well, or may be.
pub(in crate::discover) async fn trials<'w>(
    iam: &Iam<'_>,
    wanted: &'w BTreeSet<Principal>,
) -> (Vec<Trial>, Vec<&'w IamGroup>) {
    let (mut trials, mut there) = (Vec::new(), Vec::new());
    for group in wanted.iter().filter_map(group) {
        let read = iam.group_users(&group.name).await;
        let missing = read.as_ref().is_err_and(is_missing);
        trials.push((actions::GET_GROUP, answered(read)));
        if missing {
            continue;
        }
        there.push(group);
        if !group.members {
            trials.extend(policies(iam, &group.name).await);
        }
    }
    (trials, there)
}

/// The calls about the group's policies. One that only another call leads to is made about nothing where that one failed.
async fn policies(iam: &Iam<'_>, group: &str) -> Vec<Trial> {
    let (inline, attached) = (iam.inline_names(group).await, iam.attached(group).await);
    let (name, arn) = (first(&inline, || NOTHING.to_owned()), first(&attached, || nobodys_policy(iam)));
    let mut trials = vec![
        (actions::LIST_GROUP_POLICIES, answered(inline)),
        (actions::LIST_ATTACHED_GROUP_POLICIES, answered(attached)),
    ];
    if let Some(name) = name {
        let call = iam.session.call(actions::GET_GROUP_POLICY, None).on(format!("{group}/{name}"));
        let ask = iam.client.get_group_policy().group_name(group).policy_name(name);
        let asked = iam.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, &call));
        trials.push((actions::GET_GROUP_POLICY, answered(asked)));
    }
    if let Some(arn) = arn {
        trials.extend(managed(iam, &arn).await);
    }
    trials
}

async fn managed(iam: &Iam<'_>, arn: &str) -> [Trial; 2] {
    let on = |action| -> Call { iam.session.call(action, None).on(arn) };
    let ask = iam.client.get_policy().policy_arn(arn);
    let policy = iam.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, &on(actions::GET_POLICY)));
    let version = policy.as_ref().ok().and_then(|told| told.policy()?.default_version_id().map(str::to_owned));
    let ask = iam.client.get_policy_version().policy_arn(arn).version_id(version.as_deref().unwrap_or("v1"));
    let told = iam.service.ask(ask.send()).await;
    let told = told.map_err(|e| DiscoverError::of(&e, &on(actions::GET_POLICY_VERSION)));
    [(actions::GET_POLICY, answered(policy)), (actions::GET_POLICY_VERSION, answered(told))]
}

/// The first of what was listed; something that is not there where nothing could be listed.
fn first(listed: &Result<Vec<String>, DiscoverError>, nothing: impl FnOnce() -> String) -> Option<String> {
    match listed {
        Ok(all) => all.first().cloned(),
        Err(error) if is_missing(error) => None,
        Err(_) => Some(nothing()),
    }
}

fn nobodys_policy(iam: &Iam<'_>) -> String {
    let Arn { partition, account, .. } = iam.own();
    format!("arn:{partition}:iam::{account}:policy/{NOTHING}")
}

fn is_missing(error: &DiscoverError) -> bool {
    error.what() == DiscoverErrorKind::NotFound
}

/// Who is told that something does not exist was allowed to ask.
fn answered<T>(result: Result<T, DiscoverError>) -> Result<(), DiscoverError> {
    match result {
        Err(error) if !is_missing(&error) => Err(error),
        _ => Ok(()),
    }
}
