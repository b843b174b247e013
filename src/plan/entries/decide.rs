//! What is to be added and changed for the entries that the policy wants.

use std::collections::HashSet;

use crate::{
    authenticator::Resolved,
    model::{
        Action, BRIDGE, Change, EntryPrecondition, Finding, FindingCode, MASTERS, ObservedEntry, STANDARD, Surface,
        Write,
    },
    plan::{
        draft::{Part, Pending, listed},
        held_back,
    },
};

use super::{
    Context,
    base::{Rows, at, content, holds, subject, whole_content},
    policies,
    wanted::Wanted,
};

/// Decides about every wanted entry; gives the positions of the entries that the policy names.
pub(super) fn decide(context: &Context<'_>, wanted: &[Wanted<'_>], part: &mut Part) -> HashSet<usize> {
    let mut named = HashSet::new();
    for wanted in wanted {
        let arn = &wanted.row.principal;
        let index = context.base.entry(arn, wanted.row.unique_id.is_none());
        named.extend(index);
        let entry = index.and_then(|index| context.base.state.entries.get(index).map(|entry| (index, entry)));
        match (entry, context.base.unread(arn)) {
            _ if !wanted.possible => {}
            (Some((_, entry)), _) if entry.kind != STANDARD => part.findings.push(of_nodes(wanted, entry)),
            (Some((index, entry)), _) if entry.policies.is_some() => {
                let on_its_way = on_its_way(wanted, entry);
                part.findings.extend(on_its_way.as_ref().map(|wanted| crossing(wanted, entry)));
                present(context, on_its_way.as_ref().unwrap_or(wanted), index, entry, part);
            }
            (Some(_), _) => part.findings.push(unread(wanted, "its access policies were not read")),
            (None, Some(entry)) => part.findings.push(unread(wanted, &entry.why.message)),
            (None, None) => absent(context, wanted, part),
        }
    }
    named
}

/// What is wanted of an administrator whose row is on its way to the entry: it keeps the group of the bridge besides. When the
/// policy that takes its place is in effect is for `rolecall migrate` to tell, which waits for it.
fn on_its_way<'d>(wanted: &Wanted<'d>, entry: &ObservedEntry) -> Option<Wanted<'d>> {
    let is_bridge = |group: &String| group == BRIDGE;
    let admin = wanted.row.groups.iter().any(|group| group == MASTERS);
    let groups = || wanted.groups.iter().cloned().chain([BRIDGE.to_owned()]).collect();
    (admin && entry.groups.iter().any(is_bridge) && !wanted.groups.iter().any(is_bridge)).then(|| Wanted {
        row: wanted.row,
        groups: groups(),
        policies: wanted.policies.clone(),
        possible: wanted.possible,
    })
}

fn crossing(wanted: &Wanted<'_>, entry: &ObservedEntry) -> Finding {
    let message = format!(
        "the access entry of {} keeps the group {BRIDGE}, by which `rolecall migrate` moves administrators",
        subject(&entry.principal)
    );
    Finding::notice(FindingCode::LeftToMigrate, entry.principal.clone(), message)
        .next("run `rolecall migrate --apply`, which goes on where it was")
        .on(Surface::AccessEntries)
        .from_source(wanted.row.sources.first())
}

fn present(context: &Context<'_>, wanted: &Wanted<'_>, index: usize, entry: &ObservedEntry, part: &mut Part) {
    let names = (wanted.row.username == entry.username, wanted.groups_are_met_by(&entry.groups));
    let made_anew = wanted.row.created.filter(|created| *created > entry.created);
    if let Some(why) = untouched(context, index, entry) {
        let same = names == (true, true) && entry.policies.as_ref() == Some(&wanted.policies);
        if made_anew.is_some() || !same {
            part.findings.push(differs_but_stays(wanted, entry, &why, made_anew.is_some()));
        }
        return;
    }
    if let Some(created) = made_anew {
        recreate(wanted, entry, created, part);
        return;
    }
    let reason = match names {
        (true, true) => None,
        (true, false) => Some("groups differ"),
        (false, true) => Some("username differs"),
        (false, false) => Some("username and groups differ"),
    };
    let mut update = None;
    if let Some(reason) = reason {
        let change = change(wanted, &entry.principal, Action::Change, reason.to_owned(), Some(entry));
        let late = leans_on_rbac(wanted, &entry.username, &entry.groups);
        if late && !context.waits.is_empty() {
            part.findings.push(held_back(&change, context.waits));
        } else {
            let write = Write::UpdateEntry {
                principal: entry.principal.clone(),
                precondition: at(entry),
                before: content(entry),
                after: wanted.content(),
            };
            let pending = Pending { write, changes: vec![change], removes: late, counts: true };
            if late { part.prune.push(pending) } else { update = Some(pending) }
        }
    }
    // What is associated comes before the groups that go, and what replaces a group before the policies that go: people
    // are never between the two.
    policies::decide(context, wanted, entry, part);
    part.pending.extend(update);
    if !entry.ours {
        let write = Write::TagEntry { principal: entry.principal.clone(), precondition: at(entry) };
        part.pending.push(Pending { write, changes: Vec::new(), removes: false, counts: false });
    }
}

/// Why an entry is never changed or removed, if it is not.
pub(super) fn untouched(context: &Context<'_>, index: usize, entry: &ObservedEntry) -> Option<String> {
    let why = context.protection.row(&entry.principal, &entry.groups);
    why.or_else(|| context.base.is_creators(index).then(|| "it may be that of the cluster's creator".to_owned()))
}

/// Whether it gives up a name or a group for another that is worth only what RBAC binds to it.
fn leans_on_rbac(wanted: &Wanted<'_>, username: &str, groups: &[String]) -> bool {
    let loses = groups.iter().any(|group| group != MASTERS && !wanted.groups.contains(group));
    let gains = wanted.groups.iter().any(|group| !groups.contains(group));
    wanted.row.username != username || (loses && gains)
}

fn absent(context: &Context<'_>, wanted: &Wanted<'_>, part: &mut Part) {
    let principal = wanted.row.principal.to_string();
    let row = context.rows.of_principal(&wanted.row.principal);
    let protected = context.protection.of(&principal);
    if let Some(why) = protected.filter(|_| context.protection.is_own(&principal) || row.is_some()) {
        let message =
            format!("{} gets no access entry, which would override how it gets in now: {why}", subject(&principal));
        part.findings.push(
            Finding::drift(FindingCode::Protected, principal, message)
                .next("make the access entry by hand if that is meant, or change the policy")
                .on(Surface::AccessEntries)
                .from_source(wanted.row.sources.first()),
        );
        return;
    }
    let reason = if row.is_some() { "missing; its row of aws-auth is left in place" } else { "missing" };
    let change = change(wanted, &principal, Action::Add, reason.to_owned(), None);
    if matches!(context.rows, Rows::Unknown) {
        let why = ["aws-auth, whose row for it an access entry would override, could not be read".to_owned()];
        part.findings.push(waiting(&change, &why));
        return;
    }
    if let Some(row) = row.filter(|row| goes_without(wanted, row)) {
        part.findings.push(left_to_migrate(wanted, row));
        return;
    }
    // An entry overrides the row: from then on its groups are worth only what RBAC binds to them.
    let late = row.is_some_and(|row| {
        let loses_masters = row.groups.iter().any(|g| g == MASTERS) && !wanted.row.groups.iter().any(|g| g == MASTERS);
        loses_masters || leans_on_rbac(wanted, &row.username, &row.groups)
    });
    if late && !context.waits.is_empty() {
        part.findings.push(waiting(&change, context.waits));
        return;
    }
    let write = Write::CreateEntry { principal: principal.clone(), ours: true, after: wanted.content() };
    let pending = Pending { write, changes: vec![change], removes: late, counts: true };
    let associations = policies::all(wanted, &principal, late);
    let list = if late { &mut part.prune } else { &mut part.pending };
    list.push(pending);
    list.extend(associations);
}

/// Whether its people would go without what their row gives them from the moment at which the entry stands until its access
/// policies are associated, which is a call of its own.
fn goes_without(wanted: &Wanted<'_>, row: &Resolved) -> bool {
    let is_masters = |group: &String| group == MASTERS;
    match (row.groups.iter().any(is_masters), wanted.row.groups.iter().any(is_masters)) {
        (true, keeps) => keeps,
        (false, _) => !wanted.policies.is_empty() && row.groups.iter().any(|group| !wanted.groups.contains(group)),
    }
}

fn left_to_migrate(wanted: &Wanted<'_>, row: &Resolved) -> Finding {
    let (principal, row_gives) = (wanted.row.principal.to_string(), holds(&row.username, &row.groups, &[]));
    let subject = subject(&principal);
    let as_wanted = wanted.row.username == row.username && row.groups.iter().any(|group| group == MASTERS);
    let finding = if as_wanted {
        let message = format!("{subject} gets in by its row of aws-auth, which gives {row_gives}, as the policy wants");
        Finding::notice(FindingCode::LeftToMigrate, principal, message)
    } else {
        let wants = holds(&wanted.row.username, &wanted.groups, &wanted.policies);
        let message = format!(
            "{subject} gets in by its row of aws-auth, which gives {row_gives}, and the policy wants {wants}: an access entry \
             would override the row before its access policies are associated"
        );
        Finding::drift(FindingCode::LeftToMigrate, principal, message)
    };
    finding
        .next("run `rolecall migrate`, which moves the row to an access entry without a moment of no access")
        .on(Surface::AccessEntries)
        .from_source(wanted.row.sources.first())
}

/// The one place where removing comes before adding: the entry lets nobody in any more, since it holds for the role that
/// bore the ARN before, and EKS lets no second one be made beside it.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>.
fn recreate(wanted: &Wanted<'_>, entry: &ObservedEntry, created: jiff::Timestamp, part: &mut Part) {
    let when = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let reason = format!(
        "lets nobody in: it is of {} and holds for the principal that bore the ARN then; the one that bears it now was made \
         {}",
        when(entry.created),
        when(created)
    );
    let change = change(wanted, &entry.principal, Action::Change, reason, Some(entry));
    let write = Write::RecreateEntry {
        principal: entry.principal.clone(),
        precondition: at(entry),
        before: whole_content(entry),
        after: wanted.content(),
    };
    part.pending.push(Pending { write, changes: vec![change], removes: false, counts: false });
    part.pending.extend(policies::all(wanted, &entry.principal, false));
}

fn change(
    wanted: &Wanted<'_>,
    principal: &str,
    action: Action,
    reason: String,
    before: Option<&ObservedEntry>,
) -> Change {
    Change {
        surface: Surface::AccessEntries,
        action,
        subject: subject(principal),
        who: Some(wanted.row.who.clone()),
        reason,
        before: before.map(content),
        after: Some(wanted.content()),
        sources: wanted.row.sources.clone(),
        changed_by: None,
    }
}

/// An addition that would take something away and is not planned for these reasons.
fn waiting(change: &Change, reasons: &[String]) -> Finding {
    let message = format!(
        "the access entry for {} would be added ({}), but that is held back for now: {}",
        change.subject,
        change.reason,
        listed(reasons, 3)
    );
    Finding::gap(FindingCode::RemovalHeldBack, change.subject.to_string(), message)
        .next("correct what could not be read; the next pass decides again")
        .on(Surface::AccessEntries)
}

fn unread(wanted: &Wanted<'_>, why: &str) -> Finding {
    let principal = wanted.row.principal.to_string();
    let message = format!(
        "the access entry of {} could not be read, so that nothing is planned for it: {why}",
        subject(&principal)
    );
    Finding::gap(FindingCode::ClusterUnreadable, principal, message)
        .next("the next pass asks again")
        .on(Surface::AccessEntries)
        .from_source(wanted.row.sources.first())
}

fn of_nodes(wanted: &Wanted<'_>, entry: &ObservedEntry) -> Finding {
    let message = format!(
        "{} has an access entry of type {}, which belongs to nodes and is never touched: the grant is not placed",
        subject(&entry.principal),
        entry.kind
    );
    Finding::drift(FindingCode::CannotBePlaced, entry.principal.clone(), message)
        .next("let people use a role of their own")
        .on(Surface::AccessEntries)
        .from_source(wanted.row.sources.first())
}

fn differs_but_stays(wanted: &Wanted<'_>, entry: &ObservedEntry, why: &str, dead: bool) -> Finding {
    let has = holds(&entry.username, &entry.groups, entry.policies.as_deref().unwrap_or_default());
    let wants = holds(&wanted.row.username, &wanted.groups, &wanted.policies);
    let principal = subject(&entry.principal);
    let (code, message) = if dead {
        let message = format!(
            "the access entry of {principal} lets nobody in, since the principal was made anew after it, but it is never \
             changed: {why}"
        );
        (FindingCode::EntryIneffective, message)
    } else {
        let message = format!("{principal} holds {has} where the policy wants {wants}, but it is never changed: {why}");
        (FindingCode::Protected, message)
    };
    Finding::drift(code, entry.principal.clone(), message)
        .next("change the access entry by hand if that is meant, or change the policy")
        .on(Surface::AccessEntries)
        .from_source(wanted.row.sources.first())
}

/// That the entry is the one that the plan itself makes before.
pub(super) const MADE: EntryPrecondition = EntryPrecondition::AfterPrevious;
