//! `events`: the queue of EventBridge's events.

use super::{checks::Checks, input::EventsInput, names, organization};
use crate::{
    model::{AccountId, EventQueue, HubRole, Region},
    source::join,
};

const POINTER: &str = "/events";
const SUCH_AS: &str = "such as https://sqs.us-east-1.amazonaws.com/999988887777/rolecall-events";

/// The whole section; `None` when something is missing or wrong without which there is no queue.
pub(super) fn queue(checks: &mut Checks<'_, '_>, input: &EventsInput) -> Option<EventQueue> {
    let at = |key: &str| join(POINTER, key);
    let external_id = organization::external_id(checks, input.external_id.as_ref(), &at("externalId"));
    if external_id.is_some() && input.role_arn.is_none() {
        let help = "name the role under `roleArn`, or take the external id out".to_owned();
        checks.bad(&at("externalId"), "an external id is given to a role, and none is named", Some(help));
    }
    let role = input.role_arn.as_ref();
    let role = role.map(|arn| organization::role_arn(checks, arn, &at("roleArn"), "rolecall-events"));
    let named = input.region.as_deref().filter(|text| checks.fine(&at("region"), names::region_fault(text)));
    let url = input.queue.as_deref()?;
    let told = match read(url) {
        Ok(told) => told,
        Err(fault) => {
            checks.bad(&at("queue"), fault, Some(SUCH_AS.to_owned()));
            return None;
        }
    };
    let region = match (told, named) {
        (Some(told), Some(named)) if told != named => {
            let message = format!("the queue's URL says {told}");
            checks.bad(&at("region"), message, Some("take `region` out, or correct the URL".to_owned()));
            return None;
        }
        (Some(region), _) | (None, Some(region)) => Region::new(region),
        (None, None) => {
            if input.region.is_none() {
                let message = "the region cannot be told from this URL";
                checks.bad(&at("queue"), message, Some("add `region: us-east-1`".to_owned()));
            }
            return None;
        }
    };
    let role = match role {
        Some(arn) => Some(HubRole { arn: arn?, external_id }),
        None => None,
    };
    Some(EventQueue { url: url.to_owned(), region, role })
}

/// The region that the URL of a queue tells, if it does.
///
/// See <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html> and
/// <https://docs.aws.amazon.com/general/latest/gr/sqs-service.html>.
///
/// # Errors
/// Why it is not the URL of a queue.
fn read(url: &str) -> Result<Option<&str>, String> {
    let secure = url.strip_prefix("https://");
    let Some(rest) = secure.or_else(|| url.strip_prefix("http://")) else {
        return Err(if url.starts_with("arn:") {
            "this is the ARN of a queue, not its URL".to_owned()
        } else {
            format!("{url:?} is not the URL of a queue")
        });
    };
    let parts: Vec<&str> = rest.split('/').collect();
    let [host, account, name] = parts.as_slice() else {
        return Err(format!("{url:?} is not the URL of a queue: after the host come the account and the name"));
    };
    if host.is_empty() || host.contains('@') {
        return Err("the URL names no host, or a user".to_owned());
    }
    account.parse::<AccountId>().map_err(|error| error.to_string())?;
    let plain = name.strip_suffix(".fifo").unwrap_or(name);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if plain.is_empty() || name.len() > 80 || !plain.bytes().all(allowed) {
        return Err(format!("{name:?} is not the name of a queue: 1 to 80 letters, digits, - and _"));
    }
    let labels: Vec<&str> = host.split('.').collect();
    let region = match labels.as_slice() {
        ["sqs" | "sqs-fips", region, _, ..] | [region, "queue", _, ..] | [.., "sqs", region, "vpce", _, _] => {
            Some(*region)
        }
        _ => None,
    };
    let region = region.filter(|region| names::region_fault(region).is_none());
    if region.is_some() && secure.is_none() {
        return Err("the URLs of AWS begin with https://".to_owned());
    }
    Ok(region)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_url_tells_the_region_where_it_can() {
        for (url, region) in [
            ("https://sqs.eu-west-1.amazonaws.com/111122223333/events", Some("eu-west-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/events", Some("cn-north-1")),
            ("https://sqs-fips.us-gov-west-1.amazonaws.com/111122223333/events.fifo", Some("us-gov-west-1")),
            ("https://eu-west-1.queue.amazonaws.com/111122223333/e_1", Some("eu-west-1")),
            ("https://vpce-0a-1b.sqs.eu-west-1.vpce.amazonaws.com/111122223333/events", Some("eu-west-1")),
            ("https://queue.amazonaws.com/111122223333/events", None),
            ("http://127.0.0.1:9324/111122223333/events", None),
        ] {
            assert_eq!(read(url).unwrap(), region, "{url}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_queue_is_refused() {
        for url in [
            "",
            "events",
            "arn:aws:sqs:eu-west-1:111122223333:events",
            "https://sqs.eu-west-1.amazonaws.com/events",
            "https://sqs.eu-west-1.amazonaws.com/11112222333/events",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/a b",
            "https://sqs.eu-west-1.amazonaws.com/111122223333/events/",
            "https://me:secret@sqs.eu-west-1.amazonaws.com/111122223333/events",
            "http://sqs.eu-west-1.amazonaws.com/111122223333/events",
        ] {
            assert!(read(url).is_err(), "{url}");
        }
    }
}
