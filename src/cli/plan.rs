//! `rolecall plan`: what `sync` would do.

use anyhow::Result;

use super::{
    args::{Global, PlanArgs},
    inputs,
    planfile::PlanFile,
    terminal::Terminal,
};
use crate::{
    fleet::PassOptions,
    model::{ExitCode, PassKind},
    report::View,
};

pub(super) async fn plan(global: &Global, args: &PlanArgs, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    let options = PassOptions { repair: args.repair, within: args.within.within(), ..PassOptions::new(PassKind::Plan) };
    let report = inputs::pass(&inputs, options, terminal).await?;
    let written = match &args.out {
        Some(path) => {
            let file = PlanFile::of(&report, args.repair);
            file.write(path)?;
            Some((path, file.plans.len()))
        }
        None => None,
    };
    let view = View { diff: args.diff, strict: args.strict, limit: args.limit, ..View::default() };
    inputs::show(&report, global, terminal, view)?;
    match written {
        None => {}
        Some((path, 0)) => terminal.say(&format!("{}: there is nothing to change.\n", path.display())),
        Some((path, n)) => {
            let clusters = if n == 1 { "1 cluster".to_owned() } else { format!("{n} clusters") };
            let path = path.display();
            terminal.say(&format!("{path}: the plan for {clusters}; `rolecall sync --plan {path}` carries it out.\n"));
        }
    }
    Ok(report.exit_code(args.strict))
}
