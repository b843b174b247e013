//! Whether every write that a store saw is in a pass's report, with before and after.

use rolecall::{
    lab::kube::Written,
    model::{AwsAuthText, ClusterId, Content, RbacKind, StepResult, Write},
};
use serde_json::Value;

use super::judge::{Made, data};

/// A step that a pass carried out or tried.
struct Told<'a> {
    pass: usize,
    write: &'a Write,
    result: &'a StepResult,
    used: bool,
}

/// The writes that no report tells of.
pub fn unreported(id: &ClusterId, journal: &[Written], passes: &[Made]) -> Vec<String> {
    let mut told = told(id, passes);
    let mut faults = Vec::new();
    for (number, written) in journal.iter().enumerate().filter(|(_, written)| written.by_request) {
        let pass = passes.iter().position(|pass| (pass.marks[0][id]..pass.marks[1][id]).contains(&number));
        // Each step is good for one write, and one that says so comes first. A write that was given up may come late.
        let fits = |it: &&mut Told| !it.used && tells(it.write, written) && Some(it.pass) <= pass;
        let step = told.iter_mut().filter(fits).min_by_key(|it| (Some(it.pass) != pass, !it.result.is_written()));
        match step {
            Some(step) => step.used = true,
            None => faults.push(format!(
                "write {number}: (f) no report tells of {} {} {} as it was written in pass {pass:?}",
                written.resource, written.namespace, written.name
            )),
        }
    }
    // What is reported as written was written.
    for Told { write, result, .. } in told.iter().filter(|it| !it.used && !is_nothing(it.write, journal)) {
        if matches!(result, StepResult::Done { .. }) {
            faults.push(format!("(f) a step is reported as done that no store saw: {write:?}"));
        }
    }
    faults
}

fn told<'a>(id: &ClusterId, passes: &'a [Made]) -> Vec<Told<'a>> {
    let mut told = Vec::new();
    for (pass, made) in passes.iter().enumerate() {
        for cluster in made.report.iter().flat_map(|report| &report.clusters).filter(|it| it.cluster.id == *id) {
            for (plan, outcome) in cluster.carried_out() {
                for step in outcome.steps.iter().filter(|it| !matches!(it.result, StepResult::Skipped(_))) {
                    let write = plan.steps.get(step.step).map(|step| &step.write);
                    told.extend(write.map(|write| Told { pass, write, result: &step.result, used: false }));
                }
            }
        }
    }
    told
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
        // Access entries are no object of a store.
        _ => write.entry().is_some(),
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
        _ => false,
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
        _ => false,
    }
}
