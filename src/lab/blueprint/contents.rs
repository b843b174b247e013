//! What is in a cluster when everything is as the policy wants it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    MEMBER_ROLE, ledger,
    ledger::{Ledger, put_ours},
    policy,
    tree::Stage,
};
use crate::{
    lab::world::{State, eks::EksCluster},
    model::{AuthenticationMode, ClusterId, MANAGER, Section},
};

/// What rolecall needs inside a cluster where it is no administrator.
const ACCESS: &str = include_str!("../../../deploy/kubernetes/cluster-access.yaml");

/// Puts into a cluster what makes it work, rolecall's own way in, and, if it is to be whole, what the policy wants.
pub(super) fn fill(state: &State, id: &ClusterId, whole: bool, when: Timestamp) {
    let (Some(cluster), Some(account)) = (state.clusters.get(id), state.account_of(id)) else { return };
    let store = cluster.api.store();
    begin(cluster, when.checked_sub(SignedDuration::from_hours(40)).unwrap_or(when));
    if !whole {
        return;
    }
    let rows = policy::rows(account, Stage::of(&cluster.tags));
    // Where a cluster reads access entries, people get in by those.
    let on_aws_auth = !rows.is_empty() && cluster.authentication_mode() == AuthenticationMode::ConfigMap;
    if let Some(mut ledger) = Ledger::read(store).filter(|_| on_aws_auth) {
        for row in &rows {
            ledger.add_owned(row);
        }
        ledger.write(store, MANAGER, when);
    }
    for object in policy::objects() {
        put_ours(store, object, when);
    }
}

/// What a cluster has from its first day.
pub(super) fn begin(cluster: &EksCluster, made: Timestamp) {
    let store = cluster.api.store();
    store.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}}), made);
    if cluster.authentication_mode().reads_aws_auth() {
        first_rows(cluster).write(store, "eksctl", made);
    }
}

/// The rows of nodes and, where there is no other way, rolecall's own.
pub(super) fn first_rows(cluster: &EksCluster) -> Ledger {
    let account = &cluster.id.account;
    let mut ledger = Ledger::default();
    let nodes = ["system:bootstrappers".to_owned(), "system:nodes".to_owned()];
    let arn = format!("arn:aws:iam::{account}:role/eks-node");
    let row = ledger::text(Section::Roles, &arn, "system:node:{{EC2PrivateDNSName}}", &nodes);
    ledger.section(Section::Roles).push(format!("# Nodes.\n{row}"));
    if !has_other_way_in(cluster) {
        let own = format!("arn:aws:iam::{account}:role/{MEMBER_ROLE}");
        let row = ledger::text(Section::Roles, &own, "rolecall", &["rolecall".to_owned()]);
        ledger.section(Section::Roles).push(row);
        install_access(cluster);
    }
    ledger
}

/// Whether rolecall gets in without a row of aws-auth.
pub(super) fn has_other_way_in(cluster: &EksCluster) -> bool {
    let own = format!(":role/{MEMBER_ROLE}");
    cluster.creator.ends_with(&own) || cluster.entries.keys().any(|principal| principal.ends_with(&own))
}

/// The roles and bindings of the group `rolecall`, as its documentation has people apply them.
fn install_access(cluster: &EksCluster) {
    for document in serde_yaml::Deserializer::from_str(ACCESS) {
        if let Ok(object) = <Value as serde::Deserialize>::deserialize(document) {
            cluster.api.store().put(object, cluster.created);
        }
    }
}
