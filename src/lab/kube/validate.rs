//! What an object may hold.
//!
//! The rules and their words are those of Kubernetes's `pkg/apis/rbac/validation/validation.go`,
//! `pkg/apis/core/validation/validation.go` and apimachinery's `pkg/api/validation` and `pkg/util/validation`.

use serde_json::{Value, json};

use super::{
    kinds::{Kind, RBAC},
    object::{list, meta, name, text},
    status::{Cause, Status},
};

/// The most bytes that the data of a ConfigMap may have.
const MAX_DATA: usize = 1_048_576;
/// The most bytes that all annotations may have.
const MAX_ANNOTATIONS: usize = 262_144;
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME_PART: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const CONFIG_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

/// Refuses an object that may not be stored as it is.
pub(super) fn check(kind: &Kind, before: Option<&Value>, after: &Value) -> Result<(), Status> {
    let mut causes = Vec::new();
    metadata(kind, after, &mut causes);
    match kind.kind {
        "ConfigMap" => config_map(before, after, &mut causes),
        "ClusterRole" | "Role" => role(kind, after, &mut causes),
        "ClusterRoleBinding" | "RoleBinding" => binding(kind, before, after, &mut causes),
        "Lease" => lease(after, &mut causes),
        _ => {}
    }
    if let Some(before) = before {
        for field in ["name", "namespace", "uid", "creationTimestamp"] {
            if meta(before, field) != meta(after, field) {
                let cause =
                    Cause::invalid(format!("metadata.{field}"), &json!(meta(after, field)), "field is immutable");
                // The server looks twice.
                causes.extend([cause.clone(), cause]);
            }
        }
    }
    if causes.is_empty() { Ok(()) } else { Err(Status::invalid(kind.group, kind.kind, name(after), &causes)) }
}

fn metadata(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    let name = name(object);
    if name.is_empty() {
        causes.push(Cause::required("metadata.name", "name or generateName is required"));
    } else {
        let wrong = match kind.kind {
            "Namespace" => (!is_label(name)).then_some(LABEL),
            _ if kind.group == RBAC => path_segment(name),
            _ if name.len() > 253 => Some("must be no more than 253 characters"),
            _ => (!is_subdomain(name)).then_some(SUBDOMAIN),
        };
        causes.extend(wrong.map(|why| Cause::invalid("metadata.name", &json!(name), why)));
    }
    let entries = |field: &str| object.pointer(&format!("/metadata/{field}")).and_then(Value::as_object);
    for (key, value) in entries("labels").into_iter().flatten() {
        qualified("metadata.labels", "label", key, causes);
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 || !(text.is_empty() || is_name_part(text)) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    let mut bytes = 0;
    for (key, value) in entries("annotations").into_iter().flatten() {
        qualified("metadata.annotations", "annotation", &key.to_lowercase(), causes);
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > MAX_ANNOTATIONS {
        causes.push(Cause::too_long("metadata.annotations", MAX_ANNOTATIONS));
    }
}

/// A name in a path: all but a few are allowed.
fn path_segment(name: &str) -> Option<&'static str> {
    match name {
        "." => Some("may not be '.'"),
        ".." => Some("may not be '..'"),
        _ if name.contains('/') => Some("may not contain '/'"),
        _ if name.contains('%') => Some("may not contain '%'"),
        _ => None,
    }
}

fn qualified(field: &str, what: &str, key: &str, causes: &mut Vec<Cause>) {
    let (prefix, part) = key.split_once('/').map_or((None, key), |(prefix, part)| (Some(prefix), part));
    let good_part = part.len() <= 63 && is_name_part(part);
    if good_part && prefix.is_none_or(is_subdomain) {
        return;
    }
    let why = if part.contains('/') || prefix.is_none() || good_part {
        format!(
            "a valid {what} key {NAME_PART} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        )
    } else {
        format!("name part {NAME_PART}")
    };
    causes.push(Cause::invalid(field, &json!(key), &why));
}

/// Whether it is a lowercase RFC 1123 subdomain.
pub(super) fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_part)
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_dns_part(text)
}

fn is_dns_part(text: &str) -> bool {
    let inner = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

fn is_name_part(text: &str) -> bool {
    let (first, last) = (text.bytes().next(), text.bytes().last());
    let edges = first.is_some_and(|c| c.is_ascii_alphanumeric()) && last.is_some_and(|c| c.is_ascii_alphanumeric());
    edges && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
}

fn config_map(before: Option<&Value>, after: &Value, causes: &mut Vec<Cause>) {
    let mut bytes = 0;
    for field in ["data", "binaryData"] {
        for (key, value) in after.get(field).and_then(Value::as_object).into_iter().flatten() {
            if key.is_empty()
                || key.len() > 253
                || !key.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c))
            {
                causes.push(Cause::invalid(format!("{field}[{key}]"), &json!(key), CONFIG_KEY));
            }
            let length = value.as_str().map_or(0, str::len);
            bytes += if field == "data" { length } else { length / 4 * 3 };
        }
    }
    if bytes > MAX_DATA {
        causes.push(Cause::too_long("[]", MAX_DATA));
    }
    let Some(before) = before.filter(|before| before["immutable"] == true) else { return };
    let why = "field is immutable when `immutable` is set";
    if after["immutable"] != true {
        causes.push(Cause::forbidden("immutable", why));
    }
    for field in ["data", "binaryData"] {
        if before.get(field) != after.get(field) {
            causes.push(Cause::forbidden(field, why));
        }
    }
}

fn role(kind: &Kind, object: &Value, causes: &mut Vec<Cause>) {
    for (index, rule) in list(object, "rules").iter().enumerate() {
        let at = |field: &str| format!("rules[{index}].{field}");
        if list(rule, "verbs").is_empty() {
            causes.push(Cause::required(at("verbs"), "verbs must contain at least one value"));
        }
        let empty = |field: &str| list(rule, field).is_empty();
        if !empty("nonResourceURLs") {
            let urls = &rule["nonResourceURLs"];
            if kind.namespaced {
                let why = "namespaced rules cannot apply to non-resource URLs";
                causes.push(Cause::invalid(at("nonResourceURLs"), urls, why));
            }
            if !(empty("apiGroups") && empty("resources") && empty("resourceNames")) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                causes.push(Cause::invalid(at("nonResourceURLs"), urls, why));
            }
            continue;
        }
        if empty("apiGroups") {
            causes.push(Cause::required(at("apiGroups"), "resource rules must supply at least one api group"));
        }
        if empty("resources") {
            causes.push(Cause::required(at("resources"), "resource rules must supply at least one resource"));
        }
    }
    if object.get("aggregationRule").is_some_and(|rule| list(rule, "clusterRoleSelectors").is_empty()) {
        let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        causes.push(Cause::required("aggregationRule.clusterRoleSelectors", why));
    }
}

fn binding(kind: &Kind, before: Option<&Value>, after: &Value, causes: &mut Vec<Cause>) {
    let role_ref = &after["roleRef"];
    let (group, role_kind, role) = (text(role_ref, "apiGroup"), text(role_ref, "kind"), text(role_ref, "name"));
    if group != RBAC {
        causes.push(Cause::unsupported("roleRef.apiGroup", &json!(group), &[RBAC]));
    }
    let kinds: &[&str] = if kind.namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&role_kind) {
        causes.push(Cause::unsupported("roleRef.kind", &json!(role_kind), kinds));
    }
    if role.is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    } else if let Some(why) = path_segment(role) {
        causes.push(Cause::invalid("roleRef.name", &json!(role), why));
    }
    for (index, one) in list(after, "subjects").iter().enumerate() {
        subject(kind, index, one, causes);
    }
    if before.is_some_and(|before| before["roleRef"] != *role_ref) {
        let value = GoStruct(&[("APIGroup", group), ("Kind", role_kind), ("Name", role)]).text();
        let message = format!("Invalid value: {value}: cannot change roleRef");
        causes.push(Cause { reason: "FieldValueInvalid", field: "roleRef".to_owned(), message });
    }
}

fn subject(kind: &Kind, index: usize, subject: &Value, causes: &mut Vec<Cause>) {
    let at = |field: &str| format!("subjects[{index}].{field}");
    let (name, group) = (text(subject, "name"), text(subject, "apiGroup"));
    if name.is_empty() {
        causes.push(Cause::required(at("name"), ""));
    }
    match text(subject, "kind") {
        "ServiceAccount" => {
            if !name.is_empty() && !is_subdomain(name) {
                causes.push(Cause::invalid(at("name"), &json!(name), SUBDOMAIN));
            }
            if !group.is_empty() {
                causes.push(Cause::unsupported(at("apiGroup"), &json!(group), &[""]));
            }
            if !kind.namespaced && text(subject, "namespace").is_empty() {
                causes.push(Cause::required(at("namespace"), ""));
            }
        }
        "User" | "Group" => {
            if group != RBAC {
                causes.push(Cause::unsupported(at("apiGroup"), &json!(group), &[RBAC]));
            }
        }
        other => {
            causes.push(Cause::unsupported(at("kind"), &json!(other), &["ServiceAccount", "User", "Group"]));
        }
    }
}

fn lease(object: &Value, causes: &mut Vec<Cause>) {
    let number = |field: &str| object.pointer(&format!("/spec/{field}")).filter(|value| !value.is_null());
    if let Some(seconds) = number("leaseDurationSeconds").filter(|value| value.as_i64().is_none_or(|it| it <= 0)) {
        causes.push(Cause::invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
    }
    if let Some(count) = number("leaseTransitions").filter(|value| value.as_i64().is_none_or(|it| it < 0)) {
        causes.push(Cause::invalid("spec.leaseTransitions", count, "must be greater than or equal to 0"));
    }
}

/// Fields in the order in which Go's JSON writes them.
struct GoStruct<'a>(&'a [(&'a str, &'a str)]);

impl GoStruct<'_> {
    fn text(&self) -> String {
        let fields: Vec<String> = self.0.iter().map(|(name, value)| format!("{name:?}:{}", json!(value))).collect();
        format!("{{{}}}", fields.join(","))
    }
}
