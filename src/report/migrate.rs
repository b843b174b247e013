//! A migration from aws-auth to access entries: what becomes of each row, what was written and what is left.

mod json;
mod lines;

use crate::model::MigrateReport;

use super::{Format, View, text::render_all};

/// The report of a migration as text that ends with a line break.
pub fn render_migration(report: &MigrateReport, format: Format, view: &View) -> String {
    match format {
        Format::Json => json::render(report),
        Format::Table => render_all(&lines::lines(report, view), view.width, view.color),
        // A listing keeps its columns in a comment.
        Format::Markdown => {
            let plain = render_all(&lines::lines(report, view), None, false);
            format!("```text\n{}```\n", plain.replace("```", "'''"))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
