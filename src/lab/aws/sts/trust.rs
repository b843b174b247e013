//! Trust policies.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.

use serde_json::Value;

use crate::{
    lab::{
        aws::covers,
        world::{State, iam::Role, keys::Caller},
    },
    model::wildcard,
};

/// A role's trust policy, and who comes to it.
pub(super) struct Trust<'a> {
    pub(super) state: &'a State,
    pub(super) role: &'a Role,
    pub(super) caller: &'a Caller,
}

/// What is asked of it.
pub(super) struct Asking<'a> {
    pub(super) action: &'a str,
    pub(super) external_id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) source: Option<&'a str>,
}

impl Trust<'_> {
    /// Whether some statement allows it and none denies it. What is not understood allows nothing.
    pub(super) fn allows(&self, asking: &Asking<'_>) -> bool {
        let mut allowed = false;
        for statement in each(self.role.trust.get("Statement")) {
            if !self.is_about(statement, asking) {
                continue;
            }
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Allow") => allowed = true,
                Some("Deny") => return false,
                _ => {}
            }
        }
        allowed
    }

    fn is_about(&self, statement: &Value, asking: &Asking<'_>) -> bool {
        let action = each(statement.get("Action")).filter_map(Value::as_str).any(|told| covers(told, asking.action));
        let conditions = statement.get("Condition").and_then(Value::as_object);
        action
            && self.is_principal(statement.get("Principal"))
            && conditions.into_iter().flatten().all(|(operator, keys)| self.holds(operator, keys, asking))
    }

    fn is_principal(&self, principal: Option<&Value>) -> bool {
        match principal {
            Some(Value::String(all)) => all == "*",
            Some(Value::Object(kinds)) => each(kinds.get("AWS")).filter_map(Value::as_str).any(|told| self.is(told)),
            _ => false,
        }
    }

    /// An account's id or root stands for all in the account; a role's ARN for its sessions.
    fn is(&self, told: &str) -> bool {
        let account = self.caller.account.as_str();
        told == "*"
            || told == account
            || told == format!("arn:aws:iam::{account}:root")
            || told == self.caller.arn
            || told == self.principal_arn()
    }

    /// The ARN of the user, or of the role behind the session.
    fn principal_arn(&self) -> String {
        let caller = self.caller;
        let role = caller.role.as_ref().and_then(|name| self.state.accounts.get(&caller.account)?.iam.roles.get(name));
        role.map_or_else(|| caller.arn.clone(), |role| role.arn(&caller.account).to_string())
    }

    fn holds(&self, operator: &str, keys: &Value, asking: &Asking<'_>) -> bool {
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        keys.as_object().into_iter().flatten().all(|(key, wanted)| {
            let value = self.value(key, asking);
            let any = |fits: fn(&str, &str) -> bool| {
                value
                    .as_deref()
                    .is_some_and(|value| each(Some(wanted)).filter_map(Value::as_str).any(|w| fits(w, value)))
            };
            let absent = value.is_none();
            match operator {
                "Null" => any_text(wanted, if absent { "true" } else { "false" }),
                _ if absent && if_exists => true,
                "StringEquals" => any(|wanted, value| wanted == value),
                "StringEqualsIgnoreCase" => any(str::eq_ignore_ascii_case),
                "StringLike" | "ArnLike" | "ArnEquals" => any(like),
                "StringNotEquals" => !any(|wanted, value| wanted == value),
                "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !any(like),
                _ => false,
            }
        })
    }

    /// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.
    fn value(&self, key: &str, asking: &Asking<'_>) -> Option<String> {
        match key.to_ascii_lowercase().as_str() {
            "sts:externalid" => asking.external_id.map(str::to_owned),
            "sts:rolesessionname" => Some(asking.name.to_owned()),
            "sts:sourceidentity" => asking.source.map(str::to_owned),
            "aws:principalarn" => Some(self.principal_arn()),
            "aws:principalaccount" => Some(self.caller.account.to_string()),
            "aws:principalorgid" => Some(self.state.organization.id.clone()),
            _ => None,
        }
    }
}

/// One, or a list.
fn each(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    match value {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
    .iter()
}

fn any_text(wanted: &Value, text: &str) -> bool {
    each(Some(wanted)).any(|wanted| match wanted {
        Value::String(wanted) => wanted == text,
        Value::Bool(wanted) => text.parse() == Ok(*wanted),
        _ => false,
    })
}

fn like(pattern: &str, text: &str) -> bool {
    wildcard(pattern.as_bytes(), text.as_bytes())
}
