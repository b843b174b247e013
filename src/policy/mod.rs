//! Policy files → Policy; lint; what it wants for one cluster.
//!
//! A policy says who gets into which Kubernetes groups and which roles those groups hold. Several files merge into one.
//! Everything here is pure: what IAM knows and today's date are handed in.

mod compile;
mod contradictions;
mod entry;
mod grants;
pub mod import;
mod input;
mod lint;
mod names;
mod principal;
mod question;
mod read;
mod rules;
mod template;

pub use compile::compile;
pub use entry::{
    AccessEntry, AccessPolicy, BindingEntry, Group, NodeEntry, Policy, RoleEntry, Spot, SubjectEntry, Until, Username,
    Who,
};
pub use lint::{lint, lint_fleet};
pub use question::asked;
pub use read::{parse, schema};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod samples;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod seeds;
