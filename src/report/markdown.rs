//! The report for comments on pull requests and for chat, in GitHub's Markdown.
//!
//! See <https://github.github.com/gfm/>.

use std::fmt::Write as _;

use super::{
    View,
    block::{Block, blocks},
    table::{closing, cut, walked},
    text::{clean, render_all},
    words::duration,
};
use crate::model::{PassReport, Status};

pub(super) fn render(report: &PassReport, view: &View) -> String {
    let mut out = String::new();
    let name = report.organization.as_ref().map(|id| format!("{}: ", prose(id))).unwrap_or_default();
    let took = duration(report.started, report.finished);
    let _ = writeln!(out, "### Roll call of {name}{}\n", walked(report));
    let counts = report.counts();
    if !counts.is_empty() {
        let row = |cell: &dyn Fn(Status, usize) -> String| {
            let cells = Status::ALL.iter().filter_map(|status| counts.get(status).map(|n| cell(*status, *n)));
            format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
        };
        out.push_str(&row(&|status, _| status.words().to_owned()));
        out.push_str(&row(&|_, _| "---:".to_owned()));
        out.push_str(&row(&|_, n| n.to_string()));
        out.push('\n');
    }
    let mut blocks = blocks(report, view);
    let more = cut(&mut blocks, view);
    for block in blocks {
        write_block(&mut out, &block, view);
    }
    if let Some(more) = more {
        let _ = writeln!(out, "{}\n", closing_prose(&more));
    }
    for (_, text) in closing(report, view) {
        let _ = writeln!(out, "{}  ", closing_prose(&text));
    }
    let _ = writeln!(out, "The pass took {took}.");
    out
}

fn write_block(out: &mut String, block: &Block<'_>, view: &View) {
    let status = block.status.map(|(words, _)| format!(": {words}")).unwrap_or_default();
    let summary = if block.summary.is_empty() { String::new() } else { format!(" ({})", block.summary) };
    let _ = writeln!(out, "#### {}{status}{summary}\n", prose(&block.place));
    let standing = render_all(&block.standing(0), None, false);
    for line in standing.lines() {
        let _ = writeln!(out, "{}  ", prose(line));
    }
    if !standing.is_empty() {
        out.push('\n');
    }
    let lines = render_all(&block.lines(0), None, false);
    if !lines.is_empty() {
        fenced(out, "diff", &lines);
    }
    for section in if view.diff { block.diffs() } else { Vec::new() } {
        let _ = writeln!(out, "<details><summary>aws-auth {}</summary>\n", prose(&section.key));
        let text = render_all(&section.lines(0), None, false);
        fenced(out, "diff", &text);
        out.push_str("</details>\n\n");
    }
}

/// A block of code whose fence is longer than any run of backticks in it, so that nothing in it can end it.
pub(super) fn fenced(out: &mut String, language: &str, text: &str) {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence}{language}\n{text}{fence}\n");
}

/// Text from outside as Markdown that shows it and nothing else: no markup, no mentions, no cells, no list.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.starts_with(['-', '+', '=']) {
        out.push('\\');
    }
    for c in clean(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '@' => out.push_str("&#64;"),
            c => out.push(c),
        }
    }
    out
}

/// The closing sentences are rolecall's own: their code spans stay code.
fn closing_prose(text: &str) -> String {
    let part = |(index, part): (usize, &str)| if index % 2 == 0 { prose(part) } else { format!("`{part}`") };
    text.split('`').enumerate().map(part).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_stays_text() {
        assert_eq!(prose("a|b `c` <b> @ops [x](y) *z*"), "a\\|b \\`c\\` &lt;b&gt; &#64;ops \\[x\\](y) \\*z\\*");
    }

    #[test]
    fn a_fence_cannot_be_closed_from_within() {
        let mut out = String::new();
        fenced(&mut out, "diff", "```\n# heading\n");
        assert_eq!(out, "````diff\n```\n# heading\n````\n\n");
    }

    #[test]
    fn commands_in_closing_sentences_stay_code() {
        assert_eq!(closing_prose("run `rolecall report --unknown` (a_b)."), "run `rolecall report --unknown` (a\\_b).");
    }
}
