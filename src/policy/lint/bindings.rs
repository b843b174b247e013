//! Warnings about groups, usernames and roles that do not meet.

use std::collections::HashSet;

use super::{MASTERS, Names, warning};
use crate::{
    model::{RbacKind, SubjectKind},
    policy::{
        entry::{BindingEntry, Policy, SubjectEntry},
        names::BUILT_IN_ROLES,
        template,
    },
    source::Diagnostic,
};

/// The groups that Kubernetes puts callers into by itself, everybody or nearly so.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings>.
const EVERYBODY: [&str; 3] = ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"];

pub(super) fn lint(policy: &Policy, warnings: &mut Vec<Diagnostic>) {
    let (groups, usernames) = (Names::groups(policy), Names::usernames(policy));
    let roles: HashSet<(Option<&str>, &str)> =
        policy.roles.iter().map(|role| (role.namespace.as_deref(), role.name.as_str())).collect();
    let mut told: HashSet<&str> = HashSet::new();
    for entry in &policy.subjects {
        let name = entry.subject.name.as_str();
        for binding in &entry.bindings {
            unknown_role(&roles, binding, warnings);
        }
        let known = match entry.subject.kind {
            SubjectKind::Group => groups.may_be(name),
            _ => usernames.may_be(name),
        };
        if told.insert(name) {
            subject(entry, known, warnings);
        }
    }
    grants(policy, warnings);
}

fn subject(entry: &SubjectEntry, known: bool, warnings: &mut Vec<Diagnostic>) {
    let name = entry.subject.name.as_str();
    let is_group = entry.subject.kind == SubjectKind::Group;
    if is_group && EVERYBODY.contains(&name) {
        let message = format!("whoever reaches the cluster is in {name:?} or nearly so: all of them hold these roles");
        warnings.push(warning(&entry.spot, message).help("bind a group that `access` gives"));
    } else if template::any(name) {
        let message = format!("{name:?} has a template, which bindings do not know: nobody would ever match it");
        warnings
            .push(warning(&entry.spot, message).help("templates belong into `access`; name here what comes of them"));
    } else if !known && !name.starts_with("system:") {
        let (message, help) = if is_group {
            (format!("nobody is in the group {name:?}"), "no entry of `access` gives it: add one, or delete the group")
        } else {
            (format!("nobody has the username {name:?}"), "no entry of `access` gives it: add one, or delete the user")
        };
        warnings.push(warning(&entry.spot, message).help(help));
    }
}

fn unknown_role(roles: &HashSet<(Option<&str>, &str)>, binding: &BindingEntry, warnings: &mut Vec<Diagnostic>) {
    let name = binding.role_ref.name.as_str();
    let cluster_role = binding.role_ref.kind == RbacKind::ClusterRole;
    let namespace = if cluster_role { None } else { binding.namespace.as_deref() };
    let of_the_cluster = name.starts_with("system:") || name.starts_with("eks:");
    if roles.contains(&(namespace, name)) || of_the_cluster || (cluster_role && BUILT_IN_ROLES.contains(&name)) {
        return;
    }
    let place = namespace.map(|namespace| format!(" in namespace {namespace:?}")).unwrap_or_default();
    let message = format!("nothing in the policy defines the {} {name:?}{place}", binding.role_ref.kind);
    warnings
        .push(warning(&binding.spot, message).help("define it under `roles`, or make sure it exists on the clusters"));
}

/// Warnings about access that leads to nothing.
fn grants(policy: &Policy, warnings: &mut Vec<Diagnostic>) {
    let bound = |kind| move |entry: &&SubjectEntry| entry.subject.kind == kind;
    let names = |kind| policy.subjects.iter().filter(bound(kind)).map(|entry| entry.subject.name.as_str());
    let groups: HashSet<&str> = names(SubjectKind::Group).collect();
    let users: HashSet<&str> = names(SubjectKind::User).collect();
    let mut told: HashSet<&str> = HashSet::new();
    for entry in &policy.access {
        for group in &entry.groups {
            let name = group.name.as_str();
            let is_bound = groups.contains(name)
                || (template::any(name) && groups.iter().any(|bound| template::may_become(name, bound)));
            if is_bound || name == MASTERS || name.starts_with("system:") || !told.insert(name) {
                continue;
            }
            let message = format!("nothing in the policy binds the group {name:?}");
            let help = "bind it under `groups`, or make sure that something on the clusters does";
            warnings.push(warning(&group.spot, message).help(help));
        }
        let Some(username) = entry.username.as_ref().filter(|_| entry.groups.is_empty()) else {
            if entry.groups.is_empty() && !is_account(entry) && !users.iter().any(|user| is_default(entry, user)) {
                let message = format!("{} gets in but holds nothing: it has no groups", entry.who);
                warnings.push(warning(&entry.spot, message).help("give `groups`, or bind its username under `users`"));
            }
            continue;
        };
        if !users.iter().any(|user| template::may_become(&username.text, user)) {
            let message =
                format!("{} gets in but holds nothing: no groups, and no user {:?}", entry.who, username.text);
            warnings.push(warning(&username.spot, message).help("give `groups`, or bind the username under `users`"));
        }
    }
}

fn is_account(entry: &crate::policy::entry::AccessEntry) -> bool {
    matches!(entry.who.principal, crate::model::Principal::Account(_))
}

fn is_default(entry: &crate::policy::entry::AccessEntry, user: &str) -> bool {
    super::default_username(entry).is_some_and(|template| template::may_become(&template, user))
}
