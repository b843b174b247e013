//! Passes on a schedule: the first at start-up, never two at once; between them, passes over what events name; settings
//! and policy read again when they change; an orderly end on SIGTERM.

mod listen;
mod runner;
mod schedule;
mod signals;
mod tell;
mod watch;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::{mpsc, watch as latest},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use schedule::ScheduleError;

use crate::{
    fleet::{self, Inputs, Loaded},
    web,
};
use runner::Runner;
use schedule::Ticker;
use signals::{Asked, Signals};
use watch::Watcher;

/// How long a pass in flight may take to end after SIGTERM; with what comes after it, the daemon ends within 10 seconds.
const GRACE: Duration = Duration::from_millis(8500);

/// How often the files and the time zone's distance from UTC are looked at, whether anything tells of a change or not.
const MINUTE: Duration = Duration::from_mins(1);

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Settings or policy are not valid; what is wrong with them has been said.
    #[error("settings or policy are not valid: nothing was done")]
    Invalid,
    /// The web address cannot be listened on.
    #[error("cannot listen on {address} (`web.listen`): {error}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// The schedule cannot be followed.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// Signals or files cannot be watched.
    #[error("cannot watch {what}: {error}")]
    Watch {
        /// What.
        what: &'static str,
        /// Why.
        error: String,
    },
}

/// How the daemon is started.
#[derive(Clone, Debug)]
pub struct DaemonOptions {
    /// The settings file.
    pub settings: PathBuf,
    /// How it is said at the start what is wrong with settings and policy.
    pub at_start: AtStart,
}

/// How it is said at the start what is wrong with settings and policy.
#[derive(Clone, Copy, Debug)]
pub enum AtStart {
    /// With the lines in question, on standard error.
    Shown {
        /// With colours.
        color: bool,
    },
    /// In the log, as it is said later on.
    Logged,
}

struct Daemon {
    options: DaemonOptions,
    state: Arc<web::State>,
    ticker: Ticker,
    watcher: Watcher,
    runner: Runner,
    /// The inputs in force, for whoever listens to events.
    inputs: latest::Sender<Arc<Inputs>>,
    /// The files and directories of the inputs in force.
    paths: Vec<PathBuf>,
    /// What is wrong with the files on disk, when they are not those in force.
    rejected: Option<String>,
}

/// Why settings and policy are read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Hangup,
    Disk,
    /// Nobody told of a change: a network file system, or a directory that was replaced, may have kept it to itself.
    Minute,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Disk => "a change on disk",
            Self::Minute => "the look every minute",
        }
    }
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When settings or policy are not valid at the start, or the machine refuses what the daemon needs.
pub async fn run(options: DaemonOptions) -> Result<(), DaemonError> {
    // First of all, since a signal that nobody watches for ends the process.
    let signals = Signals::watch()?;
    let loaded = fleet::load(&options.settings, fleet::today());
    match options.at_start {
        // Where standard error is closed there is nobody to tell.
        AtStart::Shown { color } => drop(io::stderr().write_all(loaded.render(color).as_bytes())),
        AtStart::Logged => tell::diagnostics(&loaded),
    }
    let Loaded { inputs: Some(inputs), paths, .. } = loaded else { return Err(DaemonError::Invalid) };
    let state = Arc::new(web::State::new());
    let stop = CancellationToken::new();
    let server = match &inputs.settings.web {
        Some(web) => Some(serve(web.listen, Arc::clone(&state), stop.clone()).await?),
        None => None,
    };
    let (tick, ticks) = mpsc::channel(1);
    let (change, changes) = mpsc::channel(1);
    let mut ticker = Ticker::start(tick).await?;
    ticker.follow(&inputs.settings.schedule).await?;
    let mut watcher = Watcher::start(change).map_err(|e| watch_error("files", &e))?;
    watcher.follow(&paths);
    let inputs = Arc::new(inputs);
    let runner = Runner::new(Arc::clone(&inputs), Arc::clone(&state), stop.clone());
    let (inputs, following) = latest::channel(inputs);
    let (ask, asks) = mpsc::channel(1);
    let listener = listen::start(following, ask, Arc::clone(&state), stop.clone());
    let mut daemon = Daemon { options, state, ticker, watcher, runner, inputs, paths, rejected: None };
    daemon.main_loop(signals, ticks, changes, asks).await;

    info!("stopping: writes in flight may finish");
    stop.cancel();
    if timeout(GRACE, daemon.runner.finish()).await.is_err() {
        warn!("the pass in flight did not end in time and was abandoned");
    }
    // It holds nothing that has to be brought to an end.
    if listener.await.is_err() {
        error!("listening to events ended abnormally");
    }
    if let Err(error) = daemon.ticker.stop().await {
        warn!(%error, "the scheduler did not stop cleanly");
    }
    if let Some(server) = server
        && timeout(Duration::from_millis(500), server).await.is_err()
    {
        warn!("the web server did not stop in time");
    }
    info!("stopped");
    Ok(())
}

fn watch_error(what: &'static str, error: &dyn std::fmt::Display) -> DaemonError {
    DaemonError::Watch { what, error: error.to_string() }
}

async fn serve(
    address: std::net::SocketAddr,
    state: Arc<web::State>,
    stop: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, DaemonError> {
    let listener = TcpListener::bind(address).await.map_err(|error| DaemonError::Listen { address, error })?;
    info!(%address, "listening");
    Ok(tokio::spawn(async move {
        if let Err(error) = web::serve(listener, state, stop).await {
            error!(%error, "the web server ended");
        }
    }))
}

impl Daemon {
    /// Works until it is asked to stop.
    async fn main_loop(
        &mut self,
        mut signals: Signals,
        mut ticks: mpsc::Receiver<()>,
        mut changes: mpsc::Receiver<()>,
        mut asks: mpsc::Receiver<listen::Asked>,
    ) {
        let mut minute = interval_at(Instant::now() + MINUTE, MINUTE);
        minute.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.runner.start(Duration::ZERO);
        loop {
            tokio::select! {
                asked = signals.next() => match asked {
                    Asked::Stop => return,
                    Asked::Reload => self.reload(Reason::Hangup).await,
                },
                Some(()) = changes.recv() => self.reload(Reason::Disk).await,
                Some(()) = ticks.recv() => self.tick(),
                Some(asked) = asks.recv() => self.runner.ask(asked),
                () = self.runner.ended() => {}
                _ = minute.tick() => {
                    self.reload(Reason::Minute).await;
                    self.follow_schedule().await;
                }
            }
        }
    }

    fn tick(&mut self) {
        if self.runner.is_busy() {
            warn!("the schedule asks for a pass while one is still running: this one is left out, not queued");
            self.state.missed_tick();
            return;
        }
        self.runner.start(self.runner.settings().schedule.jitter);
    }

    async fn follow_schedule(&mut self) {
        if let Err(error) = self.ticker.follow(&self.runner.settings().schedule).await {
            error!(%error, "the schedule cannot be followed: the one before stays");
        }
    }

    /// Reads settings and policy again. What is not valid changes nothing: the last good ones stay in force. Unless a
    /// person asked, nothing is said where nothing is new: a log kept beside the settings is a change on disk itself.
    async fn reload(&mut self, reason: Reason) {
        let loaded = fleet::load(&self.options.settings, fleet::today());
        // Those in force as well: what is wrong may be that the settings name the wrong files.
        self.watcher.follow(loaded.paths.iter().chain(&self.paths));
        let why = reason.as_str();
        if loaded.inputs.is_none() {
            let text = loaded.diagnostics.one_lines(&loaded.files).join("\n");
            if reason != Reason::Hangup && self.rejected.as_deref() == Some(text.as_str()) {
                return;
            }
            tell::diagnostics(&loaded);
            error!(why, "settings or policy are not valid: the last good ones stay in force");
            self.state.reloaded(Err(text.clone()));
            self.rejected = Some(text);
            return;
        }
        let changed = loaded.inputs.as_ref().is_some_and(|inputs| !self.runner.is_current(inputs));
        if reason != Reason::Hangup && !changed && self.rejected.is_none() {
            return;
        }
        self.rejected = None;
        self.state.reloaded(Ok(()));
        if !changed {
            info!(why, "settings and policy were read again: nothing in them changed");
            return;
        }
        tell::diagnostics(&loaded);
        info!(why, "settings and policy were read again: they hold from the next pass on");
        if let Loaded { inputs: Some(inputs), paths, .. } = loaded {
            self.take(inputs, paths).await;
        }
    }

    async fn take(&mut self, inputs: Inputs, paths: Vec<PathBuf>) {
        if inputs.settings.web != self.runner.settings().web {
            warn!("`web` changed: that takes a restart");
        }
        self.paths = paths;
        let inputs = Arc::new(inputs);
        self.runner.take(Arc::clone(&inputs));
        self.inputs.send_replace(inputs);
        self.follow_schedule().await;
    }
}
