//! Label and field selectors.
//!
//! See <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors> and apimachinery's
//! `pkg/labels/selector.go`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    object::{list, name, namespace, text, texts},
    status::Status,
};

/// All requirements together.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

#[derive(Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, PartialEq, Eq)]
enum Operator {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    /// Reads the text of a labelSelector.
    ///
    /// # Errors
    /// 400 when it cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, Status> {
        let requirements = split(text).into_iter().map(|part| requirement(part.trim())).collect::<Result<_, _>>();
        requirements.map(Self).map_err(Status::bad_request)
    }

    /// Reads a selector that is an object with matchLabels and matchExpressions.
    pub(super) fn of_object(selector: &Value) -> Self {
        let labels = selector.get("matchLabels").and_then(Value::as_object);
        let equal = labels.into_iter().flatten().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::In(vec![value.as_str().unwrap_or_default().to_owned()]),
        });
        let expressions = list(selector, "matchExpressions").iter().map(|expression| {
            let values = texts(expression, "values").map(str::to_owned).collect();
            let operator = match text(expression, "operator") {
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::Absent,
                _ => Operator::In(values),
            };
            Requirement { key: text(expression, "key").to_owned(), operator }
        });
        Self(equal.chain(expressions).collect())
    }

    /// Whether labels are what is asked for.
    pub(super) fn matches(&self, labels: &BTreeMap<&str, &str>) -> bool {
        self.0.iter().all(|requirement| {
            let value = labels.get(requirement.key.as_str());
            let is_one = |values: &[String]| value.is_some_and(|value| values.iter().any(|one| one == value));
            match &requirement.operator {
                Operator::In(values) => is_one(values),
                Operator::NotIn(values) => !is_one(values),
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
            }
        })
    }

    /// Whether everything matches.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Splits at commas outside parentheses.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_u32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..).filter(|rest| !rest.trim().is_empty()));
    parts
}

fn requirement(text: &str) -> Result<Requirement, String> {
    let of = |key: &str, operator| Requirement { key: key.trim().to_owned(), operator };
    let one = |value: &str| {
        let value = value.trim();
        match value.find(|c: char| c == '=' || c.is_whitespace()) {
            None => Ok(vec![value.to_owned()]),
            Some(at) => {
                let rest = value.get(at..).unwrap_or_default();
                let found = if rest.starts_with('=') { "=" } else { rest.trim() };
                Err(format!("found '{found}', expected: ',' or 'end of string'"))
            }
        }
    };
    if let Some((key, value)) = text.split_once("!=") {
        return Ok(of(key, Operator::NotIn(one(value)?)));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Ok(of(key, Operator::In(one(value)?)));
    }
    if let Some(key) = text.strip_prefix('!') {
        return Ok(of(key, Operator::Absent));
    }
    let words: Vec<&str> = text.splitn(2, char::is_whitespace).collect();
    let [key, rest] = words.as_slice() else { return Ok(of(text, Operator::Exists)) };
    let rest = rest.trim();
    let (set, negative) = match (rest.strip_prefix("notin"), rest.strip_prefix("in")) {
        (Some(set), _) => (set, true),
        (_, Some(set)) => (set, false),
        _ => {
            return Err(format!("unable to parse requirement: found '{rest}', expected: in, notin, =, ==, !=, gt, lt"));
        }
    };
    let inside = set.trim().strip_prefix('(').and_then(|set| set.strip_suffix(')'));
    let inside = inside.ok_or_else(|| format!("unable to parse requirement: found '{}' expected: '('", set.trim()))?;
    let values = inside.split(',').map(|value| value.trim().to_owned()).collect();
    Ok(of(key, if negative { Operator::NotIn(values) } else { Operator::In(values) }))
}

/// Requirements on an object's name and namespace.
#[derive(Debug, Default)]
pub(super) struct FieldSelector(Vec<(bool, String, bool)>);

impl FieldSelector {
    /// Reads the text of a fieldSelector.
    ///
    /// # Errors
    /// 400 for other fields than these two.
    pub(super) fn parse(text: &str) -> Result<Self, Status> {
        let mut requirements = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (field, value, wanted) = if let Some((field, value)) = part.split_once("!=") {
                (field, value, false)
            } else if let Some((field, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
                (field, value, true)
            } else {
                return Err(Status::bad_request(format!("invalid selector: '{text}'; can't understand '{part}'")));
            };
            let is_name = match field {
                "metadata.name" => true,
                "metadata.namespace" => false,
                other => {
                    let message = format!(
                        "{other:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    );
                    return Err(Status::bad_request(message));
                }
            };
            requirements.push((is_name, value.to_owned(), wanted));
        }
        Ok(Self(requirements))
    }

    /// Whether an object is what is asked for.
    pub(super) fn matches(&self, object: &Value) -> bool {
        self.0.iter().all(|(is_name, value, wanted)| {
            let held = if *is_name { name(object) } else { namespace(object) };
            (held == value) == *wanted
        })
    }

    /// Whether everything matches.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
