//! The roles and bindings that a policy wants on one cluster.

use std::collections::HashMap;

use super::{
    doubt::{Undecided, contradiction},
    push_once,
};
use crate::{
    model::{
        Cluster, Desired, DesiredBinding, DesiredRole, Match, ObjectRef, RbacKind, RbacSubject, RoleRef, Rule, Source,
    },
    policy::{
        entry::{Policy, RoleEntry},
        rules::same_rules,
    },
};

/// Compiles `roles`: one of several definitions that say the same, none of several that do not.
pub(super) fn roles(policy: &Policy, cluster: &Cluster, undecided: &mut Undecided, desired: &mut Desired) {
    let mut drafts: Vec<Draft> = Vec::new();
    let mut index: HashMap<(Option<&str>, &str), usize> = HashMap::new();
    let mut doubtful: Vec<&RoleEntry> = Vec::new();
    for entry in &policy.roles {
        match entry.selector.matches(cluster) {
            Match::No => continue,
            Match::Unknown(why) => {
                undecided.note(&why, &entry.spot.source);
                doubtful.push(entry);
                continue;
            }
            Match::Yes => {}
        }
        let at = *index.entry((entry.namespace.as_deref(), &entry.name)).or_insert_with(|| {
            drafts.push(Draft { first: entry, sources: Vec::new(), clash: None, doubt: None });
            drafts.len() - 1
        });
        drafts[at].merge(entry);
    }
    for entry in doubtful {
        if let Some(&at) = index.get(&(entry.namespace.as_deref(), entry.name.as_str())) {
            let draft = &mut drafts[at];
            if !same_rules(&draft.first.rules, &entry.rules) {
                draft.doubt.get_or_insert(&entry.spot.source);
            }
        }
    }
    for draft in drafts {
        draft.finish(desired);
    }
}

struct Draft<'a> {
    first: &'a RoleEntry,
    sources: Vec<Source>,
    clash: Option<&'a Source>,
    /// An undecided line that would define it otherwise.
    doubt: Option<&'a Source>,
}

impl<'a> Draft<'a> {
    fn merge(&mut self, entry: &'a RoleEntry) {
        if same_rules(&self.first.rules, &entry.rules) {
            push_once(&mut self.sources, entry.spot.source.clone());
        } else {
            self.clash.get_or_insert(&entry.spot.source);
        }
    }

    fn finish(self, desired: &mut Desired) {
        let RoleEntry { namespace, name, rules, .. } = self.first;
        let kind = if namespace.is_some() { RbacKind::Role } else { RbacKind::ClusterRole };
        let object = ObjectRef { kind, namespace: namespace.clone(), name: name.clone() }.to_string();
        if let Some(second) = self.clash {
            let first = &self.first.spot.source;
            let message = format!("{object} has two sets of rules, by {first} and by {second}: it is left as it is");
            let next = "define each role once, or keep the definitions apart by `where`";
            contradiction(desired, &object, message, next, second);
        } else if let Some(line) = self.doubt {
            push_once(&mut desired.unknown, format!("{object} is left as it is until {line} can be decided"));
        } else {
            let (namespace, name, rules): (_, _, Vec<Rule>) = (namespace.clone(), name.clone(), rules.clone());
            desired.roles.push(DesiredRole { namespace, name, rules, sources: self.sources });
        }
    }
}

/// Compiles `groups` and `users`: each binding once, with every line that asks for it.
pub(super) fn bindings(policy: &Policy, cluster: &Cluster, undecided: &mut Undecided, desired: &mut Desired) {
    let mut index: HashMap<(Option<&str>, &RbacSubject, &RoleRef), usize> = HashMap::new();
    for entry in &policy.subjects {
        match entry.selector.matches(cluster) {
            Match::No => continue,
            Match::Unknown(why) => {
                undecided.note(&why, &entry.spot.source);
                continue;
            }
            Match::Yes => {}
        }
        for binding in &entry.bindings {
            let key = (binding.namespace.as_deref(), &entry.subject, &binding.role_ref);
            let at = *index.entry(key).or_insert_with(|| {
                desired.bindings.push(DesiredBinding {
                    namespace: binding.namespace.clone(),
                    subject: entry.subject.clone(),
                    role_ref: binding.role_ref.clone(),
                    sources: Vec::new(),
                });
                desired.bindings.len() - 1
            });
            push_once(&mut desired.bindings[at].sources, binding.spot.source.clone());
        }
    }
}
