//! The roles that a username and groups hold.

use crate::model::{
    Bound, Grant, ObjectRef, ObservedBinding, RbacKind, RbacState, RbacSubject, RoleRef, Rule, SubjectKind,
};

/// Every binding of the username or of one of the groups, with the rules of the role. What everybody who gets in holds
/// (`system:authenticated`) is left out.
pub(super) fn bound(grant: &Grant, rbac: &RbacState) -> Vec<Bound> {
    let holds = |subject: &&RbacSubject| match subject.kind {
        SubjectKind::Group => grant.groups.contains(&subject.name),
        SubjectKind::User => grant.username == subject.name,
        SubjectKind::ServiceAccount => false,
    };
    let mut all = Vec::new();
    for binding in &rbac.bindings {
        all.extend(binding.subjects.iter().filter(holds).map(|subject| Bound {
            by: subject.clone(),
            binding: binding.object.clone(),
            role: binding.role_ref.clone(),
            rules: rules(binding, &binding.role_ref, rbac),
            ours: binding.ours,
        }));
    }
    all.sort_by(|a, b| (&a.by, &a.binding).cmp(&(&b.by, &b.binding)));
    all
}

fn rules(binding: &ObservedBinding, role: &RoleRef, rbac: &RbacState) -> Option<Vec<Rule>> {
    let namespace = (role.kind == RbacKind::Role).then(|| binding.object.namespace.clone()).flatten();
    let wanted = ObjectRef { kind: role.kind, namespace, name: role.name.clone() };
    rbac.roles.iter().find(|role| role.object == wanted).map(|role| role.rules.clone())
}
