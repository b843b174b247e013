//! What the tests of this room build their clusters from, and a cluster that takes a plan's writes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Arn, AwsAuth, AwsAuthPrecondition, AwsAuthText, Cluster, ClusterState, Content, Desired, DesiredAccount,
    DesiredBinding, DesiredRole, DesiredRow, FieldManager, Finding, FindingCode, ObjectPrecondition, ObjectRef,
    Observed, ObservedBinding, ObservedRole, Plan, PlanRules, RbacKind, RbacState, RbacSubject, RoleRef, Rule, Section,
    Source, SubjectKind, SurfaceChoice, Unmanaged, Write, samples,
};

use super::plan;

pub(super) const NODE: &str = "- rolearn: arn:aws:iam::111122223333:role/node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups:\n  - system:bootstrappers\n  - system:nodes\n";

pub(super) fn cluster() -> Cluster {
    samples::cluster("checkout")
}

pub(super) fn rules() -> PlanRules {
    let surface = SurfaceChoice::Auto;
    PlanRules {
        surface,
        unmanaged: Unmanaged::Report,
        protect: Vec::new(),
        own_principal: None,
        onboarding: None,
        max_removals: 5,
        repair: false,
    }
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

/// The text of a role's row.
pub(super) fn row(name: &str, username: &str, groups: &[&str]) -> String {
    let groups: Vec<String> = groups.iter().map(|group| format!("  - {group}\n")).collect();
    format!("- rolearn: {}\n  username: {username}\n  groups:\n{}", arn(name), groups.concat())
}

pub(super) fn wanted(name: &str, username: &str, groups: &[&str]) -> DesiredRow {
    let principal: Arn = arn(name).parse().unwrap();
    DesiredRow {
        section: Section::Roles,
        principal,
        unique_id: None,
        created: None,
        username: username.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        policies: Vec::new(),
        node: false,
        who: format!("role {name}"),
        sources: vec![Source { file: "policy.yaml".to_owned(), line: 7 }],
    }
}

pub(super) fn rows(rows: Vec<DesiredRow>) -> Desired {
    Desired { rows, ..Desired::default() }
}

pub(super) fn account(id: &str) -> DesiredAccount {
    DesiredAccount { id: id.parse().unwrap(), sources: Vec::new() }
}

pub(super) fn stored(roles: &str) -> AwsAuth {
    AwsAuth {
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        data: BTreeMap::from([("mapRoles".to_owned(), roles.to_owned())]),
        annotations: BTreeMap::new(),
        managers: Vec::new(),
        immutable: false,
    }
}

/// The same ConfigMap, with these roles' rows being rolecall's.
pub(super) fn owning(mut stored: AwsAuth, names: &[&str]) -> AwsAuth {
    let owned: BTreeMap<String, Option<String>> = names.iter().map(|name| (arn(name), None)).collect();
    let text = serde_json::json!({"mapRoles": owned, "mapUsers": {}, "mapAccounts": {}}).to_string();
    stored.annotations.insert(super::OWNED_ROWS.to_owned(), text);
    stored
}

pub(super) fn manager(name: &str) -> FieldManager {
    FieldManager { name: name.to_owned(), time: Some(jiff::Timestamp::from_second(9).unwrap()) }
}

pub(super) fn state(stored: Option<AwsAuth>) -> ClusterState {
    ClusterState {
        aws_auth: Observed::Known(stored),
        entries: Observed::Known(None),
        rbac: Observed::Known(RbacState::default()),
    }
}

pub(super) fn rbac(rbac: RbacState) -> ClusterState {
    ClusterState { aws_auth: Observed::Known(None), entries: Observed::Known(None), rbac: Observed::Known(rbac) }
}

pub(super) fn rule(verbs: &[&str]) -> Rule {
    let text = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Rule { api_groups: text(&[""]), resources: text(&["pods", "pods/log"]), verbs: text(verbs), ..Rule::default() }
}

pub(super) fn role(name: &str, verbs: &[&str]) -> DesiredRole {
    DesiredRole { namespace: None, name: name.to_owned(), rules: vec![rule(verbs)], sources: Vec::new() }
}

pub(super) fn group(name: &str) -> RbacSubject {
    RbacSubject { kind: SubjectKind::Group, name: name.to_owned(), namespace: None }
}

pub(super) fn cluster_role(name: &str) -> RoleRef {
    RoleRef { kind: RbacKind::ClusterRole, name: name.to_owned() }
}

pub(super) fn binding(name: &str, role: &str) -> DesiredBinding {
    DesiredBinding { namespace: None, subject: group(name), role_ref: cluster_role(role), sources: Vec::new() }
}

pub(super) fn observed_role(name: &str, verbs: &[&str], ours: bool) -> ObservedRole {
    ObservedRole {
        object: ObjectRef { kind: RbacKind::ClusterRole, namespace: None, name: name.to_owned() },
        rules: vec![rule(verbs)],
        aggregated: false,
        ours,
        labels: BTreeMap::new(),
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        managers: Vec::new(),
    }
}

pub(super) fn observed_binding(name: &str, role: &str, subjects: &[&str], ours: bool) -> ObservedBinding {
    ObservedBinding {
        object: ObjectRef { kind: RbacKind::ClusterRoleBinding, namespace: None, name: name.to_owned() },
        role_ref: cluster_role(role),
        subjects: subjects.iter().map(|name| group(name)).collect(),
        ours,
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        managers: Vec::new(),
    }
}

pub(super) fn run(desired: &Desired, state: &ClusterState) -> Plan {
    plan(&cluster(), desired, state, &rules())
}

/// The changes in short: sign, subject, reason.
pub(super) fn told(plan: &Plan) -> Vec<String> {
    plan.changes.iter().map(|c| format!("{} {} ({})", c.action.sign(), c.subject, c.reason)).collect()
}

pub(super) fn found(plan: &Plan, code: FindingCode) -> Vec<&Finding> {
    plan.findings.iter().filter(|finding| finding.code == code).collect()
}

/// What every write of aws-auth leaves, in order.
pub(super) fn texts(plan: &Plan) -> Vec<&AwsAuthText> {
    let mut texts = Vec::new();
    for step in &plan.steps {
        if let Write::PutAwsAuth { after, .. } = &step.write {
            texts.push(after);
        }
    }
    texts
}

/// The mapRoles that the plan's last write of aws-auth leaves.
pub(super) fn roles(plan: &Plan) -> &str {
    &texts(plan).last().unwrap().data["mapRoles"]
}

/// Carries a plan out on a cluster that insists on every precondition.
pub(super) fn applied(state: &ClusterState, plan: &Plan) -> ClusterState {
    let mut aws_auth = state.aws_auth.known().cloned();
    let mut rbac = state.rbac.known().cloned();
    let mut backups = BTreeSet::new();
    let mut previous: Option<&AwsAuthText> = None;
    for step in &plan.steps {
        match &step.write {
            Write::PutAwsAuth { precondition, before, after } => {
                let now = aws_auth.as_mut().unwrap();
                assert_eq!(now.as_ref().map(AwsAuthText::from), *before);
                match precondition {
                    AwsAuthPrecondition::Absent => assert!(now.is_none()),
                    AwsAuthPrecondition::At { uid, resource_version } => {
                        let now = now.as_ref().unwrap();
                        assert_eq!((&now.uid, &now.resource_version), (uid, resource_version));
                    }
                    AwsAuthPrecondition::AfterPrevious => assert_eq!(previous, before.as_ref()),
                }
                let stored = now.get_or_insert_with(|| stored(""));
                stored.data = after.data.clone();
                stored.annotations = after.annotations.clone();
                stored.resource_version.push('1');
                previous = Some(after);
            }
            Write::CreateBackup { name, .. } => assert!(backups.insert(name.clone())),
            Write::ApplyObject { object, precondition, after, .. } => {
                put(rbac.as_mut().unwrap(), object, precondition, after);
            }
            Write::DeleteObject { object, .. } => {
                let rbac = rbac.as_mut().unwrap();
                let before = rbac.roles.len() + rbac.bindings.len();
                rbac.roles.retain(|role| role.object != *object);
                rbac.bindings.retain(|binding| binding.object != *object);
                assert_eq!(rbac.roles.len() + rbac.bindings.len(), before - 1);
            }
            entry => panic!("{entry:?} is for a cluster with access entries"),
        }
    }
    ClusterState {
        aws_auth: aws_auth.map_or_else(|| state.aws_auth.clone(), Observed::Known),
        entries: state.entries.clone(),
        rbac: rbac.map_or_else(|| state.rbac.clone(), Observed::Known),
    }
}

fn put(rbac: &mut RbacState, object: &ObjectRef, precondition: &ObjectPrecondition, after: &Content) {
    let there = rbac.roles.iter().any(|role| role.object == *object)
        || rbac.bindings.iter().any(|binding| binding.object == *object);
    assert_eq!(there, *precondition != ObjectPrecondition::Absent, "{object}");
    match after {
        Content::Rules(rules) => {
            rbac.roles.retain(|role| role.object != *object);
            let made = observed_role(&object.name, &[], true);
            rbac.roles.push(ObservedRole { object: object.clone(), rules: rules.clone(), ..made });
        }
        Content::Binding { role_ref, subjects } => {
            let old = rbac.bindings.iter().find(|binding| binding.object == *object);
            assert!(old.is_none_or(|old| old.role_ref == *role_ref), "roleRef is immutable");
            rbac.bindings.retain(|binding| binding.object != *object);
            let made = observed_binding(&object.name, "", &[], true);
            rbac.bindings.push(ObservedBinding {
                object: object.clone(),
                role_ref: role_ref.clone(),
                subjects: subjects.clone(),
                ..made
            });
        }
        other => panic!("{other:?} is no RBAC object"),
    }
}
