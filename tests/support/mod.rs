//! The real parts that tests run against, started once for the whole test process when the first test asks.
//!
//! [`world`] gives etcd, moto (the simulated AWS) and the tests' own STS; [`World::fresh_cluster`] starts a real
//! kube-apiserver with the real authenticator in about two seconds, and [`Organization`] makes accounts, roles and
//! clusters in moto. `tests/run` builds the binaries and says where they are.

pub mod certs;
mod cluster;
mod connect_proxy;
pub mod daemon;
pub mod ec2;
pub mod fleet;
pub mod front;
pub mod gate;
pub mod ministack;
mod organization;
pub mod people;
mod process;
pub mod scene;
mod sts;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub use cluster::RealCluster;
pub use fleet::Fleet;
pub use organization::{MEMBER_ROLE, Organization};
use process::Guarded;
pub use scene::Scene;
pub use sts::Sts;
use tokio::sync::OnceCell;

/// What all tests share. It is never dropped; its processes end with the test process.
pub struct World {
    /// moto's endpoint, for `AWS_ENDPOINT_URL`.
    pub moto_url: String,
    /// The STS through which everybody's sessions are made and checked.
    pub sts: Sts,
    etcd_url: String,
    apiserver: PathBuf,
    binaries: PathBuf,
    folder: PathBuf,
    _processes: [Guarded; 2],
    _sweeper: Child,
}

/// The shared parts, started by the first caller.
pub async fn world() -> &'static World {
    static WORLD: OnceCell<World> = OnceCell::const_new();
    WORLD.get_or_init(World::start).await
}

impl World {
    async fn start() -> Self {
        let binaries = PathBuf::from(required("ROLECALL_TEST_BIN"));
        let assets = std::env::var_os("KUBEBUILDER_ASSETS").filter(|path| !path.is_empty()).map(PathBuf::from);
        let apiserver = assets.as_ref().unwrap_or(&binaries).join("kube-apiserver");
        // The Go module that etcd is built from calls its binary `server`.
        let etcd = assets.as_ref().map_or_else(|| binaries.join("server"), |assets| assets.join("etcd"));
        let folder = tempfile::Builder::new().prefix("rolecall-tests-").tempdir().unwrap().keep();
        let sweeper = process::sweep_at_end(&folder);

        let (etcd_port, moto_port) = (free_port(), free_port());
        let etcd_url = format!("http://127.0.0.1:{etcd_port}");
        let mut etcd = Guarded::start(&etcd_command(&etcd, &folder, &etcd_url), &folder.join("etcd.log"));
        let mut moto = Command::new(required("ROLECALL_TEST_MOTO"));
        moto.args(["-H", "127.0.0.1", "-p", &moto_port.to_string()]).current_dir(&folder);
        let mut moto = Guarded::start(&moto, &folder.join("moto.log"));
        etcd.wait_ready(async || listens(etcd_port)).await;
        moto.wait_ready(async || listens(moto_port)).await;

        let moto_url = format!("http://127.0.0.1:{moto_port}");
        let sts = Sts::start(&moto_url);
        std::fs::write(folder.join("sts-ca.crt"), &sts.ca_pem).unwrap();
        let processes = [etcd, moto];
        Self { moto_url, sts, etcd_url, apiserver, binaries, folder, _processes: processes, _sweeper: sweeper }
    }

    /// Starts a cluster of its own for one test: about 2 s and 210 MiB. `name` is the name tokens are made for.
    pub async fn fresh_cluster(&self, name: &str) -> RealCluster {
        RealCluster::start(self, name, None).await
    }

    /// The same, made by this role, which therefore gets in as `kubernetes-admin` in `system:masters` without any row.
    pub async fn fresh_cluster_of(&self, name: &str, creator: &str) -> RealCluster {
        RealCluster::start(self, name, Some(creator)).await
    }

    /// A new folder that is removed when the test process ends.
    pub fn new_folder(&self, name: &str) -> PathBuf {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let folder = self.folder.join(format!("{}-{name}", COUNT.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir(&folder).unwrap();
        folder
    }
}

/// Asks again until `ask` has an answer; panics with `what` after 30 s.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "within 30 s there was no {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn required(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set: run this test by `tests/run`"))
}

fn etcd_command(binary: &Path, folder: &Path, url: &str) -> Command {
    let peer = format!("http://127.0.0.1:{}", free_port());
    let mut command = Command::new(binary);
    command.args([
        &format!("--data-dir={}", folder.join("etcd").display()),
        &format!("--listen-client-urls={url}"),
        &format!("--advertise-client-urls={url}"),
        &format!("--listen-peer-urls={peer}"),
        &format!("--initial-advertise-peer-urls={peer}"),
        &format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]);
    command
}

/// A port nobody listens on, below those that the kernel gives to outgoing connections, so that none of these can
/// take it before its server does. Where in that range a process begins depends on its id.
fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(COUNT)).unwrap();
    (0..COUNT)
        .map(|_| NEXT.fetch_add(1, Ordering::Relaxed))
        .map(|offset| FIRST + u16::try_from((u32::from(start) + u32::from(offset)) % u32::from(COUNT)).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}
