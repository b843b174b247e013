//! Where a fleet stands when the faults have stopped.

use std::collections::BTreeSet;

use rolecall::{
    authenticator::{self, SectionReading},
    lab::kube::Store,
    model::{AuthenticationMode, ClusterReport, PassReport, Status},
    plan::OWNED_ROWS,
};
use serde_json::Value;

use super::{
    client::Choices,
    judge::{access, data, wanted},
    policy::{Policy, Wanted},
    scene::{Feature, Scene},
};

/// (d) What is not as the policy wants it, but for clusters that by rule cannot be.
pub fn unsettled(scene: &Scene, choices: Choices, policy: &Policy, report: &PassReport) -> Vec<String> {
    let state = scene.world.read();
    let wanted = wanted(policy, &state);
    let mut faults = Vec::new();
    for (id, feature) in &scene.features {
        let reported = report.clusters.iter().find(|cluster| cluster.cluster.id == *id);
        let active = state.accounts.get(&id.account).is_some_and(|account| account.state == "ACTIVE");
        let Some(cluster) = reported.filter(|_| active) else {
            if active || reported.is_some() {
                faults.push(format!("(d) {id}: account active {active}, cluster reported {}", reported.is_some()));
            }
            continue;
        };
        let store = state.clusters[id].api.store();
        let found = settled(feature, choices, &wanted[id], cluster, store);
        faults.extend(found.into_iter().map(|fault| format!("(d) {id}: {fault}\n{}", told(cluster))));
    }
    if let Some(gap) = report.findings.iter().find(|finding| finding.incomplete) {
        faults.push(format!("(d) the calm pass is incomplete: {}", gap.message));
    }
    faults
}

fn told(cluster: &ClusterReport) -> String {
    let findings = cluster.plan.iter().flat_map(|plan| &plan.findings).filter(|it| it.drift || it.incomplete);
    let findings: Vec<String> = findings.map(|finding| format!("    ! {}", finding.message)).collect();
    format!("    {:?}: {:?}\n{}", cluster.status, cluster.why, findings.join("\n"))
}

fn settled(
    feature: &Feature,
    choices: Choices,
    wanted: &Wanted,
    cluster: &ClusterReport,
    store: &Store,
) -> Vec<String> {
    let reads = feature.mode.reads_aws_auth();
    if reads && feature.way_in.is_row() && feature.roles_broken {
        // Its own way in does not parse, and it has no other.
        return expect(cluster.status == Status::AccessDenied, "it should not let rolecall in");
    }
    let people = !wanted.accounts.is_empty() || wanted.rows.values().any(|(name, _)| !name.starts_with("system:node:"));
    let excused = (feature.mode == AuthenticationMode::Api && people)
        || feature.odd
        || feature.immutable
        || (feature.broken && (!choices.repair || feature.beyond_rescue))
        || wanted.names_protected
        || feature.leaning;
    match cluster.status {
        Status::InSync | Status::Applied => {}
        Status::Drifted if excused => return Vec::new(),
        Status::Blocked if choices.max_removals < 10 => {
            let guard = cluster.plan.as_ref().and_then(|plan| plan.blocked.as_ref());
            return expect(guard.is_some_and(|guard| guard.name == "max-removals"), "another guard holds it back");
        }
        _ => return vec!["it should be in sync".to_owned()],
    }
    let mut faults = if reads { rows(wanted, feature, store) } else { Vec::new() };
    faults.extend(rbac(wanted, store));
    faults
}

fn expect(holds: bool, otherwise: &str) -> Vec<String> {
    if holds { Vec::new() } else { vec![otherwise.to_owned()] }
}

/// Everybody whom the policy names gets what it says, and nobody has a row of rolecall's whom it does not name.
fn rows(wanted: &Wanted, feature: &Feature, store: &Store) -> Vec<String> {
    let stored = store.get("configmaps", "kube-system", "aws-auth");
    let reading = authenticator::read(&data(stored.as_deref()));
    let mut faults = Vec::new();
    for (arn, want) in &wanted.rows {
        let has = access(&reading, arn);
        if has.as_ref() != Some(want) {
            faults.push(format!("{arn} has {has:?} and should have {want:?}"));
        }
    }
    let accounts: BTreeSet<String> = match &reading.accounts {
        SectionReading::Read(rows) => rows.rows.iter().map(|row| row.arn.clone()).collect(),
        _ => BTreeSet::new(),
    };
    if !wanted.accounts.is_subset(&accounts) {
        faults.push(format!("accounts are {accounts:?} and should be {:?}", wanted.accounts));
    }
    let owned = stored.as_deref().and_then(|object| object["metadata"]["annotations"][OWNED_ROWS].as_str());
    let owned: Value = owned.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
    for arn in owned.as_object().into_iter().flatten().flat_map(|(_, rows)| rows.as_object().into_iter().flatten()) {
        let arn = arn.0.to_lowercase();
        if !wanted.rows.contains_key(&arn) && !wanted.accounts.contains(&arn) && !feature.protected.contains(&arn) {
            faults.push(format!("{arn} is still rolecall's and is not in the policy"));
        }
    }
    faults
}

/// The bindings and roles are those that the policy names.
fn rbac(wanted: &Wanted, store: &Store) -> Vec<String> {
    let namespace = store.get("namespaces", "", "team-a").is_some();
    let ours = |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "rolecall";
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut bound = BTreeSet::new();
    for resource in ["clusterrolebindings", "rolebindings"] {
        for object in store.list(resource, None).iter().filter(|object| ours(object)) {
            let namespace = object["metadata"]["namespace"].as_str().map(str::to_owned);
            let subjects = object["subjects"].as_array().cloned().unwrap_or_default();
            bound.extend(
                subjects.iter().map(|it| (text(&it["name"]), text(&object["roleRef"]["name"]), namespace.clone())),
            );
        }
    }
    let meant: BTreeSet<_> = wanted.bindings.iter().filter(|it| it.2.is_none() || namespace).cloned().collect();
    let mut faults = expect(bound == meant, &format!("bindings are {bound:?} and should be {meant:?}"));
    let roles = store.list("clusterroles", None);
    let roles: BTreeSet<String> =
        roles.iter().filter(|object| ours(object)).map(|object| text(&object["metadata"]["name"])).collect();
    faults.extend(expect(roles == wanted.roles, &format!("roles are {roles:?} and should be {:?}", wanted.roles)));
    faults
}
