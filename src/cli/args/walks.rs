//! The arguments of the commands that walk the fleet.

use std::{collections::BTreeSet, path::PathBuf};

use clap::{Args, ValueEnum};

use crate::{fleet::Within, model::AccountId};

#[derive(Debug, Args)]
pub(in crate::cli) struct WithinArgs {
    /// Only the clusters of this account; may be given again.
    #[arg(long, value_name = "ID", value_parser = |text: &str| text.parse::<AccountId>())]
    pub account: Vec<AccountId>,
    /// Only this cluster, by its name or as ACCOUNT/REGION/NAME; may be given again.
    #[arg(long, value_name = "CLUSTER")]
    pub cluster: Vec<String>,
}

impl WithinArgs {
    /// What a pass is confined to.
    pub(in crate::cli) fn within(&self) -> Option<Within> {
        let mut accounts: BTreeSet<AccountId> = self.account.iter().cloned().collect();
        if accounts.is_empty() {
            // Where each cluster is named with its account, no other has to be walked.
            let of = |name: &String| name.split_once('/').and_then(|(account, _)| account.parse().ok());
            accounts = self.cluster.iter().map(of).collect::<Option<_>>().unwrap_or_default();
        }
        let any = !self.account.is_empty() || !self.cluster.is_empty();
        let names = self.cluster.iter().cloned().collect();
        any.then(|| Within { accounts, names, by_person: true, ..Within::default() })
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct DoctorArgs {
    #[command(flatten)]
    pub within: WithinArgs,
    /// Also show what is fine and what is not needed.
    #[arg(long)]
    pub all: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// Write the policy to this file, not to standard output.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite the file if it is there.
    #[arg(long, requires = "out")]
    pub force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PlanArgs {
    #[command(flatten)]
    pub within: WithinArgs,
    /// Also write the plan to a file that `sync --plan` carries out.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show the text of aws-auth before and after.
    #[arg(long)]
    pub diff: bool,
    /// Findings count as drift.
    #[arg(long)]
    pub strict: bool,
    /// Plan the repair of aws-auth sections that do not parse, too.
    #[arg(long)]
    pub repair: bool,
    /// Show at most so many clusters; the sums are of all.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SyncArgs {
    #[command(flatten)]
    pub within: WithinArgs,
    /// Carry out this plan of `plan --out` and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["repair", "account", "cluster"])]
    pub plan: Option<PathBuf>,
    /// Also rewrite aws-auth sections that do not parse; the broken text is kept in a ConfigMap beside it.
    #[arg(long)]
    pub repair: bool,
    /// Findings count as drift.
    #[arg(long)]
    pub strict: bool,
    /// Show the text of aws-auth before and after.
    #[arg(long)]
    pub diff: bool,
    /// Show at most so many clusters; the sums are of all.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ReportArgs {
    #[command(flatten)]
    pub within: WithinArgs,
    /// Only what is unknown, and why.
    #[arg(long)]
    pub unknown: bool,
    /// Findings count as drift.
    #[arg(long)]
    pub strict: bool,
    /// Show at most so many clusters; the sums are of all.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct ExplainArgs {
    /// role:NAME, user:NAME, permissionSet:NAME, directoryGroup:NAME, iamGroup:NAME, an ARN, or a bare name.
    pub principal: String,
    #[command(flatten)]
    pub within: WithinArgs,
    /// Show at most so many clusters; the count is of all.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MigrateArgs {
    /// Move what can be moved; the settings must say `mode: enforce`.
    #[arg(long)]
    pub apply: bool,
    /// Change the authentication mode too, one step at a time; there is no way back.
    #[arg(long, value_name = "MODE", value_enum, ignore_case = true)]
    pub to: Option<ModeArg>,
    /// Change the mode without asking for the number of clusters.
    #[arg(long, requires = "to")]
    pub yes: bool,
    #[command(flatten)]
    pub within: WithinArgs,
    /// Move rolecall's own row too.
    #[arg(long)]
    pub include_own: bool,
    /// How long an access entry has to stand before anything is built upon it.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = crate::cli::migrate::duration)]
    pub settle: std::time::Duration,
    /// How long all of it may take; what is left then is told.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = crate::cli::migrate::duration)]
    pub timeout: std::time::Duration,
    /// Show at most so many clusters; the sums are of all.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
}

/// The authentication modes to which a cluster can be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ModeArg {
    #[value(name = "API_AND_CONFIG_MAP")]
    ApiAndConfigMap,
    #[value(name = "API")]
    Api,
}
