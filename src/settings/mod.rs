//! rolecall.yaml → settings.
//!
//! A file is checked against its schema and for its meaning in one go, so that everything that is wrong with it is
//! said at once, each with its place and what to write instead.

mod checks;
mod connect;
mod events;
mod input;
mod names;
mod organization;
mod read;
mod schedule;
#[cfg(test)]
mod tests;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use jiff::civil::Date;

pub use read::{named_policies, parse, parse_without_policy};

use crate::model::{
    ArnPattern, Cluster, ConnectRule, EventQueue, Match, OrganizationScope, Selector, SurfaceChoice, Unmanaged,
};

/// What rolecall does, where and how, as one settings file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Which accounts and regions are walked, and as whom.
    pub scope: OrganizationScope,
    /// How long one call to a cluster may take, unless a connect rule says otherwise.
    pub timeout: Duration,
    /// How to reach clusters in another way than EKS tells; the first that matches counts.
    pub connect: Vec<ConnectRule>,
    /// Where roles and users get in.
    pub surface: SurfaceChoice,
    /// What is done by itself about clusters that do not let rolecall in.
    pub onboarding: Onboarding,
    /// Policy files and directories, resolved against the settings file's directory.
    pub policy: Vec<PathBuf>,
    /// Whether anything is changed at all.
    pub mode: Mode,
    /// What happens with rows and access entries that are not ours; the first that matches counts.
    pub unmanaged: Vec<(Selector, Unmanaged)>,
    /// Principals that are never changed or removed.
    pub protect: Vec<ArnPattern>,
    /// Clusters that are left alone for a while.
    pub paused: Vec<Pause>,
    /// When the daemon makes its passes.
    pub schedule: Schedule,
    /// The queue whose events are passed over at once, when there is one.
    pub events: Option<EventQueue>,
    /// How much is done at once.
    pub limits: Limits,
    /// How much may change before rolecall stops and asks.
    pub safety: Safety,
    /// Where health and metrics are served, when they are.
    pub web: Option<Web>,
}

/// Whether a daemon's pass changes anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is touched.
    #[default]
    Report,
    /// Drift is corrected.
    Enforce,
}

/// Clusters that are left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Which clusters.
    pub matches: Selector,
    /// Why.
    pub reason: String,
    /// Who knows more.
    pub owner: Option<String>,
    /// The last day of the pause; without one it does not end.
    pub until: Option<Date>,
}

impl Pause {
    /// Whether the pause is not over yet; its last day belongs to it.
    pub fn holds(&self, today: Date) -> bool {
        self.until.is_none_or(|until| today <= until)
    }
}

/// What is done by itself about clusters that do not let rolecall in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Onboarding {
    /// Whether rolecall gives itself an access entry on clusters that read them.
    pub self_entry: bool,
    /// Whether it lets clusters read access entries for that.
    pub enable_access_entries: bool,
}

/// When the daemon makes its passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Six fields, seconds first, in croner's dialect; see [`cron_parser`].
    pub cron: String,
    /// A name of the IANA time zone database.
    pub timezone: String,
    /// The longest that a pass waits, by chance, after its time.
    pub jitter: Duration,
}

/// How much is done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Clusters in the whole fleet.
    pub clusters: usize,
    /// Calls in one account.
    pub per_account: usize,
}

/// How much may change before rolecall stops and asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Safety {
    /// Removals from one cluster in one pass.
    pub max_removals_per_cluster: usize,
    /// Clusters changed in one pass.
    pub max_changed_clusters: Budget,
}

/// A part of the fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many clusters.
    Count(usize),
    /// So many of a hundred, from 1 to 100.
    Percent(u8),
}

impl Budget {
    /// How many of `total` clusters that is; a percentage is rounded up, so that it never means none.
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count,
            Self::Percent(percent) => total.saturating_mul(usize::from(percent)).div_ceil(100),
        }
    }
}

/// Where health and metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Web {
    /// The address and port.
    pub listen: SocketAddr,
}

impl Settings {
    /// What happens with rows on this cluster that are not ours. Where it cannot be told whether a rule means the
    /// cluster, nothing is removed.
    pub fn unmanaged_for(&self, cluster: &Cluster) -> Unmanaged {
        let mut unsure = false;
        let mut then = Unmanaged::default();
        for (selector, rule) in &self.unmanaged {
            match selector.matches(cluster) {
                Match::No => {}
                Match::Unknown(_) => unsure = true,
                Match::Yes => {
                    then = *rule;
                    break;
                }
            }
        }
        if unsure && then == Unmanaged::Remove { Unmanaged::Report } else { then }
    }

    /// The pause that holds for this cluster today, if any. Where it cannot be told, it holds.
    pub fn pause_for(&self, cluster: &Cluster, today: Date) -> Option<&Pause> {
        self.paused.iter().find(|pause| pause.holds(today) && pause.matches.matches(cluster) != Match::No)
    }

    /// Every selector in the settings.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let scope = std::iter::once(&self.scope.include).chain(&self.scope.exclude);
        let connect = self.connect.iter().map(|rule| &rule.matches);
        let unmanaged = self.unmanaged.iter().map(|(selector, _)| selector);
        scope.chain(connect).chain(unmanaged).chain(self.paused.iter().map(|pause| &pause.matches))
    }

    /// Whether a selector needs the accounts' tags.
    pub fn needs_account_tags(&self) -> bool {
        self.selectors().any(Selector::needs_account_tags)
    }

    /// Whether a selector needs the accounts' OU paths.
    pub fn needs_ou_paths(&self) -> bool {
        self.selectors().any(Selector::needs_ou_paths)
    }
}

/// The JSON Schema of the settings file, for editors.
pub fn schema() -> serde_json::Value {
    let mut schema = crate::source::schema::<input::SettingsInput>();
    // Only what needs no policy reads settings without one.
    if let Some(required) = schema.get_mut("required").and_then(serde_json::Value::as_array_mut) {
        required.push("policy".into());
    }
    if let Some(policy) = schema.pointer_mut("/properties/policy").and_then(serde_json::Value::as_object_mut) {
        policy.insert("minItems".to_owned(), 1.into());
    }
    schema
}

/// The parser that settles what a cron expression means: the very one that tokio-cron-scheduler uses for jobs in a time
/// zone (`Job::new_async_tz`): seconds are required, and a day of the month and a day of the week must both hold.
pub fn cron_parser() -> croner::parser::CronParser {
    schedule::parser()
}
