//! Log lines on standard error.

use std::io::{self, Write};

use indicatif::MultiProgress;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::{
    args::{Cli, Command, LogFormat},
    terminal::Terminal,
};

/// Starts logging. RUST_LOG chooses the lines when it is set and valid, else the command and `-v`.
pub(super) fn start(cli: &Cli, terminal: &Terminal) {
    let daemon = matches!(cli.command, Command::Run);
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level(daemon, cli.global.verbose)));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(AroundBars(terminal.bars.clone()))
        .with_ansi(terminal.error_color);
    // A subscriber that is set already, as in tests, keeps its place.
    drop(match cli.global.log_format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).with_ansi(false).try_init(),
    });
}

/// The lines that are wanted. A daemon tells of what it does; a command that prints its result only warns, and not of what
/// is in that result. What the Kubernetes client says of its errors is in rolecall's own words already.
fn level(daemon: bool, verbose: u8) -> &'static str {
    match u8::from(daemon).saturating_add(verbose) {
        0 => "warn,kube_client=off,rolecall::fleet::journal=off",
        1 => "warn,kube_client=off,rolecall=info",
        2 => "warn,kube_client=off,rolecall=debug",
        _ => "debug,rolecall=trace",
    }
}

/// Standard error, with the progress bars out of the way while a line is written.
#[derive(Clone)]
struct AroundBars(MultiProgress);

impl Write for AroundBars {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        // A line is written as a whole, so that lines of several threads do not get mixed. Where standard error is closed
        // there is nobody to tell, not even of that.
        self.0.suspend(|| drop(io::stderr().write_all(buffer)));
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for AroundBars {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
