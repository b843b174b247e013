//! Passes on a schedule: the first at start-up, never two at once; settings and policy read again when they change; an
//! orderly end on SIGTERM.

mod runner;
mod schedule;
mod watch;

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub use schedule::ScheduleError;

use crate::{
    fleet::{self, Inputs},
    settings::Settings,
    web,
};
use runner::Runner;
use schedule::Ticker;
use watch::Watcher;

/// How long a pass in flight may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(9);

/// How often the time zone's distance from UTC is looked at.
const HOUR: Duration = Duration::from_secs(3600);

/// Why the daemon could not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Settings or policy are not valid; the text says where and why.
    #[error("{0}")]
    Invalid(String),
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
    /// Whether diagnostics are coloured.
    pub color: bool,
}

struct Daemon {
    options: DaemonOptions,
    state: Arc<web::State>,
    ticker: Ticker,
    watcher: Watcher,
    runner: Runner,
    settings: Settings,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When settings or policy are not valid at the start, or the machine refuses what the daemon needs.
pub async fn run(options: DaemonOptions) -> Result<(), DaemonError> {
    let loaded = fleet::load(&options.settings, today());
    if !loaded.diagnostics.is_empty() {
        eprint!("{}", loaded.render(options.color));
    }
    let paths = loaded.paths.clone();
    let Some(inputs) = loaded.inputs else {
        return Err(DaemonError::Invalid("settings or policy are not valid: see above".to_owned()));
    };
    let state = Arc::new(web::State::new());
    let stop = CancellationToken::new();
    let server = match &inputs.settings.web {
        Some(web) => Some(serve(web.listen, Arc::clone(&state), stop.clone()).await?),
        None => None,
    };
    let (tick, ticks) = mpsc::channel(1);
    let (changed, changes) = mpsc::channel(1);
    let mut ticker = Ticker::start(tick).await?;
    ticker.follow(&inputs.settings.schedule).await?;
    let mut watcher = Watcher::start(changed).map_err(|e| watch_error("files", &e))?;
    watcher.follow(&paths);
    let settings = inputs.settings.clone();
    let runner = Runner::new(Arc::new(inputs), Arc::clone(&state), stop.clone());
    let mut daemon = Daemon { options, state, ticker, watcher, runner, settings };
    daemon.main_loop(ticks, changes).await?;

    info!("stopping: writes in flight may finish");
    stop.cancel();
    if timeout(GRACE, daemon.runner.finish()).await.is_err() {
        warn!("the pass in flight did not end in time and was abandoned");
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

fn today() -> jiff::civil::Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
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
    async fn main_loop(
        &mut self,
        mut ticks: mpsc::Receiver<()>,
        mut changes: mpsc::Receiver<()>,
    ) -> Result<(), DaemonError> {
        let on = |kind| signal(kind).map_err(|e| watch_error("signals", &e));
        let mut terminate = on(SignalKind::terminate())?;
        let mut interrupt = on(SignalKind::interrupt())?;
        let mut hangup = on(SignalKind::hangup())?;
        let mut hourly = interval(HOUR);
        hourly.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.runner.start(Duration::ZERO);
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hangup.recv() => self.reload("SIGHUP").await,
                Some(()) = changes.recv() => self.reload("a change on disk").await,
                Some(()) = ticks.recv() => self.tick(),
                () = self.runner.ended() => {}
                _ = hourly.tick() => self.follow_schedule().await,
            }
        }
    }

    fn tick(&mut self) {
        if self.runner.is_running() {
            warn!("the schedule asks for a pass while one is still running: this one is left out, not queued");
            self.state.missed_tick();
            return;
        }
        self.runner.start(self.settings.schedule.jitter);
    }

    async fn follow_schedule(&mut self) {
        if let Err(error) = self.ticker.follow(&self.settings.schedule).await {
            error!(%error, "the schedule cannot be followed: the one before stays");
        }
    }

    /// Reads settings and policy again. What is not valid changes nothing: the last good ones stay in force.
    async fn reload(&mut self, why: &str) {
        let loaded = fleet::load(&self.options.settings, today());
        let text = loaded.render(false);
        match loaded.inputs {
            None => {
                error!(why, diagnostics = text, "settings or policy are not valid: the last good ones stay in force");
                self.state.reloaded(Err(text));
            }
            Some(inputs) if self.runner.is_current(&inputs) => self.state.reloaded(Ok(())),
            Some(inputs) => {
                info!(why, "settings and policy were read again");
                if inputs.settings.web != self.settings.web {
                    warn!("`web` changed: that takes a restart");
                }
                self.watcher.follow(&loaded.paths);
                self.take(inputs).await;
                self.state.reloaded(Ok(()));
            }
        }
    }

    async fn take(&mut self, inputs: Inputs) {
        self.settings = inputs.settings.clone();
        self.runner.take(Arc::new(inputs));
        self.follow_schedule().await;
    }
}
