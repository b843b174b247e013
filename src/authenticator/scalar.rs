//! What a plain YAML scalar means to the parser that the authenticator uses.
//!
//! The rules are those of `resolve.go` in go.yaml.in/yaml/v2: YAML 1.1 booleans (`yes`, `on`, `y`), octal and binary
//! numbers, `_` in numbers; dates stay text when they are decoded into an interface, and base 60 is not supported.

/// What a scalar resolves to, as far as it matters for aws-auth: which values become strings and which do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number,
    /// A whole number above `i64::MAX`, which cannot be the key of a mapping.
    BigNumber,
    /// An infinity or not a number, which cannot be written as JSON.
    NotFinite,
    /// A plain `<<`, which merges as a key and is text anywhere else.
    Merge,
    Text,
}

/// Resolves an untagged plain scalar.
pub(super) fn resolve(raw: &str) -> Kind {
    if let Some(kind) = named(raw) {
        return kind;
    }
    match raw.as_bytes().first() {
        Some(b'.') if is_float(raw) => Kind::Number,
        Some(b'+' | b'-' | b'0'..=b'9') => number(&raw.replace('_', "")),
        _ => Kind::Text,
    }
}

fn named(raw: &str) -> Option<Kind> {
    Some(match raw {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Kind::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Kind::Bool(false),
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => Kind::NotFinite,
        "<<" => Kind::Merge,
        _ => return None,
    })
}

fn number(plain: &str) -> Kind {
    let (negative, digits) = match plain.as_bytes().first() {
        Some(b'-') => (true, &plain[1..]),
        Some(b'+') => (false, &plain[1..]),
        _ => (false, plain),
    };
    let unsigned = digits.len() == plain.len();
    match whole(digits) {
        Some(value) if value <= i64::MAX.unsigned_abs() || negative && value == 1 << 63 => return Kind::Number,
        Some(_) if unsigned => return Kind::BigNumber,
        _ => {}
    }
    let signed_binary = plain.strip_prefix("0b").is_some_and(|rest| i64::from_str_radix(rest, 2).is_ok());
    if signed_binary || is_float(plain) { Kind::Number } else { Kind::Text }
}

/// Reads an unsigned number with Go's prefixes: `0x`, `0o`, `0b`, and a leading zero for octal.
fn whole(digits: &str) -> Option<u64> {
    let lower = digits.to_ascii_lowercase();
    let (radix, rest) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    // Rust takes a sign here, Go does not.
    if rest.starts_with(['+', '-']) { None } else { u64::from_str_radix(rest, radix).ok() }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, and not so large that it overflows.
fn is_float(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    let exponent_fits = exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)));
    mantissa_fits && exponent_fits && unsigned.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yaml_1_1_words_and_numbers_are_not_text() {
        for raw in ["yes", "On", "y", "n", "OFF", "true"] {
            assert!(matches!(resolve(raw), Kind::Bool(_)), "{raw}");
        }
        for raw in ["0777", "0x1F", "0b101", "0b-1", "1_000", "1.", ".5", "1e3", "-12", "+7", "0o17", "9e307"] {
            assert_eq!(resolve(raw), Kind::Number, "{raw}");
        }
        for raw in ["", "~", "NULL"] {
            assert_eq!(resolve(raw), Kind::Null, "{raw}");
        }
        assert_eq!(resolve("18446744073709551615"), Kind::BigNumber);
        assert_eq!(resolve("-.Inf"), Kind::NotFinite);
    }

    #[test]
    fn what_only_looks_special_is_text() {
        for raw in ["yEs", "12:30:45", "2020-01-01", "089x", "1e999", ".", "+", "0x", "0b2", "nAn", "inf", "-", "_1"] {
            assert_eq!(resolve(raw), Kind::Text, "{raw}");
        }
        assert_eq!(resolve("089"), Kind::Number, "not octal, but a float");
    }
}
