//! Globs over names, OU paths and ARNs.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};

/// A glob over a name: `*`, `?`, `[a-z]`, `{a,b}`.
#[derive(Clone)]
pub struct Glob {
    text: String,
    matcher: GlobMatcher,
}

/// The text is not a glob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a glob: {why}")]
pub struct GlobError {
    text: String,
    why: String,
}

fn compile(text: &str, literal_separator: bool) -> Result<GlobMatcher, GlobError> {
    GlobBuilder::new(text)
        .literal_separator(literal_separator)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|e| GlobError { text: text.to_owned(), why: e.kind().to_string() })
}

impl Glob {
    /// Compiles a glob in which `*` also matches `/`.
    ///
    /// # Errors
    /// When the text is empty or not a glob.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if text.is_empty() {
            return Err(GlobError { text: String::new(), why: "it is empty and would match nothing".to_owned() });
        }
        Ok(Self { text: text.to_owned(), matcher: compile(text, false)? })
    }

    /// Whether the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({:?})", self.text)
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

/// A glob over OU paths: `/Workloads/Dev` is the accounts right in Dev, `/Workloads/Dev/**` Dev and all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OuGlob {
    text: String,
    own: Option<OuPattern>,
    pattern: OuPattern,
}

#[derive(Clone)]
struct OuPattern(String, GlobMatcher);

impl fmt::Debug for OuPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for OuPattern {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for OuPattern {}

impl OuGlob {
    /// Compiles a glob over OU paths, in which `*` stays within one unit.
    ///
    /// # Errors
    /// When the text does not begin with `/` or is not a glob.
    pub fn new(text: &str) -> Result<Self, GlobError> {
        if !text.starts_with('/') {
            let why = "a path of organizational units begins with `/`, the organization's root".to_owned();
            return Err(GlobError { text: text.to_owned(), why });
        }
        let trimmed = if text == "/" { text } else { text.trim_end_matches('/') };
        let own = match trimmed.strip_suffix("/**") {
            Some("") => Some("/"),
            other => other,
        };
        let part = |text: &str| compile(text, true).map(|matcher| OuPattern(text.to_owned(), matcher));
        Ok(Self { text: text.to_owned(), own: own.map(part).transpose()?, pattern: part(trimmed)? })
    }

    /// Whether an account with this OU path is meant.
    pub fn matches(&self, ou_path: &str) -> bool {
        self.own.as_ref().is_some_and(|own| own.1.is_match(ou_path)) || self.pattern.1.is_match(ou_path)
    }

    /// The glob as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A pattern over ARNs in which `*` matches any text, as IAM's own patterns do, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArnPattern {
    text: String,
    lower: String,
    /// In small letters and without a role's path.
    bare: String,
}

impl ArnPattern {
    /// A pattern; every text is one, `*` and `?` are its only special characters.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let lower = text.to_lowercase();
        Self { bare: bare(&lower).unwrap_or_else(|| lower.clone()), lower, text }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the ARN matches, the role's path being optional on either side: `role/breakglass` protects
    /// `role/ops/breakglass` too, since aws-auth knows no paths.
    pub fn matches(&self, arn: &str) -> bool {
        let arn = arn.to_lowercase();
        let matches = |pattern: &str, arn: &str| wildcard(pattern.as_bytes(), arn.as_bytes());
        matches(&self.lower, &arn)
            || match bare(&arn) {
                Some(arn) => matches(&self.lower, &arn) || matches(&self.bare, &arn),
                None => matches(&self.bare, &arn),
            }
    }
}

/// The ARN without its role's path, when it has one.
fn bare(arn: &str) -> Option<String> {
    (arn.matches('/').count() > 1)
        .then(|| arn.parse::<super::Arn>().ok())
        .flatten()
        .map(|arn| arn.without_role_path().to_string())
}

/// Matches `*` and `?` over the whole text, greedily with one point to come back to.
pub fn wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(&c) if c == b'?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ou_path_means_the_unit_and_two_stars_all_below() {
        let one = OuGlob::new("/Workloads/Dev").unwrap();
        let all = OuGlob::new("/Workloads/Dev/**").unwrap();
        assert!(one.matches("/Workloads/Dev") && !one.matches("/Workloads/Dev/A") && !one.matches("/Workloads"));
        assert!(all.matches("/Workloads/Dev") && all.matches("/Workloads/Dev/A/B") && !all.matches("/Workloads/Dev2"));
        assert!(OuGlob::new("/**").unwrap().matches("/"));
        assert!(OuGlob::new("/*/Dev").unwrap().matches("/Workloads/Dev"));
        assert!(!OuGlob::new("/*").unwrap().matches("/Workloads/Dev"));
        assert!(OuGlob::new("Workloads").is_err());
    }

    #[test]
    fn arn_patterns_ignore_case_and_role_paths() {
        let pattern = ArnPattern::new("arn:aws:iam::*:role/breakglass");
        assert!(pattern.matches("arn:aws:iam::111122223333:role/BreakGlass"));
        assert!(pattern.matches("arn:aws:iam::111122223333:role/ops/breakglass"));
        assert!(!pattern.matches("arn:aws:iam::111122223333:role/breakglass2"));
        let with_path = ArnPattern::new("arn:aws:iam::111122223333:role/ops/breakglass");
        assert!(with_path.matches("arn:aws:iam::111122223333:role/breakglass"));
        assert!(ArnPattern::new("*").matches("anything"));
    }
}
