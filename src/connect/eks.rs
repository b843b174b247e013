//! The EKS API as it is handed to those who read and write a cluster's access entries, and what its errors mean.

use std::{error::Error, fmt, sync::Arc};

use aws_sdk_eks::{Client, types};
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::DateTime;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::chain;
use crate::model::{AccessScope, ClusterId, PolicyGrant, Unreadable, UnreadableKind};

/// Lets a call through when the account's rate and its number of calls at once allow it.
pub trait Pace: Send + Sync {
    /// Makes the call in its turn.
    fn take<'a>(&'a self, call: BoxFuture<'a, ()>) -> BoxFuture<'a, ()>;
}

/// The EKS API of one cluster's account and region.
#[derive(Clone)]
pub struct Eks {
    client: Client,
    pace: Arc<dyn Pace>,
    cluster: ClusterId,
    caller: String,
}

impl fmt::Debug for Eks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eks").field("cluster", &self.cluster).field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// What went wrong, as far as it makes a difference to what is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EksFault {
    /// ResourceNotFoundException: the entry, the association or the policy is not there.
    NotFound,
    /// ResourceInUseException: the principal has an entry already.
    InUse,
    /// The principal does not exist, or IAM does not tell EKS of it yet.
    InvalidPrincipal,
    /// ResourceLimitExceededException: the cluster holds as many entries as EKS allows.
    Full,
    /// Anything else.
    Other,
}

/// A call to EKS failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct EksError {
    /// What it means.
    pub fault: EksFault,
    /// The same in words.
    pub why: Unreadable,
}

impl Eks {
    /// The API for one cluster; `caller` is the principal that asks, for the words of errors.
    pub fn new(client: Client, pace: Arc<dyn Pace>, cluster: ClusterId, caller: impl Into<String>) -> Self {
        Self { client, pace, cluster, caller: caller.into() }
    }

    /// The SDK's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The cluster's name.
    pub fn name(&self) -> &str {
        &self.cluster.name
    }

    /// The cluster.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// Makes a call in its turn. `action` is its IAM action, `of` what it asks for beside the cluster.
    ///
    /// # Errors
    /// What EKS answers, or that it does not.
    pub async fn ask<T, E>(
        &self,
        action: &str,
        of: Option<&str>,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
    ) -> Result<T, EksError>
    where
        T: Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
    {
        let mut answer = None;
        self.pace.take(Box::pin(async { answer = Some(call.await) })).await;
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(error)) => Err(self.error(&error, action, of)),
            None => Err(self.fault(EksFault::Other, UnreadableKind::Server, action, of, "it was not asked")),
        }
    }

    /// An answer that was understood and makes no sense.
    pub fn nonsense(&self, action: &str, of: Option<&str>, what: &str) -> EksError {
        self.fault(EksFault::Other, UnreadableKind::Server, action, of, what)
    }

    fn error<E>(&self, error: &SdkError<E, HttpResponse>, action: &str, of: Option<&str>) -> EksError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let text = chain::text(error);
        match error {
            SdkError::ServiceError(service) => {
                let meta = service.err().meta();
                let code = meta.code().unwrap_or_default();
                let words = match (meta.message(), code) {
                    (Some(message), _) if !message.is_empty() => message.to_owned(),
                    (_, "") => format!("HTTP status {}", service.raw().status().as_u16()),
                    (_, code) => code.to_owned(),
                };
                let (fault, kind) = meaning(code, &words);
                self.fault(fault, kind, action, of, &words)
            }
            SdkError::TimeoutError(_) => self.fault(EksFault::Other, UnreadableKind::Timeout, action, of, &text),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                self.fault(EksFault::Other, UnreadableKind::Timeout, action, of, &text)
            }
            SdkError::DispatchFailure(failure) if failure.is_io() => {
                self.fault(EksFault::Other, UnreadableKind::Unreachable, action, of, &text)
            }
            _ => self.fault(EksFault::Other, UnreadableKind::Server, action, of, &text),
        }
    }

    fn fault(&self, fault: EksFault, kind: UnreadableKind, action: &str, of: Option<&str>, words: &str) -> EksError {
        let operation = action.split(':').next_back().unwrap_or(action);
        let of = of.map(|of| format!(" of {of}")).unwrap_or_default();
        let message = format!("{}: {operation}{of}: {words}", self.cluster);
        EksError { fault, why: Unreadable { kind, message, next: self.next(fault, kind, action) } }
    }

    fn next(&self, fault: EksFault, kind: UnreadableKind, action: &str) -> Option<String> {
        let next = match (fault, kind) {
            (EksFault::InvalidPrincipal, _) => {
                "See whether the role or user exists at exactly this ARN, path included; one that was made in the last \
                 minute is tried again by the next pass."
            }
            (EksFault::Full, _) => {
                "EKS allows 3,000 access entries on one cluster (Service Quotas, Amazon EKS, \"Access entries per cluster\"): \
                 delete those that nobody needs, or let principals that hold the same share one role."
            }
            (_, UnreadableKind::Forbidden) => {
                return Some(format!(
                    "Allow {action} to {}; if its policy does, look for a service control policy or permissions boundary \
                     that does not.",
                    self.caller
                ));
            }
            (_, UnreadableKind::Throttled) => {
                "The next pass asks again; lower `limits.perAccount` if it happens often."
            }
            (_, UnreadableKind::Unreachable | UnreadableKind::Timeout) => {
                "Check the network from here to EKS: DNS, HTTPS_PROXY and NO_PROXY, VPC endpoints, AWS_ENDPOINT_URL."
            }
            _ => return None,
        };
        Some(next.to_owned())
    }
}

/// What EKS answers with.
///
/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessEntry.html#API_CreateAccessEntry_Errors> and
/// <https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html>.
fn meaning(code: &str, message: &str) -> (EksFault, UnreadableKind) {
    match code {
        "ResourceNotFoundException" => (EksFault::NotFound, UnreadableKind::Server),
        "ResourceInUseException" => (EksFault::InUse, UnreadableKind::Server),
        "ResourceLimitExceededException" => (EksFault::Full, UnreadableKind::Server),
        "InvalidParameterException" if message.to_ascii_lowercase().contains("invalid principal") => {
            (EksFault::InvalidPrincipal, UnreadableKind::Server)
        }
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" => {
            (EksFault::Other, UnreadableKind::Forbidden)
        }
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException" => (EksFault::Other, UnreadableKind::Throttled),
        _ => (EksFault::Other, UnreadableKind::Server),
    }
}

/// A moment as EKS tells it.
pub fn moment(told: &DateTime) -> Option<Timestamp> {
    Timestamp::new(told.secs(), i32::try_from(told.subsec_nanos()).ok()?).ok()
}

/// An associated access policy; `None` when it is of a kind that this version does not know.
pub fn policy_grant(told: &types::AssociatedAccessPolicy) -> Option<PolicyGrant> {
    let scope = told.access_scope()?;
    let scope = match scope.r#type()? {
        types::AccessScopeType::Cluster => AccessScope::Cluster,
        types::AccessScopeType::Namespace => {
            AccessScope::Namespaces(Vec::new()).and(AccessScope::Namespaces(scope.namespaces().to_vec()))
        }
        _ => return None,
    };
    Some(PolicyGrant { policy: told.policy_arn()?.to_owned(), scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_that_is_not_there_yet_is_told_from_other_wrong_parameters() {
        let said = "The specified principalArn is invalid: invalid principal.";
        assert_eq!(meaning("InvalidParameterException", said).0, EksFault::InvalidPrincipal);
        assert_eq!(meaning("InvalidParameterException", "The username is invalid").0, EksFault::Other);
        assert_eq!(meaning("AccessDeniedException", said), (EksFault::Other, UnreadableKind::Forbidden));
    }
}
