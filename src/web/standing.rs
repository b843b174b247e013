//! Where every cluster stands, as the last pass that saw it left it.

use std::collections::BTreeMap;

use crate::{
    fleet::Within,
    model::{ClusterId, FindingCode, PassReport, Status},
};

/// What the gauges tell: a pass over a part of the fleet changes that part alone.
#[derive(Debug, Default)]
pub(super) struct Standing {
    clusters: BTreeMap<ClusterId, (Status, Vec<FindingCode>)>,
    /// Findings outside of single clusters, of the last pass over the whole fleet.
    others: Vec<FindingCode>,
}

impl Standing {
    /// A pass over the whole fleet ended.
    pub(super) fn whole(&mut self, report: &PassReport) {
        self.others = report.findings.iter().map(|finding| finding.code).collect();
        self.clusters.clear();
        self.put(report);
    }

    /// A pass over a part ended. A cluster that it did not meet is gone, unless something could not be read.
    pub(super) fn part(&mut self, report: &PassReport, within: &Within) {
        if !report.all_findings().any(|finding| finding.incomplete) {
            self.clusters.retain(|id, _| !within.covers(id));
        }
        self.put(report);
    }

    /// How many clusters stand so.
    pub(super) fn count(&self, status: Status) -> usize {
        self.clusters.values().filter(|(of, _)| *of == status).count()
    }

    /// How many findings there are of each code.
    pub(super) fn findings(&self) -> BTreeMap<FindingCode, usize> {
        let mut counts = BTreeMap::new();
        let of_clusters = self.clusters.values().flat_map(|(_, codes)| codes);
        for code in self.others.iter().chain(of_clusters) {
            *counts.entry(*code).or_default() += 1;
        }
        counts
    }

    fn put(&mut self, report: &PassReport) {
        for cluster in &report.clusters {
            let findings = cluster.plan.iter().flat_map(|plan| &plan.findings);
            let codes = findings.map(|finding| finding.code).collect();
            self.clusters.insert(cluster.cluster.id.clone(), (cluster.status, codes));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{ClusterReport, Finding, PassKind, samples};

    fn report(clusters: &[(&str, Status)], findings: Vec<Finding>) -> PassReport {
        let clusters = clusters.iter().map(|(name, status)| ClusterReport {
            cluster: samples::cluster(name),
            status: *status,
            cause: None,
            why: None,
            next: None,
            plan: None,
            earlier: Vec::new(),
            outcome: None,
        });
        PassReport {
            kind: PassKind::Sync,
            organization: None,
            started: "2026-11-22T03:00:00Z".parse().unwrap(),
            finished: "2026-11-22T03:00:04Z".parse().unwrap(),
            accounts: 1,
            regions: 1,
            clusters: clusters.collect(),
            findings,
        }
    }

    fn just(names: &[&str]) -> Within {
        Within { clusters: names.iter().map(|name| samples::cluster(name).id).collect(), ..Within::default() }
    }

    fn gap() -> Finding {
        Finding::gap(FindingCode::AccountUnreadable, "x", "x")
    }

    #[test]
    fn a_part_changes_what_it_saw_and_nothing_else() {
        let mut standing = Standing::default();
        let notice = Finding::notice(FindingCode::AccountInactive, "x", "x");
        standing.whole(&report(&[("a", Status::Drifted), ("b", Status::Drifted)], vec![notice]));
        standing.part(&report(&[("a", Status::Applied), ("new", Status::Applied)], Vec::new()), &just(&["a", "new"]));
        assert_eq!((standing.count(Status::Drifted), standing.count(Status::Applied)), (1, 2));
        assert_eq!(standing.findings(), BTreeMap::from([(FindingCode::AccountInactive, 1)]));
        standing.part(&report(&[], vec![gap()]), &just(&["a"]));
        assert_eq!(standing.count(Status::Applied), 2, "what could not be read is not gone");
        standing.part(&report(&[], Vec::new()), &just(&["a"]));
        assert_eq!((standing.count(Status::Drifted), standing.count(Status::Applied)), (1, 1));
        standing.whole(&report(&[("b", Status::InSync)], Vec::new()));
        assert_eq!((standing.count(Status::InSync), standing.count(Status::Applied)), (1, 0));
        assert!(standing.findings().is_empty());
    }
}
