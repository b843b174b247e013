//! What a walk gathers on its way.

use std::collections::BTreeSet;

use super::{
    examine::Examined,
    stock::Taken,
    tasks::{FAULT, FAULT_NEXT},
};
use crate::model::{Cluster, Explanation, Finding, FindingCode, Place, Region};

/// What a part of the walk gave.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) regions: BTreeSet<Region>,
    pub(super) findings: Vec<Finding>,
    pub(super) clusters: Vec<Cluster>,
    pub(super) examined: Vec<Examined>,
    pub(super) taken: Vec<Taken>,
    pub(super) explained: Vec<Explanation>,
}

impl Seen {
    pub(super) fn finding(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }

    /// What is left of something in whose walk rolecall itself failed.
    pub(super) fn lost(code: FindingCode, place: Place) -> Self {
        Self::finding(Finding::gap(code, place.to_string(), FAULT).next(FAULT_NEXT).at(place))
    }

    pub(super) fn cancelled(code: FindingCode, place: Place) -> Self {
        let what = "the pass was called off before this was read";
        Self::finding(Finding::gap(code, place.to_string(), what).at(place))
    }

    pub(super) fn all(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.regions.extend(part.regions);
            all.findings.extend(part.findings);
            all.clusters.extend(part.clusters);
            all.examined.extend(part.examined);
            all.taken.extend(part.taken);
            all.explained.extend(part.explained);
        }
        all
    }
}
