//! What stands in a cluster at the beginning: aws-auth with every kind of row, RBAC objects of others and old ones of
//! rolecall's.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use jiff::Timestamp;
use rolecall::{
    lab::{kube::Store, world::eks::EksCluster},
    model::AuthenticationMode,
};
use serde_json::{Value, json};

use super::{
    dice::{chance, pick, some},
    policy::{BREAKGLASS, GROUPS, NODE, ROLES, USERS, path},
    scene::{Chunks, Feature, MEMBER, WayIn},
    texts::{Chunk, Row, Section, section},
};

/// The group by which rolecall gets in where it has one of its own.
const OWN_GROUP: &str = "rolecall:admins";
/// The binding of that group.
pub const OWN_BINDING: &str = "rolecall-admins";

/// Fills a cluster's store and says what is special about it.
pub fn fill(
    cluster: &EksCluster,
    mode: AuthenticationMode,
    way_in: WayIn,
    chunks: &Chunks,
    rng: &mut Rng,
    now: Timestamp,
) -> Feature {
    let mut feature = Feature {
        mode,
        way_in,
        broken: false,
        roles_broken: false,
        beyond_rescue: false,
        odd: false,
        immutable: false,
        leaning: false,
        protected: BTreeSet::new(),
    };
    rbac(cluster.api.store(), way_in, rng, now);
    if way_in.is_row() || chance(rng, 0.85) {
        aws_auth(cluster, &mut feature, chunks, rng, now);
    }
    feature
}

fn aws_auth(cluster: &EksCluster, feature: &mut Feature, chunks: &Chunks, rng: &mut Rng, now: Timestamp) {
    let account = cluster.id.account.as_str();
    let mut rows = role_rows(account, feature, rng);
    rng.shuffle(&mut rows);
    let owned = some(rng, &rows.iter().filter(|row| !row.foreign).cloned().collect::<Vec<_>>(), 0.4);
    let broken = chance(rng, 0.12);
    feature.roles_broken = broken && rng.bool();
    let roles = section("rolearn", &rows, feature.roles_broken, rng);
    let mut data = BTreeMap::from([("mapRoles", roles.clone())]);
    let users_broken = broken && !feature.roles_broken;
    if users_broken || chance(rng, 0.6) {
        data.insert("mapUsers", section("userarn", &user_rows(account, rng), users_broken, rng));
    }
    if chance(rng, 0.4) {
        data.insert("mapAccounts", accounts(rng));
    }
    feature.broken = broken;
    // Nobody who is protected is left out by a repair.
    let kept = |arn: &String| feature.protected.contains(arn);
    feature.beyond_rescue =
        data.values().any(|it| it.broken && (it.beyond_rescue || it.mangled.as_ref().is_some_and(kept)));
    feature.odd = data.values().any(|it| it.odd);
    feature.immutable = chance(rng, 0.04);
    chunks
        .lock()
        .unwrap()
        .insert(cluster.id.clone(), data.values().flat_map(|section| section.chunks.iter().cloned()).collect());
    let mut data: BTreeMap<String, String> =
        data.into_iter().map(|(key, section)| (key.to_owned(), section.text)).collect();
    data.insert("notes".to_owned(), "Ask the platform team.\n".to_owned());
    let mut annotations = BTreeMap::from([("example.com/owner".to_owned(), "platform".to_owned())]);
    let users: BTreeMap<String, Option<String>> = BTreeMap::new();
    if !owned.is_empty() {
        let roles: BTreeMap<String, Option<String>> = owned.into_iter().map(|row| (row.arn, None)).collect();
        let text = json!({"mapRoles": roles, "mapUsers": users, "mapAccounts": users}).to_string();
        annotations.insert(rolecall::plan::OWNED_ROWS.to_owned(), text);
    }
    let mut object = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "aws-auth",
            "namespace": "kube-system",
            "labels": {"example.com/kept": "yes"},
            "annotations": annotations,
        },
        "data": data,
    });
    if feature.immutable {
        object["immutable"] = json!(true);
    }
    cluster.api.store().put(object, now).unwrap();
}

fn role_rows(account: &str, feature: &mut Feature, rng: &mut Rng) -> Vec<Row> {
    let arn = |name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let mut rows = Vec::new();
    if chance(rng, 0.7) {
        let groups = ["system:bootstrappers", "system:nodes"];
        rows.push(Row::foreign(arn(NODE), "system:node:{{EC2PrivateDNSName}}", &groups));
        feature.protected.insert(arn(NODE));
    }
    if feature.way_in.is_row() {
        let group = if feature.way_in == WayIn::Row { "system:masters" } else { OWN_GROUP };
        rows.push(Row::foreign(arn(MEMBER), "rolecall", &[group]));
        feature.protected.insert(arn(MEMBER));
    }
    if chance(rng, 0.6) {
        feature.leaning = chance(rng, 0.3);
        let group = if feature.leaning { "ops" } else { "system:masters" };
        rows.push(Row::foreign(arn(BREAKGLASS), "breakglass", &[group]));
        feature.protected.insert(arn(BREAKGLASS));
    }
    for number in 0..rng.u8(0..4) {
        let group = pick(rng, &["auditors", "legacy", "system:masters"]);
        let row = Row::foreign(arn(&format!("Legacy-{number}")), "legacy:{{SessionName}}".to_owned(), &[group]);
        if chance(rng, 0.2) {
            rows.push(Row::foreign(row.arn.to_uppercase().replace("ARN:AWS:IAM", "arn:aws:iam"), "twice", &["legacy"]));
        }
        rows.push(row);
    }
    for name in ROLES.into_iter().filter(|_| chance(rng, 0.45)).collect::<Vec<_>>() {
        let groups = some(rng, &GROUPS, 0.5);
        let username = pick(rng, &["dev:{{SessionName}}", "auditor", "somebody"]);
        let arn = match rng.u8(0..8) {
            0 => arn(&name.to_uppercase()),
            1 => format!("arn:aws:iam::{account}:role/old/path/{name}"),
            _ => arn(name),
        };
        rows.push(Row::new(arn, username, &groups));
        if chance(rng, 0.1) {
            rows.push(Row::new(format!("arn:aws:iam::{account}:role/{name}"), "again", &["viewers"]));
        }
    }
    if chance(rng, 0.3) {
        rows.push(Row::new(arn("gone-role"), "gone", &["developers"]));
    }
    rows
}

fn user_rows(account: &str, rng: &mut Rng) -> Vec<Row> {
    let mut rows = Vec::new();
    for name in USERS {
        if chance(rng, 0.5) {
            let groups = some(rng, &GROUPS, 0.5);
            rows.push(Row::new(format!("arn:aws:iam::{account}:user{}{name}", path(name)), name, &groups));
        }
    }
    for number in 0..rng.u8(0..3) {
        rows.push(Row::foreign(format!("arn:aws:iam::{account}:user/Other-{number}"), "other", &["legacy"]));
    }
    rows
}

fn accounts(rng: &mut Rng) -> Section {
    let foreign = "- \"777788889999\"  # the old landlord";
    let mut text = format!("{foreign}\n");
    if rng.bool() {
        text.push_str("- \"444455556666\"\n");
    }
    let chunk = Chunk { text: foreign.to_owned(), arn: Some("777788889999".to_owned()) };
    Section { text, chunks: vec![chunk], ..Section::default() }
}

fn rbac(store: &Store, way_in: WayIn, rng: &mut Rng, now: Timestamp) {
    let put = |object: Value| drop(store.put(object, now).unwrap());
    if chance(rng, 0.7) {
        put(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team-a"}}));
    }
    if way_in == WayIn::Group {
        put(binding(OWN_BINDING, OWN_GROUP, "cluster-admin", false));
    }
    put(binding("somebody-elses", "legacy", "view", false));
    if chance(rng, 0.3) {
        // Somebody was first to take the name that rolecall would give.
        put(binding("rolecall:viewers:edit", "strangers", "edit", false));
    }
    for (group, role) in [("viewers", "view"), ("ops", "edit"), ("late", "view")] {
        if chance(rng, 0.25) {
            put(binding(&format!("rolecall:{group}:{role}"), group, role, true));
        }
    }
    for (name, ours) in [("soak-reader", true), ("soak-writer", true), ("soak-foreign", false)] {
        if chance(rng, 0.3) {
            put(json!({
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRole",
                "metadata": metadata(name, ours),
                "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
            }));
        }
    }
}

fn binding(name: &str, group: &str, role: &str, ours: bool) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata(name, ours),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
    })
}

/// Metadata as an earlier rolecall has left them, or of somebody who uses no label.
fn metadata(name: &str, ours: bool) -> Value {
    if !ours {
        return json!({"name": name});
    }
    let fields = json!({
        "f:metadata": {"f:labels": {"f:app.kubernetes.io/managed-by": {}}},
        "f:rules": {},
        "f:roleRef": {},
        "f:subjects": {},
    });
    json!({
        "name": name,
        "labels": {"app.kubernetes.io/managed-by": "rolecall"},
        "managedFields": [{
            "manager": "rolecall",
            "operation": "Apply",
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "time": "2026-01-01T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        }],
    })
}
