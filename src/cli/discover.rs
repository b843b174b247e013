//! `rolecall discover`: the accounts and clusters that a pass would walk.

use std::sync::Arc;

use anyhow::Result;

use super::{args::Global, inputs, progress::Bars, terminal::Terminal};
use crate::{
    fleet::{self, Progress},
    model::ExitCode,
    report::{Discovered, View, render_discovery},
};

pub(super) async fn discover(global: &Global, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    let cancel = inputs::cancelled_by_signals()?;
    let hub = inputs::hub(&inputs).await?;
    let bars: Arc<dyn Progress> = Arc::new(Bars::new(&terminal.bars));
    let found = fleet::discover(Arc::clone(&inputs), &hub, cancel, bars).await?;
    let discovered = Discovered {
        organization: found.organization.as_deref(),
        accounts: &found.accounts,
        clusters: &found.clusters,
        findings: &found.findings,
    };
    let view = View { color: terminal.color, width: terminal.width, ..View::default() };
    terminal.print(&render_discovery(&discovered, global.output.into(), &view))?;
    let incomplete = found.findings.iter().any(|finding| finding.incomplete);
    Ok(if incomplete { ExitCode::Incomplete } else { ExitCode::InSync })
}
