//! Entries for tests.

use std::collections::BTreeMap;

use super::{
    entry::{AccessEntry, BindingEntry, Group, NodeEntry, RoleEntry, Spot, SubjectEntry, Until, Username, Who},
    names, principal,
};
pub(super) use crate::model::samples::cluster;
use crate::model::{
    Glob, Identities, Identity, Lookup, Principal, RbacKind, RbacSubject, RoleRef, Rule, Selector, Source, SubjectKind,
};

pub(super) const ACCOUNT: &str = "111122223333";

pub(super) fn spot(line: usize) -> Spot {
    Spot { source: Source { file: "policy.yaml".to_owned(), line }, span: None }
}

pub(super) fn role(name: &str) -> Who {
    principal::role(name).unwrap()
}

pub(super) fn permission_set(name: &str) -> Who {
    principal::permission_set(name).unwrap()
}

pub(super) fn access(line: usize, who: Who, groups: &[&str]) -> AccessEntry {
    let groups = groups.iter().map(|name| Group { name: (*name).to_owned(), spot: spot(line) }).collect();
    let (policies, selector) = (Vec::new(), Selector::default());
    AccessEntry { spot: spot(line), who, groups, policies, username: None, selector, until: None }
}

pub(super) fn as_user(entry: AccessEntry, username: &str) -> AccessEntry {
    let username = Username { text: username.to_owned(), spot: entry.spot.clone() };
    AccessEntry { username: Some(username), ..entry }
}

pub(super) fn until(entry: AccessEntry, date: &str) -> AccessEntry {
    let until = Until { date: names::date(date).unwrap(), spot: entry.spot.clone() };
    AccessEntry { until: Some(until), ..entry }
}

pub(super) fn in_clusters(glob: &str) -> Selector {
    Selector { clusters: vec![Glob::new(glob).unwrap()], ..Selector::default() }
}

/// Cannot be decided for [`cluster`], whose account's tags were not read.
pub(super) fn by_account_tag() -> Selector {
    Selector {
        account_tags: BTreeMap::from([("env".to_owned(), vec![Glob::new("prod").unwrap()])]),
        ..Selector::default()
    }
}

pub(super) fn node(line: usize, name: &str) -> NodeEntry {
    NodeEntry { spot: spot(line), who: role(name), selector: Selector::default() }
}

pub(super) fn owned(line: usize, name: &str, resources: &[&str]) -> RoleEntry {
    let rule = Rule {
        api_groups: vec![String::new()],
        resources: resources.iter().map(|text| (*text).to_owned()).collect(),
        verbs: vec!["get".to_owned()],
        ..Rule::default()
    };
    let selector = Selector::default();
    RoleEntry { spot: spot(line), namespace: None, name: name.to_owned(), rules: vec![rule], selector }
}

pub(super) fn bound(line: usize, kind: SubjectKind, name: &str, cluster_role: &str) -> SubjectEntry {
    let role_ref = RoleRef { kind: RbacKind::ClusterRole, name: cluster_role.to_owned() };
    SubjectEntry {
        spot: spot(line),
        subject: RbacSubject { kind, name: name.to_owned(), namespace: None },
        bindings: vec![BindingEntry { spot: spot(line), namespace: None, role_ref }],
        selector: Selector::default(),
    }
}

pub(super) fn identity(resource: &str) -> Identity {
    let arn = format!("arn:aws:iam::{ACCOUNT}:{resource}").parse().unwrap();
    Identity { arn, unique_id: Some(format!("ID-{}", resource.to_lowercase())), created: None }
}

/// What IAM answers: nothing but what is given.
pub(super) fn iam(found: &[(Principal, Lookup)]) -> Identities {
    Identities { found: found.iter().cloned().collect(), ..Identities::default() }
}

/// IAM in which the roles of these names exist, without a path.
pub(super) fn roles_exist(names: &[&str]) -> Identities {
    let found =
        |name: &&str| (Principal::RoleName((*name).to_owned()), Lookup::Found(vec![identity(&format!("role/{name}"))]));
    Identities { found: names.iter().map(found).collect(), ..Identities::default() }
}
