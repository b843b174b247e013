//! Reading AWS: organization, credentials, clusters, identities, the queue of events. Nothing here changes anything but
//! the queue, whose messages go when they are done with; the one other call that is not a read is AssumeRole.
//!
//! Every answer is complete or says that it is not: a listing that ends early is an error or an unknown, never a short
//! list.

mod actions;
mod assigned;
mod center;
mod clusters;
mod config;
mod credentials;
mod error;
mod hub;
mod iam_groups;
mod identities;
mod organization;
mod pages;
mod probe;
mod queue;
mod rates;
mod session;
mod tree;
mod turns;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
pub(crate) mod tests;

pub use actions::{
    ENTRY_READS, ENTRY_WRITES_OF_CLUSTER, ENTRY_WRITES_OF_ENTRY, HUB_ACTIONS, IDENTITY_CENTER_ACTIONS, MEMBER_ACTIONS,
    QUEUE_ACTIONS,
};
pub use center::{Assigned, Center, Directory, Sharing};
pub use clusters::{Eks, regions};
pub use error::{DiscoverError, DiscoverErrorKind};
pub use hub::{Caller, Hub, hub, hub_with};
pub use identities::identities;
pub use organization::{Found, Need, Organization, organization, organization_of};
pub use probe::{Simulated, Trial, hub_trials, look_up_trials, simulate, simulate_queue};
pub use queue::{Message, Queue};
pub use session::Session;
pub use turns::Turns;
