//! What a person should know when a text is not YAML.

use granit_parser::{ErrorKind, ScanError};

use super::{Diagnostic, SourceFile, Span};

const TAB: &str = "a tab cannot indent YAML";

/// The parser's error in words, with what usually leads to it.
pub(super) fn diagnostic(file: &SourceFile, base: usize, error: &ScanError) -> Diagnostic {
    let at = (error.marker().byte_offset().unwrap_or(file.text.len()) + base).min(file.text.len());
    let at = (0..=at).rev().find(|at| file.text.is_char_boundary(*at)).unwrap_or(0);
    // The parser reports some tabs where the text before them began.
    let tab = words(error).0 == TAB;
    let at = file.text.get(at..).and_then(|rest| rest.find('\t')).filter(|_| tab).map_or(at, |further| at + further);
    let width =
        file.text.get(at..).and_then(|rest| rest.chars().next()).filter(|c| *c != '\n').map_or(0, char::len_utf8);
    let (message, help) = words(error);
    let diagnostic = Diagnostic::error(&file.name, Some(Span { start: at, end: at + width }), message);
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn words(error: &ScanError) -> (String, Option<&'static str>) {
    const QUOTE_STAR: &str = "a text that begins with `*` must be quoted: write \"*\" or \"*-dev\"";
    const INDENT: &str = "keys of one mapping and items of one list begin in the same column";
    let (message, help) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => (TAB, Some("use spaces")),
        ErrorKind::UnknownAnchor => ("this alias has no anchor", Some(QUOTE_STAR)),
        ErrorKind::MissingAnchorOrAliasName => {
            ("a `*` or `&` without quotes is an alias or an anchor and needs a name", Some(QUOTE_STAR))
        }
        ErrorKind::UnclosedQuotedScalar => ("this quote is never closed", None),
        ErrorKind::InvalidQuotedScalarIndent | ErrorKind::DocumentIndicatorInQuotedScalar => (
            "a text in quotes goes on to here",
            Some("close the quote on the line before, or indent what belongs to it"),
        ),
        ErrorKind::InvalidColonPlacement => {
            ("there cannot be a `:` here", Some("a `[`, a `{` or a quote before it is not closed"))
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            return (format!("this `{open}` is never closed"), None);
        }
        ErrorKind::UnexpectedEofFlowSequence => ("a `[` is never closed", None),
        ErrorKind::UnexpectedEofFlowMapping | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            ("a `{` is never closed", None)
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), None);
        }
        ErrorKind::ExpectedFlowMappingSeparator => ("there should be a `,` or a `}` here", None),
        ErrorKind::ExpectedFlowSequenceSeparator => ("there should be a `,` or a `]` here", None),
        ErrorKind::MappingValueNotAllowed => {
            ("there cannot be a `:` here", Some("quote a text that holds `: `, and check the indentation"))
        }
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::MappingKeyNotAllowed => ("the indentation does not fit", Some(INDENT)),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            ("a key without a `:`", Some("a key is written `key: value`, with a space after the colon"))
        }
        ErrorKind::UnexpectedCharacter { character } => {
            return (format!("a text cannot begin with {character:?} unless it is quoted"), Some("write it in quotes"));
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            ("there is more text after the closing quote", Some("put all of it into the quotes"))
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("YAML does not know this `\\` escape", Some("write `\\\\` for a backslash, or use single quotes"))
        }
        ErrorKind::RecursionLimitExceeded => ("lists and mappings nest too deep", None),
        ErrorKind::DirectiveDisallowed => ("YAML directives are not supported", None),
        _ => return (format!("this is not YAML: {}", error.info()), None),
    };
    (message.to_owned(), help)
}
