//! Errors as a Kubernetes `Status`.
//!
//! The words are those of apimachinery's `pkg/api/errors/errors.go`.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// A refusal: an HTTP status with the reason and the message of a `Status`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) details: Option<Value>,
}

impl Status {
    /// A refusal without details.
    pub(super) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None }
    }

    /// The answer that carries it.
    pub(super) fn response(&self) -> Response<Bytes> {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if let (Some(details), Some(body)) = (&self.details, body.as_object_mut()) {
            body.insert("details".to_owned(), details.clone());
        }
        json_response(self.code, &body)
    }
}

/// An answer of JSON.
pub(super) fn json_response(code: u16, body: &Value) -> Response<Bytes> {
    let mut text = body.to_string();
    text.push('\n');
    response(code, "application/json", text)
}

/// An answer.
pub(super) fn response(code: u16, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
