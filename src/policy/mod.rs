//! Policy files → Policy; lint; what it wants for one cluster.
//!
//! A policy says who gets into which Kubernetes groups and which roles those groups hold. Several files merge into one.
//! Everything here is pure: what IAM knows and today's date are handed in.

mod compile;
mod entry;
mod lint;
mod names;
mod principal;
mod rules;
mod template;

pub use compile::compile;
pub use entry::{
    AccessEntry, BindingEntry, Group, NodeEntry, Policy, RoleEntry, Spot, SubjectEntry, Until, Username, Who,
};
pub use lint::{lint, lint_fleet};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod samples;
