//! Signing in and repeating, above a server that answers as told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams, client::ClientBuilder};
use serde_json::json;

use super::{
    ConnectTarget,
    entry::{EntryLayer, Tokens},
    fake::{self, Answer, Call, Calls},
    unreadable,
};
use crate::model::{Secret, UnreadableKind};

/// Credentials that count how often they are asked for; without a lifetime there are none.
#[derive(Clone, Debug)]
struct Counting(Arc<AtomicUsize>, Option<Duration>);

impl ProvideCredentials for Counting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        self.0.fetch_add(1, Ordering::SeqCst);
        future::ProvideCredentials::ready(match self.1 {
            Some(life) => {
                let end = SystemTime::now() + life;
                Ok(Credentials::new("AKIDEXAMPLE", "very-secret", Some("session".into()), Some(end), "test"))
            }
            None => Err(CredentialsError::provider_error("AccessDenied: sts:AssumeRole")),
        })
    }
}

fn signed_in(
    life: Option<Duration>,
    answer: impl FnMut(&Call) -> Answer + Send + 'static,
) -> (Api<ConfigMap>, Calls, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let target = ConnectTarget {
        server: "https://cluster".to_owned(),
        ca_pem: Vec::new(),
        tls_server_name: None,
        proxy: Some(Secret::new("http://me:hidden@proxy:3128")),
        timeout: Duration::from_secs(30),
    };
    let credentials = SharedCredentialsProvider::new(Counting(Arc::clone(&asked), life));
    let layer = EntryLayer::new(Tokens::new(credentials, fake::id()), &target);
    let (service, calls) = fake::service(answer);
    let client = ClientBuilder::new(service, "default").with_layer(&layer).build();
    (Api::namespaced(client, "kube-system"), calls, asked)
}

const HOUR: Option<Duration> = Some(Duration::from_hours(1));

fn found() -> Answer {
    Answer::Json(200, json!({"metadata": {"name": "aws-auth"}}))
}

#[tokio::test]
async fn every_request_bears_a_token_that_is_made_once_and_marked_sensitive() {
    let (api, calls, asked) = signed_in(HOUR, |_| found());
    api.get("aws-auth").await.unwrap();
    api.get("aws-auth").await.unwrap();
    let headers: Vec<_> = calls.all().iter().map(|call| call.headers["authorization"].clone()).collect();
    assert!(headers[0].to_str().unwrap().starts_with("Bearer k8s-aws-v1."));
    assert!(headers.iter().all(http::HeaderValue::is_sensitive));
    assert_eq!(headers[0], headers[1]);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_of_credentials_about_to_end_is_not_kept() {
    let (api, _, asked) = signed_in(Some(Duration::from_secs(50)), |_| found());
    api.get("aws-auth").await.unwrap();
    api.get("aws-auth").await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let (api, calls, _) = signed_in(None, |_| found());
    let why = unreadable(&api.get("aws-auth").await.unwrap_err(), "reading", &fake::id());
    assert_eq!(why.kind, UnreadableKind::Unauthenticated);
    assert!(why.message.contains("sts:AssumeRole"), "{why}");
    assert!(calls.all().is_empty());
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_tried_again() {
    let (api, calls, _) = signed_in(HOUR, |_| fake::status(401, "Unauthorized", "Unauthorized"));
    let why = unreadable(&api.get("aws-auth").await.unwrap_err(), "reading", &fake::id());
    assert_eq!(why.kind, UnreadableKind::Unauthenticated);
    assert_eq!(calls.all().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_read_that_is_put_off_is_repeated_a_few_times() {
    for code in [429, 503, 504] {
        let mut left = 2;
        let (api, calls, _) = signed_in(HOUR, move |_| {
            left -= 1;
            if left >= 0 { fake::status(code, "", "busy") } else { found() }
        });
        api.get("aws-auth").await.unwrap();
        assert_eq!(calls.all().len(), 3, "{code}");
    }
    let (api, calls, _) = signed_in(HOUR, |_| fake::status(429, "TooManyRequests", "busy"));
    let why = unreadable(&api.get("aws-auth").await.unwrap_err(), "reading", &fake::id());
    assert_eq!((why.kind, calls.all().len()), (UnreadableKind::Throttled, 4));
}

#[tokio::test(start_paused = true)]
async fn a_write_is_repeated_only_when_the_server_says_it_was_not_carried_out() {
    for (code, sent) in [(429, 4), (503, 1), (504, 1), (500, 1), (401, 1)] {
        let (api, calls, _) = signed_in(HOUR, move |_| fake::status(code, "", "no"));
        api.create(&PostParams::default(), &ConfigMap::default()).await.unwrap_err();
        assert_eq!(calls.all().len(), sent, "{code}");
    }
}

#[tokio::test]
async fn a_lost_answer_names_server_and_proxy_without_the_proxys_password() {
    let (api, calls, _) = signed_in(HOUR, |_| Answer::Lost);
    let error = api.get("aws-auth").await.unwrap_err();
    let why = unreadable(&error, "reading", &fake::id());
    assert_eq!(why.kind, UnreadableKind::Unreachable);
    assert!(why.message.contains("https://cluster through the proxy http://proxy:3128"), "{why}");
    assert!(!format!("{why:?} {error:?}").contains("hidden") && !format!("{error:?}").contains("k8s-aws-v1"));
    assert_eq!(calls.all().len(), 1);
}
