//! How rolecall comes into a cluster that does not know it yet.

use serde::{Deserialize, Serialize};

use super::{Arn, AuthenticationMode, CLUSTER_ADMIN_POLICY, Cluster, Partition, access_policy_arn};

/// What rolecall may do by itself about a cluster that does not let it in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Onboarding {
    /// The full ARN, path included, of the role as which rolecall comes.
    pub own_role: Arn,
    /// Whether it may give itself an access entry, on clusters that read them.
    pub self_entry: bool,
    /// Whether it may, for that, let a cluster in mode CONFIG_MAP read access entries beside aws-auth. There is no way back.
    pub enable_access_entries: bool,
}

/// The two commands by which somebody who gets into the cluster, its creator at least, lets a role in.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html> and
/// <https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html>.
pub fn commands_for_way_in(cluster: &Cluster, role: &Arn) -> [String; 2] {
    let (name, region) = (&cluster.id.name, &cluster.id.region);
    if cluster.authentication_mode == AuthenticationMode::ConfigMap {
        let mapped = role.without_role_path();
        return [
            format!("aws eks update-kubeconfig --region {region} --name {name}"),
            format!(
                "eksctl create iamidentitymapping --region {region} --cluster {name} --arn {mapped} --username rolecall \
                 --group system:masters"
            ),
        ];
    }
    let policy = access_policy_arn(&Partition::of_region(region), CLUSTER_ADMIN_POLICY);
    [
        format!("aws eks create-access-entry --region {region} --cluster-name {name} --principal-arn {role}"),
        format!(
            "aws eks associate-access-policy --region {region} --cluster-name {name} --principal-arn {role} --policy-arn \
             {policy} --access-scope type=cluster"
        ),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::samples;

    #[test]
    fn the_commands_fit_the_clusters_mode() {
        let role: Arn = "arn:aws:iam::111122223333:role/ops/rolecall-member".parse().unwrap();
        let with = |mode| Cluster { authentication_mode: mode, ..samples::cluster("checkout") };
        let [entry, policy] = commands_for_way_in(&with(AuthenticationMode::Api), &role);
        assert!(entry.contains("--principal-arn arn:aws:iam::111122223333:role/ops/rolecall-member"), "{entry}");
        assert!(policy.contains("arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"), "{policy}");
        let [_, row] = commands_for_way_in(&with(AuthenticationMode::ConfigMap), &role);
        assert!(row.contains("--arn arn:aws:iam::111122223333:role/rolecall-member "), "aws-auth wants no path: {row}");
    }
}
