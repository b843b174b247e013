//! How each service says that it is asked too often, and that it failed itself.

use fastrand::Rng;

use crate::lab::{Call, Refusal};

/// The service's own words for too many calls.
///
/// See <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html> (TooManyRequestsException),
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html> (ThrottlingException, `Throttling` on the wire of
/// the query protocol), <https://docs.aws.amazon.com/eks/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html> and
/// <https://kubernetes.io/docs/concepts/cluster-administration/flow-control/> (429 with Retry-After).
pub(super) fn throttled(call: &Call, rng: &mut Rng) -> Refusal {
    let (status, code) = match call.service {
        "kubernetes" => {
            let message = "the server has received too many requests and has asked us to try again later";
            let retry_after = rng.bool().then_some(1);
            return Refusal { retry_after, ..Refusal::new(429, "TooManyRequests", message) };
        }
        "organizations" => (400, "TooManyRequestsException"),
        "sts" | "iam" if rng.bool() => (400, "Throttling"),
        "sts" | "iam" => (503, "RequestLimitExceeded"),
        "eks" if rng.bool() => (400, "ThrottlingException"),
        "eks" | "account" => (429, "TooManyRequestsException"),
        "sqs" => (400, "RequestThrottled"),
        _ => (400, "ThrottlingException"),
    };
    Refusal::new(status, code, "Rate exceeded")
}

/// The service's own words for a failure of its own.
pub(super) fn failed(call: &Call, rng: &mut Rng) -> Refusal {
    const MESSAGE: &str = "An internal failure occurred. Try again later.";
    let (status, code) = match (call.service, rng.bool()) {
        ("kubernetes", _) => *rng
            .choice(&[(500, "InternalError"), (503, "ServiceUnavailable"), (504, "Timeout")])
            .unwrap_or(&(500, "InternalError")),
        ("organizations", true) => (500, "ServiceException"),
        ("iam", true) => (500, "ServiceFailure"),
        ("eks", true) => (500, "ServerException"),
        ("account", true) => (500, "InternalServerException"),
        (_, true) => (500, "InternalFailure"),
        (_, false) => (503, "ServiceUnavailable"),
    };
    Refusal::new(status, code, MESSAGE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn call(service: &'static str) -> Call {
        Call { service, operation: "X".to_owned(), account: None, region: None, cluster: None, writes: false }
    }

    #[test]
    fn every_service_puts_calls_off_in_its_own_words() {
        let mut rng = Rng::with_seed(1);
        assert_eq!(throttled(&call("organizations"), &mut rng).code, "TooManyRequestsException");
        assert!((0..50).all(|_| throttled(&call("kubernetes"), &mut rng).status == 429));
        assert!((0..50).any(|_| throttled(&call("kubernetes"), &mut rng).retry_after == Some(1)));
        for service in ["organizations", "sts", "iam", "eks", "account", "sso", "kubernetes"] {
            assert!((0..50).all(|_| failed(&call(service), &mut rng).status >= 500), "{service}");
        }
    }
}
