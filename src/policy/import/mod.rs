//! From what clusters have to the policy that describes it.
//!
//! Every cluster is read into facts (who gets in as whom with what, which bindings and roles go with it), each fact is
//! given the shortest choice of clusters that means exactly those that have it, and the whole is written as a policy file
//! for people to read. What has no effect in a cluster is not described; what a policy has no words for is told.

mod bits;
mod cover;
mod facts;
mod note;
mod principals;
mod rbac;
mod select;
mod surfaces;
mod write;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

pub use note::{Note, NoteKind};
pub use rbac::keep_what_matters;

use crate::model::{Cluster, ClusterState, Identities, Principal};

use self::{bits::Bits, facts::Fact, select::Fleet};

/// One cluster that was read as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// What it has: every access entry with its policies, and every binding and role that [`keep_what_matters`] keeps.
    pub state: &'a ClusterState,
    /// What the account's IAM says of [`principals`].
    pub identities: &'a Identities,
    /// The principal as which rolecall itself comes in.
    pub own: Option<&'a str>,
}

/// A policy made from what clusters have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The policy file.
    pub text: String,
    /// How many entries it has: roles, groups and users, access, nodes.
    pub entries: usize,
    /// What is not in it, and why.
    pub notes: Vec<Note>,
}

/// The roles, users and permission sets that IAM has to be asked about before the cluster can be described.
pub fn principals(cluster: &Cluster, state: &ClusterState) -> BTreeSet<Principal> {
    principals::to_look_up(cluster, state)
}

/// The policy that describes what the clusters have. `unread` are the clusters that were found and could not be read: no
/// choice of clusters is made for their sake, and each that means some of them says so.
pub fn import(organization: Option<&str>, seen: &[Seen<'_>], unread: &[&Cluster]) -> Imported {
    let mut notes = Vec::new();
    let facts = facts::all(seen, &mut notes);
    let mut holders: BTreeMap<Fact, Bits> = BTreeMap::new();
    for (index, facts) in facts.into_iter().enumerate() {
        for fact in facts {
            holders.entry(fact).or_insert_with(|| Bits::none(seen.len())).insert(index);
        }
    }
    let clusters: Vec<&Cluster> = seen.iter().map(|seen| seen.cluster).collect();
    let fleet = Fleet::new(&clusters);
    let (text, entries) = write::policy(organization, &fleet, &holders, unread);
    notes.sort();
    Imported { text, entries, notes }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod samples;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
