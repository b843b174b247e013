//! Reading parameters, whichever protocol they came by.

use serde_json::Value;

use super::wire::Fault;

/// A text.
pub(super) fn text<'a>(input: &'a Value, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str)
}

/// A text that has to be there: without it, an error with this code.
pub(super) fn required<'a>(input: &'a Value, name: &str, code: &str) -> Result<&'a str, Fault> {
    let missing = || {
        let at = format!("Value null at '{}' failed to satisfy constraint: Member must not be null", lower_first(name));
        Fault::new(code, format!("1 validation error detected: {at}"))
    };
    text(input, name).ok_or_else(missing)
}

/// A number, which forms and queries hold as text.
pub(super) fn number(input: &Value, name: &str) -> Option<i64> {
    let value = input.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A list of texts; a query with a single one holds just that.
pub(super) fn texts(input: &Value, name: &str) -> Vec<String> {
    match input.get(name) {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

/// Errors name members with a small first letter.
pub(super) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
