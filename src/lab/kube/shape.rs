//! Objects brought into the shape in which the API server keeps them: known fields of the right type, defaults, nothing
//! empty.

use k8s_openapi::api::{coordination::v1::Lease, core::v1 as core, rbac::v1 as rbac};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    kinds::{Kind, RBAC},
    object,
};

/// The object with the fields that its kind has, and no others.
///
/// # Errors
/// What is of the wrong type, for people.
pub(super) fn typed(kind: &Kind, object: &Value) -> Result<Value, String> {
    match kind.kind {
        "ConfigMap" => through::<core::ConfigMap>(object),
        "Namespace" => through::<core::Namespace>(object),
        "ClusterRole" => through::<rbac::ClusterRole>(object),
        "ClusterRoleBinding" => through::<rbac::ClusterRoleBinding>(object),
        "Role" => through::<rbac::Role>(object),
        "RoleBinding" => through::<rbac::RoleBinding>(object),
        _ => through::<Lease>(object),
    }
}

fn through<K: Serialize + DeserializeOwned>(object: &Value) -> Result<Value, String> {
    let typed = K::deserialize(object).map_err(|error| error.to_string())?;
    serde_json::to_value(typed).map_err(|error| error.to_string())
}

/// The first field of an object that its kind does not have, such as `.rules[0].foo`.
pub(super) fn undeclared(given: &Value, typed: &Value) -> Option<String> {
    match (given, typed) {
        (Value::Object(given), Value::Object(typed)) => given.iter().find_map(|(key, value)| match typed.get(key) {
            Some(typed) => undeclared(value, typed).map(|rest| format!(".{key}{rest}")),
            None if value.is_null() => None,
            None => Some(format!(".{key}")),
        }),
        (Value::Array(given), Value::Array(typed)) => given
            .iter()
            .zip(typed)
            .enumerate()
            .find_map(|(index, (given, typed))| undeclared(given, typed).map(|rest| format!("[{index}]{rest}"))),
        _ => None,
    }
}

/// Fills in what Kubernetes does, and keeps of the object before what a write does not change.
pub(super) fn defaults(kind: &Kind, before: Option<&Value>, object: &mut Value) {
    match kind.kind {
        "ClusterRoleBinding" | "RoleBinding" => {
            let map = object::map_mut(object);
            group(object::child_mut(map, "roleRef"));
            for subject in map.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
                if matches!(object::text(subject, "kind"), "User" | "Group") {
                    group(object::map_mut(subject));
                }
            }
        }
        "Namespace" => {
            let name = object::name(object).to_owned();
            let labels = object::child_mut(object::metadata_mut(object), "labels");
            labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
            let kept = |field: &str, new: Value| before.and_then(|before| before.get(field).cloned()).unwrap_or(new);
            let (spec, status) =
                (kept("spec", json!({"finalizers": ["kubernetes"]})), kept("status", json!({"phase": "Active"})));
            let map = object::map_mut(object);
            map.insert("spec".to_owned(), spec);
            map.insert("status".to_owned(), status);
        }
        "Lease" => {
            object::child_mut(object::map_mut(object), "spec");
        }
        _ => {}
    }
}

fn group(map: &mut Map<String, Value>) {
    let given = map.get("apiGroup").and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() {
        map.insert("apiGroup".to_owned(), RBAC.into());
    }
}

/// Takes out what is empty, as its way through protobuf does.
pub(super) fn squeeze(kind: &Kind, object: &mut Value) {
    let holds_rules = matches!(kind.kind, "ClusterRole" | "Role");
    let metadata = object::metadata_mut(object);
    metadata.retain(|_, value| !is_empty(value));
    let map = object::map_mut(object);
    map.retain(|key, value| key == "metadata" || key == "spec" || !is_empty(value));
    for rule in map.get_mut("rules").and_then(Value::as_array_mut).into_iter().flatten() {
        object::map_mut(rule).retain(|key, value| key == "verbs" || !is_empty(value));
    }
    if holds_rules {
        map.entry("rules").or_insert(Value::Null);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
