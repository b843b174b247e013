//! rolecall as the soak runs it: the very code of production, led to a lab.

use std::{path::Path, sync::Arc, time::Duration};

use aws_config::{
    BehaviorVersion, Region as SdkRegion, SdkConfig, retry::RetryConfig,
    stalled_stream_protection::StalledStreamProtectionConfig, timeout::TimeoutConfig,
};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use fastrand::Rng;
use rolecall::{
    discover::{self, Hub},
    fleet::{Inputs, PassOptions, Quiet, pass},
    model::{PassKind, PassReport},
    policy, settings,
    source::{Diagnostics, SourceFile},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    dice::pick,
    policy::Policy,
    scene::{KEY, MEMBER, REGIONS},
};

/// The settings that a seed keeps for all its passes.
#[derive(Clone, Copy, Debug)]
pub struct Choices {
    /// What is done about rows that are not rolecall's.
    pub unmanaged: &'static str,
    /// Whether broken sections are repaired.
    pub repair: bool,
    /// Whether the hub is kept from pass to pass, as the daemon does.
    pub one_hub: bool,
    /// Removals allowed in a cluster in one pass.
    pub max_removals: usize,
}

impl Choices {
    /// Any.
    pub fn random(rng: &mut Rng) -> Self {
        Self {
            unmanaged: pick(rng, &["report", "report", "keep", "remove"]),
            repair: rng.bool(),
            one_hub: rng.bool(),
            max_removals: pick(rng, &[100, 100, 100, 1]),
        }
    }

    /// Settings and policy, read as from files.
    pub fn inputs(&self, policy: &Policy, timeout: Duration) -> Arc<Inputs> {
        let text = json!({
            "apiVersion": "rolecall.dev/v1",
            "kind": "Settings",
            "organization": {"memberRole": MEMBER, "regions": REGIONS},
            // What is judged is aws-auth: with access entries as the surface most clusters would have no rows of people.
            // Clusters that do not let rolecall in are to stay so, since what it then tells is judged.
            "clusters": {"surface": "aws-auth", "onboarding": {"selfEntry": false}},
            "policy": ["policy.yaml"],
            "mode": "enforce",
            "unmanaged": self.unmanaged,
            "protect": ["arn:aws:iam::*:role/breakglass"],
            "safety": {"maxRemovalsPerCluster": self.max_removals},
        });
        let files = [SourceFile::new("rolecall.yaml", text.to_string()), SourceFile::new("policy.yaml", policy.text())];
        let mut told = Diagnostics::new();
        let settings = settings::parse(&files[0], Path::new(""), &mut told);
        let policy = policy::parse(&files[1..], &mut told);
        assert!(!told.has_errors(), "{}", told.render(&files, false));
        let mut settings = settings.unwrap();
        settings.timeout = timeout;
        Arc::new(Inputs { settings, policy: policy.unwrap() })
    }
}

/// How long a call may take before rolecall gives it up.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// One attempt of a call to AWS.
    pub aws: Duration,
    /// One call to a cluster.
    pub cluster: Duration,
}

impl Patience {
    /// While faults are about, hung sockets shall not take all day.
    pub const SHORT: Self = Self { aws: Duration::from_millis(1500), cluster: Duration::from_millis(2500) };
    /// Without faults, nothing may be given up because the machine is busy.
    pub const LONG: Self = Self { aws: Duration::from_mins(2), cluster: Duration::from_mins(2) };
}

/// An SDK configuration that leads to the lab.
pub fn config(url: &str, patience: Patience) -> SdkConfig {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(patience.aws).operation_attempt_timeout(patience.aws).build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(url)
        .region(SdkRegion::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new(KEY.0, KEY.1, None, None, "soak")))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(3)
                .with_initial_backoff(Duration::from_millis(2))
                .with_max_backoff(Duration::from_millis(20)),
        )
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// Makes a hub.
///
/// # Errors
/// Why the hub cannot tell who it is.
pub async fn hub(inputs: &Inputs, url: &str, patience: Patience) -> Result<Arc<Hub>, String> {
    let hub = discover::hub_with(config(url, patience), &inputs.settings.scope, inputs.settings.limits.per_account);
    hub.await.map(Arc::new).map_err(|error| error.to_string())
}

/// Makes one pass.
///
/// # Errors
/// Why there was none.
pub async fn run(inputs: Arc<Inputs>, hub: &Arc<Hub>, kind: PassKind, repair: bool) -> Result<PassReport, String> {
    let options = PassOptions { repair, ..PassOptions::new(kind) };
    pass(inputs, options, hub, CancellationToken::new(), Arc::new(Quiet)).await.map_err(|error| error.to_string())
}
