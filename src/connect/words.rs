//! What an error means, in words: the one place where the errors of a cluster get their kind.

use kube::core::Status;

use super::{chain, entry::EntryError, line::ConnectError};
use crate::model::{ClusterId, Unreadable, UnreadableKind};

/// Gives an error its kind and its words. `doing` says what was tried, such as `reading kube-system/aws-auth`.
///
/// Nobody answering, a certificate that does not fit, 401 and 403 are told apart, since each asks for something else.
pub fn unreadable(error: &kube::Error, doing: &str, cluster: &ClusterId) -> Unreadable {
    let (kind, what, next) = match error {
        kube::Error::Api(status) => answered(status),
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => (
            UnreadableKind::Unreachable,
            "the proxy's protocol is not one that rolecall speaks".to_owned(),
            Some("Give a proxy with a URL that begins with http:// or https://.".to_owned()),
        ),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => (
            UnreadableKind::Server,
            format!("the answer was not understood: {}", chain::text(error)),
            Some("Check that the endpoint is a Kubernetes API server and not something in front of it.".to_owned()),
        ),
        other => not_answered(other),
    };
    Unreadable { kind, message: format!("{cluster}: {doing}: {what}"), next }
}

/// An answer that was understood and makes no sense.
pub fn server_error(what: &str, doing: &str, cluster: &ClusterId) -> Unreadable {
    Unreadable { kind: UnreadableKind::Server, message: format!("{cluster}: {doing}: {what}"), next: None }
}

/// The same, naming the role or user as which rolecall came when the cluster did not know it (401).
#[must_use]
pub fn with_principal(why: Unreadable, principal: &str) -> Unreadable {
    if why.kind != UnreadableKind::Unauthenticated || why.message.contains(principal) {
        return why;
    }
    Unreadable {
        message: format!("{} (rolecall came as {principal})", why.message),
        next: Some(let_in(principal)),
        ..why
    }
}

fn let_in(principal: &str) -> String {
    format!(
        "Let somebody who gets in (the cluster's creator, a cluster administrator, or whoever may call \
         eks:CreateAccessEntry) add an access entry or an aws-auth row for {principal}."
    )
}

type Words = (UnreadableKind, String, Option<String>);

/// The server answered, and not with what was asked for.
fn answered(status: &Status) -> Words {
    let message = match status.message.trim() {
        "" => format!("HTTP {} {}", status.code, status.reason).trim_end().to_owned(),
        message => message.to_owned(),
    };
    match status.code {
        401 => (
            UnreadableKind::Unauthenticated,
            "the cluster answers 401: it does not know the role that rolecall came as".to_owned(),
            Some(let_in("rolecall's member role")),
        ),
        403 => forbidden(&message),
        429 => (
            UnreadableKind::Throttled,
            format!("the API server puts requests off (429) to the end of the repetitions: {message}"),
            Some("Lower `limits.clusters`, or see what else keeps this API server busy.".to_owned()),
        ),
        408 | 504 => (UnreadableKind::Timeout, format!("the API server ran out of time: {message}"), None),
        code => (UnreadableKind::Server, format!("the API server answers {code}: {message}"), None),
    }
}

/// 403. RBAC lets nobody grant what he does not hold, which needs more than a right to write.
fn forbidden(message: &str) -> Words {
    let message = in_one_line(message);
    if message.contains("attempting to grant RBAC permissions not currently held") {
        return (
            UnreadableKind::Forbidden,
            format!("RBAC lets nobody grant what he does not hold himself (403): {message}"),
            Some(
                "Give rolecall the verb `escalate` on roles and clusterroles and `bind` on those it binds, or every \
                 permission that the policy grants: https://kubernetes.io/docs/reference/access-authn-authz/rbac/\
                 #privilege-escalation-prevention-and-bootstrapping"
                    .to_owned(),
            ),
        );
    }
    let next = if message.contains("because it is being terminated") {
        "The namespace is being deleted: wait for it to go, or take it out of the policy."
    } else {
        "Give rolecall this permission in the cluster: a group of its mapping bound to a ClusterRole that has it."
    };
    (
        UnreadableKind::Forbidden,
        format!("the cluster knows rolecall and says no (403): {message}"),
        Some(next.to_owned()),
    )
}

/// A server's message without its line breaks, and without the tail of a very long list of rules.
fn in_one_line(message: &str) -> String {
    const LONGEST: usize = 1000;
    let line = message.trim().replace(":\n", ": ").replace('\n', "; ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// No answer came back.
fn not_answered(error: &kube::Error) -> Words {
    let text = match chain::find::<EntryError>(error) {
        Some(entry) => chain::text(entry),
        None => chain::text(error),
    };
    match chain::find::<EntryError>(error) {
        Some(EntryError::Credentials(_) | EntryError::Token(_)) => {
            return (
                UnreadableKind::Unauthenticated,
                text,
                Some("See that rolecall may assume the member role in this account.".to_owned()),
            );
        }
        Some(EntryError::Timeout { .. }) => return (UnreadableKind::Timeout, text, Some(slow())),
        _ => {}
    }
    if let Some(tls) = chain::find::<rustls::Error>(error) {
        return (UnreadableKind::Tls, tls_words(tls, &text), Some(tls_next(tls)));
    }
    if matches!(error, kube::Error::RustlsTls(_)) {
        return (UnreadableKind::Tls, text, Some("Check the CA and the TLS server name.".to_owned()));
    }
    let late = chain::find::<std::io::Error>(error).is_some_and(|io| io.kind() == std::io::ErrorKind::TimedOut);
    let connecting = chain::find::<hyper_util::client::legacy::Error>(error)
        .is_some_and(hyper_util::client::legacy::Error::is_connect)
        || chain::find::<ConnectError>(error).is_some();
    if late && !connecting {
        return (UnreadableKind::Timeout, text, Some(slow()));
    }
    let proxy = chain::find::<EntryError>(error).and_then(|entry| match entry {
        EntryError::Transport { to, .. } => to.proxy(),
        _ => None,
    });
    (UnreadableKind::Unreachable, unreachable_words(&text, late), Some(unreachable_next(&text, late, proxy)))
}

fn slow() -> String {
    "Give this cluster more time with `timeout` in the settings, or see why its API server is slow.".to_owned()
}

fn unreachable_words(text: &str, late: bool) -> String {
    if late {
        return format!("nobody took the connection in time: {text}");
    }
    format!("the API server cannot be reached: {text}")
}

fn unreachable_next(text: &str, late: bool, proxy: Option<&str>) -> String {
    if let Some(proxy) = proxy {
        return format!("Check that the proxy {proxy} runs and may lead to this cluster.");
    }
    if text.contains("dns error") {
        return "The name does not resolve: a deleted cluster, or a private endpoint seen from outside its VPC. Give \
                `server` or `proxy` in a `connect` rule."
            .to_owned();
    }
    if late {
        return "Packets are dropped on the way, as a security group or the public access list of the endpoint does. Let \
                rolecall's addresses in, or give a `proxy` in a `connect` rule."
            .to_owned();
    }
    "Check that the cluster's endpoint can be reached from where rolecall runs, or give `server` or `proxy` in a `connect` \
     rule."
        .to_owned()
}

fn tls_words(tls: &rustls::Error, text: &str) -> String {
    use rustls::{CertificateError as Bad, Error::InvalidCertificate};

    match tls {
        InvalidCertificate(Bad::UnknownIssuer | Bad::BadSignature) => {
            format!("the server's certificate does not come from the cluster's CA: {text}")
        }
        InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            format!("the server's certificate bears another name: {text}")
        }
        InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => format!("the server's certificate is not valid at this time: {text}"),
        InvalidCertificate(_) => format!("the server's certificate is refused: {text}"),
        _ => format!("the server does not speak TLS as it should: {text}"),
    }
}

fn tls_next(tls: &rustls::Error) -> String {
    use rustls::{CertificateError as Bad, Error::InvalidCertificate};

    match tls {
        InvalidCertificate(Bad::NotValidForName | Bad::NotValidForNameContext { .. }) => {
            "Give the name that the certificate bears as `tlsServerName` of a `connect` rule, if the server is the right one."
        }
        InvalidCertificate(
            Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. },
        ) => "Compare the clock of this machine with the certificate's dates.",
        InvalidCertificate(_) => {
            "Something between rolecall and the cluster may answer in its place. Give its CA with `caFile` of a `connect` \
             rule only if you trust it."
        }
        _ => "Check that the address is the API server's and that nothing in between cuts TLS off.",
    }
    .to_owned()
}
