//! What a message of the queue tells: an event of EventBridge, most of them CloudTrail's record of a call, read to the
//! account or cluster that a pass should look at. A hint and no more: events are delivered on a best effort, so that the
//! pass over the whole fleet stays the truth, and nothing that an event says is ever written anywhere.
//!
//! See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>.

mod interest;
mod record;
mod services;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

pub use interest::{Interest, Own};

use crate::model::{AccountId, ClusterId};
use record::Record;

/// What a pass should look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// One cluster.
    Cluster {
        /// Which.
        id: ClusterId,
        /// Whether it is being created or changed, and is looked at again until it is ACTIVE.
        until_active: bool,
    },
    /// Every cluster of an account.
    Account(AccountId),
    /// The whole organization.
    Fleet,
}

/// An event that a pass should follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The event's own id: the same one again tells nothing new.
    pub id: String,
    /// The call or event, such as `CreateCluster`.
    pub name: String,
    /// What to look at.
    pub target: Target,
}

/// Why a message calls for no pass; few, so that they can label a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ignored {
    /// It is not an event of EventBridge, or names things that cannot be.
    #[error("malformed")]
    Malformed,
    /// An event that has nothing to do with who gets into clusters.
    #[error("unrelated")]
    Unrelated,
    /// It concerns principals that the policy does not name.
    #[error("not-named")]
    NotNamed,
    /// The call that it tells of failed.
    #[error("failed-call")]
    FailedCall,
    /// The call that it tells of was rolecall's own.
    #[error("own-call")]
    OwnCall,
}

impl Ignored {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Malformed, Self::Unrelated, Self::NotNamed, Self::FailedCall, Self::OwnCall];

    /// The stable name for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unrelated => "unrelated",
            Self::NotNamed => "not-named",
            Self::FailedCall => "failed-call",
            Self::OwnCall => "own-call",
        }
    }
}

/// Reads the body of one message; one that came by way of SNS is unwrapped.
///
/// # Errors
/// Why it calls for no pass.
pub fn read(body: &str, own: &Own, interest: &Interest) -> Result<Trigger, Ignored> {
    let record = Record::parse(body)?;
    // What is not meant for anybody here is told apart before anything else is asked of it.
    let found = services::target(&record)?;
    if record.failed() {
        return Err(Ignored::FailedCall);
    }
    if own.made(&record) {
        return Err(Ignored::OwnCall);
    }
    if !interest.covers(&found.about) {
        return Err(Ignored::NotNamed);
    }
    Ok(Trigger { id: record.id().to_owned(), name: record.name().to_owned(), target: found.target })
}
