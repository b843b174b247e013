//! `rolecall doctor`: what rolecall needs and does not have.

use std::sync::Arc;

use anyhow::Result;

use super::{
    args::{DoctorArgs, Global},
    inputs,
    progress::Bars,
    terminal::Terminal,
};
use crate::{
    discover,
    fleet::{self, Progress},
    model::ExitCode,
    report::{View, render_diagnosis},
};

pub(super) async fn doctor(global: &Global, args: &DoctorArgs, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    let cancel = inputs::cancelled_by_signals()?;
    let hub = discover::hub(&inputs.settings.scope, inputs.settings.limits.per_account).await.map(Arc::new);
    let bars: Arc<dyn Progress> = Arc::new(Bars::new(&terminal.bars));
    let diagnosis = Box::pin(fleet::diagnose(Arc::clone(&inputs), args.within.within(), hub, cancel, bars)).await?;
    let view = View { color: terminal.color, width: terminal.width, ..View::default() };
    terminal.print(&render_diagnosis(&diagnosis, args.all, global.output.into(), &view))?;
    Ok(diagnosis.exit_code())
}
