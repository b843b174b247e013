//! Kubernetes's half of the lab: one API server for each cluster.
//!
//! - `server` is the API server: its address, its certificates, and the way of a request through it.
//! - `store` holds its objects; what every fresh cluster has (`bootstrap`) is held once for all of them.

mod bootstrap;
mod certs;
mod kinds;
mod object;
mod server;
mod status;
mod store;

pub use server::ApiServer;
pub use store::{Store, Written};
