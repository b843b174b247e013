//! Whether every write that a store saw is in a pass's report, with before and after.

use rolecall::{
    lab::kube::Written,
    model::{AwsAuthText, ClusterId, Content, RbacKind, StepResult, Write},
};
use serde_json::Value;

use crate::judge::{Made, data};

/// The writes that no report tells of.
pub fn unreported(id: &ClusterId, journal: &[Written], passes: &[Made]) -> Vec<String> {
    // Each step is good for one write.
    let mut told: Vec<(&Write, &StepResult, bool)> = Vec::new();
    for report in passes.iter().filter_map(|pass| pass.report.as_ref().ok()) {
        for cluster in report.clusters.iter().filter(|cluster| cluster.cluster.id == *id) {
            for (plan, outcome) in cluster.carried_out() {
                told.extend(
                    outcome.steps.iter().filter_map(|it| Some((&plan.steps.get(it.step)?.write, &it.result, false))),
                );
            }
        }
    }
    let mut faults = Vec::new();
    for (number, written) in journal.iter().enumerate().filter(|(_, written)| written.by_request) {
        let step = told
            .iter_mut()
            .find(|(write, result, used)| !*used && !matches!(result, StepResult::Skipped(_)) && tells(write, written));
        match step {
            Some((_, _, used)) => *used = true,
            None => faults.push(format!(
                "write {number}: (f) no report tells of {} {} {} as it was written",
                written.resource, written.namespace, written.name
            )),
        }
    }
    // What is reported as written was written.
    for (write, result, used) in told {
        if matches!(result, StepResult::Done { .. }) && !used && !is_nothing(write, journal) {
            faults.push(format!("(f) a step is reported as done that no store saw: {write:?}"));
        }
    }
    faults
}

/// A backup that exists already, an object that is gone already: done without a write.
fn is_nothing(write: &Write, journal: &[Written]) -> bool {
    match write {
        Write::CreateBackup { name, .. } => journal.iter().any(|written| written.name == *name),
        Write::DeleteObject { object, .. } => {
            journal.iter().any(|written| written.name == object.name && written.after.is_none())
        }
        // Applying what is there already changes nothing.
        Write::ApplyObject { before, after, .. } => before.as_ref() == Some(after),
        Write::PutAwsAuth { .. } => false,
    }
}

fn tells(write: &Write, written: &Written) -> bool {
    let (was, is) = (written.before.as_deref(), written.after.as_deref());
    match write {
        Write::PutAwsAuth { before, after, .. } => {
            written.resource == "configmaps"
                && written.name == "aws-auth"
                && was.map(text) == *before
                && is.map(text).as_ref() == Some(after)
        }
        Write::CreateBackup { name, data: kept } => {
            written.resource == "configmaps" && written.name == *name && was.is_none() && data(is) == *kept
        }
        Write::ApplyObject { object, before, after, .. } => {
            names(object, written) && holds(was, before.as_ref()) && holds(is, Some(after))
        }
        Write::DeleteObject { object, before, .. } => {
            names(object, written) && holds(was, Some(before)) && is.is_none()
        }
    }
}

fn text(object: &Value) -> AwsAuthText {
    let annotations = object["metadata"]["annotations"].as_object();
    let annotations = annotations.into_iter().flatten();
    AwsAuthText {
        data: data(Some(object)),
        annotations: annotations
            .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
            .collect(),
    }
}

fn names(object: &rolecall::model::ObjectRef, written: &Written) -> bool {
    let resource = match object.kind {
        RbacKind::ClusterRole => "clusterroles",
        RbacKind::Role => "roles",
        RbacKind::ClusterRoleBinding => "clusterrolebindings",
        RbacKind::RoleBinding => "rolebindings",
    };
    written.resource == resource
        && written.name == object.name
        && written.namespace == object.namespace.as_deref().unwrap_or_default()
}

fn holds(object: Option<&Value>, content: Option<&Content>) -> bool {
    let (object, content) = match (object, content) {
        (None, None) => return true,
        (Some(object), Some(content)) => (object, content),
        _ => return false,
    };
    match content {
        Content::Rules(rules) => {
            let stored: Vec<rolecall::model::Rule> =
                serde_json::from_value(object["rules"].clone()).unwrap_or_default();
            stored == *rules
        }
        Content::Binding { role_ref, subjects } => {
            let stored = object["subjects"].as_array().cloned().unwrap_or_default();
            object["roleRef"]["name"] == role_ref.name.as_str()
                && object["roleRef"]["kind"] == role_ref.kind.as_str()
                && stored.len() == subjects.len()
                && stored.iter().zip(subjects).all(|(stored, subject)| stored["name"] == subject.name.as_str())
        }
        Content::Row { .. } | Content::Account | Content::Text(_) => false,
    }
}
