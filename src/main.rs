//! The rolecall command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(rolecall::cli::run(std::env::args_os()))
}
