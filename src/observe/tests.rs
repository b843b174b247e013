use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::observe;
use crate::{
    connect::fake::{self, Answer, Call, Calls},
    model::{
        AuthenticationMode, ClusterState, Desired, DesiredBinding, DesiredRole, ObjectRef, RbacKind, RbacSubject,
        RoleRef, Rule, SubjectKind, UnreadableKind, binding_name,
    },
};

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const AWS_AUTH: &str = "/api/v1/namespaces/kube-system/configmaps/aws-auth";

/// What a path answers; a path that is not given lists nothing or is not found.
async fn observed(desired: &Desired, answers: Vec<(String, Answer)>) -> (ClusterState, Calls) {
    let mut answers: BTreeMap<String, Vec<Answer>> =
        answers.into_iter().fold(BTreeMap::new(), |mut map, (path, it)| {
            map.entry(path).or_default().insert(0, it);
            map
        });
    let (client, calls) = fake::client(move |call: &Call| match answers.get_mut(&call.path).and_then(Vec::pop) {
        Some(answer) => answer,
        None if call.query.contains("limit=") => list(&[], None),
        None => fake::not_found(),
    });
    (observe(&client, &fake::id(), AuthenticationMode::ConfigMap, desired).await, calls)
}

fn list(items: &[Value], next: Option<&str>) -> Answer {
    Answer::Json(200, json!({"kind": "List", "metadata": {"continue": next}, "items": items}))
}

fn metadata(name: &str, namespace: Option<&str>, ours: bool) -> Value {
    let by = if ours { "rolecall" } else { "Helm" };
    json!({
        "name": name, "namespace": namespace, "uid": format!("uid-{name}"), "resourceVersion": "7",
        "labels": {"app.kubernetes.io/managed-by": by}, "managedFields": [{"manager": by, "operation": "Apply"}],
    })
}

fn role(name: &str, namespace: Option<&str>, ours: bool) -> Value {
    json!({"metadata": metadata(name, namespace, ours), "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]})
}

fn binding(name: &str, namespace: Option<&str>, ours: bool, group: &str, role: &str) -> Value {
    json!({
        "metadata": metadata(name, namespace, ours),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": group}],
    })
}

fn wanted_role(name: &str, namespace: Option<&str>) -> DesiredRole {
    let rules = vec![Rule { verbs: vec!["get".to_owned()], ..Rule::default() }];
    DesiredRole { namespace: namespace.map(str::to_owned), name: name.to_owned(), rules, sources: Vec::new() }
}

fn wanted_binding(group: &str, role: &str, namespace: Option<&str>) -> DesiredBinding {
    DesiredBinding {
        namespace: namespace.map(str::to_owned),
        subject: RbacSubject { kind: SubjectKind::Group, name: group.to_owned(), namespace: None },
        role_ref: RoleRef { kind: RbacKind::ClusterRole, name: role.to_owned() },
        sources: Vec::new(),
    }
}

fn object(kind: RbacKind, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() }
}

#[tokio::test]
async fn aws_auth_comes_byte_for_byte_with_who_wrote_it_last() {
    let stored = json!({
        "metadata": {
            "name": "aws-auth", "uid": "u", "resourceVersion": "9", "annotations": {"a": "b"},
            "managedFields": [
                {"manager": "kubectl-create", "operation": "Update", "time": "2026-01-01T00:00:00Z"},
                {"manager": "timeless", "operation": "Update"},
                {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-20T14:02:00Z"},
            ],
        },
        "data": {"mapRoles": "# kept\n- rolearn: x\r\n", "other": ""},
        "immutable": true,
    });
    let (state, _) = observed(&Desired::default(), vec![(AWS_AUTH.to_owned(), Answer::Json(200, stored))]).await;
    let aws_auth = state.aws_auth.known().unwrap().as_ref().unwrap();
    assert_eq!(aws_auth.data["mapRoles"], "# kept\n- rolearn: x\r\n");
    assert_eq!((aws_auth.uid.as_str(), aws_auth.resource_version.as_str(), aws_auth.immutable), ("u", "9", true));
    assert_eq!(aws_auth.annotations["a"], "b");
    let managers: Vec<&str> = aws_auth.managers.iter().map(|by| by.name.as_str()).collect();
    assert_eq!(managers, ["kubectl-edit", "kubectl-create", "timeless"]);
}

#[tokio::test]
async fn no_aws_auth_is_known_to_be_none() {
    let (state, _) = observed(&Desired::default(), Vec::new()).await;
    assert_eq!(state.aws_auth.known(), Some(&None));
}

#[tokio::test]
async fn one_surface_that_is_refused_leaves_the_other_known() {
    let refused = || fake::status(403, "Forbidden", "no");
    let (state, _) = observed(&Desired::default(), vec![(AWS_AUTH.to_owned(), refused())]).await;
    assert_eq!(state.aws_auth.unknown().unwrap().kind, UnreadableKind::Forbidden);
    assert!(state.rbac.known().is_some());

    let bindings = format!("{RBAC}/rolebindings");
    let (state, _) = observed(&Desired::default(), vec![(bindings, refused())]).await;
    let why = state.rbac.unknown().unwrap();
    assert_eq!(why.kind, UnreadableKind::Forbidden);
    assert!(why.message.contains("listing rolecall's rolebindings"), "{why}");
    assert_eq!(state.aws_auth.known(), Some(&None));
}

#[tokio::test]
async fn every_page_is_read_and_a_list_that_breaks_off_is_unknown() {
    let path = format!("{RBAC}/clusterroles");
    let first = || list(&[role("a", None, true)], Some("token"));
    let (state, calls) = observed(
        &Desired::default(),
        vec![(path.clone(), first()), (path.clone(), list(&[role("b", None, true)], Some("")))],
    )
    .await;
    let names: Vec<&str> = state.rbac.known().unwrap().roles.iter().map(|role| role.object.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let queries: Vec<String> =
        calls.all().iter().filter(|call| call.path == path).map(|call| call.query.clone()).collect();
    assert!(queries[0].contains("limit=500") && queries[1].contains("continue=token"), "{queries:?}");
    assert!(queries.iter().all(|query| query.contains("labelSelector=app.kubernetes.io%2Fmanaged-by%3Drolecall")));

    let broken = fake::status(500, "InternalError", "etcd is away");
    let (state, _) = observed(&Desired::default(), vec![(path.clone(), first()), (path.clone(), broken)]).await;
    assert_eq!(state.rbac.unknown().unwrap().kind, UnreadableKind::Server);
}

#[tokio::test]
async fn a_list_that_expires_between_pages_is_begun_anew() {
    let path = format!("{RBAC}/clusterroles");
    let gone = fake::status(410, "Expired", "too old");
    let answers = vec![
        (path.clone(), list(&[role("a", None, true)], Some("token"))),
        (path.clone(), gone),
        (path.clone(), list(&[role("a", None, true), role("b", None, true)], None)),
    ];
    let (state, _) = observed(&Desired::default(), answers).await;
    assert_eq!(state.rbac.known().unwrap().roles.len(), 2);
}

fn policy() -> Desired {
    Desired {
        roles: vec![wanted_role("devs", None), wanted_role("extra", Some("team-a"))],
        bindings: vec![
            wanted_binding("devs", "devs", None),
            wanted_binding("admins", "cluster-admin", None),
            wanted_binding("devs", "edit", Some("team-a")),
        ],
        ..Desired::default()
    }
}

#[tokio::test]
async fn a_cluster_that_has_it_all_costs_five_reads() {
    let answers = [
        ("clusterroles", vec![role("devs", None, true)]),
        ("roles", vec![role("extra", Some("team-a"), true)]),
        (
            "clusterrolebindings",
            vec![
                binding("an-older-name", None, true, "devs", "devs"),
                binding("b", None, true, "admins", "cluster-admin"),
            ],
        ),
        ("rolebindings", vec![binding("c", Some("team-a"), true, "devs", "edit")]),
    ];
    let answers: Vec<(String, Answer)> =
        answers.into_iter().map(|(path, items)| (format!("{RBAC}/{path}"), list(&items, None))).collect();
    let (state, calls) = observed(&policy(), answers).await;
    assert_eq!(calls.all().len(), 5);
    let rbac = state.rbac.known().unwrap();
    assert!(rbac.roles.iter().all(|role| role.ours) && rbac.bindings.iter().all(|binding| binding.ours));
    assert_eq!((rbac.roles.len(), rbac.bindings.len()), (2, 3));
    assert_eq!(rbac.bindings[0].role_ref, RoleRef { kind: RbacKind::ClusterRole, name: "devs".to_owned() });
    assert_eq!(rbac.roles[0].rules[0].resources, ["pods"]);
}

#[tokio::test]
async fn a_copy_of_something_of_ours_is_not_ours() {
    let copy = |mut object: Value| {
        object["metadata"]["managedFields"] = json!([{"manager": "kubectl-client-side-apply", "operation": "Update"}]);
        list(&[object], None)
    };
    let wanted = policy();
    let name = binding_name(&wanted.bindings[0].subject, &wanted.bindings[0].role_ref);
    let taken = format!("{RBAC}/clusterrolebindings/{name}");
    let answers = vec![
        (format!("{RBAC}/clusterroles"), copy(role("copy", None, true))),
        (format!("{RBAC}/clusterrolebindings"), copy(binding("copy", None, true, "devs", "devs"))),
        (taken.clone(), Answer::Json(200, binding(&name, None, false, "x", "y"))),
    ];
    let (state, calls) = observed(&wanted, answers).await;
    let rbac = state.rbac.known().unwrap();
    assert!(rbac.roles.iter().all(|role| !role.ours) && rbac.bindings.iter().all(|binding| !binding.ours));
    assert!(calls.all().iter().any(|call| call.path == taken), "the copy does not stand for the policy's own binding");
}

#[tokio::test]
async fn names_that_are_taken_and_roles_and_namespaces_that_are_missing_are_found_out() {
    let wanted = policy();
    let name = binding_name(&wanted.bindings[1].subject, &wanted.bindings[1].role_ref);
    let taken_binding = format!("{RBAC}/clusterrolebindings/{name}");
    let taken_role = format!("{RBAC}/clusterroles/devs");
    let answers = vec![
        (taken_role, Answer::Json(200, role("devs", None, false))),
        (taken_binding, Answer::Json(200, binding(&name, None, false, "x", "y"))),
    ];
    let (state, calls) = observed(&wanted, answers).await;
    let rbac = state.rbac.known().unwrap();
    assert_eq!(rbac.roles[0].object, object(RbacKind::ClusterRole, None, "devs"));
    assert_eq!(rbac.bindings[0].object, object(RbacKind::ClusterRoleBinding, None, &name));
    assert!(!rbac.roles[0].ours && !rbac.bindings[0].ours);
    assert!(rbac.missing_namespaces.iter().eq(["team-a"]));
    assert!(rbac.missing_roles.iter().eq([&object(RbacKind::ClusterRole, None, "cluster-admin")]));
    let inside = |call: &Call| call.path.contains("/namespaces/team-a/");
    assert!(!calls.all().iter().any(inside), "nothing is asked for in a namespace that does not exist");
}

#[tokio::test]
async fn bindings_of_others_that_grant_what_is_wanted_are_found() {
    let all = vec![
        binding("by-hand", None, false, "devs", "devs"),
        binding("other-role", None, false, "devs", "edit"),
        binding("other-group", None, false, "ops", "devs"),
    ];
    let path = format!("{RBAC}/clusterrolebindings");
    let answers = vec![(path.clone(), list(&[], None)), (path.clone(), list(&all, None))];
    let (state, calls) = observed(&policy(), answers).await;
    let names: Vec<String> = state.rbac.known().unwrap().bindings.iter().map(|it| it.object.name.clone()).collect();
    assert_eq!(names, ["by-hand"]);
    let unlabelled = |call: &&Call| call.path == path && !call.query.contains("labelSelector");
    assert_eq!(calls.all().iter().filter(unlabelled).count(), 1);
}

#[tokio::test]
async fn bindings_of_others_that_cannot_be_listed_make_rbac_unknown() {
    let path = format!("{RBAC}/clusterrolebindings");
    let answers = vec![(path.clone(), list(&[], None)), (path, fake::status(403, "Forbidden", "no"))];
    let (state, _) = observed(&policy(), answers).await;
    assert!(state.rbac.unknown().unwrap().message.contains("listing all clusterrolebindings"));
}

#[tokio::test]
async fn a_namespace_being_deleted_is_as_good_as_gone_and_a_role_that_exists_is_not_missing() {
    let going = json!({"metadata": {"name": "team-a", "deletionTimestamp": "2026-11-20T14:02:00Z"}});
    let admin = format!("{RBAC}/clusterroles/cluster-admin");
    let answers = vec![
        ("/api/v1/namespaces/team-a".to_owned(), Answer::Json(200, going)),
        (admin, Answer::Json(200, role("cluster-admin", None, false))),
    ];
    let (state, _) = observed(&policy(), answers).await;
    let rbac = state.rbac.known().unwrap();
    assert!(rbac.missing_namespaces.contains("team-a") && rbac.missing_roles.is_empty());
    assert!(rbac.roles.is_empty(), "a role that a binding only names is not the policy's");
}

#[tokio::test]
async fn a_name_that_cannot_be_looked_up_makes_rbac_unknown() {
    let namespace = ("/api/v1/namespaces/team-a".to_owned(), fake::status(403, "Forbidden", "cannot get namespaces"));
    let (state, _) = observed(&policy(), vec![namespace]).await;
    assert!(state.rbac.unknown().unwrap().message.contains("reading namespace team-a"));
    let devs = format!("{RBAC}/clusterroles/devs");
    let (state, _) = observed(&policy(), vec![(devs, Answer::Lost)]).await;
    assert_eq!(state.rbac.unknown().unwrap().kind, UnreadableKind::Unreachable);
}
