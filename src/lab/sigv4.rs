//! Signature Version 4 as the AWS side checks it.
//!
//! The canonical request is built here from the request as it arrived, independent of the code that signed it:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. Errors carry the codes of
//! the Query protocol; the other protocols spell them their own way.

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::{collections::BTreeMap, fmt::Write as _};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use bytes::Bytes;
use http::Request;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use super::{
    Refusal,
    world::{
        State,
        keys::{Caller, Key},
    },
};
use crate::model::Region;

/// How far a request's date may be from the server's clock; a presigned request for STS is good for as long, whatever
/// its X-Amz-Expires says.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// All but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

/// Whom a good signature stands for, and what it was made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Whose key signed.
    pub caller: Caller,
    /// The service in the credential scope.
    pub service: String,
    /// The region in the credential scope.
    pub region: Region,
}

/// Checks a presigned `GET /` for `sts.<region>.amazonaws.com` that asks GetCallerIdentity, as it stands in a cluster token:
/// the query as in the request line, and the headers that come with it beside the host.
///
/// # Errors
/// With the code that STS answers with.
pub fn verify_presigned(
    state: &State,
    host: &str,
    query: &str,
    headers: &[(&str, &str)],
    now: Timestamp,
) -> Result<Caller, Refusal> {
    verify_presigned_by(&state.keys, host, query, headers, now)
}

/// The same with the keys alone.
///
/// # Errors
/// As [`verify_presigned`].
pub fn verify_presigned_by(
    keys: &BTreeMap<String, Key>,
    host: &str,
    query: &str,
    headers: &[(&str, &str)],
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let mut parameters = BTreeMap::new();
    for (name, value) in pairs(query) {
        if parameters.insert(name.clone(), value).is_some() {
            return Err(Refusal::new(400, "IncompleteSignature", format!("The parameter {name} stands twice")));
        }
    }
    let get = |name: &str| parameters.get(name).map_or("", String::as_str);
    if get("Action") != "GetCallerIdentity" || get("Version") != "2011-06-15" {
        let message = format!("Could not find operation {} for version {}", get("Action"), get("Version"));
        return Err(Refusal::new(400, "InvalidAction", message));
    }
    if !parameters.contains_key("X-Amz-Algorithm") {
        return Err(Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
    }
    let claim = Claim {
        algorithm: get("X-Amz-Algorithm"),
        scope: Scope::of(get("X-Amz-Credential"))?,
        date: get("X-Amz-Date"),
        token: parameters.get("X-Amz-Security-Token").map(String::as_str),
        signed: get("X-Amz-SignedHeaders").split(';').collect(),
        signature: get("X-Amz-Signature"),
    };
    let (key, signed_at) = claim.key(keys, now)?;
    if claim.scope.service != "sts" || Some(claim.scope.region) != sts_region(host) {
        let message = format!("Credential should be scoped to a valid region and the service sts, not {host}.");
        return Err(Refusal::new(403, "SignatureDoesNotMatch", message));
    }
    let unsigned: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("X-Amz-Signature=")).collect();
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::from([("host".to_owned(), vec![host])]);
    for (name, value) in headers {
        lines.entry(name.to_ascii_lowercase()).or_default().push(value);
    }
    let canonical = Canonical {
        method: "GET",
        path: "/",
        query: &unsigned.join("&"),
        headers: &lines,
        payload: &hex(&Sha256::digest(b"")),
    };
    claim.matches(&canonical, key, signed_at)?;
    Ok(key.caller.clone())
}

/// Checks the signature in the Authorization header.
///
/// # Errors
/// With the codes of <https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html>.
pub fn verify(state: &State, request: &Request<Bytes>, now: Timestamp) -> Result<Signed, Refusal> {
    verify_by(&state.keys, request, now)
}

fn verify_by(keys: &BTreeMap<String, Key>, request: &Request<Bytes>, now: Timestamp) -> Result<Signed, Refusal> {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = header("authorization") else {
        return Err(Refusal::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
    };
    let claim =
        Claim::of_header(authorization, header("x-amz-date").unwrap_or_default(), header("x-amz-security-token"))?;
    let (key, signed_at) = claim.key(keys, now)?;
    let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in request.headers() {
        lines.entry(name.as_str().to_owned()).or_default().push(value.to_str().unwrap_or_default());
    }
    if !claim.signed.contains(&"x-amz-date") {
        return Err(Refusal::new(
            403,
            "SignatureDoesNotMatch",
            "'X-Amz-Date' must be a 'SignedHeader' in the request.",
        ));
    }
    let digest = hex(&Sha256::digest(request.body()));
    let payload = header("x-amz-content-sha256").unwrap_or(&digest);
    if payload != digest && payload != "UNSIGNED-PAYLOAD" {
        return Err(Refusal::new(403, "SignatureDoesNotMatch", MISMATCH));
    }
    let canonical = Canonical {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers: &lines,
        payload,
    };
    claim.matches(&canonical, key, signed_at)?;
    let Scope { region, service, .. } = claim.scope;
    Ok(Signed { caller: key.caller.clone(), service: service.to_owned(), region: Region::new(region) })
}

/// Access key, region and service of a credential scope, without looking at the signature.
pub(super) fn scope_of(authorization: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = authorization.split_once("Credential=")?;
    let credential = rest.split([',', ' ']).next()?;
    let mut parts = credential.split('/');
    let key = parts.next()?;
    let _day = parts.next()?;
    Some((key, parts.next()?, parts.next()?))
}

/// What a signed request says of its signature.
struct Claim<'a> {
    algorithm: &'a str,
    scope: Scope<'a>,
    date: &'a str,
    token: Option<&'a str>,
    signed: Vec<&'a str>,
    signature: &'a str,
}

struct Scope<'a> {
    access_key: &'a str,
    day: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn of(credential: &'a str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = credential.split('/').collect();
        let [access_key, day, region, service, "aws4_request"] = parts[..] else {
            let message = "Credential must have exactly 5 slash-delimited elements, e.g. \
                           keyid/date/region/service/term";
            return Err(incomplete(message));
        };
        Ok(Self { access_key, day, region, service })
    }
}

impl<'a> Claim<'a> {
    fn of_header(authorization: &'a str, date: &'a str, token: Option<&'a str>) -> Result<Self, Refusal> {
        let (algorithm, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
        let parts: BTreeMap<&str, &str> = rest.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let part = |name: &str| {
            let missing = || incomplete(&format!("Authorization header requires '{name}' parameter."));
            parts.get(name).copied().filter(|value| !value.is_empty()).ok_or_else(missing)
        };
        Ok(Self {
            algorithm,
            scope: Scope::of(part("Credential")?)?,
            date,
            token,
            signed: part("SignedHeaders")?.split(';').collect(),
            signature: part("Signature")?,
        })
    }

    /// The key it was signed with and when, if both are good.
    fn key<'k>(&self, keys: &'k BTreeMap<String, Key>, now: Timestamp) -> Result<(&'k Key, Timestamp), Refusal> {
        if self.algorithm != ALGORITHM {
            return Err(incomplete(&format!("Unsupported AWS 'algorithm': '{}'.", self.algorithm)));
        }
        let invalid = "The security token included in the request is invalid.";
        let key = keys.get(self.scope.access_key).filter(|key| key.session_token.as_deref() == self.token);
        let key = key.ok_or_else(|| Refusal::new(403, "InvalidClientTokenId", invalid))?;
        if key.expires.is_some_and(|end| end <= now) {
            let expired = "The security token included in the request is expired";
            return Err(Refusal::new(403, "ExpiredToken", expired));
        }
        let Some(signed_at) = parse(self.date).filter(|_| self.date.starts_with(self.scope.day)) else {
            return Err(incomplete(
                "Date must be in ISO-8601 'basic format' and of the day of the 'Credential' scope.",
            ));
        };
        let apart = now.duration_since(signed_at);
        let off = |words: &str, sign: &str, edge: Timestamp| {
            let (edge, now) = (basic(edge), basic(now));
            let message = format!("{words} than {edge} ({now} {sign} 15 min.)");
            Refusal::new(403, "SignatureDoesNotMatch", message)
        };
        if apart > WINDOW {
            return Err(off(&format!("Signature expired: {} is now earlier", self.date), "-", now - WINDOW));
        }
        if apart < -WINDOW {
            return Err(off(&format!("Signature not yet current: {} is still later", self.date), "+", now + WINDOW));
        }
        Ok((key, signed_at))
    }

    fn matches(&self, canonical: &Canonical<'_>, key: &Key, signed_at: Timestamp) -> Result<(), Refusal> {
        if !self.signed.contains(&"host") {
            return Err(Refusal::new(403, "SignatureDoesNotMatch", "'Host' must be a 'SignedHeader' in the request."));
        }
        let Scope { day, region, service, .. } = self.scope;
        let digest = hex(&Sha256::digest(canonical.text(&self.signed).as_bytes()));
        let text = format!("{ALGORITHM}\n{}\n{day}/{region}/{service}/aws4_request\n{digest}", self.date);
        let signing_key = generate_signing_key(&key.secret, signed_at.into(), region, service);
        if calculate_signature(signing_key, text.as_bytes()) == self.signature {
            return Ok(());
        }
        Err(Refusal::new(403, "SignatureDoesNotMatch", MISMATCH))
    }
}

/// The parts of a request that a signature covers, as they arrived.
struct Canonical<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    headers: &'a BTreeMap<String, Vec<&'a str>>,
    payload: &'a str,
}

impl Canonical<'_> {
    fn text(&self, signed: &[&str]) -> String {
        // What is escaped in the path is escaped once more, for every service but S3.
        let path: Vec<String> = self.path.split('/').map(encode).collect();
        let mut query: Vec<(String, String)> = pairs(self.query).map(|(n, v)| (encode(&n), encode(&v))).collect();
        query.sort();
        let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut lines = String::new();
        for name in signed {
            let values = self.headers.get(*name).map(Vec::as_slice).unwrap_or_default();
            let values: Vec<String> =
                values.iter().map(|value| value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")).collect();
            let _ = writeln!(lines, "{name}:{}", values.join(","));
        }
        let (method, path, query) = (self.method, path.join("/"), query.join("&"));
        format!("{method}\n{path}\n{query}\n{lines}\n{}\n{}", signed.join(";"), self.payload)
    }
}

fn incomplete(message: &str) -> Refusal {
    Refusal::new(400, "IncompleteSignature", message)
}

/// The region of STS's host name; the old global name is us-east-1's.
fn sts_region(host: &str) -> Option<&str> {
    let rest = host.strip_prefix("sts.")?;
    let rest = rest.strip_suffix(".cn").unwrap_or(rest);
    match rest.strip_suffix("amazonaws.com")?.strip_suffix('.') {
        Some(region) => Some(region),
        None if rest == "amazonaws.com" => Some("us-east-1"),
        None => None,
    }
}

/// The pairs of a query or form, decoded; a `+` stands for itself, as signing libraries never write a space so.
pub fn pairs(query: &str) -> impl Iterator<Item = (String, String)> + '_ {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// A part of a URL without its escapes.
pub(super) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encode(text: &str) -> String {
    percent_encode(text.as_bytes(), RESERVED).to_string()
}

fn parse(date: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn basic(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
