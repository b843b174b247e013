//! What may be in names, paths, tags and trust policies.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{invalid, required};
use crate::lab::aws::{Ask, input, wire::Fault};

/// A role's or user's name: up to so many letters, digits and `_+=,.@-`.
pub(super) fn name<'a>(ask: &Ask<'a>, parameter: &str, most: usize) -> Result<&'a str, Fault> {
    let name = required(ask, parameter)?;
    let member = lower_first(parameter);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
        return Err(invalid(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the \
             following: +=,.@_-"
        )));
    }
    if name.len() > most {
        return Err(constraint(name, &member, &format!("Member must have length less than or equal to {most}")));
    }
    Ok(name)
}

/// A path that is asked for: `/`, or parts with a slash at both ends.
pub(super) fn path<'a>(ask: &Ask<'a>) -> Result<&'a str, Fault> {
    let path = input::text(ask.input, "Path").unwrap_or("/");
    let ends = path.starts_with('/') && path.ends_with('/');
    if ends && path.len() <= 512 && path.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Ok(path);
    }
    Err(invalid(
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters.",
    ))
}

/// The start of the paths that are listed.
pub(super) fn path_prefix<'a>(ask: &Ask<'a>) -> Result<&'a str, Fault> {
    let prefix = input::text(ask.input, "PathPrefix").unwrap_or("/");
    if prefix.starts_with('/') && prefix.len() <= 512 && prefix.bytes().all(|b| (0x21..=0x7f).contains(&b)) {
        return Ok(prefix);
    }
    let rule = r"Member must satisfy regular expression pattern: \u002F[\u0021-\u007F]*";
    Err(constraint(prefix, "pathPrefix", rule))
}

/// Tags that are added to what is there.
pub(super) fn tags(ask: &Ask<'_>, known: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Fault> {
    let mut tags = known.clone();
    let mut new: Vec<String> = Vec::new();
    for tag in ask.input.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let key = input::text(tag, "Key").unwrap_or_default();
        let value = input::text(tag, "Value").unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 {
            return Err(constraint(key, "tags.1.member.key", "Member must have length between 1 and 128"));
        }
        if value.chars().count() > 256 {
            let rule = "Member must have length less than or equal to 256";
            return Err(constraint(value, "tags.1.member.value", rule));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(Fault::new("InvalidInput", "aws: prefixed tag key names are not allowed for external use."));
        }
        if new.contains(&key.to_lowercase()) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(Fault::new("InvalidInput", message));
        }
        new.push(key.to_lowercase());
        tags.retain(|known, _| known.to_lowercase() != key.to_lowercase());
        tags.insert(key.to_owned(), value.to_owned());
    }
    match tags.len() {
        0..=50 => Ok(tags),
        _ => Err(Fault::new("LimitExceeded", "The number of tags has reached the maximum limit of 50.").status(409)),
    }
}

/// A trust policy: JSON, with statements that say who may do what.
pub(super) fn trust(ask: &Ask<'_>) -> Result<Value, Fault> {
    trust_of(ask, "AssumeRolePolicyDocument")
}

/// The same in the place of another call.
pub(super) fn trust_of(ask: &Ask<'_>, parameter: &str) -> Result<Value, Fault> {
    statements(ask, parameter, |has| {
        if has("Resource") {
            return Err(malformed("Has prohibited field Resource"));
        }
        if has("Principal") { Ok(()) } else { Err(malformed("Missing required field Principal")) }
    })
}

/// A policy of a group or one that can be attached: JSON, with statements that say what may be done to what.
pub(super) fn policy(ask: &Ask<'_>) -> Result<Value, Fault> {
    statements(ask, "PolicyDocument", |has| {
        if has("Principal") {
            return Err(malformed("Policy document should not specify a principal."));
        }
        if has("Resource") { Ok(()) } else { Err(malformed("Policy statement must contain resources.")) }
    })
}

fn malformed(why: &str) -> Fault {
    Fault::new("MalformedPolicyDocument", why)
}

fn statements(
    ask: &Ask<'_>,
    parameter: &str,
    check: impl Fn(&dyn Fn(&str) -> bool) -> Result<(), Fault>,
) -> Result<Value, Fault> {
    let text = required(ask, parameter)?;
    let policy: Value = serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(one @ Value::Object(_)) => vec![one.clone()],
        _ => return Err(malformed("Syntax errors in policy.")),
    };
    for statement in &statements {
        let has = |name: &str| statement.get(name).is_some() || statement.get(format!("Not{name}")).is_some();
        if !matches!(input::text(statement, "Effect"), Some("Allow" | "Deny")) {
            return Err(malformed("Missing required field Effect"));
        }
        check(&has)?;
        if !has("Action") {
            return Err(malformed("Missing required field Action"));
        }
    }
    Ok(policy)
}

/// How long the role's sessions may last.
pub(super) fn max_session(ask: &Ask<'_>) -> Result<u32, Fault> {
    let Some(asked) = input::text(ask.input, "MaxSessionDuration") else { return Ok(3600) };
    match asked.parse() {
        Ok(seconds @ 3600..=43200) => Ok(seconds),
        _ => Err(constraint(asked, "maxSessionDuration", "Member must have value between 3600 and 43200")),
    }
}

fn constraint(value: &str, member: &str, rule: &str) -> Fault {
    let failed = "failed to satisfy constraint";
    invalid(format!("1 validation error detected: Value '{value}' at '{member}' {failed}: {rule}"))
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
