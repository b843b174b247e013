//! What discovery found: accounts and their clusters.

use std::{collections::BTreeSet, fmt::Write as _};

use anstyle::Style;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;

use super::{
    Format, View,
    json::{AccountEntry, FindingEntry, finding, print},
    markdown::prose,
    text::{BOLD, Line, PLAIN, RED, clean, count, render_all},
    words::Telling,
};
use crate::model::{Account, Cluster, ClusterPhase, Finding, Region};

/// What discovery found.
#[derive(Clone, Copy, Debug)]
pub struct Discovered<'a> {
    /// The organization's id, where there is one.
    pub organization: Option<&'a str>,
    /// Every account that was walked.
    pub accounts: &'a [Account],
    /// Every cluster.
    pub clusters: &'a [Cluster],
    /// What could not be read, and what is worth telling.
    pub findings: &'a [Finding],
}

const HEADER: [&str; 8] = ["ACCOUNT", "ID", "UNIT", "REGION", "CLUSTER", "VERSION", "AUTHENTICATION", "STATUS"];

/// What discovery found as text that ends with a line break. Accounts without clusters, and those of
/// which that is not known, have a row of their own.
pub fn render_discovery(found: &Discovered<'_>, format: Format, view: &View) -> String {
    match format {
        Format::Table => table(found, view),
        Format::Json => json(found),
        Format::Markdown => markdown(found),
    }
}

fn title(found: &Discovered<'_>) -> String {
    let regions: BTreeSet<_> = found.clusters.iter().map(|cluster| &cluster.id.region).collect();
    let name = found.organization.map(|id| format!("{id}: ")).unwrap_or_default();
    let clusters = count(found.clusters.len(), "cluster");
    let place = if regions.is_empty() { String::new() } else { format!(" in {}", count(regions.len(), "region")) };
    format!("{name}{}, {clusters}{place}", count(found.accounts.len(), "account"))
}

fn rows(found: &Discovered<'_>) -> Vec<[String; 8]> {
    let mut rows = Vec::new();
    for account in found.accounts {
        let who = [account.name.clone(), account.id.to_string(), account.ou_path.clone().unwrap_or_default()];
        let mut none = true;
        for cluster in found.clusters.iter().filter(|cluster| cluster.id.account == account.id) {
            none = false;
            let what = [
                cluster.id.region.to_string(),
                cluster.id.name.clone(),
                cluster.version.clone().unwrap_or_default(),
                cluster.authentication_mode.to_string(),
                status(cluster).to_owned(),
            ];
            rows.push(row(&who, what));
        }
        let gaps = found.findings.iter().filter(|finding| {
            finding.incomplete && finding.place.cluster.is_none() && finding.place.account.as_ref() == Some(&account.id)
        });
        for gap in gaps {
            none = false;
            let region = gap.place.region.as_ref().map_or("", Region::as_str);
            rows.push(row(&who, [region, "", "", "", "unknown"].map(str::to_owned)));
        }
        if none {
            rows.push(row(&who, ["", "", "", "", "no cluster"].map(str::to_owned)));
        }
    }
    rows
}

fn row(who: &[String; 3], what: [String; 5]) -> [String; 8] {
    let [name, id, unit] = who.clone();
    let [region, cluster, version, mode, status] = what;
    [name, id, unit, region, cluster, version, mode, status]
        .map(|cell| if cell.is_empty() { "-".to_owned() } else { clean(&cell) })
}

fn status(cluster: &Cluster) -> &str {
    match &cluster.phase {
        ClusterPhase::Ready => "ready",
        ClusterPhase::Updating => "updating",
        ClusterPhase::LeftAlone(status) => status,
    }
}

fn table(found: &Discovered<'_>, view: &View) -> String {
    let mut out = String::new();
    Line::new(0).with(BOLD, title(found)).render(view.width, view.color, &mut out);
    let rows = rows(found);
    if !rows.is_empty() {
        let mut table = Table::new();
        table.force_no_tty().load_style(comfy_table::presets::NOTHING).set_header(HEADER).add_rows(rows);
        if let Some(width) = view.width.and_then(|width| u16::try_from(width).ok()) {
            table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        out.push('\n');
        for line in table.lines() {
            let _ = writeln!(out, "{}", line.trim());
        }
    }
    if !found.findings.is_empty() {
        out.push('\n');
    }
    out + &render_all(&finding_lines(found), view.width, view.color)
}

fn finding_lines(found: &Discovered<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for finding in found.findings {
        let account = finding.place.account.as_ref();
        let style: Style = if finding.incomplete { RED } else { PLAIN };
        lines.push(Line::new(0).with(style.bold(), finding.place.to_string()));
        lines.extend(Telling { account, indent: 2 }.finding(finding));
    }
    lines
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found<'a> {
    schema_version: u32,
    organization: Option<&'a str>,
    accounts: Vec<AccountEntry<'a>>,
    clusters: Vec<ClusterEntry<'a>>,
    findings: Vec<FindingEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterEntry<'a> {
    account: &'a str,
    region: &'a str,
    name: &'a str,
    arn: &'a str,
    version: Option<&'a str>,
    authentication_mode: &'a str,
    endpoint: &'a str,
    /// `ready`, or the EKS status of a cluster that is left alone.
    status: &'a str,
    tags: &'a std::collections::BTreeMap<String, String>,
}

fn json(found: &Discovered<'_>) -> String {
    print(&Found {
        schema_version: 1,
        organization: found.organization,
        accounts: found.accounts.iter().map(AccountEntry::of).collect(),
        clusters: found.clusters.iter().map(cluster_entry).collect(),
        findings: found.findings.iter().map(finding).collect(),
    })
}

fn cluster_entry(cluster: &Cluster) -> ClusterEntry<'_> {
    ClusterEntry {
        account: cluster.id.account.as_str(),
        region: cluster.id.region.as_str(),
        name: &cluster.id.name,
        arn: &cluster.arn,
        version: cluster.version.as_deref(),
        authentication_mode: cluster.authentication_mode.as_str(),
        endpoint: &cluster.endpoint,
        status: status(cluster),
        tags: &cluster.tags,
    }
}

fn markdown(found: &Discovered<'_>) -> String {
    let mut out = format!("### {}\n\n", prose(&title(found)));
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    out.push_str(&line(&HEADER.map(str::to_lowercase)));
    out.push_str(&line(&HEADER.map(|_| "---".to_owned())));
    for row in rows(found) {
        out.push_str(&line(&row.map(|cell| prose(&cell))));
    }
    for finding in found.findings {
        let _ = write!(out, "\n- **{}**: {}", prose(&finding.place.to_string()), paragraph(&finding.message));
        if let Some(next) = &finding.next {
            let _ = write!(out, "  \n  → {}", paragraph(next));
        }
    }
    if !found.findings.is_empty() {
        out.push('\n');
    }
    out
}

fn paragraph(text: &str) -> String {
    text.lines().map(prose).collect::<Vec<_>>().join("  \n  ")
}
