//! What CloudTrail and EventBridge tell of calls that change something.
//!
//! See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html>.

use serde_json::{Map, Value, json};

use super::{Ask, Service, input::lower_first, wire::Fault};

/// The services whose changes are told.
const TOLD: [&str; 5] = ["eks", "iam", "identitystore", "organizations", "sso"];

/// Puts the event into the world's queue of changes, if there is one. A call that failed is told too.
pub(super) fn record(service: &Service, ask: &Ask<'_>, answer: &Result<Value, Fault>) {
    let Some(queue) = ask.world.told_changes().filter(|_| TOLD.contains(&service.name)) else { return };
    let mut state = ask.world.write();
    let id = state.new_id("", 32).to_lowercase();
    // Both are told of in the region where the service has its home.
    let region = if ["iam", "organizations"].contains(&service.name) { "us-east-1" } else { ask.region.as_str() };
    let (account, time) = (ask.caller.account.as_str(), ask.now.to_string());
    let kind = if ask.caller.role.is_some() { "AssumedRole" } else { "IAMUser" };
    let mut detail = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": kind, "principalId": ask.caller.user_id, "arn": ask.caller.arn, "accountId": account,
        },
        "eventTime": time,
        "eventSource": format!("{}.amazonaws.com", service.name),
        "eventName": ask.operation,
        "awsRegion": region,
        "requestParameters": lowered(ask.input),
        "responseElements": answer.as_ref().map_or(Value::Null, lowered),
        "eventID": id,
        "readOnly": false,
        "eventType": "AwsApiCall",
        "recipientAccountId": account,
    });
    if let (Err(fault), Value::Object(detail)) = (answer, &mut detail) {
        detail.insert("errorCode".to_owned(), fault.refusal.code.clone().into());
    }
    let event = json!({
        "version": "0",
        "id": id,
        "detail-type": "AWS API Call via CloudTrail",
        "source": format!("aws.{}", service.name),
        "account": account,
        "time": time,
        "region": region,
        "resources": [],
        "detail": detail,
    });
    state.send_event(&queue, &event.to_string(), ask.now);
}

/// Members begin with a small letter in a trail.
fn lowered(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: Map<String, Value> = members.iter().map(|(name, v)| (lower_first(name), lowered(v))).collect();
            members.into()
        }
        Value::Array(items) => items.iter().map(lowered).collect(),
        other => other.clone(),
    }
}
