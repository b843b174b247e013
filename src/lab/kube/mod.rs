//! Kubernetes's half of the lab: one API server for each cluster.

/// A cluster's API server: its address, its CA and what is stored in it.
#[derive(Debug)]
pub struct ApiServer;
