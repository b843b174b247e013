//! What events ask of the runner, and what they are told.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use crate::{
    events::Target,
    fleet::Within,
    model::{ClusterId, ClusterPhase, PassReport},
};

/// What the events of a moment name, with the way to tell what came of it.
#[derive(Debug)]
pub(in crate::daemon) struct Asked {
    pub(in crate::daemon) targets: BTreeSet<Target>,
    pub(in crate::daemon) reply: oneshot::Sender<Served>,
}

/// What came of a pass.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::daemon) enum Served {
    /// It failed as a whole.
    Failed,
    /// It saw what was asked for, but for these clusters that are being made or changed, or could not be read.
    Done { unready: BTreeSet<ClusterId> },
}

impl Asked {
    /// The part of the fleet that is asked for; `None` when that is all of it.
    pub(in crate::daemon) fn within(&self, fleet: usize) -> Option<Within> {
        let mut within = Within { fleet, ..Within::default() };
        for target in &self.targets {
            match target {
                Target::Fleet => return None,
                Target::Account(id) => drop(within.accounts.insert(id.clone())),
                Target::Cluster { id, .. } => drop(within.clusters.insert(id.clone())),
            }
        }
        Some(within)
    }
}

impl Served {
    /// What a pass that ended did for these.
    pub(in crate::daemon) fn of(targets: &BTreeSet<Target>, report: &PassReport) -> Self {
        let unread = report.all_findings().any(|finding| finding.incomplete);
        let unready = |id: &ClusterId| match report.clusters.iter().find(|seen| seen.cluster.id == *id) {
            Some(seen) => match &seen.cluster.phase {
                ClusterPhase::Ready => seen.status.is_unknown(),
                ClusterPhase::Updating => true,
                ClusterPhase::LeftAlone(status) => status == "CREATING" || status == "PENDING",
            },
            // What is not there is gone, or is not meant by the settings, as long as everything could be read.
            None => unread,
        };
        let followed = targets.iter().filter_map(|target| match target {
            Target::Cluster { id, until_active: true } => Some(id),
            _ => None,
        });
        Self::Done { unready: followed.filter(|id| unready(id)).cloned().collect() }
    }
}
