//! What can be kept of a section that does not parse: the rows that parse on their own.

use crate::{
    authenticator::{Row, Rows, SectionReading, parse_section},
    model::Section,
};

/// What can be kept of a broken section.
pub(super) struct Rescue {
    /// The section without the rows that break it; `None` when nothing could be kept.
    pub(super) text: Option<String>,
    /// The lines, counted from 1, on which the rows begin that this leaves out.
    pub(super) lost: Vec<usize>,
    /// What cannot be read; the whole section when nothing could be kept.
    pub(super) unread: Vec<String>,
}

/// Keeps, byte for byte, the rows that parse on their own: of a list of rows that begin in one column, with those of the
/// form `- {…}` that slipped out of it, or of a list in brackets. Whatever does not come out as exactly those rows is not
/// kept.
pub(super) fn rescue(section: Section, text: &str) -> Rescue {
    let first = text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with('#'));
    let in_brackets = first.is_some_and(|line| line.starts_with('['));
    let found = if in_brackets { in_flow(section, text) } else { in_block(section, text) };
    // What may be written as it is, the general parser has to read.
    let whole = match parse_section(section, &found.text) {
        SectionReading::Read(Rows { rows, dropped }) if dropped.is_empty() => rows,
        _ => Vec::new(),
    };
    let equal =
        |one: &Row, other: &Row| one.arn == other.arn && one.username == other.username && one.groups == other.groups;
    let same = whole.len() == found.rows.len() && whole.iter().zip(&found.rows).all(|(one, other)| equal(one, other));
    let (lost, unread) = found.lost.into_iter().unzip();
    if same && !whole.is_empty() {
        Rescue { text: Some(found.text), lost, unread }
    } else {
        Rescue { text: None, lost, unread: vec![text.to_owned()] }
    }
}

/// Rows with their text, and what is left out with its line.
#[derive(Default)]
struct Found {
    text: String,
    rows: Vec<Row>,
    lost: Vec<(usize, String)>,
}

impl Found {
    /// Keeps a text that is exactly one row; says whether it is.
    fn keep(&mut self, section: Section, item: &str) -> bool {
        let Some(row) = row(section, item) else { return false };
        self.text.push_str(item);
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.rows.push(row);
        true
    }
}

/// The row that a text is, if it is exactly one.
fn row(section: Section, text: &str) -> Option<Row> {
    match parse_section(section, text) {
        SectionReading::Read(Rows { mut rows, dropped }) if dropped.is_empty() && rows.len() == 1 => rows.pop(),
        _ => None,
    }
}

fn in_block(section: Section, text: &str) -> Found {
    let (head, items) = items(text);
    let mut found = Found { text: head.to_owned(), ..Found::default() };
    let mut line = 1 + head.matches('\n').count();
    let column = items.first().map_or(0, |item| indent(item));
    for item in &items {
        if found.keep(section, item) {
            line += item.matches('\n').count();
        } else {
            for piece in pieces(section, item) {
                let aligned = format!("{}{}", " ".repeat(column), piece.trim_start_matches(' '));
                if piece.len() == item.len() || !found.keep(section, &aligned) {
                    found.lost.push((line, piece.to_owned()));
                }
                line += piece.matches('\n').count();
            }
        }
    }
    found
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// What comes before the first row, and the rows, each up to the next line that begins one in the same column.
fn items(text: &str) -> (&str, Vec<&str>) {
    let begins = |line: &str| line.trim_start_matches(' ').starts_with("- ");
    let mut starts = Vec::new();
    let mut column = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if begins(line) && *column.get_or_insert(indent(line)) == indent(line) {
            starts.push(offset);
        }
        offset += line.len();
    }
    let head = text.get(..starts.first().copied().unwrap_or(text.len())).unwrap_or_default();
    (head, cut(text, &starts))
}

/// The parts of a text that begin at these bytes.
fn cut<'a>(text: &'a str, starts: &[usize]) -> Vec<&'a str> {
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| text.get(start..end)).collect()
}

/// An item that does not parse, divided before and after every line that is a row `- {…}` by itself.
fn pieces(section: Section, item: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut offset = 0;
    for line in item.split_inclusive('\n') {
        let plain = line.trim_start_matches(' ');
        if plain.starts_with("- {") && row(section, plain).is_some() {
            starts.extend([offset, offset + line.len()]);
        }
        offset += line.len();
    }
    starts.dedup();
    starts.retain(|&start| start < item.len());
    cut(item, &starts)
}

/// The rows `{…}` of a list in brackets, which is closed behind the last of them.
fn in_flow(section: Section, text: &str) -> Found {
    let mut found = Found::default();
    let mut kept: Vec<&str> = Vec::new();
    let (mut at, mut behind) = (0, 0);
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('{')).map(|offset| at + offset) {
        at = start + 1;
        let Some(item) = Some(start).filter(|&start| begins_item(text, start)).and_then(|start| closed(text, start))
        else {
            continue;
        };
        if let Some(row) = row(section, &format!("[{item}]\n")) {
            found.lost.extend(unread(text, behind, start));
            at = start + item.len();
            behind = at;
            kept.push(item);
            found.rows.push(row);
        }
    }
    found.lost.extend(unread(text, behind, text.len()));
    let head = text.find('[').and_then(|bracket| text.get(..bracket)).unwrap_or_default();
    found.text = format!("{head}[{}]\n", kept.join(",\n "));
    found
}

/// Whether a brace stands where an item of a list begins: first in its line, or behind a bracket, a comma or a dash.
fn begins_item(text: &str, brace: usize) -> bool {
    let before = text.get(..brace).and_then(|before| before.rsplit('\n').next()).unwrap_or_default();
    let comment = before.starts_with('#') || before.contains(" #");
    !comment && (before.trim().is_empty() || before.trim_end().ends_with(['[', ',', '-']))
}

/// From a brace to the one that closes it; braces in quotes and comments do not count.
fn closed(text: &str, start: usize) -> Option<&str> {
    let rest = text.get(start..)?;
    let (mut depth, mut quote, mut before, mut comment) = (0_usize, None, ' ', false);
    let mut chars = rest.char_indices().peekable();
    while let Some((offset, c)) = chars.next() {
        match (quote, c) {
            _ if comment => comment = c != '\n',
            (Some('"'), '\\') => drop(chars.next()),
            (Some('\''), '\'') if chars.peek().is_some_and(|next| next.1 == '\'') => drop(chars.next()),
            (Some(open), _) => quote = (c != open).then_some(open),
            (None, '"' | '\'') if before.is_whitespace() || "{[,:".contains(before) => quote = Some(c),
            (None, '#') if before.is_whitespace() => comment = true,
            (None, '{') => depth += 1,
            (None, '}') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 && quote.is_none() && !comment {
            return rest.get(..=offset);
        }
        before = c;
    }
    None
}

/// What stands between two rows that were read, beside brackets, commas and comments.
fn unread(text: &str, from: usize, to: usize) -> Option<(usize, String)> {
    let gap = text.get(from..to)?;
    let line = 1 + text.get(..from)?.matches('\n').count();
    let blank = |line: &str| {
        let rest = line.trim_matches([' ', '\t', '\r', '\n', ',', '[', ']']);
        rest.is_empty() || rest.starts_with('#')
    };
    let first = gap.lines().position(|line| !blank(line))?;
    Some((line + first, gap.to_owned()))
}
