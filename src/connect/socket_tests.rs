//! What becomes of real connections that do not work out.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{ConnectTarget, client, fake, unreadable};
use crate::model::{Secret, Unreadable, UnreadableKind};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// What a server does with a connection once TLS stands.
#[derive(Clone, Copy)]
enum Manner {
    Answer,
    /// The first connection breaks without an answer, the others bring one.
    BreakOnce,
    Silent,
}

/// A TLS server on a local port whose certificate bears the name, valid until the year.
fn serve(authority: &Authority, name: &str, until: i32, manner: Manner) -> u16 {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    let mut first = true;
    listen(move |stream| {
        let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::StreamOwned::new(connection, stream);
        let mut request = [0; 4096];
        if tls.read(&mut request).is_err() {
            return;
        }
        let breaks = matches!(manner, Manner::BreakOnce) && std::mem::take(&mut first);
        match manner {
            Manner::BreakOnce if breaks => {}
            Manner::Answer | Manner::BreakOnce => {
                let body = r#"{"metadata":{"name":"aws-auth"}}"#;
                let _ = write!(tls, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            }
            // Until the client gives up.
            Manner::Silent => while tls.read(&mut request).is_ok_and(|read| read > 0) {},
        }
    })
}

fn listen(handle: impl FnMut(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || listener.incoming().flatten().for_each(handle));
    port
}

/// A port on which nobody listens.
fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn to(port: u16, authority: &Authority) -> ConnectTarget {
    ConnectTarget {
        server: format!("https://127.0.0.1:{port}"),
        ca_pem: authority.pem().into_bytes(),
        tls_server_name: Some("kubernetes".to_owned()),
        proxy: None,
        timeout: Duration::from_secs(20),
    }
}

async fn ask(target: &ConnectTarget) -> Result<ConfigMap, Unreadable> {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let client = client(target, &fake::id(), SharedCredentialsProvider::new(credentials))?;
    let api: Api<ConfigMap> = Api::namespaced(client, "kube-system");
    api.get("aws-auth").await.map_err(|error| unreadable(&error, "reading aws-auth", &fake::id()))
}

#[tokio::test]
async fn a_server_whose_certificate_fits_is_reached() {
    let authority = authority();
    let port = serve(&authority, "kubernetes", 2099, Manner::Answer);
    assert_eq!(ask(&to(port, &authority)).await.unwrap().metadata.name.as_deref(), Some("aws-auth"));
    let both = [super::socket_tests::authority().pem(), authority.pem()].concat();
    let rotating = ConnectTarget { ca_pem: both.into_bytes(), ..to(port, &authority) };
    ask(&rotating).await.unwrap();
}

#[tokio::test]
async fn what_is_read_is_asked_again_when_the_connection_breaks() {
    let authority = authority();
    let port = serve(&authority, "kubernetes", 2099, Manner::BreakOnce);
    assert_eq!(ask(&to(port, &authority)).await.unwrap().metadata.name.as_deref(), Some("aws-auth"));
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_told_apart() {
    let (right, wrong) = (authority(), authority());
    let port = serve(&right, "kubernetes", 2099, Manner::Answer);
    let foreign = ask(&to(port, &wrong)).await.unwrap_err();
    let name = ConnectTarget { tls_server_name: Some("other".to_owned()), ..to(port, &right) };
    let misnamed = ask(&name).await.unwrap_err();
    let expired = ask(&to(serve(&right, "kubernetes", 2001, Manner::Answer), &right)).await.unwrap_err();
    for (why, words) in [
        (foreign, "does not come from the cluster's CA"),
        (misnamed, "bears another name"),
        (expired, "not valid at this time"),
    ] {
        assert_eq!(why.kind, UnreadableKind::Tls, "{why}");
        assert!(why.message.contains(words), "{why}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_a_tls_failure_and_a_bundle_without_certificates_too() {
    let plain = listen(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let why = ask(&to(plain, &authority())).await.unwrap_err();
    assert_eq!(why.kind, UnreadableKind::Tls, "{why}");
    let empty = ConnectTarget { ca_pem: b"nothing".to_vec(), ..to(plain, &authority()) };
    assert_eq!(ask(&empty).await.unwrap_err().kind, UnreadableKind::Tls);
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_unreachable() {
    let refused = ask(&to(closed_port(), &authority())).await.unwrap_err();
    assert_eq!(refused.kind, UnreadableKind::Unreachable);
    assert!(refused.message.contains("refused"), "{refused}");
    let unknown = ConnectTarget { server: "https://nowhere.invalid".to_owned(), ..to(1, &authority()) };
    let unknown = ask(&unknown).await.unwrap_err();
    assert_eq!(unknown.kind, UnreadableKind::Unreachable);
    assert!(unknown.next.unwrap().contains("does not resolve"), "{}", unknown.message);
}

#[tokio::test]
async fn a_proxy_that_is_down_or_refuses_is_named() {
    let refusing = listen(|mut stream| {
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n");
    });
    for port in [refusing, closed_port()] {
        let proxy = format!("127.0.0.1:{port}");
        let target =
            ConnectTarget { proxy: Some(Secret::new(format!("http://me:hidden@{proxy}"))), ..to(1, &authority()) };
        let why = ask(&target).await.unwrap_err();
        assert_eq!(why.kind, UnreadableKind::Unreachable, "{why}");
        assert!(why.next.as_ref().unwrap().contains(&proxy) && !format!("{why:?}").contains("hidden"), "{why:?}");
    }
}

#[tokio::test]
async fn a_server_that_takes_the_connection_and_never_answers_is_a_timeout() {
    let authority = authority();
    let port = serve(&authority, "kubernetes", 2099, Manner::Silent);
    let target = ConnectTarget { timeout: Duration::from_secs(2), ..to(port, &authority) };
    assert_eq!(ask(&target).await.unwrap_err().kind, UnreadableKind::Timeout);
}

#[tokio::test]
async fn a_server_that_never_says_anything_is_unreachable() {
    let held = std::sync::Mutex::new(Vec::new());
    let port = listen(move |stream| held.lock().unwrap().push(stream));
    let target = ConnectTarget { timeout: Duration::from_millis(200), ..to(port, &authority()) };
    let why = ask(&target).await.unwrap_err();
    assert_eq!(why.kind, UnreadableKind::Unreachable);
    assert!(why.message.contains("nobody took the connection in time"), "{why}");
}
