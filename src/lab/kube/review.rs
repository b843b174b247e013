//! What a caller may ask of itself.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    ask::{Ask, Resource},
    object::{self, text},
    rbac::{self, Attributes, On},
    status::{Cause, Status},
    store::Inner,
    user::User,
};

/// Who asks, and when.
struct Asked<'a> {
    inner: &'a Inner,
    user: &'a User,
    manager: String,
    now: Timestamp,
}

impl Asked<'_> {
    /// Whose the fields of a review are.
    fn fields(&self, spec: &Value) -> Value {
        let mut owned = json!({});
        for (name, attributes) in spec.as_object().into_iter().flatten() {
            let mut inside = json!({".": {}});
            for field in attributes.as_object().into_iter().flatten().map(|(field, _)| field) {
                inside[format!("f:{field}")] = json!({});
            }
            owned[format!("f:{name}")] = inside;
        }
        json!({
            "manager": self.manager, "operation": "Update", "apiVersion": "authorization.k8s.io/v1",
            "time": object::time(self.now), "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": owned},
        })
    }
}

/// Answers a review, when the resource is one.
pub(super) fn answer(
    inner: &Inner,
    user: &User,
    ask: &Ask<'_>,
    on: &Resource,
    now: Timestamp,
) -> Option<Result<Value, Status>> {
    let asked = Asked { inner, user, manager: ask.manager(), now };
    let known = match (on.group.as_str(), on.plural.as_str()) {
        ("authentication.k8s.io", "selfsubjectreviews") => who,
        ("authorization.k8s.io", "selfsubjectaccessreviews") => may,
        ("authorization.k8s.io", "selfsubjectrulesreviews") => what,
        _ => return None,
    };
    if ask.verb != "create" {
        return Some(Err(Status::method_not_allowed()));
    }
    let body = if ask.body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(ask.body) };
    Some(body.map_err(|error| Status::bad_request(error.to_string())).and_then(|body| known(&asked, &body)))
}

/// SelfSubjectReview: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review>.
#[expect(clippy::unnecessary_wraps, reason = "every review is answered alike")]
fn who(asked: &Asked<'_>, _: &Value) -> Result<Value, Status> {
    let user = asked.user;
    let mut info = json!({"username": user.name, "groups": user.groups});
    if !user.uid.is_empty() {
        info["uid"] = user.uid.clone().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    Ok(json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": object::time(asked.now)}, "status": {"userInfo": info},
    }))
}

/// SelfSubjectAccessReview: <https://kubernetes.io/docs/reference/access-authn-authz/authorization/>.
fn may(by: &Asked<'_>, body: &Value) -> Result<Value, Status> {
    let (inner, user) = (by.inner, by.user);
    let spec = &without_empty(&body["spec"]);
    let (resource, path) = (spec.get("resourceAttributes"), spec.get("nonResourceAttributes"));
    let decision = match (resource, path) {
        (Some(asked), None) => {
            let field = |name: &str| text(asked, name).to_owned();
            let on = Resource {
                group: field("group"),
                version: field("version"),
                plural: field("resource"),
                subresource: field("subresource"),
                namespace: field("namespace"),
                name: field("name"),
            };
            rbac::decide(inner, user, Attributes { verb: text(asked, "verb"), on: On::Resource(&on) })
        }
        (None, Some(asked)) => {
            rbac::decide(inner, user, Attributes { verb: text(asked, "verb"), on: On::Path(text(asked, "path")) })
        }
        (Some(_), Some(asked)) => {
            let (path, verb) = (json!(text(asked, "path")), json!(text(asked, "verb")));
            let message = format!(
                "Invalid value: {{\"Path\":{path},\"Verb\":{verb}}}: cannot be specified in combination with resourceAttributes"
            );
            let field = "spec.nonResourceAttributes".to_owned();
            let cause = Cause { reason: "FieldValueInvalid", field, message };
            return Err(Status::invalid("authorization.k8s.io", "", "", &[cause]));
        }
        (None, None) => {
            let why = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
            let cause = Cause::invalid("spec.resourceAttributes", &Value::Null, why);
            return Err(Status::invalid("authorization.k8s.io", "", "", &[cause]));
        }
    };
    let mut status = json!({"allowed": decision.allowed});
    if !decision.reason.is_empty() {
        status["reason"] = decision.reason.into();
    }
    Ok(json!({
        "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": {"managedFields": [by.fields(spec)]}, "spec": spec, "status": status,
    }))
}

/// A specification without texts that say nothing.
fn without_empty(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for attributes in spec.as_object_mut().into_iter().flat_map(|spec| spec.values_mut()) {
        if let Some(attributes) = attributes.as_object_mut() {
            attributes.retain(|_, value| *value != "");
        }
    }
    spec
}

/// SelfSubjectRulesReview.
#[expect(clippy::unnecessary_wraps, reason = "every review is answered alike")]
fn what(by: &Asked<'_>, body: &Value) -> Result<Value, Status> {
    let (inner, user) = (by.inner, by.user);
    let spec = &body["spec"];
    let rules = if user.is_master() {
        vec![
            json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
            json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
        ]
    } else {
        rbac::rules_of(inner, user, text(spec, "namespace"))
    };
    let (urls, resources): (Vec<Value>, Vec<Value>) =
        rules.into_iter().partition(|rule| !object::list(rule, "nonResourceURLs").is_empty());
    Ok(json!({
        "kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1", "metadata": {}, "spec": {},
        "status": {"resourceRules": resources, "nonResourceRules": urls, "incomplete": !user.policies.is_empty()},
    }))
}
