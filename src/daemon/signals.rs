//! The signals that the daemon heeds.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{DaemonError, watch_error};

/// The signals that end the daemon or make it read its files again.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To end.
    Stop,
    /// To read settings and policy again.
    Reload,
}

impl Signals {
    /// Watches from now on; what comes before it is asked for is kept.
    pub(super) fn watch() -> Result<Self, DaemonError> {
        let watch = |kind| signal(kind).map_err(|error| watch_error("signals", &error));
        Ok(Self {
            terminate: watch(SignalKind::terminate())?,
            interrupt: watch(SignalKind::interrupt())?,
            hangup: watch(SignalKind::hangup())?,
        })
    }

    /// The next one; safe to be dropped while it waits.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }
}
