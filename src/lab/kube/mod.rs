//! Kubernetes's half of the lab: one API server for each cluster.
//!
//! - `server` is the API server: its address, its certificates, and the way of a request through it.
//! - `store` holds its objects; what every fresh cluster has (`bootstrap`) is held once for all of them.

mod aggregate;
mod ask;
mod authenticate;
mod bootstrap;
mod certs;
mod discovery;
mod escalation;
mod fields;
mod impersonate;
mod kinds;
mod managed;
mod object;
mod patch;
mod rbac;
mod read;
mod review;
mod selector;
mod server;
mod shape;
mod status;
mod store;
mod user;
mod validate;
mod write;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixture;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use server::ApiServer;
pub use store::{Store, Written};
