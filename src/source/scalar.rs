//! What a plain scalar means, by the core schema of YAML 1.2.
//!
//! See <https://yaml.org/spec/1.2.2/#1032-tag-resolution>. `yes`, `no`, `on`, `off` and dates are texts, as there.

use serde_json::{Number, Value};

/// The value of an unquoted scalar. Infinities and not-a-number have no JSON value and stay texts.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    integer(text).or_else(|| float(text)).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn integer(text: &str) -> Option<Number> {
    if let Some(octal) = text.strip_prefix("0o") {
        return digits(octal).then(|| u64::from_str_radix(octal, 8).ok()).flatten().map(Number::from);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        let all_hex = hex.bytes().all(|b| b.is_ascii_hexdigit());
        return all_hex.then(|| u64::from_str_radix(hex, 16).ok()).flatten().map(Number::from);
    }
    if !digits(text.strip_prefix(['-', '+']).unwrap_or(text)) {
        return None;
    }
    text.parse::<u64>().map(Number::from).or_else(|_| text.parse::<i64>().map(Number::from)).ok()
}

fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    if exponent.is_some_and(|exponent| !digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))) {
        return None;
    }
    let valid = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    if valid { text.parse().ok().and_then(Number::from_f64) } else { None }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn scalars_mean_what_the_core_schema_says() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("True", json!(true)),
            ("yes", json!("yes")),
            ("off", json!("off")),
            ("012345678901", json!(12_345_678_901_u64)),
            ("-12", json!(-12)),
            ("+12", json!(12)),
            ("0o14", json!(12)),
            ("0xfF", json!(255)),
            ("0x", json!("0x")),
            ("1.33", json!(1.33)),
            (".5", json!(0.5)),
            ("5.", json!(5.0)),
            ("1e3", json!(1000.0)),
            ("1e", json!("1e")),
            ("-", json!("-")),
            (".", json!(".")),
            (".inf", json!(".inf")),
            ("1e999", json!("1e999")),
            ("99999999999999999999", json!(99_999_999_999_999_999_999.0)),
            ("2027-03-31", json!("2027-03-31")),
            ("1_000", json!("1_000")),
            ("22:30", json!("22:30")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }
}
