//! The policy of the organization: as the file that rolecall reads, and as what it asks of one cluster.

use serde_json::{Value, json};

use super::{MEMBER_ROLE, tree::Stage};
use crate::{
    lab::world::{iam::Role, organization::Account},
    model::{RbacKind, RbacSubject, Region, RoleRef, Section, SubjectKind, binding_name},
};

/// `policy.yaml`.
pub(super) const TEXT: &str = include_str!("policy.yaml");

/// A row of aws-auth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) section: Section,
    /// The ARN as aws-auth must hold it.
    pub(super) arn: String,
    pub(super) username: String,
    pub(super) groups: Vec<String>,
    /// The role's or user's unique id.
    pub(super) unique_id: String,
}

/// Who gets in.
enum Who {
    Set(&'static str),
    Role(&'static str),
    User(&'static str),
}

/// One line of `access`: who, into which group, as whom, and at which stages.
struct Grant(Who, &'static str, Option<&'static str>, &'static [Stage]);

const ALL: &[Stage] = &[Stage::Dev, Stage::Staging, Stage::Prod];
const UNUSED: &[Stage] = &[Stage::Dev, Stage::Staging];
const PROD: &[Stage] = &[Stage::Prod];

const GRANTS: [Grant; 7] = [
    Grant(Who::Set("PlatformAdmin"), "platform-admins", Some("admin:{{SessionName}}"), ALL),
    Grant(Who::Set("Auditor"), "auditors", Some("auditor:{{SessionName}}"), ALL),
    Grant(Who::Set("Developer"), "developers", Some("dev:{{SessionName}}"), UNUSED),
    Grant(Who::Set("OnCall"), "on-call", Some("on-call:{{SessionName}}"), PROD),
    Grant(Who::Role("deployer"), "deployers", Some("deployer:{{SessionName}}"), ALL),
    Grant(Who::Role("eks-admin"), "platform-admins", None, PROD),
    Grant(Who::User("breakglass"), "system:masters", Some("breakglass"), PROD),
];

/// The bindings of `groups`: the group, the ClusterRole, and the namespace where it is not the whole cluster.
const BINDINGS: [(&str, &str, Option<&str>); 6] = [
    ("platform-admins", "cluster-admin", None),
    ("auditors", "view", None),
    ("on-call", "on-call", None),
    ("developers", "developer", None),
    ("developers", "edit", Some("apps")),
    ("deployers", "admin", Some("apps")),
];

/// The rows that the policy wants in a cluster of an account; those of nodes are not among them.
pub(super) fn rows(account: &Account, stage: Option<Stage>) -> Vec<Row> {
    let Some(stage) = stage else { return Vec::new() };
    GRANTS.iter().filter(|Grant(.., stages)| stages.contains(&stage)).filter_map(|grant| row(account, grant)).collect()
}

fn row(account: &Account, Grant(who, group, username, _): &Grant) -> Option<Row> {
    let (section, arn, unique_id, default) = match who {
        Who::User(name) => {
            let user = account.iam.users.get(*name)?;
            let arn = user.arn(&account.id).to_string();
            (Section::Users, arn.clone(), user.id.clone(), arn)
        }
        Who::Role(name) => of_role(account, account.iam.roles.get(*name)?),
        Who::Set(set) => of_role(account, role_of_set(account, set)?),
    };
    let username = username.map_or(default, str::to_owned);
    Some(Row { section, arn, username, groups: vec![(*group).to_owned()], unique_id })
}

fn of_role(account: &Account, role: &Role) -> (Section, String, String, String) {
    let arn = role.arn(&account.id).without_role_path().to_string();
    let username = format!("arn:aws:sts::{}:assumed-role/{}/{{{{SessionName}}}}", account.id, role.name);
    (Section::Roles, arn, role.id.clone(), username)
}

fn role_of_set<'a>(account: &'a Account, set: &str) -> Option<&'a Role> {
    let prefix = format!("AWSReservedSSO_{set}_");
    account.iam.roles.values().find(|role| role.name.starts_with(&prefix))
}

/// The ClusterRoles and bindings that the policy wants in every cluster, without metadata beyond their names.
pub(super) fn objects() -> Vec<Value> {
    let cluster_role = |name: &str, rules: Value| {
        let api = "rbac.authorization.k8s.io/v1";
        json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
    };
    let read = json!(["get", "list", "watch"]);
    let developer = json!([
        {"apiGroups": [""], "resources": ["pods", "pods/log", "services", "configmaps", "events"], "verbs": read},
        {"apiGroups": ["apps"], "resources": ["deployments", "replicasets", "statefulsets"], "verbs": read},
    ]);
    let on_call = json!([
        {"apiGroups": [""], "resources": ["pods", "pods/log", "events"], "verbs": read},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "update", "patch"]},
    ]);
    let mut objects = vec![cluster_role("developer", developer), cluster_role("on-call", on_call)];
    objects.extend(BINDINGS.iter().map(|(group, role, namespace)| binding(group, role, *namespace)));
    objects
}

/// A binding as rolecall names and makes it.
pub(super) fn binding(group: &str, role: &str, namespace: Option<&str>) -> Value {
    let subject = RbacSubject { kind: SubjectKind::Group, name: group.to_owned(), namespace: None };
    let name = binding_name(&subject, &RoleRef { kind: RbacKind::ClusterRole, name: role.to_owned() });
    let api = "rbac.authorization.k8s.io";
    let (kind, metadata) = match namespace {
        None => ("ClusterRoleBinding", json!({"name": name})),
        Some(namespace) => ("RoleBinding", json!({"name": name, "namespace": namespace})),
    };
    json!({
        "apiVersion": format!("{api}/v1"), "kind": kind, "metadata": metadata,
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": api, "kind": "Group", "name": group}],
    })
}

/// `rolecall.yaml`, to which `web` and `schedule` may be added.
pub(super) fn settings(regions: &[Region], external_id: &str) -> String {
    let regions = regions.iter().map(Region::as_str).collect::<Vec<_>>().join(", ");
    format!(
        "\
# How rolecall looks after this organization. `rolecall schema settings` tells of every key.
apiVersion: rolecall.dev/v1
kind: Settings
organization:
  memberRole: {MEMBER_ROLE}                   # assumed in every account
  externalId: {external_id}
  regions: [{regions}]
  exclude: {{organizationalUnits: [/Sandbox/**]}}    # playgrounds, where nobody made that role
policy: [policy.yaml]
mode: enforce                                   # `report` would only look
unmanaged:                                      # rows of aws-auth that the policy does not speak of
  - {{match: {{clusterTags: {{stage: [prod]}}}}, then: remove}}
  - {{match: {{}}, then: report}}
"
    )
}
