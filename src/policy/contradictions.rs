//! Contradictions that can be seen without knowing a cluster. Those that depend on the cluster are found by
//! [`super::compile()`].

use std::{collections::HashMap, hash::Hash};

use super::{
    entry::{AccessEntry, Policy, RoleEntry, Spot, Who},
    rules::same_rules,
};
use crate::{
    model::{Principal, Selector},
    source::{Diagnostic, Diagnostics},
};

/// Adds an error for each pair of entries that cannot both hold.
pub(super) fn check(policy: &Policy, diagnostics: &mut Diagnostics) {
    diagnostics.extend(usernames(policy));
    diagnostics.extend(roles(policy));
    nodes(policy, diagnostics);
}

/// Whether both surely mean the same cluster, if they mean any.
fn overlap(a: &Selector, b: &Selector) -> bool {
    let all = Selector::default();
    a == b || *a == all || *b == all
}

fn usernames(policy: &Policy) -> Vec<Diagnostic> {
    let named = policy.access.iter().filter(|entry| entry.username.is_some());
    let who = |entry: &AccessEntry| key(&entry.who);
    each_pair(named, who, |first, second| {
        let (a, b) = (first.username.as_ref()?, second.username.as_ref()?);
        (a.text != b.text && overlap(&first.selector, &second.selector)).then(|| {
            let message = format!("{} has two usernames, {:?} and {:?}", second.who, a.text, b.text);
            let help = "give each principal one username on a cluster, or keep the entries apart by `where`";
            between(&b.spot, message, &a.spot, "the other username is given here").help(help)
        })
    })
}

fn roles(policy: &Policy) -> Vec<Diagnostic> {
    let name = |role: &RoleEntry| (role.namespace.clone(), role.name.clone());
    each_pair(policy.roles.iter(), name, |first, second| {
        (!same_rules(&first.rules, &second.rules) && overlap(&first.selector, &second.selector)).then(|| {
            let message = format!("the role {:?} is defined twice, with different rules", second.name);
            let help = "define each role once, or keep the definitions apart by `where`";
            between(&second.spot, message, &first.spot, "first defined here").help(help)
        })
    })
}

fn nodes(policy: &Policy, diagnostics: &mut Diagnostics) {
    let mut given: HashMap<String, Vec<&AccessEntry>> = HashMap::new();
    for entry in &policy.access {
        given.entry(key(&entry.who)).or_default().push(entry);
    }
    for node in &policy.nodes {
        for entry in given.get(&key(&node.who)).into_iter().flatten() {
            if overlap(&node.selector, &entry.selector) {
                let message = format!("{} is a role of nodes and given to people too", entry.who);
                let help = "aws-auth has one row for a role: let people use a role of their own";
                diagnostics.push(between(&entry.spot, message, &node.spot, "given to nodes here").help(help));
            }
        }
    }
}

/// Calls `clash` with each entry and the earlier ones of its key, until it finds one that the entry clashes with.
fn each_pair<'e, T: 'e, K: Eq + Hash>(
    entries: impl Iterator<Item = &'e T>,
    key: impl Fn(&T) -> K,
    mut clash: impl FnMut(&'e T, &'e T) -> Option<Diagnostic>,
) -> Vec<Diagnostic> {
    let mut seen: HashMap<K, Vec<&'e T>> = HashMap::new();
    let mut found = Vec::new();
    for entry in entries {
        let earlier = seen.entry(key(entry)).or_default();
        found.extend(earlier.iter().find_map(|first| clash(first, entry)));
        earlier.push(entry);
    }
    found
}

fn between(spot: &Spot, message: String, other: &Spot, label: &str) -> Diagnostic {
    let error = Diagnostic::error(spot.source.file.clone(), spot.span, message);
    match other.span {
        Some(span) => error.related(other.source.file.clone(), span, label),
        None => error,
    }
}

/// The same for two ways of writing the same principal. Names under two paths are not one: at most one of them exists.
fn key(who: &Who) -> String {
    match &who.principal {
        Principal::RoleArn(arn) | Principal::UserArn(arn) => arn.without_role_path().to_string().to_ascii_lowercase(),
        Principal::RoleName(_) | Principal::UserName(_) => who.to_string().to_ascii_lowercase(),
        other => other.to_string(),
    }
}
