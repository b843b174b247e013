//! The EC2 of the tests: it tells the authenticator the private DNS name of any instance, as the real one answers
//! `DescribeInstances` (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>).

use std::collections::HashMap;
use std::fmt::Write as _;

use axum::response::Response;
use http::StatusCode;
use rolecall::lab::sigv4;

use super::sts::answer;

/// The private DNS name of an instance: an address made of the last digits of its id, so that each has its own.
pub fn private_dns_name(instance: &str) -> String {
    let digits = instance.get(instance.len().saturating_sub(6)..).unwrap_or_default();
    let number = u32::from_str_radix(digits, 16).unwrap_or_default();
    let [_, a, b, c] = number.to_be_bytes();
    format!("ip-10-{a}-{b}-{c}.ec2.internal")
}

/// Answers a form that was posted to `ec2.<region>.amazonaws.com`.
pub(super) fn describe_instances(body: &str) -> Response {
    let form: HashMap<String, String> = sigv4::pairs(body).collect();
    if form.get("Action").is_none_or(|action| action != "DescribeInstances") {
        let xml = "<Response><Errors><Error><Code>InvalidAction</Code><Message>only DescribeInstances</Message>\
                   </Error></Errors><RequestID>00000000-0000-0000-0000-000000000000</RequestID></Response>";
        return answer(StatusCode::BAD_REQUEST, "text/xml", xml.to_owned());
    }
    let mut reservations = String::new();
    for (_, instance) in form.iter().filter(|(name, _)| name.starts_with("InstanceId.")) {
        let name = private_dns_name(instance);
        let _ = write!(
            reservations,
            "<item><reservationId>r-1</reservationId><instancesSet><item><instanceId>{instance}</instanceId>\
             <privateDnsName>{name}</privateDnsName></item></instancesSet></item>"
        );
    }
    let xml = format!(
        "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>00000000-0000-0000-0000-000000000000</requestId>\
         <reservationSet>{reservations}</reservationSet></DescribeInstancesResponse>"
    );
    answer(StatusCode::OK, "text/xml", xml)
}
