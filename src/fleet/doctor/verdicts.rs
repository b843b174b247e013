//! What an error means for whoever asks what is missing.

use crate::{
    discover::{DiscoverError, DiscoverErrorKind, Simulated},
    model::{Arn, Cause, Told, Unreadable, UnreadableKind, Verdict},
};

/// What AWS says where something stands above what a policy of the role could allow.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
const ABOVE: [&str; 6] = [
    "explicit deny",
    "service control policy",
    "resource control policy",
    "permissions boundary",
    "session policy",
    "VPC endpoint policy",
];

fn refusal(words: &str) -> Cause {
    if ABOVE.iter().any(|above| words.contains(above)) { Cause::Denied } else { Cause::NotAllowed }
}

/// What became of a call of the SDK.
pub(super) fn of_trial(result: &Result<(), DiscoverError>) -> Verdict {
    match result {
        Ok(()) => Verdict::Fine,
        Err(error) => of_error(error),
    }
}

/// What a failed call to AWS says of what is missing.
pub(super) fn of_error(error: &DiscoverError) -> Verdict {
    let what = error.to_string();
    let told = |cause| Told { cause, what: what.clone(), next: Some(error.next().to_owned()) };
    match error.what() {
        DiscoverErrorKind::AccessDenied => Verdict::Missing(told(refusal(&what))),
        DiscoverErrorKind::NoCredentials | DiscoverErrorKind::ExpiredCredentials => {
            Verdict::Missing(told(Cause::NoCredentials))
        }
        DiscoverErrorKind::NoOrganization => Verdict::Missing(told(Cause::NoOrganization)),
        DiscoverErrorKind::RegionDisabled => Verdict::Missing(told(Cause::Other)),
        DiscoverErrorKind::Unreachable => Verdict::Untold(told(Cause::Unreachable)),
        DiscoverErrorKind::Timeout => Verdict::Untold(told(Cause::Timeout)),
        DiscoverErrorKind::Throttled => Verdict::Untold(told(Cause::Throttled)),
        DiscoverErrorKind::NotFound | DiscoverErrorKind::Other => Verdict::Untold(told(Cause::Other)),
    }
}

/// What a failed call to EKS about a cluster says of what is missing.
pub(super) fn of_entries(why: &Unreadable) -> Verdict {
    let told = |cause| Told { cause, what: why.message.clone(), next: why.next.clone() };
    match why.kind {
        UnreadableKind::Forbidden => Verdict::Missing(told(refusal(&why.message))),
        kind => Verdict::Untold(told(cause(kind))),
    }
}

/// What a cluster that does not answer as it should says of what is missing.
pub(super) fn of_cluster(why: &Unreadable) -> Verdict {
    let told = Told { cause: cause(why.kind), what: why.message.clone(), next: why.next.clone() };
    match why.kind {
        UnreadableKind::Unreachable | UnreadableKind::Tls => Verdict::Missing(told),
        _ => Verdict::Untold(told),
    }
}

fn cause(kind: UnreadableKind) -> Cause {
    match kind {
        UnreadableKind::Unreachable => Cause::Unreachable,
        UnreadableKind::Tls => Cause::Tls,
        UnreadableKind::Timeout => Cause::Timeout,
        UnreadableKind::Throttled => Cause::Throttled,
        UnreadableKind::Unauthenticated | UnreadableKind::Forbidden | UnreadableKind::Server => Cause::Other,
    }
}

/// What IAM's simulation of a call says.
pub(super) fn of_simulation(action: &str, simulated: &Simulated, resource: &str, role: &str) -> Verdict {
    let told = |cause, what: String, next: String| Told { cause, what, next: Some(next) };
    match simulated {
        Simulated::Allowed => Verdict::Fine,
        Simulated::NotAllowed => Verdict::Missing(told(
            Cause::NotAllowed,
            format!("IAM's simulation of {action} on {resource}: no policy of {role} allows it"),
            format!("Allow {action} to {role}."),
        )),
        Simulated::Denied(by) => Verdict::Missing(told(
            Cause::Denied,
            format!("IAM's simulation of {action} on {resource}: {by} stands against it"),
            format!("Change {by}: allowing more to {role} does not help."),
        )),
        Simulated::Depends(keys) => Verdict::Untold(told(
            Cause::Conditions,
            format!(
                "IAM's simulation of {action} on {resource} depends on conditions that it was not told of: {}",
                keys.join(", ")
            ),
            format!("See whether the conditions in the policies of {role} hold for rolecall's calls."),
        )),
    }
}

/// A call that would change something, when nobody may be asked what would become of it.
pub(super) fn not_tried(error: &DiscoverError, role: &Arn, policy: &str) -> Verdict {
    Verdict::Untold(Told {
        cause: Cause::NotTried,
        what: format!(
            "it changes something, so it is not tried, and IAM cannot be asked what would become of it: {error}"
        ),
        next: Some(format!(
            "Allow iam:SimulatePrincipalPolicy on {role} to itself, or compare its policies with {policy}."
        )),
    })
}

/// That IAM may not be asked, which only this command does.
pub(super) fn not_asked(error: &DiscoverError) -> Verdict {
    let (what, next) = (error.to_string(), Some(error.next().to_owned()));
    Verdict::Advice(Told { cause: Cause::NotTried, what, next })
}

/// What is not known since something before it failed.
pub(super) fn before(what: &str) -> Verdict {
    Verdict::Untold(Told { cause: Cause::Before, what: what.to_owned(), next: None })
}
