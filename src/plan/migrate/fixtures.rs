//! Clusters on which rows move, and a model of EKS and Kubernetes that takes the writes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::super::fixtures as base;
use crate::model::{
    AccessScope, AuthenticationMode, AwsAuth, BRIDGE, Cluster, ClusterState, Content, EntriesState, EntryPrecondition,
    Fate, Identities, Identity, Lookup, MigrateRules, Migration, Observed, ObservedEntry, Plan, PolicyGrant, Principal,
    STANDARD, Write,
};

pub(super) use base::{NODE, arn, observed_binding, row, stored};

pub(super) const SETTLE: i64 = 60;

pub(super) fn moment(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(super) fn rules() -> MigrateRules {
    MigrateRules {
        protect: Vec::new(),
        own_principal: None,
        include_own: false,
        settle: SignedDuration::from_secs(SETTLE),
        to: None,
    }
}

pub(super) fn cluster(mode: AuthenticationMode) -> Cluster {
    Cluster { authentication_mode: mode, ..base::cluster() }
}

pub(super) fn admin() -> PolicyGrant {
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy".to_owned();
    PolicyGrant { policy, scope: AccessScope::Cluster }
}

/// An entry as old as it can be.
pub(super) fn entry(principal: &str, username: &str, groups: &[&str], policies: &[PolicyGrant]) -> ObservedEntry {
    ObservedEntry {
        principal: principal.to_owned(),
        username: username.to_owned(),
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        kind: STANDARD.to_owned(),
        ours: false,
        created: moment(100),
        modified: moment(100),
        policies: Some(policies.to_vec()),
        associated: None,
        remembered: None,
    }
}

pub(super) fn state(aws_auth: Option<AwsAuth>, entries: Vec<ObservedEntry>) -> ClusterState {
    let mut state = base::state(aws_auth);
    state.entries = Observed::Known(Some(EntriesState { entries, unread: Vec::new() }));
    state
}

/// The binding of the bridge, in place.
pub(super) fn bridged(mut state: ClusterState) -> ClusterState {
    if let Observed::Known(rbac) = &mut state.rbac {
        rbac.bindings.push(observed_binding(BRIDGE, "cluster-admin", &[BRIDGE], true));
    }
    state
}

/// IAM knows everybody whom the rows name, at these paths by their names.
pub(super) fn people(state: &ClusterState, paths: &[(&str, &str)]) -> Identities {
    let found = super::principals(state).into_iter().map(|principal| {
        let arn = match &principal {
            Principal::RoleArn(arn) | Principal::UserArn(arn) => arn.clone(),
            other => panic!("{other} is not looked up"),
        };
        let path = paths.iter().find(|(name, _)| arn.role_name() == Some(name)).map_or("", |(_, path)| path);
        let resource = arn.resource.replacen("role/", &format!("role/{path}"), 1);
        let arn = crate::model::Arn { resource, ..arn };
        let identity = Identity { arn, unique_id: None, created: Some(moment(50)) };
        (principal, Lookup::Found(vec![identity]))
    });
    Identities { found: found.collect::<BTreeMap<_, _>>(), findings: Vec::new() }
}

/// At second 10,000, with everybody known to IAM.
pub(super) fn run(mode: AuthenticationMode, state: &ClusterState) -> Migration {
    super::migrate(&cluster(mode), state, &people(state, &[]), &rules(), moment(10_000))
}

/// The only row's fate and why.
pub(super) fn only(migration: &Migration) -> (Fate, &str) {
    assert_eq!(migration.rows.len(), 1, "{:#?}", migration.rows);
    (migration.rows[0].fate, &migration.rows[0].why)
}

/// Makes one write on the model of a cluster that insists on its precondition.
pub(super) fn apply(cluster: &mut Cluster, state: &mut ClusterState, write: &Write, now: i64) {
    match write {
        Write::SetMode { before, after } => {
            assert_eq!(cluster.authentication_mode, *before);
            cluster.authentication_mode = *after;
            return;
        }
        Write::PutAwsAuth { .. } | Write::ApplyObject { .. } | Write::DeleteObject { .. } => {
            let step = crate::model::Step { write: write.clone(), changes: Vec::new(), removes: false };
            let plan = Plan { steps: vec![step], ..Plan::empty(cluster.id.clone()) };
            let entries = state.entries.clone();
            *state = ClusterState { entries, ..base::applied(state, &plan) };
            return;
        }
        _ => {}
    }
    let Observed::Known(Some(EntriesState { entries, .. })) = &mut state.entries else { panic!("no entries") };
    let principal = write.entry().unwrap();
    let position = entries.iter().position(|entry| entry.principal == principal);
    if let Write::CreateEntry { ours, after: Content::Entry { username, groups, policies }, .. } = write {
        assert!(position.is_none() && policies.is_empty(), "{principal}");
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let (created, ours) = (moment(now), *ours);
        let made = entry(principal, username, &groups, &[]);
        entries.push(ObservedEntry { ours, created, modified: created, ..made });
        entries.sort_by(|a, b| a.principal.cmp(&b.principal));
        return;
    }
    let live = &mut entries[position.unwrap()];
    match write {
        Write::UpdateEntry { precondition, after: Content::Entry { username, groups, .. }, .. } => {
            assert_eq!(*precondition, EntryPrecondition::At { created: live.created, modified: live.modified });
            (live.username, live.groups, live.modified) = (username.clone(), groups.clone(), moment(now));
        }
        Write::AssociatePolicy { policy, before, after, .. } => {
            let held = live.policies.get_or_insert_default();
            assert_eq!(held.iter().find(|grant| grant.policy == *policy).map(|grant| &grant.scope), before.as_ref());
            held.retain(|grant| grant.policy != *policy);
            held.push(PolicyGrant { policy: policy.clone(), scope: after.clone() });
            held.sort();
            live.associated = Some(moment(now));
        }
        other => panic!("{other:?} is no write of a migration"),
    }
}
