//! Text for terminals: cleaning what came from outside, colours, and lines that wrap with a hanging indent.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

/// Plain text.
pub(super) const PLAIN: Style = Style::new();
/// Names and headings.
pub(super) const BOLD: Style = Style::new().bold();
/// What is only read when the rest was not enough.
pub(super) const DIM: Style = Style::new().dimmed();
/// What is fine or comes new.
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
/// What differs.
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
/// What is held back or not known, and what goes.
pub(super) const RED: Style = AnsiColor::Red.on_default();
/// Places in a diff.
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();

/// Whether a character could steer a terminal or hide how a text reads: control characters and those that turn the
/// direction of writing or take no room.
///
/// See <https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing>.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// One line of text from outside: what could steer a terminal is shown as its escape, line breaks included.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            cleaned.extend(c.escape_default());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

/// A piece of a line in one style.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    text: String,
    style: Style,
    solid: bool,
}

/// A line that wraps at its spaces, the rest hanging under its beginning.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// Columns before the first row.
    indent: usize,
    /// Columns before the further rows.
    hang: usize,
    pieces: Vec<Piece>,
}

impl Line {
    /// An empty line; further rows stand four columns deeper than the first.
    pub(super) fn new(indent: usize) -> Self {
        Self { indent, hang: indent + 4, pieces: Vec::new() }
    }

    /// The same line whose further rows begin at a column.
    pub(super) fn hanging(self, hang: usize) -> Self {
        Self { hang, ..self }
    }

    /// The same line with a text from outside or from rolecall; it may wrap at its spaces.
    pub(super) fn with(mut self, style: Style, text: impl AsRef<str>) -> Self {
        self.pieces.push(Piece { text: clean(text.as_ref()), style, solid: false });
        self
    }

    /// The same line with a text that is never torn: padded columns and lines of a listing.
    pub(super) fn solid(mut self, style: Style, text: impl AsRef<str>) -> Self {
        self.pieces.push(Piece { text: clean(text.as_ref()), style, solid: true });
        self
    }

    /// The columns that the line takes without wrapping.
    pub(super) fn columns(&self) -> usize {
        self.indent + self.pieces.iter().map(|piece| piece.text.width()).sum::<usize>()
    }

    /// Writes the line and its line break, wrapped to a width where there is one.
    pub(super) fn render(&self, width: Option<usize>, color: bool, out: &mut String) {
        let limit = width.unwrap_or(usize::MAX).max(self.hang + 20);
        let mut column = self.indent;
        let mut fresh = true;
        let mut blanks = 0;
        out.extend(std::iter::repeat_n(' ', self.indent));
        for piece in &self.pieces {
            for (blank, word) in words(piece) {
                if blank {
                    blanks += word.width();
                    continue;
                }
                if !fresh && column + blanks + word.width() > limit {
                    out.push('\n');
                    out.extend(std::iter::repeat_n(' ', self.hang));
                    column = self.hang;
                } else {
                    out.extend(std::iter::repeat_n(' ', blanks));
                    column += blanks;
                }
                blanks = 0;
                fresh = false;
                paint(out, piece.style, word, color);
                column += word.width();
            }
        }
        out.push('\n');
    }
}

/// The words of a piece and the blanks between them.
fn words(piece: &Piece) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = piece.text.as_str();
    let solid = piece.solid;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let blank = !solid && rest.starts_with(' ');
        let end = if solid { rest.len() } else { rest.find(|c| (c == ' ') != blank).unwrap_or(rest.len()) };
        let (word, after) = rest.split_at(end);
        rest = after;
        Some((blank, word))
    })
}

/// Writes text in a style, when colours are wanted.
fn paint(out: &mut String, style: Style, text: &str, color: bool) {
    if color && style != PLAIN {
        let _ = write!(out, "{style}{text}{style:#}");
    } else {
        out.push_str(text);
    }
}

/// The text padded to a number of columns.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let text = clean(text);
    let missing = columns.saturating_sub(text.width());
    text + &" ".repeat(missing)
}

/// `1 cluster`, `2 clusters`.
pub(super) fn count(n: usize, one: &str) -> String {
    match (n, one.strip_suffix('y')) {
        (1, _) => format!("1 {one}"),
        (_, Some(stem)) => format!("{n} {stem}ies"),
        _ => format!("{n} {one}s"),
    }
}

/// Every line, rendered one under the other.
pub(super) fn render_all(lines: &[Line], width: Option<usize>, color: bool) -> String {
    let mut out = String::new();
    for line in lines {
        line.render(width, color, &mut out);
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_and_not_sent() {
        assert_eq!(clean("a\u{1b}[31mb\u{9b}2J\r\n\u{202e}c"), "a\\u{1b}[31mb\\u{9b}2J\\r\\n\\u{202e}c");
        assert_eq!(clean("Zürich 東京"), "Zürich 東京");
    }

    #[test]
    fn lines_wrap_at_spaces_and_hang() {
        let line = Line::new(2).with(RED, "one two").with(PLAIN, "  three four").with(PLAIN, " fiveandtwenty");
        let mut out = String::new();
        line.render(Some(26), false, &mut out);
        assert_eq!(out, "  one two  three four\n      fiveandtwenty\n");
        out.clear();
        line.render(None, true, &mut out);
        assert_eq!(out, "  \u{1b}[31mone\u{1b}[0m \u{1b}[31mtwo\u{1b}[0m  three four fiveandtwenty\n");
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(padded("東京", 6), "東京  ");
        assert_eq!(Line::new(0).with(PLAIN, "東京").columns(), 4);
    }
}
