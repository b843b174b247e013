//! IAM policy documents as statements.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::pattern::{ActionPattern, ArnPattern};

/// A policy document: of a group, or a role's trust policy.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// Its statements, in any order: the order means nothing.
    pub(super) statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    /// Whether it allows; else it denies.
    pub(super) allow: bool,
    /// `Action` or `NotAction`.
    pub(super) action: Only<Vec<ActionPattern>>,
    /// `Resource` or `NotResource`; trust policies have neither.
    pub(super) resource: Option<Only<Vec<ArnPattern>>>,
    /// `Principal` or `NotPrincipal`; policies of groups have neither.
    pub(super) principal: Option<Only<Principals>>,
    /// The keys of its conditions, sorted. What they ask for depends on the session and is not looked into.
    pub(super) conditions: BTreeSet<String>,
}

/// What an element names, or everything but what its `Not…` form names.
#[derive(Clone, Debug)]
pub(super) enum Only<T> {
    These(T),
    AllBut(T),
}

/// Whom a statement of a trust policy is about, as far as a user may be one of them.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
#[derive(Clone, Debug)]
pub(super) enum Principals {
    /// `"*"`.
    Everybody,
    /// What stands under `AWS`: ARNs, account ids, `*`, unique ids of what was deleted. Services and federated principals
    /// are no users of IAM and are left out.
    Aws(Vec<String>),
}

impl Document {
    /// Reads a document as IAM gives it: JSON, percent-encoded or not.
    ///
    /// # Errors
    /// When it is no policy document, so that nothing can be said of what it allows.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|e| e.to_string())?;
        // A document that came as it is may hold a percent sign of its own.
        let value: Value =
            serde_json::from_str(text).or_else(|_| serde_json::from_str(&decoded)).map_err(|e| e.to_string())?;
        let Value::Object(document) = value else { return Err("it is no JSON object".to_owned()) };
        // Only this version knows policy variables; in the one before it `${…}` is text as any other.
        let variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
        let statements = match document.get("Statement") {
            Some(Value::Array(list)) => list.iter().map(|one| statement(one, variables)).collect::<Result<_, _>>()?,
            Some(one) => vec![statement(one, variables)?],
            None => return Err("it has no Statement".to_owned()),
        };
        Ok(Self { statements })
    }
}

fn statement(value: &Value, variables: bool) -> Result<Statement, String> {
    let Value::Object(told) = value else { return Err("a statement is no JSON object".to_owned()) };
    let allow = match told.get("Effect").and_then(Value::as_str) {
        Some("Allow") => true,
        Some("Deny") => false,
        _ => return Err("a statement has neither the Effect Allow nor Deny".to_owned()),
    };
    let action = only(told, "Action", texts)?.ok_or("a statement has no Action")?;
    let resource = only(told, "Resource", texts)?;
    Ok(Statement {
        allow,
        action: action.map(|list| list.iter().map(|text| ActionPattern::new(text)).collect()),
        resource: resource.map(|only| only.map(|list| list.iter().map(|t| ArnPattern::new(t, variables)).collect())),
        principal: only(told, "Principal", principals)?,
        conditions: conditions(told.get("Condition"))?,
    })
}

impl<T> Only<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Only<U> {
        match self {
            Self::These(inner) => Only::These(change(inner)),
            Self::AllBut(inner) => Only::AllBut(change(inner)),
        }
    }
}

fn only<T>(
    told: &Map<String, Value>,
    name: &str,
    read: fn(&Value) -> Result<T, String>,
) -> Result<Option<Only<T>>, String> {
    match (told.get(name), told.get(&format!("Not{name}"))) {
        (Some(_), Some(_)) => Err(format!("a statement has both {name} and Not{name}")),
        (Some(value), None) => Ok(Some(Only::These(read(value)?))),
        (None, Some(value)) => Ok(Some(Only::AllBut(read(value)?))),
        (None, None) => Ok(None),
    }
}

/// One text, or a list of texts.
fn texts(value: &Value) -> Result<Vec<String>, String> {
    let list = match value {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    let text = |one: &Value| one.as_str().map(str::to_owned).ok_or_else(|| format!("{one} is no text"));
    list.iter().map(text).collect()
}

fn principals(value: &Value) -> Result<Principals, String> {
    match value {
        Value::String(all) if all == "*" => Ok(Principals::Everybody),
        Value::Object(kinds) => kinds.get("AWS").map_or(Ok(Vec::new()), texts).map(Principals::Aws),
        other => Err(format!("{other} is no principal")),
    }
}

/// `{operator: {key: values}}`.
fn conditions(value: Option<&Value>) -> Result<BTreeSet<String>, String> {
    let wrong = || "a statement's Condition cannot be read".to_owned();
    let Some(value) = value else { return Ok(BTreeSet::new()) };
    let mut keys = BTreeSet::new();
    for operator in value.as_object().ok_or_else(wrong)?.values() {
        keys.extend(operator.as_object().ok_or_else(wrong)?.keys().cloned());
    }
    Ok(keys)
}
