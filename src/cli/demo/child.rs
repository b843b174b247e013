//! rolecall as a child process that never outlives this one.

use std::{io, path::Path, process::Stdio, time::Duration};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    process::{Child as Process, ChildStderr, ChildStdin, Command},
    time::timeout,
};

use crate::{cli::lab::misleads, lab::LEASH};

/// How long a child may take to end after it was asked to: rolecall ends within ten seconds.
const GRACE: Duration = Duration::from_secs(12);

/// A running rolecall.
pub(super) struct Child {
    process: Process,
    leash: Option<ChildStdin>,
}

impl Child {
    /// Starts rolecall in a folder. What it logs goes where this process's log goes, unless it is `logged`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(
        arguments: &[&str],
        folder: &Path,
        environment: &[(&str, String)],
        logged: bool,
    ) -> io::Result<Self> {
        let mut command = Command::new("sh");
        command.args(["-c", LEASH, "TERM"]).arg(std::env::current_exe()?).args(arguments).current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(misleads) {
                command.env_remove(name);
            }
        }
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        // A group of its own keeps the terminal's Ctrl-C away: this process ends its children in order.
        command.process_group(0).stdin(Stdio::piped()).kill_on_drop(true);
        if logged {
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        let mut process = command.spawn()?;
        let leash = process.stdin.take();
        Ok(Self { process, leash })
    }

    /// What it logs, when it was started so.
    pub(super) fn log(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// Waits for its end and gives its exit code. Safe to be dropped and called again.
    pub(super) async fn ended(&mut self) -> io::Result<Option<i32>> {
        // `wait` of the standard way would close standard input first, and so ask it to end.
        let status = self.process.wait().await?;
        Ok(status.code())
    }

    /// Asks it to end and waits until it has.
    pub(super) async fn end(mut self) {
        drop(self.leash.take());
        if timeout(GRACE, self.process.wait()).await.is_err()
            && let Some(group) = self.process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
        {
            // Whoever ended in between is not missed.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
