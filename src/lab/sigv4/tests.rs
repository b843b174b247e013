//! Signatures made by AWS's own signer, and requests that were changed after they were signed.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4,
};

use super::*;

const REGION: &str = "eu-west-1";
const HOST: &str = "sts.eu-west-1.amazonaws.com";
const ARN: &str = "arn:aws:sts::111122223333:assumed-role/deployer/ana";

fn key(secret: &str, expires: Option<Timestamp>) -> Key {
    let caller = Caller {
        arn: ARN.to_owned(),
        account: "111122223333".parse().unwrap(),
        user_id: "AROAEXAMPLE:ana".to_owned(),
        role: Some("deployer".to_owned()),
        access_key: "ASIAEXAMPLE".to_owned(),
    };
    Key { secret: secret.to_owned(), session_token: Some("token/+=".to_owned()), expires, caller }
}

fn keys(key: Key) -> BTreeMap<String, Key> {
    BTreeMap::from([("ASIAEXAMPLE".to_owned(), key)])
}

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

fn signed(mut request: Request<Bytes>, location: SignatureLocation, service: &str) -> Request<Bytes> {
    let mut settings = SigningSettings::default();
    settings.expires_in = (location == SignatureLocation::QueryParams).then(|| Duration::from_mins(1));
    settings.signature_location = location;
    let identity = Credentials::new("ASIAEXAMPLE", "secret", Some("token/+=".into()), None, "tests").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(SystemTime::from(now()))
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = request.uri().to_string();
    let headers: Vec<(String, String)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let signable =
        SignableRequest::new(request.method().as_str(), &uri, headers, SignableBody::Bytes(request.body())).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    instructions.apply_to_request_http1x(&mut request);
    request
}

fn presigned() -> String {
    let url = format!("https://{HOST}/?Action=GetCallerIdentity&Version=2011-06-15");
    let request = Request::get(url).header("x-k8s-aws-id", "c1").body(Bytes::new()).unwrap();
    let request = signed(request, SignatureLocation::QueryParams, "sts");
    request.uri().query().unwrap().to_owned()
}

fn check_presigned(query: &str, host: &str, cluster: &str, key: Key, now: Timestamp) -> Result<String, String> {
    let headers = [("x-k8s-aws-id", cluster)];
    let caller = verify_presigned_by(&keys(key), host, query, &headers, now);
    caller.map(|caller| caller.arn).map_err(|refusal| refusal.code)
}

fn refused<T>(code: &str) -> Result<T, String> {
    Err(code.to_owned())
}

#[test]
fn a_presigned_request_is_good_for_its_host_headers_key_and_a_quarter_of_an_hour() {
    let query = presigned();
    let good = || key("secret", Some(now() + minutes(60)));
    let check = |query: &str, cluster, key, now| check_presigned(query, HOST, cluster, key, now);
    assert_eq!(check(&query, "c1", good(), now()), Ok(ARN.to_owned()));
    assert_eq!(check(&query, "c1", good(), now() + minutes(15)), Ok(ARN.to_owned()));
    assert_eq!(check(&query, "c1", good(), now() + minutes(16)), refused("SignatureDoesNotMatch"));
    assert_eq!(check(&query, "c1", good(), now() - minutes(16)), refused("SignatureDoesNotMatch"));
    assert_eq!(check(&query, "c2", good(), now()), refused("SignatureDoesNotMatch"));
    assert_eq!(check(&query, "c1", key("another", None), now()), refused("SignatureDoesNotMatch"));
    assert_eq!(check(&query, "c1", key("secret", Some(now())), now()), refused("ExpiredToken"));
    let unsigned = query.replace("host%3Bx-k8s-aws-id", "host");
    assert_eq!(check(&unsigned, "c1", good(), now()), refused("SignatureDoesNotMatch"));
    let stolen = query.replace("X-Amz-Security-Token=", "X-Amz-Security-Token=x");
    assert_eq!(check(&stolen, "c1", good(), now()), refused("InvalidClientTokenId"));
    assert_eq!(check(&query.replace("ASIAEXAMPLE", "ASIAOTHER"), "c1", good(), now()), refused("InvalidClientTokenId"));
    let other = query.replace("GetCallerIdentity", "GetSessionToken");
    assert_eq!(check(&other, "c1", good(), now()), refused("InvalidAction"));
    assert_eq!(check(&format!("{query}&Action=x"), "c1", good(), now()), refused("IncompleteSignature"));
    let elsewhere = check_presigned(&query, "sts.us-east-1.amazonaws.com", "c1", good(), now());
    assert_eq!(elsewhere, refused("SignatureDoesNotMatch"));
    let nowhere = check_presigned(&query, "sts.eu-west-1.amazonaws.com.evil.example", "c1", good(), now());
    assert_eq!(nowhere, refused("SignatureDoesNotMatch"));
}

#[test]
fn the_region_is_that_of_stss_host_name() {
    assert_eq!(sts_region("sts.eu-west-1.amazonaws.com"), Some("eu-west-1"));
    assert_eq!(sts_region("sts.cn-north-1.amazonaws.com.cn"), Some("cn-north-1"));
    assert_eq!(sts_region("sts.amazonaws.com"), Some("us-east-1"));
    assert_eq!(sts_region("eks.eu-west-1.amazonaws.com"), None);
    assert_eq!(sts_region("sts.eu-west-1.example.com"), None);
}

/// A call with escapes in path and query, and spaces in a header.
fn request() -> Request<Bytes> {
    let path = "/clusters/one/access-entries/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fa?z=2&a=x%20y%2B&a=b";
    let request = Request::post(format!("http://127.0.0.1:1{path}")).header("x-amz-note", "  two   spaces ");
    let request = signed(request.body(Bytes::from("{}")).unwrap(), SignatureLocation::Headers, "eks");
    let (mut parts, body) = request.into_parts();
    // On the wire the path stands alone, and the host in a header.
    parts.uri = path.parse().unwrap();
    parts.headers.insert("host", "127.0.0.1:1".parse().unwrap());
    Request::from_parts(parts, body)
}

fn check(request: &Request<Bytes>, now: Timestamp) -> Result<Signed, Refusal> {
    verify_by(&keys(key("secret", Some(self::now() + minutes(60)))), request, now)
}

#[test]
fn a_signed_request_is_good_as_it_was_signed() {
    let signed = check(&request(), now()).unwrap();
    assert_eq!((signed.caller.arn.as_str(), signed.service.as_str(), signed.region.as_str()), (ARN, "eks", REGION));
    let late = check(&request(), now() + minutes(16)).unwrap_err();
    assert_eq!(late.code, "SignatureDoesNotMatch");
    assert_eq!(
        late.message,
        "Signature expired: 20260301T120000Z is now earlier than 20260301T120100Z (20260301T121600Z - 15 min.)"
    );
    assert_eq!(check(&request(), now() + minutes(61)).unwrap_err().code, "ExpiredToken");
}

#[test]
fn what_was_changed_after_it_was_signed_is_refused() {
    type Change = fn(&mut Request<Bytes>);
    let changes: [(&str, Change); 8] = [
        ("SignatureDoesNotMatch", |r| *r.uri_mut() = r.uri().to_string().replace("one", "two").parse().unwrap()),
        ("SignatureDoesNotMatch", |r| *r.uri_mut() = r.uri().to_string().replace("z=2", "z=3").parse().unwrap()),
        ("SignatureDoesNotMatch", |r| *r.body_mut() = Bytes::from("{ }")),
        ("SignatureDoesNotMatch", |r| *r.method_mut() = http::Method::PUT),
        ("SignatureDoesNotMatch", |r| drop(r.headers_mut().insert("host", "127.0.0.1:2".parse().unwrap()))),
        ("InvalidClientTokenId", |r| drop(r.headers_mut().remove("x-amz-security-token"))),
        ("MissingAuthenticationToken", |r| drop(r.headers_mut().remove("authorization"))),
        ("IncompleteSignature", |r| {
            drop(r.headers_mut().insert("authorization", "AWS4-HMAC-SHA256 Credential=x/y".parse().unwrap()));
        }),
    ];
    for (at, (code, change)) in changes.into_iter().enumerate() {
        let mut request = request();
        change(&mut request);
        assert_eq!(check(&request, now()).unwrap_err().code, code, "change {at}");
    }
}
