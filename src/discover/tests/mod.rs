//! This room against a server that answers as AWS does, page by page.

mod clusters;
mod iam_policies;
mod identities;
mod organization;
mod server;
mod session;
