//! What comes to pass by being looked at: creations, deletions and updates are over after a few looks, so that nothing in
//! the lab waits for time to pass.

use jiff::Timestamp;

use super::policies;
use crate::{
    lab::world::{
        State,
        eks::{AccessEntry, Association, EksCluster},
    },
    model::{Arn, AuthenticationMode, ClusterId, Partition},
};

/// Looks that a creation, deletion or update takes.
pub(super) const LOOKS: u32 = 2;

/// Whether looking at it changes it.
pub(super) fn in_motion(cluster: &EksCluster) -> bool {
    cluster.looks_left.is_some() || cluster.updates.iter().any(|update| update.looks_left > 0)
}

/// Counts one look; what is deleted goes with the last one.
pub(super) fn look(state: &mut State, id: &ClusterId, now: Timestamp) {
    let Some(cluster) = state.clusters.get_mut(id) else { return };
    if let Some(left) = cluster.looks_left {
        let left = left.saturating_sub(1);
        cluster.looks_left = Some(left).filter(|left| *left > 0);
        if left == 0 && cluster.status == "DELETING" {
            cluster.api.close();
            state.clusters.remove(id);
            return;
        }
        if left == 0 {
            "ACTIVE".clone_into(&mut cluster.status);
        }
    }
    let Some(update) = cluster.updates.iter_mut().find(|update| update.looks_left > 0) else { return };
    update.looks_left -= 1;
    if update.looks_left == 0 {
        let mode = update.mode;
        "ACTIVE".clone_into(&mut cluster.status);
        if mode.is_some() {
            cluster.mode = mode;
            enter_creator(state, id, now);
        }
    }
}

/// Gives the cluster's creator, who was its administrator without any entry, one with the same power.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-entries.html>.
pub(super) fn enter_creator(state: &mut State, id: &ClusterId, now: Timestamp) {
    let Some(cluster) = state.clusters.get(id) else { return };
    if cluster.authentication_mode() == AuthenticationMode::ConfigMap || cluster.entries.contains_key(&cluster.creator)
    {
        return;
    }
    let Ok(creator) = cluster.creator.parse::<Arn>() else { return };
    let Some(unique) = state.principal_id(&creator).map(str::to_owned) else { return };
    let policy = policies::arn(&Partition::of_region(&id.region), "AmazonEKSClusterAdminPolicy");
    let mut entry = AccessEntry::new(&creator, unique, now);
    entry.policies.insert(policy, Association { namespaces: Vec::new(), associated: now, modified: now });
    if let Some(cluster) = state.clusters.get_mut(id) {
        cluster.entries.insert(entry.principal.clone(), entry);
    }
}
