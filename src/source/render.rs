//! Diagnostics as a person reads them on a terminal: message, place, line, what to write instead.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Severity, SourceFile, Span, mask};

pub(super) fn render(diagnostics: &[&Diagnostic], files: &[SourceFile], color: bool) -> String {
    let shown: Vec<(&str, String)> = files.iter().map(|file| (file.name.as_str(), mask::mask(&file.text))).collect();
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&renderer.render(&[group(diagnostic, &shown)]));
        out.push_str("\n\n");
    }
    out
}

fn group<'a>(diagnostic: &'a Diagnostic, shown: &'a [(&'a str, String)]) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group =
        level.primary_title(diagnostic.message.as_str()).elements(Vec::<Snippet<'_, Annotation<'_>>>::new());
    let primary = diagnostic.span.map(|span| (diagnostic.file.as_str(), span, None));
    if primary.is_none() {
        group = group.element(Origin::path(diagnostic.file.as_str()));
    }
    let related = diagnostic.related.iter().map(|(file, span, label)| (file.as_str(), *span, Some(label.as_str())));
    // One snippet for each place: places of one file that lie far apart then show no more than their own lines.
    for (file, span, label) in primary.into_iter().chain(related) {
        group = match shown.iter().find(|(name, _)| *name == file) {
            Some((_, text)) => group.element(snippet(file, text, span, label)),
            None => group.element(Origin::path(file)),
        };
    }
    match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    }
}

/// The first line of what is meant, so that a long mapping does not fill the screen.
fn snippet<'a>(file: &'a str, text: &'a str, span: Span, label: Option<&'a str>) -> Snippet<'a, Annotation<'a>> {
    let start = floor(text, span.start);
    let line_start = text.get(..start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line_end = text.get(start..).and_then(|after| after.find('\n')).map_or(text.len(), |at| start + at);
    let line_end = line_start + text.get(line_start..line_end).map_or(0, |line| line.trim_end().len());
    let start = start.min(line_end);
    let end = floor(text, span.end).clamp(start, line_end);
    let line = 1 + text.get(..line_start).map_or(0, |before| before.matches('\n').count());
    let kind = if label.is_some() { AnnotationKind::Context } else { AnnotationKind::Primary };
    Snippet::source(text.get(line_start..line_end).unwrap_or_default())
        .path(file)
        .line_start(line)
        .annotation(kind.span(start - line_start..end - line_start).label(label))
}

/// The nearest character boundary at or before the offset.
fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}
