//! `rolecall migrate`: rows of aws-auth become access entries.

use std::{
    io::{self, IsTerminal as _},
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};

use super::{
    args::{Global, MigrateArgs, ModeArg},
    inputs,
    progress::Bars,
    terminal::Terminal,
};
use crate::{
    fleet::{self, MigrateOptions, Progress},
    model::{AuthenticationMode, ExitCode, MigrateReport},
    report::{View, render_migration},
    settings::Mode,
};

impl From<ModeArg> for AuthenticationMode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::ApiAndConfigMap => Self::ApiAndConfigMap,
            ModeArg::Api => Self::Api,
        }
    }
}

pub(super) async fn migrate(global: &Global, args: &MigrateArgs, terminal: &Terminal) -> Result<ExitCode> {
    let inputs = inputs::load(global, terminal)?;
    if args.apply && inputs.settings.mode != Mode::Enforce {
        bail!(
            "{} says `mode: report` (or leaves `mode` out), by which nothing is ever written: set `mode: enforce`, or leave \
             `--apply` out",
            global.settings.display()
        );
    }
    if args.apply && args.to.is_some() && !args.yes && !io::stdin().is_terminal() {
        bail!(
            "there is no way back from a change of the authentication mode: it is asked for at a terminal, or taken by `--yes`"
        );
    }
    let options = MigrateOptions {
        to: args.to.map(Into::into),
        include_own: args.include_own,
        settle: args.settle,
        timeout: args.timeout,
        within: args.within.within(),
    };
    let cancel = inputs::cancelled_by_signals()?;
    let hub = inputs::hub(&inputs).await?;
    let bars: Arc<dyn Progress> = Arc::new(Bars::new(&terminal.bars));
    let survey = fleet::survey(inputs, options, &hub, cancel, bars).await?;
    if !args.apply {
        return show(survey.report(), global, args, terminal);
    }
    let changes = survey.report().mode_changes();
    if let Some(to) = args.to.filter(|_| changes > 0 && !args.yes) {
        confirm(changes, to.into(), terminal)?;
    }
    show(&survey.carry_out().await, global, args, terminal)
}

/// Asks for the number of clusters, which nobody types by accident.
fn confirm(changes: usize, to: AuthenticationMode, terminal: &Terminal) -> Result<()> {
    let clusters = if changes == 1 { "1 cluster".to_owned() } else { format!("{changes} clusters") };
    terminal.say(&format!(
        "The authentication mode of {clusters} would become {to}. There is no way back. Type the number of clusters to go \
         on: "
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    if is_confirmed(&answer, changes) {
        return Ok(());
    }
    bail!("that is not the number of clusters, {changes}: nothing was changed");
}

fn is_confirmed(answer: &str, changes: usize) -> bool {
    answer.trim().parse() == Ok(changes)
}

fn show(report: &MigrateReport, global: &Global, args: &MigrateArgs, terminal: &Terminal) -> Result<ExitCode> {
    let view = View { color: terminal.color, width: terminal.width, limit: args.limit, ..View::default() };
    terminal.print(&render_migration(report, global.output.into(), &view))?;
    Ok(report.exit_code())
}

/// `90`, `90s`, `5m` or `1h`.
pub(super) fn duration(text: &str) -> Result<std::time::Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        other => return Err(format!("{other:?} is no unit: write 90s, 5m or 1h")),
    };
    let number: u64 = digits.parse().map_err(|_| "write 90s, 5m or 1h".to_owned())?;
    number.checked_mul(unit).map(std::time::Duration::from_secs).ok_or_else(|| "it is too long".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_the_number_of_clusters_confirms() {
        assert!(is_confirmed("3\n", 3));
        for other in ["", "\n", "y\n", "yes\n", "2\n", "-3\n"] {
            assert!(!is_confirmed(other, 3), "{other:?}");
        }
    }

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        let seconds = |text: &str| duration(text).map(|it| it.as_secs());
        assert_eq!([seconds("90"), seconds("90s"), seconds("5m"), seconds("1h")], [Ok(90), Ok(90), Ok(300), Ok(3600)]);
        for bad in ["", "m", "1d", "-1s", "1.5m", "99999999999999999999h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
