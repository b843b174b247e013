//! Patterns of policy documents.

/// An action with `*` and `?`; case means nothing.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>.
#[derive(Clone, Debug)]
pub(super) struct ActionPattern(Vec<Part>);

/// A resource's ARN with `*` and `?` and, where the document's version has them, policy variables.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>.
#[derive(Clone, Debug)]
pub(super) struct ArnPattern {
    parts: Vec<Part>,
    variable: bool,
}

/// Whether a pattern means an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    No,
    /// It depends on what a policy variable stands for.
    Perhaps,
    Yes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    /// `?`
    One,
    /// `*` with more of its segment behind it: it ends where the segment ends.
    Some,
    /// `*` at the end of a segment, which also matches beyond colons, or a policy variable.
    Any,
}

impl ActionPattern {
    pub(super) fn new(text: &str) -> Self {
        let part = |c: char| match c {
            '*' => Part::Any,
            '?' => Part::One,
            c => Part::Char(c.to_ascii_lowercase()),
        };
        Self(text.chars().map(part).collect())
    }

    pub(super) fn matches(&self, action: &str) -> bool {
        matches(&self.0, &action.to_ascii_lowercase().chars().collect::<Vec<_>>())
    }
}

impl ArnPattern {
    pub(super) fn new(text: &str, variables: bool) -> Self {
        let mut pattern = Self { parts: Vec::new(), variable: false };
        let whole = completed(text);
        let mut rest = whole.as_str();
        while let Some(c) = rest.chars().next() {
            let inside = rest.strip_prefix("${").and_then(|inside| inside.split_once('}')).filter(|_| variables);
            if let Some((name, behind)) = inside {
                pattern.variable(name);
                rest = behind;
                continue;
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
            pattern.parts.push(match c {
                '*' if rest.is_empty() || rest.starts_with(':') => Part::Any,
                '*' => Part::Some,
                '?' => Part::One,
                c => Part::Char(c),
            });
        }
        pattern
    }

    /// `${*}`, `${?}` and `${$}` are those characters themselves; what all others stand for is known to AWS alone.
    ///
    /// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.
    fn variable(&mut self, name: &str) {
        let part = match name {
            "*" | "?" | "$" => Part::Char(name.chars().next().unwrap_or_default()),
            _ => {
                self.variable = true;
                Part::Any
            }
        };
        self.parts.push(part);
    }

    pub(super) fn matches(&self, arn: &str) -> Meant {
        match (matches(&self.parts, &arn.chars().collect::<Vec<_>>()), self.variable) {
            (false, _) => Meant::No,
            (true, true) => Meant::Perhaps,
            (true, false) => Meant::Yes,
        }
    }
}

/// An ARN of fewer than six fields has `*` in those that lack.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html> ("Incomplete ARN").
fn completed(text: &str) -> String {
    let fields = text.split(':').count();
    let missing = if text.starts_with("arn:") { 6_usize.saturating_sub(fields) } else { 0 };
    format!("{text}{}", ":*".repeat(missing))
}

/// Goes through the text once for each part, keeping the places up to which the parts before may reach.
fn matches(pattern: &[Part], text: &[char]) -> bool {
    let mut reached = vec![false; text.len() + 1];
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    for part in pattern {
        let mut next = vec![false; text.len() + 1];
        let mut within = false;
        for (at, place) in next.iter_mut().enumerate() {
            let before = at.checked_sub(1).and_then(|at| Some((*reached.get(at)?, *text.get(at)?)));
            let here = reached.get(at).copied().unwrap_or_default();
            *place = match (part, before) {
                (Part::Char(wanted), Some((true, c))) => *wanted == c,
                (Part::One, Some((true, c))) => c != ':',
                (Part::Any, _) => within || here,
                (Part::Some, before) => here || (within && before.is_some_and(|(_, c)| c != ':')),
                _ => false,
            };
            within = *place;
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}
