//! What a caller's ARN becomes before it is looked up, and which stored ARNs no caller can ever have.

use crate::model::{Arn, Section};

/// The partitions that the authenticator knows: `pkg/endpoints` of aws-iam-authenticator.
const PARTITIONS: [&str; 8] =
    ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// The ARN is not one that the authenticator lets in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanonicalError {
    /// Not an ARN at all.
    #[error("{0:?} is not an ARN")]
    NotAnArn(String),
    /// A partition that the authenticator does not know.
    #[error("{0:?} does not have a recognized partition")]
    Partition(String),
    /// An assumed role without a role or without a session.
    #[error("{0:?} is an assumed role without a role and a session name")]
    NoRole(String),
    /// Something that is no identity.
    #[error("{0:?} is neither an IAM role, user or root nor an STS assumed role or federated user")]
    NotAnIdentity(String),
}

/// The ARN under which the authenticator looks a caller up: the IAM role for an assumed role, else the ARN itself.
///
/// The rule is `Canonicalize` in aws-iam-authenticator's `pkg/arn/arn.go`. Case is kept.
///
/// # Errors
/// When the authenticator would refuse the caller.
pub fn canonical_arn(caller: &str) -> Result<String, CanonicalError> {
    let mut parts = caller.splitn(6, ':');
    let (Some("arn"), Some(partition), Some(service), Some(_), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(CanonicalError::NotAnArn(caller.to_owned()));
    };
    if !PARTITIONS.contains(&partition) {
        return Err(CanonicalError::Partition(caller.to_owned()));
    }
    let (kind, rest) = resource.split_once('/').map_or((resource, None), |(kind, rest)| (kind, Some(rest)));
    match (service, kind) {
        ("sts", "assumed-role") => match rest.and_then(|rest| rest.rsplit_once('/')) {
            Some((role, _session)) => Ok(format!("arn:{partition}:iam::{account}:role/{role}")),
            None => Err(CanonicalError::NoRole(caller.to_owned())),
        },
        ("sts", "federated-user") | ("iam", "role" | "user" | "root") => Ok(caller.to_owned()),
        _ => Err(CanonicalError::NotAnIdentity(caller.to_owned())),
    }
}

/// Why no caller can ever match a row with this ARN, when that is so.
///
/// Stored ARNs are compared as they are written (`Matches` in aws-iam-authenticator's `pkg/config/mapper.go`), with what
/// [`canonical_arn`] makes of the caller, and STS reports roles without their path. A user's ARN in mapRoles and a role's
/// in mapUsers do match. In mapAccounts the ARN is the account's id.
pub fn never_matches(section: Section, arn: &str) -> Option<String> {
    if section == Section::Accounts {
        let is_id = arn.len() == 12 && arn.bytes().all(|c| c.is_ascii_digit());
        return (!is_id).then(|| format!("{arn:?} is not an account id: those have 12 digits"));
    }
    // Comparison ignores case, so the parts do too.
    let lower = arn.to_lowercase();
    let parsed: Arn = match lower.parse() {
        Ok(parsed) => parsed,
        Err(_) => return Some(format!("{arn:?} is not an ARN")),
    };
    if let Err(error) = canonical_arn(&lower) {
        return Some(error.to_string().replacen(&format!("{lower:?}"), &format!("{arn:?}"), 1));
    }
    if !parsed.region.is_empty() {
        return Some(format!("{arn:?} names a region, which the ARN of an identity never does"));
    }
    if parsed.account_id().is_none() {
        return Some(format!("{arn:?} does not have an account id of 12 digits"));
    }
    let (kind, name) = parsed.resource.split_once('/').unwrap_or((&parsed.resource, ""));
    match (parsed.service.as_str(), kind) {
        ("sts", "assumed-role") => Some(format!("{arn:?} is a session: the row must name the role, iam::…:role/NAME")),
        ("iam", "role") if name.contains('/') => {
            Some(format!("{arn:?} has a path: aws-auth needs the role's ARN without it"))
        }
        ("iam", "role" | "user") | ("sts", "federated-user") if name.is_empty() => {
            Some(format!("{arn:?} does not name anybody"))
        }
        _ => None,
    }
}
