//! Reading objects that are JSON values.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// A text of the metadata, empty when it is not there.
pub(super) fn meta<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get("metadata").and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// The name.
pub(super) fn name(object: &Value) -> &str {
    meta(object, "name")
}

/// The namespace, empty when it has none.
pub(super) fn namespace(object: &Value) -> &str {
    meta(object, "namespace")
}

/// The metadata, made when it is not there.
pub(super) fn metadata_mut(object: &mut Value) -> &mut Map<String, Value> {
    child_mut(map_mut(object), "metadata")
}

/// The value as an object; anything else becomes an empty one.
pub(super) fn map_mut(value: &mut Value) -> &mut Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => {
            *other = Value::Object(Map::new());
            map_mut(other)
        }
    }
}

/// A field that is an object, made when it is not there.
pub(super) fn child_mut<'a>(map: &'a mut Map<String, Value>, field: &str) -> &'a mut Map<String, Value> {
    map_mut(map.entry(field).or_insert(Value::Null))
}

/// Sets or removes a text of the metadata.
pub(super) fn set_meta(object: &mut Value, field: &str, text: Option<&str>) {
    let metadata = metadata_mut(object);
    match text {
        Some(text) => metadata.insert(field.to_owned(), Value::String(text.to_owned())),
        None => metadata.remove(field),
    };
}

/// The labels.
pub(super) fn labels(object: &Value) -> BTreeMap<&str, &str> {
    let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
    labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?))).collect()
}

/// The texts of a list field.
pub(super) fn texts<'a>(object: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    list(object, field).iter().filter_map(Value::as_str)
}

/// A list field, empty when it is not there.
pub(super) fn list<'a>(object: &'a Value, field: &str) -> &'a [Value] {
    object.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text field, empty when it is not there.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A time as Kubernetes writes it, in whole seconds.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
