//! `rolecall lab`: an organization that lives in this process, for any AWS or Kubernetes tool.

use std::{
    env, fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{
    args::{DriftArg, LabArgs, SizeArgs},
    terminal::Terminal,
};
use crate::{
    lab::{
        Lab, Peace,
        blueprint::{Blueprint, Built, Drift, HubKey},
        world::World,
    },
    model::{ExitCode, Region},
};

/// Where the clusters are.
pub(super) const REGIONS: [&str; 3] = ["eu-west-1", "eu-central-1", "us-east-1"];

/// How many clusters EKS allows in one region of an account.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html>.
const PER_REGION: usize = 100;

/// What leads AWS tools elsewhere than to the lab.
const MISLEADING: [&str; 18] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CA_BUNDLE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

pub(super) async fn lab(args: &LabArgs, terminal: &Terminal) -> Result<ExitCode> {
    check(&args.size)?;
    let stop = told_to_stop()?;
    let drift = match args.drift {
        DriftArg::None => Drift::None,
        DriftArg::Missing => Drift::Missing,
        DriftArg::Demo => Drift::Demo,
    };
    let mut folder = match &args.dir {
        Some(path) => Folder::given(path)?,
        None => Folder::temporary("lab")?,
    };
    let Some(opened) = open(&args.size, drift, args.latency, args.port, &stop).await? else {
        return Ok(ExitCode::InSync);
    };
    let exports = opened.write_files(&mut folder, "")?;
    terminal.print(&exports)?;
    terminal.say(&format!(
        "Serving {} until Ctrl-C. The same lines are in {}.\n",
        opened.words(),
        folder.path().join("env").display()
    ));
    stop.cancelled().await;
    drop(folder);
    opened.lab.stop();
    terminal.say("Stopped: the organization is gone.\n");
    Ok(ExitCode::InSync)
}

/// Says by the first line of a file that it may be written over.
const MARK: &str = "# Made by rolecall for an organization that is not real.";

/// A lab that answers.
pub(super) struct Opened {
    pub(super) lab: Lab,
    policy: &'static str,
    settings: String,
    hub: HubKey,
}

/// Whether so many clusters have room in so many accounts.
///
/// # Errors
/// When they have not.
pub(super) fn check(size: &SizeArgs) -> Result<()> {
    let (accounts, clusters) = (usize::from(size.accounts), usize::from(size.clusters));
    // Half of a small organization's accounts have no clusters.
    let most = accounts / 2 * PER_REGION * REGIONS.len();
    if clusters > most {
        bail!(
            "{clusters} clusters are too many for {accounts} accounts: at most {most} here, as EKS allows {PER_REGION} in a \
             region of an account; raise `--accounts`"
        );
    }
    Ok(())
}

/// Draws an organization and opens its doors; `None` when it was told to stop before.
///
/// # Errors
/// When the machine does not give the ports and files that it takes.
pub(super) async fn open(
    size: &SizeArgs,
    drift: Drift,
    latency: Duration,
    port: u16,
    stop: &CancellationToken,
) -> Result<Option<Opened>> {
    let (accounts, clusters) = (usize::from(size.accounts), usize::from(size.clusters));
    let regions = REGIONS.map(Region::new).to_vec();
    let blueprint = Blueprint { accounts, clusters, regions, seed: size.seed, drift };
    let opening = tokio::task::spawn_blocking(move || {
        let Built { state, policy, settings, hub, .. } = blueprint.build(Timestamp::now()).with_context(|| {
            format!("cannot open a port for each of {clusters} clusters; `ulimit -n` says how many files there may be")
        })?;
        let world = World::new(state);
        world.set_interference(Arc::new(Peace { latency }));
        let lab = Lab::start_on(world, port).with_context(|| match port {
            0 => "cannot open a port for AWS".to_owned(),
            port => format!("cannot listen on 127.0.0.1:{port} (`--port`)"),
        })?;
        Ok(Opened { lab, policy, settings, hub })
    });
    tokio::select! {
        opened = opening => opened.context("the organization could not be drawn")?.map(Some),
        () = stop.cancelled() => Ok(None),
    }
}

impl Opened {
    /// The variables that lead AWS tools to it.
    pub(super) fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", self.lab.url().to_owned()),
            ("AWS_ACCESS_KEY_ID", self.hub.id.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.hub.secret.clone()),
            ("AWS_REGION", REGIONS[0].to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ]
    }

    /// The same for a shell, with rolecall's settings.
    fn exports(&self, folder: &Path) -> String {
        let settings = ("ROLECALL_SETTINGS", folder.join("rolecall.yaml").display().to_string());
        let mut exports = format!("unset {}\n", MISLEADING.join(" "));
        for (name, value) in self.environment().into_iter().chain([settings]) {
            exports.extend(["export ", name, "=", &quoted(&value), "\n"]);
        }
        exports
    }

    /// Writes policy, settings (with more keys) and, last, `env` with the exports, and gives these.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn write_files(&self, folder: &mut Folder, more: &str) -> Result<String> {
        folder.write("policy.yaml", &format!("{MARK}\n{}", self.policy))?;
        folder.write("rolecall.yaml", &format!("{MARK}\n{}{more}", self.settings))?;
        let exports = self.exports(folder.path());
        folder.write_for_now("env", &exports)?;
        Ok(exports)
    }

    /// `40 accounts and 120 clusters in 3 regions`.
    pub(super) fn words(&self) -> String {
        let state = self.lab.world().read();
        let (accounts, clusters) = (state.accounts.len(), state.clusters.len());
        let noun = if clusters == 1 { "cluster" } else { "clusters" };
        format!("{accounts} accounts and {clusters} {noun} in {}", REGIONS.join(", "))
    }
}

/// Whether a variable of this process would lead a child elsewhere than to the lab.
pub(super) fn misleads(name: &str) -> bool {
    name.starts_with("AWS_") || name == "ROLECALL_SETTINGS" || MISLEADING.contains(&name)
}

/// A value for a shell.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/:._-".contains(c);
    if value.chars().all(plain) { value.to_owned() } else { format!("'{}'", value.replace('\'', "'\\''")) }
}

/// Cancelled at the first SIGINT, SIGTERM or SIGHUP.
///
/// # Errors
/// When signals cannot be watched.
pub(super) fn told_to_stop() -> Result<CancellationToken> {
    let watch = |kind| signal(kind).context("cannot watch signals");
    let (mut interrupt, mut terminate, mut hangup) =
        (watch(SignalKind::interrupt())?, watch(SignalKind::terminate())?, watch(SignalKind::hangup())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        told.cancel();
    });
    Ok(stop)
}

/// A latency from the command line.
pub(super) fn latency(text: &str) -> Result<Duration, String> {
    let parsed =
        text.parse::<SignedDuration>().map_err(|_| "it is written with its unit, such as 40ms or 1s".to_owned())?;
    match Duration::try_from(parsed) {
        Ok(latency) if latency <= Duration::from_mins(1) => Ok(latency),
        _ => Err("it is from 0s to 60s".to_owned()),
    }
}

/// A directory for the files; what was made for now goes with it.
pub(super) struct Folder {
    path: PathBuf,
    temporary: bool,
    for_now: Vec<PathBuf>,
}

impl Folder {
    /// A new one that only this user may look into, removed at the end.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn temporary(what: &str) -> Result<Self> {
        let name = format!("rolecall-{what}-{}", std::process::id());
        for attempt in 0..100 {
            let path = env::temp_dir().join(if attempt == 0 { name.clone() } else { format!("{name}-{attempt}") });
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                // Another process of this number may have left one behind.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
                Ok(()) => return Ok(Self { path, temporary: true, for_now: Vec::new() }),
            }
        }
        bail!("cannot make a directory {name} in {}: there are too many", env::temp_dir().display())
    }

    fn given(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        let path = path.canonicalize().with_context(|| format!("cannot find {}", path.display()))?;
        for name in ["rolecall.yaml", "policy.yaml"] {
            let file = path.join(name);
            if fs::read_to_string(&file).is_ok_and(|text| !text.starts_with(MARK)) {
                bail!("{} is somebody's own and is not written over: choose another `--dir`", file.display());
            }
        }
        Ok(Self { path, temporary: false, for_now: Vec::new() })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let (path, new) = (self.path.join(name), self.path.join(format!(".{name}.new")));
        // Renamed, so that whoever waits for it finds it whole.
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes a file that goes at the end, even where the directory stays.
    ///
    /// # Errors
    /// When it cannot be written.
    fn write_for_now(&mut self, name: &str, text: &str) -> Result<()> {
        self.write(name, text)?;
        self.for_now.push(self.path.join(name));
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is not missed either.
        if self.temporary {
            drop(fs::remove_dir_all(&self.path));
        } else {
            self.for_now.iter().for_each(|path| drop(fs::remove_file(path)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn latencies_have_a_unit_and_a_limit() {
        assert_eq!(latency("40ms").unwrap(), Duration::from_millis(40));
        assert_eq!(latency("1s").unwrap(), Duration::from_secs(1));
        for wrong in ["40", "", "-1s", "2m", "fast"] {
            assert!(latency(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_survive_a_shell() {
        assert_eq!(quoted("http://127.0.0.1:1/"), "http://127.0.0.1:1/");
        assert_eq!(quoted("a b'c"), "'a b'\\''c'");
    }

    #[test]
    fn nobodys_own_files_are_written_over() {
        let folder = tempfile::tempdir().unwrap();
        Folder::given(folder.path()).unwrap().write("policy.yaml", MARK).unwrap();
        assert!(Folder::given(folder.path()).is_ok());
        fs::write(folder.path().join("rolecall.yaml"), "kind: Settings\n").unwrap();
        assert!(Folder::given(folder.path()).is_err());
    }

    #[test]
    fn a_temporary_directory_goes_and_a_given_one_keeps_all_but_what_was_for_now() {
        let mut temporary = Folder::temporary("test").unwrap();
        let path = temporary.path().to_owned();
        temporary.write_for_now("env", "x").unwrap();
        assert!(path.join("env").exists());
        drop(temporary);
        assert!(!path.exists());
        let given = tempfile::tempdir().unwrap();
        let mut folder = Folder::given(given.path()).unwrap();
        folder.write("policy.yaml", "x").unwrap();
        folder.write_for_now("env", "x").unwrap();
        drop(folder);
        assert!(given.path().join("policy.yaml").exists() && !given.path().join("env").exists());
    }
}
