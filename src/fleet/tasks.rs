//! Tasks side by side, of which none can vanish unnoticed.

use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use tokio::task::JoinSet;
use tracing::{Span, info_span};

use crate::model::ClusterId;

/// The span of the work on one cluster, by which its lines are found in the log.
pub(super) fn cluster_span(id: &ClusterId) -> Span {
    info_span!("cluster", account = %id.account, region = %id.region, name = %id.name)
}

/// Waits for every task.
pub(super) async fn join_all<T: 'static>(mut tasks: JoinSet<T>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(result) = tasks.join_next().await {
        match result {
            Ok(result) => results.push(result),
            Err(error) => tracing::error!(%error, "a task of the pass ended abnormally"),
        }
    }
    results
}

/// The work's result; when the work panics, what `instead` makes of it. What a fault of rolecall's own took away must
/// not look as if it had never been there.
pub(super) async fn or_fault<T>(work: impl Future<Output = T>, instead: impl FnOnce() -> T) -> T {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a fault in rolecall: the log shows where, above");
        instead()
    })
}

/// What a report says where rolecall itself failed.
pub(super) const FAULT: &str = "a fault in rolecall: it stopped in the middle, so that this is not known";

/// What to do about it.
pub(super) const FAULT_NEXT: &str = "report the panic message in the log together with the version";
