//! Health, readiness and metrics over HTTP.
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 while the process serves |
//! | `/readyz` | 200 once a pass has ended under valid settings, else 503 and why |
//! | `/metrics` | OpenMetrics text; accounts, clusters and ARNs are never labels |

mod health;
mod metrics;

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use health::Health;
pub use metrics::{Metrics, ReloadResult};

/// The media type of OpenMetrics text.
///
/// See <https://prometheus.io/docs/specs/om/open_metrics_spec/#overall-structure>.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How long answers that are under way may take once the server shall end.
const GRACE: Duration = Duration::from_secs(3);

/// What the server tells of. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct WebState {
    /// Whether rolecall is ready, and why not.
    pub health: Health,
    /// The counters.
    pub metrics: Arc<Metrics>,
}

/// Serves until it is cancelled; answers that are under way may still end, for three seconds at most.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, state: WebState, cancel: CancellationToken) -> io::Result<()> {
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

fn router(state: WebState) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics_text))
        .with_state(state)
}

async fn readyz(State(state): State<WebState>) -> Response {
    match state.health.readiness() {
        Ok(words) => (StatusCode::OK, words + "\n").into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why + "\n").into_response(),
    }
}

async fn metrics_text(State(state): State<WebState>) -> Response {
    match state.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
