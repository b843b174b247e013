//! This room against a server that answers as AWS does, page by page.

mod clusters;
mod iam_policies;
mod identities;
mod limits;
mod organization;
pub(crate) mod server;
mod session;
