//! Which fields an object has, and whose they are: sets of paths and `managedFields`.
//!
//! The rules are those of structured-merge-diff as the API server uses it: labels, annotations and data are owned by key,
//! rules, subjects and roleRef as a whole. See <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::object;

/// A path in the form of fieldsV1, such as `f:data`, `f:mapRoles`.
pub(super) type Path = Vec<String>;
/// Paths of one object or of one manager.
pub(super) type Paths = BTreeSet<Path>;

/// Maps that are owned by key; in an update the map itself is owned too by whoever made it.
const MAPS: [&[&str]; 5] =
    [&["metadata", "labels"], &["metadata", "annotations"], &["data"], &["binaryData"], &["aggregationRule"]];
/// What is owned as a whole.
const WHOLE: [&[&str]; 5] = [&["metadata", "generateName"], &["immutable"], &["rules"], &["roleRef"], &["subjects"]];

/// Which paths of an object are owned when it is applied, with their values: the leaves, and maps that are empty.
pub(super) fn leaves(object: &Value) -> BTreeMap<Path, Value> {
    let mut found = BTreeMap::new();
    for map in MAPS {
        match at(object, map) {
            Some(Value::Object(entries)) if !entries.is_empty() => {
                for (key, value) in entries {
                    found.insert(path(map, Some(format!("f:{key}"))), value.clone());
                }
            }
            Some(empty) if !empty.is_null() => {
                found.insert(path(map, None), empty.clone());
            }
            _ => {}
        }
    }
    for whole in WHOLE {
        if let Some(value) = at(object, whole).filter(|value| !value.is_null()) {
            found.insert(path(whole, None), value.clone());
        }
    }
    // A lease's spec is a structure: it is there even when it is empty.
    if object::text(object, "kind") == "Lease" {
        for (key, value) in object.get("spec").and_then(Value::as_object).into_iter().flatten() {
            found.insert(vec!["f:spec".to_owned(), format!("f:{key}")], value.clone());
        }
    }
    for finalizer in object.pointer("/metadata/finalizers").and_then(Value::as_array).into_iter().flatten() {
        found.insert(path(&["metadata", "finalizers"], Some(format!("v:{finalizer}"))), Value::Null);
    }
    for owner in object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten() {
        let key = format!("k:{}", json!({"uid": owner["uid"]}));
        found.insert(path(&["metadata", "ownerReferences"], Some(key)), owner.clone());
    }
    found
}

/// The same with the maps and lists that hold them.
pub(super) fn paths(object: &Value) -> BTreeMap<Path, Value> {
    let mut all = leaves(object);
    // An empty map is not there outside of what is applied.
    let is_empty = |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty);
    all.retain(|_, value| !is_empty(value));
    let lists: [&[&str]; 2] = [&["metadata", "finalizers"], &["metadata", "ownerReferences"]];
    for holder in MAPS.iter().chain(lists.iter()) {
        if at(object, holder).is_some_and(|value| !value.is_null() && !is_empty(value)) {
            all.entry(path(holder, None)).or_insert(Value::Null);
        }
    }
    all
}

/// The paths that differ between two objects: those that came or changed, and those that went.
pub(super) fn compare(before: &Value, after: &Value) -> (Paths, Paths) {
    let (before, after) = (paths(before), paths(after));
    let changed = after.iter().filter(|(path, value)| before.get(*path) != Some(value));
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    (changed.map(|(path, _)| path.clone()).collect(), gone.cloned().collect())
}

fn at<'a>(object: &'a Value, names: &[&str]) -> Option<&'a Value> {
    names.iter().try_fold(object, |value, name| value.get(name))
}

fn path(names: &[&str], last: Option<String>) -> Path {
    names.iter().map(|name| format!("f:{name}")).chain(last).collect()
}

/// A path for people, such as `.data.mapRoles`.
pub(super) fn words(path: &Path) -> String {
    path.iter().fold(String::new(), |mut words, part| {
        match part.split_once(':') {
            Some(("f", name)) => {
                words.push('.');
                words.push_str(name);
            }
            Some(("v", value)) => words.extend(["[=", value, "]"]),
            _ => words.extend(["[", part, "]"]),
        }
        words
    })
}

/// Removes what a path leads to.
pub(super) fn remove(object: &mut Value, path: &Path) {
    let Some((last, holders)) = path.split_last() else { return };
    let step = |value, part: &String| Value::get_mut(value, part.trim_start_matches("f:"));
    let Some(holder) = holders.iter().try_fold(object, step) else { return };
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    match (holder, last.split_once(':')) {
        (Value::Object(map), Some(("f", name))) => {
            map.remove(name);
        }
        (Value::Array(items), Some(("v", value))) => {
            let value = parsed(value);
            items.retain(|item| *item != value);
        }
        (Value::Array(items), Some(("k", key))) => {
            let uid = &parsed(key)["uid"];
            items.retain(|item| item["uid"] != *uid);
        }
        _ => {}
    }
}

/// Paths as fieldsV1 has them.
pub(super) fn to_fields_v1(paths: &Paths) -> Value {
    let mut root = Map::new();
    for path in paths {
        let mut map = &mut root;
        for (index, part) in path.iter().enumerate() {
            let holder = path.get(..=index).is_some_and(|prefix| prefix != path.as_slice() && paths.contains(prefix));
            map = object::child_mut(map, part);
            if holder {
                map.entry(".").or_insert_with(|| json!({}));
            }
        }
    }
    Value::Object(root)
}

/// Paths from fieldsV1.
pub(super) fn of_fields_v1(fields: &Value) -> Paths {
    let mut paths = Paths::new();
    collect(fields, &mut Vec::new(), &mut paths);
    paths
}

fn collect(fields: &Value, at: &mut Path, paths: &mut Paths) {
    let Some(map) = fields.as_object() else { return };
    if map.is_empty() && !at.is_empty() {
        paths.insert(at.clone());
    }
    for (key, inside) in map {
        if key == "." {
            paths.insert(at.clone());
        } else {
            at.push(key.clone());
            collect(inside, at, paths);
            at.pop();
        }
    }
}
