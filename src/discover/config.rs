//! The SDK configuration that all calls share: one HTTP client, one set of timeouts, one way to retry.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{AppName, BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{SharedHttpClient, SharedHttpConnector, http_client_fn};

/// Connect and read timeout, by which connectors differ.
type Timeouts = (Option<Duration>, Option<Duration>);

/// How often a call is tried in all. Not adaptive: one client speaks for many accounts, and one that is throttled must
/// not slow the others down.
const ATTEMPTS: u32 = 5;

/// The default chain of region and credentials, with AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE> honoured as long as
/// every further configuration is made from this one by `to_builder`.
pub(super) async fn load() -> SdkConfig {
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(shared_http_client(&ProxyConfig::from_env()))
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .timeout_config(timeouts());
    if let Ok(name) = AppName::new("rolecall") {
        loader = loader.app_name(name);
    }
    loader.load().await
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(20))
        .operation_attempt_timeout(Duration::from_secs(30))
        .operation_timeout(Duration::from_mins(2))
        .build()
}

/// One client, and so one connection pool, for all accounts. The SDK's own builder knows nothing of HTTPS_PROXY, and
/// loads the system's certificates anew for every service client that is made; here they are loaded once for each pair
/// of timeouts (the metadata service is asked with shorter ones).
pub(super) fn shared_http_client(proxy: &ProxyConfig) -> SharedHttpClient {
    let proxy = proxy.clone();
    let connectors: Mutex<HashMap<Timeouts, SharedHttpConnector>> = Mutex::default();
    http_client_fn(move |settings, _components| {
        let key = (settings.connect_timeout(), settings.read_timeout());
        let mut connectors = connectors.lock().unwrap_or_else(PoisonError::into_inner);
        connectors
            .entry(key)
            .or_insert_with(|| {
                SharedHttpConnector::new(
                    Connector::builder()
                        .connector_settings(settings.clone())
                        .proxy_config(proxy.clone())
                        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
                        .build(),
                )
            })
            .clone()
    })
}
