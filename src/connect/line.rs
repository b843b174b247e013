//! One connection to an API server for all that is asked there.
//!
//! A cluster is read by several calls at the same time. Over HTTP/1 each takes a connection and a TLS handshake of its own,
//! which is most of the work of reading it, for both sides; over HTTP/2, which every API server speaks, they share one.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connection, HttpConnector},
    },
    rt::TokioExecutor,
};
use kube::{Config, client::Body, client::ConfigExt};
use rustls::pki_types::ServerName;
use tower::{BoxError, Service, ServiceExt};

type Connector = TimeoutConnector<HttpsConnector<HttpConnector>>;
type Io = <Connector as Service<Uri>>::Response;

/// Why there is no connection. All calls that waited for it share it.
#[derive(Clone, Debug)]
pub(super) struct ConnectError(Arc<dyn Error + Send + Sync>);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting")
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// The way to one API server without a proxy. The first call connects, whatever comes at the same time waits for it, and
/// what was negotiated there decides: HTTP/2 on that connection, or HTTP/1 on as many as it takes.
#[derive(Clone)]
pub(super) struct Line {
    server: Uri,
    connector: Connector,
    first: Arc<Mutex<Option<Io>>>,
    is_http2: Arc<Mutex<Option<Negotiation>>>,
    http1: Client<FirstThenMore, Body>,
    http2: Client<FirstThenMore, Body>,
}

type Negotiation = Shared<BoxFuture<'static, Result<bool, ConnectError>>>;

impl Line {
    /// Connects to nothing yet. Server, certificates and timeouts are the configuration's.
    ///
    /// # Errors
    /// When certificates or the server's name cannot be used.
    pub(super) fn new(config: &Config) -> Result<Self, kube::Error> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        let mut tls = HttpsConnectorBuilder::new().with_tls_config(config.rustls_client_config()?).https_or_http();
        if let Some(name) = &config.tls_server_name {
            let name = ServerName::try_from(name.clone()).map_err(|error| kube::Error::Service(error.into()))?;
            tls = tls.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let mut connector = TimeoutConnector::new(tls.enable_all_versions().wrap_connector(tcp));
        connector.set_connect_timeout(config.connect_timeout);
        connector.set_read_timeout(config.read_timeout);
        connector.set_write_timeout(config.write_timeout);
        connector.set_reset_reader_on_write(config.reset_reader_on_write);
        let first = Arc::default();
        let connections = FirstThenMore { first: Arc::clone(&first), more: connector.clone() };
        let client = |http2| Client::builder(TokioExecutor::new()).http2_only(http2).build(connections.clone());
        let (http1, http2, server) = (client(false), client(true), config.cluster_url.clone());
        Ok(Self { server, connector, first, is_http2: Arc::default(), http1, http2 })
    }

    /// Whether the server speaks HTTP/2. What failed before is tried again.
    fn negotiation(&self) -> Negotiation {
        let mut held = self.is_http2.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = held.as_ref().filter(|known| !matches!(known.peek(), Some(Err(_)))) {
            return known.clone();
        }
        let (connector, server, first) = (self.connector.clone(), self.server.clone(), Arc::clone(&self.first));
        let negotiating = async move {
            let io = connector.oneshot(server).await.map_err(|error| ConnectError(error.into()))?;
            let is_http2 = io.connected().is_negotiated_h2();
            *first.lock().unwrap_or_else(PoisonError::into_inner) = Some(io);
            Ok(is_http2)
        };
        held.insert(negotiating.boxed().shared()).clone()
    }
}

impl Service<Request<Body>> for Line {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (negotiation, http1, http2) = (self.negotiation(), self.http1.clone(), self.http2.clone());
        async move {
            let client = if negotiation.await? { http2 } else { http1 };
            Ok(client.request(request).await?)
        }
        .boxed()
    }
}

/// Gives out the connection that was made first, then new ones.
#[derive(Clone)]
struct FirstThenMore {
    first: Arc<Mutex<Option<Io>>>,
    more: Connector,
}

impl Service<Uri> for FirstThenMore {
    type Response = Io;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Io, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.more.poll_ready(cx)
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        match self.first.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(first) => std::future::ready(Ok(first)).boxed(),
            None => self.more.call(server),
        }
    }
}
