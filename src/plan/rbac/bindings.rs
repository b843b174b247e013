//! ClusterRoleBindings and RoleBindings, each of one subject to one role.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::{
    model::{
        Action, BRIDGE, Change, Content, Desired, DesiredBinding, Finding, FindingCode, ObjectPrecondition, ObjectRef,
        ObservedBinding, RbacKind, RbacState, RbacSubject, RoleRef, Subject, Surface, Write, binding_name,
    },
    plan::draft::{Part, Pending, changed_by, hex, listed},
};

use super::{at, reserved};

/// How many names are tried for one binding before it is given up; each is free but for somebody's ill will.
const NAMES: usize = 8;

/// What a binding grants: within a namespace or everywhere, which role, to whom.
type Grant<'a> = (Option<&'a str>, &'a RoleRef, &'a RbacSubject);

/// One desired binding with the name that it has unless somebody is in the way.
struct Wanted<'a> {
    binding: &'a DesiredBinding,
    object: ObjectRef,
}

pub(super) fn plan(desired: &Desired, state: &RbacState, part: &mut Part) {
    let wanted = wanted(desired, state);
    let observed: BTreeMap<&ObjectRef, &ObservedBinding> = state.bindings.iter().map(|b| (&b.object, b)).collect();
    let mut kept = satisfied(&wanted, state);
    let met = met_by_others(&wanted, &kept, state);
    part.findings.extend(left_to_others(&met));
    kept.grants.extend(met.iter().map(|(wanted, _)| grant(wanted.binding)));
    let open: Vec<&Wanted<'_>> = wanted.iter().filter(|w| !kept.grants.contains(&grant(w.binding))).collect();
    let mut made: BTreeSet<(Option<&str>, &RbacSubject)> = BTreeSet::new();
    for wanted in open {
        if let Some(object) = make(wanted, &observed, &kept.objects, part) {
            kept.objects.insert(object);
            made.insert((wanted.binding.namespace.as_deref(), &wanted.binding.subject));
        }
    }
    let stale =
        |binding: &&ObservedBinding| binding.ours && !is_bridge(binding) && !kept.objects.contains(&binding.object);
    for binding in state.bindings.iter().filter(stale) {
        let namespace = binding.object.namespace.as_deref();
        let replaced = !binding.subjects.is_empty() && binding.subjects.iter().all(|s| made.contains(&(namespace, s)));
        remove(binding, replaced, part);
    }
}

/// Whether rows move over it to access entries; who moves them takes it down.
fn is_bridge(binding: &ObservedBinding) -> bool {
    binding.object.kind == RbacKind::ClusterRoleBinding && binding.object.name == BRIDGE
}

fn grant(binding: &DesiredBinding) -> Grant<'_> {
    (binding.namespace.as_deref(), &binding.role_ref, &binding.subject)
}

fn wanted<'a>(desired: &'a Desired, state: &RbacState) -> Vec<Wanted<'a>> {
    let mut seen = BTreeSet::new();
    let there = |b: &&DesiredBinding| !b.namespace.as_ref().is_some_and(|name| state.missing_namespaces.contains(name));
    desired
        .bindings
        .iter()
        .filter(there)
        .filter(|binding| seen.insert(grant(binding)))
        .map(|binding| {
            let kind = if binding.namespace.is_some() { RbacKind::RoleBinding } else { RbacKind::ClusterRoleBinding };
            let name = binding_name(&binding.subject, &binding.role_ref);
            Wanted { binding, object: ObjectRef { kind, namespace: binding.namespace.clone(), name } }
        })
        .collect()
}

/// What is as it shall be: the grants, and the objects that make them.
struct Kept<'a> {
    grants: BTreeSet<Grant<'a>>,
    objects: BTreeSet<ObjectRef>,
}

/// Finds the bindings of ours that already grant what is wanted, whatever their name; the one under the default name
/// comes first. A name that is another wanted binding's default stays free for that one.
fn satisfied<'a>(wanted: &[Wanted<'a>], state: &RbacState) -> Kept<'a> {
    let defaults: BTreeMap<&ObjectRef, Grant<'_>> = wanted.iter().map(|w| (&w.object, grant(w.binding))).collect();
    let mut stored: BTreeMap<Grant<'_>, Vec<&ObjectRef>> = BTreeMap::new();
    for binding in state.bindings.iter().filter(|binding| binding.ours) {
        let [subject] = binding.subjects.as_slice() else { continue };
        let grant = (binding.object.namespace.as_deref(), &binding.role_ref, subject);
        if defaults.get(&binding.object).is_none_or(|default| *default == grant) {
            stored.entry(grant).or_default().push(&binding.object);
        }
    }
    let mut kept = Kept { grants: BTreeSet::new(), objects: BTreeSet::new() };
    for wanted in wanted {
        let Some(objects) = stored.get(&grant(wanted.binding)) else { continue };
        let own = objects.iter().find(|object| ***object == wanted.object);
        if let Some(object) = own.or_else(|| objects.iter().min()) {
            kept.grants.insert(grant(wanted.binding));
            kept.objects.insert((*object).clone());
        }
    }
    kept
}

/// Finds the bindings of others that already grant what is wanted and nothing of ours grants: a second one beside them
/// would give nobody anything. When they go, rolecall's own are made.
fn met_by_others<'a, 's>(
    wanted: &'a [Wanted<'a>],
    kept: &Kept<'_>,
    state: &'s RbacState,
) -> Vec<(&'a Wanted<'a>, &'s ObservedBinding)> {
    let mut granting: BTreeMap<Grant<'_>, &ObservedBinding> = BTreeMap::new();
    for binding in state.bindings.iter().filter(|binding| !binding.ours) {
        for subject in &binding.subjects {
            let grant = (binding.object.namespace.as_deref(), &binding.role_ref, subject);
            let first = granting.entry(grant).or_insert(binding);
            if binding.object < first.object {
                *first = binding;
            }
        }
    }
    let open = wanted.iter().filter(|wanted| !kept.grants.contains(&grant(wanted.binding)));
    open.filter_map(|wanted| Some((wanted, *granting.get(&grant(wanted.binding))?))).collect()
}

fn left_to_others(met: &[(&Wanted<'_>, &ObservedBinding)]) -> Option<Finding> {
    let (wanted, first) = met.first()?;
    let named: Vec<String> = met
        .iter()
        .map(|(wanted, by)| format!("{} → {} by {}", wanted.binding.subject.name, wanted.binding.role_ref, by.object))
        .collect();
    let what = if met.len() == 1 { "a binding that is".to_owned() } else { format!("{} bindings that are", met.len()) };
    let message = format!(
        "the policy has {what} there already and not rolecall's, so that none is made beside: {}; rolecall leaves them \
         alone, also when the policy drops them",
        listed(&named, 5)
    );
    let finding = Finding::notice(FindingCode::MetByOther, first.object.to_string(), message)
        .next("delete them to have rolecall make and keep its own")
        .on(Surface::Rbac);
    Some(finding.from_source(wanted.binding.sources.first()))
}

/// Plans one binding under the first name that is free or ours with the same role.
fn make(
    wanted: &Wanted<'_>,
    observed: &BTreeMap<&ObjectRef, &ObservedBinding>,
    used: &BTreeSet<ObjectRef>,
    part: &mut Part,
) -> Option<ObjectRef> {
    let binding = wanted.binding;
    for attempt in 0..NAMES {
        let object = named(wanted, attempt);
        let stored = observed.get(&object).copied();
        let fits = stored.is_none_or(|stored| stored.ours && stored.role_ref == binding.role_ref);
        if fits && !used.contains(&object) {
            let change = change(binding, &object, stored);
            let before = change.before.clone();
            let after = content(&binding.role_ref, std::slice::from_ref(&binding.subject));
            let precondition =
                stored.map_or(ObjectPrecondition::Absent, |stored| at(&stored.uid, &stored.resource_version));
            let write = Write::ApplyObject { object: object.clone(), precondition, before, after };
            part.pending.push(Pending { write, changes: vec![change], removes: false, counts: false });
            return Some(object);
        }
        if let Some(stored) = stored.filter(|stored| !stored.ours) {
            part.findings.push(name_taken(stored, binding, &named(wanted, attempt + 1)));
        }
    }
    let message =
        format!("{NAMES} names for this binding are taken by objects that are not rolecall's: it is not made");
    let finding = Finding::drift(FindingCode::NameTaken, wanted.object.to_string(), message);
    let next = "look at the bindings whose names begin like this one, and delete those that nobody needs";
    part.findings.push(finding.next(next).on(Surface::Rbac).from_source(binding.sources.first()));
    None
}

fn named(wanted: &Wanted<'_>, attempt: usize) -> ObjectRef {
    if attempt == 0 {
        return wanted.object.clone();
    }
    let digest = Sha256::digest(format!("{}\0{attempt}", wanted.object.name));
    let hash = hex(digest, 4);
    ObjectRef { name: format!("{}:{hash}", wanted.object.name), ..wanted.object.clone() }
}

fn name_taken(stored: &ObservedBinding, binding: &DesiredBinding, instead: &ObjectRef) -> Finding {
    let message = format!(
        "{} exists, binds to {} and is not rolecall's: it is left alone, and the policy's binding is made as {}",
        stored.object, stored.role_ref, instead.name
    );
    Finding::notice(FindingCode::NameTaken, stored.object.to_string(), message)
        .on(Surface::Rbac)
        .from_source(binding.sources.first())
}

fn change(binding: &DesiredBinding, object: &ObjectRef, stored: Option<&ObservedBinding>) -> Change {
    let (action, reason) =
        if stored.is_some() { (Action::Change, "subjects differ") } else { (Action::Add, "missing") };
    Change {
        surface: Surface::Rbac,
        action,
        subject: Subject::Object(object.clone()),
        who: None,
        reason: reason.to_owned(),
        before: stored.map(|stored| content(&stored.role_ref, &stored.subjects)),
        after: Some(content(&binding.role_ref, std::slice::from_ref(&binding.subject))),
        sources: binding.sources.clone(),
        changed_by: stored.and_then(|stored| changed_by(&stored.managers)),
    }
}

fn content(role_ref: &RoleRef, subjects: &[RbacSubject]) -> Content {
    Content::Binding { role_ref: role_ref.clone(), subjects: subjects.to_vec() }
}

fn remove(binding: &ObservedBinding, replaced: bool, part: &mut Part) {
    if let Some(owner) = reserved(&binding.object.name) {
        let message = format!("{} bears rolecall's label but names of this form belong to {owner}", binding.object);
        let finding = Finding::notice(FindingCode::Protected, binding.object.to_string(), message);
        part.findings.push(finding.next("take rolecall's label off it").on(Surface::Rbac));
        return;
    }
    let reason = if replaced { "replaced by another binding" } else { "no longer granted" };
    let before = content(&binding.role_ref, &binding.subjects);
    let change = Change {
        surface: Surface::Rbac,
        action: Action::Remove,
        subject: Subject::Object(binding.object.clone()),
        who: None,
        reason: reason.to_owned(),
        before: Some(before.clone()),
        after: None,
        sources: Vec::new(),
        changed_by: None,
    };
    let precondition = at(&binding.uid, &binding.resource_version);
    let write = Write::DeleteObject { object: binding.object.clone(), precondition, before };
    part.prune.push(Pending { write, changes: vec![change], removes: true, counts: !replaced });
}
