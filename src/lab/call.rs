//! One call as it came through a door, and what may be done to it there.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::world::World;
use crate::model::{AccountId, ClusterId, Region};

/// One call, before it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The service's name as in a credential scope (`organizations`, `sts`, `eks`, …), or `kubernetes`.
    pub service: &'static str,
    /// The operation's name in AWS's API, or verb and resource in Kubernetes, such as `get configmaps`.
    pub operation: String,
    /// The account of the caller's credentials; of the cluster, for Kubernetes.
    pub account: Option<AccountId>,
    /// The region it was signed for, or the cluster's.
    pub region: Option<Region>,
    /// The cluster that is asked, or that an EKS call names.
    pub cluster: Option<ClusterId>,
    /// Whether it may change something.
    pub writes: bool,
}

/// An error that is answered instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The service's error code; the reason of a Kubernetes status.
    pub code: String,
    /// The message for people.
    pub message: String,
    /// The Retry-After header, in seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// An error without a Retry-After.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), retry_after: None }
    }
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered.
    Serve,
    /// It is refused and changes nothing.
    Refuse(Refusal),
    /// The connection is reset before anything was done.
    Reset,
    /// No answer ever comes, the socket stays open, nothing was done.
    Hang,
    /// It is carried out, and its answer is lost with the connection.
    LoseAnswer,
    /// It is carried out, and its answer breaks off in the middle.
    CutAnswer,
    /// It is answered, and the page of a listing ends after so many items, with a token for the next as long as there are
    /// more; none is an empty page. Calls that list nothing are answered as ever.
    ShortPage(usize),
}

/// How many items a listing's page may hold at most, whatever was asked for: an extension of the request, set by the door.
/// Listings look for it where they cut their pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEnds(pub usize);

/// Whoever stands at the doors: may change the world before a call, hold it up, or spoil it.
pub trait Interference: Send + Sync {
    /// How long the call is held up first.
    fn latency(&self, call: &Call) -> Duration;

    /// What becomes of it, decided right before it would be answered.
    fn verdict<'a>(&'a self, world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict>;

    /// Told that the call was carried out.
    fn served(&self, _world: &Arc<World>, _call: &Call) {}
}

/// Every call is answered after the same latency.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peace {
    /// The latency of every call.
    pub latency: Duration,
}

impl Interference for Peace {
    fn latency(&self, _call: &Call) -> Duration {
        self.latency
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, _call: &'a Call) -> BoxFuture<'a, Verdict> {
        Box::pin(std::future::ready(Verdict::Serve))
    }
}
