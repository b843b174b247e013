//! The RBAC half: ClusterRoles, Roles and their bindings.

mod bindings;
mod holders;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Change, Content, Desired, Finding, FindingCode, ObjectPrecondition, ObjectRef, Observed, RbacKind, RbacState,
    Source, Surface,
};

pub(super) use holders::Holders;

use super::{
    draft::{Part, listed},
    held_back,
};

/// Plans the RBAC objects; unknown ones are left alone. Where rows of aws-auth stay that may lean on them, none is taken
/// away.
pub(super) fn plan(
    desired: &Desired,
    state: &Observed<RbacState>,
    rows_stay: Option<&str>,
    holders: impl FnOnce() -> Holders,
) -> Part {
    let state = match state {
        Observed::Known(state) => state,
        Observed::Unknown(why) => {
            let message = format!("the RBAC objects could not be read, so that nothing is planned for them: {why}");
            let finding = Finding::gap(FindingCode::ClusterUnreadable, Surface::Rbac.as_str(), message);
            return Part::only(vec![Finding { next: why.next.clone(), ..finding }.on(Surface::Rbac)]);
        }
    };
    let mut part = Part::default();
    roles::plan(desired, state, &mut part);
    bindings::plan(desired, state, &mut part);
    if !part.prune.is_empty() {
        holders().keep(&mut part);
    }
    missing_namespaces(desired, state, &mut part.findings);
    missing_roles(desired, state, &mut part.findings);
    // Bindings go before the roles that they name.
    part.prune.sort_by_key(|pending| pending.changes.iter().any(is_role));
    hold_back(&desired.unknown, rows_stay, &mut part);
    part
}

fn is_role(change: &Change) -> bool {
    matches!(change.before, Some(Content::Rules(_)))
}

/// While there is a reason against it, nothing is taken away.
fn hold_back(unknown: &[String], rows_stay: Option<&str>, part: &mut Part) {
    let reasons: Vec<String> = unknown.iter().cloned().chain(rows_stay.map(str::to_owned)).collect();
    if reasons.is_empty() {
        return;
    }
    for pending in part.prune.drain(..) {
        // Rows that stay are known, or told to be unknown where they are read.
        let (drift, incomplete) = (unknown.is_empty(), !unknown.is_empty());
        let told = |change| Finding { drift, incomplete, ..held_back(change, &reasons) };
        part.findings.extend(pending.changes.iter().map(told));
    }
}

fn missing_namespaces(desired: &Desired, state: &RbacState, findings: &mut Vec<Finding>) {
    let mut by_namespace: BTreeMap<&str, (Vec<String>, Option<&Source>)> = BTreeMap::new();
    for role in &desired.roles {
        if let Some(namespace) = role.namespace.as_deref().filter(|name| state.missing_namespaces.contains(*name)) {
            let entry = by_namespace.entry(namespace).or_insert_with(|| (Vec::new(), role.sources.first()));
            entry.0.push(format!("role {}", role.name));
        }
    }
    for binding in &desired.bindings {
        if let Some(namespace) = binding.namespace.as_deref().filter(|name| state.missing_namespaces.contains(*name)) {
            let entry = by_namespace.entry(namespace).or_insert_with(|| (Vec::new(), binding.sources.first()));
            entry.0.push(format!("binding {} → {}", binding.subject.name, binding.role_ref));
        }
    }
    for (namespace, (wanted, source)) in by_namespace {
        let message = format!(
            "namespace {namespace} does not exist, so that the policy's objects in it are not made: {}",
            listed(&wanted, 5)
        );
        findings.push(
            Finding::notice(FindingCode::NamespaceMissing, namespace, message)
                .next("create the namespace; the next pass makes them; or narrow the policy's `where`")
                .on(Surface::Rbac)
                .from_source(source),
        );
    }
}

fn missing_roles(desired: &Desired, state: &RbacState, findings: &mut Vec<Finding>) {
    let mut told = BTreeSet::new();
    for binding in &desired.bindings {
        let namespace = (binding.role_ref.kind == RbacKind::Role).then(|| binding.namespace.clone());
        let role = ObjectRef {
            kind: binding.role_ref.kind,
            namespace: namespace.flatten(),
            name: binding.role_ref.name.clone(),
        };
        if state.missing_roles.contains(&role) && told.insert(role.clone()) {
            let message = format!("{role} does not exist: bindings to it grant nothing until somebody makes it");
            findings.push(
                Finding::notice(FindingCode::RoleMissing, role.to_string(), message)
                    .next("define it under the policy's `roles`, or make it in the cluster")
                    .on(Surface::Rbac)
                    .from_source(binding.sources.first()),
            );
        }
    }
}

/// Whose a name is by Kubernetes' and EKS's conventions: nothing with such a name is made, changed or deleted.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings> and
/// <https://docs.aws.amazon.com/eks/latest/userguide/default-roles-users.html>.
fn reserved(name: &str) -> Option<&'static str> {
    [("system:", "Kubernetes"), ("eks:", "EKS")]
        .into_iter()
        .find_map(|(prefix, owner)| name.starts_with(prefix).then_some(owner))
}

fn at(uid: &str, resource_version: &str) -> ObjectPrecondition {
    ObjectPrecondition::At { uid: uid.to_owned(), resource_version: resource_version.to_owned() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
