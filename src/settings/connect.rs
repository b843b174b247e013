//! `clusters.connect`: other ways to clusters than EKS tells.

use std::{num::NonZeroU64, path::Path, str::FromStr, time::Duration};

use http::Uri;

use super::{
    checks::Checks,
    input::{ClustersInput, ConnectInput},
};
use crate::{
    model::{ConnectRule, Secret},
    source::join,
};

/// The rules of `clusters.connect`.
pub(super) fn rules(checks: &mut Checks<'_, '_>, input: &ClustersInput, dir: &Path) -> Vec<ConnectRule> {
    let pointer = "/clusters/connect";
    checks.nothing_after_a_catch_all(pointer, input.connect.iter().map(|rule| &rule.r#match));
    let rules = input.connect.iter().enumerate();
    rules.map(|(index, rule)| connect_rule(checks, rule, &join(pointer, index), dir)).collect()
}

fn connect_rule(checks: &mut Checks<'_, '_>, input: &ConnectInput, pointer: &str, dir: &Path) -> ConnectRule {
    let at = |key: &str| join(pointer, key);
    let texts = [&input.proxy, &input.server, &input.ca_file, &input.tls_server_name, &input.timeout];
    if texts.iter().all(|text| text.is_none()) {
        let keys = "proxy, server, caFile, tlsServerName, timeout";
        checks.bad(pointer, "this rule changes nothing", Some(format!("give it one of {keys}")));
    }
    if let Some(proxy) = &input.proxy {
        let fault = url_fault(proxy, &["http", "https"]);
        let help = fault.is_some().then(|| "such as http://127.0.0.1:3128".to_owned());
        if let Some(fault) = fault {
            checks.bad(&at("proxy"), fault, help);
        }
    }
    if let Some(server) = &input.server
        && let Some(fault) = url_fault(server, &["https"])
    {
        checks.bad(&at("server"), fault, Some("such as https://127.0.0.1:6443".to_owned()));
    }
    if let Some(name) = &input.tls_server_name {
        checks.fine(&at("tlsServerName"), server_name_fault(name));
    }
    if input.ca_file.as_deref() == Some("") {
        checks.bad(&at("caFile"), "the path of a file cannot be empty", None);
    }
    let timeout = input
        .timeout
        .is_some()
        .then(|| checks.timeout(input.timeout.as_deref(), &at("timeout"), Duration::from_secs(1)));
    ConnectRule {
        matches: input.r#match.as_ref().map(|input| checks.selector(input, &at("match"))).unwrap_or_default(),
        proxy: input.proxy.clone().map(Secret::new),
        server: input.server.clone(),
        ca_file: input.ca_file.as_ref().map(|path| dir.join(path)),
        tls_server_name: input.tls_server_name.clone(),
        timeout_seconds: timeout.and_then(|timeout| NonZeroU64::new(timeout.as_secs())),
    }
}

/// Why a text is not a URL of one of these schemes with a host, or nothing. The URL itself is not repeated, since a
/// proxy's may hold a password.
fn url_fault(text: &str, schemes: &[&str]) -> Option<String> {
    let named = schemes.join(":// or ");
    let Ok(uri) = Uri::from_str(text) else { return Some("this is not a URL".to_owned()) };
    if !uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme)) {
        return Some(format!("the URL must begin with {named}://"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Some("the URL has no host".to_owned());
    }
    uri.query().map(|_| "the URL cannot have a query".to_owned())
}

/// Why a text is not a host name or an address, or nothing.
fn server_name_fault(name: &str) -> Option<String> {
    let fault = rustls::pki_types::ServerName::try_from(name).err();
    fault.map(|_| format!("{name:?} is neither a host name nor an IP address"))
}
