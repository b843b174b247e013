//! `rolecall sync`: brings every cluster in line with the policy.

use anyhow::{Result, bail};

use super::{
    args::{Global, SyncArgs},
    inputs,
    planfile::PlanFile,
    terminal::Terminal,
};
use crate::{
    fleet::{Only, PassOptions},
    model::{ExitCode, PassKind},
    report::View,
    settings::Mode,
};

pub(super) async fn sync(global: &Global, args: &SyncArgs, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    if inputs.settings.mode != Mode::Enforce {
        bail!(
            "{} says `mode: report` (or leaves `mode` out), by which nothing is ever written: set `mode: enforce`, or use \
             `rolecall plan`",
            global.settings.display()
        );
    }
    let mut options =
        PassOptions { repair: args.repair, within: args.within.within(), ..PassOptions::new(PassKind::Sync) };
    if let Some(path) = &args.plan {
        let file = PlanFile::read(path)?;
        if file.plans.is_empty() {
            terminal.say(&format!("{}: the plan holds no change; there is nothing to do.\n", path.display()));
            return Ok(ExitCode::InSync);
        }
        options.repair = file.repair;
        options.only = Some(Only { plans: file.plans, fleet: file.clusters });
    }
    let report = inputs::pass(&inputs, options, terminal).await?;
    let view = View { diff: args.diff, strict: args.strict, limit: args.limit, ..View::default() };
    inputs::show(&report, global, terminal, view)?;
    Ok(report.exit_code(args.strict))
}
