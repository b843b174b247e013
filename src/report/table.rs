//! The report for people at a terminal.

use std::collections::BTreeMap;

use anstyle::Style;

use super::{
    View,
    block::{Block, blocks},
    text::{BOLD, DIM, GREEN, Line, PLAIN, RED, YELLOW, count, padded, render_all},
    totals::Totals,
    words::duration,
};
use crate::model::{PassReport, Status};

/// The widest that the header and its duration are set apart.
const HEADER_COLUMNS: usize = 100;
/// The widest that the column of the clusters' names grows.
const NAME_COLUMNS: usize = 64;

pub(super) fn render(report: &PassReport, view: &View) -> String {
    let mut lines = header(report, view);
    let mut blocks = blocks(report, view);
    let more = cut(&mut blocks, view);
    let columns = blocks.iter().map(Block::place_columns).max().unwrap_or(0).min(NAME_COLUMNS);
    let status_columns =
        blocks.iter().filter_map(|block| block.status).map(|(words, _)| words.len()).max().unwrap_or(0);
    for block in &blocks {
        lines.push(Line::default());
        lines.push(heading(block, columns, status_columns));
        lines.extend(block.standing(2));
        lines.extend(block.lines(2));
        if view.diff {
            lines.extend(block.diffs().iter().flat_map(|section| section.lines(4)));
        }
    }
    lines.extend(more.into_iter().flat_map(|more| [Line::default(), Line::new(0).with(DIM, more)]));
    lines.push(Line::default());
    lines.extend(closing(report, view).into_iter().map(|(style, text)| Line::new(0).hanging(0).with(style, text)));
    render_all(&lines, view.width, view.color)
}

/// Leaves the first blocks, as many as shall be shown, and says how many are left out.
pub(super) fn cut(blocks: &mut Vec<Block<'_>>, view: &View) -> Option<String> {
    let more = blocks.len().checked_sub(view.limit?).filter(|more| *more > 0)?;
    blocks.truncate(blocks.len() - more);
    Some(format!("… and {more} more; without `--limit` all are shown."))
}

/// The colour of a status.
pub(super) fn status_style(status: Status) -> Style {
    match status {
        Status::InSync | Status::Applied => GREEN,
        Status::Drifted => YELLOW,
        Status::Paused | Status::LeftAlone => DIM,
        Status::Blocked | Status::Unreachable | Status::AccessDenied | Status::Unknown => RED,
    }
}

/// What was walked, without the organization's name.
pub(super) fn walked(report: &PassReport) -> String {
    numbers(report.accounts, report.regions, report.clusters.len())
}

/// `3 accounts, 2 regions, 1 cluster`.
pub(super) fn numbers(accounts: usize, regions: usize, clusters: usize) -> String {
    format!("{}, {}, {}", count(accounts, "account"), count(regions, "region"), count(clusters, "cluster"))
}

fn header(report: &PassReport, view: &View) -> Vec<Line> {
    let took = duration(report.started, report.finished);
    let name = report.organization.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    let title = Line::new(0).with(BOLD, "Roll call of ").with(BOLD, name).with(PLAIN, walked(report));
    let columns = view.width.unwrap_or(0).min(HEADER_COLUMNS);
    let gap = columns.saturating_sub(title.columns() + took.len()).max(3);
    let mut lines = vec![title.solid(PLAIN, " ".repeat(gap)).with(DIM, took)];
    let counts = report.counts();
    if !counts.is_empty() {
        lines.push(summary(&counts));
    }
    lines
}

fn summary(counts: &BTreeMap<Status, usize>) -> Line {
    let mut line = Line::new(2).hanging(2);
    let mut gap = "";
    for status in Status::ALL {
        if let Some(n) = counts.get(&status) {
            let (words, style) = (status.words(), status_style(status));
            line = line.with(PLAIN, gap).solid(style, format!("{words} {n}"));
            gap = "    ";
        }
    }
    line
}

fn heading(block: &Block<'_>, columns: usize, status_columns: usize) -> Line {
    let Some((words, style)) = block.status else { return Line::new(0).hanging(4).solid(BOLD, &block.place) };
    let line = Line::new(0).hanging(4).solid(BOLD, padded(&block.place, columns));
    if block.summary.is_empty() {
        line.with(PLAIN, "    ").with(style, words)
    } else {
        line.with(PLAIN, "    ")
            .solid(style, padded(words, status_columns))
            .with(PLAIN, "    ")
            .with(DIM, &block.summary)
    }
}

/// The last lines: what is not known, what was written, what to do next.
pub(super) fn closing(report: &PassReport, view: &View) -> Vec<(Style, String)> {
    let totals = Totals::of(report);
    let mut lines = Vec::new();
    if let Some(unknown) = totals.unknown() {
        lines.push((
            RED,
            if view.unknown_only {
                format!("{unknown}: nothing was judged or changed there.")
            } else {
                format!("{unknown}: run `rolecall report --unknown` to see why.")
            },
        ));
    }
    if let Some(judgement) = totals.judgement(view) {
        lines.push(judgement);
    }
    if !view.unknown_only {
        lines.extend(totals.notices(view.strict).map(|notices| (DIM, notices)));
        lines.push((PLAIN, totals.written(report.kind)));
    }
    lines
}
