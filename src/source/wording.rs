//! What does not fit a schema, in words: what was expected, what was found, what to write instead.

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use serde_json::Value;

use super::{
    check::{Checked, Expected, Problem, at_key},
    decode::label,
};

/// How alike two words must be to suggest one for the other, from 0 to 1.
const ALIKE: f64 = 0.8;

pub(super) fn unknown_key(checked: &Checked<'_>, mapping: &str, key: &str, allowed: &[String]) -> Problem {
    let place = if mapping.is_empty() { String::new() } else { format!(" in {}", label(mapping)) };
    let list = format!("the keys allowed here are: {}", allowed.join(", "));
    let help = match (closest(key, allowed), checked.belongs_under(key)) {
        (Some(word), _) => format!("did you mean `{word}`? {list}"),
        (None, Some(parent)) => format!("`{key}` belongs under `{parent}`; {list}"),
        (None, None) => list,
    };
    Problem::key(at_key(mapping, key), format!("unknown key `{key}`{place}"), Some(help))
}

pub(super) fn missing_key(checked: &Checked<'_>, mapping: &str, key: &str, schema: Option<&Value>) -> Problem {
    let place = if mapping.is_empty() { String::new() } else { format!(" in {}", label(mapping)) };
    let property = schema.and_then(|schema| schema.get("properties")).and_then(|all| all.get(key));
    let description = property.and_then(|one| one.get("description")).and_then(Value::as_str);
    let about = description.and_then(|text| text.split("\n\n").next()).map(|text| text.replace('\n', " "));
    let help = match (property.and_then(example), about) {
        (Some(example), Some(about)) => format!("add `{key}: {example}`. {about}"),
        (Some(example), None) => format!("add `{key}: {example}`"),
        (None, Some(about)) => format!("add `{key}: …`. {about}"),
        (None, None) => format!("add `{key}: …`"),
    };
    let pointer = if checked.doc.span(mapping).is_some() { mapping } else { "" };
    let message = format!("the key `{key}` is missing{place}");
    Problem { pointer: pointer.to_owned(), at_key: true, message, help: Some(help), remove: None }
}

/// A value that a schema allows, as it is written in a file: its only one, or its first example.
fn example(schema: &Value) -> Option<String> {
    let only = schema.get("enum").and_then(Value::as_array).filter(|all| all.len() == 1).and_then(|all| all.first());
    let first = schema.get("examples").and_then(|all| all.get(0));
    let value = schema.get("const").or(only).or(first)?;
    Some(match value.as_str() {
        Some(text) if text.contains(['*', '[', '#']) => format!("\"{text}\""),
        Some(text) => text.to_owned(),
        None => value.to_string(),
    })
}

pub(super) fn expected(checked: &Checked<'_>, pointer: &str, expected: &[Expected], schema: Option<&Value>) -> Problem {
    let value = checked.doc.value().pointer(pointer).unwrap_or(&Value::Null);
    let names: Vec<String> = expected.iter().map(name).collect();
    let wanted = list(&names, "or");
    let wanted = if wanted.is_empty() { "something else".to_owned() } else { wanted };
    if value.is_null() {
        let help = format!("write {wanted}, or take the key out");
        return Problem::value(pointer, format!("{} has no value", label(pointer)), Some(help));
    }
    let message = format!("{}: expected {wanted}, found {}", label(pointer), found(checked, pointer, value));
    let example = schema.and_then(example).map(|example| format!("such as {example}"));
    let help = match value {
        // A number in quotes would not be a duration either.
        Value::Number(_) if example.is_some() => example,
        _ => instead(checked, pointer, value, expected).or(example),
    };
    Problem::value(pointer, message, help)
}

fn name(expected: &Expected) -> String {
    match expected {
        Expected::Exactly(value) => format!("`{value}`"),
        Expected::Type(kind) => match kind.as_str() {
            "string" => "a text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "true or false",
            "array" => "a list",
            "object" => "a mapping",
            other => other,
        }
        .to_owned(),
    }
}

fn found(checked: &Checked<'_>, pointer: &str, value: &Value) -> String {
    let kind = match value {
        Value::Null => return "nothing".to_owned(),
        Value::Array(_) => return "a list".to_owned(),
        Value::Object(_) => return "a mapping".to_owned(),
        Value::Bool(_) => "",
        Value::Number(_) => "the number ",
        Value::String(_) => "the text ",
    };
    match checked.quote(pointer) {
        Some(raw) => format!("{kind}`{raw}`"),
        None => match value {
            Value::Number(_) => "a number".to_owned(),
            _ => "a text".to_owned(),
        },
    }
}

/// What to write instead, when that can be told.
fn instead(checked: &Checked<'_>, pointer: &str, value: &Value, expected: &[Expected]) -> Option<String> {
    let exact: Vec<String> =
        expected.iter().filter_map(|one| if let Expected::Exactly(v) = one { Some(v.clone()) } else { None }).collect();
    let takes = |kind: &str| expected.iter().any(|one| matches!(one, Expected::Type(name) if name == kind));
    if let Some(text) = value.as_str() {
        if let Some(word) = closest(text, &exact) {
            return Some(format!("did you mean `{word}`?"));
        }
        if takes("boolean") {
            match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "y" => return Some("write `true`".to_owned()),
                "no" | "off" | "n" => return Some("write `false`".to_owned()),
                _ => {}
            }
        }
        if (takes("integer") || takes("number")) && text.parse::<u64>().is_ok() {
            return Some(format!("write it without quotes: {text}"));
        }
    }
    let scalar = value.is_string() || value.is_number() || value.is_boolean();
    let raw = checked.quote(pointer).filter(|_| scalar)?;
    let quoted = if value.is_string() { raw.to_owned() } else { format!("\"{raw}\"") };
    let is_account_id = value.is_number() && raw.len() == 12 && raw.bytes().all(|b| b.is_ascii_digit());
    if is_account_id && (takes("string") || takes("array")) {
        let list = if takes("string") { quoted } else { format!("[{quoted}]") };
        return Some(format!("an AWS account id must be quoted, or it loses its leading zero: write {list}"));
    }
    if takes("string") {
        return Some(format!("write it in quotes: {quoted}"));
    }
    takes("array").then(|| format!("write it as a list: [{}]", if raw.contains(',') { raw } else { &quoted }))
}

/// The problems that have no wording of their own elsewhere.
pub(super) fn other(checked: &Checked<'_>, error: &ValidationError<'_>) -> Problem {
    let pointer = error.instance_path().as_str();
    let name = label(pointer);
    let but = checked.quote(pointer).map(|raw| format!(", not {raw}")).unwrap_or_default();
    let filled = || Some("name at least one, or take the key out".to_owned());
    let (message, help) = match error.kind() {
        Kind::Minimum { limit } => (format!("{name} must be at least {limit}{but}"), None),
        Kind::Maximum { limit } => (format!("{name} must be at most {limit}{but}"), None),
        Kind::MinItems { limit: 1 } | Kind::MinProperties { limit: 1 } => {
            (format!("{name} must not be empty"), filled())
        }
        Kind::MinItems { limit } => (format!("{name} must have at least {limit} items"), None),
        Kind::MaxItems { limit } => (format!("{name} must have at most {limit} items"), None),
        Kind::MaxProperties { limit } => (format!("{name} must have at most {limit} keys"), None),
        Kind::MinLength { limit: 1 } => (format!("{name} must not be an empty text"), None),
        Kind::MinLength { limit } => (format!("{name} must have at least {limit} characters"), None),
        Kind::MaxLength { limit } => (format!("{name} must have at most {limit} characters"), None),
        Kind::UniqueItems => (format!("{name} names something twice"), None),
        Kind::Pattern { pattern } => (format!("{name} does not have the form `{pattern}`"), None),
        Kind::OneOfMultipleValid { .. } => (format!("{name} can be read in more than one way"), None),
        Kind::PropertyNames { .. } => (format!("{name} has a key that is not allowed"), None),
        _ => (format!("{name}: {}", error.masked()), None),
    };
    Problem::value(pointer, message, help)
}

/// The allowed word that was probably meant.
pub(super) fn closest<'w>(word: &str, allowed: &'w [String]) -> Option<&'w str> {
    let plain = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let word = plain(word);
    let alike = allowed.iter().map(|candidate| (strsim::jaro_winkler(&word, &plain(candidate)), candidate));
    let best = alike.filter(|(score, _)| *score >= ALIKE).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, candidate)| candidate.as_str())
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn list(items: &[String], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}
