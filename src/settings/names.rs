//! What AWS allows in the names that settings give.

use crate::model::{AccountId, Arn};

/// Why a text is not a role's `name` or `path/name`, or nothing.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
pub(super) fn role_fault(path_and_name: &str) -> Option<String> {
    let (path, name) = match path_and_name.rsplit_once('/') {
        Some((path, name)) => (path, name),
        None => ("", path_and_name),
    };
    if name.is_empty() {
        return Some("a role's name cannot be empty".to_owned());
    }
    if name.len() > 64 {
        return Some(format!("a role's name has at most 64 characters, {name:?} has {}", name.len()));
    }
    if let Some(bad) = name.chars().find(|c| !is_name_character(*c)) {
        return Some(format!("a role's name cannot hold {bad:?}, only letters, digits and _+=,.@-"));
    }
    // With the slashes that AWS puts around it.
    if path.len() + 2 > 512 {
        return Some("a role's path has at most 512 characters".to_owned());
    }
    let bad = path.chars().find(|c| !('!'..='~').contains(c));
    bad.map(|bad| format!("a role's path cannot hold {bad:?}"))
}

/// Why a text is not an IAM role's ARN, or nothing.
pub(super) fn role_arn_fault(arn: &Arn) -> Option<String> {
    if arn.service != "iam" || !arn.region.is_empty() || !arn.resource.starts_with("role/") {
        return Some("this is not the ARN of an IAM role: arn:aws:iam::123456789012:role/NAME".to_owned());
    }
    if arn.account.parse::<AccountId>().is_err() {
        return Some(format!("{:?} in the ARN is not an account id of 12 digits", arn.account));
    }
    role_fault(arn.resource.strip_prefix("role/").unwrap_or_default())
}

/// Why a text is not a session name or a source identity, whichever `what` says, or nothing.
///
/// See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) fn session_fault(what: &str, text: &str) -> Option<String> {
    let length = text.chars().count();
    if !(2..=64).contains(&length) {
        return Some(format!("a {what} takes 2 to 64 characters, this has {length}"));
    }
    let bad = text.chars().find(|c| !is_name_character(*c))?;
    Some(format!("a {what} cannot hold {bad:?}, only letters, digits and _+=,.@-"))
}

/// Why a text is not an external id, or nothing. The words never hold a part of the text.
///
/// See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) fn external_id_fault(text: &str) -> Option<&'static str> {
    let allowed = |c: char| is_name_character(c) || ":/".contains(c);
    (!text.chars().all(allowed)).then_some("the external id holds a character that AWS does not allow")
}

/// Why a text is not a region's code, or nothing.
pub(super) fn region_fault(text: &str) -> Option<String> {
    if text.contains(['*', '?', '[', '{']) {
        return Some("regions are asked one by one, so that no pattern can stand here".to_owned());
    }
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    let fits = match parts.as_slice() {
        [words @ .., number] => {
            words.len() >= 2
                && words.iter().all(word)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        [] => false,
    };
    (!fits).then(|| format!("{text:?} is not the code of a region"))
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_of_iam_and_sts() {
        assert_eq!(role_fault("ops/rolecall-member"), None);
        assert_eq!(role_fault(&"a".repeat(64)), None);
        for bad in ["", "ops/", "a b", "ops/a:b", &"a".repeat(65), &format!("{}/a", "p".repeat(600)), "p p/a"] {
            assert!(role_fault(bad).is_some(), "{bad}");
        }
        assert_eq!(session_fault("session name", "me@example.com"), None);
        for bad in ["a", "", "a b", &"a".repeat(65), "ab:cd"] {
            assert!(session_fault("session name", bad).is_some(), "{bad}");
        }
        assert_eq!(external_id_fault("a:b/c"), None);
        assert!(!external_id_fault("s3cr%t").unwrap().contains('%'));
    }

    #[test]
    fn role_arns_are_those_of_roles() {
        let fault = |text: &str| role_arn_fault(&text.parse().unwrap());
        assert_eq!(fault("arn:aws-cn:iam::111122223333:role/a/b"), None);
        for bad in [
            "arn:aws:iam::111122223333:user/a",
            "arn:aws:iam::11112222333:role/a",
            "arn:aws:sts::111122223333:assumed-role/a/b",
            "arn:aws:iam::111122223333:role/",
        ] {
            assert!(fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn regions_look_like_regions() {
        for good in ["eu-west-1", "us-gov-west-1", "ap-southeast-7", "us-isob-east-1", "eusc-de-east-1"] {
            assert_eq!(region_fault(good), None, "{good}");
        }
        for bad in ["eu-*", "", "EU-WEST-1", "eu-west", "enabled", "eu_west_1", "eu-west-1a"] {
            assert!(region_fault(bad).is_some(), "{bad}");
        }
    }
}
