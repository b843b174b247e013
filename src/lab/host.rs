//! The running lab.

use std::{
    fmt, io,
    net::TcpListener,
    sync::Arc,
    thread::{self, JoinHandle},
};

use tokio::runtime::{Builder, Handle};
use tokio_util::sync::CancellationToken;

use super::{
    aws::AwsDesk,
    door,
    world::{World, eks::EksCluster},
};
use crate::limits;

/// A lab that answers, on a runtime of its own so that it depends on nobody's. Stopped when dropped.
pub struct Lab {
    world: Arc<World>,
    url: String,
    cancel: CancellationToken,
    runtime: Handle,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Lab {
    /// Opens the AWS side on a free port of this machine, and the API server of every cluster.
    ///
    /// # Errors
    /// When there is no port or no thread to be had.
    pub fn start(world: Arc<World>) -> io::Result<Self> {
        Self::start_on(world, 0)
    }

    /// The same with the AWS side on this port; 0 stands for any that is free.
    ///
    /// # Errors
    /// When the port is taken, or there is none or no thread to be had.
    pub fn start_on(world: Arc<World>, port: u16) -> io::Result<Self> {
        limits::raise_open_files();
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let url = format!("http://{}", listener.local_addr()?);
        let runtime = Builder::new_multi_thread().enable_all().thread_name("lab").build()?;
        let (handle, cancel) = (runtime.handle().clone(), CancellationToken::new());
        {
            let _inside = handle.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let desk = Arc::new(AwsDesk::new(Arc::clone(&world)));
            runtime.spawn(door::serve(listener, None, Arc::clone(&world), desk, cancel.clone()));
            for cluster in world.read().clusters.values() {
                drop(cluster.api.serve(&world, cancel.clone()));
            }
        }
        let stopped = cancel.clone();
        // A runtime that is dropped waits until its tasks let go of their sockets, which no async caller may do.
        let host = move || {
            runtime.block_on(stopped.cancelled());
            drop(runtime);
        };
        let thread = thread::Builder::new().name("lab".to_owned()).spawn(host)?;
        Ok(Self { world, url, cancel, runtime: handle, thread: Some(thread) })
    }

    /// Where AWS is, for AWS_ENDPOINT_URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What there is in it.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// Adds a cluster and opens its API server.
    pub fn add_cluster(&self, cluster: EksCluster) {
        let _inside = self.runtime.enter();
        drop(cluster.api.serve(&self.world, self.cancel.clone()));
        self.world.write().clusters.insert(cluster.id.clone(), cluster);
    }

    /// Ends everything; when this returns, every port is free.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(thread) = self.thread.take() {
            // It ends without a result; one that panicked has freed its ports too.
            drop(thread.join());
        }
    }
}
