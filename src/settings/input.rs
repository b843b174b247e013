//! The settings file as it is written; its doc comments are what an editor shows.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::source::{ApiVersion, selector::SelectorInput};

/// Settings of rolecall: where it looks, how it gets in, and what it may change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "rolecall settings")]
pub(super) struct SettingsInput {
    /// The version of this language: `rolecall.dev/v1`.
    #[schemars(required)]
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: Option<ApiVersion>,
    /// What this file is: `Settings`.
    #[schemars(required)]
    #[serde(rename = "kind")]
    pub(super) _kind: Option<KindInput>,
    /// Which accounts and regions are walked, and as whom.
    #[schemars(required)]
    pub(super) organization: Option<OrganizationInput>,
    /// Where Identity Center is; needed only when the policy names a `directoryGroup`.
    pub(super) identity_center: Option<IdentityCenterInput>,
    /// How clusters are reached.
    #[serde(default)]
    pub(super) clusters: ClustersInput,
    /// Policy files, or directories whose .yaml and .yml files are read; relative to this file.
    #[schemars(extend("examples" = [["policy.yaml"]]))]
    pub(super) policy: Option<Vec<String>>,
    /// `report` touches nothing; `enforce` corrects drift.
    #[schemars(extend("default" = "report"))]
    pub(super) mode: Option<ModeInput>,
    /// What happens with aws-auth rows and access entries that are not rolecall's: one word, or a list of rules of which the first that
    /// matches counts. Protected rows stay in any case.
    #[schemars(extend("default" = "report"))]
    pub(super) unmanaged: Option<UnmanagedInput>,
    /// Patterns of ARNs, with `*` for any text, of principals that are never changed or removed.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) protect: Vec<String>,
    /// Clusters that are left alone for a while.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) paused: Vec<PauseInput>,
    /// When the daemon makes its passes.
    #[serde(default)]
    pub(super) schedule: ScheduleInput,
    /// A queue of EventBridge's events: what they name is passed over within seconds; without it, by schedule alone.
    pub(super) events: Option<EventsInput>,
    /// How much is done at once.
    #[serde(default)]
    pub(super) limits: LimitsInput,
    /// How much may change in one pass before rolecall stops and asks.
    #[serde(default)]
    pub(super) safety: SafetyInput,
    /// Where the daemon serves health and metrics; without it, nowhere.
    pub(super) web: Option<WebInput>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum KindInput {
    Settings,
}

/// Which accounts and regions are walked, and as whom.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct OrganizationInput {
    /// A role to read the organization with; without it, rolecall's own credentials do.
    pub(super) hub: Option<HubInput>,
    /// The name (or path/name) of the role that is assumed in every account.
    #[schemars(required, extend("examples" = ["rolecall-member"]))]
    pub(super) member_role: Option<String>,
    /// The external id that the member role's trust policy asks for. It is never printed.
    #[schemars(length(min = 2, max = 1224))]
    pub(super) external_id: Option<String>,
    /// The session name that CloudTrail shows for rolecall's calls.
    #[schemars(extend("default" = "rolecall"))]
    pub(super) session_name: Option<String>,
    /// The source identity that CloudTrail shows for rolecall's calls.
    pub(super) source_identity: Option<String>,
    /// The regions that are asked for clusters: a list, or `enabled` for those that each account has enabled.
    #[schemars(extend("default" = "enabled"))]
    pub(super) regions: Option<RegionsInput>,
    /// Which clusters are walked; all of them without it.
    #[serde(default)]
    pub(super) include: SelectorInput,
    /// Which clusters are not walked.
    #[schemars(extend("minProperties" = 1))]
    pub(super) exclude: Option<SelectorInput>,
    /// Just these accounts: no organization is read. Ids in quotes.
    #[schemars(length(min = 1))]
    pub(super) accounts: Option<Vec<String>>,
}

/// A role to read the organization with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HubInput {
    /// The role's ARN.
    #[schemars(required, extend("examples" = ["arn:aws:iam::999988887777:role/rolecall-hub"]))]
    pub(super) role_arn: Option<String>,
    /// The external id that the role's trust policy asks for. It is never printed.
    #[schemars(length(min = 2, max = 1224))]
    pub(super) external_id: Option<String>,
}

/// Where Identity Center is and as whom it is read.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct IdentityCenterInput {
    /// The region of the organization's instance, as the console of Identity Center shows it.
    #[schemars(required, extend("examples" = ["us-east-1"]))]
    pub(super) region: Option<String>,
    /// A role to read Identity Center with, in the management account or in the one to which its administration is
    /// delegated; without it, whoever reads the organization does.
    #[schemars(extend("examples" = ["arn:aws:iam::999988887777:role/rolecall-identity-center"]))]
    pub(super) role_arn: Option<String>,
    /// The external id that the role's trust policy asks for. It is never printed.
    #[schemars(length(min = 2, max = 1224))]
    pub(super) external_id: Option<String>,
}

/// A list of regions, or `enabled`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum RegionsInput {
    Word(EnabledInput),
    Fixed(#[schemars(length(min = 1))] Vec<String>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum EnabledInput {
    Enabled,
}

/// How clusters are reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClustersInput {
    /// How long one call to a cluster may take.
    #[schemars(extend("default" = "30s", "examples" = ["30s"]))]
    pub(super) timeout: Option<String>,
    /// Where roles and users get in. `auto`: by access entries on clusters that read them, else by aws-auth.
    #[schemars(extend("default" = "auto"))]
    pub(super) surface: Option<SurfaceInput>,
    /// What is done by itself about clusters that do not let rolecall in.
    #[serde(default)]
    pub(super) onboarding: OnboardingInput,
    /// Other ways to clusters than EKS tells: proxies, tunnels, private endpoints. The first that matches counts.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub(super) connect: Vec<ConnectInput>,
}

/// What is done by itself about clusters that do not let rolecall in.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct OnboardingInput {
    /// Whether rolecall gives itself an access entry with AmazonEKSClusterAdminPolicy on clusters that read access entries
    /// and answer it with 401.
    #[schemars(extend("default" = true))]
    pub(super) self_entry: Option<bool>,
    /// Whether rolecall, for that, takes clusters that answer it with 401 from the authentication mode CONFIG_MAP to
    /// API_AND_CONFIG_MAP. There is no way back.
    #[schemars(extend("default" = false))]
    pub(super) enable_access_entries: Option<bool>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum SurfaceInput {
    /// By access entries on clusters that read them, else by aws-auth.
    Auto,
    /// By aws-auth alone.
    AwsAuth,
    /// By access entries alone.
    AccessEntries,
}

/// Another way to some clusters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ConnectInput {
    /// For which clusters.
    #[schemars(required)]
    pub(super) r#match: Option<SelectorInput>,
    /// Through this HTTP proxy.
    #[schemars(extend("examples" = ["http://127.0.0.1:3128"]))]
    pub(super) proxy: Option<String>,
    /// At this URL instead of the endpoint that EKS reports.
    #[schemars(extend("examples" = ["https://127.0.0.1:6443"]))]
    pub(super) server: Option<String>,
    /// A file of CA certificates (PEM) instead of the CA that EKS reports; relative to this file.
    pub(super) ca_file: Option<String>,
    /// The name that the server's certificate must bear, when it is not the host's.
    pub(super) tls_server_name: Option<String>,
    /// How long one call may take, in whole seconds such as `90s`.
    #[schemars(extend("examples" = ["90s"]))]
    pub(super) timeout: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum ModeInput {
    /// Nothing is touched.
    Report,
    /// Drift is corrected.
    Enforce,
}

/// One word for every cluster, or rules.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum UnmanagedInput {
    Word(UnmanagedWord),
    Rules(#[schemars(length(min = 1))] Vec<UnmanagedRule>),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum UnmanagedWord {
    /// Left alone, silently.
    Keep,
    /// Left alone and reported.
    Report,
    /// Removed, protected ones excepted.
    Remove,
}

/// What happens with rows that are not rolecall's on some clusters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct UnmanagedRule {
    /// On which clusters.
    #[schemars(required)]
    pub(super) r#match: Option<SelectorInput>,
    /// What happens.
    #[schemars(required)]
    pub(super) then: Option<UnmanagedWord>,
}

/// Clusters that are left alone for a while.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PauseInput {
    /// Which clusters.
    #[schemars(required)]
    pub(super) r#match: Option<SelectorInput>,
    /// Why, for those who wonder.
    #[schemars(required, length(min = 1))]
    pub(super) reason: Option<String>,
    /// Who knows more.
    pub(super) owner: Option<String>,
    /// The last day of the pause; without it, the pause does not end.
    #[schemars(extend("examples" = ["2027-01-31"], "format" = "date"))]
    pub(super) until: Option<String>,
}

/// When the daemon makes its passes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScheduleInput {
    /// Six fields: second, minute, hour, day of month, month, day of week.
    #[schemars(extend("default" = "0 */10 * * * *", "examples" = ["0 */10 * * * *"]))]
    pub(super) cron: Option<String>,
    /// The time zone in which the schedule is read, by its IANA name.
    #[schemars(extend("default" = "UTC", "examples" = ["Europe/Berlin"]))]
    pub(super) timezone: Option<String>,
    /// The longest that a pass waits, by chance, after its time.
    #[schemars(extend("default" = "0s", "examples" = ["30s"]))]
    pub(super) jitter: Option<String>,
}

/// A queue of EventBridge's events.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EventsInput {
    /// The queue's URL.
    #[schemars(required, extend("examples" = ["https://sqs.us-east-1.amazonaws.com/999988887777/rolecall-events"]))]
    pub(super) queue: Option<String>,
    /// The queue's region, where its URL does not tell it.
    pub(super) region: Option<String>,
    /// A role to read the queue with; without it, rolecall's hub credentials do.
    #[schemars(extend("examples" = ["arn:aws:iam::999988887777:role/rolecall-events"]))]
    pub(super) role_arn: Option<String>,
    /// The external id that the role's trust policy asks for. It is never printed.
    #[schemars(length(min = 2, max = 1224))]
    pub(super) external_id: Option<String>,
}

/// How much is done at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LimitsInput {
    /// Clusters worked on at once.
    #[schemars(range(min = 1), extend("default" = 64))]
    pub(super) clusters: Option<u32>,
    /// Calls at once in one account.
    #[schemars(range(min = 1), extend("default" = 4))]
    pub(super) per_account: Option<u32>,
}

/// How much may change in one pass before rolecall stops and asks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SafetyInput {
    /// A cluster from which more would be removed is blocked.
    #[schemars(extend("default" = 5))]
    pub(super) max_removals_per_cluster: Option<u32>,
    /// When more clusters would change than this count, or this part of the fleet such as `20%`, none is changed.
    #[schemars(extend("default" = "100%"))]
    pub(super) max_changed_clusters: Option<BudgetInput>,
}

/// A count or a percentage such as `20%`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum BudgetInput {
    Count(#[schemars(range(min = 1))] u32),
    Percent(String),
}

/// Where the daemon serves health and metrics.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct WebInput {
    /// Address and port, such as `127.0.0.1:8080` or `[::]:8080`.
    #[schemars(required, extend("examples" = ["127.0.0.1:8080"]))]
    pub(super) listen: Option<String>,
}
