//! Reading one cluster: aws-auth, access entries and RBAC.

mod aws_auth;
mod convert;
mod entries;
mod memory;
mod rbac;
mod rights;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::{AuthenticationMode, ClusterId, ClusterState, Desired, FieldManager, Observed};

pub use entries::{EntryTrials, access_entries, entry_trials};
pub use memory::{ClusterMemory, EntryMemory};
pub use rights::{Rights, rights};

/// Reads what the policy may speak of in the cluster itself: aws-auth where the cluster reads it, rolecall's own RBAC
/// objects, and whatever bears a name that rolecall would need. Each surface is known as a whole or unknown for a reason,
/// independently of the other; a list that broke off is unknown, never short. Access entries, which EKS keeps, are read by
/// [`access_entries`].
///
/// A cluster that has what the policy wants costs five reads, one less where it reads no aws-auth. Where bindings are not
/// rolecall's, all bindings are listed too, since others may grant the same.
pub async fn observe(
    client: &kube::Client,
    cluster: &ClusterId,
    mode: AuthenticationMode,
    desired: &Desired,
) -> ClusterState {
    let aws_auth = async { if mode.reads_aws_auth() { aws_auth::read(client, cluster).await } else { Ok(None) } };
    let (aws_auth, rbac) = futures::join!(aws_auth, rbac::read(client, cluster, desired));
    ClusterState {
        aws_auth: aws_auth.map_or_else(Observed::Unknown, Observed::Known),
        entries: Observed::Known(None),
        rbac: rbac.map_or_else(Observed::Unknown, Observed::Known),
    }
}

/// Reads everything that the cluster itself has: aws-auth where the cluster reads it, and all roles and bindings, whoever
/// made them.
pub async fn observe_all(client: &kube::Client, cluster: &ClusterId, mode: AuthenticationMode) -> ClusterState {
    let aws_auth = async { if mode.reads_aws_auth() { aws_auth::read(client, cluster).await } else { Ok(None) } };
    let (aws_auth, rbac) = futures::join!(aws_auth, rbac::read_all(client, cluster));
    ClusterState {
        aws_auth: aws_auth.map_or_else(Observed::Unknown, Observed::Known),
        entries: Observed::Known(None),
        rbac: rbac.map_or_else(Observed::Unknown, Observed::Known),
    }
}

/// Who wrote the object, the latest first; those without a time last.
fn managers(metadata: &ObjectMeta) -> Vec<FieldManager> {
    let mut managers: Vec<FieldManager> = metadata
        .managed_fields
        .iter()
        .flatten()
        .filter_map(|entry| {
            Some(FieldManager { name: entry.manager.clone()?, time: entry.time.as_ref().map(|time| time.0) })
        })
        .collect();
    managers.sort_by_key(|manager| std::cmp::Reverse(manager.time));
    managers
}

#[cfg(test)]
mod tests;
