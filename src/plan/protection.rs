//! Who is never changed or removed, whatever the policy says.

use crate::{
    authenticator,
    model::{Arn, ArnPattern, PlanRules},
};

/// The principals that are never changed or removed.
pub(super) struct Protection<'r> {
    patterns: &'r [ArnPattern],
    own: Option<String>,
}

impl<'r> Protection<'r> {
    pub(super) fn new(rules: &'r PlanRules) -> Self {
        Self::of_patterns(&rules.protect, rules.own_principal.as_deref())
    }

    pub(super) fn of_patterns(patterns: &'r [ArnPattern], own: Option<&str>) -> Self {
        Self { patterns, own: own.map(normalized) }
    }

    /// Whether this is the principal as which rolecall itself comes in.
    pub(super) fn is_own(&self, arn: &str) -> bool {
        self.own.as_deref() == Some(normalized(arn).as_str())
    }

    /// Why the principal is protected, if it is.
    pub(super) fn of(&self, arn: &str) -> Option<String> {
        let plain = normalized(arn);
        if self.is_own(arn) {
            return Some("it is rolecall's own way in".to_owned());
        }
        // Row and principal may be written with or without the path `aws-service-role/`:
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>.
        if plain.rsplit('/').next().is_some_and(|name| name.starts_with("awsservicerolefor")) {
            return Some("it is the role of an AWS service".to_owned());
        }
        let pattern = self.patterns.iter().find(|pattern| pattern.matches(arn) || pattern.matches(&plain))?;
        Some(format!("it is protected by `{}`", pattern.as_str()))
    }

    /// Why a row is protected, if it is: for its groups, which belong to nodes, or for its principal.
    pub(super) fn row(&self, arn: &str, groups: &[String]) -> Option<String> {
        if authenticator::is_node_row(groups) {
            return Some("it lets nodes join".to_owned());
        }
        self.of(arn)
    }
}

/// The ARN as a caller's would be compared: that of the role behind a session, without a path, in small letters.
pub(super) fn normalized(arn: &str) -> String {
    let canonical = if arn.contains(":sts:") { authenticator::canonical_arn(arn).ok() } else { None };
    let canonical = canonical.as_deref().unwrap_or(arn);
    let plain =
        canonical.parse::<Arn>().map_or_else(|_| canonical.to_owned(), |arn| arn.without_role_path().to_string());
    plain.to_lowercase()
}
