//! What is wrong with a file, for people.

use std::fmt;

use super::{SourceFile, render};

/// Byte offsets into a file's text, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but probably does not say what was meant.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong: what, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name as the user knows it.
    pub file: String,
    /// The place in the file, when there is one.
    pub span: Option<Span>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// Other places that have to do with it, each with what is there.
    pub related: Vec<(String, Span, String)>,
}

impl Diagnostic {
    /// An error in a file.
    pub fn error(file: impl Into<String>, span: Option<Span>, message: impl Into<String>) -> Self {
        let (file, message) = (file.into(), message.into());
        Self { severity: Severity::Error, file, span, message, help: None, related: Vec::new() }
    }

    /// A warning about a file.
    pub fn warning(file: impl Into<String>, span: Option<Span>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(file, span, message) }
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that has to do with it.
    #[must_use]
    pub fn related(mut self, file: impl Into<String>, span: Span, label: impl Into<String>) -> Self {
        self.related.push((file.into(), span, label.into()));
        self
    }

    /// One line, `file:line:column: error: message (help)`, for logs and editors.
    pub fn one_line(&self, files: &[SourceFile]) -> String {
        let mut place = self.file.clone();
        if let (Some(file), Some(span)) = (files.iter().find(|file| file.name == self.file), self.span) {
            let (line, column) = file.position(span.start);
            place = format!("{place}:{line}:{column}");
        }
        let help = self.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place}: {}: {}{help}", self.severity.as_str(), self.message).replace('\n', " ")
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.severity.as_str(), self.message)
    }
}

/// Everything that is wrong, collected over one or more files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Adds an error.
    pub fn error(&mut self, file: impl Into<String>, span: Option<Span>, message: impl Into<String>) {
        self.push(Diagnostic::error(file, span, message));
    }

    /// Adds a warning.
    pub fn warning(&mut self, file: impl Into<String>, span: Option<Span>, message: impl Into<String>) {
        self.push(Diagnostic::warning(file, span, message));
    }

    /// Adds many.
    pub fn extend(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(diagnostics);
    }

    /// Whether one of them is an error, so that the files must not be used.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Each of them, in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// Each of them by file (in the order of `files`) and place, no two the same.
    pub fn sorted(&self, files: &[SourceFile]) -> Vec<&Diagnostic> {
        let rank = |name: &str| files.iter().position(|file| file.name == name).unwrap_or(usize::MAX);
        let mut sorted: Vec<&Diagnostic> = self.0.iter().collect();
        sorted.sort_by_key(|d| (rank(&d.file), d.file.as_str(), d.span, d.severity, d.message.as_str()));
        sorted.dedup();
        sorted
    }

    /// Each with its place, its line and what to write instead, as a person reads it on a terminal. The values of keys
    /// that hold secrets are masked.
    pub fn render(&self, files: &[SourceFile], color: bool) -> String {
        render::render(&self.sorted(files), files, color)
    }

    /// One line for each, for logs and editors.
    pub fn one_lines(&self, files: &[SourceFile]) -> Vec<String> {
        self.sorted(files).iter().map(|diagnostic| diagnostic.one_line(files)).collect()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
