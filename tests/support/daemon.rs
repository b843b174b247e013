//! `rolecall run` as a process that tests look at from outside: over HTTP, by its log and by signals.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Fleet, eventually, free_port, process::Guarded};

/// A cron expression that does not come round during a test.
pub const YEARLY: &str = "0 0 0 29 2 *";

/// A running daemon; it is killed when this is dropped.
pub struct Daemon {
    process: Guarded,
    port: u16,
    pid: PathBuf,
}

impl Daemon {
    /// A port for a daemon's `web.listen`.
    pub fn port() -> u16 {
        free_port()
    }

    /// The line of the settings that makes it serve on this port.
    pub fn web(port: u16) -> String {
        format!("web: {{listen: \"127.0.0.1:{port}\"}}\n")
    }

    /// Starts one on the fleet's files, whose settings say [`Daemon::web`] of this port, and waits until it serves.
    /// `variables` add to its environment.
    pub async fn start(fleet: &Fleet, port: u16, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut arguments = arguments.to_vec();
        arguments.push("run");
        let mut command = fleet.command(&arguments);
        command.envs(variables.iter().copied());
        Self::start_in(&command, &fleet.folder, port).await
    }

    /// Starts this command, whose settings in the folder say [`Daemon::web`] of the port, and waits until it serves.
    pub async fn start_in(rolecall: &Command, folder: &Path, port: u16) -> Self {
        // In a folder of its own: beside the settings, every line of the log would be a change on disk.
        let own = folder.join(format!("daemon-{port}"));
        std::fs::create_dir(&own).unwrap();
        let pid = own.join("pid");
        // The shell becomes rolecall, so that its process id is known here.
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ >\"$0\"; exec \"$@\""]).arg(&pid);
        command.arg(rolecall.get_program()).args(rolecall.get_args()).current_dir(folder);
        command.envs(rolecall.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let mut process = Guarded::start(&command, &own.join("log"));
        process.wait_ready(async || get(port, "/healthz").await.is_some()).await;
        Self { process, port, pid }
    }

    /// Status and body of an answer; `None` where nothing answers.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.port, path).await
    }

    /// Waits until it is ready and gives what it says then.
    pub async fn ready(&self) -> String {
        eventually("readiness", async || self.get("/readyz").await.filter(|(code, _)| *code == 200)).await.1
    }

    /// The value of one series, such as `rolecall_missed_ticks_total`.
    pub async fn metric(&self, series: &str) -> f64 {
        let (_, text) = self.get("/metrics").await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{series} is not in\n{text}")).parse().unwrap()
    }

    /// Waits until a series is at least this.
    pub async fn metric_reaches(&self, series: &str, least: f64) {
        let what = format!("{series} of {least}");
        eventually(&what, async || (self.metric(series).await >= least).then_some(())).await;
    }

    /// Everything it has logged so far.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The same as JSON, each line of it.
    pub fn log_lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.log().lines().map(parse).collect()
    }

    /// Waits until the log says this.
    pub async fn says(&self, words: &str) {
        eventually(&format!("{words:?} in the log"), async || self.log().contains(words).then_some(())).await;
    }

    /// Sends a signal, such as `HUP`.
    pub fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(&self.pid).unwrap();
        // A process that has ended already is seen by whoever waits for its end.
        let _ = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().unwrap();
    }

    /// Sends SIGTERM and waits for the end: how it ended and how long that took.
    pub async fn terminate(&mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal("TERM");
        let status = eventually("end after SIGTERM", async || self.process.ended()).await;
        (status, asked.elapsed())
    }

    /// Sends SIGTERM; fails the test unless it ends well within 10 seconds.
    pub async fn stops(&mut self) {
        let (status, took) = self.terminate().await;
        assert_eq!(status.code(), Some(0), "{}", self.log());
        assert!(took < Duration::from_secs(10), "{took:?}\n{}", self.log());
        assert!(!self.log().contains("panicked"), "{}", self.log());
    }
}

/// A server that takes connections and never says a word; its port is free again when this is dropped.
pub struct Silent {
    listener: TcpListener,
}

impl Silent {
    /// Listens. The kernel takes connections up to the backlog without anybody accepting them.
    pub fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.listener.local_addr().unwrap().to_string()
    }
}

async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: rolecall\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
