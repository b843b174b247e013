//! What is true of each cluster, in the words of a policy.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Note, Seen,
    principals::{Person, bare},
    rbac,
    surfaces::{self, Doors, Held},
};
use crate::model::{AccessScope, Arn, CLUSTER_ADMIN_POLICY, MASTERS, Principal, RbacSubject, RoleRef, Rule};

/// One thing that a policy can say of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A role is defined.
    Role { name: String, namespace: Option<String>, rules: Vec<Rule> },
    /// A group or user is bound.
    Binding { subject: RbacSubject, namespace: Option<String>, role_ref: RoleRef },
    /// Somebody gets in.
    Access(Access),
    /// A role of nodes gets in.
    Node(Principal),
}

/// Who gets in, as whom and with what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Access {
    pub(super) who: Principal,
    pub(super) groups: Vec<String>,
    pub(super) username: Option<String>,
    pub(super) policies: Vec<(String, AccessScope)>,
}

/// The facts of every cluster, in their order.
pub(super) fn all(seen: &[Seen<'_>], notes: &mut Vec<Note>) -> Vec<BTreeSet<Fact>> {
    let mut doors: Vec<Doors> = seen.iter().map(|seen| surfaces::read(seen, notes)).collect();
    let strangers = surfaces::strangers(doors.iter());
    for doors in &mut doors {
        name_alike(doors, &strangers);
    }
    let masters = masters(&doors);
    let facts = seen.iter().zip(doors).map(|(seen, doors)| {
        let mut facts = rbac::facts(seen, &doors, notes);
        facts.extend(doors.people.into_iter().map(|held| Fact::Access(access(held, &masters))));
        facts.extend(doors.nodes.into_iter().map(|node| Fact::Node(node.principal)));
        facts.extend(doors.accounts.into_iter().map(|id| {
            let who = Principal::Account(id);
            Fact::Access(Access { who, groups: Vec::new(), username: None, policies: Vec::new() })
        }));
        facts
    });
    facts.collect()
}

/// Names a principal that clusters of several accounts know by its ARN on all of them, so that one entry is enough.
fn name_alike(doors: &mut Doors, strangers: &BTreeMap<String, Arn>) {
    let rename = |person: &mut Person| {
        let Some(arn) = strangers.get(&bare(&person.identity.arn)) else { return };
        let is_user = arn.user_name().is_some();
        person.principal = if is_user { Principal::UserArn(arn.clone()) } else { Principal::RoleArn(arn.clone()) };
    };
    doors.people.iter_mut().map(|held| &mut held.person).for_each(rename);
    doors.nodes.iter_mut().for_each(rename);
}

/// Those who are in `system:masters` somewhere.
fn masters(doors: &[Doors]) -> BTreeSet<Principal> {
    let people = doors.iter().flat_map(|doors| &doors.people);
    let masters = people.filter(|held| held.groups.iter().any(|group| group == MASTERS));
    masters.map(|held| held.person.principal.clone()).collect()
}

/// On access entries a policy stands for `system:masters`: who holds the group elsewhere is given it here in the same word.
fn access(held: Held, masters: &BTreeSet<Principal>) -> Access {
    let Held { person, username, mut groups, mut policies } = held;
    let admin = |(name, scope): &(String, AccessScope)| name == CLUSTER_ADMIN_POLICY && *scope == AccessScope::Cluster;
    if masters.contains(&person.principal) && policies.iter().any(admin) {
        policies.retain(|policy| !admin(policy));
        groups.push(MASTERS.to_owned());
        groups.sort();
        groups.dedup();
    }
    Access { who: person.principal, groups, username, policies }
}
