//! What rolecall counts, in the names and units of Prometheus.
//!
//! See <https://prometheus.io/docs/practices/naming/>.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use super::standing::Standing;
use crate::{
    events::Ignored,
    fleet::Within,
    model::{Action, ExitCode, FindingCode, PassReport, Status, Surface},
    report,
};

/// The upper bounds of the duration's buckets, in seconds: from a handful of clusters to thousands behind slow networks.
const DURATION_BUCKETS: [f64; 12] = [1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    surface: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: String,
}

/// What came of reading settings and policy again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReloadResult {
    /// They are in use now.
    Loaded,
    /// They are not valid; the last good ones stay in use.
    Rejected,
}

/// What became of a message of the event queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventResult {
    /// A pass looked at what it named.
    Followed,
    /// It came once more.
    Duplicate,
    /// It called for no pass.
    Ignored(Ignored),
}

const FOLLOWED: &str = "followed";
const DUPLICATE: &str = "duplicate";

/// Everything that rolecall counts.
pub struct Metrics {
    registry: Registry,
    duration: Histogram,
    passes: Family<ResultLabel, Counter>,
    last_pass: Gauge<f64, AtomicU64>,
    clusters: Family<StatusLabel, Gauge>,
    changes: Family<ChangeLabels, Counter>,
    findings: Family<CodeLabel, Gauge>,
    reloads: Family<ResultLabel, Counter>,
    missed_ticks: Counter,
    events: Family<ResultLabel, Counter>,
    targeted: Family<ResultLabel, Counter>,
    standing: Mutex<Standing>,
    /// The codes that any pass has found, so that those of a better day become 0 instead of vanishing.
    codes: Mutex<BTreeMap<FindingCode, String>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("rolecall"),
            duration: Histogram::new(DURATION_BUCKETS),
            passes: Family::default(),
            last_pass: Gauge::default(),
            clusters: Family::default(),
            changes: Family::default(),
            findings: Family::default(),
            reloads: Family::default(),
            missed_ticks: Counter::default(),
            events: Family::default(),
            targeted: Family::default(),
            standing: Mutex::default(),
            codes: Mutex::default(),
        };
        metrics.start_at_zero();
        metrics.registered()
    }
}

impl Metrics {
    /// Series whose labels are known from the start exist from the start, so that a first increase can be seen.
    fn start_at_zero(&self) {
        for code in [ExitCode::InSync, ExitCode::Drift, ExitCode::Incomplete, ExitCode::Error] {
            drop(self.passes.get_or_create(&ResultLabel { result: result(code) }));
            drop(self.targeted.get_or_create(&ResultLabel { result: result(code) }));
        }
        for status in Status::ALL {
            drop(self.clusters.get_or_create(&StatusLabel { status: status.as_str() }));
        }
        for surface in [Surface::AwsAuth, Surface::AccessEntries, Surface::Rbac] {
            for action in [Action::Add, Action::Change, Action::Remove] {
                drop(self.changes.get_or_create(&change_labels(surface, action)));
            }
        }
        for result in Ignored::ALL.map(Ignored::as_str).into_iter().chain([FOLLOWED, DUPLICATE]) {
            drop(self.events.get_or_create(&ResultLabel { result }));
        }
        for result in [ReloadResult::Loaded, ReloadResult::Rejected] {
            drop(self.reloads.get_or_create(&reload_label(result)));
        }
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        let help = "How long passes took";
        registry.register_with_unit("pass_duration", help, Unit::Seconds, self.duration.clone());
        registry.register("passes", "Passes by their result", self.passes.clone());
        let help = "When the last pass ended, in seconds since 1970";
        registry.register_with_unit("last_pass_timestamp", help, Unit::Seconds, self.last_pass.clone());
        registry.register(
            "clusters",
            "Clusters by their status after the last pass that saw them",
            self.clusters.clone(),
        );
        registry.register("changes_written", "Changes written to clusters", self.changes.clone());
        registry.register("findings", "Findings of the last pass by their code", self.findings.clone());
        registry.register("reloads", "Attempts to read settings and policy again", self.reloads.clone());
        let help = "Times the schedule came round while a pass was still under way";
        registry.register("missed_ticks", help, self.missed_ticks.clone());
        let help = "Messages of the event queue by what became of them";
        registry.register("events", help, self.events.clone());
        let help = "Passes over what events named, by their result";
        registry.register("targeted_passes", help, self.targeted.clone());
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of rolecall", build);
        self
    }

    /// Counts a pass that ended.
    pub fn record_pass(&self, report: &PassReport) {
        self.duration.observe(report.finished.duration_since(report.started).as_secs_f64().max(0.0));
        self.passes.get_or_create(&ResultLabel { result: result(report.exit_code(false)) }).inc();
        self.last_pass.set(report.finished.as_duration().as_secs_f64());
        self.record_written(report);
        self.stand(|standing| standing.whole(report));
    }

    /// Counts a pass over a part of the fleet that ended: of the rest it says nothing.
    pub fn record_part(&self, report: &PassReport, within: &Within) {
        self.targeted.get_or_create(&ResultLabel { result: result(report.exit_code(false)) }).inc();
        self.record_written(report);
        self.stand(|standing| standing.part(report, within));
    }

    /// Counts a pass over a part of the fleet that came to nothing.
    pub fn record_failed_part(&self) {
        self.targeted.get_or_create(&ResultLabel { result: result(ExitCode::Error) }).inc();
    }

    /// Counts a message of the event queue.
    pub fn record_event(&self, result: EventResult) {
        let result = match result {
            EventResult::Followed => FOLLOWED,
            EventResult::Duplicate => DUPLICATE,
            EventResult::Ignored(why) => why.as_str(),
        };
        self.events.get_or_create(&ResultLabel { result }).inc();
    }

    /// Counts a pass that came to nothing.
    pub fn record_failed_pass(&self) {
        self.passes.get_or_create(&ResultLabel { result: result(ExitCode::Error) }).inc();
    }

    /// Counts an attempt to read settings and policy again.
    pub fn record_reload(&self, result: ReloadResult) {
        self.reloads.get_or_create(&reload_label(result)).inc();
    }

    /// Counts a tick of the schedule that found a pass still under way.
    pub fn record_missed_tick(&self) {
        self.missed_ticks.inc();
    }

    /// Everything as OpenMetrics text.
    ///
    /// # Errors
    /// When a metric cannot be written, which no metric here can cause.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn record_written(&self, report: &PassReport) {
        for change in report.clusters.iter().flat_map(report::written) {
            self.changes.get_or_create(&change_labels(change.surface, change.action)).inc();
        }
    }

    /// Takes in what a pass saw, and tells of it.
    fn stand(&self, take_in: impl FnOnce(&mut Standing)) {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        take_in(&mut standing);
        for status in Status::ALL {
            let label = StatusLabel { status: status.as_str() };
            self.clusters.get_or_create(&label).set(gauge(standing.count(status)));
        }
        let counts = standing.findings();
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        for code in counts.keys() {
            codes.entry(*code).or_insert_with(|| code_name(*code));
        }
        for (code, name) in &*codes {
            let n = counts.get(code).copied().unwrap_or_default();
            self.findings.get_or_create(&CodeLabel { code: name.clone() }).set(gauge(n));
        }
    }
}

/// The code's stable name, which is the one that it is serialized by.
fn code_name(code: FindingCode) -> String {
    let name = serde_json::to_value(code).ok();
    name.as_ref().and_then(serde_json::Value::as_str).unwrap_or("unknown").to_owned()
}

fn gauge(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn result(code: ExitCode) -> &'static str {
    match code {
        ExitCode::InSync => "in-sync",
        ExitCode::Drift => "drift",
        ExitCode::Error => "error",
        ExitCode::Incomplete => "incomplete",
    }
}

fn change_labels(surface: Surface, action: Action) -> ChangeLabels {
    let action = match action {
        Action::Add => "add",
        Action::Change => "change",
        Action::Remove => "remove",
    };
    ChangeLabels { surface: surface.as_str(), action }
}

fn reload_label(result: ReloadResult) -> ResultLabel {
    let result = match result {
        ReloadResult::Loaded => "loaded",
        ReloadResult::Rejected => "rejected",
    };
    ResultLabel { result }
}
