//! The access policies of the entries that the policy wants.

use crate::{
    model::{
        AccessScope, Action, Change, Content, EntryPrecondition, ObservedEntry, PolicyGrant, Subject, Surface, Write,
    },
    plan::{
        draft::{Part, Pending},
        held_back,
    },
};

use super::{Context, base::at, decide::MADE, wanted::Wanted};

/// Associates what is missing, changes where policies hold, and takes away what is not wanted.
pub(super) fn decide(context: &Context<'_>, wanted: &Wanted<'_>, entry: &ObservedEntry, part: &mut Part) {
    let held = entry.policies.as_deref().unwrap_or_default();
    let of = |grants: &[PolicyGrant], policy: &str| {
        grants.iter().find(|grant| grant.policy == policy).map(|grant| grant.scope.clone())
    };
    for grant in &wanted.policies {
        let before = of(held, &grant.policy);
        if before.as_ref() == Some(&grant.scope) {
            continue;
        }
        let late = before.as_ref().is_some_and(|before| !grant.scope.covers(before));
        let pending = associate(wanted, &entry.principal, at(entry), grant, before, late);
        if late { take(context, pending, part) } else { part.pending.push(pending) }
    }
    for grant in held.iter().filter(|grant| of(&wanted.policies, &grant.policy).is_none()) {
        let write = Write::DisassociatePolicy {
            principal: entry.principal.clone(),
            precondition: at(entry),
            policy: grant.policy.clone(),
            before: grant.scope.clone(),
        };
        let reason = "no longer granted";
        let change = change(wanted, &entry.principal, &grant.policy, reason, Some(grant.scope.clone()), None);
        take(context, Pending { write, changes: vec![change], removes: true, counts: true }, part);
    }
}

/// What takes something away waits for what it leans on.
fn take(context: &Context<'_>, pending: Pending, part: &mut Part) {
    if context.waits.is_empty() {
        part.prune.push(pending);
    } else {
        part.findings.extend(pending.changes.iter().map(|change| held_back(change, context.waits)));
    }
}

/// Associates all of them with an entry that the plan makes.
pub(super) fn all(wanted: &Wanted<'_>, principal: &str, late: bool) -> Vec<Pending> {
    wanted.policies.iter().map(|grant| associate(wanted, principal, MADE, grant, None, late)).collect()
}

fn associate(
    wanted: &Wanted<'_>,
    principal: &str,
    precondition: EntryPrecondition,
    grant: &PolicyGrant,
    before: Option<AccessScope>,
    late: bool,
) -> Pending {
    let reason = if before.is_some() { "holds elsewhere" } else { "missing" };
    let change = change(wanted, principal, &grant.policy, reason, before.clone(), Some(grant.scope.clone()));
    let write = Write::AssociatePolicy {
        principal: principal.to_owned(),
        precondition,
        policy: grant.policy.clone(),
        before,
        after: grant.scope.clone(),
    };
    Pending { write, changes: vec![change], removes: late, counts: true }
}

fn change(
    wanted: &Wanted<'_>,
    principal: &str,
    policy: &str,
    reason: &str,
    before: Option<AccessScope>,
    after: Option<AccessScope>,
) -> Change {
    let granted = after.is_some();
    Change {
        surface: Surface::AccessEntries,
        action: match (&before, &after) {
            (None, _) => Action::Add,
            (Some(_), Some(_)) => Action::Change,
            (Some(_), None) => Action::Remove,
        },
        subject: Subject::Policy { principal: principal.to_owned(), policy: policy.to_owned() },
        who: granted.then(|| wanted.row.who.clone()),
        reason: reason.to_owned(),
        before: before.map(Content::Scope),
        after: after.map(Content::Scope),
        sources: if granted { wanted.row.sources.clone() } else { Vec::new() },
        changed_by: None,
    }
}
