//! Reading one cluster: aws-auth and RBAC.

mod aws_auth;
mod convert;
mod rbac;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::{ClusterId, ClusterState, Desired, FieldManager, Observed};

/// Reads what the policy may speak of: aws-auth, rolecall's own RBAC objects, and whatever bears a name that rolecall
/// would need. Each surface is known as a whole or unknown for a reason, independently of the other; a list that broke off
/// is unknown, never short.
///
/// A cluster that has what the policy wants costs five reads.
pub async fn observe(client: &kube::Client, cluster: &ClusterId, desired: &Desired) -> ClusterState {
    let (aws_auth, rbac) = futures::join!(aws_auth::read(client, cluster), rbac::read(client, cluster, desired));
    ClusterState {
        aws_auth: aws_auth.map_or_else(Observed::Unknown, Observed::Known),
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
