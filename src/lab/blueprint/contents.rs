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
    lab::{
        kube::Store,
        world::{State, eks::EksCluster},
    },
    model::{AuthenticationMode, ClusterId, Section},
};

/// What rolecall needs inside a cluster where it is no administrator.
const ACCESS: &str = include_str!("../../../deploy/kubernetes/cluster-access.yaml");

/// Puts into a cluster what makes it work, rolecall's own way in, and, if it is to be whole, what the policy wants.
pub(super) fn fill(state: &State, id: &ClusterId, whole: bool, when: Timestamp) {
    let (Some(cluster), Some(account)) = (state.clusters.get(id), state.account_of(id)) else { return };
    let (store, made) = (cluster.api.store(), when.checked_sub(SignedDuration::from_hours(40)).unwrap_or(when));
    store.put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}}), made);
    if cluster.authentication_mode() != AuthenticationMode::Api {
        let mut ledger = first_rows(cluster);
        ledger.sections.entry(Section::Roles).and_modify(|rows| {
            if let Some(first) = rows.first_mut() {
                first.insert_str(0, "# Nodes. Written by eksctl.\n");
            }
        });
        ledger.clone().write(store, "eksctl", made);
        if whole {
            // Read back, so that who wrote before stays noted.
            let mut ledger = Ledger::read(store).unwrap_or(ledger);
            policy::rows(account, Stage::of(&cluster.tags)).iter().for_each(|row| ledger.add_owned(row));
            if policy::rows(account, Stage::of(&cluster.tags)).is_empty() {
                return objects(store, when);
            }
            ledger.write(store, "rolecall", when);
        }
    }
    if whole {
        objects(store, when);
    }
}

fn objects(store: &Store, when: Timestamp) {
    policy::objects().into_iter().for_each(|object| put_ours(store, object, when));
}

/// The rows of nodes and, where there is no other way, rolecall's own.
pub(super) fn first_rows(cluster: &EksCluster) -> Ledger {
    let account = &cluster.id.account;
    let mut ledger = Ledger::default();
    let nodes = ["system:bootstrappers".to_owned(), "system:nodes".to_owned()];
    let arn = format!("arn:aws:iam::{account}:role/eks-node");
    let row = ledger::text(Section::Roles, &arn, "system:node:{{EC2PrivateDNSName}}", &nodes);
    ledger.section(Section::Roles).push(row);
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
