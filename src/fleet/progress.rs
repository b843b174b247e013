//! How far a pass has come, for whoever watches.

use crate::model::Status;

/// Told of a pass as it goes; every method does nothing unless overridden.
pub trait Progress: Send + Sync {
    /// So many more accounts were found and will be walked.
    fn accounts(&self, _more: usize) {}

    /// One account was walked.
    fn account_done(&self) {}

    /// So many more clusters were found.
    fn clusters_found(&self, _more: usize) {}

    /// One cluster was read and planned, or corrected.
    fn cluster_done(&self, _status: Status) {}

    /// What was written to a cluster has to settle before anything is built upon it.
    fn settling(&self) {}

    /// Corrections begin on so many clusters.
    fn applying(&self, _clusters: usize) {}
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {}
