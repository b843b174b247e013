//! Where a cluster's API server is and how it is reached.

use std::{fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::proxy::ProxyEnvironment;
use crate::model::{Cluster, ConnectRule, Match, Secret, Unreadable, UnreadableKind};

/// How to reach one cluster's API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTarget {
    /// The URL of the API server.
    pub server: String,
    /// The certificates that its own must come from, one or more PEM blocks.
    pub ca_pem: Vec<u8>,
    /// The name that its certificate must bear, where it is not the URL's host.
    pub tls_server_name: Option<String>,
    /// The proxy that leads to it; its URL may hold a password.
    pub proxy: Option<Secret>,
    /// How long one call may take.
    pub timeout: Duration,
}

/// Where the cluster's API server is: as EKS tells it, unless the first rule that matches the cluster tells otherwise. A
/// proxy comes from that rule or else from the environment (`HTTPS_PROXY`, `NO_PROXY`).
///
/// The certificate authority that EKS reports may hold several PEM blocks while it is being rotated; with `caFile` it is
/// not looked at.
///
/// # Errors
/// When a rule cannot be decided for the cluster, the endpoint or the CA is missing or unusable, or a CA file cannot be
/// read.
pub fn target(cluster: &Cluster, rules: &[ConnectRule], timeout: Duration) -> Result<ConnectTarget, Unreadable> {
    target_within(cluster, rules, timeout, &ProxyEnvironment::of_process())
}

pub(super) fn target_within(
    cluster: &Cluster,
    rules: &[ConnectRule],
    timeout: Duration,
    environment: &ProxyEnvironment,
) -> Result<ConnectTarget, Unreadable> {
    let rule = matching(cluster, rules)?;
    let server = rule.and_then(|rule| rule.server.as_deref()).unwrap_or(&cluster.endpoint);
    let uri = server_uri(cluster, server)?;
    let ca_pem = match rule.and_then(|rule| rule.ca_file.as_ref()) {
        Some(file) => fs::read(file).map_err(|error| Unreadable {
            kind: UnreadableKind::Tls,
            message: format!("{}: the CA file {} cannot be read: {error}", cluster.id, file.display()),
            next: Some("Correct `caFile` of the `connect` rule that matches this cluster.".to_owned()),
        })?,
        None => reported_ca(cluster)?,
    };
    Ok(ConnectTarget {
        server: server.to_owned(),
        ca_pem,
        tls_server_name: rule.and_then(|rule| rule.tls_server_name.clone()),
        proxy: rule.and_then(|rule| rule.proxy.clone()).or_else(|| environment.proxy_to(&uri).map(Secret::new)),
        timeout: rule
            .and_then(|rule| rule.timeout_seconds)
            .map_or(timeout, |seconds| Duration::from_secs(seconds.get())),
    })
}

/// The first rule that matches. A rule that cannot be decided stops the search: guessing could send the token to the
/// wrong server.
fn matching<'r>(cluster: &Cluster, rules: &'r [ConnectRule]) -> Result<Option<&'r ConnectRule>, Unreadable> {
    for (index, rule) in rules.iter().enumerate() {
        match rule.matches.matches(cluster) {
            Match::Yes => return Ok(Some(rule)),
            Match::No => {}
            Match::Unknown(why) => {
                return Err(Unreadable {
                    kind: UnreadableKind::Unreachable,
                    message: format!(
                        "{}: whether `connect` rule {} speaks of this cluster cannot be told: {why}",
                        cluster.id,
                        index + 1
                    ),
                    next: Some(
                        "Let rolecall read what the rule asks for, or select by account, region or cluster name."
                            .to_owned(),
                    ),
                });
            }
        }
    }
    Ok(None)
}

fn server_uri(cluster: &Cluster, server: &str) -> Result<http::Uri, Unreadable> {
    let unreachable = |message: String, next: &str| Unreadable {
        kind: UnreadableKind::Unreachable,
        message: format!("{}: {message}", cluster.id),
        next: Some(next.to_owned()),
    };
    if server.is_empty() {
        return Err(unreachable(
            "EKS reports no endpoint for this cluster".to_owned(),
            "Wait until the cluster is ACTIVE, or give its `server` in a `connect` rule.",
        ));
    }
    let uri = server.parse::<http::Uri>().ok();
    uri.filter(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("https" | "http"))).ok_or_else(|| {
        unreachable(
            format!("{server:?} is not the URL of an API server"),
            "Correct `server` of the `connect` rule that matches this cluster, such as https://10.0.0.1:6443.",
        )
    })
}

fn reported_ca(cluster: &Cluster) -> Result<Vec<u8>, Unreadable> {
    let broken = |why: String| Unreadable {
        kind: UnreadableKind::Tls,
        message: format!("{}: the certificate authority that EKS reports cannot be used: {why}", cluster.id),
        next: Some("Give the cluster's CA in a file with `caFile` of a `connect` rule.".to_owned()),
    };
    if cluster.certificate_authority.is_empty() {
        return Err(broken("it is empty".to_owned()));
    }
    let text: String = cluster.certificate_authority.split_whitespace().collect();
    STANDARD.decode(text).map_err(|error| broken(error.to_string()))
}
