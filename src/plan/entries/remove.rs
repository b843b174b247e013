//! What is to be taken away, and what is only told about.

use std::collections::HashSet;

use crate::{
    authenticator::Resolved,
    model::{Action, Change, Finding, FindingCode, ObservedEntry, STANDARD, Surface, Unmanaged, Write},
    plan::{
        draft::{Part, Pending, listed},
        held_back,
        successor::ended,
    },
};

use super::{
    Context,
    base::{at, bare, holds, subject, whole_content},
    decide::untouched,
    wanted::Wanted,
};

/// Decides about every entry that the policy does not name.
pub(super) fn decide(context: &Context<'_>, wanted: &[Wanted<'_>], named: &HashSet<usize>, part: &mut Part) {
    for (index, entry) in context.base.state.entries.iter().enumerate() {
        if named.contains(&index) || entry.kind != STANDARD {
            continue;
        }
        if entry.ours && context.protection.is_own(&entry.principal) {
            // It is how rolecall comes in, and the policy need not name it.
            continue;
        }
        if entry.ours {
            let wanted = wanted.iter().map(|wanted| wanted.row.principal.to_string());
            take(context, index, entry, &ended(&entry.principal, wanted), part);
            continue;
        }
        let of_course =
            context.protection.is_own(&entry.principal) || entry.groups.iter().any(|g| g.starts_with("eks:"));
        match context.rules.unmanaged {
            _ if of_course => {}
            Unmanaged::Keep => {}
            Unmanaged::Report => part.findings.push(left_alone(entry)),
            Unmanaged::Remove => take(context, index, entry, "not in the policy", part),
        }
    }
    unread(context, wanted, part);
}

/// Plans the removal of one entry, unless something speaks against it.
fn take(context: &Context<'_>, index: usize, entry: &ObservedEntry, reason: &str, part: &mut Part) {
    if let Some(why) = untouched(context, index, entry) {
        let message =
            format!("the access entry of {} would be removed ({reason}), but stays: {why}", subject(&entry.principal));
        let finding = Finding::notice(FindingCode::Protected, entry.principal.clone(), message);
        part.findings.push(finding.next("delete the access entry by hand if that is meant").on(Surface::AccessEntries));
        return;
    }
    let change = Change {
        surface: Surface::AccessEntries,
        action: Action::Remove,
        subject: subject(&entry.principal),
        who: None,
        reason: reason.to_owned(),
        before: Some(whole_content(entry)),
        after: None,
        sources: Vec::new(),
        changed_by: None,
    };
    if !context.unknown.is_empty() {
        part.findings.push(held_back(&change, context.unknown));
        return;
    }
    let write = Write::DeleteEntry {
        principal: entry.principal.clone(),
        precondition: at(entry),
        before: whole_content(entry),
    };
    part.prune.push(Pending { write, changes: vec![change], removes: true, counts: true });
    // A row that is to go as well goes first.
    let row = context.rows.of_others(&entry.principal).filter(|_| context.rules.unmanaged != Unmanaged::Remove);
    part.findings.extend(row.map(|row| counts_again(entry, row)));
}

fn counts_again(entry: &ObservedEntry, row: &Resolved) -> Finding {
    let message = format!(
        "when the access entry of {} is gone, its row in {}, which is not rolecall's, counts again and gives {}",
        subject(&entry.principal),
        row.section,
        holds(&row.username, &row.groups, &[])
    );
    Finding::notice(FindingCode::RowShadowed, entry.principal.clone(), message)
        .next("delete the row too if nobody is to get in by it")
        .on(Surface::AwsAuth)
}

fn left_alone(entry: &ObservedEntry) -> Finding {
    let held = holds(&entry.username, &entry.groups, entry.policies.as_deref().unwrap_or_default());
    let message = format!(
        "the access entry of {} holds {held}: not ours, left alone (`unmanaged: report`)",
        subject(&entry.principal)
    );
    Finding::notice(FindingCode::Unmanaged, entry.principal.clone(), message)
        .next("name it in the policy to take it over, or set `unmanaged: keep` or `remove`")
        .on(Surface::AccessEntries)
}

/// Entries that the policy does not name and that could not be read may be rolecall's: they stay, and that is told.
fn unread(context: &Context<'_>, wanted: &[Wanted<'_>], part: &mut Part) {
    if context.base.state.unread.is_empty() {
        return;
    }
    let named: HashSet<String> = wanted.iter().map(|wanted| bare(&wanted.row.principal.to_string())).collect();
    let left: Vec<_> = context.base.state.unread.iter().filter(|e| !named.contains(&bare(&e.principal))).collect();
    let Some(first) = left.first() else { return };
    let names: Vec<String> = left.iter().map(|unread| unread.principal.clone()).collect();
    let message = format!(
        "{} access entries could not be read, so that it is not known whether they are rolecall's, and none of them is \
         removed: {}; the first: {}",
        left.len(),
        listed(&names, 5),
        first.why
    );
    let finding = Finding::gap(FindingCode::RemovalHeldBack, Surface::AccessEntries.as_str(), message);
    part.findings.push(Finding { next: first.why.next.clone(), ..finding }.on(Surface::AccessEntries));
}
