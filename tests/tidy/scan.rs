//! Reads Rust text just well enough to know which rooms of the crate it names.

/// The text with comments and the insides of strings and characters blanked, line by line as long as before.
pub fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = end_of_literal(&chars, at);
        for c in &chars[at..end.max(at + 1)] {
            out.push(if end > at && *c != '\n' { ' ' } else { *c });
        }
        at = end.max(at + 1);
    }
    out
}

/// Where the comment, string or character that starts at `at` ends; `at` itself when none starts there.
fn end_of_literal(chars: &[char], at: usize) -> usize {
    let get = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let inside_a_word = at > 0 && is_word(chars[at - 1]);
    match (get(at), get(at + 1)) {
        ('/', '/') => {
            let rest = chars[at..].iter().position(|c| *c == '\n');
            rest.map_or(chars.len(), |length| at + length)
        }
        ('/', '*') => end_of_block_comment(chars, at),
        ('"', _) => end_of_string(chars, at + 1),
        ('r' | 'b' | 'c', _) if !inside_a_word => {
            let prefix = chars[at..].iter().take_while(|c| matches!(c, 'r' | 'b' | 'c')).count();
            let hashes = chars[at + prefix..].iter().take_while(|c| **c == '#').count();
            let raw = chars[at..at + prefix].contains(&'r');
            match (get(at + prefix + hashes), raw) {
                ('"', true) => end_of_raw_string(chars, at + prefix + hashes + 1, hashes),
                ('"', false) if hashes == 0 => end_of_string(chars, at + prefix + 1),
                _ => at,
            }
        }
        // A lifetime has no quote after its first letter; a character has one after it or is escaped.
        ('\'', '\\') => {
            let rest = chars[at + 3..].iter().position(|c| *c == '\'');
            rest.map_or(chars.len(), |length| at + 3 + length + 1)
        }
        ('\'', _) if get(at + 2) == '\'' => at + 3,
        _ => at,
    }
}

fn end_of_block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn end_of_raw_string(chars: &[char], mut at: usize, hashes: usize) -> usize {
    while at < chars.len() {
        let closing = chars[at + 1..].iter().take_while(|c| **c == '#').count();
        if chars[at] == '"' && closing >= hashes {
            return at + 1 + hashes;
        }
        at += 1;
    }
    chars.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Words, `::` and single signs of code without comments and strings, each with its line.
pub fn tokens(code: &str) -> Vec<(usize, &str)> {
    let mut tokens = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                _ => word,
            };
            tokens.push((number + 1, &rest[..length]));
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// The names right below the crate's root that a file's paths lead through, each with its line.
///
/// `module` is the file's own place in the crate, which `super` starts from. What stays inside the file's
/// room is not listed.
pub fn references<'a>(tokens: &[(usize, &'a str)], module: &[&'a str]) -> Vec<(usize, &'a str)> {
    let word = |index: usize| tokens.get(index).map_or("", |token| token.1);
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut inline: Vec<(usize, &str)> = Vec::new();
    for at in 0..tokens.len() {
        match word(at) {
            "{" => {
                if at >= 2 && word(at - 2) == "mod" {
                    inline.push((depth, word(at - 1)));
                }
                depth += 1;
            }
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|(opened, _)| *opened < depth);
            }
            "crate" | "rolecall" if word(at + 1) == "::" => list(tokens, at + 2, &mut found),
            "super" | "self" if word(at + 1) == "::" && (at == 0 || word(at - 1) != "::") => {
                let mut place: Vec<&str> = module.to_vec();
                place.extend(inline.iter().map(|(_, name)| *name));
                let mut next = at;
                while matches!(word(next), "super" | "self") && word(next + 1) == "::" {
                    if word(next) == "super" {
                        place.pop();
                    }
                    next += 2;
                }
                if place.is_empty() {
                    list(tokens, next, &mut found);
                }
            }
            _ => {}
        }
    }
    found
}

/// What stands at `at`, right below the root: one name, or the first name of each entry of a group.
fn list<'a>(tokens: &[(usize, &'a str)], at: usize, found: &mut Vec<(usize, &'a str)>) {
    if tokens.get(at).is_none_or(|token| token.1 != "{") {
        found.extend(tokens.get(at).copied());
        return;
    }
    let mut depth = 0_usize;
    for pair in tokens[at..].windows(2) {
        match pair[0].1 {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
        if depth == 1 && matches!(pair[0].1, "{" | ",") && pair[1].1 != "}" {
            found.push(pair[1]);
        }
    }
}
