//! The bearer token by which an IAM principal gets into an EKS cluster: a presigned GetCallerIdentity.
//!
//! The rules are the authenticator's own, in
//! <https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/pkg/token/token.go>.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningError, SigningSettings, sign},
    sign::v4,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::model::{Partition, Region, Secret};

/// What every token starts with.
const PREFIX: &str = "k8s-aws-v1.";
/// The header that ties the token to one cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// A longer token is refused unread (`maxTokenLenBytes`).
const MAX_LENGTH: usize = 4096;
/// `X-Amz-Expires` as every client of EKS sets it; the authenticator looks at `X-Amz-Date` instead.
const URL_EXPIRY: Duration = Duration::from_mins(1);
/// How long the authenticator honours a token after `X-Amz-Date` (`presignedURLExpiration`), less a minute for clocks that differ.
const LIFETIME: Duration = Duration::from_mins(14);
/// A token this old is replaced, so that a request in flight never meets its end.
const RENEW_AFTER: Duration = Duration::from_mins(10);

/// A token for one cluster.
#[derive(Clone, Debug)]
pub struct Token {
    /// What goes behind `Authorization: Bearer`.
    pub text: Secret,
    /// When it ends to be good, a minute's margin for differing clocks taken off; never later than its credentials end.
    pub expires: SystemTime,
    /// From when on a new one is to be made.
    pub renew_at: SystemTime,
}

impl Token {
    /// Whether it is time for a new one.
    pub fn is_due(&self, now: SystemTime) -> bool {
        now >= self.renew_at
    }
}

/// No token could be made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The credentials have ended, so no cluster would take a token made of them.
    #[error("the AWS credentials that the token is made of have expired; they have to be renewed first")]
    CredentialsExpired,
    /// The cluster's name cannot stand in an HTTP header.
    #[error("the cluster name {0:?} cannot be signed: EKS names are letters, digits, `-` and `_`")]
    ClusterName(String),
    /// The token is longer than any cluster accepts, by its session token.
    #[error(
        "the token is {length} bytes long and clusters accept at most {MAX_LENGTH}: the credentials' session token is too \
         long; assume the role with fewer session tags or a shorter session policy"
    )]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// The signer refused.
    #[error("the token could not be signed: {0}")]
    Signing(String),
}

/// Makes a token for a cluster: a GET of GetCallerIdentity at the region's own STS host, presigned by the credentials
/// with the cluster's name as a signed header.
///
/// # Errors
/// When the credentials have expired, the name cannot be signed, or the token would be longer than clusters accept.
pub fn presign(
    credentials: &Credentials,
    region: &Region,
    cluster: &str,
    now: SystemTime,
) -> Result<Token, TokenError> {
    let ends = credentials.expiry();
    if ends.is_some_and(|ends| ends <= now) {
        return Err(TokenError::CredentialsExpired);
    }
    if cluster.is_empty() || !cluster.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Err(TokenError::ClusterName(cluster.to_owned()));
    }
    let url = presigned_url(credentials, region, cluster, now)?;
    let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url));
    if text.len() > MAX_LENGTH {
        return Err(TokenError::TooLong { length: text.len() });
    }
    let no_later = |moment: SystemTime| ends.map_or(moment, |ends| ends.min(moment));
    Ok(Token { text: Secret::new(text), expires: no_later(now + LIFETIME), renew_at: no_later(now + RENEW_AFTER) })
}

/// The URL is made of the region's public host name whatever AWS_ENDPOINT_URL says: a cluster accepts no other.
fn presigned_url(
    credentials: &Credentials,
    region: &Region,
    cluster: &str,
    now: SystemTime,
) -> Result<String, TokenError> {
    let host = format!("sts.{region}.{}", Partition::of_region(region).dns_suffix());
    let url = format!("https://{host}/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(URL_EXPIRY);
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region.as_str())
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .map_err(|e| TokenError::Signing(e.to_string()))?
        .into();
    let headers = [("host", host.as_str()), (CLUSTER_HEADER, cluster)];
    let refused = |e: SigningError| TokenError::Signing(e.to_string());
    let request =
        SignableRequest::new("GET", url.as_str(), headers.into_iter(), SignableBody::empty()).map_err(refused)?;
    let (instructions, _) = sign(request, &params).map_err(refused)?.into_parts();
    let mut signed = http::Request::get(&url).body(()).map_err(|e| TokenError::Signing(e.to_string()))?;
    instructions.apply_to_request_http1x(&mut signed);
    Ok(signature_last(&signed.uri().to_string()))
}

/// The signer puts the session token behind the signature, every other client of EKS the signature last; the order means
/// nothing to STS, but a token that is byte for byte the usual one cannot be treated in another way.
fn signature_last(url: &str) -> String {
    let (signature, others): (Vec<&str>, Vec<&str>) =
        url.split('&').partition(|parameter| parameter.starts_with("X-Amz-Signature="));
    [others, signature].concat().join("&")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

    /// 2026-11-20T14:02:03Z.
    fn signing_time() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_183_323)
    }

    fn credentials(session: Option<&str>, expiry: Option<SystemTime>) -> Credentials {
        Credentials::new("AKIDEXAMPLE", SECRET_KEY, session.map(str::to_owned), expiry, "test")
    }

    fn make(session: Option<&str>, region: &str, cluster: &str) -> Token {
        presign(&credentials(session, None), &Region::new(region), cluster, signing_time()).unwrap()
    }

    // What botocore's RequestSigner.generate_presigned_url gives for the same keys, time, region and cluster.
    const PLAIN: &str = "k8s-aws-v1.aHR0cHM6Ly9zdHMuZXUtd2VzdC0xLmFtYXpvbmF3cy5jb20vP0FjdGlvbj1HZXRDYWxsZXJJZGVudGl0eSZWZXJzaW9uPTIwMTEtMDYtMTUmWC1BbXotQWxnb3JpdGhtPUFXUzQtSE1BQy1TSEEyNTYmWC1BbXotQ3JlZGVudGlhbD1BS0lERVhBTVBMRSUyRjIwMjYxMTIwJTJGZXUtd2VzdC0xJTJGc3RzJTJGYXdzNF9yZXF1ZXN0JlgtQW16LURhdGU9MjAyNjExMjBUMTQwMjAzWiZYLUFtei1FeHBpcmVzPTYwJlgtQW16LVNpZ25lZEhlYWRlcnM9aG9zdCUzQngtazhzLWF3cy1pZCZYLUFtei1TaWduYXR1cmU9MWFjNDczYzg5NWM3ZjZhOTkyN2FmMTQ3N2E0OWM5ZjJmZDdlNmY3N2RhZGVmNDI5Y2ViZjQ5MWI1ZWVkNjEzMg";
    const SESSION: &str = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261120%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20261120T140203Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Security-Token=IQoJb3JpZ2luX2VjE%2B%2Fx%3D%3Dtoken%2Fwith%2Bodd%3Dcharacters&X-Amz-Signature=d0be47ff3b3690464f22f9dd6e5c86301a9d5021e1f2f261d303b42fd2f1aa7b";
    const CHINA: &str = "https://sts.cn-north-1.amazonaws.com.cn/?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20261120%2Fcn-north-1%2Fsts%2Faws4_request&X-Amz-Date=20261120T140203Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id&X-Amz-Security-Token=tok&X-Amz-Signature=00f230261e4c0110d0aac1fa2807966b0084d3f28c8689b81096be8faaa298fe";

    fn url_of(token: &Token) -> String {
        let encoded = token.text.expose().strip_prefix(PREFIX).unwrap();
        String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn tokens_are_byte_for_byte_what_botocore_makes() {
        assert_eq!(make(None, "eu-west-1", "checkout").text.expose(), PLAIN);
        let session = Some("IQoJb3JpZ2luX2VjE+/x==token/with+odd=characters");
        assert_eq!(url_of(&make(session, "eu-west-1", "checkout")), SESSION);
        assert_eq!(url_of(&make(Some("tok"), "cn-north-1", "Prod_1-a")), CHINA);
    }

    #[test]
    fn a_token_ends_before_the_authenticator_refuses_it_and_before_its_credentials_end() {
        let minutes = |n: u64| signing_time() + Duration::from_mins(n);
        let until = |expiry| {
            let made =
                presign(&credentials(None, expiry), &Region::new("eu-west-1"), "checkout", signing_time()).unwrap();
            (made.renew_at, made.expires)
        };
        assert_eq!(until(None), (minutes(10), minutes(14)));
        assert_eq!(until(Some(minutes(60))), (minutes(10), minutes(14)));
        assert_eq!(until(Some(minutes(12))), (minutes(10), minutes(12)));
        assert_eq!(until(Some(minutes(3))), (minutes(3), minutes(3)));
        let token = make(None, "eu-west-1", "checkout");
        assert!(!token.is_due(minutes(9)) && token.is_due(minutes(10)));
    }

    #[test]
    fn what_no_cluster_would_take_is_refused_in_words() {
        let region = Region::new("eu-west-1");
        let expired = presign(&credentials(None, Some(signing_time())), &region, "checkout", signing_time());
        assert!(matches!(expired, Err(TokenError::CredentialsExpired)));
        let long = "x".repeat(3500);
        let too_long = presign(&credentials(Some(&long), None), &region, "checkout", signing_time()).unwrap_err();
        assert!(matches!(too_long, TokenError::TooLong { length } if length > MAX_LENGTH));
        assert!(too_long.to_string().contains("session tags"));
        for name in ["", "a\nb", "a b", "ä"] {
            let refused = presign(&credentials(None, None), &region, name, signing_time());
            assert!(matches!(refused, Err(TokenError::ClusterName(_))), "{name:?}");
        }
    }

    #[test]
    fn debug_output_shows_no_token() {
        let shown = format!("{:?}", make(Some("session-token-text"), "eu-west-1", "checkout"));
        assert!(!shown.contains("k8s-aws") && !shown.contains("session-token-text"), "{shown}");
    }
}
