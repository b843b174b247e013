//! `rolecall run`: passes on the schedule of the settings.

use anyhow::Result;

use super::{args::Global, terminal::Terminal};
use crate::{
    daemon::{self, DaemonOptions},
    model::ExitCode,
};

pub(super) async fn run(global: &Global, terminal: &Terminal) -> Result<ExitCode> {
    daemon::run(DaemonOptions { settings: global.settings.clone(), color: terminal.error_color }).await?;
    Ok(ExitCode::InSync)
}
