//! A migration in lines for people.

use std::collections::BTreeMap;

use anstyle::Style;

use super::super::{
    View,
    results::{ChangeResult, results},
    table::{numbers, status_style},
    text::{BOLD, CYAN, DIM, GREEN, Line, PLAIN, RED, YELLOW, count},
    words::{Telling, duration},
};
use crate::model::{
    AuthenticationMode, Change, Fate, Gives, MigrateReport, MigratedCluster, RowMove, Section, Status, Subject,
};

pub(super) fn lines(report: &MigrateReport, view: &View) -> Vec<Line> {
    let mut lines = header(report);
    let mut clusters: Vec<&MigratedCluster> = report.clusters.iter().filter(|cluster| is_told(cluster)).collect();
    let more = view.limit.map_or(0, |limit| clusters.len().saturating_sub(limit));
    clusters.truncate(clusters.len() - more);
    for cluster in clusters {
        lines.push(Line::default());
        lines.extend(block(cluster));
    }
    if more > 0 {
        lines.push(Line::default());
        lines.push(Line::new(0).with(DIM, format!("… and {more} more; without `--limit` all are shown.")));
    }
    if !report.findings.is_empty() {
        lines.push(Line::default());
    }
    for finding in &report.findings {
        lines.push(Line::new(0).with(BOLD, finding.place.to_string()));
        lines.extend(Telling { account: finding.place.account.as_ref(), indent: 2 }.finding(finding));
    }
    lines.push(Line::default());
    lines.push(closing(report));
    lines
}

fn header(report: &MigrateReport) -> Vec<Line> {
    let took = duration(report.started, report.finished);
    let name = report.organization.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    let walked = numbers(report.accounts, report.regions, report.clusters.len());
    let title = Line::new(0).with(BOLD, "Migration to access entries of ").with(BOLD, name).with(PLAIN, walked);
    let mut lines = vec![title.solid(PLAIN, "   ").with(DIM, took)];
    let mut fates: BTreeMap<Fate, usize> = BTreeMap::new();
    for row in report.clusters.iter().flat_map(|cluster| &cluster.rows) {
        *fates.entry(row.fate).or_default() += 1;
    }
    let mut summary = Line::new(2).hanging(2).with(PLAIN, "rows:");
    for fate in Fate::ALL {
        if let Some(n) = fates.get(&fate) {
            summary = summary.with(PLAIN, "    ").solid(style(fate), format!("{} {n}", fate.words()));
        }
    }
    let mut modes: BTreeMap<AuthenticationMode, usize> = BTreeMap::new();
    for cluster in &report.clusters {
        *modes.entry(cluster.report.cluster.authentication_mode).or_default() += 1;
    }
    let mut clusters = Line::new(2).hanging(2).with(PLAIN, "clusters:");
    for (mode, n) in &modes {
        clusters = clusters.with(PLAIN, "    ").solid(PLAIN, format!("{mode} {n}"));
    }
    lines.extend((!modes.is_empty()).then_some(clusters));
    lines.extend((!fates.is_empty()).then_some(summary));
    lines
}

fn style(fate: Fate) -> Style {
    match fate {
        Fate::Moves | Fate::Settles | Fate::Goes => GREEN,
        Fate::Shadowed => YELLOW,
        Fate::Stays => DIM,
        Fate::Unknown => RED,
    }
}

/// Clusters with nothing but rows of nodes take no room.
fn is_told(cluster: &MigratedCluster) -> bool {
    cluster.report.status != Status::InSync || cluster.rows.iter().any(|row| !row.node)
}

fn block(cluster: &MigratedCluster) -> Vec<Line> {
    let report = &cluster.report;
    let (words, color) = match report.status {
        Status::InSync => ("nothing to move", GREEN),
        Status::Applied => ("moved", GREEN),
        Status::Drifted => ("something to move", YELLOW),
        status => (status.words(), status_style(status)),
    };
    let mut lines = vec![
        Line::new(0)
            .hanging(4)
            .solid(BOLD, report.cluster.place().to_string())
            .with(PLAIN, "    ")
            .with(color, words)
            .with(PLAIN, "    ")
            .with(DIM, report.cluster.authentication_mode.to_string()),
    ];
    let telling = Telling { account: Some(&report.cluster.id.account), indent: 2 };
    lines.extend(report.why.iter().map(|why| Line::new(2).hanging(4).with(color, why)));
    lines.extend(report.next.iter().flat_map(|next| telling.next(next)));
    let done = report.earlier.iter().flat_map(|(plan, outcome)| results(plan, Some(outcome)));
    let last = report.plan.iter().flat_map(|plan| results(plan, report.outcome.as_ref()));
    // What is next is told by the rows; only the change of the mode is no row's.
    let told = |(change, result): &(&Change, ChangeResult<'_>)| {
        *result != ChangeResult::Planned || change.subject == Subject::Mode
    };
    for (change, result) in done.chain(last).filter(told) {
        lines.extend(telling.change(change, Some(result)));
    }
    for row in cluster.rows.iter().filter(|row| !row.node) {
        lines.extend(row_lines(row, telling));
    }
    lines.extend(nodes(cluster));
    for finding in report.plan.iter().flat_map(|plan| &plan.findings) {
        lines.extend(telling.finding(finding));
    }
    lines
}

/// The rows of nodes, which are many and alike.
fn nodes(cluster: &MigratedCluster) -> Vec<Line> {
    let nodes: Vec<&RowMove> = cluster.rows.iter().filter(|row| row.node).collect();
    let needed = nodes.iter().find(|row| row.needed);
    let Some(told) = needed.or(nodes.first()) else { return Vec::new() };
    let rows = count(nodes.len(), "row");
    let line = Line::new(2).with(DIM.bold(), "stays ").with(BOLD, format!("{rows} of nodes"));
    let under = || Line::new(6).hanging(6);
    let next = told.next.iter().map(|next| under().with(CYAN, "→ ").with(PLAIN, next));
    [line, under().with(DIM, &told.why)].into_iter().chain(next).collect()
}

/// A row: what becomes of it, what it gives and what its entry gives.
fn row_lines(row: &RowMove, telling: Telling<'_>) -> Vec<Line> {
    let name = telling.own_name(&row.arn).unwrap_or(&row.arn);
    let place = format!("item {} of {}", row.index + 1, row.section);
    let mut lines = vec![
        Line::new(2)
            .with(style(row.fate).bold(), format!("{} ", row.fate.words()))
            .with(BOLD, name)
            .with(DIM, format!("  {place}")),
    ];
    let under = || Line::new(6).hanging(6);
    if row.section != Section::Accounts {
        lines.push(under().with(PLAIN, format!("row    {}", words(&row.row))));
    }
    if let Some(entry) = &row.entry {
        let principal = row.principal.as_deref().unwrap_or_default();
        let mut about = vec![telling.own_name(principal).unwrap_or(principal)];
        about.extend((row.fate == Fate::Moves).then_some("to be made"));
        about.extend(entry.same_as(&row.row).then_some("the same"));
        let about = format!("  ({})", about.join(", "));
        lines.push(under().with(PLAIN, format!("entry  {}", words(entry))).with(DIM, about));
    }
    lines.push(under().with(DIM, &row.why));
    lines.extend(row.next.iter().map(|next| under().with(CYAN, "→ ").with(PLAIN, next)));
    lines
}

fn words(gives: &Gives) -> String {
    let all: Vec<String> = gives.groups.iter().cloned().chain(gives.policies.iter().map(ToString::to_string)).collect();
    let all = if all.is_empty() { "no group".to_owned() } else { all.join(", ") };
    let username = if gives.username.is_empty() { "nobody (empty username)" } else { &gives.username };
    format!("as {username}  in {all}")
}

fn closing(report: &MigrateReport) -> Line {
    let open = report.clusters.iter().filter(|cluster| cluster.is_open()).count();
    let text = match (report.applied, open) {
        (false, 0) => "Nothing is to be moved.".to_owned(),
        (false, open) => {
            format!(
                "Something is to be moved on {}: `rolecall migrate --apply`. Nothing was changed.",
                count(open, "cluster")
            )
        }
        (true, 0) => "Nothing is left to be moved.".to_owned(),
        (true, open) => format!("Something is left on {}: run again, it goes on where it was.", count(open, "cluster")),
    };
    Line::new(0).hanging(0).with(PLAIN, text)
}
