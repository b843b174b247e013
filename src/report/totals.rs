//! The sums that a report ends with.

use std::collections::BTreeSet;

use anstyle::Style;

use super::{
    View,
    results::written,
    text::{GREEN, YELLOW, count},
};
use crate::model::{FindingCode, PassKind, PassReport, Status};

/// How much of what there is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    clusters: usize,
    in_sync: usize,
    unknown_clusters: usize,
    partly_unknown_clusters: usize,
    unknown_accounts: usize,
    unknown_regions: usize,
    other_gaps: usize,
    drifted: usize,
    blocked: usize,
    planned: Sum,
    written: Sum,
    notices: usize,
}

/// So many changes in so many clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    changes: usize,
    clusters: usize,
}

impl Sum {
    fn add(&mut self, changes: usize) {
        self.changes += changes;
        self.clusters += usize::from(changes > 0);
    }

    fn words(self) -> String {
        format!("{} in {}", count(self.changes, "change"), count(self.clusters, "cluster"))
    }
}

impl Totals {
    pub(super) fn of(report: &PassReport) -> Self {
        let mut totals = Self { clusters: report.clusters.len(), ..Self::default() };
        for cluster in &report.clusters {
            let plan = cluster.plan.as_ref();
            totals.written.add(written(cluster).count());
            match cluster.status {
                Status::InSync | Status::Applied => totals.in_sync += 1,
                Status::Drifted => {
                    totals.drifted += 1;
                    totals.planned.add(plan.map_or(0, |plan| plan.changes.len()));
                }
                Status::Blocked => totals.blocked += 1,
                Status::Paused | Status::LeftAlone => {}
                Status::Unreachable | Status::AccessDenied | Status::Unknown => totals.unknown_clusters += 1,
            }
            let gap = plan.is_some_and(|plan| plan.findings.iter().any(|finding| finding.incomplete));
            totals.partly_unknown_clusters += usize::from(gap && !cluster.status.is_unknown());
        }
        let gaps = |code| {
            let gaps = report.findings.iter().filter(move |finding| finding.incomplete && finding.code == code);
            gaps.map(|finding| (&finding.place.account, &finding.place.region)).collect::<BTreeSet<_>>().len()
        };
        totals.unknown_accounts = gaps(FindingCode::AccountUnreadable);
        totals.unknown_regions = gaps(FindingCode::RegionUnreadable);
        let counted = [FindingCode::AccountUnreadable, FindingCode::RegionUnreadable, FindingCode::ClusterUnreadable];
        totals.other_gaps = report.findings.iter().filter(|f| f.incomplete && !counted.contains(&f.code)).count();
        totals.notices = report.cluster_findings().filter(|finding| !finding.drift && !finding.incomplete).count();
        totals
    }

    /// `3 clusters and 1 account are unknown`.
    pub(super) fn unknown(&self) -> Option<String> {
        let parts: Vec<String> = [
            (self.unknown_clusters, "cluster"),
            (self.unknown_accounts, "account"),
            (self.unknown_regions, "region of an account"),
        ]
        .into_iter()
        .filter(|(n, _)| *n > 0)
        .map(
            |(n, what)| {
                if what.starts_with("region") && n > 1 { format!("{n} regions of accounts") } else { count(n, what) }
            },
        )
        .collect();
        let partly = match (self.partly_unknown_clusters, self.other_gaps) {
            (0, 0) => None,
            (0, _) => Some("part of the organization is unknown".to_owned()),
            (n, _) => Some(format!("{} known in part only", are(n, "cluster"))),
        };
        let whole = match parts.as_slice() {
            [] => None,
            [one] if one.starts_with("1 ") => Some(format!("{one} is unknown")),
            [one] => Some(format!("{one} are unknown")),
            [firsts @ .., last] => Some(format!("{} and {last} are unknown", firsts.join(", "))),
        };
        match (whole, partly) {
            (Some(whole), Some(partly)) => Some(format!("{whole}, {partly}")),
            (whole, partly) => whole.or(partly),
        }
    }

    /// How the fleet as a whole stands, when that takes one sentence.
    pub(super) fn judgement(&self, view: &View) -> Option<(Style, String)> {
        if view.unknown_only {
            return self.unknown().is_none().then(|| (GREEN, "Nothing is unknown.".to_owned()));
        }
        if self.clusters == 0 {
            let text = "No cluster was found in the accounts and regions that the settings name.";
            return Some((YELLOW, text.to_owned()));
        }
        (self.in_sync == self.clusters && self.unknown().is_none()).then(|| {
            let text = match self.clusters {
                1 => "The cluster is in sync with the policy.".to_owned(),
                n => format!("All {n} clusters are in sync with the policy."),
            };
            (GREEN, text)
        })
    }

    /// The findings that are neither drift nor a gap.
    pub(super) fn notices(&self, strict: bool) -> Option<String> {
        match (self.notices, strict) {
            (0, _) => None,
            (1, false) => Some("1 finding does not count as drift; with `--strict` it does.".to_owned()),
            (n, false) => Some(format!("{n} findings do not count as drift; with `--strict` they do.")),
            (1, true) => Some("1 finding counts as drift (`--strict`).".to_owned()),
            (n, true) => Some(format!("{n} findings count as drift (`--strict`).")),
        }
    }

    /// What was written and what is left.
    pub(super) fn written(&self, kind: PassKind) -> String {
        match kind {
            PassKind::Plan if self.planned.changes == 0 => "Nothing was changed (plan).".to_owned(),
            PassKind::Plan => {
                format!("Nothing was changed (plan); `rolecall sync` would make {}.", self.planned.words())
            }
            PassKind::Sync => {
                let written = match self.written.changes {
                    0 => "Nothing was written".to_owned(),
                    1 => format!("{} was written", self.written.words()),
                    _ => format!("{} were written", self.written.words()),
                };
                match self.drifted + self.blocked {
                    0 => written + ".",
                    1 => format!("{written}; 1 cluster still differs from the policy."),
                    n => format!("{written}; {n} clusters still differ from the policy."),
                }
            }
        }
    }
}

fn are(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what} is") } else { format!("{} are", count(n, what)) }
}
