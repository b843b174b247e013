//! The one test binary: behaviour that is seen from outside the crate, one file per subject.
//!
//! Tests marked as ignored need real parts (kube-apiserver, the EKS authenticator, moto, ministack); `tests/run`
//! sets these up and runs everything.

// A test says what is wrong by panicking; nothing here is a library to anybody.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, unreachable_pub)]

#[cfg(feature = "lab")]
mod access_entries;
mod aws_auth;
mod broken_section;
mod calls;
mod cli;
mod conflict;
mod contract;
mod contract_aws;
mod contract_kubernetes;
mod daemon;
mod demo;
mod deploy;
mod doctor;
#[cfg(feature = "lab")]
mod elsewhere;
mod entries_ministack;
#[cfg(feature = "lab")]
mod events;
mod first_light;
#[cfg(feature = "lab")]
mod iam_groups;
#[cfg(feature = "lab")]
mod identity_center;
mod import;
mod lab_discovery;
#[cfg(feature = "lab")]
mod migrate;
mod onboarding;
mod own_access;
mod rbac;
mod realparts;
mod seeds;
mod soak;
mod support;
mod tidy;
mod way_in;
#[cfg(feature = "lab")]
mod within;
