//! The edits as replacements of byte ranges.

use std::ops::Range;

use super::{
    Edit, RowText, Unspliceable,
    layout::{Item, ItemKind, Layout, Root, line_end, line_start},
    values,
    write::{Style, block, flow},
};
use crate::model::Section;

/// What stands in for a range of the text.
pub(super) struct Patch {
    pub range: Range<usize>,
    pub with: String,
}

/// What becomes of each row, and the rows to add.
struct Wanted<'a> {
    rows: Vec<Fate<'a>>,
    appended: Vec<&'a RowText>,
}

#[derive(Clone, Copy)]
enum Fate<'a> {
    Keep,
    Replace(&'a RowText),
    Remove,
}

struct Editor<'a> {
    section: Section,
    text: &'a str,
    eol: &'static str,
    rewriting: Rewriting,
}

/// How much of a replaced row is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rewriting {
    /// Only the values that change, where the row's form allows it.
    Values,
    /// All of it.
    Rows,
}

/// The text with all edits made; indices have been checked.
pub(super) fn apply(
    section: Section,
    text: &str,
    layout: &Layout,
    edits: &[Edit],
    rewriting: Rewriting,
) -> Result<String, Unspliceable> {
    let mut wanted = Wanted { rows: vec![Fate::Keep; layout.items.len()], appended: Vec::new() };
    for edit in edits {
        let (index, fate) = match edit {
            Edit::Append(row) => {
                wanted.appended.push(row);
                continue;
            }
            Edit::Replace { index, row } => (*index, Fate::Replace(row)),
            Edit::Remove { index } => (*index, Fate::Remove),
        };
        if layout.items[index].linked {
            return Err(Unspliceable::new(format!(
                "row {index} of {section} uses YAML anchors, aliases or merge keys, so it cannot be edited by itself"
            )));
        }
        wanted.rows[index] = fate;
    }
    let eol = if text.find('\n').is_some_and(|newline| text[..newline].ends_with('\r')) { "\r\n" } else { "\n" };
    let editor = Editor { section, text, eol, rewriting };
    let kept = wanted.rows.iter().any(|fate| !matches!(fate, Fate::Remove)) || !wanted.appended.is_empty();
    let mut patches = match &layout.root {
        Root::Nothing => vec![editor.fill_nothing(layout.end_marker, &wanted)],
        Root::Placeholder(range) => vec![editor.fill_placeholder(range, &wanted)],
        Root::Block { column } => editor.in_block(*column, &layout.items, &wanted),
        Root::Flow(range) => vec![editor.in_flow(range, &layout.items, &wanted)?],
    };
    if let (Root::Block { .. }, false, Some(at)) = (&layout.root, kept, layout.end_marker) {
        // A document needs a node before its end marker.
        patches.push(Patch { range: at..at, with: format!("[]{eol}") });
    }
    let result = patched(text, patches)?;
    if !kept && result.trim_start_matches('\u{feff}').trim().is_empty() {
        return Ok(format!("[]{eol}"));
    }
    Ok(result)
}

fn patched(text: &str, mut patches: Vec<Patch>) -> Result<String, Unspliceable> {
    patches.sort_by_key(|patch| patch.range.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for patch in patches {
        let kept = text.get(from..patch.range.start);
        out.push_str(kept.ok_or_else(|| Unspliceable::new("two edits reach into each other"))?);
        out.push_str(&patch.with);
        from = patch.range.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Ok(out)
}

impl Editor<'_> {
    /// Block rows with their dashes in this column, without a last line ending; the first line is not indented.
    fn rows(&self, rows: &[&RowText], column: usize, style: &Style) -> String {
        let rows: Vec<String> =
            rows.iter().map(|row| format!("- {}", block(self.section, row, style, column + 2, self.eol))).collect();
        rows.join(&format!("{}{}", self.eol, " ".repeat(column)))
    }

    fn fill_nothing(&self, end_marker: Option<usize>, wanted: &Wanted<'_>) -> Patch {
        let at = end_marker.unwrap_or(self.text.len());
        let before = &self.text[..at];
        let fresh = before.trim_start_matches('\u{feff}').is_empty() || before.ends_with('\n');
        let open = if fresh { "" } else { self.eol };
        let with = format!("{open}{}{}", self.rows(&wanted.appended, 0, &Style::default()), self.eol);
        Patch { range: at..at, with }
    }

    fn fill_placeholder(&self, range: &Range<usize>, wanted: &Wanted<'_>) -> Patch {
        let before = &self.text[line_start(self.text, range.start)..range.start];
        let (open, column) = if before.bytes().all(|c| c == b' ') { ("", before.len()) } else { (self.eol, 0) };
        let with = format!("{open}{}", self.rows(&wanted.appended, column, &Style::default()));
        Patch { range: range.clone(), with }
    }

    fn in_block(&self, column: usize, items: &[Item], wanted: &Wanted<'_>) -> Vec<Patch> {
        let mut patches: Vec<Patch> = items
            .iter()
            .zip(&wanted.rows)
            .flat_map(|(item, fate)| match fate {
                Fate::Keep => Vec::new(),
                Fate::Replace(row) => self.values(item, row).unwrap_or_else(|| vec![self.replace(item, row, column)]),
                Fate::Remove => {
                    let range = line_start(self.text, item.dash)..self.lines_end(item);
                    vec![Patch { range, with: String::new() }]
                }
            })
            .collect();
        if let (Some(last), Some(fate), false) = (items.last(), wanted.rows.last(), wanted.appended.is_empty()) {
            patches.push(self.append(column, items, last, matches!(fate, Fate::Remove), &wanted.appended));
        }
        patches
    }

    /// Behind the row's last line.
    fn lines_end(&self, item: &Item) -> usize {
        line_end(self.text, item.span.end.max(item.dash))
    }

    fn append(&self, column: usize, items: &[Item], last: &Item, removed: bool, rows: &[&RowText]) -> Patch {
        let mut at = self.lines_end(last);
        // A comment that is indented deeper than the dashes is about the row above it.
        while let Some(line) = self.text.get(at..line_end(self.text, at)).filter(|line| !line.is_empty()) {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if indent <= column || !line.trim_start().starts_with('#') {
                break;
            }
            at += line.len();
        }
        let style = items.iter().rev().find_map(|item| Style::of(self.text, item)).unwrap_or_default();
        let flows = items.last().is_some_and(|item| item.kind == ItemKind::Flow);
        let indent = " ".repeat(column);
        let rows = if flows {
            let rows: Vec<String> = rows.iter().map(|row| format!("- {}", flow(self.section, row))).collect();
            rows.join(&format!("{}{indent}", self.eol))
        } else {
            self.rows(rows, column, &style)
        };
        let ended = self.text[..at].ends_with('\n');
        let open = if ended || removed { "" } else { self.eol };
        let close = if ended { self.eol } else { "" };
        Patch { range: at..at, with: format!("{open}{indent}{rows}{close}") }
    }

    fn values(&self, item: &Item, row: &RowText) -> Option<Vec<Patch>> {
        let wanted = self.section != Section::Accounts && self.rewriting == Rewriting::Values;
        if wanted { values::patches(self.section, self.text, item, row, self.eol) } else { None }
    }

    fn replace(&self, item: &Item, row: &RowText, dashes: usize) -> Patch {
        let start = item.span.start;
        let with = match (self.section, item.kind) {
            (Section::Accounts, _) | (_, ItemKind::Flow) => flow(self.section, row),
            (_, ItemKind::Block) => {
                let style = Style::of(self.text, item).unwrap_or_default();
                block(self.section, row, &style, start - line_start(self.text, start), self.eol)
            }
            (_, ItemKind::Scalar | ItemKind::Other) => {
                block(self.section, row, &Style::default(), dashes + 2, self.eol)
            }
        };
        let space = if self.text[..start].ends_with('-') { " " } else { "" };
        Patch { range: item.span.clone(), with: format!("{space}{with}") }
    }

    /// The whole flow sequence, put together from the rows that stay, what stood between them, and the new ones.
    fn in_flow(&self, range: &Range<usize>, items: &[Item], wanted: &Wanted<'_>) -> Result<Patch, Unspliceable> {
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return Err(Unspliceable::new("an empty list in flow style has no rows"));
        };
        let gap = |index: usize| match items.get(index + 1) {
            Some(next) => &self.text[items[index].span.end..next.span.start],
            None => ", ",
        };
        let plain_gap = |gap: &str| gap.chars().all(|c| c == ',' || c.is_whitespace());
        let mut out = self.text[range.start..first.span.start].to_owned();
        let mut pending: Option<&str> = None;
        for (index, (item, fate)) in items.iter().zip(&wanted.rows).enumerate() {
            let row = match fate {
                Fate::Keep => self.text[item.span.clone()].to_owned(),
                Fate::Replace(row) => flow(self.section, row),
                Fate::Remove if plain_gap(gap(index)) => continue,
                Fate::Remove => {
                    return Err(Unspliceable::new(
                        "a comment or a tag stands between rows of a [list], one of which is to be removed",
                    ));
                }
            };
            out.push_str(pending.unwrap_or_default());
            out.push_str(&row);
            pending = Some(gap(index));
        }
        let between = items.len().checked_sub(2).map(gap).filter(|gap| plain_gap(gap)).unwrap_or(", ");
        let mut emptied = pending.is_none();
        for row in &wanted.appended {
            out.push_str(if emptied { "" } else { between });
            out.push_str(&flow(self.section, row));
            emptied = false;
        }
        let tail = &self.text[last.span.end..range.end];
        out.push_str(if emptied { tail.trim_start_matches([',', ' ']) } else { tail });
        Ok(Patch { range: range.clone(), with: out })
    }
}
