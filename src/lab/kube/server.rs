//! The API server itself.

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{certs, status::Status, store::Store};
use crate::{
    lab::{Call, Refusal, door, host, world::World},
    model::ClusterId,
};

/// A cluster's API server: its address, its CA and what is stored in it.
pub struct ApiServer {
    id: ClusterId,
    address: SocketAddr,
    ca_pem: String,
    tls: Arc<ServerConfig>,
    listener: Mutex<Option<TcpListener>>,
    store: Store,
    closed: CancellationToken,
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("id", &self.id).field("address", &self.address).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// One with what a fresh cluster has, on a port of its own that is bound right away.
    ///
    /// # Errors
    /// When there is no port, or no certificate can be made.
    pub fn new(id: ClusterId) -> io::Result<Arc<Self>> {
        host::raise_open_files();
        let certificates = certs::issue(&id.to_string())?;
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let (address, store) = (listener.local_addr()?, Store::new(&id));
        let (ca_pem, tls) = (certificates.ca_pem, certificates.tls);
        Ok(Arc::new(Self {
            id,
            address,
            ca_pem,
            tls,
            listener: Mutex::new(Some(listener)),
            store,
            closed: CancellationToken::new(),
        }))
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its CA.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// A bearer token in `system:masters`, for seeding and tests.
    pub fn admin_token(&self) -> String {
        format!("lab-admin-{}", self.id.name)
    }

    /// What is stored in it.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Answers on the current runtime until it is cancelled; its port is free when the task has ended. It is served once.
    pub fn serve(self: &Arc<Self>, world: &Arc<World>, cancel: CancellationToken) -> JoinHandle<()> {
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        let tls = TlsAcceptor::from(Arc::clone(&self.tls));
        let desk = Arc::new(Desk { server: Arc::clone(self), world: Arc::clone(world) });
        let (world, closed) = (Arc::clone(world), self.closed.clone());
        tokio::spawn(async move {
            if let Some(Ok(listener)) = listener.map(tokio::net::TcpListener::from_std) {
                tokio::select! {
                    () = door::serve(listener, Some(tls), world, desk, cancel) => {}
                    () = closed.cancelled() => {}
                }
            }
        })
    }

    /// Ends its service for good: the cluster was deleted.
    pub fn close(&self) {
        self.closed.cancel();
    }
}

/// The API server of one world.
struct Desk {
    server: Arc<ApiServer>,
    world: Arc<World>,
}

impl door::Desk for Desk {
    fn call(&self, request: &Request<Bytes>) -> Call {
        let id = &self.server.id;
        Call {
            service: "kubernetes",
            operation: request.uri().path().to_owned(),
            account: Some(id.account.clone()),
            region: Some(id.region.clone()),
            cluster: Some(id.clone()),
            writes: request.method() != http::Method::GET,
        }
    }

    fn answer(&self, _request: &Request<Bytes>) -> Response<Bytes> {
        let _ = &self.world;
        Status::new(404, "NotFound", "the server could not find the requested resource").response()
    }

    fn refuse(&self, _request: &Request<Bytes>, refusal: &Refusal) -> Response<Bytes> {
        Status::new(refusal.status, &refusal.code, &refusal.message).response()
    }
}
