//! From decisions to exact texts, each read back before it may be written.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    authenticator::{Resolved, Row, Rows, SectionReading, read_section},
    model::{Change, Finding, FindingCode, Section, Subject, Surface},
    plan::{
        draft::listed,
        guards,
        splice::{Edit, RowText, splice},
    },
};

use super::{
    base::Base,
    decide::{Decisions, Edits, Promise},
    wanted::folded,
};

/// What one section becomes: after what adds and changes, and after what takes away.
pub(super) struct Texts {
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
}

/// An item of a section's sequence: what the authenticator reads there, or that it drops it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Row { arn: String, username: String, groups: Vec<String> },
    Dropped,
}

/// Makes the texts of one section and reads them back.
pub(super) fn texts(base: &Base, section: Section, edits: &Edits) -> Result<Texts, Box<Finding>> {
    let live = base.data.get(section.key()).map(String::as_str);
    if edits.first.is_empty() && edits.last.is_empty() {
        let text = live.map(str::to_owned);
        return Ok(Texts { first: text.clone(), last: text });
    }
    let before = items(base.reading.section(section));
    let first_edits: Vec<Edit> = edits.first.iter().map(|(edit, _)| edit.clone()).collect();
    let last_edits: Vec<Edit> = edits.last.iter().map(|(edit, _)| edit.clone()).collect();
    let changes = || edits.first.iter().chain(&edits.last).map(|(_, change)| change);
    let run = |text: Option<&str>,
               edits: &[Edit],
               before: &[Item]|
     -> Result<(Option<String>, Vec<Item>), Box<Finding>> {
        if edits.is_empty() {
            return Ok((text.map(str::to_owned), before.to_vec()));
        }
        let after =
            splice(section, text, edits).map_err(|why| Box::new(cannot_be_edited(section, &why.message, changes())))?;
        let promised = edited(section, before, edits);
        if items(&read_section(section, &after)) == promised {
            Ok((Some(after), promised))
        } else {
            Err(Box::new(differs(section.key(), &format!("{section} as it would be written is not read as planned"))))
        }
    };
    let (first, items) = run(live, &first_edits, &before)?;
    let (last, _) = run(first.as_deref(), &last_edits, &items)?;
    Ok(Texts { first, last })
}

fn items(reading: &SectionReading) -> Vec<Item> {
    let SectionReading::Read(Rows { rows, dropped }) = reading else { return Vec::new() };
    let mut items: Vec<(usize, Item)> = rows.iter().map(|row| (row.index, item(row))).collect();
    items.extend(dropped.iter().map(|dropped| (dropped.index, Item::Dropped)));
    items.sort_by_key(|(index, _)| *index);
    items.into_iter().map(|(_, item)| item).collect()
}

fn item(row: &Row) -> Item {
    Item::Row { arn: row.arn.clone(), username: row.username.clone(), groups: row.groups.clone() }
}

/// The items as they must be read after the edits.
fn edited(section: Section, before: &[Item], edits: &[Edit]) -> Vec<Item> {
    let written = |row: &RowText| {
        let username = if section == Section::Accounts { None } else { row.username.clone() };
        Item::Row { arn: row.arn.clone(), username: username.unwrap_or_default(), groups: row.groups.clone() }
    };
    let mut items: Vec<Option<Item>> = before.iter().cloned().map(Some).collect();
    for edit in edits {
        match edit {
            Edit::Append(row) => items.push(Some(written(row))),
            Edit::Replace { index, row } => {
                if let Some(item) = items.get_mut(*index) {
                    *item = Some(written(row));
                }
            }
            Edit::Remove { index } => {
                if let Some(item) = items.get_mut(*index) {
                    *item = None;
                }
            }
        }
    }
    items.into_iter().flatten().collect()
}

fn cannot_be_edited<'c>(section: Section, why: &str, changes: impl Iterator<Item = &'c Change>) -> Finding {
    let message = format!(
        "{section} cannot be edited safely and is left as it is: {why}. What is left undone: {}",
        undone(changes)
    );
    Finding::drift(FindingCode::CannotBeEdited, section.key(), message)
        .next("write the section as a plain list of rows, one key a line, and run again")
        .on(Surface::AwsAuth)
}

/// Changes in words, for a finding that says they are not made.
pub(super) fn undone<'c>(changes: impl Iterator<Item = &'c Change>) -> String {
    let words: Vec<String> =
        changes.map(|change| format!("{} {} ({})", change.action.sign(), change.subject, change.reason)).collect();
    listed(&words, 5)
}

/// Nothing is written, since the result would not mean what was planned.
pub(super) fn differs(subject: &str, what: &str) -> Finding {
    Finding::drift(FindingCode::ReadingsDiffer, subject, format!("{what}: nothing is written"))
        .next("this is a fault of rolecall's: report it with the section's text, and make the change by hand")
        .on(Surface::AwsAuth)
}

/// Compares the whole document before and after: what was promised must hold, and nobody else may notice.
pub(super) fn verify(
    was: &BTreeMap<String, Resolved>,
    now: &BTreeMap<String, Resolved>,
    decisions: &Decisions<'_>,
    repaired: &BTreeSet<Section>,
    removed: bool,
) -> Result<(), Box<Finding>> {
    for promise in decisions.promises.iter().filter(|promise| removed || !promise.late) {
        let Promise { section, wanted, .. } = promise;
        let kept = now
            .get(&wanted.key)
            .is_some_and(|got| got.section == *section && wanted.is_met_by(&got.username, &got.groups));
        if !kept {
            return Err(Box::new(differs(
                &wanted.key,
                "the document as it would be written does not give what was planned",
            )));
        }
    }
    let touched = touched(decisions, removed);
    for arn in was.keys().chain(now.keys()) {
        let (was, now) = (was.get(arn), now.get(arn));
        let same = match (was, now) {
            (Some(was), Some(now)) => guards::equal(was, now),
            _ => false,
        };
        // A repair gives back what the section held.
        let given_back = now.is_some_and(|now| repaired.contains(&now.section));
        if !same && !given_back && !touched.contains(arn) {
            return Err(Box::new(differs(
                arn,
                "the document as it would be written changes somebody whom the plan does not name",
            )));
        }
    }
    Ok(())
}

/// The principals that the plan's changes name.
fn touched(decisions: &Decisions<'_>, removed: bool) -> BTreeSet<String> {
    let mut touched = decisions.given_up.clone();
    for edits in decisions.edits.values() {
        touched.extend(edits.first.iter().filter_map(|(_, change)| principal(change)));
        if removed {
            touched.extend(edits.last.iter().filter_map(|(_, change)| principal(change)));
        }
    }
    touched
}

fn principal(change: &Change) -> Option<String> {
    match &change.subject {
        Subject::Role(arn) | Subject::User(arn) => Some(folded(arn)),
        Subject::Account(id) => Some(id.to_string()),
        Subject::Policy { .. } | Subject::Section(_) | Subject::Mode | Subject::Object(_) => None,
    }
}
