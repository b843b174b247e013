//! A conversation with an API server, byte for byte as HTTP, and how it is kept so that two servers' can be compared.

use std::{path::PathBuf, time::SystemTime};

use aws_credential_types::Credentials;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use kube::client::Body;
use rolecall::{connect::token, model::Region};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::mask::Mask;

/// Where clusters of the contract are.
pub const REGION: &str = "eu-west-1";

/// A server to talk to, real or not.
pub struct Server {
    /// `https://127.0.0.1:PORT`.
    pub url: String,
    /// The file with its certificate authority.
    pub ca_file: PathBuf,
    /// The name that tokens are made for.
    pub cluster: String,
    /// The session of the role that made the cluster, which may do everything.
    pub creator: Credentials,
    /// A session of a role that only a row of aws-auth lets in.
    pub visitor: Credentials,
}

/// Whose token comes with a request.
#[derive(Clone, Debug)]
enum Bearer {
    Creator,
    Visitor,
    Token(Option<String>),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    method: Method,
    path: String,
    body: Option<String>,
    content_type: &'static str,
    bearer: Bearer,
    /// The user and the groups on whose behalf he asks, see
    /// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation>.
    for_whom: Option<(String, Vec<String>)>,
}

impl Ask {
    fn new(method: Method, path: &str, body: Option<String>, content_type: &'static str) -> Self {
        let for_whom = Some(("admin".to_owned(), vec!["system:masters".to_owned()]));
        Self { method, path: path.to_owned(), body, content_type, bearer: Bearer::Creator, for_whom }
    }

    /// On behalf of this user in these groups, and not of an administrator.
    pub fn by(self, user: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        Self { for_whom: Some((user.to_owned(), groups)), ..self }
    }

    /// As the creator of the cluster.
    pub fn by_creator(self) -> Self {
        Self { for_whom: None, ..self }
    }

    /// As the visitor.
    pub fn by_visitor(self) -> Self {
        Self { bearer: Bearer::Visitor, for_whom: None, ..self }
    }

    /// As the visitor, who claims to ask for another.
    pub fn by_visitor_as(self, user: &str) -> Self {
        Self { bearer: Bearer::Visitor, ..self }.by(user, &[])
    }

    /// With this bearer token, or with none.
    pub fn with_token(self, token: Option<&str>) -> Self {
        Self { bearer: Bearer::Token(token.map(str::to_owned)), for_whom: None, ..self }
    }

    fn who(&self) -> String {
        let bearer = match &self.bearer {
            Bearer::Creator => "the creator".to_owned(),
            Bearer::Visitor => "the visitor".to_owned(),
            Bearer::Token(Some(token)) => format!("token {token}"),
            Bearer::Token(None) => "nobody".to_owned(),
        };
        match (&self.bearer, &self.for_whom) {
            (_, None) => bearer,
            (Bearer::Creator, Some((user, groups))) => format!("{user} ({})", groups.join(", ")),
            (_, Some((user, _))) => format!("{bearer} as {user}"),
        }
    }
}

/// A GET.
pub fn get(path: &str) -> Ask {
    Ask::new(Method::GET, path, None, "application/json")
}

/// A POST of an object.
pub fn post(path: &str, body: &Value) -> Ask {
    Ask::new(Method::POST, path, Some(body.to_string()), "application/json")
}

/// A PUT of an object.
pub fn put(path: &str, body: &Value) -> Ask {
    Ask::new(Method::PUT, path, Some(body.to_string()), "application/json")
}

/// A server-side apply; the field manager and other parameters are in the path's query.
pub fn apply(path: &str, body: &Value) -> Ask {
    Ask::new(Method::PATCH, path, Some(body.to_string()), "application/apply-patch+yaml")
}

/// Any request with a body as it is.
pub fn raw(method: Method, path: &str, body: &str, content_type: &'static str) -> Ask {
    Ask::new(method, path, Some(body.to_owned()), content_type)
}

/// A DELETE with preconditions (`uid`, `resourceVersion`), or with none.
pub fn delete(path: &str, preconditions: Option<Value>) -> Ask {
    let body = preconditions.map(|preconditions| {
        json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}).to_string()
    });
    Ask::new(Method::DELETE, path, body, "application/json")
}

/// What was asked and answered, with all that differs from run to run masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// What it is about, unique within its case.
    pub title: String,
    /// Method, path and who asked.
    pub request: String,
    /// What was sent, where it is not too long to read.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub sent: Value,
    /// The HTTP status.
    pub status: u16,
    /// The answer's media type.
    pub media_type: String,
    /// The answer.
    pub body: Value,
}

/// One case's conversation with one server.
pub struct Talk<'a> {
    server: &'a Server,
    client: kube::Client,
    mask: Mask,
    /// What was said so far.
    pub exchanges: Vec<Exchange>,
}

impl<'a> Talk<'a> {
    /// Begins to talk.
    pub fn new(server: &'a Server) -> Self {
        let mut config = kube::Config::new(server.url.parse().unwrap());
        config.root_cert_file = Some(server.ca_file.clone());
        config.default_retry = false;
        let client = kube::Client::try_from(config).unwrap();
        Self { server, client, mask: Mask::default(), exchanges: Vec::new() }
    }

    /// Asks, keeps what was said under this title, and gives the answer as it came.
    pub async fn say(&mut self, title: &str, ask: Ask) -> Value {
        let (status, media_type, body) = self.ask(&ask).await;
        assert!(self.exchanges.iter().all(|before| before.title != title), "two exchanges are called `{title}`");
        // The answer is masked first: an answer tells what in later requests is masked.
        let masked = self.mask.value(&body);
        let request = self.mask.text(&format!("{} {} by {}", ask.method, ask.path, ask.who()));
        let sent = match ask.body.as_deref().map(|sent| (sent, serde_json::from_str::<Value>(sent))) {
            Some((_, Ok(sent))) if ask.body.as_ref().is_some_and(|sent| sent.len() < 2_000) => self.mask.value(&sent),
            Some((sent, Err(_))) => sent.into(),
            _ => Value::Null,
        };
        self.exchanges.push(Exchange { title: title.to_owned(), request, sent, status, media_type, body: masked });
        body
    }

    /// Asks without keeping it: what a case needs before it begins.
    pub async fn prepare(&mut self, ask: Ask) -> Value {
        let (status, _, body) = self.ask(&ask).await;
        assert!((200..300).contains(&status), "{} {}: {status} {body}", ask.method, ask.path);
        body
    }

    /// Asks until the answer has this status, which has to come within 30 s.
    pub async fn await_status(&mut self, ask: Ask, status: u16) {
        crate::support::eventually(&format!("{status} from {}", ask.path), async || {
            (self.ask(&ask).await.0 == status).then_some(())
        })
        .await;
    }

    async fn ask(&self, ask: &Ask) -> (u16, String, Value) {
        let mut request = Request::builder()
            .method(&ask.method)
            .uri(&ask.path)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "contract/1.0");
        let token = match &ask.bearer {
            Bearer::Creator => Some(self.token(&self.server.creator)),
            Bearer::Visitor => Some(self.token(&self.server.visitor)),
            Bearer::Token(token) => token.clone(),
        };
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some((user, groups)) = &ask.for_whom {
            request = request.header("Impersonate-User", user);
            for group in groups {
                request = request.header("Impersonate-Group", group);
            }
        }
        if ask.body.is_some() {
            request = request.header(header::CONTENT_TYPE, ask.content_type);
        }
        let body = Body::from(ask.body.clone().unwrap_or_default().into_bytes());
        let answer = self.client.send(request.body(body).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let media_type = answer.headers().get(header::CONTENT_TYPE).map_or("", |value| value.to_str().unwrap());
        let media_type = media_type.to_owned();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
        (status, media_type, body)
    }

    fn token(&self, session: &Credentials) -> String {
        let token = token::presign(session, &Region::new(REGION), &self.server.cluster, SystemTime::now()).unwrap();
        token.text.expose().to_owned()
    }
}
