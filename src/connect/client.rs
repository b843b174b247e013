//! The client for one cluster.

use std::time::Duration;

use aws_credential_types::provider::SharedCredentialsProvider;
use kube::{
    Config,
    client::{ClientBuilder, ConfigExt},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use tower::ServiceBuilder;

use super::{
    ConnectTarget,
    entry::{EntryLayer, Tokens},
    line::Line,
    unreadable,
};
use crate::model::{ClusterId, Unreadable, UnreadableKind};

/// No connection takes longer to make than this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A client for the cluster's API server that signs itself in: its tokens are presigned with what the provider gives and
/// renewed ahead of time. No call waits longer than the target's timeout for its answer, repetitions included.
///
/// Must be called within a tokio runtime.
///
/// # Errors
/// When URL, proxy or certificates cannot be used. Nothing is sent yet.
pub fn client(
    target: &ConnectTarget,
    cluster: &ClusterId,
    credentials: SharedCredentialsProvider,
) -> Result<kube::Client, Unreadable> {
    let mut config = Config::new(uri(&target.server, "server", cluster)?);
    config.root_cert = Some(certificates(&target.ca_pem, cluster)?);
    config.tls_server_name.clone_from(&target.tls_server_name);
    config.proxy_url = target.proxy.as_ref().map(|proxy| uri(proxy.expose(), "proxy", cluster)).transpose()?;
    config.connect_timeout = Some(CONNECT_TIMEOUT.min(target.timeout / 2));
    config.read_timeout = Some(target.timeout);
    config.write_timeout = Some(target.timeout);
    config.reset_reader_on_write = true;
    // The client's own retries are 15 and wait up to 1000 s: the entry layer has its own, within the timeout.
    config.default_retry = false;
    let unusable = |error: kube::Error| unreadable(&error, "preparing the connection", cluster);
    let entry = EntryLayer::new(Tokens::new(credentials, cluster.clone()), target);
    if config.proxy_url.is_some() {
        return Ok(ClientBuilder::try_from(config).map_err(unusable)?.with_layer(&entry).build());
    }
    let line = Line::new(&config).map_err(unusable)?;
    let service = ServiceBuilder::new().layer(entry).layer(config.base_uri_layer()).service(line);
    Ok(kube::Client::new(service, config.default_namespace))
}

fn uri(text: &str, what: &str, cluster: &ClusterId) -> Result<http::Uri, Unreadable> {
    text.parse().map_err(|error| Unreadable {
        kind: UnreadableKind::Unreachable,
        // The text of a proxy may hold a password: it is not shown.
        message: format!("{cluster}: the {what}'s URL cannot be used: {error}"),
        next: Some(format!("Correct `{what}` of the `connect` rule that matches this cluster, or the environment.")),
    })
}

fn certificates(pem: &[u8], cluster: &ClusterId) -> Result<Vec<Vec<u8>>, Unreadable> {
    let read: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(pem).map(|der| der.map(|der| der.as_ref().to_vec())).collect();
    let why = match read {
        Ok(ders) if !ders.is_empty() => return Ok(ders),
        Ok(_) => "it holds no PEM certificate".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Unreadable {
        kind: UnreadableKind::Tls,
        message: format!("{cluster}: the certificate authority cannot be read: {why}"),
        next: Some("Give the cluster's CA as PEM in a file with `caFile` of a `connect` rule.".to_owned()),
    })
}
