//! The rolecall command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A pass is many short-lived requests on all threads, which the C library's allocator answers with memory that it then
/// keeps for each thread.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(rolecall::cli::run(std::env::args_os()))
}
