//! `rolecall explain`: why somebody gets in, or why not.

use std::sync::Arc;

use anyhow::{Result, anyhow};

use super::{
    args::{ExplainArgs, Global},
    inputs,
    progress::Bars,
    terminal::Terminal,
};
use crate::{
    fleet::{self, PassOptions, Progress},
    model::{ExitCode, Finding, PassKind},
    policy,
    report::{self, View, render_explanation},
};

pub(super) async fn explain(global: &Global, args: &ExplainArgs, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    let with_directory = inputs.settings.scope.identity_center.is_some();
    let asked = policy::asked(&args.principal, with_directory).map_err(|why| anyhow!("{why}"))?;
    let cancel = inputs::cancelled_by_signals()?;
    let hub = inputs::hub(&inputs).await?;
    let bars: Arc<dyn Progress> = Arc::new(Bars::new(&terminal.bars));
    let options =
        PassOptions { asked: asked.clone(), within: args.within.within(), ..PassOptions::new(PassKind::Plan) };
    let explained = Box::pin(fleet::explain(Arc::clone(&inputs), options, &hub, cancel, bars)).await?;
    let in_words = |finding: &Finding| match finding.place.account {
        Some(_) => format!("{}: {}", finding.place, finding.message),
        None => finding.message.clone(),
    };
    let (unknown, known): (Vec<&Finding>, Vec<&Finding>) =
        explained.findings.iter().partition(|finding| finding.incomplete);
    let unknown: Vec<String> = unknown.into_iter().map(in_words).collect();
    let names: Vec<String> = asked.iter().map(ToString::to_string).collect();
    let concerns =
        |finding: &&Finding| names.iter().any(|name| finding.subject == *name || finding.message.contains(name));
    let notes: Vec<String> = known.into_iter().filter(concerns).map(in_words).collect();
    let (question, clusters) = (&args.principal, &explained.clusters);
    let shown = report::Explained { question, clusters, notes: &notes, unknown: &unknown };
    let view = View { color: terminal.color, width: terminal.width, limit: args.limit, ..View::default() };
    terminal.print(&render_explanation(&shown, global.output.into(), &view))?;
    Ok(match (explained.is_incomplete(), explained.lets_in()) {
        (true, _) => ExitCode::Incomplete,
        (false, true) => ExitCode::InSync,
        (false, false) => ExitCode::Drift,
    })
}
