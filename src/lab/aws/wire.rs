//! The protocols of AWS's services: how a call is read from HTTP, and how answers and errors are written.
//!
//! See <https://smithy.io/2.0/aws/protocols/index.html>.

mod form;
mod xml;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::lab::{Refusal, sigv4};

/// How a service speaks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    /// JSON 1.0 or 1.1, the operation in X-Amz-Target.
    Json {
        /// `1.0` or `1.1`.
        version: &'static str,
        /// What stands before the dot in X-Amz-Target.
        target: &'static str,
        /// The member that errors carry their message in.
        message: &'static str,
    },
    /// A form with Action and Version, answered in XML.
    Query {
        /// The API's version.
        version: &'static str,
        /// The namespace of the answers.
        namespace: &'static str,
    },
    /// JSON over paths and methods.
    Rest(&'static [Route]),
}

/// Method, path with `{member}` in the place of a part, and the operation's name.
pub(super) type Route = (&'static str, &'static str, &'static str);

/// An error that a service answers with.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// Status, code and message.
    pub(super) refusal: Refusal,
    /// Further members of the error's shape.
    pub(super) members: Map<String, Value>,
    /// The code of the service's Query days, where its JSON still tells it.
    pub(super) query_error: Option<&'static str>,
}

impl Fault {
    /// An error with a code and a message; status 400.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Refusal::new(400, code, message).into()
    }

    /// The same with another status.
    pub(super) fn status(mut self, status: u16) -> Self {
        self.refusal.status = status;
        self
    }

    /// The same with a further member.
    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// The operation does not exist, or the lab does not have it.
    pub(super) fn unknown_operation(name: &str) -> Self {
        Self::new("InvalidAction", format!("Could not find operation {name}"))
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, members: Map::new(), query_error: None }
    }
}

/// A call as read from HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// The operation's name; empty when none can be told.
    pub(super) operation: String,
    /// Its parameters by their names in the API, an object. What came in a form, path or query are strings.
    pub(super) input: Value,
}

impl Protocol {
    /// Reads operation and parameters.
    pub(super) fn read(&self, request: &Request<Bytes>) -> Result<Asked, Fault> {
        match self {
            Self::Json { target, .. } => {
                let header = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok());
                let told = header.unwrap_or_default();
                let operation = told.strip_prefix(target).and_then(|rest| rest.strip_prefix('.'));
                let operation = operation.ok_or_else(|| Fault::unknown_operation(told))?.to_owned();
                Ok(Asked { operation, input: object(request.body())? })
            }
            Self::Query { version, .. } => {
                let mut input = form::read(&String::from_utf8_lossy(request.body()));
                let mut take = |name: &str| match input.remove(name) {
                    Some(Value::String(text)) => text,
                    _ => String::new(),
                };
                let (operation, told) = (take("Action"), take("Version"));
                if told != *version {
                    let message = format!("Could not find operation {operation} for version {told}");
                    return Err(Fault::new("InvalidAction", message));
                }
                Ok(Asked { operation, input: Value::Object(input) })
            }
            Self::Rest(routes) => rest(routes, request),
        }
    }

    /// Writes an answer.
    pub(super) fn answer(&self, asked: &Asked, output: &Value, id: &str) -> Response<Bytes> {
        if let Self::Query { namespace, .. } = self {
            let body = xml::answer(&asked.operation, namespace, output, id);
            return response(200, "text/xml", body.into(), id);
        }
        let body = if output.is_null() { json!({}) } else { output.clone() };
        response(200, self.content_type(), body.to_string().into(), id)
    }

    /// Writes an error. The codes that all services share are given in the Query protocol's spelling and spelled as the
    /// protocol has them.
    pub(super) fn error(&self, fault: &Fault, id: &str) -> Response<Bytes> {
        let Refusal { status, code, message, .. } = &fault.refusal;
        let (status, code) = self.spelled(*status, code);
        match self {
            Self::Query { .. } => {
                response(status, "text/xml", xml::error(self.namespace(), status, code, message, id).into(), id)
            }
            Self::Json { message: member, .. } => {
                let mut body = fault.members.clone();
                body.insert("__type".to_owned(), code.into());
                body.insert((*member).to_owned(), message.as_str().into());
                let mut answer = response(status, self.content_type(), Value::Object(body).to_string().into(), id);
                if let Some(old) = fault.query_error {
                    let by = if status < 500 { "Sender" } else { "Receiver" };
                    put(&mut answer, "x-amzn-query-error", &format!("{old};{by}"));
                }
                answer
            }
            Self::Rest(_) => {
                let mut body = fault.members.clone();
                body.insert("message".to_owned(), message.as_str().into());
                let mut answer = response(status, self.content_type(), Value::Object(body).to_string().into(), id);
                put(&mut answer, "x-amzn-errortype", code);
                answer
            }
        }
    }

    fn content_type(&self) -> &'static str {
        match self {
            Self::Json { version: "1.0", .. } => "application/x-amz-json-1.0",
            Self::Json { .. } => "application/x-amz-json-1.1",
            Self::Query { .. } => "text/xml",
            Self::Rest(_) => "application/json",
        }
    }

    fn namespace(&self) -> &'static str {
        match self {
            Self::Query { namespace, .. } => namespace,
            _ => "",
        }
    }

    /// See "Common Errors" in the API references of STS (Query), Organizations (JSON) and EKS (REST).
    fn spelled<'a>(&self, status: u16, code: &'a str) -> (u16, &'a str) {
        if matches!(self, Self::Query { .. }) {
            return (status, code);
        }
        let denied = if matches!(self, Self::Rest(_)) { 403 } else { 400 };
        match code {
            "InvalidClientTokenId" => (denied, "UnrecognizedClientException"),
            "SignatureDoesNotMatch" => (denied, "InvalidSignatureException"),
            "ExpiredToken" => (denied, "ExpiredTokenException"),
            "MissingAuthenticationToken" => (denied, "MissingAuthenticationTokenException"),
            "IncompleteSignature" => (denied, "IncompleteSignatureException"),
            "AccessDenied" => (denied, "AccessDeniedException"),
            "Throttling" => (if denied == 403 { 429 } else { 400 }, "ThrottlingException"),
            "InvalidAction" => (if denied == 403 { 404 } else { 400 }, "UnknownOperationException"),
            _ => (status, code),
        }
    }
}

/// A moment as JSON protocols write it: seconds since 1970 with milliseconds.
pub(super) fn epoch(time: Timestamp) -> Value {
    #[allow(clippy::cast_precision_loss)]
    let seconds = time.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

/// A moment as XML has it: ISO 8601, whole seconds.
pub(super) fn iso(time: Timestamp) -> Value {
    json!(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn object(body: &Bytes) -> Result<Value, Fault> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(Fault::new("SerializationException", "The request body is not a JSON object")),
    }
}

fn rest(routes: &[Route], request: &Request<Bytes>) -> Result<Asked, Fault> {
    let path = request.uri().path();
    let parts: Vec<&str> = path.split('/').collect();
    for (method, template, operation) in routes {
        let Some(members) = matched(template, &parts).filter(|_| request.method().as_str() == *method) else {
            continue;
        };
        let mut input = object(request.body())?;
        if let Value::Object(input) = &mut input {
            input.extend(members);
            for (name, value) in sigv4::pairs(request.uri().query().unwrap_or_default()) {
                form::add(input, name, value);
            }
        }
        return Ok(Asked { operation: (*operation).to_owned(), input });
    }
    Err(Fault::unknown_operation(&format!("{} {path}", request.method())))
}

fn matched(template: &str, parts: &[&str]) -> Option<Map<String, Value>> {
    let wanted: Vec<&str> = template.split('/').collect();
    if wanted.len() != parts.len() {
        return None;
    }
    let mut members = Map::new();
    for (wanted, part) in wanted.iter().zip(parts) {
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) if !part.is_empty() => {
                members.insert(name.to_owned(), sigv4::decode(part).into());
            }
            _ if wanted == part => {}
            _ => return None,
        }
    }
    Some(members)
}

pub(super) fn response(status: u16, content_type: &'static str, body: Bytes, id: &str) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    put(&mut response, "x-amzn-requestid", id);
    response
}

fn put(response: &mut Response<Bytes>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
