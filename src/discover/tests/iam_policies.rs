use std::collections::BTreeSet;

use serde_json::Value;

use crate::discover::{HUB_ACTIONS, IDENTITY_CENTER_ACTIONS, MEMBER_ACTIONS};

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn actions(document: &Value) -> BTreeSet<&str> {
    let statements = document["Statement"].as_array().unwrap();
    assert!(statements.iter().all(|s| s["Effect"] == "Allow"));
    statements.iter().flat_map(|s| s["Action"].as_array().unwrap()).map(|a| a.as_str().unwrap()).collect()
}

#[test]
fn the_policies_allow_exactly_what_the_code_calls() {
    let hub = document(include_str!("../../../deploy/iam/hub-policy.json"));
    assert_eq!(actions(&hub), HUB_ACTIONS.iter().copied().collect());
    let center = document(include_str!("../../../deploy/iam/identity-center-policy.json"));
    assert_eq!(actions(&center), IDENTITY_CENTER_ACTIONS.iter().copied().collect());
    let member = document(include_str!("../../../deploy/iam/member-policy.json"));
    assert_eq!(actions(&member), MEMBER_ACTIONS.iter().copied().collect());
}

#[test]
fn roles_are_assumed_only_with_an_external_id_and_only_the_member_role() {
    for trust in
        [include_str!("../../../deploy/iam/hub-trust.json"), include_str!("../../../deploy/iam/member-trust.json")]
    {
        let trust = document(trust);
        assert_eq!(actions(&trust), ["sts:AssumeRole", "sts:SetSourceIdentity"].into());
        assert!(trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"].is_string());
    }
    let hub = document(include_str!("../../../deploy/iam/hub-policy.json"));
    let assume = &hub["Statement"][1];
    assert_eq!(assume["Action"][0], "sts:AssumeRole");
    assert_eq!(assume["Resource"], "arn:aws:iam::*:role/rolecall-member");
}

/// Each constant of the action list stands for a call; one that no file of the room uses would ask for a permission too
/// many.
#[test]
fn no_permission_is_asked_for_that_no_call_needs() {
    let sources = [
        include_str!("../center/ask.rs"),
        include_str!("../clusters.rs"),
        include_str!("../credentials.rs"),
        include_str!("../iam_groups/mod.rs"),
        include_str!("../identities.rs"),
        include_str!("../organization.rs"),
        include_str!("../probe.rs"),
        include_str!("../queue.rs"),
        include_str!("../tree.rs"),
        include_str!("../../observe/entries.rs"),
        include_str!("../../apply/entries.rs"),
        include_str!("../../apply/mode.rs"),
        include_str!("../../apply/policies.rs"),
    ]
    .concat();
    for line in include_str!("../actions.rs").lines() {
        let Some(constant) = line.strip_prefix("pub(super) const ").and_then(|rest| rest.split(':').next()) else {
            continue;
        };
        assert!(sources.contains(&format!("actions::{constant}")), "{constant} is called nowhere");
    }
    for call in sources.split('"').filter(|text| text.starts_with("eks:")) {
        assert!(MEMBER_ACTIONS.contains(&call), "{call} is called but not allowed");
    }
    for action in HUB_ACTIONS
        .iter()
        .chain(IDENTITY_CENTER_ACTIONS)
        .chain(MEMBER_ACTIONS)
        .filter(|a| **a != "sts:SetSourceIdentity")
    {
        let operation = action.split(':').next_back().unwrap();
        let method: String = operation
            .chars()
            .flat_map(|c| if c.is_uppercase() { vec!['_', c.to_ascii_lowercase()] } else { vec![c] })
            .collect();
        let method = format!(".{}()", method.trim_start_matches('_'));
        assert!(sources.contains(&method), "{action} is allowed but {method} is called nowhere");
    }
}

#[test]
fn a_cluster_is_changed_in_its_authentication_mode_alone() {
    let member = document(include_str!("../../../deploy/iam/member-policy.json"));
    let statements = member["Statement"].as_array().unwrap();
    let changing = statements.iter().find(|statement| statement["Sid"] == "ChangeTheMode").unwrap();
    assert_eq!(changing["Action"], serde_json::json!(["eks:UpdateClusterConfig"]));
    let modes = &changing["Condition"]["StringEquals"]["eks:authenticationMode"];
    assert_eq!(*modes, serde_json::json!(["API_AND_CONFIG_MAP", "API"]));
}
