//! ClusterRoles and Roles that the policy owns.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{
        Action, Change, Content, Desired, DesiredRole, Finding, FindingCode, MANAGED_BY, MANAGER, ObjectPrecondition,
        ObjectRef, ObservedRole, RbacKind, RbacState, Rule, Subject, Surface, Write,
    },
    plan::draft::{Part, Pending, changed_by},
};

use super::{at, reserved};

/// The label of the roles that the API server itself keeps.
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

pub(super) fn plan(desired: &Desired, state: &RbacState, part: &mut Part) {
    let observed: BTreeMap<&ObjectRef, &ObservedRole> = state.roles.iter().map(|role| (&role.object, role)).collect();
    let mut wanted = BTreeSet::new();
    for role in &desired.roles {
        let object = object(role);
        if wanted.insert(object.clone())
            && !role.namespace.as_ref().is_some_and(|n| state.missing_namespaces.contains(n))
        {
            one(role, object.clone(), observed.get(&object).copied(), part);
        }
    }
    for role in state.roles.iter().filter(|role| role.ours && !wanted.contains(&role.object)) {
        remove(role, part);
    }
}

fn object(role: &DesiredRole) -> ObjectRef {
    let kind = if role.namespace.is_some() { RbacKind::Role } else { RbacKind::ClusterRole };
    ObjectRef { kind, namespace: role.namespace.clone(), name: role.name.clone() }
}

fn one(role: &DesiredRole, object: ObjectRef, observed: Option<&ObservedRole>, part: &mut Part) {
    let equal =
        observed.is_some_and(|stored| stored.rules == role.rules || normal(&stored.rules) == normal(&role.rules));
    if let Some(owner) = taken(&object, observed) {
        let message = format!("{object} is not rolecall's to write: {owner}");
        let finding = Finding::notice(FindingCode::NameTaken, object.to_string(), message)
            .next("give the policy's role another name, or define it where it is managed now")
            .on(Surface::Rbac)
            .from_source(role.sources.first());
        // With the very rules that the policy wants, the cluster does not differ from it.
        part.findings.push(Finding { drift: !equal, ..finding });
        return;
    }
    let after = Content::Rules(role.rules.clone());
    let Some(stored) = observed else {
        let change = change(&object, Action::Add, "missing", role, None);
        push(part, object, ObjectPrecondition::Absent, None, after, vec![change]);
        return;
    };
    if equal && stored.ours {
        return;
    }
    // With equal rules the object only takes rolecall's label: that is no difference to report.
    let changes =
        if equal { Vec::new() } else { vec![change(&object, Action::Change, "rules differ", role, Some(stored))] };
    let before = Some(Content::Rules(stored.rules.clone()));
    push(part, object, at(&stored.uid, &stored.resource_version), before, after, changes);
}

fn push(
    part: &mut Part,
    object: ObjectRef,
    precondition: ObjectPrecondition,
    before: Option<Content>,
    after: Content,
    changes: Vec<Change>,
) {
    let write = Write::ApplyObject { object, precondition, before, after };
    part.pending.push(Pending { write, changes, removes: false, counts: false });
}

fn change(object: &ObjectRef, action: Action, why: &str, role: &DesiredRole, stored: Option<&ObservedRole>) -> Change {
    Change {
        surface: Surface::Rbac,
        action,
        subject: Subject::Object(object.clone()),
        who: None,
        reason: why.to_owned(),
        before: stored.map(|stored| Content::Rules(stored.rules.clone())),
        after: Some(Content::Rules(role.rules.clone())),
        sources: role.sources.clone(),
        changed_by: stored.and_then(|stored| changed_by(&stored.managers)),
    }
}

fn remove(role: &ObservedRole, part: &mut Part) {
    if let Some(owner) = taken(&role.object, Some(role)) {
        let message = format!("{} bears rolecall's label but is not deleted: {owner}", role.object);
        let next = format!("take the label {MANAGED_BY} off it");
        let finding = Finding::notice(FindingCode::Protected, role.object.to_string(), message);
        part.findings.push(finding.next(next).on(Surface::Rbac));
        return;
    }
    let before = Content::Rules(role.rules.clone());
    let change = Change {
        surface: Surface::Rbac,
        action: Action::Remove,
        subject: Subject::Object(role.object.clone()),
        who: None,
        reason: "no longer in the policy".to_owned(),
        before: Some(before.clone()),
        after: None,
        sources: Vec::new(),
        changed_by: None,
    };
    let precondition = at(&role.uid, &role.resource_version);
    let write = Write::DeleteObject { object: role.object.clone(), precondition, before };
    part.prune.push(Pending { write, changes: vec![change], removes: true, counts: true });
}

/// Who has the name, when rolecall may not write it.
fn taken(object: &ObjectRef, observed: Option<&ObservedRole>) -> Option<String> {
    if let Some(owner) = reserved(&object.name) {
        return Some(format!("names of this form belong to {owner}"));
    }
    let stored = observed?;
    if stored.aggregated {
        return Some("the control plane fills its rules from other roles (aggregationRule)".to_owned());
    }
    if stored.labels.contains_key(BOOTSTRAPPING) {
        return Some("it is one of the default roles that the API server keeps itself".to_owned());
    }
    let manager = stored.labels.get(MANAGED_BY).filter(|manager| *manager != MANAGER)?;
    Some(format!("it is managed by {manager}"))
}

/// Rules in one order, each list sorted: order means nothing to RBAC, and neither does saying a thing twice.
fn normal(rules: &[Rule]) -> BTreeSet<[BTreeSet<&str>; 5]> {
    rules
        .iter()
        .map(|rule| {
            [&rule.api_groups, &rule.resources, &rule.verbs, &rule.resource_names, &rule.non_resource_urls]
                .map(|list| list.iter().map(String::as_str).collect())
        })
        .collect()
}
