//! The STS of the tests: it hands `AssumeRole` on to moto and then knows whom every key stands for, so that it can
//! check the presigned `GetCallerIdentity` inside a cluster token, signature and all, which moto cannot.
//!
//! It has two doors. The plain one (`url`) is what AWS clients use as their STS endpoint. The other is a CONNECT
//! proxy (`proxy_url`) behind which every `sts.<region>.amazonaws.com` is this STS and every
//! `ec2.<region>.amazonaws.com` the EC2 of the tests, under a certificate of `authority`: the real authenticator is led
//! through it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use rolecall::lab::sigv4;
use rolecall::lab::world::keys::{Caller, Key};

use super::certs::Authority;
use super::connect_proxy;

/// An `AssumeRole` that was asked for, as the caller wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssumeRole {
    pub role_arn: String,
    pub session_name: String,
    pub external_id: Option<String>,
    pub source_identity: Option<String>,
}

/// Handle on the running STS.
#[derive(Clone)]
pub struct Sts {
    /// The plain endpoint, for `AWS_ENDPOINT_URL_STS`.
    pub url: String,
    /// The CONNECT proxy, for `HTTPS_PROXY` of an authenticator.
    pub proxy_url: String,
    /// The certificate that the TLS side is to be trusted by.
    pub ca_pem: String,
    ledger: Arc<Ledger>,
}

/// A plain door: what comes in by it goes on to the simulated AWS behind it.
#[derive(Clone)]
struct Door {
    behind: String,
    ledger: Arc<Ledger>,
}

/// What the STS knows.
pub(super) struct Ledger {
    pub(super) authority: Authority,
    keys: Mutex<BTreeMap<String, Key>>,
    denied: Mutex<HashSet<String>>,
    calls: Mutex<Vec<AssumeRole>>,
}

impl Sts {
    /// Starts both doors on a thread and runtime of their own, since the runtime of a test ends with that test.
    pub fn start(moto_url: &str) -> Self {
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = Authority::new("rolecall tests STS");
        let sts = Self {
            url: format!("http://{}", plain.local_addr().unwrap()),
            proxy_url: format!("http://{}", proxy.local_addr().unwrap()),
            ca_pem: authority.pem(),
            ledger: Arc::new(Ledger {
                authority,
                keys: Mutex::default(),
                denied: Mutex::default(),
                calls: Mutex::default(),
            }),
        };
        let door = Door { behind: moto_url.to_owned(), ledger: Arc::clone(&sts.ledger) };
        std::thread::spawn(move || serve(plain, Some(proxy), door));
        sts
    }

    /// Opens another plain door, to another simulated AWS, and gives its URL. Sessions that are made there are known to
    /// the authenticators too.
    pub fn door_to(&self, url: &str) -> String {
        let plain = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("http://{}", plain.local_addr().unwrap());
        let door = Door { behind: url.to_owned(), ledger: Arc::clone(&self.ledger) };
        std::thread::spawn(move || serve(plain, None, door));
        own
    }

    /// Lets a key that was made elsewhere be used in tokens: its caller is what `GetCallerIdentity` will say.
    pub fn remember(&self, key: Key) {
        self.ledger.remember(key);
    }

    /// The secret keys and session tokens that were given out in these accounts so far.
    pub fn secrets_of(&self, accounts: &[&str]) -> Vec<String> {
        let keys = self.ledger.keys.lock().unwrap();
        let of_accounts = keys.values().filter(|key| accounts.contains(&key.caller.account.as_str()));
        of_accounts.flat_map(|key| key.session_token.iter().chain([&key.secret]).cloned()).collect()
    }

    /// From now on `AssumeRole` into this account answers `AccessDenied`.
    pub fn deny_account(&self, account: &str) {
        self.ledger.denied.lock().unwrap().insert(account.to_owned());
    }

    /// Every `AssumeRole` so far whose role is in this account.
    pub fn calls_into(&self, account: &str) -> Vec<AssumeRole> {
        let calls = self.ledger.calls.lock().unwrap();
        calls.iter().filter(|call| account_of(&call.role_arn) == account).cloned().collect()
    }
}

impl Ledger {
    fn remember(&self, key: Key) {
        self.keys.lock().unwrap().insert(key.caller.access_key.clone(), key);
    }

    /// The TLS side: a presigned `GetCallerIdentity` sent to `sts.<region>.amazonaws.com`.
    pub(super) fn caller_identity(&self, query: &str, headers: &HeaderMap) -> Response {
        let host = headers.get("host").map_or("", |host| host.to_str().unwrap());
        let beside_host = headers.iter().filter(|(name, _)| *name != "host");
        let headers: Vec<(&str, &str)> =
            beside_host.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let keys = self.keys.lock().unwrap();
        let (status, body) = match sigv4::verify_presigned_by(&keys, host, query, &headers, Timestamp::now()) {
            Ok(caller) => {
                let result =
                    serde_json::json!({"Account": caller.account, "Arn": caller.arn, "UserId": caller.user_id});
                let metadata = serde_json::json!({"RequestId": "00000000-0000-0000-0000-000000000000"});
                let answer = serde_json::json!({"GetCallerIdentityResult": result, "ResponseMetadata": metadata});
                (StatusCode::OK, serde_json::json!({"GetCallerIdentityResponse": answer}))
            }
            Err(refusal) => {
                let error = serde_json::json!({"Code": refusal.code, "Message": refusal.message, "Type": "Sender"});
                (StatusCode::from_u16(refusal.status).unwrap(), serde_json::json!({"Error": error}))
            }
        };
        answer(status, "application/json", body.to_string())
    }
}

fn serve(plain: TcpListener, proxy: Option<TcpListener>, door: Door) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = |listener: TcpListener| {
            listener.set_nonblocking(true).unwrap();
            tokio::net::TcpListener::from_std(listener).unwrap()
        };
        if let Some(proxy) = proxy {
            tokio::spawn(connect_proxy::serve(listener(proxy), Arc::clone(&door.ledger)));
        }
        let app = axum::Router::new().fallback(pass_on).with_state(door);
        axum::serve(listener(plain), app).await.unwrap();
    });
}

/// The plain side: everything goes on and back as it is; what `AssumeRole` gives is kept.
async fn pass_on(State(Door { behind, ledger }): State<Door>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let call = assume_role_call(&parts.method, &body);
    if let Some(call) = &call {
        ledger.calls.lock().unwrap().push(call.clone());
        if ledger.denied.lock().unwrap().contains(account_of(&call.role_arn)) {
            return access_denied(&call.role_arn);
        }
    }
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    parts.uri = format!("{behind}{path}").parse::<Uri>().unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(Request::from_parts(parts, Body::from(body))).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    if call.is_some() && parts.status.is_success() {
        keep(&ledger, &String::from_utf8_lossy(&body));
    }
    Response::from_parts(parts, Body::from(body))
}

fn assume_role_call(method: &Method, body: &Bytes) -> Option<AssumeRole> {
    let body = std::str::from_utf8(body).ok()?;
    let form: HashMap<String, String> = sigv4::pairs(body).collect();
    let assumes = method == Method::POST && form.get("Action").is_some_and(|action| action == "AssumeRole");
    assumes.then(|| AssumeRole {
        role_arn: form.get("RoleArn").cloned().unwrap_or_default(),
        session_name: form.get("RoleSessionName").cloned().unwrap_or_default(),
        external_id: form.get("ExternalId").cloned(),
        source_identity: form.get("SourceIdentity").cloned(),
    })
}

fn keep(ledger: &Ledger, xml: &str) {
    let element = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
    };
    let arn = element("Arn").expect("AssumeRole answers with an Arn");
    let role = arn.split('/').nth(1).map(str::to_lowercase);
    let caller = Caller {
        account: account_of(&arn).parse().unwrap(),
        arn,
        user_id: element("AssumedRoleId").expect("AssumeRole answers with an id"),
        role,
        access_key: element("AccessKeyId").expect("AssumeRole answers with a key"),
    };
    let secret = element("SecretAccessKey").expect("AssumeRole answers with a secret");
    ledger.remember(Key { secret, session_token: element("SessionToken"), expires: None, caller });
}

fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

fn access_denied(role_arn: &str) -> Response {
    let xml = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole on resource: {role_arn}\
         </Message></Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>"
    );
    answer(StatusCode::FORBIDDEN, "text/xml", xml)
}

pub(super) fn answer(status: StatusCode, content_type: &str, body: String) -> Response {
    Response::builder().status(status).header("content-type", content_type).body(Body::from(body)).unwrap()
}
