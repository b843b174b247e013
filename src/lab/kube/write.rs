//! Creating, changing and deleting objects.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    aggregate,
    ask::{Ask, Resource},
    escalation,
    kinds::Kind,
    managed::Managers,
    object::{self, meta, name, namespace},
    rbac::{self, Attributes, On},
    shape,
    status::{Cause, Status},
    store::Inner,
    user::User,
    validate,
};

/// The most bytes that a request's body may have.
const MAX_BODY: usize = 3_145_728;
/// Namespaces that cannot be deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// A request on one resource, with all that it takes to answer it.
pub(super) struct Desk<'a> {
    /// The objects.
    pub(super) inner: &'a mut Inner,
    /// Who asks.
    pub(super) user: &'a User,
    /// The request.
    pub(super) ask: &'a Ask<'a>,
    /// The resource.
    pub(super) on: &'a Resource,
    /// Its kind.
    pub(super) kind: &'static Kind,
    /// The server's time.
    pub(super) now: Timestamp,
}

/// An answer's HTTP status and body.
pub(super) type Answer = Result<(u16, Value), Status>;

/// How an object comes to be stored.
pub(super) enum Way {
    /// Whoever is named writes what differs.
    Update(String),
    /// Whose fields are whose is known already.
    Apply(Managers),
}

impl Desk<'_> {
    /// POST.
    pub(super) fn create(&mut self) -> Answer {
        let dry_run = self.ask.dry_run("CreateOptions")?;
        let mut object = self.decode(&self.body()?)?;
        if !meta(&object, "resourceVersion").is_empty() {
            return Err(Status::new(500, "", "resourceVersion should not be set on objects to be created"));
        }
        self.place(&mut object)?;
        let prefix = meta(&object, "generateName").to_owned();
        if name(&object).is_empty() && !prefix.is_empty() {
            let made_up = format!("{prefix}{}", self.inner.new_suffix());
            object::set_meta(&mut object, "name", Some(&made_up));
        }
        let way = Way::Update(self.ask.manager());
        self.commit(None, object, way, dry_run)
    }

    /// PUT.
    pub(super) fn replace(&mut self) -> Answer {
        let dry_run = self.ask.dry_run("UpdateOptions")?;
        let mut object = self.decode(&self.body()?)?;
        self.place(&mut object)?;
        if name(&object) != self.on.name {
            return Err(self.other_name(name(&object)));
        }
        let before = self.live();
        if before.is_none() && matches!(self.kind.kind, "ConfigMap" | "Namespace") {
            return Err(Status::not_found(self.kind, &self.on.name));
        }
        if let (Some(before), uid) = (&before, meta(&object, "uid"))
            && !uid.is_empty()
            && uid != meta(before, "uid")
        {
            return Err(Status::conflict(self.kind, &self.on.name, &self.storage_error(uid, meta(before, "uid"))));
        }
        if self.kind.kind == "Lease" && before.is_some() && meta(&object, "resourceVersion").is_empty() {
            let cause = Cause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
            return Err(Status::invalid(self.kind.group, self.kind.plural, &self.on.name, &[cause]));
        }
        let way = Way::Update(self.ask.manager());
        self.commit(before.as_deref(), object, way, dry_run)
    }

    /// DELETE of one object.
    pub(super) fn delete(&mut self) -> Answer {
        let options = if self.ask.body.is_empty() { Value::Null } else { self.body()? };
        let in_body = object::list(&options, "dryRun").iter().any(|value| value == "All");
        let dry_run = self.ask.dry_run("DeleteOptions")? || in_body;
        let live = self.live().ok_or_else(|| Status::not_found(self.kind, &self.on.name))?;
        if self.kind.kind == "Namespace" && IMMORTAL.contains(&self.on.name.as_str()) {
            let why = "this namespace may not be deleted";
            return Err(Status::forbidden("", "namespaces", &self.on.name, why));
        }
        self.preconditions(&options["preconditions"], &live)?;
        let held = !object::list(&live["metadata"], "finalizers").is_empty() || self.kind.kind == "Namespace";
        if held {
            return Ok((200, (*self.mark_deleted(&live, dry_run)).clone()));
        }
        if !dry_run {
            self.inner.remove(self.kind, namespace(&live), name(&live));
            self.aggregate();
        }
        let mut details = json!({"name": self.on.name, "kind": self.kind.plural, "uid": meta(&live, "uid")});
        if !self.kind.group.is_empty() {
            details["group"] = self.kind.group.into();
        }
        Ok((
            200,
            json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}),
        ))
    }

    fn preconditions(&self, wanted: &Value, live: &Value) -> Result<(), Status> {
        let refuse = |what: &str, wanted: &str, held: &str, maybe: &str| {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({held}). The object might have been {maybe}"
            );
            // The server names the kind here, not the resource.
            let named = Kind { plural: self.kind.kind, ..*self.kind };
            Err(Status::conflict(&named, &self.on.name, &why))
        };
        let (uid, version) = (object::text(wanted, "uid"), object::text(wanted, "resourceVersion"));
        if !uid.is_empty() && uid != meta(live, "uid") {
            return refuse("UID", uid, meta(live, "uid"), "deleted and then recreated");
        }
        if !version.is_empty() && version != meta(live, "resourceVersion") {
            return refuse("ResourceVersion", version, meta(live, "resourceVersion"), "modified");
        }
        Ok(())
    }

    /// Marks an object as being deleted, when it is not yet.
    fn mark_deleted(&mut self, live: &Arc<Value>, dry_run: bool) -> Arc<Value> {
        if !meta(live, "deletionTimestamp").is_empty() {
            return Arc::clone(live);
        }
        let mut object = (**live).clone();
        object::set_meta(&mut object, "deletionTimestamp", Some(&object::time(self.now)));
        if self.kind.kind == "Namespace" {
            object["status"] = json!({"phase": "Terminating"});
        } else {
            object::metadata_mut(&mut object).insert("deletionGracePeriodSeconds".to_owned(), json!(0));
        }
        if dry_run { Arc::new(object) } else { self.inner.insert(self.kind, object, self.now) }
    }

    /// The object that the request names.
    pub(super) fn live(&self) -> Option<Arc<Value>> {
        let namespace = if self.kind.namespaced { self.on.namespace.as_str() } else { "" };
        self.inner.get(self.kind, namespace, &self.on.name)
    }

    /// The body as JSON, also when it comes as YAML.
    pub(super) fn body(&self) -> Result<Value, Status> {
        if self.ask.body.len() > MAX_BODY {
            let message = format!("Request entity too large: limit is {MAX_BODY}");
            return Err(Status::new(413, "RequestEntityTooLarge", message));
        }
        let unreadable = |error: &dyn std::fmt::Display| {
            let kind = self.kind.kind;
            let message = format!(
                "the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; json parse error: {error}"
            );
            Status::bad_request(message)
        };
        match self.ask.content_type() {
            "" | "application/json" => serde_json::from_slice(self.ask.body).map_err(|error| unreadable(&error)),
            "application/yaml" => serde_yaml::from_slice(self.ask.body).map_err(|error| unreadable(&error)),
            _ => {
                let message = "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf";
                Err(Status::new(415, "UnsupportedMediaType", message))
            }
        }
    }

    /// The object that the request is about, in the shape of its kind.
    pub(super) fn decode(&self, body: &Value) -> Result<Value, Status> {
        let kind = self.kind;
        let (version, named) = (object::text(body, "apiVersion"), object::text(body, "kind"));
        let refuse = |why: String| {
            let named = if named.is_empty() { kind.kind } else { named };
            let message = format!("{named} in version \"v1\" cannot be handled as a {}: {why}", kind.kind);
            Err(Status::bad_request(message))
        };
        if !(named.is_empty() || named == kind.kind) || !(version.is_empty() || version == kind.api_version()) {
            let why = format!("converting (v1.{named}) to (core.{}): unknown conversion", kind.kind);
            return refuse(why);
        }
        shape::typed(kind, body).or_else(refuse)
    }

    /// Puts the object where the URL says.
    pub(super) fn place(&self, object: &mut Value) -> Result<(), Status> {
        let wanted = if self.kind.namespaced { self.on.namespace.as_str() } else { "" };
        if !matches!(namespace(object), given if given.is_empty() || given == wanted) {
            let message = "the namespace of the provided object does not match the namespace sent on the request";
            return Err(Status::bad_request(message));
        }
        object::set_meta(object, "namespace", Some(wanted).filter(|namespace| !namespace.is_empty()));
        Ok(())
    }

    /// 400 of an object that names itself otherwise than the URL does.
    pub(super) fn other_name(&self, given: &str) -> Status {
        let url = &self.on.name;
        Status::bad_request(format!("the name of the object ({given}) does not match the name on the URL ({url})"))
    }

    fn storage_error(&self, wanted: &str, held: &str) -> String {
        let place = [self.kind.plural, &self.on.namespace, &self.on.name];
        let key: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {wanted}, UID in object meta: {held}",
            key.join("/")
        )
    }

    /// Stores an object after all checks; in a dry run it is only shown.
    pub(super) fn commit(&mut self, before: Option<&Value>, mut object: Value, way: Way, dry_run: bool) -> Answer {
        if before.is_none() {
            self.takes_new(&object)?;
        }
        let version = meta(&object, "resourceVersion").to_owned();
        self.keep_system_fields(before, &mut object);
        shape::defaults(self.kind, before, &mut object);
        escalation::check(self.inner, self.user, self.kind, before, &object)?;
        if before.is_some_and(|before| !version.is_empty() && version != meta(before, "resourceVersion")) {
            return Err(Status::modified(self.kind, name(&object)));
        }
        validate::check(self.kind, before, &object)?;
        if before.is_none() {
            self.may_create(&object)?;
        }
        match way {
            Way::Apply(managers) => managers.write(&mut object),
            Way::Update(manager) => {
                let given = Managers::of(&object);
                let nobody = Managers::default();
                let mut managers = match before {
                    Some(before) if given == nobody => Managers::of(before),
                    _ => given,
                };
                // What nobody's fields were tracked of is not tracked before somebody applies it.
                if before.is_none() || managers != nobody {
                    managers.update(before.unwrap_or(&Value::Null), &object, &manager, self.now);
                }
                managers.write(&mut object);
            }
        }
        shape::squeeze(self.kind, &mut object);
        let code = if before.is_some() { 200 } else { 201 };
        if let Some(before) = before.filter(|before| same(before, &object)) {
            return Ok((200, before.clone()));
        }
        if dry_run {
            return Ok((code, self.dry(before, object)));
        }
        let finalized = !meta(&object, "deletionTimestamp").is_empty()
            && object::list(&object["metadata"], "finalizers").is_empty()
            && self.kind.kind != "Namespace";
        if finalized {
            self.inner.remove(self.kind, namespace(&object), name(&object));
            return Ok((200, object));
        }
        let stored = self.inner.insert(self.kind, object, self.now);
        self.aggregate();
        let live = self.inner.get(self.kind, namespace(&stored), name(&stored)).unwrap_or(stored);
        Ok((code, (*live).clone()))
    }

    /// What would be shown of an object that is not stored.
    fn dry(&mut self, before: Option<&Value>, mut object: Value) -> Value {
        match before {
            Some(before) => object::set_meta(&mut object, "resourceVersion", Some(meta(before, "resourceVersion"))),
            None => self.inner.name_new(&mut object, self.now),
        }
        object
    }

    /// Whatever only the server sets stays as it is, or is not there yet.
    fn keep_system_fields(&self, before: Option<&Value>, object: &mut Value) {
        if before.is_none() && !matches!(self.ask.verb, "patch") {
            object::set_meta(object, "uid", None);
        }
        let metadata = object::metadata_mut(object);
        metadata.remove("resourceVersion");
        metadata.remove("selfLink");
        let fixed = ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"];
        for field in fixed {
            metadata.remove(field);
            if let Some(value) = before.and_then(|before| before["metadata"].get(field)) {
                metadata.insert(field.to_owned(), value.clone());
            }
        }
        if let Some(before) = before.filter(|_| !metadata.contains_key("uid")) {
            metadata.insert("uid".to_owned(), before["metadata"]["uid"].clone());
        }
    }

    /// Refuses new objects where there is no namespace, or one that is being deleted.
    fn takes_new(&self, object: &Value) -> Result<(), Status> {
        if !self.kind.namespaced {
            return Ok(());
        }
        let Some(namespaces) = Kind::of_plural("namespaces") else { return Ok(()) };
        let at = namespace(object);
        let found = self.inner.get(namespaces, "", at).ok_or_else(|| Status::not_found(namespaces, at))?;
        if meta(&found, "deletionTimestamp").is_empty() {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {at} because it is being terminated");
        let mut status = Status::forbidden(self.kind.group, self.kind.plural, name(object), &why);
        if let Some(details) = status.details.as_mut() {
            details["causes"] = json!([{
                "reason": "NamespaceTerminating",
                "message": format!("namespace {at} is being terminated"),
                "field": "metadata.namespace",
            }]);
        }
        Err(status)
    }

    /// An object that is new must be free to take its name, and its writer to create it.
    fn may_create(&self, object: &Value) -> Result<(), Status> {
        if self.ask.verb != "create" {
            authorize_create(self.inner, self.user, self.on)?;
        }
        match self.inner.get(self.kind, namespace(object), name(object)) {
            Some(_) => Err(Status::already_exists(self.kind, name(object))),
            None => Ok(()),
        }
    }

    /// The controller that fills aggregated roles works at once here.
    fn aggregate(&mut self) {
        if self.kind.kind == "ClusterRole" {
            aggregate::run(self.inner, self.now);
        }
    }
}

fn authorize_create(inner: &Inner, user: &User, on: &Resource) -> Result<(), Status> {
    rbac::authorize(inner, user, Attributes { verb: "create", on: On::Resource(on) })
}

/// Whether two versions of an object are the same but for the time at which it was last written.
fn same(before: &Value, after: &Value) -> bool {
    let bare = |object: &Value| {
        let mut object = object.clone();
        let metadata = object::metadata_mut(&mut object);
        metadata.remove("resourceVersion");
        for entry in metadata.get_mut("managedFields").and_then(Value::as_array_mut).into_iter().flatten() {
            object::map_mut(entry).remove("time");
        }
        object
    };
    bare(before) == bare(after)
}
