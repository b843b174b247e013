//! What the commands that walk the fleet have in common: inputs, hub, signals, and how the report is shown.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{args::Global, progress::Bars, terminal::Terminal};
use crate::{
    discover::{self, Hub},
    fleet::{self, Inputs, PassOptions, Progress},
    model::PassReport,
    report::{self, View},
};

/// Settings and policy; what is wrong with them is said.
///
/// # Errors
/// When one of them is not valid.
pub(super) fn load(global: &Global, terminal: &Terminal) -> Result<Arc<Inputs>> {
    let loaded = fleet::load(&global.settings, fleet::today());
    if !loaded.diagnostics.is_empty() {
        terminal.say(&loaded.render(terminal.error_color));
    }
    match loaded.inputs {
        Some(inputs) => Ok(Arc::new(inputs)),
        None => bail!("settings or policy are not valid: nothing was done"),
    }
}

/// The way to the organization.
///
/// # Errors
/// When AWS does not let rolecall in.
pub(super) async fn hub(inputs: &Inputs) -> Result<Arc<Hub>> {
    let hub = discover::hub(&inputs.settings.scope, inputs.settings.limits.per_account)
        .await
        .context("cannot start reading the organization")?;
    Ok(Arc::new(hub))
}

/// Calls the pass off at the first SIGINT or SIGTERM, so that writes in flight may end; the second ends the process.
///
/// # Errors
/// When signals cannot be watched.
pub(super) fn cancelled_by_signals() -> Result<CancellationToken> {
    let watch = |kind| signal(kind).context("cannot watch signals");
    let (mut interrupt, mut terminate) = (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?);
    let cancel = CancellationToken::new();
    let calls_off = cancel.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                tracing::warn!("called off: writes in flight may end; once more ends at once");
                calls_off.cancel();
            } else {
                std::process::exit(i32::from(crate::model::ExitCode::Error.code()));
            }
        }
    });
    Ok(cancel)
}

/// One pass with bars.
///
/// # Errors
/// When the organization cannot be read.
pub(super) async fn pass(inputs: &Arc<Inputs>, options: PassOptions, terminal: &Terminal) -> Result<PassReport> {
    let cancel = cancelled_by_signals()?;
    let hub = hub(inputs).await?;
    let bars: Arc<dyn Progress> = Arc::new(Bars::new(&terminal.bars));
    let report = fleet::pass(Arc::clone(inputs), options, &hub, cancel, bars).await?;
    Ok(report)
}

/// Prints the report of a pass.
///
/// # Errors
/// When it cannot be written.
pub(super) fn show(report: &PassReport, global: &Global, terminal: &Terminal, view: View) -> Result<()> {
    let view = View { color: terminal.color, width: terminal.width, ..view };
    terminal.print(&report::render(report, global.output.into(), &view))
}
