//! The bindings and roles that go with those who get in.

use std::collections::BTreeSet;

use super::{Note, NoteKind, Seen, facts::Fact, surfaces::Doors};
use crate::{
    model::{
        MANAGED_BY, MANAGER, ObjectRef, ObservedBinding, ObservedRole, RbacKind, RbacState, RbacSubject, RoleRef, Rule,
        SubjectKind,
    },
    policy::{names, rules, template},
};

/// The label of the roles that the API server itself keeps.
const BOOTSTRAPPING: &str = "kubernetes.io/bootstrapping";

/// Leaves of all bindings and roles of a cluster those that may be described: what rolecall made, the bindings of groups
/// and users of people, and the roles that these name.
pub fn keep_what_matters(state: &mut RbacState) {
    state.bindings.retain(|binding| binding.ours || binding.subjects.iter().any(is_for_people));
    let named: BTreeSet<ObjectRef> = state.bindings.iter().map(role_of).collect();
    state.roles.retain(|role| role.ours || named.contains(&role.object));
}

fn is_for_people(subject: &RbacSubject) -> bool {
    let reserved = subject.name.starts_with("system:") || subject.name.starts_with("eks:");
    subject.kind != SubjectKind::ServiceAccount && !reserved
}

fn role_of(binding: &ObservedBinding) -> ObjectRef {
    let RoleRef { kind, name } = &binding.role_ref;
    let namespace = if *kind == RbacKind::Role { binding.object.namespace.clone() } else { None };
    ObjectRef { kind: *kind, namespace, name: name.clone() }
}

/// The bindings of those who get in and the roles that they name.
pub(super) fn facts(seen: &Seen<'_>, doors: &Doors, notes: &mut Vec<Note>) -> BTreeSet<Fact> {
    let mut facts = BTreeSet::new();
    let Some(state) = seen.state.rbac.known() else { return facts };
    let groups: BTreeSet<&str> = doors.people.iter().flat_map(|held| &held.groups).map(String::as_str).collect();
    let literal = |name: &&str| !template::any(name);
    let users: BTreeSet<&str> =
        doors.people.iter().filter_map(|held| held.username.as_deref()).filter(literal).collect();
    let gets_in = |subject: &RbacSubject| match subject.kind {
        SubjectKind::Group => groups.contains(subject.name.as_str()),
        SubjectKind::User => users.contains(subject.name.as_str()),
        SubjectKind::ServiceAccount => false,
    };
    let mut roles: BTreeSet<ObjectRef> =
        state.roles.iter().filter(|role| role.ours).map(|role| role.object.clone()).collect();
    let mut note = |subject: String, why: String| {
        notes.push(Note { kind: NoteKind::Inexpressible, why, subject, cluster: seen.cluster.id.clone() });
    };
    for binding in state.bindings.iter().filter(|binding| reserved(&binding.object.name).is_none()) {
        let meant = |subject: &&RbacSubject| {
            subject.kind != SubjectKind::ServiceAccount
                && (binding.ours || (is_for_people(subject) && gets_in(subject)))
        };
        for subject in binding.subjects.iter().filter(meant) {
            if let Err(why) = fits(binding, subject) {
                note(binding.object.to_string(), why);
                continue;
            }
            roles.insert(role_of(binding));
            facts.insert(Fact::Binding {
                subject: RbacSubject { namespace: None, ..subject.clone() },
                namespace: binding.object.namespace.clone(),
                role_ref: binding.role_ref.clone(),
            });
        }
    }
    let defined = state.roles.iter().filter(|role| roles.contains(&role.object));
    facts.extend(defined.filter(|role| may_be_owned(role)).map(|role| Fact::Role {
        name: role.object.name.clone(),
        namespace: role.object.namespace.clone(),
        rules: tidy(&role.rules),
    }));
    facts
}

/// Whether a policy can write the binding down.
fn fits(binding: &ObservedBinding, subject: &RbacSubject) -> Result<(), String> {
    names::subject_name(&subject.name)?;
    names::rbac_name(&binding.role_ref.name)?;
    binding.object.namespace.as_deref().map_or(Ok(()), names::namespace)
}

fn reserved(name: &str) -> Option<()> {
    (name.starts_with("system:") || name.starts_with("eks:")).then_some(())
}

/// Whether the policy may own the role: those of Kubernetes, of EKS, of aggregation and of others stay names.
fn may_be_owned(role: &ObservedRole) -> bool {
    let namespaced = role.object.namespace.is_some();
    let others = role.labels.get(MANAGED_BY).is_some_and(|manager| manager != MANAGER);
    names::rbac_name(&role.object.name).is_ok()
        && names::owned_role(&role.object.name, namespaced).is_ok()
        && !role.aggregated
        && !role.labels.contains_key(BOOTSTRAPPING)
        && !others
        && role.rules.iter().all(|rule| rules::lacking(rule).is_empty() && rules::wrong(rule, namespaced).is_empty())
}

/// Rules in one order: what order they are in means nothing, and roles that say the same shall be one.
fn tidy(rules: &[Rule]) -> Vec<Rule> {
    let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    let rules: BTreeSet<Rule> = rules
        .iter()
        .map(|rule| Rule {
            api_groups: sorted(&rule.api_groups),
            resources: sorted(&rule.resources),
            verbs: sorted(&rule.verbs),
            resource_names: sorted(&rule.resource_names),
            non_resource_urls: sorted(&rule.non_resource_urls),
        })
        .collect();
    rules.into_iter().collect()
}
