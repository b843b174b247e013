//! Chains on clusters of every mode.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::explain;
use crate::model::{
    Answer, Arn, AuthenticationMode, AwsAuth, Cluster, ClusterState, Desired, EntriesState, Identity, Lookup,
    ObjectRef, Observed, ObservedBinding, ObservedEntry, Principal, RbacKind, RbacState, RbacSubject, RoleRef,
    STANDARD, SubjectKind, Surface, samples,
};

const ROLE: &str = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef";
const BARE: &str = "arn:aws:iam::111122223333:role/AWSReservedSSO_Dev_0123456789abcdef";

fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn entry(created: i64) -> ObservedEntry {
    ObservedEntry {
        principal: ROLE.to_owned(),
        username: "dev:{{SessionName}}".to_owned(),
        groups: vec!["devs".to_owned()],
        kind: STANDARD.to_owned(),
        ours: true,
        created: moment(created),
        modified: moment(created),
        policies: Some(Vec::new()),
        associated: None,
        remembered: None,
    }
}

fn state(rows: &str, entries: Vec<ObservedEntry>) -> ClusterState {
    let binding = |subject: RbacSubject, name: &str| ObservedBinding {
        object: ObjectRef { kind: RbacKind::ClusterRoleBinding, namespace: None, name: name.to_owned() },
        role_ref: RoleRef { kind: RbacKind::ClusterRole, name: "gone".to_owned() },
        subjects: vec![subject],
        ours: false,
        uid: String::new(),
        resource_version: String::new(),
        managers: Vec::new(),
    };
    let subject = |kind, name: &str| RbacSubject { kind, name: name.to_owned(), namespace: None };
    let bindings = vec![
        binding(subject(SubjectKind::Group, "devs"), "by-group"),
        binding(subject(SubjectKind::Group, "olds"), "of-others"),
        binding(subject(SubjectKind::User, "devs"), "by-user"),
    ];
    let aws_auth = AwsAuth {
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        data: BTreeMap::from([("mapRoles".to_owned(), rows.to_owned())]),
        annotations: BTreeMap::new(),
        managers: Vec::new(),
        immutable: false,
    };
    ClusterState {
        aws_auth: Observed::Known(Some(aws_auth)),
        entries: Observed::Known(Some(EntriesState { entries, unread: Vec::new() })),
        rbac: Observed::Known(RbacState { bindings, ..RbacState::default() }),
    }
}

fn ask(mode: AuthenticationMode, state: &ClusterState) -> Answer {
    let arn: Arn = ROLE.parse().unwrap();
    let identity = Identity { arn, unique_id: Some("AROA1".to_owned()), created: Some(moment(50)) };
    let asked = vec![(Principal::DirectoryGroup("Devs".to_owned()), Lookup::Found(vec![identity]))];
    let cluster = Cluster { authentication_mode: mode, ..samples::cluster("one") };
    let mut explanation = explain(&cluster, asked, &Desired::default(), state);
    assert_eq!(explanation.answers.len(), 1);
    explanation.answers.remove(0)
}

fn row(username: &str, group: &str) -> String {
    format!("- rolearn: {BARE}\n  username: {username}\n  groups: [{group}]\n")
}

#[test]
fn an_entry_counts_and_the_row_beside_it_does_not() {
    let answer = ask(AuthenticationMode::ApiAndConfigMap, &state(&row("old", "olds"), vec![entry(100)]));
    assert_eq!(answer.permission_set.as_deref(), Some("Dev"));
    let counts = answer.effective().unwrap();
    assert_eq!((counts.surface, counts.grant.username.as_str()), (Surface::AccessEntries, "dev:{{SessionName}}"));
    assert_eq!(answer.live.len(), 2);
    assert!(answer.live[1].void.as_ref().unwrap().contains("access entry"));
    let bound: Vec<&str> = answer.bindings.iter().map(|bound| bound.binding.name.as_str()).collect();
    assert_eq!(bound, ["by-group"], "the groups of what counts, and a user is no group");
    assert_eq!(answer.bindings[0].rules, None, "the role does not exist");
}

#[test]
fn an_entry_of_a_role_that_is_gone_lets_nobody_in_and_hides_the_row() {
    let answer = ask(AuthenticationMode::ApiAndConfigMap, &state(&row("old", "olds"), vec![entry(10)]));
    assert!(answer.effective().is_none() && answer.bindings.is_empty());
    assert!(answer.live[0].void.as_ref().unwrap().contains("401"));
}

#[test]
fn the_last_row_counts_and_one_with_a_path_never_does() {
    let with_path = format!("- rolearn: {ROLE}\n  username: never\n");
    let rows = format!("{}{}{with_path}", row("first", "olds"), row("last", "devs"));
    let answer = ask(AuthenticationMode::ConfigMap, &state(&rows, Vec::new()));
    assert_eq!(answer.effective().unwrap().grant.username, "last");
    let void: Vec<&str> = answer.live.iter().filter_map(|mapping| mapping.void.as_deref()).collect();
    assert_eq!(void.len(), 2);
    assert!(void[0].contains("another row") && void[1].contains("path"), "{void:?}");
}

#[test]
fn in_mode_api_rows_do_not_exist() {
    let answer = ask(AuthenticationMode::Api, &state(&row("old", "olds"), Vec::new()));
    assert!(answer.live.is_empty() && answer.effective().is_none());
}

#[test]
fn what_was_not_read_is_said() {
    let mut state = state("", Vec::new());
    state.rbac = Observed::Unknown(crate::model::Unreadable {
        kind: crate::model::UnreadableKind::Timeout,
        message: "no answer".to_owned(),
        next: None,
    });
    let explanation = explain(&samples::cluster("one"), Vec::new(), &Desired::default(), &state);
    assert!(explanation.unknown[0].contains("no answer"));
}
