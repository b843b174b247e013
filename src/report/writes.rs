//! The writes that a pass tried, each whole: what the object held before, what it was to hold, and what became of it.
//! Changes tell people what happened; writes are the record.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::json::{ContentEntry, content, scope_content};
use crate::model::{
    AuthenticationMode, AwsAuthPrecondition, AwsAuthText, ClusterReport, ENTRY_TAG, ObjectPrecondition, Outcome, Plan,
    StepResult, Write, policy_name,
};

/// One write.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WriteEntry<'a> {
    /// The object, such as `configmap kube-system/aws-auth`.
    object: String,
    /// `create`, `update`, `tag`, `recreate` or `delete`.
    action: &'static str,
    before: Option<Held<'a>>,
    after: Option<Held<'a>>,
    /// `written`, `conflict`, `failed` or `skipped`.
    result: &'static str,
    /// Why it was not written, or what it was answered with when it was found written all the same.
    result_reason: Option<&'a str>,
    /// When the server had taken it, or when it was found.
    at: Option<Timestamp>,
    /// The object's resourceVersion afterwards.
    resource_version: Option<&'a str>,
}

/// What an object holds.
#[derive(Serialize)]
#[serde(untagged)]
enum Held<'a> {
    AwsAuth(&'a AwsAuthText),
    Object(ContentEntry<'a>),
    Tag { tag: &'static str, value: &'static str },
    Data { data: &'a BTreeMap<String, String> },
}

/// Every write that was tried on a cluster, in order, those of plans that a conflict cut short included.
pub(super) fn writes(report: &ClusterReport) -> impl Iterator<Item = WriteEntry<'_>> {
    report.carried_out().flat_map(|(plan, outcome)| of(plan, outcome))
}

fn of<'a>(plan: &'a Plan, outcome: &'a Outcome) -> impl Iterator<Item = WriteEntry<'a>> {
    outcome.steps.iter().filter_map(|step| Some(entry(&plan.steps.get(step.step)?.write, &step.result)))
}

type Told<'a> = (String, &'static str, Option<Held<'a>>, Option<Held<'a>>);

fn of_entry(write: &Write) -> Told<'_> {
    let principal = write.entry().unwrap_or_default();
    let whole = |content_of| Some(Held::Object(content(content_of)));
    let (action, before, after) = match write {
        Write::CreateEntry { after, .. } => ("create", None, whole(after)),
        Write::UpdateEntry { before, after, .. } => ("update", whole(before), whole(after)),
        Write::RecreateEntry { before, after, .. } => ("recreate", whole(before), whole(after)),
        Write::DeleteEntry { before, .. } => ("delete", whole(before), None),
        Write::AssociatePolicy { policy, before, after, .. } => {
            let action = if before.is_some() { "update" } else { "create" };
            let scope = |scope| Held::Object(scope_content(scope));
            return (of_policy(policy, principal), action, before.as_ref().map(scope), Some(scope(after)));
        }
        Write::DisassociatePolicy { policy, before, .. } => {
            return (of_policy(policy, principal), "delete", Some(Held::Object(scope_content(before))), None);
        }
        _ => ("tag", None, Some(Held::Tag { tag: ENTRY_TAG.0, value: ENTRY_TAG.1 })),
    };
    (format!("access entry of {principal}"), action, before, after)
}

fn of_policy(policy: &str, principal: &str) -> String {
    format!("access policy {} of {principal}", policy_name(policy))
}

fn entry<'a>(write: &'a Write, result: &'a StepResult) -> WriteEntry<'a> {
    let (object, action, before, after): Told<'a> = match write {
        Write::PutAwsAuth { precondition, before, after } => {
            let action = if *precondition == AwsAuthPrecondition::Absent { "create" } else { "update" };
            let object = "configmap kube-system/aws-auth".to_owned();
            (object, action, before.as_ref().map(Held::AwsAuth), Some(Held::AwsAuth(after)))
        }
        Write::CreateBackup { name, data } => {
            (format!("configmap kube-system/{name}"), "create", None, Some(Held::Data { data }))
        }
        Write::ApplyObject { object, precondition, before, after } => {
            let action = if *precondition == ObjectPrecondition::Absent { "create" } else { "update" };
            let before = before.as_ref().map(|before| Held::Object(content(before)));
            (object.to_string(), action, before, Some(Held::Object(content(after))))
        }
        Write::DeleteObject { object, before, .. } => {
            (object.to_string(), "delete", Some(Held::Object(content(before))), None)
        }
        Write::SetMode { before, after } => {
            let mode = |mode: &AuthenticationMode| Some(Held::Object(ContentEntry::Mode { mode: mode.as_str() }));
            ("authentication mode".to_owned(), "update", mode(before), mode(after))
        }
        entry => of_entry(entry),
    };
    let (result, result_reason, at, resource_version) = match result {
        StepResult::Done { at, resource_version } => ("written", None, Some(*at), resource_version.as_deref()),
        StepResult::Found { at, answer } => ("written", Some(answer.message.as_str()), Some(*at), None),
        StepResult::Conflict(why) => ("conflict", Some(why.as_str()), None, None),
        StepResult::Failed(why) => ("failed", Some(why.message.as_str()), None, None),
        StepResult::Skipped(why) => ("skipped", Some(why.as_str()), None, None),
    };
    WriteEntry { object, action, before, after, result, result_reason, at, resource_version }
}
