//! Why a grant has ended: a permission set's role may have come back under another suffix.
//!
//! See <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>.

use crate::model::permission_set_of;

/// Why what this principal had has ended, given the principals that are wanted now.
pub(super) fn ended(arn: &str, wanted: impl Iterator<Item = String>) -> String {
    let successor = permission_set(arn).and_then(|set| {
        let same = |other: &String| {
            permission_set(other).is_some_and(|other| other.eq_ignore_ascii_case(set)) && account(other) == account(arn)
        };
        wanted.into_iter().find(same)
    });
    match successor.as_deref().and_then(|wanted| wanted.rsplit('/').next()) {
        Some(name) => format!("no longer granted: the permission set's role was made anew as {name}"),
        None => "no longer granted".to_owned(),
    }
}

fn permission_set(arn: &str) -> Option<&str> {
    permission_set_of(arn.rsplit('/').next()?)
}

fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}
