//! `rolecall demo`: an organization that lives in this process, and rolecall at work on it.
//!
//! rolecall itself runs as a child process, by the command lines that are shown, and knows nothing of the demo: the
//! environment leads it to an AWS that is not real.

mod child;
mod keeping;
mod stage;

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::{
    args::DemoArgs,
    lab::{Folder, Opened, check, open, told_to_stop},
    terminal::Terminal,
};
use crate::{lab::blueprint::Drift, model::ExitCode};
use child::Child;
use stage::Stage;

/// How long every call takes: about as long as to a region nearby.
const LATENCY: Duration = Duration::from_millis(15);
/// The daemon's port, where it is free and no other is asked for.
const PORT: u16 = 8080;

pub(super) async fn demo(args: &DemoArgs, terminal: &Terminal) -> Result<ExitCode> {
    check(&args.size)?;
    let stop = told_to_stop()?;
    let stage = Stage::new(terminal, stop.clone());
    let web = if args.once { None } else { Some(listen(args.listen)?) };
    let mut folder = Folder::temporary("demo")?;
    stage.opening(&args.size);
    let Some(opened) = open(&args.size, Drift::Demo, LATENCY, 0, &stop).await? else {
        stage.called_off();
        return Ok(ExitCode::InSync);
    };
    let more = match &web {
        Some(web) => keeping::settings(web.local_addr().context("the web address is not known")?, &args.size),
        None => String::new(),
    };
    opened.write_files(&mut folder, &more)?;
    let show = Show { stage, opened, folder };
    let played = show.play(web, args.size.seed).await;
    let Show { stage, opened, folder } = show;
    drop(folder);
    opened.lab.stop();
    match played? {
        Played::InSync => stage.in_sync(),
        Played::CalledOff => stage.called_off(),
    }
    Ok(ExitCode::InSync)
}

/// Holds the web address, so that it is not found taken only later on.
fn listen(asked: Option<SocketAddr>) -> Result<TcpListener> {
    let any = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match asked {
        Some(address) => TcpListener::bind(address).with_context(|| format!("cannot listen on {address} (`--listen`)")),
        None => TcpListener::bind(any(PORT))
            .or_else(|_| TcpListener::bind(any(0)))
            .context("cannot find a port for the daemon's web address"),
    }
}

/// How the demo came to its end.
enum Played {
    /// Everything was shown.
    InSync,
    /// The person had enough.
    CalledOff,
}

struct Show<'t> {
    stage: Stage<'t>,
    opened: Opened,
    folder: Folder,
}

impl Show<'_> {
    async fn play(&self, web: Option<TcpListener>, seed: u64) -> Result<Played> {
        self.stage
            .scene(1, "The roll call: who gets into which cluster, compared with one policy. Nothing is written.");
        let Some(found) = self.run(&["plan", "--limit", "4"], &[0, 1]).await? else { return Ok(Played::CalledOff) };
        if found == 1 {
            self.stage.note("Exit code 1 stands for drift. In a report `+` is missing, `~` differs, `-` goes, and `!` is only told.");
        }
        self.stage.scene(2, "The correction: what is missing is added and checked before anything is taken away.");
        self.stage.aside("`--repair` also rewrites what does not parse, and keeps the broken text beside it.");
        let Some(_) = self.run(&["sync", "--repair", "--limit", "2"], &[0]).await? else {
            return Ok(Played::CalledOff);
        };
        self.stage
            .scene(3, "The second pass: there is nothing left to do. What is not rolecall's is told and left alone.");
        let Some(_) = self.run(&["report", "--limit", "2"], &[0]).await? else { return Ok(Played::CalledOff) };
        let Some(web) = web else { return Ok(Played::InSync) };
        self.stage.scene(4, "The daemon: drift trickles in every few seconds, and it corrects it, until Ctrl-C.");
        keeping::keep(self, web, seed).await?;
        Ok(Played::CalledOff)
    }

    /// Runs rolecall to its end; `None` when it was called off.
    async fn run(&self, arguments: &[&str], expected: &[i32]) -> Result<Option<i32>> {
        let mut child = self.start(arguments, false)?;
        let code = tokio::select! {
            ended = child.ended() => ended.context("cannot wait for rolecall")?,
            () = self.stage.stop.cancelled() => {
                child.end().await;
                return Ok(None);
            }
        };
        match code {
            Some(code) if expected.contains(&code) => Ok(Some(code)),
            Some(code) => bail!("`rolecall {}` ended with {code}, which is no part of the demo", arguments.join(" ")),
            None => bail!("`rolecall {}` was killed", arguments.join(" ")),
        }
    }

    fn start(&self, arguments: &[&str], logged: bool) -> Result<Child> {
        self.stage.command(arguments);
        let mut all = Vec::new();
        if let Some(color) = self.stage.color_flag() {
            all.extend(["--color", color]);
        }
        all.extend(arguments);
        Child::start(&all, self.folder.path(), &self.opened.environment(), logged)
            .context("cannot start rolecall as a child process (by `sh`)")
    }
}
