//! What can go wrong while AWS is read, in words for people.

use std::{error::Error, fmt};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::actions;
use crate::model::{Finding, FindingCode, Place};

/// The kinds of failure; few, so that they can label a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiscoverErrorKind {
    /// IAM, a trust policy or a service control policy says no.
    AccessDenied,
    /// The region is not enabled in the account.
    RegionDisabled,
    /// AWS throttled the call to the end of its retries.
    Throttled,
    /// No answer: name resolution, connection or TLS.
    Unreachable,
    /// No answer in time.
    Timeout,
    /// The credentials have ended.
    ExpiredCredentials,
    /// There are no credentials, or AWS does not know them.
    NoCredentials,
    /// The account belongs to no organization.
    NoOrganization,
    /// What was asked for does not exist.
    NotFound,
    /// Anything else.
    Other,
}

impl DiscoverErrorKind {
    /// The kind as it stands in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access-denied",
            Self::RegionDisabled => "region-disabled",
            Self::Throttled => "throttled",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::ExpiredCredentials => "expired-credentials",
            Self::NoCredentials => "no-credentials",
            Self::NoOrganization => "no-organization",
            Self::NotFound => "not-found",
            Self::Other => "other",
        }
    }
}

/// A call to AWS failed. The text names the call, the place and the reason; it never holds credentials.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct DiscoverError {
    kind: DiscoverErrorKind,
    message: String,
    next: String,
}

/// A call as its errors tell of it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The IAM action.
    pub(super) action: &'static str,
    /// Account and region that were asked.
    pub(super) place: Place,
    /// The principal that asked, where it is known.
    pub(super) caller: Option<String>,
    /// What was asked for: a role's ARN, a cluster's or role's name.
    pub(super) target: Option<String>,
}

impl Call {
    pub(super) fn new(action: &'static str, place: Place) -> Self {
        Self { action, place, caller: None, target: None }
    }

    pub(super) fn by(self, caller: impl Into<String>) -> Self {
        Self { caller: Some(caller.into()), ..self }
    }

    pub(super) fn on(self, target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..self }
    }

    fn is_of(&self, service: &str) -> bool {
        self.action.split(':').next() == Some(service)
    }

    fn caller(&self) -> &str {
        self.caller.as_deref().unwrap_or("rolecall's own credentials")
    }
}

/// `ListClusters in account 111122223333, region eu-west-1`.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.action.split(':').next_back().unwrap_or(self.action))?;
        if let Some(target) = &self.target {
            write!(f, " of {target}")?;
        }
        if let Some(account) = &self.place.account {
            write!(f, " in account {account}")?;
        }
        if let Some(region) = &self.place.region {
            write!(f, ", region {region}")?;
        }
        Ok(())
    }
}

impl DiscoverError {
    /// The kind of failure, for logs and metrics.
    pub fn kind(&self) -> &'static str {
        self.kind.as_str()
    }

    /// The kind of failure as a value.
    pub fn what(&self) -> DiscoverErrorKind {
        self.kind
    }

    /// What to do next, in a sentence.
    pub fn next(&self) -> &str {
        &self.next
    }

    /// The failure as a finding: about the cluster, region or account that the place names, else the organization. Part
    /// of the fleet is unknown because of it.
    pub fn finding(&self, place: Place) -> Finding {
        let (code, subject) = match &place {
            Place { cluster: Some(cluster), .. } => (FindingCode::ClusterUnreadable, cluster.clone()),
            Place { region: Some(region), .. } => (FindingCode::RegionUnreadable, region.to_string()),
            Place { account: Some(account), .. } => (FindingCode::AccountUnreadable, account.to_string()),
            _ => (FindingCode::OrganizationIncomplete, "organization".to_owned()),
        };
        Finding::gap(code, subject, self.message.clone()).next(self.next.clone()).at(place)
    }

    pub(super) fn new(kind: DiscoverErrorKind, call: &Call, detail: &str) -> Self {
        Self { kind, message: message(kind, call, detail), next: advice(kind, call) }
    }

    pub(super) fn repeated_page(call: &Call) -> Self {
        Self::new(
            DiscoverErrorKind::Other,
            call,
            "the server repeated a page token, so the rest of the list is not known",
        )
    }

    /// Reads what the SDK says of a failed call.
    pub(super) fn of<E>(error: &SdkError<E, HttpResponse>, call: &Call) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        if let Some(inner) = in_chain::<Self>(error) {
            return inner.clone();
        }
        let detail = chain(error);
        match error {
            SdkError::ServiceError(service) => {
                let meta = service.err().meta();
                let code = meta.code().unwrap_or_default();
                let words = match (meta.message(), code) {
                    (Some(message), _) if !message.is_empty() => message.to_owned(),
                    (_, "") => format!(
                        "HTTP status {} without an error of AWS, as from something else on the way",
                        service.raw().status().as_u16()
                    ),
                    (_, code) => code.to_owned(),
                };
                Self::new(kind_of_code(code, call), call, &words)
            }
            SdkError::TimeoutError(_) => Self::new(DiscoverErrorKind::Timeout, call, &detail),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                Self::new(DiscoverErrorKind::Timeout, call, &detail)
            }
            SdkError::DispatchFailure(failure) if failure.is_io() => {
                Self::new(DiscoverErrorKind::Unreachable, call, &detail)
            }
            other => match in_chain::<CredentialsError>(other) {
                Some(credentials) => Self::of_credentials(credentials, call),
                None => Self::new(DiscoverErrorKind::Other, call, &detail),
            },
        }
    }

    /// Reads why credentials could not be had.
    pub(super) fn of_credentials(error: &CredentialsError, call: &Call) -> Self {
        if let Some(inner) = in_chain::<Self>(error) {
            return inner.clone();
        }
        let kind = match error {
            CredentialsError::ProviderTimedOut(_) => DiscoverErrorKind::Timeout,
            _ => DiscoverErrorKind::NoCredentials,
        };
        Self::new(kind, call, &chain(error))
    }
}

/// The codes of <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html> and those that the services use
/// in their place. A region that is not enabled does not know the account's keys, which reads like a bad key.
fn kind_of_code(code: &str, call: &Call) -> DiscoverErrorKind {
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "NotAuthorized"
        | "AccessDeniedForDependencyException" => DiscoverErrorKind::AccessDenied,
        "OptInRequired" | "RegionDisabledException" => DiscoverErrorKind::RegionDisabled,
        "AuthFailure" | "UnrecognizedClientException" | "InvalidClientTokenId" | "SubscriptionRequiredException"
            if call.is_of("eks") =>
        {
            DiscoverErrorKind::RegionDisabled
        }
        "AuthFailure"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => DiscoverErrorKind::NoCredentials,
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => DiscoverErrorKind::ExpiredCredentials,
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "BandwidthLimitExceeded"
        | "PriorRequestNotComplete" => DiscoverErrorKind::Throttled,
        "AWSOrganizationsNotInUseException" => DiscoverErrorKind::NoOrganization,
        "NoSuchEntity"
        | "NoSuchEntityException"
        | "ResourceNotFoundException"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue" => DiscoverErrorKind::NotFound,
        _ => DiscoverErrorKind::Other,
    }
}

fn message(kind: DiscoverErrorKind, call: &Call, detail: &str) -> String {
    match kind {
        DiscoverErrorKind::AccessDenied => format!("{call} was refused: {detail}"),
        DiscoverErrorKind::RegionDisabled => match &call.place.region {
            Some(region) => format!("{call} failed, as it does where region {region} is not enabled: {detail}"),
            None => format!("{call} failed, as it does where a region is not enabled: {detail}"),
        },
        DiscoverErrorKind::Throttled => format!("{call} was throttled to the end of its retries: {detail}"),
        DiscoverErrorKind::Unreachable => format!("{call} did not reach AWS: {detail}"),
        DiscoverErrorKind::Timeout => format!("{call} got no answer in time: {detail}"),
        DiscoverErrorKind::ExpiredCredentials => {
            format!("{call} failed because the credentials have expired: {detail}")
        }
        DiscoverErrorKind::NoCredentials => format!("{call} failed for lack of valid AWS credentials: {detail}"),
        DiscoverErrorKind::NoOrganization => format!("{call} failed: {} is in no organization", call.caller()),
        DiscoverErrorKind::NotFound | DiscoverErrorKind::Other => format!("{call} failed: {detail}"),
    }
}

fn advice(kind: DiscoverErrorKind, call: &Call) -> String {
    match kind {
        DiscoverErrorKind::AccessDenied if call.action == actions::ASSUME_ROLE => format!(
            "Check that {} exists, that its trust policy names {} and asks for the external id of the settings or none, and \
             that {} may call sts:AssumeRole on it.",
            call.target.as_deref().unwrap_or("the role"),
            call.caller(),
            call.caller()
        ),
        DiscoverErrorKind::AccessDenied => format!(
            "Allow {} to {}; if its policy does, look for a service control policy or permissions boundary that does not.",
            call.action,
            call.caller()
        ),
        DiscoverErrorKind::RegionDisabled => {
            "Enable the region in the account, or leave it out of `organization.regions`.".to_owned()
        }
        DiscoverErrorKind::Throttled => {
            "The next pass asks again; lower `limits.perAccount` if it happens often.".to_owned()
        }
        DiscoverErrorKind::Unreachable | DiscoverErrorKind::Timeout => {
            "Check the network from here to AWS: DNS, HTTPS_PROXY and NO_PROXY, VPC endpoints, AWS_ENDPOINT_URL."
                .to_owned()
        }
        DiscoverErrorKind::ExpiredCredentials => {
            "Renew the credentials that rolecall runs with, and check the clock of this machine.".to_owned()
        }
        DiscoverErrorKind::NoCredentials => {
            "Give rolecall credentials: a role of its pod or instance, AWS_PROFILE, or AWS_ACCESS_KEY_ID and its like."
                .to_owned()
        }
        DiscoverErrorKind::NoOrganization => "Name the accounts under `organization.accounts`.".to_owned(),
        DiscoverErrorKind::NotFound if call.is_of("sqs") => {
            "Check `events.queue`: account, region and name of the queue, and that it was made.".to_owned()
        }
        DiscoverErrorKind::NotFound | DiscoverErrorKind::Other if call.is_of("sqs") => "It is asked again.".to_owned(),
        DiscoverErrorKind::NotFound | DiscoverErrorKind::Other => "The next pass asks again.".to_owned(),
    }
}

/// The first error of this type in the chain of sources.
fn in_chain<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    std::iter::successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref::<T>())
}

/// The chain of sources in one line, what repeats left out.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in std::iter::successors(Some(error), |&error| error.source()) {
        let text = part.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if !parts.iter().any(|earlier| earlier.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}
