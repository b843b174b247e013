//! Access policies and their association with access entries.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html>.

use serde_json::{Value, json};

use super::{
    entries::{changing, entry, entry_mut, seen, standard},
    invalid, not_found, page, required,
};
use crate::{
    lab::{
        aws::{
            Ask, input,
            pages::Page,
            wire::{Fault, epoch},
        },
        world::eks::{AccessEntry, Association},
    },
    model::Partition,
};

/// The policies that EKS has, sorted.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>.
const POLICIES: [&str; 24] = [
    "AWSBackupFullAccessPolicyForBackup",
    "AWSBackupFullAccessPolicyForRestore",
    "AmazonAIOpsAssistantPolicy",
    "AmazonARCRegionSwitchScalingPolicy",
    "AmazonEKSACKPolicy",
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSArgoCDClusterPolicy",
    "AmazonEKSArgoCDPolicy",
    "AmazonEKSAutoNodePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSEventPolicy",
    "AmazonEKSHybridPolicy",
    "AmazonEKSKROPolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEKSSecretAdminPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEMRJobPolicy",
];

/// Nodes of Auto Mode take this policy although their entries are not STANDARD.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/create-node-class.html> ("Create node class access entry").
const OF_AUTO_NODES: &str = "AmazonEKSAutoNodePolicy";

pub(super) fn arn(partition: &Partition, policy: &str) -> String {
    format!("arn:{partition}:eks::aws:cluster-access-policy/{policy}")
}

pub(super) fn list_all(ask: &Ask<'_>) -> Result<Value, Fault> {
    let partition = Partition::of_region(ask.region);
    let Page { items, next } = page(ask, POLICIES.map(|name| (name.to_owned(), name)))?;
    let policies = items.iter().map(|name| json!({"name": name, "arn": arn(&partition, name)}));
    Ok(json!({"accessPolicies": policies.collect::<Value>(), "nextToken": next}))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let cluster = seen(ask, &state)?;
    let entry = entry(cluster, required(ask, "principalArn")?)?;
    let associated = entry.policies.iter().map(|(arn, association)| (arn.clone(), (arn, association)));
    let Page { items, next } = page(ask, associated)?;
    let policies = items.into_iter().map(|(arn, association)| told(arn, association));
    Ok(json!({
        "clusterName": cluster.id.name,
        "principalArn": entry.principal,
        "associatedAccessPolicies": policies.collect::<Value>(),
        "nextToken": next,
    }))
}

/// A policy is associated with an entry once: again, with another scope, changes the scope.
pub(super) fn associate(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let cluster = changing(ask, &mut state)?;
    let name = cluster.id.name.clone();
    let entry = entry_mut(cluster, required(ask, "principalArn")?)?;
    let policy = policy(ask, entry)?;
    let namespaces = namespaces(ask.input)?;
    let associated = entry.policies.get(policy).map_or(ask.now, |known| known.associated);
    let association = Association { namespaces, associated, modified: ask.now };
    let answer = json!({
        "clusterName": name,
        "principalArn": entry.principal,
        "associatedAccessPolicy": told(policy, &association),
    });
    entry.policies.insert(policy.to_owned(), association);
    Ok(answer)
}

pub(super) fn disassociate(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let entry = entry_mut(changing(ask, &mut state)?, required(ask, "principalArn")?)?;
    match entry.policies.remove(required(ask, "policyArn")?) {
        Some(_) => Ok(json!({})),
        None => Err(not_found("The specified policyArn is not associated with the specified principalArn.")),
    }
}

/// The policy that is asked for: it exists, and the entry's type takes it.
fn policy<'a>(ask: &Ask<'a>, entry: &AccessEntry) -> Result<&'a str, Fault> {
    let policy = required(ask, "policyArn")?;
    let of_policies = arn(&Partition::of_region(ask.region), "");
    let name =
        policy.strip_prefix(&of_policies).ok_or_else(|| invalid("The policyArn parameter format is not valid"))?;
    if entry.kind != "EC2" || name != OF_AUTO_NODES {
        standard(entry)?;
    }
    if POLICIES.contains(&name) {
        return Ok(policy);
    }
    let hint = "You can view the available access policies with 'list-access-policies'.";
    Err(not_found(format!("The specified policyArn could not be found. {hint}")))
}

/// The namespaces of the scope that is asked for; none for the whole cluster.
fn namespaces(asked: &Value) -> Result<Vec<String>, Fault> {
    let missing = || invalid("The accessScope must have a type, cluster or namespace");
    let scope = asked.get("accessScope").ok_or_else(missing)?;
    let namespaces = input::texts(scope, "namespaces");
    match input::text(scope, "type").ok_or_else(missing)? {
        "cluster" if namespaces.is_empty() => Ok(namespaces),
        "cluster" => Err(invalid("The accessScope of type cluster must not have namespaces")),
        "namespace" if namespaces.is_empty() => Err(invalid("The accessScope of type namespace must have namespaces")),
        "namespace" => match namespaces.iter().find(|name| !is_pattern(name)) {
            Some(wrong) => Err(invalid(format!("The namespace {wrong} is invalid"))),
            None => Ok(namespaces),
        },
        _ => Err(missing()),
    }
}

/// Whether it is a namespace's name, maybe with wildcards.
fn is_pattern(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '*';
    (1..=63).contains(&name.len()) && name.chars().all(allowed)
}

fn told(policy: &str, association: &Association) -> Value {
    let kind = if association.namespaces.is_empty() { "cluster" } else { "namespace" };
    json!({
        "policyArn": policy,
        "accessScope": {"type": kind, "namespaces": association.namespaces},
        "associatedAt": epoch(association.associated),
        "modifiedAt": epoch(association.modified),
    })
}
