use std::fmt::Write as _;

use jiff::civil::date;

use super::{lint, lint_fleet};
use crate::{
    model::{Cluster, SubjectKind},
    policy::{
        entry::Policy,
        principal,
        samples::{
            access, as_user, bound, by_account_tag, cluster, in_clusters, node, owned, permission_set, role, until,
        },
    },
};

fn messages(policy: &Policy) -> Vec<String> {
    lint(policy, date(2026, 11, 22)).into_iter().map(|warning| warning.message).collect()
}

#[track_caller]
fn one(policy: &Policy, part: &str) {
    let messages = messages(policy);
    let [message] = &messages[..] else { panic!("{messages:#?}") };
    assert!(message.contains(part), "{message}");
}

/// A policy in which everything meets.
fn sound() -> Policy {
    Policy {
        roles: vec![owned(1, "pods", &["pods"])],
        subjects: vec![bound(2, SubjectKind::Group, "devs", "pods"), bound(3, SubjectKind::User, "dev:alice", "view")],
        access: vec![as_user(access(4, role("dev"), &["devs"]), "dev:{{SessionName}}")],
        nodes: vec![node(5, "nodes")],
    }
}

#[test]
fn a_sound_policy_gives_no_warnings() {
    assert_eq!(messages(&sound()), Vec::<String>::new());
}

#[test]
fn groups_and_users_that_nobody_is_are_named() {
    let mut policy = sound();
    policy.subjects.push(bound(6, SubjectKind::Group, "nobody", "view"));
    policy.subjects.push(bound(7, SubjectKind::Group, "nobody", "edit"));
    one(&policy, "nobody is in the group \"nobody\"");
    let mut policy = sound();
    policy.subjects.push(bound(6, SubjectKind::User, "ops:alice", "view"));
    one(&policy, "nobody has the username \"ops:alice\"");
}

#[test]
fn names_that_eks_gives_by_default_are_known() {
    let mut policy = sound();
    policy.access.push(access(6, role("ops"), &["devs"]));
    policy.access.push(access(7, permission_set("Ops"), &["devs"]));
    policy.access.push(access(8, principal::user("eve").unwrap(), &[]));
    for name in [
        "arn:aws:sts::111122223333:assumed-role/ops/alice",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/alice",
        "arn:aws:iam::111122223333:user/ops/eve",
    ] {
        policy.subjects.push(bound(9, SubjectKind::User, name, "view"));
    }
    assert_eq!(messages(&policy), Vec::<String>::new());
}

#[test]
fn roles_that_nothing_defines_are_named() {
    let mut policy = sound();
    for built_in in ["cluster-admin", "admin", "edit", "view", "system:discovery"] {
        policy.subjects.push(bound(6, SubjectKind::Group, "devs", built_in));
    }
    policy.subjects.push(bound(7, SubjectKind::Group, "devs", "their-own"));
    one(&policy, "ClusterRole \"their-own\"");
    policy.subjects.pop();
    let mut in_namespace = bound(8, SubjectKind::Group, "devs", "pods");
    in_namespace.bindings[0].namespace = Some("team-a".to_owned());
    policy.subjects.push(in_namespace.clone());
    assert_eq!(messages(&policy), Vec::<String>::new(), "a ClusterRole can be held in a namespace");
    in_namespace.bindings[0].role_ref.kind = crate::model::RbacKind::Role;
    policy.subjects.push(in_namespace);
    one(&policy, "Role \"pods\" in namespace \"team-a\"");
}

#[test]
fn templates_that_eks_does_not_know_are_named() {
    let mut policy = sound();
    policy.access.push(as_user(access(6, role("ops"), &["devs"]), "ops:{{ SessionName }}"));
    one(&policy, "{{ SessionName }} is not a template");
    let mut policy = sound();
    policy.subjects.push(bound(6, SubjectKind::User, "dev:{{SessionName}}", "view"));
    one(&policy, "has a template, which bindings do not know");
}

#[test]
fn system_masters_everywhere_is_warned_of() {
    let mut policy = sound();
    policy.access.push(access(6, role("ops"), &["system:masters"]));
    one(&policy, "system:masters on every cluster");
    policy.access[1].selector = in_clusters("dev-*");
    assert_eq!(messages(&policy), Vec::<String>::new());
}

#[test]
fn everybody_holding_a_role_is_warned_of() {
    let mut policy = sound();
    policy.subjects.push(bound(6, SubjectKind::Group, "system:authenticated", "view"));
    one(&policy, "all of them hold these roles");
}

#[test]
fn ended_grants_and_grants_of_nothing_are_named() {
    let mut policy = sound();
    policy.access.push(until(access(6, role("ops"), &["devs"]), "2026-11-21"));
    one(&policy, "ended with 2026-11-21");
    let mut policy = sound();
    policy.access.push(access(6, role("ops"), &["unbound"]));
    one(&policy, "nothing in the policy binds the group \"unbound\"");
    let mut policy = sound();
    policy.access.push(access(6, role("ops"), &[]));
    one(&policy, "gets in but holds nothing");
    policy.access.push(as_user(access(7, role("sre"), &[]), "sre"));
    assert_eq!(messages(&policy).len(), 2);
    policy.access = vec![policy.access[0].clone(), access(8, principal::account("444455556666").unwrap(), &[])];
    assert_eq!(messages(&policy), Vec::<String>::new(), "an account cannot have groups");
}

#[test]
fn selectors_that_mean_no_cluster_are_named() {
    let mut policy = sound();
    policy.access[0].selector = in_clusters("prod-*");
    policy.roles[0].selector = by_account_tag();
    let clusters: Vec<Cluster> = ["dev-1", "dev-2"].map(cluster).into();
    let mut told = String::new();
    for warning in lint_fleet(&policy, &clusters) {
        writeln!(told, "{}", warning.message).unwrap();
    }
    assert_eq!(told, "the `where` at policy.yaml:4 means none of the 2 clusters\n", "undecided is not none");
    assert!(lint_fleet(&policy, &["prod-1"].map(cluster)).is_empty());
    assert!(lint_fleet(&policy, &[]).is_empty());
}
