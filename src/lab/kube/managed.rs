//! `managedFields`: who wrote which fields, and what an apply makes of them.
//!
//! The rules are those of structured-merge-diff's `merge/update.go` and apimachinery's `pkg/util/managedfields`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    fields::{self, Path, Paths},
    object,
    status::{Cause, Status},
};

/// One manager's fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manager {
    name: String,
    applies: bool,
    version: String,
    time: String,
    paths: Paths,
}

impl Manager {
    fn words(&self) -> String {
        if self.applies { format!("{:?}", self.name) } else { format!("{:?} using {}", self.name, self.version) }
    }

    fn json(&self) -> Value {
        let mut entry = json!({
            "manager": self.name,
            "operation": if self.applies { "Apply" } else { "Update" },
            "apiVersion": self.version,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields::to_fields_v1(&self.paths),
        });
        if !self.time.is_empty() {
            entry["time"] = self.time.clone().into();
        }
        entry
    }
}

/// The managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers(Vec<Manager>);

impl Managers {
    /// Reads them from an object.
    pub(super) fn of(object: &Value) -> Self {
        let entries = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        let read = |entry: &Value| Manager {
            name: object::text(entry, "manager").to_owned(),
            applies: object::text(entry, "operation") == "Apply",
            version: object::text(entry, "apiVersion").to_owned(),
            time: object::text(entry, "time").to_owned(),
            paths: fields::of_fields_v1(&entry["fieldsV1"]),
        };
        Self(entries.into_iter().flatten().map(read).filter(|manager| !manager.paths.is_empty()).collect())
    }

    /// Writes them into an object, appliers first, then by time and name.
    pub(super) fn write(mut self, object: &mut Value) {
        self.0.retain(|manager| !manager.paths.is_empty());
        self.0.sort_by(|a, b| (!a.applies, &a.time, &a.name).cmp(&(!b.applies, &b.time, &b.name)));
        let metadata = object::metadata_mut(object);
        if self.0.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), self.0.iter().map(Manager::json).collect());
        }
    }

    fn place(&mut self, name: &str, applies: bool, version: &str) -> &mut Manager {
        let is_it = |it: &Manager| it.name == name && it.applies == applies && it.version == version;
        let index = self.0.iter().position(is_it).unwrap_or_else(|| {
            let (name, version) = (name.to_owned(), version.to_owned());
            self.0.push(Manager { name, applies, version, time: String::new(), paths: Paths::new() });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    /// Notes an update by a manager.
    pub(super) fn update(&mut self, before: &Value, after: &Value, name: &str, now: Timestamp) {
        let (changed, gone) = fields::compare(before, after);
        for manager in &mut self.0 {
            manager.paths.retain(|path| !gone.contains(path));
            if manager.name != name || manager.applies {
                manager.paths.retain(|path| !changed.contains(path));
            }
        }
        if !changed.is_empty() {
            let manager = self.place(name, false, object::text(after, "apiVersion"));
            manager.paths.extend(changed);
            manager.time = object::time(now);
        }
    }

    /// Merges what a manager applies into the live object.
    ///
    /// # Errors
    /// When other managers own fields that would change, unless it is forced.
    pub(super) fn apply(
        &mut self,
        live: &Value,
        config: &Value,
        name: &str,
        force: bool,
        now: Timestamp,
    ) -> Result<Value, Status> {
        let version = object::text(config, "apiVersion").to_owned();
        let exists = live.get("metadata").is_some();
        if self.0.is_empty() && exists {
            // Whatever was there before anybody's fields were tracked belongs to nobody that could apply.
            let paths: Paths = fields::paths(live).into_keys().collect();
            let first = self.place("before-first-apply", false, &version);
            first.paths = paths;
        }
        let wanted: Paths = fields::leaves(config).into_keys().collect();
        let mut merged = live.clone();
        overlay(&mut merged, config);
        let former = self.place(name, true, &version).paths.clone();
        for path in former.difference(&wanted) {
            let others = |it: &&Manager| !(it.name == name && it.applies) && it.paths.contains(path);
            if !self.0.iter().any(|it| others(&it)) {
                fields::remove(&mut merged, path);
            }
        }
        let (changed, gone) = fields::compare(live, &merged);
        let is_other = |it: &Manager| !(it.name == name && it.applies);
        let conflicts: Vec<(&Manager, &Path)> = self
            .0
            .iter()
            .filter(|it| is_other(it))
            .flat_map(|it| it.paths.intersection(&changed).map(move |path| (it, path)))
            .collect();
        if !conflicts.is_empty() && !force {
            return Err(refusal(&conflicts));
        }
        for manager in self.0.iter_mut().filter(|it| is_other(it)) {
            manager.paths.retain(|path| !changed.contains(path) && !gone.contains(path));
        }
        let own = self.place(name, true, &version);
        if !changed.is_empty() || !gone.is_empty() {
            own.time = object::time(now);
        }
        own.paths = wanted;
        Ok(merged)
    }
}

/// The words of `getConflictMessage` in apimachinery's `pkg/util/managedfields/internal/conflict.go`.
fn refusal(conflicts: &[(&Manager, &Path)]) -> Status {
    let causes: Vec<Cause> = conflicts
        .iter()
        .map(|(manager, path)| Cause {
            reason: "FieldManagerConflict",
            field: fields::words(path),
            message: format!("conflict with {}", manager.words()),
        })
        .collect();
    if let [(manager, path)] = conflicts {
        let message =
            format!("Apply failed with 1 conflict: conflict with {}: {}", manager.words(), fields::words(path));
        return Status::apply_conflict(message, &causes);
    }
    let mut names: Vec<String> = conflicts.iter().map(|(manager, _)| manager.words()).collect();
    names.sort();
    names.dedup();
    let mut lines = Vec::new();
    for name in names {
        lines.push(format!("conflicts with {name}:"));
        let of = conflicts.iter().filter(|(manager, _)| manager.words() == name);
        lines.extend(of.map(|(_, path)| format!("- {}", fields::words(path))));
    }
    let message = format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"));
    Status::apply_conflict(message, &causes)
}

/// Lays what is applied over what is there: maps by key, sets by element, all else as a whole.
fn overlay(merged: &mut Value, config: &Value) {
    let Some(entries) = config.as_object() else { return };
    let target = object::map_mut(merged);
    for (key, value) in entries {
        match (key.as_str(), value) {
            (
                "metadata" | "labels" | "annotations" | "data" | "binaryData" | "aggregationRule" | "spec",
                Value::Object(_),
            ) => {
                overlay(target.entry(key).or_insert(Value::Null), value);
            }
            ("finalizers" | "ownerReferences", Value::Array(items)) => {
                let held = target.entry(key).or_insert_with(|| json!([]));
                if let Value::Array(held) = held {
                    held.extend(items.iter().filter(|item| !held.contains(item)).cloned().collect::<Vec<_>>());
                }
            }
            ("status", _) => {}
            _ => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}
