//! Policies and trust policies, cut out of those under `deploy/iam`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Diagnosis, Partition};

const HUB_POLICY: &str = include_str!("../../../deploy/iam/hub-policy.json");
const CENTER_POLICY: &str = include_str!("../../../deploy/iam/identity-center-policy.json");
const HUB_TRUST: &str = include_str!("../../../deploy/iam/hub-trust.json");
const MEMBER_POLICY: &str = include_str!("../../../deploy/iam/member-policy.json");
const MEMBER_TRUST: &str = include_str!("../../../deploy/iam/member-trust.json");

/// The action that goes with AssumeRole where the settings have a source identity.
const SET_SOURCE_IDENTITY: &str = "sts:SetSourceIdentity";

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: String,
    statement: Vec<Statement>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    sid: String,
    effect: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<Value>,
    action: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<Value>,
}

/// Statements that allow the hub, or whoever reads the queue for it, these actions.
pub(super) fn hub_policy(diagnosis: &Diagnosis, who: Option<&str>, actions: &BTreeSet<&str>) -> String {
    let mut actions = actions.clone();
    if diagnosis.source_identity && actions.contains("sts:AssumeRole") {
        actions.insert(SET_SOURCE_IDENTITY);
    }
    let mut text = HUB_POLICY.to_owned();
    if let Some(queue) = &diagnosis.queue {
        text = text.replace("arn:aws:sqs:*:*:rolecall-events", queue);
    }
    if let Some(who) = who {
        text = text.replace("arn:aws:iam::*:role/rolecall-hub", who);
    }
    policy(&text, diagnosis, &actions)
}

/// Statements that allow whoever reads Identity Center these actions.
pub(super) fn center_policy(diagnosis: &Diagnosis, actions: &BTreeSet<&str>) -> String {
    policy(CENTER_POLICY, diagnosis, actions)
}

/// Statements that allow the member role these actions.
pub(super) fn member_policy(diagnosis: &Diagnosis, actions: &BTreeSet<&str>) -> String {
    policy(MEMBER_POLICY, diagnosis, actions)
}

fn policy(text: &str, diagnosis: &Diagnosis, actions: &BTreeSet<&str>) -> String {
    let text = text.replace("role/rolecall-member", &format!("role/{}", diagnosis.member_role));
    cut(&text, &diagnosis.partition, |statement| {
        statement.action.retain(|action| actions.contains(action.as_str()));
    })
}

/// The trust policy of the hub role. Its external id is a placeholder: the real one is a secret.
pub(super) fn hub_trust(diagnosis: &Diagnosis) -> String {
    let account = diagnosis.hub_account.as_deref().unwrap_or("HUB_ACCOUNT_ID");
    let text = HUB_TRUST.replace("HUB_ACCOUNT_ID", account);
    trust(&text, diagnosis, diagnosis.hub_external_id)
}

/// The trust policy of the member role: the hub may assume it. Its external id is a placeholder too.
pub(super) fn member_trust(diagnosis: &Diagnosis) -> String {
    let text = match &diagnosis.hub {
        Some(hub) => MEMBER_TRUST.replace("arn:aws:iam::HUB_ACCOUNT_ID:role/rolecall-hub", hub),
        None => MEMBER_TRUST.to_owned(),
    };
    trust(&text, diagnosis, diagnosis.member_external_id)
}

fn trust(text: &str, diagnosis: &Diagnosis, external_id: bool) -> String {
    cut(text, &diagnosis.partition, |statement| {
        statement.action.retain(|action| diagnosis.source_identity || action != SET_SOURCE_IDENTITY);
        statement.condition = statement.condition.take().filter(|_| external_id);
    })
}

/// The document without statements that are left without an action.
fn cut(text: &str, partition: &Partition, change: impl Fn(&mut Statement)) -> String {
    let text = text.replace("\"arn:aws:", &format!("\"arn:{partition}:"));
    // The documents are part of the program, and tests read them.
    let Ok(mut document) = serde_json::from_str::<Document>(&text) else { return text };
    document.statement.iter_mut().for_each(change);
    document.statement.retain(|statement| !statement.action.is_empty());
    serde_json::to_string_pretty(&document).unwrap_or(text) + "\n"
}
