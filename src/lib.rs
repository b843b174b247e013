//! rolecall keeps access to every EKS cluster of an AWS organization in line with one central policy.
//!
//! # The rooms
//!
//! Data flows one way: discover → observe → plan → apply → report. Stages never import each other.
//!
//! | room | what it is for | sees |
//! |---|---|---|
//! | [`model`] | the words as types | nothing |
//! | [`source`] | YAML text with positions, diagnostics with snippets | `model` |
//! | [`settings`] | rolecall.yaml → settings | `model`, `source` |
//! | [`policy`] | policy files → policy; lint; what it wants for one cluster | `model`, `source`, `authenticator` |
//! | [`authenticator`] | how EKS reads aws-auth and resolves a caller | `model` |
//! | [`discover`] | reading AWS: organization, credentials, clusters, identities | `model` |
//! | [`connect`] | getting into a cluster and to its access entries: token, clients, what errors mean | `model` |
//! | [`observe`] | reading one cluster | `model`, `connect` |
//! | [`plan`] | desired × observed → plan | `model`, `authenticator` |
//! | [`explain`] | why a principal gets in, or why not | `model`, `authenticator`, `plan` |
//! | [`apply`] | plan → outcome; the only room that mutates | `model`, `connect` |
//! | [`report`] | passes as table, JSON, Markdown | `model` |
//! | [`fleet`] | one pass: composes the stages | all of the above |
//! | [`events`] | what a message of the queue tells a pass to look at | `model` |
//! | [`web`] | health, readiness, metrics | `events`, `fleet` and below |
//! | [`daemon`] | passes on a schedule and after events | `web`, `events`, `fleet` and below |
//! | `lab` | a simulated organization to try, test and measure against; feature `lab` | `model`, `authenticator`, `limits` |
//! | [`limits`] | how many files may be open | nothing |
//! | [`cli`] | one file per command | everything; `lab` for `demo` and `lab` alone |
//!
//! # Invariants
//!
//! - `plan` decides, `apply` obeys: a step carries the exact text or object to write and the precondition under which it
//!   may be written. A failed precondition is never forced: the cluster is observed again.
//! - What was observed is known or unknown for a reason. Unknown never yields a removal.
//! - Add, verify, then remove.
//! - Two passes in a row over an unchanged fleet: the second writes nothing.
//! - What is not rolecall's stays byte for byte.

pub mod apply;
pub mod authenticator;
pub mod cli;
pub mod connect;
pub mod daemon;
pub mod discover;
pub mod events;
pub mod explain;
pub mod fleet;
#[cfg(feature = "lab")]
pub mod lab;
pub mod limits;
pub mod model;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod report;
pub mod settings;
pub mod source;
pub mod web;
