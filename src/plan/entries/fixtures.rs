//! Clusters with access entries, and a model of EKS that takes a plan's writes.

use jiff::Timestamp;

use crate::{
    model::{
        AccessScope, AuthenticationMode, Cluster, ClusterState, Content, Desired, DesiredRow, EntriesState,
        EntryPrecondition, Observed, ObservedEntry, Plan, PlanRules, PolicyGrant, STANDARD, Write,
    },
    plan::{fixtures as base, plan},
};

pub(in crate::plan) use base::{arn, found, rows, rules, told, wanted};

pub(super) fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn cluster(mode: AuthenticationMode) -> Cluster {
    Cluster { authentication_mode: mode, ..base::cluster() }
}

pub(super) fn entry(name: &str, username: &str, groups: &[&str]) -> ObservedEntry {
    ObservedEntry {
        principal: arn(name),
        username: username.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        kind: STANDARD.to_owned(),
        ours: false,
        created: moment(100),
        modified: moment(100),
        policies: Some(Vec::new()),
        associated: None,
        remembered: None,
    }
}

pub(super) fn ours(entry: ObservedEntry) -> ObservedEntry {
    ObservedEntry { ours: true, ..entry }
}

pub(super) fn holding(entry: ObservedEntry, policies: &[PolicyGrant]) -> ObservedEntry {
    ObservedEntry { policies: Some(policies.to_vec()), ..entry }
}

pub(super) fn policy(name: &str, namespaces: &[&str]) -> PolicyGrant {
    let names: Vec<String> = namespaces.iter().map(|&name| name.to_owned()).collect();
    PolicyGrant {
        policy: format!("arn:aws:eks::aws:cluster-access-policy/{name}"),
        scope: if names.is_empty() { AccessScope::Cluster } else { AccessScope::Namespaces(names) },
    }
}

pub(super) fn admin() -> PolicyGrant {
    policy("AmazonEKSClusterAdminPolicy", &[])
}

pub(super) fn giving(row: DesiredRow, policies: &[PolicyGrant]) -> DesiredRow {
    DesiredRow { policies: policies.to_vec(), ..row }
}

pub(super) fn state(entries: Vec<ObservedEntry>) -> ClusterState {
    let mut state = base::state(None);
    state.entries = Observed::Known(Some(EntriesState { entries, unread: Vec::new() }));
    state
}

/// The same beside an aws-auth whose mapRoles holds this text.
pub(super) fn beside(entries: Vec<ObservedEntry>, roles: &str) -> ClusterState {
    ClusterState { aws_auth: base::state(Some(base::stored(roles))).aws_auth, ..state(entries) }
}

pub(super) fn run(mode: AuthenticationMode, desired: &Desired, state: &ClusterState, rules: &PlanRules) -> Plan {
    plan(&cluster(mode), desired, state, rules)
}

/// In mode API, under the usual rules.
pub(super) fn api(desired: &Desired, state: &ClusterState) -> Plan {
    run(AuthenticationMode::Api, desired, state, &rules())
}

/// Carries the writes of access entries out on a model of EKS that insists on every precondition.
pub(super) fn applied(state: &ClusterState, plan: &Plan) -> ClusterState {
    let mut entries = state.entries.known().cloned().flatten().unwrap_or_default().entries;
    let mut touched: Vec<String> = Vec::new();
    for step in &plan.steps {
        let Some(principal) = step.write.entry() else { continue };
        let position = entries.iter().position(|entry| entry.principal == principal);
        let fits = |precondition: &EntryPrecondition| {
            let live = &entries[position.unwrap()];
            assert_eq!(live.kind, STANDARD);
            match precondition {
                EntryPrecondition::Absent => panic!("{principal} is there"),
                EntryPrecondition::At { created, .. } => assert_eq!(live.created, *created),
                EntryPrecondition::AfterPrevious => assert!(touched.iter().any(|other| other == principal)),
            }
        };
        let made = |after: &Content| match after {
            Content::Entry { username, groups, .. } => ObservedEntry {
                username: username.clone(),
                groups: groups.clone(),
                principal: principal.to_owned(),
                created: moment(900),
                ..ours(entry("x", "", &[]))
            },
            other => panic!("{other:?} is no entry"),
        };
        match &step.write {
            Write::CreateEntry { after, .. } => {
                assert!(position.is_none());
                let new = made(after);
                entries.push(new);
            }
            Write::UpdateEntry { precondition, after, .. } => {
                fits(precondition);
                let new = made(after);
                let live = &mut entries[position.unwrap()];
                (live.username, live.groups) = (new.username, new.groups);
            }
            Write::TagEntry { precondition, .. } => {
                fits(precondition);
                entries[position.unwrap()].ours = true;
            }
            Write::RecreateEntry { precondition, after, .. } => {
                fits(precondition);
                let new = made(after);
                entries[position.unwrap()] = new;
            }
            Write::DeleteEntry { precondition, .. } => {
                fits(precondition);
                entries.remove(position.unwrap());
            }
            Write::AssociatePolicy { precondition, policy, before, after, .. } => {
                fits(precondition);
                let held = entries[position.unwrap()].policies.get_or_insert_default();
                let old = held.iter().position(|grant| grant.policy == *policy).map(|at| held.remove(at).scope);
                assert_eq!(old.as_ref(), before.as_ref());
                held.push(PolicyGrant { policy: policy.clone(), scope: after.clone() });
                held.sort();
            }
            Write::DisassociatePolicy { precondition, policy, before, .. } => {
                fits(precondition);
                let held = entries[position.unwrap()].policies.get_or_insert_default();
                let at = held.iter().position(|grant| grant.policy == *policy).unwrap();
                assert_eq!(held.remove(at).scope, *before);
            }
            other => panic!("{other:?} writes no entry"),
        }
        touched.push(principal.to_owned());
    }
    entries.sort_by(|a, b| a.principal.cmp(&b.principal));
    let unread = state.entries.known().cloned().flatten().unwrap_or_default().unread;
    ClusterState { entries: Observed::Known(Some(EntriesState { entries, unread })), ..state.clone() }
}
