//! What a report tells of one cluster, or of one place outside of clusters.

use std::collections::BTreeMap;

use anstyle::Style;
use unicode_width::UnicodeWidthStr;

use super::{
    View, diff,
    results::{ChangeResult, results},
    table::status_style,
    text::{CYAN, DIM, Line, PLAIN, RED, YELLOW, clean},
    words::Telling,
};
use crate::model::{
    AccountId, Action, ClusterReport, Finding, FindingCode, Outcome, PassReport, Place, Plan, Status, Surface,
};

/// One block of a report.
pub(super) struct Block<'a> {
    /// Where: account, region, cluster.
    pub place: String,
    /// The status in words with its colour.
    pub status: Option<(&'static str, Style)>,
    /// `aws-auth +1 ~1, rbac +2`.
    pub summary: String,
    account: Option<&'a AccountId>,
    cluster: Option<&'a ClusterReport>,
    findings: Vec<&'a Finding>,
    /// Whether changes stay out, numbers excepted.
    without_changes: bool,
}

/// Every block that the view asks for: clusters that are not in sync or have findings, then places outside of clusters.
pub(super) fn blocks<'a>(report: &'a PassReport, view: &View) -> Vec<Block<'a>> {
    let wanted = |finding: &&Finding| !view.unknown_only || finding.incomplete;
    let mut blocks = Vec::new();
    for cluster in &report.clusters {
        let findings = cluster.plan.iter().flat_map(|plan| &plan.findings).filter(wanted);
        let findings: Vec<&Finding> = findings.filter(|finding| !repeats(cluster, finding)).collect();
        let told = if view.unknown_only { cluster.status.is_unknown() } else { cluster.status != Status::InSync };
        if told || !findings.is_empty() {
            blocks.push(Block::of_cluster(cluster, findings, view));
        }
    }
    let mut places: BTreeMap<&Place, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(wanted) {
        places.entry(&finding.place).or_default().push(finding);
    }
    blocks.extend(places.into_iter().map(|(place, findings)| Block::of_place(place, findings)));
    blocks
}

/// Whether a finding only repeats, for one surface, what the cluster's own lines say of both: that it cannot be read.
fn repeats(cluster: &ClusterReport, finding: &Finding) -> bool {
    let unread = |finding: &&Finding| {
        finding.code == FindingCode::ClusterUnreadable && finding.surface.is_some() && finding.next == cluster.next
    };
    let all = cluster.plan.iter().flat_map(|plan| &plan.findings);
    cluster.status.is_unknown() && unread(&finding) && all.filter(unread).count() > 1
}

impl<'a> Block<'a> {
    fn of_cluster(cluster: &'a ClusterReport, findings: Vec<&'a Finding>, view: &View) -> Self {
        Self {
            place: cluster.cluster.place().to_string(),
            status: Some((cluster.status.words(), status_style(cluster.status))),
            summary: cluster.plan.as_ref().filter(|_| !view.unknown_only).map(summary).unwrap_or_default(),
            account: Some(&cluster.cluster.id.account),
            cluster: Some(cluster),
            findings,
            without_changes: view.unknown_only || view.brief,
        }
    }

    fn of_place(place: &'a Place, findings: Vec<&'a Finding>) -> Self {
        let status = if findings.iter().any(|finding| finding.incomplete) {
            Some(("unknown", RED))
        } else if findings.iter().any(|finding| finding.drift) {
            Some(("drifted", YELLOW))
        } else {
            None
        };
        let summary = String::new();
        Self {
            place: place.to_string(),
            status,
            summary,
            account: place.account.as_ref(),
            cluster: None,
            findings,
            without_changes: false,
        }
    }

    /// The columns that the place takes.
    pub(super) fn place_columns(&self) -> usize {
        clean(&self.place).width()
    }

    /// Why the cluster stands where it stands and what to do next.
    pub(super) fn standing(&self, indent: usize) -> Vec<Line> {
        self.cluster.map(|cluster| standing(cluster, indent)).unwrap_or_default()
    }

    /// The changes and findings.
    pub(super) fn lines(&self, indent: usize) -> Vec<Line> {
        let telling = Telling { account: self.account, indent };
        let mut lines = Vec::new();
        if let Some(cluster) = self.cluster.filter(|_| !self.without_changes) {
            lines.extend(changes(cluster, telling));
        }
        lines.extend(self.findings.iter().flat_map(|finding| telling.finding(finding)));
        lines
    }

    /// The diffs of what the plan writes to aws-auth.
    pub(super) fn diffs(&self) -> Vec<diff::SectionDiff> {
        let plan = self.cluster.filter(|_| !self.without_changes).and_then(|cluster| cluster.plan.as_ref());
        plan.map(diff::sections).unwrap_or_default()
    }
}

fn standing(cluster: &ClusterReport, indent: usize) -> Vec<Line> {
    let line = || Line::new(indent).hanging(indent);
    let mut lines = Vec::new();
    if let Some(why) = &cluster.why {
        lines.extend(why.lines().map(|text| line().with(PLAIN, text)));
    }
    let next = |text: &str| Line::new(indent).hanging(indent + 2).with(CYAN, "→ ").with(PLAIN, text);
    lines.extend(cluster.next.iter().map(|text| next(text)));
    if let Some(guard) = cluster.plan.as_ref().and_then(|plan| plan.blocked.as_ref()) {
        if cluster.why.as_deref() != Some(guard.message.as_str()) {
            lines.push(line().with(RED, format!("held back by {}: ", guard.name)).with(PLAIN, &guard.message));
        }
        if cluster.next.as_deref() != Some(guard.next.as_str()) {
            lines.push(next(&guard.next));
        }
    }
    lines
}

/// The changes with what became of them. A plan that was carried out whole needs no word at each change.
fn changes(cluster: &ClusterReport, telling: Telling<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (plan, outcome) in &cluster.earlier {
        let done = results(plan, Some(outcome)).into_iter().filter(|(_, result)| *result == ChangeResult::Written);
        lines.extend(done.flat_map(|(change, result)| telling.change(change, Some(result))));
    }
    if !cluster.earlier.is_empty() {
        let told = "the cluster changed meanwhile and was read again; then:";
        lines.push(Line::new(telling.indent).with(DIM, told));
    }
    let Some(plan) = &cluster.plan else { return lines };
    let whole = cluster.earlier.is_empty() && cluster.outcome.as_ref().is_some_and(Outcome::is_complete);
    for (change, result) in results(plan, cluster.outcome.as_ref()) {
        lines.extend(telling.change(change, (!whole).then_some(result)));
    }
    lines
}

/// `aws-auth +1 ~1, rbac +2`.
fn summary(plan: &Plan) -> String {
    let mut counts: BTreeMap<Surface, BTreeMap<Action, usize>> = BTreeMap::new();
    for change in &plan.changes {
        *counts.entry(change.surface).or_default().entry(change.action).or_default() += 1;
    }
    let surface = |(surface, actions): (&Surface, &BTreeMap<Action, usize>)| {
        let signs = actions.iter().map(|(action, n)| format!(" {}{n}", action.sign()));
        format!("{surface}{}", signs.collect::<String>())
    };
    counts.iter().map(surface).collect::<Vec<_>>().join(", ")
}
