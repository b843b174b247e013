//! aws-auth as text, edited as people edit it: row by row, the rest left as it is.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::policy::Row;
use crate::{
    lab::kube::Store,
    model::{MANAGED_BY, MANAGER, Section},
};

/// The annotation by which rolecall knows its rows.
const OWNED_ROWS: &str = "rolecall.dev/owned-rows";

/// The object as it stands in a cluster, taken apart.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    /// The rows of each section as text, each from its dash to the next; the first may have comments before it.
    pub(super) sections: BTreeMap<Section, Vec<String>>,
    /// The rows that are rolecall's.
    owned: BTreeMap<Section, BTreeMap<String, Option<String>>>,
    managers: Vec<Value>,
}

impl Ledger {
    /// Reads it; `None` where there is none.
    pub(super) fn read(store: &Store) -> Option<Self> {
        let object = store.get("configmaps", "kube-system", "aws-auth")?;
        let mut ledger = Self::default();
        for section in Section::ALL {
            if let Some(text) = object.pointer(&format!("/data/{section}")).and_then(Value::as_str) {
                ledger.sections.insert(section, rows(text));
            }
        }
        let annotations = object.pointer("/metadata/annotations");
        let owned = annotations.and_then(|annotations| annotations.get(OWNED_ROWS)).and_then(Value::as_str);
        ledger.owned = owned.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let managers = object.pointer("/metadata/managedFields").and_then(Value::as_array);
        ledger.managers = managers.cloned().unwrap_or_default();
        Some(ledger)
    }

    /// Stores it as somebody's work of this moment.
    pub(super) fn write(mut self, store: &Store, by: &str, when: Timestamp) {
        self.managers.retain(|entry| entry.get("manager").and_then(Value::as_str) != Some(by));
        self.managers.push(manager(by, "Update", "v1", when));
        let data: BTreeMap<&str, String> =
            self.sections.iter().map(|(section, rows)| (section.key(), rows.concat())).collect();
        let mut metadata = json!({"name": "aws-auth", "namespace": "kube-system", "managedFields": self.managers});
        if self.owned.values().any(|rows| !rows.is_empty()) {
            let owned: BTreeMap<Section, &BTreeMap<String, Option<String>>> =
                self.owned.iter().map(|(s, r)| (*s, r)).collect();
            let text = serde_json::to_string(&owned).unwrap_or_default();
            metadata["annotations"] = json!({ (OWNED_ROWS): text });
        }
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data});
        store.put(object, when);
    }

    /// The rows of a section.
    pub(super) fn section(&mut self, section: Section) -> &mut Vec<String> {
        self.sections.entry(section).or_default()
    }

    /// The ARNs of rolecall's rows that stand in a section.
    pub(super) fn owned(&self, section: Section) -> Vec<String> {
        let stands =
            |arn: &&String| self.sections.get(&section).is_some_and(|rows| rows.iter().any(|row| names(row, arn)));
        self.owned.get(&section).into_iter().flat_map(BTreeMap::keys).filter(stands).cloned().collect()
    }

    /// Adds a row that is rolecall's.
    pub(super) fn add_owned(&mut self, row: &Row) {
        self.section(row.section).push(text(row.section, &row.arn, &row.username, &row.groups));
        for section in Section::ALL {
            self.owned.entry(section).or_default();
        }
        self.owned.entry(row.section).or_default().insert(row.arn.clone(), Some(row.unique_id.clone()));
    }

    /// Gives a row another ARN, in the text and where it is noted as rolecall's.
    pub(super) fn rename(&mut self, section: Section, from: &str, to: &str) {
        for row in self.section(section).iter_mut().filter(|row| names(row, from)) {
            *row = row.replacen(from, to, 1);
        }
        if let Some(owned) = self.owned.get_mut(&section)
            && let Some(id) = owned.remove(from)
        {
            owned.insert(to.to_owned(), id.map(|id| id.chars().rev().collect()));
        }
    }

    /// Where the row of an ARN stands.
    pub(super) fn position(&self, section: Section, arn: &str) -> Option<usize> {
        self.sections.get(&section)?.iter().position(|row| names(row, arn))
    }
}

/// Whether a row is that of this ARN.
fn names(row: &str, arn: &str) -> bool {
    row.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').any(|word| word == arn)
}

/// A row as eksctl and people write it.
pub(super) fn text(section: Section, arn: &str, username: &str, groups: &[String]) -> String {
    let key = if section == Section::Users { "userarn" } else { "rolearn" };
    let groups: String = groups.iter().map(|group| format!("  - {group}\n")).collect();
    format!("- {key}: {arn}\n  username: {username}\n  groups:\n{groups}")
}

/// The rows of a section's text: each begins with a dash in the first column.
fn rows(text: &str) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        let begins = line.starts_with("- ");
        match rows.last_mut() {
            Some(row) if !begins || row.starts_with('#') && !row.contains("\n- ") => row.push_str(line),
            _ => rows.push(line.to_owned()),
        }
    }
    if let Some(last) = rows.last_mut().filter(|last| !last.ends_with('\n')) {
        last.push('\n');
    }
    rows
}

/// An entry of managedFields.
pub(super) fn manager(name: &str, operation: &str, api_version: &str, when: Timestamp) -> Value {
    json!({
        "manager": name, "operation": operation, "apiVersion": api_version, "time": time(when),
        "fieldsType": "FieldsV1", "fieldsV1": {},
    })
}

/// Stores an RBAC object as rolecall made it: with its label and under its name.
pub(super) fn put_ours(store: &Store, mut object: Value, when: Timestamp) {
    let by = manager(MANAGER, "Apply", "rbac.authorization.k8s.io/v1", when);
    object["metadata"]["labels"] = json!({ (MANAGED_BY): MANAGER });
    object["metadata"]["managedFields"] = json!([by]);
    store.put(object, when);
}

/// A time as Kubernetes writes it, in whole seconds.
pub(super) fn time(when: Timestamp) -> String {
    when.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
