//! Moving rows of aws-auth to access entries: what becomes of each row, and the change of the authentication mode.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ArnPattern, AuthenticationMode, ClusterReport, ExitCode, Finding, Plan, PolicyGrant, Section};

/// The Kubernetes group, and the ClusterRoleBinding to cluster-admin, by which an administrator stays one from the moment
/// in which the access entry overrides the row of aws-auth to that in which the associated access policy counts: no access
/// entry takes `system:masters`, and entry and association are two calls.
pub const BRIDGE: &str = "rolecall:migration";

/// The ClusterRole that the bridge gives.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#user-facing-roles>.
pub const CLUSTER_ADMIN_ROLE: &str = "cluster-admin";

/// The rules that the migration of one cluster keeps to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateRules {
    /// Principals that are never changed or removed.
    pub protect: Vec<ArnPattern>,
    /// The IAM role or user as which rolecall comes into the cluster.
    pub own_principal: Option<String>,
    /// Whether rolecall's own row moves too.
    pub include_own: bool,
    /// How long what was written to an access entry has to stand before anything is built upon it: EKS's answers tell of a
    /// write before the cluster acts upon it.
    pub settle: SignedDuration,
    /// The authentication mode to come to, if it shall change.
    pub to: Option<AuthenticationMode>,
}

/// What a principal gets, from a row or from an access entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gives {
    /// The username's template.
    pub username: String,
    /// The groups, sorted, each once. `system:masters` stands for AmazonEKSClusterAdminPolicy in the whole cluster too.
    pub groups: Vec<String>,
    /// The access policies beside that one.
    pub policies: Vec<PolicyGrant>,
}

impl Gives {
    /// Whether both give the same username and groups.
    pub fn same_as(&self, other: &Self) -> bool {
        self.username == other.username && self.groups == other.groups
    }
}

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// An access entry is made that gives the same; then the row goes.
    Moves,
    /// An access entry gives the same, but not all of it is settled yet.
    Settles,
    /// An access entry gives the same: the row goes.
    Goes,
    /// An access entry counts and gives something else.
    Shadowed,
    /// It cannot move, or is not to.
    Stays,
    /// It cannot be told.
    Unknown,
}

impl Fate {
    /// Every fate in the order in which summaries show them.
    pub const ALL: [Self; 6] = [Self::Moves, Self::Settles, Self::Goes, Self::Shadowed, Self::Stays, Self::Unknown];

    /// The words that people see.
    pub fn words(self) -> &'static str {
        match self {
            Self::Moves => "moves",
            Self::Settles => "settles",
            Self::Goes => "goes",
            Self::Shadowed => "shadowed",
            Self::Stays => "stays",
            Self::Unknown => "unknown",
        }
    }

    /// Whether there is something left to be done about it.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Moves | Self::Settles | Self::Goes)
    }
}

/// One row of aws-auth and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowMove {
    /// The section.
    pub section: Section,
    /// The position in the section, counted from 0.
    pub index: usize,
    /// The ARN as the row has it; in mapAccounts the account's id.
    pub arn: String,
    /// What the row gives.
    pub row: Gives,
    /// Whether it is rolecall's.
    pub ours: bool,
    /// Whether it is one of nodes, by its groups.
    pub node: bool,
    /// What becomes of it.
    pub fate: Fate,
    /// The principal of its access entry, path included, where there is one or will be.
    pub principal: Option<String>,
    /// What that entry gives, or will.
    pub entry: Option<Gives>,
    /// Why, in a sentence.
    pub why: String,
    /// What to do about it, where there is something.
    pub next: Option<String>,
    /// Whether somebody who gets in by it would not any more if the cluster ceased to read aws-auth.
    pub needed: bool,
}

/// The change of a cluster's authentication mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChange {
    /// The mode that it has.
    pub from: AuthenticationMode,
    /// The mode to come to, by one step or by two.
    pub to: AuthenticationMode,
    /// Why the last step cannot be made.
    pub refused: Vec<String>,
}

/// What a migration makes of one cluster as it was observed: a pure function of that, so that one that was stopped goes on
/// where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Migration {
    /// The next writes. When they are made, the cluster has to be observed again for those after them.
    pub plan: Plan,
    /// Every row.
    pub rows: Vec<RowMove>,
    /// When the first of what is waited for is settled.
    pub waits_until: Option<Timestamp>,
    /// The change of mode that is asked for and not made yet.
    pub mode: Option<ModeChange>,
}

/// One cluster of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigratedCluster {
    /// Where it stands, what was written and what would be next. In sync means that there is nothing to move.
    pub report: ClusterReport,
    /// Every row that it still has.
    pub rows: Vec<RowMove>,
    /// The change of mode that is asked for and not made.
    pub mode: Option<ModeChange>,
    /// When the first of what is waited for is settled.
    pub waits_until: Option<Timestamp>,
}

impl MigratedCluster {
    /// Whether there is anything left to do.
    pub fn is_open(&self) -> bool {
        self.report.plan.as_ref().is_some_and(|plan| plan.blocked.is_some())
            || self.waits_until.is_some()
            || self.mode.is_some()
            || self.report.outcome.as_ref().is_some_and(|outcome| !outcome.is_complete())
            || self.next_writes() > 0
            || self.rows.iter().any(|row| row.fate.is_open())
    }

    /// How many writes are planned and were not tried.
    pub fn next_writes(&self) -> usize {
        self.report.plan.as_ref().filter(|_| self.report.outcome.is_none()).map_or(0, |plan| plan.steps.len())
    }

    /// Whether part of it is not known.
    pub fn is_incomplete(&self) -> bool {
        self.report.status.is_unknown()
            || self.rows.iter().any(|row| row.fate == Fate::Unknown)
            || self.report.plan.iter().flat_map(|plan| &plan.findings).any(|finding| finding.incomplete)
    }
}

/// What a migration found and did in the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrateReport {
    /// Whether anything was to be written.
    pub applied: bool,
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
    pub clusters: Vec<MigratedCluster>,
    /// What was found outside of single clusters.
    pub findings: Vec<Finding>,
}

impl MigrateReport {
    /// The exit code: something left to move counts as drift.
    pub fn exit_code(&self) -> ExitCode {
        let incomplete = self.findings.iter().any(|finding| finding.incomplete);
        if incomplete || self.clusters.iter().any(MigratedCluster::is_incomplete) {
            ExitCode::Incomplete
        } else if self.clusters.iter().any(MigratedCluster::is_open) {
            ExitCode::Drift
        } else {
            ExitCode::InSync
        }
    }

    /// How many clusters would have their authentication mode changed.
    pub fn mode_changes(&self) -> usize {
        let changes = |cluster: &&MigratedCluster| cluster.mode.as_ref().is_some_and(|mode| mode.refused.is_empty());
        self.clusters.iter().filter(changes).count()
    }
}
