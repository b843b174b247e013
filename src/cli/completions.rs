//! `rolecall completions`: completion scripts for shells.

use anyhow::Result;
use clap::CommandFactory as _;

use super::{
    args::{Cli, CompletionsArgs},
    terminal::Terminal,
};
use crate::model::ExitCode;

pub(super) fn completions(args: &CompletionsArgs, terminal: &Terminal) -> Result<ExitCode> {
    // The generator writes to memory first, since it panics when its output goes away.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rolecall", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::InSync)
}
