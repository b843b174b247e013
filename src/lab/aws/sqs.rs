//! SQS: standard queues.
//!
//! See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html>.

mod attributes;
mod messages;
mod poll;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::{
    Ask, Service, input,
    wire::{Fault, Protocol},
};
use crate::lab::world::{State, queue::Queue};
pub(super) use poll::long_poll;

pub(super) const SERVICE: Service = Service {
    name: "sqs",
    protocol: Protocol::Json { version: "1.0", target: "AmazonSQS", message: "message" },
    answer,
    resource: |ask| {
        let name = input::text(ask.input, "QueueName").or_else(|| path(ask).rsplit('/').next());
        format!("arn:aws:sqs:{}:{}:{}", ask.region, ask.caller.account, name.unwrap_or("*"))
    },
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    match ask.operation {
        "ChangeMessageVisibility" => messages::change_visibility(ask, queue(ask, &mut state)?),
        "CreateQueue" => create_queue(ask, &mut state),
        "DeleteMessage" => messages::delete(ask, queue(ask, &mut state)?),
        "GetQueueAttributes" => attributes::get(ask, queue(ask, &mut state)?),
        "GetQueueUrl" => get_queue_url(ask, &state),
        "ReceiveMessage" => messages::receive(ask, queue(ask, &mut state)?),
        "SendMessage" => {
            let id = state.new_id("", 16);
            messages::send(ask, queue(ask, &mut state)?, &id)
        }
        other => Err(Fault::unknown_operation(other)),
    }
}

fn create_queue(ask: &Ask<'_>, state: &mut State) -> Result<Value, Fault> {
    let name = required(ask, "QueueName")?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !(1..=80).contains(&name.len()) || !name.bytes().all(allowed) {
        let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(bad_value(message));
    }
    let asked = attributes::asked(ask)?;
    let key = format!("/{}/{name}", ask.caller.account);
    let url = json!({"QueueUrl": format!("http://{}{key}", ask.host)});
    if let Some(queue) = state.queues.get(&key) {
        let other = asked.iter().find(|(name, value)| attributes::value(queue, name).as_ref() != Some(*value));
        let Some((attribute, _)) = other else { return Ok(url) };
        let message =
            format!("A queue already exists with the same name and a different value for attribute {attribute}");
        return Err(fault("QueueNameExists", "QueueAlreadyExists", message));
    }
    let made = ask.now.as_second().to_string();
    let mut attributes =
        BTreeMap::from(["CreatedTimestamp", "LastModifiedTimestamp"].map(|n| (n.to_owned(), made.clone())));
    attributes.extend(asked);
    let (account, region) = (ask.caller.account.clone(), ask.region.clone());
    let queue = Queue { account, region, name: name.to_owned(), messages: VecDeque::new(), attributes };
    state.queues.insert(key, queue);
    Ok(url)
}

fn get_queue_url(ask: &Ask<'_>, state: &State) -> Result<Value, Fault> {
    let name = required(ask, "QueueName")?;
    let owner = input::text(ask.input, "QueueOwnerAWSAccountId").unwrap_or(ask.caller.account.as_str());
    let key = format!("/{owner}/{name}");
    let there = state.queues.get(&key).is_some_and(|queue| queue.region == *ask.region);
    if there && owner == ask.caller.account.as_str() {
        return Ok(json!({"QueueUrl": format!("http://{}{key}", ask.host)}));
    }
    Err(no_queue())
}

/// The queue of the URL in the call. In the lab a queue is open to its own account only.
fn queue<'s>(ask: &Ask<'_>, state: &'s mut State) -> Result<&'s mut Queue, Fault> {
    required(ask, "QueueUrl")?;
    let queue = state.queues.get_mut(path(ask)).filter(|queue| queue.region == *ask.region).ok_or_else(no_queue)?;
    if queue.account != ask.caller.account {
        let message = format!(
            "User: {} is not authorized to perform: sqs:{} on resource: {}",
            ask.caller.arn,
            ask.operation,
            attributes::arn(queue)
        );
        return Err(Fault::new("AccessDenied", message).status(403));
    }
    Ok(queue)
}

/// What follows the host in the queue's URL.
fn path<'a>(ask: &Ask<'a>) -> &'a str {
    path_in(ask.input)
}

fn path_in(asked: &Value) -> &str {
    let url = input::text(asked, "QueueUrl").unwrap_or_default();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
}

fn required<'a>(ask: &Ask<'a>, name: &str) -> Result<&'a str, Fault> {
    let missing = || {
        let message = format!("The request must contain the parameter {name}.");
        fault("MissingParameter", "MissingParameter", message)
    };
    input::text(ask.input, name).filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// The error with its code of today, and that of the Query protocol which clients may still know.
fn fault(code: &str, query_error: &'static str, message: impl Into<String>) -> Fault {
    Fault { query_error: Some(query_error), ..Fault::new(code, message) }
}

fn no_queue() -> Fault {
    let message = "The specified queue does not exist.";
    fault("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", message)
}

fn bad_value(message: impl Into<String>) -> Fault {
    fault("InvalidParameterValueException", "InvalidParameterValue", message)
}

/// A number within these bounds, if it is given.
fn number(ask: &Ask<'_>, name: &str, least: i64, most: i64) -> Result<Option<i64>, Fault> {
    match input::number(ask.input, name) {
        Some(value) if !(least..=most).contains(&value) => Err(bad_value(format!(
            "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
        ))),
        value => Ok(value),
    }
}
