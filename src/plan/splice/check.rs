//! What the authenticator reads before the edits, what it must read after them, and whether it does.

use super::{Edit, RowText, Unspliceable};
use crate::{
    authenticator::{self, SectionReading},
    model::Section,
};

/// One element of the section's sequence as the authenticator takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Row { arn: String, username: String, groups: Vec<String> },
    Dropped(String),
}

impl Entry {
    fn of(section: Section, row: &RowText) -> Self {
        if section == Section::Accounts {
            return Self::Row { arn: row.arn.clone(), username: String::new(), groups: Vec::new() };
        }
        let username = row.username.clone().unwrap_or_default();
        Self::Row { arn: row.arn.clone(), username, groups: row.groups.clone() }
    }
}

/// The elements in their order.
pub(super) fn entries(section: Section, text: &str) -> Result<Vec<Entry>, Unspliceable> {
    listed(section, authenticator::read_section(section, text))
}

fn listed(section: Section, reading: SectionReading) -> Result<Vec<Entry>, Unspliceable> {
    let rows = match reading {
        SectionReading::Absent => return Ok(Vec::new()),
        SectionReading::Read(rows) => rows,
        SectionReading::Broken(broken) => {
            let place = broken.line.map(|line| format!(" (line {line})")).unwrap_or_default();
            return Err(Unspliceable::new(format!("{section} cannot be read{place}: {}", broken.message)));
        }
    };
    let mut entries: Vec<(usize, Entry)> = Vec::new();
    for row in rows.rows {
        entries.push((row.index, Entry::Row { arn: row.arn, username: row.username, groups: row.groups }));
    }
    entries.extend(rows.dropped.into_iter().map(|dropped| (dropped.index, Entry::Dropped(dropped.reason))));
    entries.sort_by_key(|(index, _)| *index);
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

/// The elements after the edits.
pub(super) fn intended(section: Section, before: &[Entry], edits: &[Edit]) -> Result<Vec<Entry>, Unspliceable> {
    let mut after: Vec<Option<Entry>> = before.iter().cloned().map(Some).collect();
    let mut seen = vec![false; before.len()];
    let mut once = |index: usize| match seen.get_mut(index) {
        None => Err(Unspliceable::new(format!("{section} has no row {index}: it has {}", before.len()))),
        Some(true) => Err(Unspliceable::new(format!("row {index} of {section} is edited twice"))),
        Some(seen) => {
            *seen = true;
            Ok(index)
        }
    };
    let mut appended = Vec::new();
    for edit in edits {
        match edit {
            Edit::Append(row) => appended.push(Some(Entry::of(section, row))),
            Edit::Replace { index, row } => after[once(*index)?] = Some(Entry::of(section, row)),
            Edit::Remove { index } => after[once(*index)?] = None,
        }
    }
    after.extend(appended);
    Ok(after.into_iter().flatten().collect())
}

/// Fails unless the text reads as intended, which the general parser has to say of whatever is to be written.
pub(super) fn same(section: Section, text: &str, intended: &[Entry]) -> Result<(), Unspliceable> {
    let read = listed(section, authenticator::parse_section(section, text))
        .map_err(|e| Unspliceable::new(format!("the edited section would not parse: {}", e.message)))?;
    if read == intended {
        return Ok(());
    }
    let first = read.iter().zip(intended).position(|(read, intended)| read != intended);
    let index = first.unwrap_or(read.len().min(intended.len()));
    Err(Unspliceable::new(format!(
        "the edited {section} would not read as intended at row {index}: nothing is written"
    )))
}
