//! The daemon at work while drift trickles in.

use std::{
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use fastrand::Rng;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::ChildStderr,
    time::sleep,
};

use super::{
    Show,
    stage::{GREEN, RED, YELLOW},
};
use crate::{
    cli::args::SizeArgs,
    lab::blueprint::{newcomer, trickle},
};

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
    let folder = show.folder.path().display();
    show.stage.say(&format!(
        "  its web address  http://{address}/metrics, /readyz, /healthz\n  \
           what it follows  {folder}/policy.yaml; change it, and it follows the new one\n  \
           your own look    . {folder}/env && rolecall report      (in another terminal)\n\n"
    ));
    let mut log = daemon.log().map(|log| BufReader::new(log).lines());
    let mut teller = Teller { show, passed: false, written: Vec::new() };
    let kept = tokio::select! {
        kept = follow(&mut teller, &mut log, seed) => kept,
        ended = daemon.ended() => Err(match ended {
            Ok(Some(code)) => anyhow!("`rolecall run` ended with {code}, which is no part of the demo"),
            _ => anyhow!("`rolecall run` was killed"),
        }),
        () = show.stage.stop.cancelled() => Ok(()),
    };
    if kept.is_err() {
        teller.rest(&mut log).await;
    }
    daemon.end().await;
    kept
}

type Log = Option<Lines<BufReader<ChildStderr>>>;

/// Tells what the daemon does, and has something go wrong every few seconds once its first pass has ended.
async fn follow(teller: &mut Teller<'_>, log: &mut Log, seed: u64) -> Result<()> {
    let Some(log) = log else { bail!("the log of `rolecall run` cannot be read") };
    let mut rng = Rng::with_seed(seed);
    let pause = |rng: &mut Rng| Duration::from_millis(rng.u64(3_000..6_000));
    let mut next = Box::pin(sleep(Duration::from_secs(1)));
    loop {
        tokio::select! {
            line = log.next_line() => match line.context("cannot read what `rolecall run` says")? {
                Some(line) => teller.tell(&line),
                // It has ended, and whoever waits for that says so.
                None => std::future::pending().await,
            },
            () = &mut next, if teller.passed => {
                happen(teller.show, &mut rng)?;
                next = Box::pin(sleep(pause(&mut rng)));
            }
        }
    }
}

/// Has something happen in the organization: mostly drift, now and then a new cluster.
fn happen(show: &Show<'_>, rng: &mut Rng) -> Result<()> {
    let lab = &show.opened.lab;
    if rng.u8(..6) == 0 {
        if let Some(cluster) = newcomer(lab.world(), rng).context("cannot open a port for a new cluster")? {
            show.stage.event(
                YELLOW,
                "new",
                &format!("{}: eksctl made this cluster", place(show, &cluster.id.to_string())),
            );
            lab.add_cluster(cluster);
        }
    } else if let Some(told) = trickle(lab.world(), rng) {
        show.stage.event(YELLOW, "drift", &format!("{}: {}", place(show, &told.cluster.to_string()), told.what));
    }
    Ok(())
}

/// `payments-prod eu-west-1 core`, of a cluster as the log names it.
fn place(show: &Show<'_>, cluster: &str) -> String {
    let (account, rest) = cluster.split_once('/').unwrap_or((cluster, ""));
    let id = account.parse().ok();
    let state = show.opened.lab.world().read();
    let name = id.and_then(|id| state.accounts.get(&id)).map_or(account, |account| account.name.as_str());
    format!("{name} {}", rest.replace('/', " "))
}

/// What was written, with names in the place of their ARNs.
fn short(change: &str) -> String {
    let words = change.split(' ').map(|word| match word.rsplit_once('/') {
        Some((arn, name)) if arn.starts_with("arn:") && !name.is_empty() => name,
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Retells the daemon's log.
struct Teller<'a> {
    show: &'a Show<'a>,
    /// Whether a pass has ended.
    passed: bool,
    /// What was written in one cluster and not told yet: the cluster and the change.
    written: Vec<(String, String)>,
}

impl Teller<'_> {
    /// Tells one line, if it is worth it.
    fn tell(&mut self, line: &str) {
        let Ok(line) = serde_json::from_str::<Value>(line) else { return };
        let text = |field: &str| line.get(field).and_then(Value::as_str).unwrap_or_default();
        let (message, cluster) = (text("message"), text("cluster"));
        if self.written.first().is_some_and(|(other, _)| other != cluster) {
            self.tell_written();
        }
        if message == "pass ended" {
            let count = |field: &str| line.get(field).and_then(Value::as_u64).unwrap_or_default();
            if !self.passed {
                let (clusters, in_sync) = (count("clusters"), count("in_sync") + count("applied"));
                let words = format!("{in_sync} of {clusters} clusters after the daemon's first pass");
                self.show.stage.event(GREEN, "in sync", &words);
            }
            self.passed = true;
        } else if let Some(change) = message.strip_prefix("written: ") {
            self.written.push((cluster.to_owned(), format!("{} ({})", short(change), text("reason"))));
        } else if matches!(text("level"), "WARN" | "ERROR") && !message.starts_with("the schedule asks for a pass") {
            let place = if cluster.is_empty() { text("place").to_owned() } else { place(self.show, cluster) };
            let words = [place.as_str(), message, text("why")];
            let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
            self.show.stage.event(RED, "notice", &words.join(": "));
        }
    }

    /// Tells what was written in one cluster.
    fn tell_written(&mut self) {
        let written = std::mem::take(&mut self.written);
        let Some((cluster, first)) = written.first() else { return };
        let place = place(self.show, cluster);
        let words = match written.len() {
            1 => format!("{place}: {first}"),
            n => format!("{place}: {n} changes, first {first}"),
        };
        self.show.stage.event(GREEN, "corrected", &words);
    }

    /// Tells what the daemon said before it ended.
    async fn rest(&mut self, log: &mut Log) {
        let Some(log) = log else { return };
        while let Ok(Some(line)) = log.next_line().await {
            self.tell(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_change_names_who_it_is_about() {
        for (change, told) in [
            ("+ role arn:aws:iam::111122223333:role/ci/deployer", "+ role deployer"),
            ("~ user arn:aws:iam::111122223333:user/ana", "~ user ana"),
            ("- role arn:aws:iam::111122223333:role/", "- role arn:aws:iam::111122223333:role/"),
            ("- role arn:aws:iam::111122223333:root", "- role arn:aws:iam::111122223333:root"),
            ("+ RoleBinding team-a/edit", "+ RoleBinding team-a/edit"),
        ] {
            assert_eq!(super::short(change), told);
        }
    }
}
