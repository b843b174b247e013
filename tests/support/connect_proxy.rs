//! The CONNECT proxy behind which every regional host name of STS and EC2 is the STS and the EC2 of the tests.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::ec2;
use super::sts::Ledger;

/// Serves until the listener's runtime ends.
pub(super) async fn serve(listener: TcpListener, ledger: Arc<Ledger>) {
    while let Ok((stream, _)) = listener.accept().await {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move {
            // A client that goes away early is its own affair: what it misses shows in its own log.
            let _ = tunnel(stream, ledger).await;
        });
    }
}

async fn tunnel(mut stream: TcpStream, ledger: Arc<Ledger>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let target = connect_target(&mut stream).await?;
    let host = target.strip_suffix(":443").unwrap_or_default();
    let Some(service) = service(host) else {
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await?;
        return Ok(());
    };
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let stream = acceptor(&ledger, host)?.accept(stream).await?;
    let serve = service_fn(|request| respond(&service, &ledger, request));
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await?;
    Ok(())
}

async fn respond(
    service: &Service,
    ledger: &Ledger,
    request: http::Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    match service {
        Service::Sts => Ok(ledger.caller_identity(request.uri().query().unwrap_or_default(), request.headers())),
        Service::Ec2 => {
            let body = request.into_body().collect().await?.to_bytes();
            Ok(ec2::describe_instances(&String::from_utf8_lossy(&body)))
        }
    }
}

/// What is behind a host name.
enum Service {
    Sts,
    Ec2,
}

fn service(host: &str) -> Option<Service> {
    let (service, rest) = host.split_once('.')?;
    match service {
        "sts" if is_aws(rest) => Some(Service::Sts),
        "ec2" if is_aws(rest) => Some(Service::Ec2),
        _ => None,
    }
}

/// Reads `CONNECT host:port HTTP/1.1` and the headers after it, byte by byte so that nothing of the tunnel is lost.
async fn connect_target(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut words = head.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some("CONNECT"), Some(target)) => Ok(target.to_owned()),
        _ => Ok(String::new()),
    }
}

/// `[<region>.]amazonaws.com[.cn]`.
fn is_aws(rest: &str) -> bool {
    let region = rest.strip_suffix("amazonaws.com").or_else(|| rest.strip_suffix("amazonaws.com.cn"));
    region.is_some_and(|region| region.is_empty() || region.ends_with('.'))
}

fn acceptor(ledger: &Ledger, host: &str) -> Result<TlsAcceptor, tokio_rustls::rustls::Error> {
    let (certificate, key) = ledger.authority.issue(&[host]);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
