//! A migration for machines; fields are only added within one `schemaVersion`.

use jiff::Timestamp;
use serde::Serialize;

use super::super::{
    json::{
        AccountEntry, ChangeEntry, FindingEntry, PolicyEntry, change_entry, finding, finding_in, policy, print,
        result_name,
    },
    results::results,
    writes::{WriteEntry, writes},
};
use crate::model::{Fate, Gives, MigrateReport, MigratedCluster, ModeChange, RowMove, Section};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    schema_version: u32,
    /// Whether anything was to be written.
    applied: bool,
    /// `in-sync` (nothing is left to move), `drift` or `incomplete`: the exit codes 0, 1 and 3.
    result: &'static str,
    organization: Option<&'a str>,
    started: Timestamp,
    finished: Timestamp,
    accounts: usize,
    regions: usize,
    clusters: Vec<ClusterEntry<'a>>,
    findings: Vec<FindingEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterEntry<'a> {
    account: AccountEntry<'a>,
    region: &'a str,
    name: &'a str,
    arn: &'a str,
    authentication_mode: &'static str,
    status: &'static str,
    why: Option<&'a str>,
    next: Option<&'a str>,
    /// Whether there is anything left to do.
    open: bool,
    mode_change: Option<ModeEntry<'a>>,
    waits_until: Option<Timestamp>,
    rows: Vec<RowEntry<'a>>,
    changes: Vec<ChangeEntry<'a>>,
    /// The writes that were tried, each whole.
    writes: Vec<WriteEntry<'a>>,
    findings: Vec<FindingEntry<'a>>,
}

#[derive(Serialize)]
struct ModeEntry<'a> {
    from: &'static str,
    to: &'static str,
    refused: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowEntry<'a> {
    section: Section,
    /// Counted from 0.
    index: usize,
    arn: &'a str,
    ours: bool,
    node: bool,
    fate: Fate,
    why: &'a str,
    next: Option<&'a str>,
    /// Whether somebody who gets in by it would not any more if the cluster ceased to read aws-auth.
    needed: bool,
    /// The principal of its access entry.
    principal: Option<&'a str>,
    row: GivesEntry<'a>,
    entry: Option<GivesEntry<'a>>,
    /// Whether both give the same username and groups.
    same: Option<bool>,
}

#[derive(Serialize)]
struct GivesEntry<'a> {
    username: &'a str,
    groups: &'a [String],
    policies: Vec<PolicyEntry<'a>>,
}

impl<'a> GivesEntry<'a> {
    fn of(gives: &'a Gives) -> Self {
        Self { username: &gives.username, groups: &gives.groups, policies: gives.policies.iter().map(policy).collect() }
    }
}

pub(super) fn render(report: &MigrateReport) -> String {
    print(&Report {
        schema_version: 1,
        applied: report.applied,
        result: result_name(report.exit_code()),
        organization: report.organization.as_deref(),
        started: report.started,
        finished: report.finished,
        accounts: report.accounts,
        regions: report.regions,
        clusters: report.clusters.iter().map(cluster).collect(),
        findings: report.findings.iter().map(finding).collect(),
    })
}

fn cluster(migrated: &MigratedCluster) -> ClusterEntry<'_> {
    let report = &migrated.report;
    let cluster = &report.cluster;
    let earlier = report.earlier.iter().flat_map(|(plan, outcome)| results(plan, Some(outcome)));
    let last = report.plan.iter().flat_map(|plan| results(plan, report.outcome.as_ref()));
    ClusterEntry {
        account: AccountEntry::of(&cluster.account),
        region: cluster.id.region.as_str(),
        name: &cluster.id.name,
        arn: &cluster.arn,
        authentication_mode: cluster.authentication_mode.as_str(),
        status: report.status.as_str(),
        why: report.why.as_deref(),
        next: report.next.as_deref(),
        open: migrated.is_open(),
        mode_change: migrated.mode.as_ref().map(mode),
        waits_until: migrated.waits_until,
        rows: migrated.rows.iter().map(row).collect(),
        changes: earlier.chain(last).map(|(change, result)| change_entry(change, result)).collect(),
        writes: writes(report).collect(),
        findings: report.plan.iter().flat_map(|plan| &plan.findings).map(|f| finding_in(f, cluster)).collect(),
    }
}

fn mode(change: &ModeChange) -> ModeEntry<'_> {
    ModeEntry { from: change.from.as_str(), to: change.to.as_str(), refused: &change.refused }
}

fn row(row: &RowMove) -> RowEntry<'_> {
    RowEntry {
        section: row.section,
        index: row.index,
        arn: &row.arn,
        ours: row.ours,
        node: row.node,
        fate: row.fate,
        why: &row.why,
        next: row.next.as_deref(),
        needed: row.needed,
        principal: row.principal.as_deref(),
        row: GivesEntry::of(&row.row),
        entry: row.entry.as_ref().map(GivesEntry::of),
        same: row.entry.as_ref().map(|entry| entry.same_as(&row.row)),
    }
}
