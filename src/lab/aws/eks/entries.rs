//! Access entries.
//!
//! See <https://docs.aws.amazon.com/eks/latest/APIReference/API_AccessEntry.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    cluster, cluster_id, cluster_mut, in_use, invalid, names, not_found, page, reads_entries, required, takes_changes,
};
use crate::{
    lab::{
        aws::{
            Ask, input,
            pages::Page,
            wire::{Fault, epoch},
        },
        world::{
            State,
            eks::{AccessEntry, EksCluster, default_username},
        },
    },
    model::{Arn, ClusterId, Partition},
};

/// See <https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html> ("Access entries per cluster").
const MOST: usize = 3000;

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let policy = input::text(ask.input, "associatedPolicyArn");
    let state = ask.world.read();
    let cluster = seen(ask, &state)?;
    let entries = cluster.entries.values().filter(|e| policy.is_none_or(|policy| e.policies.contains_key(policy)));
    let Page { items, next } = page(ask, entries.map(|entry| (entry.principal.clone(), &entry.principal)))?;
    Ok(json!({"accessEntries": items, "nextToken": next}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let cluster = seen(ask, &state)?;
    Ok(told(&cluster.id, entry(cluster, required(ask, "principalArn")?)?))
}

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let id = changing(ask, &mut state)?.id.clone();
    let wanted = required(ask, "principalArn")?;
    let token = input::text(ask.input, "clientRequestToken").map(str::to_owned);
    if let Some(same) = cluster(&state, &id)?.entries.get(wanted) {
        if token.is_some() && same.token == token {
            return Ok(told(&id, same));
        }
        return Err(in_use("The specified access entry resource is already in use on this cluster."));
    }
    let kind = names::kind(ask.input)?;
    let (username, groups) = (names::username(ask.input)?, names::groups(ask.input)?);
    if kind != "STANDARD" && (username.is_some() || !groups.is_empty()) {
        return Err(invalid(format!("username and kubernetesGroups cannot be specified for the type {kind}")));
    }
    let tags = names::tags(ask.input, &BTreeMap::new()).map_err(invalid)?;
    let (principal, unique) = names::principal(&state, &id, wanted, kind)?;
    let cluster = cluster_mut(&mut state, &id)?;
    if cluster.entries.len() >= MOST {
        let message = format!("The maximum number of access entries for a cluster, {MOST}, is reached.");
        return Err(Fault::new("ResourceLimitExceededException", message));
    }
    let entry = AccessEntry {
        groups,
        username: username.map_or_else(|| default_username(&principal, kind), str::to_owned),
        kind: kind.to_owned(),
        tags,
        token,
        ..AccessEntry::new(&principal, unique, ask.now)
    };
    let answer = told(&id, &entry);
    cluster.entries.insert(entry.principal.clone(), entry);
    Ok(answer)
}

/// What is left out goes back to its default: groups to none, the username to the one that EKS chooses.
pub(super) fn update(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let cluster = changing(ask, &mut state)?;
    let entry = entry_mut(cluster, required(ask, "principalArn")?)?;
    standard(entry)?;
    let (username, groups) = (names::username(ask.input)?, names::groups(ask.input)?);
    entry.username = match (username, entry.principal.parse::<Arn>()) {
        (Some(username), _) => username.to_owned(),
        (None, Ok(principal)) => default_username(&principal, &entry.kind),
        (None, Err(_)) => entry.username.clone(),
    };
    entry.groups = groups;
    entry.modified = ask.now;
    let answer = told(&cluster_id(ask, required(ask, "clusterName")?), entry);
    Ok(answer)
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let cluster = changing(ask, &mut state)?;
    let principal = required(ask, "principalArn")?;
    cluster.entries.remove(principal).ok_or_else(unknown)?;
    Ok(json!({}))
}

/// The cluster that is named, where it reads access entries.
pub(super) fn seen<'a>(ask: &Ask<'_>, state: &'a State) -> Result<&'a EksCluster, Fault> {
    let cluster = cluster(state, &cluster_id(ask, required(ask, "clusterName")?))?;
    reads_entries(cluster)?;
    Ok(cluster)
}

/// The same to change something in it.
pub(super) fn changing<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut EksCluster, Fault> {
    let cluster = cluster_mut(state, &cluster_id(ask, required(ask, "clusterName")?))?;
    reads_entries(cluster)?;
    takes_changes(cluster)?;
    Ok(cluster)
}

pub(super) fn entry<'a>(cluster: &'a EksCluster, principal: &str) -> Result<&'a AccessEntry, Fault> {
    cluster.entries.get(principal).ok_or_else(unknown)
}

pub(super) fn entry_mut<'a>(cluster: &'a mut EksCluster, principal: &str) -> Result<&'a mut AccessEntry, Fault> {
    cluster.entries.get_mut(principal).ok_or_else(unknown)
}

fn unknown() -> Fault {
    let hint = "You can view your available access entries with 'list-access-entries'.";
    not_found(format!("The specified principalArn could not be found. {hint}"))
}

/// Entries of nodes belong to EKS.
pub(super) fn standard(entry: &AccessEntry) -> Result<(), Fault> {
    match entry.kind.as_str() {
        "STANDARD" => Ok(()),
        _ => Err(invalid("This operation can only be performed on Access Entries with a type of \"STANDARD\".")),
    }
}

fn told(id: &ClusterId, entry: &AccessEntry) -> Value {
    json!({"accessEntry": {
        "clusterName": id.name,
        "principalArn": entry.principal,
        "kubernetesGroups": entry.groups,
        "accessEntryArn": arn(id, entry),
        "createdAt": epoch(entry.created),
        "modifiedAt": epoch(entry.modified),
        "tags": entry.tags,
        "username": entry.username,
        "type": entry.kind,
    }})
}

/// `arn:aws:eks:<region>:<account>:access-entry/<cluster>/<role or user>/<its account>/<its name>/<a UUID of the entry>`.
pub(super) fn arn(id: &ClusterId, entry: &AccessEntry) -> String {
    let principal = entry.principal.parse::<Arn>();
    let kind = if principal.as_ref().is_ok_and(|arn| arn.role_name().is_some()) { "role" } else { "user" };
    let name = principal.as_ref().ok().and_then(|arn| arn.role_name().or_else(|| arn.user_name())).unwrap_or_default();
    let account = principal.as_ref().map_or("", |arn| arn.account.as_str());
    let digest = Sha256::digest(format!("{id} {} {} {}", entry.principal, entry.principal_id, entry.created));
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, from)| *byte = from);
    let unique = uuid::Builder::from_random_bytes(bytes).into_uuid();
    let partition = Partition::of_region(&id.region);
    let ClusterId { account: owner, region, name: cluster } = id;
    format!("arn:{partition}:eks:{region}:{owner}:access-entry/{cluster}/{kind}/{account}/{name}/{unique}")
}
