//! The command line, one file per command.
//!
//! Data goes to standard output, logs, diagnostics and progress to standard error. Commands end with 0 when everything is
//! in sync, 1 with drift, 2 after any error and 3 when part of the fleet is unknown.

mod args;
mod completions;
#[cfg(feature = "lab")]
mod demo;
mod discover;
mod doctor;
mod explain;
mod import;
mod inputs;
#[cfg(feature = "lab")]
mod lab;
mod migrate;
mod plan;
mod planfile;
mod progress;
mod report;
mod run;
mod schema;
mod sync;
mod telemetry;
mod terminal;
mod validate;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::{ffi::OsString, future::Future};

use anyhow::{Context as _, Result};
use clap::Parser as _;

use crate::{limits, model::ExitCode};
use args::{Cli, Command, LogFormat};
use terminal::Terminal;

/// Runs the command line and says what the process shall end with.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told when even this cannot be printed.
            drop(error.print());
            return if error.use_stderr() { ExitCode::Error.code() } else { ExitCode::InSync.code() };
        }
    };
    let terminal = Terminal::new(cli.global.color);
    limits::raise_open_files();
    telemetry::start(&cli, &terminal);
    let log_format = cli.global.log_format;
    match execute(cli, &terminal) {
        Ok(code) => code.code(),
        Err(error) => {
            match log_format {
                LogFormat::Text => terminal.error(&error),
                LogFormat::Json => tracing::error!(next = terminal::next(&error), "{}", terminal::chain(&error)),
            }
            ExitCode::Error.code()
        }
    }
}

fn execute(cli: Cli, terminal: &Terminal) -> Result<ExitCode> {
    let global = &cli.global;
    match cli.command {
        Command::Validate(args) => validate::validate(global, &args, terminal),
        Command::Schema(args) => schema::schema(&args, terminal),
        Command::Completions(args) => completions::completions(&args, terminal),
        Command::Discover => block_on(discover::discover(global, terminal)),
        Command::Doctor(args) => block_on(doctor::doctor(global, &args, terminal)),
        Command::Import(args) => block_on(import::import(global, &args, terminal)),
        Command::Plan(args) => block_on(plan::plan(global, &args, terminal)),
        Command::Sync(args) => block_on(sync::sync(global, &args, terminal)),
        Command::Report(args) => block_on(report::report(global, &args, terminal)),
        Command::Migrate(args) => block_on(migrate::migrate(global, &args, terminal)),
        Command::Explain(args) => block_on(explain::explain(global, &args, terminal)),
        Command::Run => block_on(run::run(global, terminal)),
        #[cfg(feature = "lab")]
        Command::Demo(args) => block_on(demo::demo(&args, terminal)),
        #[cfg(feature = "lab")]
        Command::Lab(args) => block_on(lab::lab(&args, terminal)),
    }
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the threads that the command runs on")?;
    let result = runtime.block_on(future);
    // Dropped, it would wait for name lookups that nobody needs any more, however long these take.
    runtime.shutdown_background();
    result
}
