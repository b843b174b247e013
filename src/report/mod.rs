//! Passes for people and machines: table, JSON, Markdown, diff.
//!
//! Everything here is pure: a report and a view go in, text comes out. Texts that came from clusters, accounts and files
//! are cleaned of whatever could steer a terminal.

mod block;
mod diff;
mod discovery;
mod doctor;
mod explain;
mod json;
mod markdown;
mod migrate;
mod results;
mod table;
mod text;
mod totals;
mod words;
mod writes;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use discovery::{Discovered, render_discovery};
pub use doctor::render_diagnosis;
pub use explain::{Explained, render_explanation};
pub use migrate::render_migration;
pub use results::{ChangeResult, results, written};

use crate::model::PassReport;

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people at a terminal.
    #[default]
    Table,
    /// For machines; its shape only grows within one `schemaVersion`.
    Json,
    /// For comments on pull requests and for chat.
    Markdown,
}

/// How much is shown, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line, and they do not depend on each other"
)]
pub struct View {
    /// With colours.
    pub color: bool,
    /// Wrapped to so many columns; `None` wraps nothing.
    pub width: Option<usize>,
    /// With a unified diff of aws-auth.
    pub diff: bool,
    /// Only what is unknown, and why.
    pub unknown_only: bool,
    /// Changes only as numbers in the headings, findings in full.
    pub brief: bool,
    /// Whether findings count as drift.
    pub strict: bool,
    /// At most so many clusters and other places; the sums are of all. JSON always holds all.
    pub limit: Option<usize>,
}

/// The report of a pass as text that ends with a line break.
pub fn render(report: &PassReport, format: Format, view: &View) -> String {
    match format {
        Format::Table => table::render(report, view),
        Format::Json => json::render(report, view),
        Format::Markdown => markdown::render(report, view),
    }
}
