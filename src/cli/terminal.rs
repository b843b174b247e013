//! What the command prints to, and how.

use std::{
    env,
    ffi::OsStr,
    io::{self, IsTerminal as _, Write as _},
};

use anyhow::{Context as _, Result};
use indicatif::{MultiProgress, ProgressDrawTarget};

use super::args::Color;
use crate::{discover::DiscoverError, fleet::FleetError};

/// Standard output and standard error as the command found them.
pub(super) struct Terminal {
    /// Whether data is coloured.
    pub color: bool,
    /// Whether diagnostics and logs are coloured.
    pub error_color: bool,
    /// The columns of the terminal that data goes to; `None` where it goes elsewhere.
    pub width: Option<usize>,
    /// Where progress is drawn; hidden unless standard error is a terminal.
    pub bars: MultiProgress,
}

impl Terminal {
    /// Looks at both outputs and the environment.
    pub(super) fn new(color: Color) -> Self {
        let on_terminal = io::stderr().is_terminal();
        let target = if on_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let (no_color, term) = (env::var_os("NO_COLOR"), env::var_os("TERM"));
        let wanted = |terminal| is_colored(color, terminal, no_color.as_deref(), term.as_deref());
        Self {
            color: wanted(io::stdout().is_terminal()),
            error_color: wanted(on_terminal),
            width: width(),
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// Prints data. A reader that has gone away, such as `head`, is no error.
    ///
    /// # Errors
    /// When the output cannot be written for another reason, such as a full disk.
    #[allow(clippy::unused_self, reason = "whoever prints is handed the terminal")]
    pub(super) fn print(&self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("cannot write to standard output"),
        }
    }

    /// Says something to the person, beside the data.
    pub(super) fn say(&self, text: &str) {
        // Where standard error is closed there is nobody to tell.
        self.bars.suspend(|| drop(io::stderr().write_all(text.as_bytes())));
    }

    /// Says why the command failed.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let style = if self.error_color { anstyle::AnsiColor::Red.on_default().bold() } else { anstyle::Style::new() };
        let next = next(error).map(|next| format!("  → {next}\n")).unwrap_or_default();
        self.say(&format!("{style}error{style:#}: {}\n{next}", chain(error)));
    }
}

/// The error and its causes in one line, none said twice.
pub(super) fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    text
}

/// What to do about it, where that is known.
pub(super) fn next(error: &anyhow::Error) -> Option<&str> {
    let of_pass = error.chain().find_map(|cause| cause.downcast_ref::<FleetError>()).and_then(FleetError::next);
    of_pass.or_else(|| error.chain().find_map(|cause| cause.downcast_ref::<DiscoverError>()).map(DiscoverError::next))
}

/// Whether there are colours.
///
/// See <https://no-color.org>.
fn is_colored(color: Color, terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && no_color.is_none_or(OsStr::is_empty) && term.is_some_and(|term| term != "dumb"),
    }
}

fn width() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(io::stdout())?;
    (columns > 0).then_some(usize::from(columns))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn colours_follow_the_flag_then_the_environment() {
        let (xterm, set) = (Some(OsStr::new("xterm")), Some(OsStr::new("1")));
        assert!(is_colored(Color::Auto, true, None, xterm));
        assert!(is_colored(Color::Auto, true, Some(OsStr::new("")), xterm));
        assert!(!is_colored(Color::Auto, true, set, xterm));
        assert!(!is_colored(Color::Auto, false, None, xterm));
        assert!(!is_colored(Color::Auto, true, None, Some(OsStr::new("dumb"))));
        assert!(is_colored(Color::Always, false, set, None));
        assert!(!is_colored(Color::Never, true, None, xterm));
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow::anyhow!("no such file").context("cannot read plan.json: no such file");
        assert_eq!(chain(&error), "cannot read plan.json: no such file");
        let error = anyhow::anyhow!("disk full").context("cannot write plan.json");
        assert_eq!(chain(&error), "cannot write plan.json: disk full");
    }
}
