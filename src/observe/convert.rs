//! The API's RBAC objects as the model has them.

use std::collections::BTreeMap;

use k8s_openapi::{api::rbac::v1 as api, apimachinery::pkg::apis::meta::v1::ObjectMeta};

use super::managers;
use crate::model::{
    FieldManager, MANAGED_BY, MANAGER, ObjectRef, ObservedBinding, ObservedRole, RbacKind, RbacSubject, RoleRef, Rule,
    SubjectKind,
};

/// What is said of an object that the API may not serve as it is.
pub(super) type Undecodable = String;

/// An API type that is one of the four kinds.
pub(super) trait IntoModel {
    /// What it becomes.
    type Model;
    /// The object in the words of the model.
    fn into_model(self) -> Result<Self::Model, Undecodable>;
}

impl IntoModel for api::ClusterRole {
    type Model = ObservedRole;

    fn into_model(self) -> Result<ObservedRole, Undecodable> {
        role(RbacKind::ClusterRole, self.metadata, self.rules, self.aggregation_rule.is_some())
    }
}

impl IntoModel for api::Role {
    type Model = ObservedRole;

    fn into_model(self) -> Result<ObservedRole, Undecodable> {
        role(RbacKind::Role, self.metadata, self.rules, false)
    }
}

impl IntoModel for api::ClusterRoleBinding {
    type Model = ObservedBinding;

    fn into_model(self) -> Result<ObservedBinding, Undecodable> {
        binding(RbacKind::ClusterRoleBinding, &self.metadata, self.role_ref, self.subjects)
    }
}

impl IntoModel for api::RoleBinding {
    type Model = ObservedBinding;

    fn into_model(self) -> Result<ObservedBinding, Undecodable> {
        binding(RbacKind::RoleBinding, &self.metadata, self.role_ref, self.subjects)
    }
}

fn role(
    kind: RbacKind,
    metadata: ObjectMeta,
    rules: Option<Vec<api::PolicyRule>>,
    aggregated: bool,
) -> Result<ObservedRole, Undecodable> {
    let identity = Identity::of(kind, &metadata)?;
    let managers = managers(&metadata);
    let labels = metadata.labels.unwrap_or_default();
    Ok(ObservedRole {
        object: identity.object,
        rules: rules.into_iter().flatten().map(rule).collect(),
        aggregated,
        ours: is_ours(&labels, &managers),
        labels,
        uid: identity.uid,
        resource_version: identity.resource_version,
        managers,
    })
}

fn binding(
    kind: RbacKind,
    metadata: &ObjectMeta,
    role_ref: api::RoleRef,
    subjects: Option<Vec<api::Subject>>,
) -> Result<ObservedBinding, Undecodable> {
    let identity = Identity::of(kind, metadata)?;
    let role_kind = match role_ref.kind.as_str() {
        "ClusterRole" => RbacKind::ClusterRole,
        "Role" => RbacKind::Role,
        other => return Err(format!("{} names a role of the kind {other:?}", identity.object)),
    };
    let subjects = subjects.into_iter().flatten().map(|it| subject(it, &identity.object)).collect::<Result<_, _>>()?;
    let managers = managers(metadata);
    Ok(ObservedBinding {
        object: identity.object,
        role_ref: RoleRef { kind: role_kind, name: role_ref.name },
        subjects,
        ours: metadata.labels.as_ref().is_some_and(|labels| is_ours(labels, &managers)),
        uid: identity.uid,
        resource_version: identity.resource_version,
        managers,
    })
}

/// Whether rolecall made it: its label alone may have come with a copy that somebody took of one of rolecall's objects,
/// but only rolecall writes under its name.
fn is_ours(labels: &BTreeMap<String, String>, managers: &[FieldManager]) -> bool {
    labels.get(MANAGED_BY).is_some_and(|by| by == MANAGER) && managers.iter().any(|manager| manager.name == MANAGER)
}

fn subject(subject: api::Subject, of: &ObjectRef) -> Result<RbacSubject, Undecodable> {
    let kind = match subject.kind.as_str() {
        "Group" => SubjectKind::Group,
        "User" => SubjectKind::User,
        "ServiceAccount" => SubjectKind::ServiceAccount,
        other => return Err(format!("{of} binds a subject of the kind {other:?}")),
    };
    Ok(RbacSubject { kind, name: subject.name, namespace: subject.namespace })
}

fn rule(rule: api::PolicyRule) -> Rule {
    Rule {
        api_groups: rule.api_groups.unwrap_or_default(),
        resources: rule.resources.unwrap_or_default(),
        verbs: rule.verbs,
        resource_names: rule.resource_names.unwrap_or_default(),
        non_resource_urls: rule.non_resource_urls.unwrap_or_default(),
    }
}

struct Identity {
    object: ObjectRef,
    uid: String,
    resource_version: String,
}

impl Identity {
    fn of(kind: RbacKind, metadata: &ObjectMeta) -> Result<Self, Undecodable> {
        let name = metadata.name.clone().unwrap_or_default();
        let object = ObjectRef { kind, namespace: metadata.namespace.clone(), name };
        match (&metadata.uid, &metadata.resource_version) {
            (Some(uid), Some(resource_version)) if !object.name.is_empty() => {
                Ok(Self { uid: uid.clone(), resource_version: resource_version.clone(), object })
            }
            _ => Err(format!("{object} came without name, uid or resourceVersion")),
        }
    }
}
