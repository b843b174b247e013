//! A simulated organization: AWS and Kubernetes over real sockets, to try, test and measure rolecall against.
//!
//! Nothing else in the crate knows of it: whoever talks to the lab is led there by `AWS_ENDPOINT_URL` and by the endpoints
//! that its EKS reports, and gets in by signatures and tokens as in production.
//!
//! - [`world`] is what there is: organization, IAM, EKS, Identity Center, queues.
//! - `aws` answers for AWS on one port, `kube` for each cluster's API server on a port and under a CA of its own.
//! - [`blueprint`] draws an organization by chance.
//! - `door` is where both are reached; every call passes it, is counted in the [`Tally`] and may be
//!   interfered with, as [`faults`] does by a seeded plan.

mod aws;
pub mod blueprint;
mod call;
mod door;
pub mod faults;
mod host;
pub mod kube;
mod leash;
pub mod sigv4;
mod tally;
pub mod world;

pub use call::{Call, Interference, PageEnds, Peace, Refusal, Verdict};
pub use host::Lab;
pub use leash::LEASH;
pub use tally::Tally;
