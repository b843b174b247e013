//! Attributes of queues.
//!
//! See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fault;
use crate::lab::{
    aws::{Ask, input, wire::Fault},
    world::queue::Queue,
};

/// Attributes that are numbers: the name, the value unasked, the least and the most.
const NUMBERS: [(&str, i64, i64, i64); 5] = [
    ("DelaySeconds", 0, 0, 900),
    ("MaximumMessageSize", 1_048_576, 1024, 1_048_576),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("VisibilityTimeout", 30, 0, 43_200),
];
/// Attributes that are kept as they come.
const TEXTS: [&str; 6] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
];

/// The attributes that a call carries.
pub(super) fn asked(ask: &Ask<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let mut attributes = BTreeMap::new();
    for (name, value) in ask.input.get("Attributes").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let number = NUMBERS.iter().find(|(known, ..)| known == name);
        if number.is_none() && !TEXTS.contains(&name.as_str()) {
            let message = format!("Unknown Attribute {name}.");
            return Err(fault("InvalidAttributeName", "InvalidAttributeName", message));
        }
        let within = |(_, _, least, most): &(&str, i64, i64, i64)| {
            value.parse::<i64>().is_ok_and(|value| (*least..=*most).contains(&value))
        };
        if !number.is_none_or(within) {
            let message = format!("Invalid value for the parameter {name}.");
            return Err(fault("InvalidAttributeValue", "InvalidAttributeValue", message));
        }
        attributes.insert(name.clone(), value.to_owned());
    }
    Ok(attributes)
}

/// The value as it was set, or that of a queue for which nothing was.
pub(super) fn value(queue: &Queue, name: &str) -> Option<String> {
    let usual = || NUMBERS.iter().find(|(known, ..)| *known == name).map(|(_, usual, ..)| usual.to_string());
    queue.attributes.get(name).cloned().or_else(usual)
}

pub(super) fn number(queue: &Queue, name: &str) -> i64 {
    value(queue, name).and_then(|value| value.parse().ok()).unwrap_or_default()
}

pub(super) fn arn(queue: &Queue) -> String {
    format!("arn:aws:sqs:{}:{}:{}", queue.region, queue.account, queue.name)
}

pub(super) fn get(ask: &Ask<'_>, queue: &Queue) -> Result<Value, Fault> {
    let mut all: BTreeMap<String, String> =
        NUMBERS.iter().map(|(name, usual, ..)| ((*name).to_owned(), usual.to_string())).collect();
    all.insert("SqsManagedSseEnabled".to_owned(), "true".to_owned());
    all.extend(queue.attributes.clone());
    all.insert("QueueArn".to_owned(), arn(queue));
    let count = |wanted: fn(bool, bool) -> bool| {
        let counted = queue.messages.iter().filter(|m| wanted(m.visible <= ask.now, m.receipt.is_some()));
        counted.count().to_string()
    };
    let counts = [
        ("ApproximateNumberOfMessages", count(|visible, _| visible)),
        ("ApproximateNumberOfMessagesDelayed", count(|visible, taken| !visible && !taken)),
        ("ApproximateNumberOfMessagesNotVisible", count(|visible, taken| !visible && taken)),
    ];
    all.extend(counts.map(|(name, count)| (name.to_owned(), count)));
    let wanted = input::texts(ask.input, "AttributeNames");
    let known = |name: &String| {
        name == "All" || all.contains_key(name) || TEXTS.contains(&name.as_str()) || name.ends_with("Timestamp")
    };
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let message = format!("Unknown Attribute {unknown}.");
        return Err(fault("InvalidAttributeName", "InvalidAttributeName", message));
    }
    all.retain(|name, _| wanted.iter().any(|wanted| wanted == "All" || wanted == name));
    Ok(if all.is_empty() { json!({}) } else { json!({"Attributes": all}) })
}
