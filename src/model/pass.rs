//! One pass over the fleet and what it leaves to report.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Cluster, Finding, Guard, Outcome, Plan, UnreadableKind};

/// What a pass was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassKind {
    /// Compare and tell; nothing is written.
    Plan,
    /// Compare, tell and correct.
    Sync,
}

/// Where a cluster stands after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It has what the policy wants.
    InSync,
    /// It differs, and was not (or not wholly) corrected.
    Drifted,
    /// It differed and now has what the policy wants.
    Applied,
    /// A guard holds its plan back.
    Blocked,
    /// It is paused by the settings.
    Paused,
    /// It is being created or deleted, or has failed, and is left alone.
    LeftAlone,
    /// It could not be reached, or its certificate does not fit.
    Unreachable,
    /// It answers 401 or 403.
    AccessDenied,
    /// It is not known for another reason.
    Unknown,
}

impl Status {
    /// Every status in the order in which summaries show them.
    pub const ALL: [Self; 9] = [
        Self::InSync,
        Self::Applied,
        Self::Drifted,
        Self::Blocked,
        Self::Paused,
        Self::LeftAlone,
        Self::Unreachable,
        Self::AccessDenied,
        Self::Unknown,
    ];

    /// The words that people see.
    pub fn words(self) -> &'static str {
        match self {
            Self::InSync => "in sync",
            Self::Drifted => "drifted",
            Self::Applied => "applied",
            Self::Blocked => "blocked",
            Self::Paused => "paused",
            Self::LeftAlone => "left alone",
            Self::Unreachable => "unreachable",
            Self::AccessDenied => "access denied",
            Self::Unknown => "unknown",
        }
    }

    /// The stable name for metrics and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Drifted => "drifted",
            Self::Applied => "applied",
            Self::Blocked => "blocked",
            Self::Paused => "paused",
            Self::LeftAlone => "left-alone",
            Self::Unreachable => "unreachable",
            Self::AccessDenied => "access-denied",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the cluster's state is not known.
    pub fn is_unknown(self) -> bool {
        matches!(self, Self::Unreachable | Self::AccessDenied | Self::Unknown)
    }
}

/// What a pass found and did on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterReport {
    /// The cluster.
    pub cluster: Cluster,
    /// Where it stands.
    pub status: Status,
    /// What kind of failure kept it, or a part of it, from being read.
    #[serde(default)]
    pub cause: Option<UnreadableKind>,
    /// Why it stands there, in a sentence, where the status alone does not say it.
    pub why: Option<String>,
    /// What to do next, where there is something.
    pub next: Option<String>,
    /// The plan, where the cluster could be read.
    pub plan: Option<Plan>,
    /// Earlier plans of the same pass of which a part was carried out before a conflict made the cluster be read again.
    #[serde(default)]
    pub earlier: Vec<(Plan, Outcome)>,
    /// What became of the plan, where it was carried out.
    pub outcome: Option<Outcome>,
}

impl ClusterReport {
    /// Every plan that was carried out, or tried, with what became of it: those that a conflict cut short come first.
    pub fn carried_out(&self) -> impl Iterator<Item = (&Plan, &Outcome)> {
        let last = self.plan.as_ref().zip(self.outcome.as_ref());
        self.earlier.iter().map(|(plan, outcome)| (plan, outcome)).chain(last)
    }

    /// Holds the plan back.
    pub fn block(&mut self, guard: Guard) {
        self.status = Status::Blocked;
        self.why = Some(guard.message.clone());
        self.next = Some(guard.next.clone());
        if let Some(plan) = &mut self.plan {
            plan.blocked = Some(guard);
        }
    }
}

/// What `main` ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// 0: everything is in sync.
    InSync,
    /// 1: there is drift, or changes are left.
    Drift,
    /// 2: an error; nothing can be said.
    Error,
    /// 3: part of the fleet is unknown.
    Incomplete,
}

impl ExitCode {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::InSync => 0,
            Self::Drift => 1,
            Self::Error => 2,
            Self::Incomplete => 3,
        }
    }
}

/// What one pass over the fleet found and did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassReport {
    /// What was asked.
    pub kind: PassKind,
    /// The organization's id, where there is one.
    pub organization: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// How many accounts were walked.
    pub accounts: usize,
    /// How many regions were asked in at least one account.
    pub regions: usize,
    /// Every cluster, sorted by account, region and name.
    pub clusters: Vec<ClusterReport>,
    /// What was found outside of single clusters.
    pub findings: Vec<Finding>,
}

impl PassReport {
    /// How many clusters stand where.
    pub fn counts(&self) -> BTreeMap<Status, usize> {
        let mut counts = BTreeMap::new();
        for report in &self.clusters {
            *counts.entry(report.status).or_insert(0) += 1;
        }
        counts
    }

    /// Every finding, those of the clusters included.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().chain(self.cluster_findings())
    }

    /// The findings of the clusters.
    pub fn cluster_findings(&self) -> impl Iterator<Item = &Finding> {
        self.clusters.iter().filter_map(|cluster| cluster.plan.as_ref()).flat_map(|plan| &plan.findings)
    }

    /// The exit code: incomplete comes before drift. With `strict`, findings about clusters count as drift; those outside
    /// of clusters, such as a suspended account, do not.
    pub fn exit_code(&self, strict: bool) -> ExitCode {
        let unknown = self.clusters.iter().any(|c| c.status.is_unknown());
        if unknown || self.all_findings().any(|finding| finding.incomplete) {
            return ExitCode::Incomplete;
        }
        let drifted = self.clusters.iter().any(|c| matches!(c.status, Status::Drifted | Status::Blocked));
        if drifted || self.all_findings().any(|f| f.drift) || (strict && self.cluster_findings().next().is_some()) {
            return ExitCode::Drift;
        }
        ExitCode::InSync
    }
}
