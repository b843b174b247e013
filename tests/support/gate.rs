//! An admission webhook that holds writes up until it is told to let them through.

use std::convert::Infallible;

use axum::body::Body;
use base64::Engine as _;
use http_body_util::BodyExt as _;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use super::{RealCluster, certs::Authority, eventually};

/// Holds updates of `ConfigMaps` up in one cluster.
pub struct Gate {
    open: watch::Sender<bool>,
    waiting: watch::Receiver<usize>,
}

impl Gate {
    /// Closes it. It serves on the runtime of the test.
    pub async fn close(cluster: &RealCluster) -> Self {
        let authority = Authority::new("gate CA");
        let (certificate, key) = authority.issue(&["127.0.0.1"]);
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        let (open, opened) = watch::channel(false);
        let (waits, waiting) = watch::channel(0);
        tokio::spawn(serve(listener, TlsAcceptor::from(std::sync::Arc::new(config)), opened, waits));
        ask_at(cluster, &url, &authority.pem()).await;
        Self { open, waiting }
    }

    /// Waits until a write stands before it.
    pub async fn holds_one(&self) {
        eventually("write held up", async || (*self.waiting.borrow() > 0).then_some(())).await;
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

async fn ask_at(cluster: &RealCluster, url: &str, ca: &str) {
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "gate"},
        "webhooks": [{
            "name": "gate.example.com",
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 30,
            "clientConfig": {"url": url, "caBundle": base64::engine::general_purpose::STANDARD.encode(ca)},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}],
        }],
    });
    let webhook: DynamicObject = serde_json::from_value(webhook).unwrap();
    let kind = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration");
    let api: Api<DynamicObject> = Api::all_with(cluster.admin(), &ApiResource::from_gvk(&kind));
    api.create(&PostParams::default(), &webhook).await.unwrap();
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    opened: watch::Receiver<bool>,
    waits: watch::Sender<usize>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, opened, waits) = (acceptor.clone(), opened.clone(), waits.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request| review(request, opened.clone(), waits.clone()));
            // A connection that the apiserver drops is its own affair.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn review(
    request: Request<Incoming>,
    mut opened: watch::Receiver<bool>,
    waits: watch::Sender<usize>,
) -> Result<Response<Body>, Infallible> {
    let asked: Value = serde_json::from_slice(&request.into_body().collect().await.unwrap().to_bytes()).unwrap();
    waits.send_modify(|waiting| *waiting += 1);
    // The sender is gone only when the test is over.
    let _ = opened.wait_for(|open| *open).await;
    let answer = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": asked["request"]["uid"], "allowed": true},
    });
    Ok(Response::builder().header("content-type", "application/json").body(answer.to_string().into()).unwrap())
}
