//! What the reading crate lets pass and the authenticator's parser does not, found with a second parser.

use std::collections::BTreeSet;

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::Broken;

/// Why the authenticator's parser would refuse the first document, or read it in a way that cannot be followed here.
///
/// - A plain scalar within `[]` or `{}` ends at a question mark, and what follows does not parse
///   (`yaml_parser_scan_plain_scalar` in go.yaml.in/yaml/v2's `scannerc.go`; later YAML parsers take it as text).
/// - A byte order mark at the beginning of a line other than the first.
/// - An anchor that is defined twice: the reading crate mixes the two up, so its aliases are not trusted.
pub(super) fn refused(text: &str) -> Option<Broken> {
    if let Some(at) = text.find("\n\u{feff}") {
        let line = text[..at].matches('\n').count() + 2;
        let message = "a byte order mark stands within the text".to_owned();
        return Some(Broken { message, line: Some(line), column: Some(1) });
    }
    if !text.contains(['?', '&']) {
        return None;
    }
    let options = granit_parser::options! { emit_comments: false, emit_anchor_events: true };
    let (mut flow, mut twice, mut aliased) = (0_usize, None, false);
    let mut anchors = BTreeSet::new();
    for next in Parser::new_from_str_with_options(text, options) {
        let Ok((event, span)) = next else { break };
        let broken =
            |message: String| Broken { message, line: Some(span.start.line()), column: Some(span.start.col() + 1) };
        match event {
            Event::SequenceStart(StructureStyle::Flow, ..) | Event::MappingStart(StructureStyle::Flow, ..) => flow += 1,
            Event::SequenceEnd | Event::MappingEnd if !span.is_empty() => flow = flow.saturating_sub(1),
            Event::Scalar(_, ScalarStyle::Plain, ..)
                if flow > 0 && span.slice(text).is_some_and(|s| s.contains('?')) =>
            {
                return Some(broken("a text with a question mark within [] or {} needs quotes".to_owned()));
            }
            Event::Anchor(_, name) if !anchors.insert(name.to_string()) => {
                twice.get_or_insert(broken(format!("the anchor &{name} is defined twice, so its aliases are unsure")));
            }
            Event::Alias(_) => aliased = true,
            Event::DocumentEnd => break,
            _ => {}
        }
    }
    twice.filter(|_| aliased)
}
