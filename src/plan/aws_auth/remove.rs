//! What is to be taken away, and what is only told about.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    authenticator::{self, Row},
    model::{Action, Change, Desired, Finding, FindingCode, Section, Surface, Unmanaged},
    plan::{held_back, splice::Edit, successor::ended},
};

use super::{
    base::{Base, Standing},
    decide::{Context, Decisions, holds, never_matches},
    wanted::{Wanted, content, folded, subject},
};

/// Decides about every row that the policy does not name.
pub(super) fn decide(
    context: &Context<'_>,
    desired: &Desired,
    wanted: &[Wanted<'_>],
    repair: bool,
    decisions: &mut Decisions<'_>,
) {
    for section in Section::ALL {
        if context.base.broken.contains_key(&section) && !repair {
            continue;
        }
        owned(context, desired, wanted, section, decisions);
        if context.unmanaged != Unmanaged::Keep {
            unmanaged(context, desired, section, decisions);
            dropped(context.base, section, decisions);
        }
        shadowed(context, section, decisions);
    }
}

/// Rows that are ours and that the policy no longer names.
fn owned(
    context: &Context<'_>,
    desired: &Desired,
    wanted: &[Wanted<'_>],
    section: Section,
    decisions: &mut Decisions<'_>,
) {
    let base = context.base;
    // Somebody may have written one ARN into the annotation in two spellings: its rows go once.
    let mut gone: BTreeMap<usize, bool> = BTreeMap::new();
    for (arn, standing) in base.owned_rows(section) {
        if let Some(gone) = gone.get(&standing.number) {
            decisions.released.extend(gone.then(|| (section, arn.clone())));
            continue;
        }
        if decisions.names(standing) {
            continue;
        }
        let replaced = |row: &&Row| decisions.replaced.contains(&(section, row.index));
        let rows: Vec<&Row> = base.rows(section, standing).filter(|row| !replaced(row)).collect();
        if rows.is_empty() {
            // It is gone already: there is nothing left to own.
            decisions.owned_mut(section).remove(arn);
            continue;
        }
        let reason = ended(arn, wanted.iter().map(|wanted| wanted.arn.clone()));
        let mut stays = false;
        for row in rows {
            stays |= !take(context, desired, section, row, &reason, decisions);
        }
        if !stays {
            decisions.released.push((section, arn.clone()));
        }
        gone.insert(standing.number, !stays);
    }
}

/// Plans the removal of one row, unless something speaks against it; says whether it is planned.
fn take(
    context: &Context<'_>,
    desired: &Desired,
    section: Section,
    row: &Row,
    reason: &str,
    decisions: &mut Decisions<'_>,
) -> bool {
    if let Some(why) = context.protection.row(&row.arn, &row.groups) {
        let message = format!("{} would be removed ({reason}), but stays: {why}", subject(section, &row.arn));
        let finding = Finding::notice(FindingCode::Protected, row.arn.clone(), message).on(Surface::AwsAuth);
        decisions.findings.push(finding.next("remove the row by hand if that is meant"));
        return false;
    }
    let change = Change {
        surface: Surface::AwsAuth,
        action: Action::Remove,
        subject: subject(section, &row.arn),
        who: None,
        reason: reason.to_owned(),
        before: Some(content(section, &row.username, &row.groups)),
        after: None,
        sources: Vec::new(),
        changed_by: None,
    };
    if !desired.unknown.is_empty() {
        decisions.findings.push(held_back(&change, &desired.unknown));
        return false;
    }
    decisions.edits(section).last.push((Edit::Remove { index: row.index }, change));
    true
}

/// Rows that are not ours and that the policy does not name; those of nodes and rolecall's own way in are a matter of
/// course.
fn unmanaged(context: &Context<'_>, desired: &Desired, section: Section, decisions: &mut Decisions<'_>) {
    let (base, rule) = (context.base, context.unmanaged);
    for (row, standing) in base.standing_rows(section) {
        let ours = standing.owned.is_some() || decisions.replaced.contains(&(section, row.index));
        if ours || decisions.names(standing) {
            continue;
        }
        let of_course = authenticator::is_node_row(&row.groups) || context.protection.is_own(&row.arn);
        if rule == Unmanaged::Remove && !of_course {
            take(context, desired, section, row, "not in the policy", decisions);
        } else if let Some(why) = authenticator::never_matches(section, &row.arn) {
            decisions.findings.push(never_matches(section, row, &why));
        } else if !of_course && counts(base, section, standing, row) {
            decisions.findings.push(left_alone(section, row));
        }
    }
}

fn counts(base: &Base, section: Section, standing: &Standing, row: &Row) -> bool {
    base.effective(section, standing).is_some_and(|counting| counting.index == row.index)
}

fn left_alone(section: Section, row: &Row) -> Finding {
    let gives = match section {
        Section::Accounts => "lets every principal of the account in under its ARN".to_owned(),
        _ => format!("holds {}", holds(&row.username, &row.groups)),
    };
    let message = format!("{} {gives}: not ours, left alone (`unmanaged: report`)", subject(section, &row.arn));
    Finding::notice(FindingCode::Unmanaged, row.arn.clone(), message)
        .next("name it in the policy to take it over, or set `unmanaged: keep` or `remove`")
        .on(Surface::AwsAuth)
}

/// Items that the authenticator drops.
fn dropped(base: &Base, section: Section, decisions: &mut Decisions<'_>) {
    for item in base.dropped(section) {
        let name = format!("item {} of {section}", item.index + 1);
        let message = format!("{name} is dropped by the authenticator and lets nobody in: {}", item.reason);
        let finding = Finding::notice(FindingCode::RowIneffective, name, message).on(Surface::AwsAuth);
        decisions.findings.push(finding.next("correct it or delete it"));
    }
}

/// Rows that another row of the same principal overrides: a later one of the same section, or one of mapRoles.
fn shadowed(context: &Context<'_>, section: Section, decisions: &mut Decisions<'_>) {
    let base = context.base;
    if !base.shadows {
        return;
    }
    let index = |(edit, _): &(Edit, Change)| if let Edit::Remove { index } = edit { Some(*index) } else { None };
    let leaving: BTreeSet<usize> =
        decisions.edits.get(&section).into_iter().flat_map(|edits| &edits.last).filter_map(index).collect();
    let mut findings = Vec::new();
    for (row, standing) in base.standing_rows(section).filter(|(row, _)| !leaving.contains(&row.index)) {
        let over = match base.effective(section, standing) {
            Some(resolved) if resolved.index != row.index => Some((section, resolved)),
            _ if section == Section::Users => {
                let role = base.standing(Section::Roles, &folded(&row.arn));
                role.and_then(|role| base.effective(Section::Roles, role)).map(|resolved| (Section::Roles, resolved))
            }
            _ => None,
        };
        let told = context.unmanaged != Unmanaged::Keep || decisions.names(standing);
        if let Some((other, resolved)) = over.filter(|_| told && section != Section::Accounts) {
            let message = format!(
                "item {} of {section} for {} has no effect: item {} of {other} holds {} and counts",
                row.index + 1,
                subject(section, &row.arn),
                resolved.index + 1,
                holds(&resolved.username, &resolved.groups),
            );
            let finding = Finding::notice(FindingCode::RowShadowed, row.arn.clone(), message).on(Surface::AwsAuth);
            findings.push(finding.next("delete the row that is not meant"));
        }
    }
    decisions.findings.extend(findings);
}
