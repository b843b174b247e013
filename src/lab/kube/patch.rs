//! PATCH: server-side apply, JSON merge patch and JSON patch.
//!
//! See <https://kubernetes.io/docs/reference/using-api/api-concepts/#patch-and-apply>. A strategic merge patch is a merge
//! patch here: of what is served, only lists of owners and finalizers would be merged otherwise.

use serde_json::{Value, json};

use super::{
    managed::Managers,
    object::{self, meta, name},
    shape,
    status::{Cause, Status},
    write::{Answer, Desk, Way},
};

impl Desk<'_> {
    /// PATCH.
    pub(super) fn patch(&mut self) -> Answer {
        let dry_run = self.ask.dry_run("PatchOptions")?;
        let of_options = |cause: Cause| Status::invalid("meta.k8s.io", "PatchOptions", "", &[cause]);
        let kind_of_patch = self.ask.content_type();
        if kind_of_patch == "application/apply-patch+yaml" {
            if self.ask.parameter("fieldManager").is_empty() {
                return Err(of_options(Cause::required("fieldManager", "is required for apply patch")));
            }
            return self.apply(dry_run);
        }
        if self.ask.flag("force") {
            return Err(of_options(Cause::forbidden("force", "may not be specified for non-apply patch")));
        }
        let merges = match kind_of_patch {
            "application/merge-patch+json" | "application/strategic-merge-patch+json" => true,
            "application/json-patch+json" => false,
            _ => {
                let refused = Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
                return Err(Status { details: Some(json!({})), ..refused });
            }
        };
        let patch: Value =
            serde_json::from_slice(self.ask.body).map_err(|error| Status::bad_request(error.to_string()))?;
        let before = self.live().ok_or_else(|| Status::not_found(self.kind, &self.on.name))?;
        let mut object = (*before).clone();
        // A patch that does not speak of the version does not depend on it.
        object::set_meta(&mut object, "resourceVersion", None);
        if merges {
            merge(&mut object, &patch);
        } else {
            json_patch(&mut object, &patch)?;
        }
        let object = self.decode(&object)?;
        let way = Way::Update(self.ask.manager());
        self.commit(Some(&before), object, way, dry_run)
    }

    fn apply(&mut self, dry_run: bool) -> Answer {
        let body: Value = serde_json::from_slice(self.ask.body)
            .or_else(|_| serde_yaml::from_slice(self.ask.body))
            .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?;
        let (version, kind) = (object::text(&body, "apiVersion"), object::text(&body, "kind"));
        if version != self.kind.api_version() || kind != self.kind.kind {
            let version = if version.is_empty() { "/" } else { version };
            return Err(Status::bad_request(format!("invalid object type: {version}, Kind={kind}")));
        }
        if body.pointer("/metadata/managedFields").is_some_and(|value| !value.is_null()) {
            return Err(Status::bad_request("metadata.managedFields must be nil"));
        }
        let mut config = self.declared(&body)?;
        if name(&config).is_empty() {
            object::set_meta(&mut config, "name", Some(&self.on.name));
        }
        if name(&config) != self.on.name {
            return Err(self.other_name(name(&config)));
        }
        self.place(&mut config)?;
        let before = self.live();
        let uid = meta(&config, "uid");
        if before.is_none() && !uid.is_empty() {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(Status::conflict(self.kind, &self.on.name, &why));
        }
        self.merge_config(before.as_deref(), &config, dry_run)
    }

    fn merge_config(&mut self, before: Option<&Value>, config: &Value, dry_run: bool) -> Answer {
        let live = before.cloned().unwrap_or(Value::Null);
        let mut managers = Managers::of(&live);
        let (manager, force) = (self.ask.parameter("fieldManager"), self.ask.flag("force"));
        let mut object = managers.apply(&live, config, manager, force, self.now)?;
        // Only a version that was given is compared.
        object::set_meta(&mut object, "resourceVersion", Some(meta(config, "resourceVersion")));
        self.commit(before, object, Way::Apply(managers), dry_run)
    }

    /// What is applied, when its kind has all of its fields. Empty lists and maps stay, since they say something.
    fn declared(&self, body: &Value) -> Result<Value, Status> {
        let typed = self.decode(body)?;
        if let Some(field) = shape::undeclared(body, &typed) {
            let place = format!(
                "{}/{}; {}, Kind={}",
                meta(body, "namespace"),
                self.on.name,
                gvk(self.kind.group),
                self.kind.kind
            );
            let message =
                format!("failed to create typed patch object ({place}): {field}: field not declared in schema");
            return Err(Status::new(500, "", message));
        }
        let mut config = typed;
        let given_role = body.get("roleRef").is_some();
        if given_role {
            shape::defaults(self.kind, None, &mut config);
        } else {
            object::map_mut(&mut config).remove("roleRef");
        }
        Ok(config)
    }
}

fn gvk(group: &str) -> String {
    format!("{group}/v1")
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Some(entries) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    let map = object::map_mut(target);
    for (key, value) in entries {
        if value.is_null() {
            map.remove(key);
        } else {
            merge(map.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// RFC 6902.
fn json_patch(target: &mut Value, operations: &Value) -> Result<(), Status> {
    let refused = || {
        let message = "the server rejected our request due to an error in our request";
        Status { details: Some(json!({})), ..Status::new(422, "Invalid", message) }
    };
    let operations =
        operations.as_array().ok_or_else(|| Status::bad_request("a JSON patch is a list of operations"))?;
    for operation in operations {
        let (path, origin) = (object::text(operation, "path"), object::text(operation, "from"));
        let value = operation.get("value").cloned();
        let done = match object::text(operation, "op") {
            "test" => (target.pointer(path) == value.as_ref()).then_some(()),
            "add" => value.and_then(|value| add(target, path, value)),
            "replace" => value.and_then(|value| target.pointer_mut(path).map(|held| *held = value)),
            "remove" => take(target, path).map(drop),
            "copy" => target.pointer(origin).cloned().and_then(|value| add(target, path, value)),
            "move" => take(target, origin).and_then(|value| add(target, path, value)),
            _ => None,
        };
        done.ok_or_else(refused)?;
    }
    Ok(())
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

fn add(target: &mut Value, path: &str, value: Value) -> Option<()> {
    let (holder, step) = path.rsplit_once('/')?;
    match target.pointer_mut(holder)? {
        Value::Object(map) => drop(map.insert(unescaped(step), value)),
        Value::Array(items) if step == "-" => items.push(value),
        Value::Array(items) => {
            let index = step.parse().ok().filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    let (holder, step) = path.rsplit_once('/')?;
    match target.pointer_mut(holder)? {
        Value::Object(map) => map.remove(&unescaped(step)),
        Value::Array(items) => {
            let index = step.parse().ok().filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}
