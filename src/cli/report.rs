//! `rolecall report`: drift and findings in short, or what is unknown and why.

use anyhow::Result;

use super::{
    args::{Global, ReportArgs},
    inputs,
    terminal::Terminal,
};
use crate::{
    fleet::PassOptions,
    model::{ExitCode, PassKind},
    report::View,
};

pub(super) async fn report(global: &Global, args: &ReportArgs, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    let options = PassOptions { within: args.within.within(), ..PassOptions::new(PassKind::Plan) };
    let report = inputs::pass(&inputs, options, terminal).await?;
    let view =
        View { unknown_only: args.unknown, brief: true, strict: args.strict, limit: args.limit, ..View::default() };
    inputs::show(&report, global, terminal, view)?;
    Ok(report.exit_code(args.strict))
}
