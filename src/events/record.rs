//! The envelope of EventBridge and CloudTrail's record in it.

use serde_json::Value;

use super::Ignored;
use crate::model::{AccountId, ClusterId, Region};

/// The longest id of an event that is remembered; EventBridge's are UUIDs.
const ID: usize = 128;

/// An event that is one at least by its form.
///
/// See <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html> for the envelope and
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html> for the
/// record.
pub(super) struct Record(Value);

impl Record {
    /// The event in a message's body. SNS puts the text of the event into a `Message`.
    ///
    /// See <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html#http-notification-json>.
    pub(super) fn parse(body: &str) -> Result<Self, Ignored> {
        // The parser refuses what is nested too deeply, so that no message can exhaust the stack.
        let json = |text: &str| serde_json::from_str::<Value>(text).map_err(|_| Ignored::Malformed);
        let mut event = json(body)?;
        if event.get("Type").and_then(Value::as_str) == Some("Notification") {
            event = json(event.get("Message").and_then(Value::as_str).ok_or(Ignored::Malformed)?)?;
        }
        let record = Self(event);
        let whole = ["/source", "/detail-type", "/account", "/region"].iter().all(|at| record.text(at).is_some());
        let fits = (1..=ID).contains(&record.id().len()) && record.0.get("detail").is_some_and(Value::is_object);
        if whole && fits { Ok(record) } else { Err(Ignored::Malformed) }
    }

    /// The event's id.
    pub(super) fn id(&self) -> &str {
        self.text("/id").unwrap_or_default()
    }

    /// The service, such as `aws.eks`.
    pub(super) fn source(&self) -> &str {
        self.text("/source").unwrap_or_default()
    }

    /// Whether CloudTrail recorded a call, or what a service did of itself.
    ///
    /// See <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/non-api-aws-service-events.html>.
    pub(super) fn is_from_cloudtrail(&self) -> bool {
        let kind = self.text("/detail-type").unwrap_or_default();
        kind == "AWS API Call via CloudTrail" || kind == "AWS Service Event via CloudTrail"
    }

    /// The call.
    pub(super) fn name(&self) -> &str {
        self.text("/detail/eventName").unwrap_or_default()
    }

    /// Whether the call failed, and so changed nothing.
    pub(super) fn failed(&self) -> bool {
        self.0.pointer("/detail/errorCode").is_some_and(|code| !code.is_null())
    }

    /// The text at a place in the event, when there is some.
    pub(super) fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// The values of a list in the event.
    pub(super) fn list(&self, pointer: &str) -> &[Value] {
        self.0.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// The first of the request's parameters of these names.
    pub(super) fn parameter(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.text(&format!("/detail/requestParameters/{name}")))
    }

    /// The account in which it happened.
    pub(super) fn account(&self) -> Result<AccountId, Ignored> {
        let told = self.text("/detail/recipientAccountId").or_else(|| self.text("/account"));
        account(told.unwrap_or_default())
    }

    /// The cluster of this name where it happened.
    pub(super) fn cluster(&self, name: &str) -> Result<ClusterId, Ignored> {
        let region = self.text("/detail/awsRegion").or_else(|| self.text("/region")).unwrap_or_default();
        Ok(ClusterId { account: self.account()?, region: self::region(region)?, name: cluster_name(name)?.to_owned() })
    }
}

/// An account's id.
pub(super) fn account(text: &str) -> Result<AccountId, Ignored> {
    text.parse().map_err(|_| Ignored::Malformed)
}

/// The code of a region, by its form.
pub(super) fn region(text: &str) -> Result<Region, Ignored> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fits = text.len() <= 32 && text.contains('-') && text.bytes().all(allowed);
    if fits { Ok(Region::new(text)) } else { Err(Ignored::Malformed) }
}

/// A cluster's name.
///
/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateCluster.html> ("name").
pub(super) fn cluster_name(text: &str) -> Result<&str, Ignored> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let fits = (1..=100).contains(&text.len())
        && text.bytes().all(allowed)
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if fits { Ok(text) } else { Err(Ignored::Malformed) }
}
