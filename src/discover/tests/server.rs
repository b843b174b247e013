//! A server that answers as AWS does over HTTP, by a function from the operation asked for to the answer.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_config::{BehaviorVersion, Region as SdkRegion, SdkConfig, retry::RetryConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_http_client::proxy::ProxyConfig;
use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::Response,
    serve::ListenerExt,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    discover::{Hub, config::shared_http_client, hub_with},
    model::{MemberRole, OrganizationScope, Region, Regions, Secret, Selector},
};

/// A call as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// The operation, such as `ListAccounts`.
    pub(crate) operation: String,
    /// JSON body, form or query parameters; the path's last part under `path`.
    pub(crate) input: Value,
    /// The access key that signed the call.
    pub(crate) key: String,
    /// The region that the call was signed for.
    pub(crate) region: String,
}

impl Ask {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.input[name].as_str().unwrap_or_default()
    }
}

/// What the server answers.
pub(crate) enum Answer {
    /// A JSON document.
    Json(Value),
    /// The inside of an XML result.
    Xml(String),
    /// An error with status, code and message.
    Error(u16, &'static str, &'static str),
    /// Something that is not AWS at all.
    Html(u16),
    /// No answer ever comes.
    Never,
    /// This answer, once the semaphore gives a permit.
    After(Arc<Semaphore>, Box<Answer>),
}

pub(crate) fn denied() -> Answer {
    Answer::Error(403, "AccessDeniedException", "User is not authorized to perform this")
}

/// The running server and what it was asked.
pub(crate) struct Server {
    url: String,
    asked: Arc<Mutex<Vec<Ask>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server. Who calls is the user `hub` in account 999988887777, unless the function says otherwise.
    pub(crate) async fn start(answer: impl Fn(&Ask) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Ask>>> = Arc::default();
        let (record, answer) = (Arc::clone(&asked), Arc::new(answer));
        let app = axum::Router::new().fallback(move |request: Request| {
            let (record, answer) = (Arc::clone(&record), Arc::clone(&answer));
            async move {
                let ask = read(request).await;
                record.lock().unwrap().push(ask.clone());
                let mut given = answer(&ask).or_else(|| by_default(&ask));
                while let Some(Answer::After(gate, then)) = given {
                    gate.acquire().await.unwrap().forget();
                    given = Some(*then);
                }
                if matches!(given, Some(Answer::Never)) {
                    std::future::pending::<()>().await;
                }
                write(&ask, given.unwrap_or(Answer::Error(400, "UnexpectedCall", "the test did not expect this call")))
            }
        });
        let connections: Arc<AtomicUsize> = Arc::default();
        let counted = Arc::clone(&connections);
        let listener = listener.tap_io(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, asked, connections }
    }

    pub(crate) fn asked(&self) -> Vec<Ask> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.asked().iter().filter(|ask| ask.operation == operation).count()
    }

    /// Waits until an operation was asked for so many times.
    pub(crate) async fn asked_for(&self, operation: &str, times: usize) {
        while self.count(operation) < times {
            tokio::task::yield_now().await;
        }
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn config(&self) -> SdkConfig {
        let keys = Credentials::new("HUBKEY", "secret", None, None, "test");
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .endpoint_url(&self.url)
            .region(SdkRegion::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(shared_http_client(&ProxyConfig::disabled()))
            .retry_config(RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1)))
            .build()
    }

    pub(crate) async fn hub(&self) -> Hub {
        hub_with(self.config(), &scope(), 4).await.unwrap()
    }
}

/// A scope of every account with the member role `rolecall-member`.
pub(crate) fn scope() -> OrganizationScope {
    OrganizationScope {
        hub: None,
        member: MemberRole {
            path_and_name: "platform/rolecall-member".to_owned(),
            external_id: Some(Secret::new("member-external-id")),
            session_name: "rolecall".to_owned(),
            source_identity: Some("nightwatch".to_owned()),
        },
        regions: Regions::Fixed(vec![Region::new("eu-west-1")]),
        include: Selector::default(),
        exclude: None,
        accounts: None,
        identity_center: None,
    }
}

/// The answer of GetCallerIdentity.
pub(crate) fn caller(arn: &str, account: &str) -> Answer {
    Answer::Xml(format!("<Arn>{arn}</Arn><UserId>AIDAEXAMPLE</UserId><Account>{account}</Account>"))
}

/// The answer of AssumeRole, ending that many seconds from now; the access key names the account.
pub(crate) fn assumed(ask: &Ask, seconds: i64) -> Answer {
    let account = ask.text("RoleArn").split(':').nth(4).unwrap_or_default().to_owned();
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    Answer::Xml(format!(
        "<Credentials><AccessKeyId>KEY{account}</AccessKeyId><SecretAccessKey>s3cr3t-key</SecretAccessKey>\
         <SessionToken>s3cr3t-token</SessionToken><Expiration>{end}</Expiration></Credentials>"
    ))
}

fn by_default(ask: &Ask) -> Option<Answer> {
    match ask.operation.as_str() {
        "GetCallerIdentity" => Some(caller("arn:aws:iam::999988887777:user/hub", "999988887777")),
        "AssumeRole" => Some(assumed(ask, 3600)),
        "DescribeOrganization" => Some(Answer::Json(json!({"Organization": {"Id": "o-a1b2c3d4e5"}}))),
        _ => None,
    }
}

async fn read(request: Request) -> Ask {
    let (head, body) = request.into_parts();
    let header = |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
    let scope = header("authorization").split("Credential=").nth(1).unwrap_or_default().to_owned();
    let mut scope = scope.split('/').map(str::to_owned);
    let (key, region) = (scope.next().unwrap_or_default(), scope.nth(1).unwrap_or_default());
    let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
    let target = header("x-amz-target");
    let last = head.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let (operation, input) = if let Some(operation) = target.split('.').nth(1) {
        (operation.to_owned(), serde_json::from_str(&body).unwrap())
    } else if head.uri.path() == "/listRegions" {
        ("ListRegions".to_owned(), serde_json::from_str(&body).unwrap())
    } else if head.uri.path().starts_with("/clusters") {
        let operation = if last == "clusters" { "ListClusters" } else { "DescribeCluster" };
        let mut input = form(head.uri.query().unwrap_or_default());
        input["path"] = json!(last);
        (operation.to_owned(), input)
    } else {
        let input = form(&body);
        (input["Action"].as_str().unwrap_or("unknown").to_owned(), input)
    };
    Ask { operation, input, key, region }
}

fn form(text: &str) -> Value {
    let pairs: BTreeMap<String, String> = text
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.replace("%3A", ":").replace("%2F", "/")))
        .collect();
    json!(pairs)
}

fn write(ask: &Ask, answer: Answer) -> Response<Body> {
    let json = |status: u16, code: &str, body: String| {
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .header("x-amzn-errortype", code)
            .body(Body::from(body))
            .unwrap()
    };
    let xml = |status: u16, body: String| Response::builder().status(status).body(Body::from(body)).unwrap();
    let is_xml = ask.input["Action"].is_string();
    match answer {
        Answer::Never | Answer::After(..) => unreachable!("awaited before"),
        Answer::Html(status) => xml(status, "<!doctype html><title>Not Found</title>".to_owned()),
        Answer::Json(body) => json(200, "", body.to_string()),
        Answer::Xml(inner) => {
            let name = &ask.operation;
            xml(200, format!("<{name}Response><{name}Result>{inner}</{name}Result></{name}Response>"))
        }
        Answer::Error(status, code, message) if is_xml => xml(
            status,
            format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"),
        ),
        Answer::Error(status, code, message) => {
            json(status, code, json!({"__type": code, "message": message}).to_string())
        }
    }
}
