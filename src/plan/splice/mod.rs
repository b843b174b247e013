//! Edits the text of an aws-auth section row by row.
//!
//! The text is never written anew: rows are found by their spans, and everything outside of the edited rows stays byte
//! for byte, comments, blank lines, quoting, order and line endings included. What decides is how the authenticator reads
//! the result: every splice is read back, and where an untouched row would change or an edited one would not become what
//! was asked for, there is no result.
//!
//! - A comment above or below a removed row stays, since nothing says that it is about that row alone; a comment within
//!   the row or behind it on its lines goes with it.
//! - In a replaced row only the values that change are written anew, so that its comments and further keys stay. Where
//!   its form does not allow that (a key comes or goes, values over several lines) the row is written as a whole in the
//!   style it has; comments above it and behind its last line stay.
//! - A new row comes after the last one, in the style of the rows that are there.

mod check;
mod edit;
mod layout;
#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;
mod values;
mod write;

use crate::{authenticator, model::Section};

/// A row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowText {
    /// The ARN; in mapAccounts the account's id.
    pub arn: String,
    /// The username's template; without one the row has no such key. Not used in mapAccounts.
    pub username: Option<String>,
    /// The groups. Not used in mapAccounts.
    pub groups: Vec<String>,
}

/// One edit; positions are those in the YAML sequence before any edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Adds a row after the last one; several come in the order given.
    Append(RowText),
    /// Rewrites a row in its place.
    Replace {
        /// The row's position.
        index: usize,
        /// What it becomes.
        row: RowText,
    },
    /// Takes a row out.
    Remove {
        /// The row's position.
        index: usize,
    },
}

/// Why a section cannot be edited without touching what must stay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unspliceable {
    /// What stands in the way, for people.
    pub message: String,
}

impl Unspliceable {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// The section's text after the edits; `None` is a section that does not exist yet.
///
/// Without edits the text comes back as it is.
///
/// # Errors
/// When the text does not parse, uses YAML that reaches across rows (several documents, anchors in an edited row), when an
/// index is out of range or given twice, or when the result would not read back as intended.
pub fn splice(section: Section, text: Option<&str>, edits: &[Edit]) -> Result<String, Unspliceable> {
    let text = text.unwrap_or_default();
    if edits.is_empty() {
        return Ok(text.to_owned());
    }
    // Blank text is nothing to keep, and a tab in it would break what follows.
    let text = if text.trim().is_empty() { "" } else { text };
    let before = check::entries(section, text)?;
    let after = check::intended(section, &before, edits)?;
    let layout = match layout_of_rows(section, text, edits) {
        Some(layout) => layout,
        None => layout::read(text, before.len())?,
    };
    let spliced = |rewriting| {
        let result = edit::apply(section, text, &layout, edits, rewriting)?;
        check::same(section, &result, &after).map(|()| result)
    };
    // A row in which a value was not what it seemed to be is written anew as a whole.
    spliced(edit::Rewriting::Values).or_else(|_| spliced(edit::Rewriting::Rows))
}

/// The layout of a section in the plain form, as far as the edits need it.
fn layout_of_rows(section: Section, text: &str, edits: &[Edit]) -> Option<layout::Layout> {
    let starts = authenticator::row_starts(section, text).filter(|_| section != Section::Accounts)?;
    let edited = |edit: &Edit| match edit {
        Edit::Append(_) => None,
        Edit::Replace { index, .. } | Edit::Remove { index } => Some(*index),
    };
    layout::read_rows(text, &starts, &edits.iter().filter_map(edited).collect())
}

/// The text of a section that has nothing but these rows.
pub fn seed(section: Section, rows: &[RowText]) -> String {
    if rows.is_empty() {
        return "[]\n".to_owned();
    }
    let style = write::Style::default();
    let rows: Vec<String> = rows.iter().map(|row| write::block(section, row, &style, 2, "\n")).collect();
    format!("- {}\n", rows.join("\n- "))
}
