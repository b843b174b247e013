//! Bindings by which rolecall or a protected principal can do what they do: those are not taken away.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    authenticator::{self, Resolved},
    model::{
        ClusterState, Content, Finding, FindingCode, ObjectRef, PlanRules, RbacKind, RbacSubject, RoleRef, SubjectKind,
        Surface, Write,
    },
    plan::{
        draft::{Part, Pending},
        protection::Protection,
    },
};

/// The groups and names of those whose access is protected, with the reason.
pub(in crate::plan) struct Holders(BTreeMap<(SubjectKind, String), Holder>);

struct Holder {
    arn: String,
    why: String,
    own: bool,
}

impl Holders {
    /// Reads them from aws-auth and the access entries. Who is in system:masters needs no binding.
    pub(in crate::plan) fn of(state: &ClusterState, rules: &PlanRules) -> Self {
        let protection = Protection::new(rules);
        let mut holders = BTreeMap::new();
        let stored = state.aws_auth.known().and_then(Option::as_ref);
        let rows = stored.map(|stored| authenticator::effective(&authenticator::read(&stored.data)));
        let rows = rows.into_iter().flatten();
        let rows = rows.map(|((_, arn), Resolved { username, groups, .. })| (arn, username, groups));
        let entries = state.entries.known().and_then(Option::as_ref).map(|state| &state.entries);
        let entries = entries.into_iter().flatten();
        let entries = entries.map(|entry| (entry.principal.clone(), entry.username.clone(), entry.groups.clone()));
        for (arn, username, groups) in rows.chain(entries) {
            let Some(why) = protection.of(&arn) else { continue };
            if groups.iter().any(|group| group == "system:masters") {
                continue;
            }
            let subjects = groups.into_iter().map(|group| (SubjectKind::Group, group));
            for subject in subjects.chain([(SubjectKind::User, username)]) {
                let own = protection.is_own(&arn);
                let holder = Holder { arn: arn.clone(), why: why.clone(), own };
                holders.entry(subject).and_modify(|held: &mut Holder| held.own |= own).or_insert(holder);
            }
        }
        Self(holders)
    }

    /// Keeps their bindings, and the roles that these name, out of what is taken away. A binding of a protected principal
    /// may give way to another one of the policy's; one of rolecall's own may not.
    pub(super) fn keep(&self, part: &mut Part) {
        let mut roles = BTreeSet::new();
        let (mut kept, mut findings) = (Vec::new(), Vec::new());
        for pending in part.prune.drain(..) {
            match self.holder(&pending) {
                Some((object, role, holder)) => {
                    roles.insert(role);
                    findings.push(stays(&object, holder));
                }
                None => kept.push(pending),
            }
        }
        kept.retain(|pending| !matches!(&pending.write, Write::DeleteObject { object, .. } if roles.contains(object)));
        part.prune = kept;
        part.findings.extend(findings);
    }

    fn holder(&self, pending: &Pending) -> Option<(ObjectRef, ObjectRef, &Holder)> {
        let Write::DeleteObject { object, before: Content::Binding { role_ref, subjects }, .. } = &pending.write else {
            return None;
        };
        let held = |subject: &RbacSubject| self.0.get(&(subject.kind, subject.name.clone()));
        let holder = subjects.iter().filter_map(held).find(|holder| holder.own || pending.counts)?;
        Some((object.clone(), role(object, role_ref), holder))
    }
}

fn role(binding: &ObjectRef, role: &RoleRef) -> ObjectRef {
    let namespace = if role.kind == RbacKind::Role { binding.namespace.clone() } else { None };
    ObjectRef { kind: role.kind, namespace, name: role.name.clone() }
}

fn stays(object: &ObjectRef, holder: &Holder) -> Finding {
    let message = format!(
        "{object} is no longer granted, but stays: {} can do by it what it does in the cluster, and {}",
        holder.arn, holder.why
    );
    Finding::drift(FindingCode::Protected, object.to_string(), message)
        .next("bind its group in the policy, or delete the binding by hand if that is meant")
        .on(Surface::Rbac)
}
