//! Errors as a Kubernetes `Status`.
//!
//! The words are those of apimachinery's `pkg/api/errors/errors.go`.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::kinds::Kind;

/// A refusal: an HTTP status with the reason and the message of a `Status`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Status {
    pub(super) code: u16,
    pub(super) reason: String,
    pub(super) message: String,
    pub(super) details: Option<Value>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cause {
    /// `FieldValueInvalid` and the like.
    pub(super) reason: &'static str,
    /// Where, such as `roleRef.name`.
    pub(super) field: String,
    /// What.
    pub(super) message: String,
}

impl Cause {
    /// A value that is not allowed; it is quoted as Go quotes it.
    pub(super) fn invalid(field: impl Into<String>, value: &Value, why: &str) -> Self {
        Self { reason: "FieldValueInvalid", field: field.into(), message: format!("Invalid value: {value}: {why}") }
    }

    /// A value that is missing.
    pub(super) fn required(field: impl Into<String>, why: &str) -> Self {
        let message = if why.is_empty() { "Required value".to_owned() } else { format!("Required value: {why}") };
        Self { reason: "FieldValueRequired", field: field.into(), message }
    }

    /// A value that is none of those there are.
    pub(super) fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|one| format!("{one:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        Self { reason: "FieldValueNotSupported", field: field.into(), message }
    }

    /// A change that is not allowed.
    pub(super) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self { reason: "FieldValueForbidden", field: field.into(), message: format!("Forbidden: {why}") }
    }

    /// Too many bytes.
    pub(super) fn too_long(field: impl Into<String>, bytes: usize) -> Self {
        let message = format!("Too long: may not be more than {bytes} bytes");
        Self { reason: "FieldValueTooLong", field: field.into(), message }
    }

    fn json(&self) -> Value {
        json!({"reason": self.reason, "message": self.message, "field": self.field})
    }
}

impl Status {
    /// A refusal without details.
    pub(super) fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self { code, reason: reason.to_owned(), message: message.into(), details: None }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 404 of a path that is not served.
    pub(super) fn no_such_resource() -> Self {
        Self {
            details: Some(json!({})),
            ..Self::new(404, "NotFound", "the server could not find the requested resource")
        }
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self { details: Some(json!({})), ..Self::new(405, "MethodNotAllowed", message) }
    }

    /// 404 of an object.
    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.qualified());
        Self { details: Some(details(kind.group, kind.plural, name)), ..Self::new(404, "NotFound", message) }
    }

    /// 409 of an object that is there already.
    pub(super) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.qualified());
        Self { details: Some(details(kind.group, kind.plural, name)), ..Self::new(409, "AlreadyExists", message) }
    }

    /// 409 of an object that is not what the request takes it for.
    pub(super) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.qualified());
        Self { details: Some(details(kind.group, kind.plural, name)), ..Self::new(409, "Conflict", message) }
    }

    /// 409 of a resourceVersion that is not the present one.
    pub(super) fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// 403 on a resource; the name may be empty.
    pub(super) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let qualified = if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") };
        let what = if name.is_empty() { qualified } else { format!("{qualified} {name:?}") };
        let message = format!("{what} is forbidden: {why}");
        Self { details: Some(details(group, plural, name)), ..Self::new(403, "Forbidden", message) }
    }

    /// 422.
    pub(super) fn invalid(group: &str, kind: &str, name: &str, causes: &[Cause]) -> Self {
        let mut lines: Vec<String> = Vec::new();
        for cause in causes {
            let line = format!("{}: {}", cause.field, cause.message);
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        let what = if lines.len() == 1 { lines.concat() } else { format!("[{}]", lines.join(", ")) };
        let qualified = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
        let mut details = details(group, kind, name);
        if let Some(details) = details.as_object_mut() {
            details.insert("causes".to_owned(), causes.iter().map(Cause::json).collect());
        }
        let message = format!("{qualified} {name:?} is invalid: {what}");
        Self { details: Some(details), ..Self::new(422, "Invalid", message) }
    }

    /// 409 of an apply that meets other managers' fields.
    pub(super) fn apply_conflict(message: String, causes: &[Cause]) -> Self {
        let causes: Vec<Value> = causes.iter().map(Cause::json).collect();
        Self { details: Some(json!({"causes": causes})), ..Self::new(409, "Conflict", message) }
    }

    /// The answer that carries it.
    pub(super) fn response(&self) -> Response<Bytes> {
        let mut body = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "code": self.code,
        });
        if let Some(body) = body.as_object_mut() {
            if !self.reason.is_empty() {
                body.insert("reason".to_owned(), self.reason.clone().into());
            }
            if let Some(details) = &self.details {
                body.insert("details".to_owned(), details.clone());
            }
        }
        json_response(self.code, &body)
    }
}

fn details(group: &str, kind: &str, name: &str) -> Value {
    let fields = [("name", name), ("group", group), ("kind", kind)];
    let given = fields.into_iter().filter(|(_, text)| !text.is_empty());
    Value::Object(given.map(|(field, text)| (field.to_owned(), text.into())).collect::<Map<_, _>>())
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
