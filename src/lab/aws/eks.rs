//! EKS: clusters, access entries, access policies and the change of the authentication mode.
//!
//! Where AWS's messages are known from the public, they are given in its words.
//!
//! See <https://docs.aws.amazon.com/eks/latest/APIReference/>.

mod changes;
mod clusters;
mod entries;
mod modes;
mod names;
mod policies;
mod tags;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use serde_json::Value;

use super::{
    Ask, Service, input,
    pages::{Page, Paging},
    wire::{Fault, Protocol, Route},
};
use crate::{
    lab::world::{State, eks::EksCluster},
    model::{AuthenticationMode, ClusterId, Partition},
};

pub(super) const SERVICE: Service = Service { name: "eks", protocol: Protocol::Rest(ROUTES), answer, resource };

const ROUTES: &[Route] = &[
    ("GET", "/clusters", "ListClusters"),
    ("POST", "/clusters", "CreateCluster"),
    ("GET", "/clusters/{name}", "DescribeCluster"),
    ("DELETE", "/clusters/{name}", "DeleteCluster"),
    ("POST", "/clusters/{name}/update-config", "UpdateClusterConfig"),
    ("GET", "/clusters/{name}/updates", "ListUpdates"),
    ("GET", "/clusters/{name}/updates/{updateId}", "DescribeUpdate"),
    ("GET", "/access-policies", "ListAccessPolicies"),
    ("GET", "/clusters/{clusterName}/access-entries", "ListAccessEntries"),
    ("POST", "/clusters/{clusterName}/access-entries", "CreateAccessEntry"),
    ("GET", "/clusters/{clusterName}/access-entries/{principalArn}", "DescribeAccessEntry"),
    ("POST", "/clusters/{clusterName}/access-entries/{principalArn}", "UpdateAccessEntry"),
    ("DELETE", "/clusters/{clusterName}/access-entries/{principalArn}", "DeleteAccessEntry"),
    ("GET", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies", "ListAssociatedAccessPolicies"),
    ("POST", "/clusters/{clusterName}/access-entries/{principalArn}/access-policies", "AssociateAccessPolicy"),
    (
        "DELETE",
        "/clusters/{clusterName}/access-entries/{principalArn}/access-policies/{policyArn}",
        "DisassociateAccessPolicy",
    ),
    ("GET", "/tags/{resourceArn}", "ListTagsForResource"),
    ("POST", "/tags/{resourceArn}", "TagResource"),
    ("DELETE", "/tags/{resourceArn}", "UntagResource"),
];

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    match ask.operation {
        "ListClusters" => clusters::list(ask),
        "CreateCluster" => clusters::create(ask),
        "DescribeCluster" => clusters::describe(ask),
        "DeleteCluster" => clusters::delete(ask),
        "UpdateClusterConfig" => modes::update(ask),
        "ListUpdates" => modes::list(ask),
        "DescribeUpdate" => modes::describe(ask),
        "ListAccessPolicies" => policies::list_all(ask),
        "ListAccessEntries" => entries::list(ask),
        "CreateAccessEntry" => entries::create(ask),
        "DescribeAccessEntry" => entries::describe(ask),
        "UpdateAccessEntry" => entries::update(ask),
        "DeleteAccessEntry" => entries::delete(ask),
        "ListAssociatedAccessPolicies" => policies::list(ask),
        "AssociateAccessPolicy" => policies::associate(ask),
        "DisassociateAccessPolicy" => policies::disassociate(ask),
        "ListTagsForResource" => tags::list(ask),
        "TagResource" => tags::tag(ask),
        "UntagResource" => tags::untag(ask),
        other => Err(Fault::unknown_operation(other)),
    }
}

/// What AccessDenied names: the cluster, the tagged resource, or all clusters.
fn resource(ask: &Ask<'_>) -> String {
    let name = input::text(ask.input, "clusterName").or_else(|| input::text(ask.input, "name"));
    match (input::text(ask.input, "resourceArn"), name) {
        (Some(arn), _) => arn.to_owned(),
        (None, Some(name)) => arn(ask, &format!("cluster/{name}")),
        (None, None) => arn(ask, "cluster/*"),
    }
}

fn arn(ask: &Ask<'_>, resource: &str) -> String {
    format!("arn:{}:eks:{}:{}:{resource}", Partition::of_region(ask.region), ask.region, ask.caller.account)
}

const PAGING: Paging = Paging { token: "nextToken", size: "maxResults", usual: 100, most: 100 };

fn page<T>(ask: &Ask<'_>, items: impl IntoIterator<Item = (String, T)>) -> Result<Page<T>, Fault> {
    PAGING.strict(ask, invalid, items)
}

fn invalid(message: impl Into<String>) -> Fault {
    Fault::new("InvalidParameterException", message)
}

fn bad_request(message: impl Into<String>) -> Fault {
    Fault::new("InvalidRequestException", message)
}

fn not_found(message: impl Into<String>) -> Fault {
    Fault::new("ResourceNotFoundException", message).status(404)
}

fn in_use(message: impl Into<String>) -> Fault {
    Fault::new("ResourceInUseException", message).status(409)
}

fn required<'a>(ask: &Ask<'a>, name: &str) -> Result<&'a str, Fault> {
    input::required(ask.input, name, "InvalidParameterException")
}

/// The cluster of this name in the caller's account and region.
fn cluster_id(ask: &Ask<'_>, name: &str) -> ClusterId {
    ClusterId { account: ask.caller.account.clone(), region: ask.region.clone(), name: name.to_owned() }
}

fn missing(id: &ClusterId) -> Fault {
    not_found(format!("No cluster found for name: {}.", id.name))
}

fn cluster<'a>(state: &'a State, id: &ClusterId) -> Result<&'a EksCluster, Fault> {
    state.clusters.get(id).ok_or_else(|| missing(id))
}

fn cluster_mut<'a>(state: &'a mut State, id: &ClusterId) -> Result<&'a mut EksCluster, Fault> {
    state.clusters.get_mut(id).ok_or_else(|| missing(id))
}

/// The calls around access entries take a cluster that reads them.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>.
fn reads_entries(cluster: &EksCluster) -> Result<(), Fault> {
    match cluster.authentication_mode() {
        AuthenticationMode::ConfigMap => Err(bad_request(
            "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.",
        )),
        AuthenticationMode::ApiAndConfigMap | AuthenticationMode::Api => Ok(()),
    }
}

/// What is written into has to be there: CREATING, DELETING and FAILED clusters take nothing.
fn takes_changes(cluster: &EksCluster) -> Result<(), Fault> {
    match cluster.status.as_str() {
        "ACTIVE" | "UPDATING" => Ok(()),
        _ => Err(bad_request(format!("Cluster '{}' is not in ACTIVE status", cluster.id.name))),
    }
}
