//! The daemon at work while drift trickles in.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use fastrand::Rng;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::ChildStderr,
    time::sleep,
};

use super::{
    Show,
    stage::{GREEN, RED, Stage, YELLOW},
};
use crate::{cli::args::SizeArgs, lab::blueprint::trickle};

/// The keys of the settings that the daemon needs beside the others: a pass every few seconds, longer apart in a large
/// organization.
pub(super) fn settings(web: SocketAddr, size: &SizeArgs) -> String {
    let seconds = match size.clusters {
        0..=300 => "*/5",
        301..=1_000 => "*/20",
        _ => "0",
    };
    format!("schedule: {{cron: \"{seconds} * * * * *\"}}\nweb: {{listen: \"{web}\"}}\n")
}

/// Runs the daemon until it is called off.
pub(super) async fn keep(show: &Show<'_>, web: TcpListener, seed: u64) -> Result<()> {
    let address = web.local_addr().context("the web address is not known")?;
    // Until now nobody else could take it.
    drop(web);
    let mut daemon = show.start(&["--log-format", "json", "run"], true)?;
    let stage = &show.stage;
    stage.say(&format!("  metrics and health   http://{address}/metrics, /readyz, /healthz\n"));
    let env = show.folder.path().join("env");
    stage.say(&format!("  to look on yourself  . {} && rolecall report   (in another terminal)\n\n", env.display()));
    let mut log = daemon.log().map(|log| BufReader::new(log).lines());
    let kept = tokio::select! {
        kept = follow(show, &mut log, seed) => kept,
        ended = daemon.ended() => match ended {
            Ok(Some(code)) => {
                let _ = rest(stage, &mut log).await;
                Err(anyhow::anyhow!("`rolecall run` ended with {code}, which is no part of the demo"))
            }
            _ => Err(anyhow::anyhow!("`rolecall run` was killed")),
        },
        () = stage.stop.cancelled() => Ok(()),
    };
    daemon.end().await;
    kept
}

type Log = Option<Lines<BufReader<ChildStderr>>>;

/// Tells what the daemon does, and has something go wrong every few seconds once its first pass has ended.
async fn follow(show: &Show<'_>, log: &mut Log, seed: u64) -> Result<()> {
    let Some(log) = log else { bail!("the log of `rolecall run` cannot be read") };
    let mut rng = Rng::with_seed(seed);
    let mut passed = false;
    let pause = |rng: &mut Rng| Duration::from_millis(rng.u64(3_000..6_000));
    let mut next = Box::pin(sleep(Duration::from_secs(1)));
    loop {
        tokio::select! {
            line = log.next_line() => match line.context("cannot read what `rolecall run` says")? {
                Some(line) => passed |= tell(&show.stage, &line, passed),
                // It has ended, and whoever waits for that says so.
                None => std::future::pending().await,
            },
            () = &mut next, if passed => {
                if let Some(told) = trickle(show.opened.lab.world(), &mut rng) {
                    let (region, name) = (&told.cluster.region, &told.cluster.name);
                    show.stage.event(YELLOW, "drift", &format!("{} {region} {name}: {}", told.account, told.what));
                }
                next = Box::pin(sleep(pause(&mut rng)));
            }
        }
    }
}

/// What it said before it ended.
async fn rest(stage: &Stage<'_>, log: &mut Log) -> Result<()> {
    let Some(log) = log else { return Ok(()) };
    while let Some(line) = log.next_line().await? {
        tell(stage, &line, true);
    }
    Ok(())
}

/// Tells one line of the daemon's log, if it is worth it; whether a pass ended with it.
fn tell(stage: &Stage<'_>, line: &str, passed: bool) -> bool {
    let Ok(line) = serde_json::from_str::<Value>(line) else { return false };
    let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default();
    let (message, place) = (text("message"), text("cluster").replace('/', " "));
    if message == "pass ended" {
        if !passed {
            let count = |field: &str| line.get(field).and_then(Value::as_u64).unwrap_or_default();
            let (clusters, in_sync) = (count("clusters"), count("in_sync") + count("applied"));
            stage.event(GREEN, "in sync", &format!("{in_sync} of {clusters} clusters after the daemon's first pass"));
        }
        return true;
    }
    if let Some(change) = message.strip_prefix("written: ") {
        stage.event(GREEN, "corrected", &format!("{place}: {change} ({})", text("reason")));
    } else if matches!(text("level"), "WARN" | "ERROR") && !message.starts_with("the schedule asks for a pass") {
        let why = text("why");
        let why = if why.is_empty() { String::new() } else { format!(": {why}") };
        let place = if place.is_empty() { text("place").to_owned() } else { place };
        stage.event(RED, "notice", &format!("{place} {message}{why}"));
    }
    false
}
