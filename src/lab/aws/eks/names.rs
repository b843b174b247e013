//! What may be in names, groups, tags and principals of access entries.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.

use std::collections::BTreeMap;

use serde_json::Value;

use super::invalid;
use crate::{
    lab::{
        aws::{input, wire::Fault},
        world::State,
    },
    model::{Arn, ClusterId},
};

/// The types of access entries.
const KINDS: [&str; 7] =
    ["STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"];

const RESERVED: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];

/// An entry's type; STANDARD when none is given.
pub(super) fn kind(input: &Value) -> Result<&str, Fault> {
    let kind = input::text(input, "type").unwrap_or("STANDARD");
    if KINDS.contains(&kind) {
        return Ok(kind);
    }
    Err(invalid(format!("The specified type {kind} is invalid, it must be one of [{}]", KINDS.join(", "))))
}

/// The username that is asked for, if any.
pub(super) fn username(input: &Value) -> Result<Option<&str>, Fault> {
    let Some(username) = input::text(input, "username") else { return Ok(None) };
    if username.is_empty() {
        return Err(invalid("The username must not be empty"));
    }
    if let Some(prefix) = RESERVED.iter().find(|prefix| username.starts_with(**prefix)) {
        return Err(invalid(format!("The username must not begin with {prefix}")));
    }
    for template in ["{{SessionName}}", "{{SessionNameRaw}}"] {
        if username.split_once(template).is_some_and(|(before, _)| !before.contains(':')) {
            return Err(invalid(format!("The username must contain a colon before {template}")));
        }
    }
    Ok(Some(username))
}

/// The groups that are asked for.
pub(super) fn groups(input: &Value) -> Result<Vec<String>, Fault> {
    let groups = input::texts(input, "kubernetesGroups");
    for group in &groups {
        if group.is_empty() {
            return Err(invalid("The kubernetes group name must not be empty"));
        }
        if group.starts_with("system:") {
            let rule = "it cannot start with system:";
            return Err(invalid(format!("The kubernetes group name {group} is invalid, {rule}")));
        }
    }
    Ok(groups)
}

/// Why tags cannot be set.
pub(super) fn tags(input: &Value, known: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
    let mut tags = known.clone();
    for (key, value) in input.get("tags").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(format!(
                "The tag {key:?} is too long or empty: keys take 1 to 128 characters, values up to 256"
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(format!("The tag key {key} is invalid, aws: prefixed tag key names are not allowed"));
        }
        tags.insert(key.clone(), value.to_owned());
    }
    match tags.len() {
        0..=50 => Ok(tags),
        count => Err(format!("{count} tags are too many: a resource takes up to 50")),
    }
}

/// The principal and its unique id: an IAM role or user that exists, of the cluster's account for nodes.
pub(super) fn principal(state: &State, id: &ClusterId, text: &str, kind: &str) -> Result<(Arn, String), Fault> {
    let nobody = || invalid("The specified principalArn is invalid: invalid principal.");
    let arn: Arn = text.parse().map_err(|_| nobody())?;
    if arn.role_name().is_some() && arn.resource.starts_with("role/aws-service-role/") {
        return Err(invalid(
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
        ));
    }
    let unique = state.principal_id(&arn).ok_or_else(nobody)?.to_owned();
    if kind != "STANDARD" && (arn.role_name().is_none() || arn.account != id.account.as_str()) {
        let rule = "has to be an IAM role in the account of the cluster";
        return Err(invalid(format!("The specified principalArn is invalid: the principal of type {kind} {rule}")));
    }
    Ok((arn, unique))
}
