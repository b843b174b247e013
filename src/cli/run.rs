//! `rolecall run`: passes on the schedule of the settings.

use anyhow::Result;

use super::{
    args::{Global, LogFormat},
    terminal::Terminal,
};
use crate::{
    daemon::{self, AtStart, DaemonOptions},
    model::ExitCode,
};

pub(super) async fn run(global: &Global, terminal: &Terminal) -> Result<ExitCode> {
    let at_start = match global.log_format {
        LogFormat::Text => AtStart::Shown { color: terminal.error_color },
        LogFormat::Json => AtStart::Logged,
    };
    daemon::run(DaemonOptions { settings: global.settings.clone(), at_start }).await?;
    Ok(ExitCode::InSync)
}
