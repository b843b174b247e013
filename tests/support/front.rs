//! A door before a real API server, behind which things happen at the worst moment.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use kube::client::Body;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{RealCluster, certs::Authority};

/// What happens at a write of aws-auth, which is counted from 0.
pub enum Trick {
    /// The write goes through and its answer is lost: the connection ends.
    LoseAnswer,
    /// This is done before the write goes through.
    Before(Act),
}

type Act = Box<dyn Fn(usize) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A TLS server that hands every request on to the API server as it came, with the caller's own credentials.
pub struct Front {
    /// The rule for `clusters.connect` that leads rolecall through it, as YAML in one line.
    pub connect_rule: String,
    state: Arc<State>,
}

struct State {
    api: kube::Client,
    trick: Trick,
    writes: AtomicUsize,
}

impl Front {
    /// Opens the door of a cluster; it closes when the runtime of the test ends.
    pub async fn of(cluster: &RealCluster, trick: Trick) -> Self {
        let authority = Authority::new("front CA");
        let ca_file = cluster.ca_file.with_file_name("front.crt");
        std::fs::write(&ca_file, authority.pem()).unwrap();
        let (certificate, key) = authority.issue(&["127.0.0.1"]);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();

        let mut behind = kube::Config::new(cluster.server.parse().unwrap());
        behind.root_cert_file = Some(cluster.ca_file.clone());
        behind.default_retry = false;
        let api = kube::Client::try_from(behind).unwrap();
        let state = Arc::new(State { api, trick, writes: AtomicUsize::new(0) });

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("https://{}", listener.local_addr().unwrap());
        let (name, ca) = (&cluster.name, ca_file.display());
        let connect_rule = format!("{{match: {{clusters: [{name}]}}, server: \"{server}\", caFile: \"{ca}\"}}");
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), Arc::clone(&state)));
        Self { connect_rule, state }
    }

    /// How many writes of aws-auth have come.
    pub fn writes(&self) -> usize {
        self.state.writes.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            // What the client misses shows in its own report.
            let _ = connection(stream, &acceptor, &state).await;
        });
    }
}

async fn connection(stream: TcpStream, acceptor: &TlsAcceptor, state: &Arc<State>) -> Result<(), BoxError> {
    let stream = acceptor.accept(stream).await?;
    let service = service_fn(|request| pass_on(Arc::clone(state), request));
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?;
    Ok(())
}

async fn pass_on(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let write = request.method() == Method::PUT && request.uri().path().ends_with("/configmaps/aws-auth");
    let (mut head, body) = request.into_parts();
    let body: Bytes = body.collect().await?.to_bytes();
    // The client behind puts the server's own address before the path.
    head.uri = Uri::builder().path_and_query(head.uri.path_and_query().ok_or("no path")?.clone()).build()?;
    head.headers.remove(http::header::HOST);
    let request = Request::from_parts(head, Body::from(body.to_vec()));
    if !write {
        return Ok(state.api.send(request).await?);
    }
    let count = state.writes.fetch_add(1, Ordering::SeqCst);
    match &state.trick {
        Trick::Before(act) => {
            act(count).await;
            Ok(state.api.send(request).await?)
        }
        Trick::LoseAnswer if count == 0 => {
            let answer = state.api.send(request).await?;
            assert!(answer.status().is_success(), "{answer:?}");
            Err("the answer is lost".into())
        }
        Trick::LoseAnswer => Ok(state.api.send(request).await?),
    }
}
