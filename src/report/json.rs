//! The report for machines. Its shape is a promise of its own, apart from the types it is made of: within one
//! `schemaVersion` fields are only added.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    View, diff,
    results::{ChangeResult, results, written},
    text::is_unsafe,
    writes::{WriteEntry, writes},
};
use crate::model::{
    AccessScope, Account, AccountId, Action, Change, Cluster, ClusterReport, Content, ExitCode, Finding, FindingCode,
    ObjectRef, PassKind, PassReport, PolicyGrant, RbacSubject, Region, RoleRef, Rule, Source, Subject, Surface,
    UnreadableKind,
};

/// The version of the shape.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    schema_version: u32,
    kind: PassKind,
    /// `in-sync`, `drift` or `incomplete`: the exit codes 0, 1 and 3.
    result: &'static str,
    organization: Option<&'a str>,
    started: Timestamp,
    finished: Timestamp,
    accounts: usize,
    regions: usize,
    /// How many clusters stand where; statuses without a cluster are left out.
    counts: BTreeMap<&'static str, usize>,
    /// How many changes were written.
    written: usize,
    clusters: Vec<ClusterEntry<'a>>,
    /// What was found outside of single clusters.
    findings: Vec<FindingEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ClusterEntry<'a> {
    account: AccountEntry<'a>,
    region: &'a str,
    name: &'a str,
    arn: &'a str,
    version: Option<&'a str>,
    authentication_mode: &'static str,
    status: &'static str,
    /// `unreachable`, `tls`, `unauthenticated`, `forbidden`, `timeout`, `throttled` or `server`: what kept it from being read.
    cause: Option<UnreadableKind>,
    why: Option<&'a str>,
    next: Option<&'a str>,
    blocked: Option<Blocked<'a>>,
    changes: Vec<ChangeEntry<'a>>,
    /// The writes that were tried, each whole; empty for a plan.
    writes: Vec<WriteEntry<'a>>,
    findings: Vec<FindingEntry<'a>>,
    /// Unified diffs of the sections of aws-auth by their keys, and of the access entries; only with `--diff`.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountEntry<'a> {
    id: &'a str,
    name: &'a str,
    organizational_unit: Option<&'a str>,
}

impl<'a> AccountEntry<'a> {
    pub(super) fn of(account: &'a Account) -> Self {
        Self { id: account.id.as_str(), name: &account.name, organizational_unit: account.ou_path.as_deref() }
    }
}

#[derive(Serialize)]
struct Blocked<'a> {
    guard: &'a str,
    message: &'a str,
    next: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChangeEntry<'a> {
    surface: Surface,
    action: Action,
    subject: SubjectEntry<'a>,
    who: Option<&'a str>,
    reason: &'a str,
    before: Option<ContentEntry<'a>>,
    after: Option<ContentEntry<'a>>,
    sources: &'a [Source],
    changed_by: Option<ChangedByEntry<'a>>,
    /// `planned`, `written`, `conflict`, `failed` or `skipped`.
    result: &'static str,
    /// Why it was not written.
    result_reason: Option<&'a str>,
}

#[derive(Serialize)]
struct ChangedByEntry<'a> {
    manager: &'a str,
    time: Option<Timestamp>,
}

#[derive(Serialize)]
struct SubjectEntry<'a> {
    /// `role`, `user`, `account`, `access-policy`, `section`, `authentication-mode`, or an RBAC kind such as `ClusterRole`.
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    /// The principal that holds an access policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    /// An ARN, an account id, a section's key or an object's name.
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub(super) enum ContentEntry<'a> {
    Row { username: &'a str, groups: &'a [String] },
    Entry { username: &'a str, groups: &'a [String], policies: Vec<PolicyEntry<'a>> },
    Policy { scope: &'static str, namespaces: &'a [String] },
    Account,
    Mode { mode: &'static str },
    Text { text: &'a str },
    Rules { rules: &'a [Rule] },
    Binding { role_ref: &'a RoleRef, subjects: &'a [RbacSubject] },
}

/// An access policy that comes or goes with its access entry.
#[derive(Serialize)]
pub(super) struct PolicyEntry<'a> {
    policy: &'a str,
    scope: &'static str,
    namespaces: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FindingEntry<'a> {
    code: FindingCode,
    account: Option<&'a str>,
    account_name: Option<&'a str>,
    region: Option<&'a str>,
    cluster: Option<&'a str>,
    surface: Option<Surface>,
    subject: &'a str,
    message: &'a str,
    next: Option<&'a str>,
    source: Option<&'a Source>,
    drift: bool,
    incomplete: bool,
}

pub(super) fn render(report: &PassReport, view: &View) -> String {
    let clusters = report.clusters.iter().filter(|cluster| !view.unknown_only || is_unknown(cluster));
    print(&Report {
        schema_version: SCHEMA_VERSION,
        kind: report.kind,
        result: result_name(report.exit_code(view.strict)),
        organization: report.organization.as_deref(),
        started: report.started,
        finished: report.finished,
        accounts: report.accounts,
        regions: report.regions,
        counts: report.counts().into_iter().map(|(status, n)| (status.as_str(), n)).collect(),
        written: report.clusters.iter().map(|cluster| written(cluster).count()).sum(),
        clusters: clusters.map(|cluster| entry(cluster, view)).collect(),
        findings: report.findings.iter().filter(|f| !view.unknown_only || f.incomplete).map(finding).collect(),
    })
}

/// Indented JSON in which no character can steer a terminal: those are written as `\u` escapes, which mean the same.
pub(super) fn print(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"));
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c != '\n' && is_unsafe(c) {
            let mut units = [0; 2];
            out.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

fn is_unknown(cluster: &ClusterReport) -> bool {
    cluster.status.is_unknown() || cluster.plan.iter().flat_map(|plan| &plan.findings).any(|f| f.incomplete)
}

pub(super) fn result_name(code: ExitCode) -> &'static str {
    match code {
        ExitCode::InSync => "in-sync",
        ExitCode::Drift => "drift",
        ExitCode::Error => "error",
        ExitCode::Incomplete => "incomplete",
    }
}

fn entry<'a>(report: &'a ClusterReport, view: &View) -> ClusterEntry<'a> {
    let cluster = &report.cluster;
    let plan = report.plan.as_ref();
    let earlier = report.earlier.iter().flat_map(|(plan, outcome)| {
        results(plan, Some(outcome)).into_iter().filter(|(_, result)| *result == ChangeResult::Written)
    });
    let last = plan.into_iter().flat_map(|plan| results(plan, report.outcome.as_ref()));
    let diffs = || plan.into_iter().flat_map(diff::sections).map(|section| (section.key.clone(), section.plain()));
    ClusterEntry {
        account: AccountEntry::of(&cluster.account),
        region: cluster.id.region.as_str(),
        name: &cluster.id.name,
        arn: &cluster.arn,
        version: cluster.version.as_deref(),
        authentication_mode: cluster.authentication_mode.as_str(),
        status: report.status.as_str(),
        cause: report.cause,
        why: report.why.as_deref(),
        next: report.next.as_deref(),
        blocked: plan.and_then(|plan| plan.blocked.as_ref()).map(|guard| Blocked {
            guard: &guard.name,
            message: &guard.message,
            next: &guard.next,
        }),
        changes: earlier.chain(last).map(|(change, result)| change_entry(change, result)).collect(),
        writes: writes(report).collect(),
        findings: plan.into_iter().flat_map(|plan| &plan.findings).map(|found| finding_in(found, cluster)).collect(),
        diff: view.diff.then(|| diffs().collect()),
    }
}

pub(super) fn change_entry<'a>(change: &'a Change, result: ChangeResult<'a>) -> ChangeEntry<'a> {
    ChangeEntry {
        surface: change.surface,
        action: change.action,
        subject: subject(&change.subject),
        who: change.who.as_deref(),
        reason: &change.reason,
        before: change.before.as_ref().map(content),
        after: change.after.as_ref().map(content),
        sources: &change.sources,
        changed_by: change.changed_by.as_ref().map(|by| ChangedByEntry { manager: &by.manager, time: by.time }),
        result: result.as_str(),
        result_reason: result.why(),
    }
}

fn subject(subject: &Subject) -> SubjectEntry<'_> {
    let entry = |kind, name| SubjectEntry { kind, namespace: None, principal: None, name };
    match subject {
        Subject::Role(arn) => entry("role", arn),
        Subject::User(arn) => entry("user", arn),
        Subject::Account(id) => entry("account", id.as_str()),
        Subject::Policy { principal, policy } => {
            SubjectEntry { principal: Some(principal), ..entry("access-policy", policy) }
        }
        Subject::Section(section) => entry("section", section.key()),
        Subject::Mode => entry("authentication-mode", "authenticationMode"),
        Subject::Object(ObjectRef { kind, namespace, name }) => {
            SubjectEntry { namespace: namespace.as_deref(), ..entry(kind.as_str(), name) }
        }
    }
}

pub(super) fn content(content: &Content) -> ContentEntry<'_> {
    match content {
        Content::Row { username, groups } => ContentEntry::Row { username, groups },
        Content::Entry { username, groups, policies } => {
            ContentEntry::Entry { username, groups, policies: policies.iter().map(policy).collect() }
        }
        Content::Scope(scope) => scope_content(scope),
        Content::Account => ContentEntry::Account,
        Content::Mode(mode) => ContentEntry::Mode { mode: mode.as_str() },
        Content::Text(text) => ContentEntry::Text { text },
        Content::Rules(rules) => ContentEntry::Rules { rules },
        Content::Binding { role_ref, subjects } => ContentEntry::Binding { role_ref, subjects },
    }
}

pub(super) fn policy(grant: &PolicyGrant) -> PolicyEntry<'_> {
    let (scope, namespaces) = scope(&grant.scope);
    PolicyEntry { policy: &grant.policy, scope, namespaces }
}

pub(super) fn scope_content(held: &AccessScope) -> ContentEntry<'_> {
    let (scope, namespaces) = scope(held);
    ContentEntry::Policy { scope, namespaces }
}

/// In EKS's own words.
fn scope(scope: &AccessScope) -> (&'static str, &[String]) {
    match scope {
        AccessScope::Cluster => ("cluster", &[]),
        AccessScope::Namespaces(names) => ("namespace", names),
    }
}

/// A finding of a cluster's plan, which knows its place by the cluster.
pub(super) fn finding_in<'a>(found: &'a Finding, cluster: &'a Cluster) -> FindingEntry<'a> {
    FindingEntry {
        account: Some(cluster.id.account.as_str()),
        account_name: Some(&cluster.account.name),
        region: Some(cluster.id.region.as_str()),
        cluster: Some(&cluster.id.name),
        ..finding(found)
    }
}

/// A finding at the place it names itself.
pub(super) fn finding(finding: &Finding) -> FindingEntry<'_> {
    FindingEntry {
        code: finding.code,
        account: finding.place.account.as_ref().map(AccountId::as_str),
        account_name: finding.place.account_name.as_deref(),
        region: finding.place.region.as_ref().map(Region::as_str),
        cluster: finding.place.cluster.as_deref(),
        surface: finding.surface,
        subject: &finding.subject,
        message: &finding.message,
        next: finding.next.as_deref(),
        source: finding.source.as_ref(),
        drift: finding.drift,
        incomplete: finding.incomplete,
    }
}
