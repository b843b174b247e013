//! Checks a presigned `GetCallerIdentity` as AWS STS does.
//!
//! The canonical request is built here from the request as it arrived, independent of the code that signed it:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use http::HeaderMap;
use sha2::{Digest, Sha256};

/// STS takes a presigned request for 15 minutes after its `X-Amz-Date`, whatever `X-Amz-Expires` says.
const LIFETIME: Duration = Duration::from_mins(15);

/// What an access key was given out with, and whom it stands for.
#[derive(Clone)]
pub struct Key {
    pub secret: String,
    pub session_token: Option<String>,
    pub arn: String,
    pub account: String,
    pub user_id: String,
}

/// The parts of a GET request to `/` that the signature covers.
pub struct Request<'a> {
    /// The region in the host name that the client asked for.
    pub region: &'a str,
    /// The query as it stood in the request line.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
}

/// The caller, or the error code and message that STS answers with.
pub fn verify(
    request: &Request<'_>,
    find: impl FnOnce(&str) -> Option<Key>,
    now: SystemTime,
) -> Result<Key, (&'static str, String)> {
    let refuse = |code, message: String| Err((code, message));
    let parameters: BTreeMap<String, String> = request.query.split('&').map(decode_pair).collect();
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);

    if get("Action") != "GetCallerIdentity" || get("Version") != "2011-06-15" {
        return refuse("InvalidAction", format!("unexpected action {} {}", get("Action"), get("Version")));
    }
    if get("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" {
        return refuse("IncompleteSignature", "unexpected X-Amz-Algorithm".into());
    }
    let scope: Vec<&str> = get("X-Amz-Credential").split('/').collect();
    let [access_key, day, region, "sts", "aws4_request"] = scope[..] else {
        return refuse("IncompleteSignature", format!("unexpected credential scope {scope:?}"));
    };
    if region != request.region {
        return refuse("SignatureDoesNotMatch", format!("signed for {region}, sent to {}", request.region));
    }
    let Some(key) = find(access_key) else {
        return refuse("InvalidClientTokenId", "the security token is invalid".into());
    };
    if key.session_token.as_deref().unwrap_or("") != get("X-Amz-Security-Token") {
        return refuse("InvalidClientTokenId", "the session token is not the one given out with the key".into());
    }
    let date = get("X-Amz-Date");
    let Some(signed_at) = parse_date(date).filter(|_| date.starts_with(day)) else {
        return refuse("IncompleteSignature", format!("unexpected X-Amz-Date {date}"));
    };
    if now > signed_at + LIFETIME || signed_at > now + LIFETIME {
        return refuse("ExpiredToken", format!("signed at {date}"));
    }
    let signed: Vec<&str> = get("X-Amz-SignedHeaders").split(';').collect();
    if !signed.contains(&"host") || !signed.contains(&"x-k8s-aws-id") {
        return refuse("SignatureDoesNotMatch", format!("signed headers are only {signed:?}"));
    }
    let canonical = canonical_request(&parameters, &signed, request.headers);
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{day}/{region}/sts/aws4_request\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let signature = calculate_signature(generate_signing_key(&key.secret, signed_at, region, "sts"), text.as_bytes());
    if signature != get("X-Amz-Signature") {
        return refuse("SignatureDoesNotMatch", "the signature is not the one computed here".into());
    }
    Ok(key)
}

fn canonical_request(parameters: &BTreeMap<String, String>, signed: &[&str], headers: &HeaderMap) -> String {
    let mut pairs: Vec<String> = parameters
        .iter()
        .filter(|(name, _)| *name != "X-Amz-Signature")
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.sort();
    let mut lines = String::new();
    for name in signed {
        let value = headers.get(*name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let _ = writeln!(lines, "{name}:{}", value.trim());
    }
    let nothing = hex(&Sha256::digest(b""));
    format!("GET\n/\n{}\n{lines}\n{}\n{nothing}", pairs.join("&"), signed.join(";"))
}

fn parse_date(text: &str) -> Option<SystemTime> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().into())
}

pub fn decode_pair(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decode(name), decode(value))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2).and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()))
            .flatten();
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
