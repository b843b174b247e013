//! Messages: sent, taken for a while, given back or deleted.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{attributes, bad_value, fault, number, required};
use crate::lab::{
    aws::{Ask, input, wire::Fault},
    world::queue::{Message, Queue},
};

/// The longest that a message is hidden, in seconds.
const LONGEST: i64 = 43_200;

pub(super) fn send(ask: &Ask<'_>, queue: &mut Queue, seed: &str) -> Result<Value, Fault> {
    let body = required(ask, "MessageBody")?;
    let most = attributes::number(queue, "MaximumMessageSize");
    if i64::try_from(body.len()).map_or(true, |length| length > most) {
        let reason = format!("Message must be shorter than {most} bytes.");
        return Err(bad_value(format!("One or more parameters are invalid. Reason: {reason}")));
    }
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && c != '\u{fffe}' && c != '\u{ffff}');
    if !body.chars().all(allowed) {
        let message = "Invalid characters found in the message body.";
        return Err(fault("InvalidMessageContents", "InvalidMessageContents", message));
    }
    let delay = number(ask, "DelaySeconds", 0, 900)?.unwrap_or_else(|| attributes::number(queue, "DelaySeconds"));
    let id = uuid(&format!("{}/{} {seed}", queue.account, queue.name));
    let visible = ask.now + SignedDuration::from_secs(delay);
    let message = Message { id: id.clone(), body: body.to_owned(), sent: ask.now, receipt: None, visible, received: 0 };
    queue.messages.push_back(message);
    Ok(json!({"MD5OfMessageBody": md5_of(body), "MessageId": id}))
}

/// Takes what is visible now; whoever polls for long was held before.
pub(super) fn receive(ask: &Ask<'_>, queue: &mut Queue) -> Result<Value, Fault> {
    let most = number(ask, "MaxNumberOfMessages", 1, 10)?.unwrap_or(1);
    number(ask, "WaitTimeSeconds", 0, 20)?;
    let hidden = number(ask, "VisibilityTimeout", 0, LONGEST)?;
    let hidden = hidden.unwrap_or_else(|| attributes::number(queue, "VisibilityTimeout"));
    let kept = SignedDuration::from_secs(attributes::number(queue, "MessageRetentionPeriod"));
    queue.messages.retain(|message| message.sent + kept > ask.now);
    let key = key(queue);
    let mut wanted = input::texts(ask.input, "MessageSystemAttributeNames");
    wanted.extend(input::texts(ask.input, "AttributeNames"));
    let mut taken = Vec::new();
    let visible = queue.messages.iter_mut().filter(|message| message.visible <= ask.now);
    for message in visible.take(usize::try_from(most).unwrap_or(1)) {
        message.received += 1;
        message.visible = ask.now + SignedDuration::from_secs(hidden);
        let receipt = STANDARD.encode(format!("{key} {} {}", message.id, message.received));
        message.receipt = Some(receipt.clone());
        let mut told = json!({
            "MessageId": message.id,
            "ReceiptHandle": receipt,
            "MD5OfBody": md5_of(&message.body),
            "Body": message.body,
        });
        let system = [
            ("ApproximateReceiveCount", message.received.to_string()),
            ("SenderId", queue.account.to_string()),
            ("SentTimestamp", message.sent.as_millisecond().to_string()),
        ];
        let asked = |name: &str| wanted.iter().any(|wanted| wanted == "All" || wanted == name);
        let system: serde_json::Map<String, Value> =
            system.into_iter().filter(|(name, _)| asked(name)).map(|(n, v)| (n.to_owned(), v.into())).collect();
        if !system.is_empty() {
            told["Attributes"] = system.into();
        }
        taken.push(told);
    }
    Ok(if taken.is_empty() { json!({}) } else { json!({"Messages": taken}) })
}

/// A message that was given out again since is not deleted by the older handle; that is no error.
pub(super) fn delete(ask: &Ask<'_>, queue: &mut Queue) -> Result<Value, Fault> {
    let receipt = receipt(ask, queue)?;
    queue.messages.retain(|message| message.receipt.as_deref() != Some(receipt));
    Ok(Value::Null)
}

pub(super) fn change_visibility(ask: &Ask<'_>, queue: &mut Queue) -> Result<Value, Fault> {
    let receipt = receipt(ask, queue)?;
    let seconds = number(ask, "VisibilityTimeout", 0, LONGEST)?;
    let Some(seconds) = seconds else {
        return Err(bad_value("The request must contain the parameter VisibilityTimeout."));
    };
    let text = format!(
        "Value {receipt} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
         visibility timeout change."
    );
    let Some(message) = queue.messages.iter_mut().find(|message| message.receipt.as_deref() == Some(receipt)) else {
        return Err(bad_value(text));
    };
    if message.visible <= ask.now {
        return Err(fault("MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", text));
    }
    message.visible = ask.now + SignedDuration::from_secs(seconds);
    Ok(Value::Null)
}

/// A handle that this queue gave out at some time.
fn receipt<'a>(ask: &Ask<'a>, queue: &Queue) -> Result<&'a str, Fault> {
    let handle = required(ask, "ReceiptHandle")?;
    let read = STANDARD.decode(handle).ok().and_then(|read| String::from_utf8(read).ok());
    if read.is_some_and(|read| read.starts_with(&format!("{} ", key(queue)))) {
        return Ok(handle);
    }
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    Err(fault("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", message))
}

fn key(queue: &Queue) -> String {
    format!("{}/{}/{}", queue.region, queue.account, queue.name)
}

fn uuid(seed: &str) -> String {
    let mut bytes = [0; 16];
    for (byte, digest) in bytes.iter_mut().zip(Sha256::digest(seed.as_bytes())) {
        *byte = digest;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// Clients may compare it with what they sent or got.
fn md5_of(body: &str) -> String {
    Md5::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
