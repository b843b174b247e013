//! Health, readiness and metrics over HTTP.
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 while the process serves |
//! | `/readyz` | 503 and why until the first pass has ended, then 200 |
//! | `/metrics` | OpenMetrics text; accounts, clusters and ARNs are never labels |

mod health;
mod metrics;
mod standing;

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router, extract,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use health::Health;
pub use metrics::{EventResult, Metrics, ReloadResult};

use crate::{fleet::Within, model::PassReport};

/// The media type of OpenMetrics text.
///
/// See <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long answers that are under way may take once the server shall end.
const GRACE: Duration = Duration::from_secs(3);

/// What the server tells of, from the moment on at which settings and policy are loaded.
#[derive(Debug, Default)]
pub struct State {
    health: Health,
    metrics: Metrics,
}

impl State {
    /// Nothing has happened yet: not ready, every count 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// A pass ended.
    pub fn record_pass(&self, report: &PassReport) {
        self.metrics.record_pass(report);
        self.health.pass_ended(Ok(()));
    }

    /// A pass came to nothing, for this reason.
    pub fn pass_failed(&self, why: &str) {
        self.metrics.record_failed_pass();
        self.health.pass_ended(Err(why.to_owned()));
    }

    /// A pass over a part of the fleet ended. Health rests on those over the whole fleet.
    pub fn record_part(&self, report: &PassReport, within: &Within) {
        self.metrics.record_part(report, within);
    }

    /// A pass over a part of the fleet came to nothing.
    pub fn part_failed(&self) {
        self.metrics.record_failed_part();
    }

    /// Something became of a message of the event queue.
    pub fn record_event(&self, result: EventResult) {
        self.metrics.record_event(result);
    }

    /// The schedule came round while a pass was still under way.
    pub fn missed_tick(&self) {
        self.metrics.record_missed_tick();
    }

    /// Settings and policy were read again; when they are not valid, the last good ones stay in use.
    pub fn reloaded(&self, result: Result<(), String>) {
        self.metrics.record_reload(if result.is_ok() { ReloadResult::Loaded } else { ReloadResult::Rejected });
        self.health.reloaded(result);
    }
}

/// Serves until it is cancelled; answers that are under way may still end, for three seconds at most.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, state: Arc<State>, cancel: CancellationToken) -> io::Result<()> {
    let server = axum::serve(listener, router(state)).with_graceful_shutdown(cancel.clone().cancelled_owned());
    let out_of_patience = async {
        cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => ended,
        () = out_of_patience => Ok(()),
    }
}

fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(state)
}

async fn readyz(extract::State(state): extract::State<Arc<State>>) -> Response {
    match state.health.readiness() {
        Ok(words) => (StatusCode::OK, words + "\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}

async fn metrics_text(extract::State(state): extract::State<Arc<State>>) -> Response {
    match state.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
