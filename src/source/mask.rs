//! Secrets stay out of snippets.
//!
//! The work is done on the text, not on the parsed document: a file that does not parse must not show its secrets
//! either. Every masked byte becomes one `*`, so that offsets and columns stay right.

/// The text with the values of `externalId`, however the key is spelled, and the user parts of URLs masked; carriage
/// returns become blanks.
pub(super) fn mask(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (key, after) in keys(text) {
        if let Some((start, end)) = value(text, key, after) {
            hide(&mut bytes, start, end);
            hide_anchor(text, &mut bytes, start);
        }
    }
    for (at, _) in text.match_indices("://") {
        let rest = text.get(at + 3..).unwrap_or_default();
        let authority = rest.split(|c: char| c.is_whitespace() || "/\"',}]".contains(c)).next().unwrap_or_default();
        if let Some(user) = authority.rfind('@') {
            hide(&mut bytes, at + 3, at + 3 + user);
        }
    }
    for byte in &mut bytes {
        if *byte == b'\r' {
            *byte = b' ';
        }
    }
    // Whole characters were replaced by as many stars as they had bytes, so this is still UTF-8.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Whether the key's value is a secret, in whatever spelling.
pub(super) fn is_secret(key: &str) -> bool {
    let plain: String = key.chars().filter(|c| c.is_alphanumeric()).collect();
    plain.eq_ignore_ascii_case("externalid")
}

fn hide(bytes: &mut [u8], start: usize, end: usize) {
    let Some(part) = bytes.get_mut(start..end) else { return };
    for byte in part.iter_mut().filter(|byte| !matches!(**byte, b'\n' | b'\r')) {
        *byte = b'*';
    }
}

/// Where each key that holds a secret begins, and the offset after its colon.
fn keys(text: &str) -> Vec<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, word) in lower.match_indices("external") {
        let mut rest = lower.get(at + word.len()..).unwrap_or_default();
        rest = rest.trim_start_matches(['_', '-', ' ']);
        let Some(after_id) = rest.strip_prefix("id") else { continue };
        let quoted = after_id.trim_start_matches(['"', '\'']);
        let colon = quoted.trim_start_matches([' ', '\t', '\r', '\n']).strip_prefix(':');
        // Where the colon was forgotten, the secret stands there all the same.
        let next = quoted.chars().next().is_none_or(|c| !c.is_alphanumeric()).then_some(quoted);
        if let Some(after) = colon.or(next) {
            found.push((at, text.len() - after.len()));
        }
    }
    found
}

/// The bytes of the value after a key's colon.
fn value(text: &str, key: usize, after: usize) -> Option<(usize, usize)> {
    let line_start = text.get(..key)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(line_start..key)?;
    let rest = text.get(after..)?;
    let blank = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let start = after + blank;
    let rest = text.get(start..)?;
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return Some((start, start + quoted_length(rest, quote)));
    }
    let line = rest.split('\n').next()?;
    let in_flow = before.matches(['{', '[']).count() > before.matches(['}', ']']).count();
    let flow_end = [", ", "}"].iter().filter_map(|stop| line.find(stop)).min();
    if let (true, Some(end)) = (in_flow, flow_end) {
        return Some((start, start + end));
    }
    // A plain or block text may go on over lines that are indented more than its key.
    let indent = before.chars().take_while(|c| *c == ' ').count();
    let mut end = start + line.len();
    for next in text.get(end..)?.strip_prefix('\n').unwrap_or_default().split('\n') {
        let deeper = next.chars().take_while(|c| *c == ' ').count() > indent;
        if !deeper && !next.trim().is_empty() {
            break;
        }
        end += 1 + next.len();
    }
    Some((start, end.min(text.len())))
}

/// The length of a quoted text with its quotes; without a closing quote it goes to the end of the file.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A secret given by alias is written at its anchor.
fn hide_anchor(text: &str, bytes: &mut [u8], start: usize) {
    let name: String = text.get(start..).unwrap_or_default().chars().take_while(|c| !c.is_whitespace()).collect();
    let Some(name) = name.strip_prefix('*').map(|name| name.trim_end_matches([',', '}'])) else { return };
    for (at, anchor) in text.match_indices(&format!("&{name}")) {
        let from = at + anchor.len();
        let line = text.get(from..).and_then(|rest| rest.split('\n').next()).unwrap_or_default();
        hide(bytes, from, from + line.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_in_every_way_of_writing_them() {
        for text in [
            "externalId: s3cr3t",
            "externalId: \"s3cr3t\"",
            "a: {\"externalId\": \"s3\\\"cr3t s3cr3t\", b: shown}",
            "hub: {roleArn: shown, externalId: s3cr3t,s3cr3t, b: shown}",
            "external_id: s3cr3t # s3cr3t",
            "EXTERNALID:\n  s3cr3t\nb: shown",
            "externalId: |\n  s3cr3t\n  s3cr3t\nb: shown",
            "  externalId: s3cr3t\n    s3cr3t\n  b: shown",
            "externalId: 's3cr3t\n s3cr3t'\nb: shown",
            "externalId: \"s3cr3t",
            "externalId s3cr3t\nb: shown",
            "hub: {externalId=s3cr3t, b: shown}",
            "externalId\n  s3cr3t\nb: shown",
            "x: &id s3cr3t\nexternalId: *id\nb: shown",
            "externalId: sécr3ts3cr3t\r\nb: shown",
            "proxy: http://me:s3cr3t@proxy:3128/shown",
            "{proxy: \"http://s3cr3t@proxy\", b: shown}",
        ] {
            let masked = mask(text);
            assert!(!masked.contains("s3"), "{masked}");
            assert!(!masked.contains("cr3t"), "{masked}");
            assert_eq!(masked.len(), text.len());
            assert_eq!(text.contains("shown"), masked.contains("shown"), "{masked}");
        }
    }

    #[test]
    fn other_text_stays() {
        let text = "a: externally\nexternalIds: x\nb: https://example.com/a@b\nwho: me@example.com\n";
        assert_eq!(mask(text), text);
    }
}
