//! What rolecall needs and does not have, and what to paste where.

mod access;
mod groups;
mod iam;
mod json;
mod markdown;
mod paste;
mod table;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod words;

use super::{Format, View};
use crate::model::Diagnosis;

/// A diagnosis as text that ends with a line break: what is missing, what could not be told and what is worth knowing, each
/// once however many places it concerns, then what to paste. With `all` also what is fine and what is not needed.
pub fn render_diagnosis(diagnosis: &Diagnosis, all: bool, format: Format, view: &View) -> String {
    match format {
        Format::Table => table::render(diagnosis, all, view),
        Format::Json => json::render(diagnosis, all),
        Format::Markdown => markdown::render(diagnosis, all),
    }
}
