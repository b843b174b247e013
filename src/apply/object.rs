//! RBAC objects: server-side apply and deletion.

use k8s_openapi::api::rbac::v1 as api;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::{ApiResource, DynamicObject, Status, response::StatusDetails},
};
use serde_json::{Value, json};

use super::{Miss, Place};
use crate::{
    connect::{self, path_segment},
    model::{
        Content, MANAGED_BY, MANAGER, ObjectPrecondition, ObjectRef, RbacKind, RbacSubject, RoleRef, Rule, SubjectKind,
        Unreadable,
    },
};

/// Why an object was not taken.
pub(super) enum Refusal {
    /// The role that the binding names does not exist (yet). The server looks at it when rolecall lacks `bind`.
    AwaitsRole(ObjectRef, Box<Miss>),
    /// Anything else.
    Other(Miss),
}

impl Refusal {
    pub(super) fn into_miss(self) -> Miss {
        match self {
            Self::AwaitsRole(_, miss) => *miss,
            Self::Other(miss) => miss,
        }
    }
}

impl From<Miss> for Refusal {
    fn from(miss: Miss) -> Self {
        Self::Other(miss)
    }
}

impl Place<'_> {
    /// Applies an object as field manager `rolecall` and compares what the server then holds; in a dry run nothing is
    /// stored. Gives the object's resourceVersion.
    ///
    /// <https://kubernetes.io/docs/reference/using-api/server-side-apply/>
    pub(super) async fn put_object(
        self,
        object: &ObjectRef,
        precondition: &ObjectPrecondition,
        after: &Content,
        dry_run: bool,
    ) -> Result<String, Refusal> {
        let doing = format!("{} {object}", if dry_run { "trying" } else { "writing" });
        let api = self.api(object);
        let name = path_segment(&object.name);
        let mut params = PatchParams { dry_run, ..PatchParams::apply(MANAGER) };
        if matches!(precondition, ObjectPrecondition::At { .. }) {
            // uid and resourceVersion are what makes sure of the object; whose its fields are is not asked.
            params = params.force();
        } else if api.get_opt(&name).await.map_err(|error| self.miss(&error, &doing))?.is_some() {
            // Applying has no precondition for absence and would merge into an object of somebody else.
            return Err(Miss::Conflict(format!("{object} exists now, and the plan had seen none")).into());
        }
        let Some(body) = body(object, precondition, after) else {
            let what = "the plan's content does not fit the object's kind";
            return Err(Miss::Failed(connect::server_error(what, &doing, self.cluster)).into());
        };
        let stored = match api.patch(&name, &params, &Patch::Apply(&body)).await {
            Ok(stored) => stored,
            Err(error) => {
                return Err(match (&error, after) {
                    (kube::Error::Api(status), Content::Binding { role_ref, .. }) if names(status, role_ref) => {
                        self.awaits(role_object(object, role_ref), &doing)
                    }
                    _ => self.miss(&error, &doing).into(),
                });
            }
        };
        let mut managers = stored.metadata.managed_fields.iter().flatten();
        if *precondition == ObjectPrecondition::Absent && managers.any(|by| by.manager.as_deref() != Some(MANAGER)) {
            return Err(Miss::Conflict(format!("{object} was created by somebody else at the same moment")).into());
        }
        if !holds(&stored, after) {
            return Err(self.altered(&doing).into());
        }
        Ok(stored.metadata.resource_version.unwrap_or_default())
    }

    fn awaits(self, role: ObjectRef, doing: &str) -> Refusal {
        let what = format!("the binding names {role}, which does not exist, and rolecall does not hold `bind` on it");
        let why = Unreadable {
            next: Some(format!("Define {role} in the policy, or create it in the cluster.")),
            ..connect::server_error(&what, doing, self.cluster)
        };
        Refusal::AwaitsRole(role, Box::new(Miss::Failed(why)))
    }

    /// Deletes an object when it is still the one that the plan saw. One that is gone already is done.
    pub(super) async fn delete_object(self, object: &ObjectRef, precondition: &ObjectPrecondition) -> Result<(), Miss> {
        let doing = format!("deleting {object}");
        let ObjectPrecondition::At { uid, resource_version } = precondition else {
            return Err(Miss::Conflict(format!("{object}: the plan does not say which version it means to delete")));
        };
        let params = DeleteParams::default()
            .preconditions(Preconditions { uid: Some(uid.clone()), resource_version: Some(resource_version.clone()) });
        match self.api(object).delete(&path_segment(&object.name), &params).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            Err(error) => Err(self.miss(&error, &doing)),
        }
    }

    fn api(self, object: &ObjectRef) -> Api<DynamicObject> {
        let resource = match object.kind {
            RbacKind::ClusterRole => ApiResource::erase::<api::ClusterRole>(&()),
            RbacKind::Role => ApiResource::erase::<api::Role>(&()),
            RbacKind::ClusterRoleBinding => ApiResource::erase::<api::ClusterRoleBinding>(&()),
            RbacKind::RoleBinding => ApiResource::erase::<api::RoleBinding>(&()),
        };
        match &object.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), &path_segment(namespace), &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }
}

/// The object as it is sent, `None` when a role is to hold what a binding holds or the other way round.
fn body(object: &ObjectRef, precondition: &ObjectPrecondition, after: &Content) -> Option<Value> {
    let mut metadata = json!({"name": object.name, "labels": {MANAGED_BY: MANAGER}});
    if let Some(namespace) = &object.namespace {
        metadata["namespace"] = json!(namespace);
    }
    if let ObjectPrecondition::At { uid, resource_version } = precondition {
        metadata["uid"] = json!(uid);
        metadata["resourceVersion"] = json!(resource_version);
    }
    let mut body = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": object.kind.as_str(), "metadata": metadata,
    });
    match (object.kind, after) {
        (RbacKind::ClusterRole | RbacKind::Role, Content::Rules(rules)) => body["rules"] = json!(rules),
        (RbacKind::ClusterRoleBinding | RbacKind::RoleBinding, Content::Binding { role_ref, subjects }) => {
            body["roleRef"] = json!({
                "apiGroup": "rbac.authorization.k8s.io", "kind": role_ref.kind.as_str(), "name": role_ref.name,
            });
            body["subjects"] = subjects.iter().map(subject).collect();
        }
        _ => return None,
    }
    Some(body)
}

fn subject(subject: &RbacSubject) -> Value {
    let mut value = match subject.kind {
        SubjectKind::Group => json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io"}),
        SubjectKind::User => json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io"}),
        SubjectKind::ServiceAccount => json!({"kind": "ServiceAccount"}),
    };
    value["name"] = json!(subject.name);
    if let Some(namespace) = &subject.namespace {
        value["namespace"] = json!(namespace);
    }
    value
}

/// Whether what the server holds is what was meant, its label included.
fn holds(stored: &DynamicObject, after: &Content) -> bool {
    let labelled = stored.metadata.labels.iter().flatten().any(|(key, value)| key == MANAGED_BY && value == MANAGER);
    let list = |key: &str| stored.data.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    labelled
        && match after {
            Content::Rules(rules) => {
                serde_json::from_value::<Vec<Rule>>(Value::Array(list("rules"))).is_ok_and(|stored| stored == *rules)
            }
            Content::Binding { role_ref, subjects } => {
                let named = &stored.data["roleRef"];
                named["kind"] == role_ref.kind.as_str()
                    && named["name"] == role_ref.name.as_str()
                    && list("subjects").iter().eq(subjects.iter().map(subject).collect::<Vec<_>>().iter())
            }
            Content::Row { .. }
            | Content::Entry { .. }
            | Content::Scope(_)
            | Content::Account
            | Content::Mode(_)
            | Content::Text(_) => false,
        }
}

/// Whether the server says that this role is what it did not find. It gives the binding's own resource as the kind, and
/// the role's name.
fn names(status: &Status, role: &RoleRef) -> bool {
    let missing = |details: &StatusDetails| details.kind != "namespaces" && details.name == role.name;
    status.code == 404 && status.details.as_ref().is_some_and(missing)
}

fn role_object(binding: &ObjectRef, role: &RoleRef) -> ObjectRef {
    let namespace = if role.kind == RbacKind::Role { binding.namespace.clone() } else { None };
    ObjectRef { kind: role.kind, namespace, name: role.name.clone() }
}
