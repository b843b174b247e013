//! Child processes that never outlive the test process.

use std::fs::{File, read_to_string};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rolecall::lab::LEASH;

/// Removes a folder as soon as standard input ends; what still writes there is being killed at that moment.
const SWEEPER: &str = r#"read -r _; for _ in 1 2 3 4 5; do rm -rf -- "$1" && exit; sleep 1; done"#;

/// A running child; it is killed when this is dropped or when the test process ends.
pub struct Guarded {
    shell: Child,
    log: PathBuf,
    name: String,
}

impl Guarded {
    /// Starts `command` with its output in `log`. Ports and folders are the caller's to choose.
    pub fn start(command: &Command, log: &Path) -> Self {
        let name = Path::new(command.get_program()).file_name().unwrap().to_string_lossy().into_owned();
        let output = File::create(log).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", LEASH, "KILL"]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        // A group of its own keeps the terminal's Ctrl-C away from the child: the guard ends it in order.
        let shell = shell
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
        Self { shell, log: log.to_owned(), name }
    }

    /// Waits until `ready` says so; panics with the end of the log if the child ends or 60 s pass before.
    pub async fn wait_ready(&mut self, mut ready: impl AsyncFnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !ready().await {
            if let Some(status) = self.shell.try_wait().unwrap() {
                panic!("{} ended ({status}) before it was ready:\n{}", self.name, self.tail());
            }
            assert!(Instant::now() < deadline, "{} was not ready within 60 s:\n{}", self.name, self.tail());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How the child ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.shell.try_wait().unwrap()
    }

    /// Everything the child has written so far.
    pub fn log(&self) -> String {
        read_to_string(&self.log).unwrap_or_default()
    }

    fn tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Has `folder` removed when the test process ends.
pub fn sweep_at_end(folder: &Path) -> Child {
    Command::new("sh")
        .args(["-c", SWEEPER, "sh"])
        .arg(folder)
        .process_group(0)
        .stdin(Stdio::piped())
        .spawn()
        .expect("sh starts")
}
