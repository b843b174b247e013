//! Where the rows of a section stand in its text.

use std::{collections::BTreeSet, ops::Range};

use granit_parser::{Event, Parser, ScalarStyle, StructureStyle};

use super::Unspliceable;

/// The section's text as a sequence of spans, in bytes.
#[derive(Debug)]
pub(super) struct Layout {
    pub root: Root,
    pub items: Vec<Item>,
    /// Where the marker `...` stands, when there is one.
    pub end_marker: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// Comments and markers at most.
    Nothing,
    /// A null or an empty flow sequence, which rows can take the place of.
    Placeholder(Range<usize>),
    /// A block sequence whose dashes stand in this column.
    Block { column: usize },
    /// A flow sequence from `[` to `]`.
    Flow(Range<usize>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub kind: ItemKind,
    /// From the first byte of the value to behind its last, without trailing space and comments.
    pub span: Range<usize>,
    /// The dash, in a block sequence.
    pub dash: usize,
    /// Whether the row has an anchor, an alias or a merge key.
    pub linked: bool,
    /// The keys of a mapping in order.
    pub keys: Vec<Key>,
}

impl Item {
    /// The same row in a text that has so many bytes before it.
    fn shifted(mut self, by: usize) -> Self {
        let shift = |range: &mut Range<usize>| *range = range.start + by..range.end + by;
        shift(&mut self.span);
        self.dash += by;
        for key in &mut self.keys {
            key.start += by;
            shift(&mut key.span);
        }
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Block,
    Flow,
    Scalar,
    Other,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub name: String,
    pub start: usize,
    pub value: Value,
    /// The value's bytes; those of a block sequence begin on the line of its first dash.
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A scalar on one line.
    Line(String),
    /// A block sequence, and its scalars where it has nothing else.
    BlockSequence(Option<Vec<String>>),
    FlowSequence(Option<Vec<String>>),
    Other,
}

type Spanned<'a> = (Event<'a>, Range<usize>);

/// Finds the rows; `expected` is how many the authenticator sees.
pub(super) fn read(text: &str, expected: usize) -> Result<Layout, Unspliceable> {
    if matches!(text.trim(), "``" | "\"\"" | "''") {
        let start = text.len() - text.trim_start().len();
        let root = Root::Placeholder(start..text.trim_end().len());
        return Ok(Layout { root, items: Vec::new(), end_marker: None });
    }
    let events = events(text)?;
    let documents = events.iter().filter(|(event, _)| matches!(event, Event::DocumentStart(..))).count();
    if documents > 1 {
        return Err(Unspliceable::new("the section has several YAML documents, of which EKS reads the first only"));
    }
    let end_marker = events
        .iter()
        .find_map(|(event, span)| (matches!(event, Event::DocumentEnd) && !span.is_empty()).then_some(span.start));
    let mut nodes = Nodes { text, events: &events, next: 0 };
    let (root, mut items) = root(&mut nodes)?;
    if items.len() != expected {
        return Err(Unspliceable::new(format!(
            "two YAML parsers see {expected} and {} rows in this text, so no row can be placed safely",
            items.len()
        )));
    }
    if let Root::Block { column } = root {
        dashes(text, column, &mut items)?;
    }
    Ok(Layout { root, items, end_marker })
}

/// The same for a section in the plain form, whose rows begin at `starts`: only the rows at these positions and the last
/// one, which new rows follow, are looked at, each by itself. Of the others nothing but the dash is known.
pub(super) fn read_rows(text: &str, starts: &[usize], wanted: &BTreeSet<usize>) -> Option<Layout> {
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let mut root = None;
    let mut items = Vec::with_capacity(starts.len());
    for (index, (&start, end)) in starts.iter().zip(ends).enumerate() {
        if !wanted.contains(&index) && index + 1 < starts.len() {
            let untouched = ItemKind::Other;
            items.push(Item { kind: untouched, span: start..start, dash: start, linked: false, keys: Vec::new() });
            continue;
        }
        let layout = read(text.get(start..end)?, 1).ok()?;
        root = Some(layout.root);
        items.extend(layout.items.into_iter().map(|item| item.shifted(start)));
    }
    Some(Layout { root: root?, items, end_marker: None })
}

fn events(text: &str) -> Result<Vec<Spanned<'_>>, Unspliceable> {
    let options = granit_parser::options! { emit_comments: false };
    let mut events = Vec::new();
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|e| Unspliceable::new(format!("the rows cannot be placed: {e}")))?;
        let range = span.byte_range().unwrap_or_default();
        events.push((event, range));
    }
    Ok(events)
}

struct Nodes<'a> {
    text: &'a str,
    events: &'a [Spanned<'a>],
    next: usize,
}

impl<'a> Nodes<'a> {
    fn peek(&self) -> Option<&'a Spanned<'a>> {
        self.events.get(self.next)
    }

    fn take(&mut self) -> Option<&'a Spanned<'a>> {
        let event = self.peek();
        self.next += 1;
        event
    }

    /// Reads one node and all below it.
    fn node(&mut self) -> Result<Found, Unspliceable> {
        let lost = || Unspliceable::new("the rows cannot be placed: the YAML ends in the midst of one");
        let (event, span) = self.take().ok_or_else(lost)?;
        let mut found = Found { span: span.clone(), last: span.end, ..Found::default() };
        match event {
            Event::Scalar(value, style, anchor, _) => {
                found.linked = *anchor != 0;
                let written = self.text.get(span.clone()).unwrap_or_default().trim_end();
                // An empty block scalar's span is where the next thing begins; its own end is the last thing before.
                found.last = match written.len() {
                    0 => self.text.get(..span.start).unwrap_or_default().trim_end().len(),
                    length => span.start + length,
                };
                found.scalar = Some(value.to_string());
                found.merges = *style == ScalarStyle::Plain && value == "<<";
            }
            Event::Alias(_) => found.linked = true,
            Event::SequenceStart(style, anchor, _) => {
                found.linked = *anchor != 0;
                found.sequence = Some(*style);
                self.children(&mut found, *style, false)?;
            }
            Event::MappingStart(style, anchor, _) => {
                found.linked = *anchor != 0;
                found.mapping = Some(*style);
                self.children(&mut found, *style, true)?;
            }
            _ => return Err(lost()),
        }
        Ok(found)
    }

    fn children(&mut self, parent: &mut Found, style: StructureStyle, mapping: bool) -> Result<(), Unspliceable> {
        loop {
            if let Some((Event::SequenceEnd | Event::MappingEnd, span)) = self.peek() {
                self.next += 1;
                if style == StructureStyle::Flow {
                    parent.last = span.end;
                }
                return Ok(());
            }
            let key = self.node()?;
            parent.absorb(&key);
            if mapping {
                let value = self.node()?;
                parent.absorb(&value);
                parent.linked |= key.merges;
                parent.keys.push(Key {
                    name: key.scalar.unwrap_or_default(),
                    start: key.span.start,
                    span: value.span.start..value.last.max(value.span.start),
                    value: value.value(self.text),
                });
            } else {
                parent.items.push(key);
            }
        }
    }
}

/// A node with what the edits need to know of it.
#[derive(Default)]
struct Found {
    span: Range<usize>,
    /// Behind the last byte of the last thing in it.
    last: usize,
    scalar: Option<String>,
    merges: bool,
    sequence: Option<StructureStyle>,
    mapping: Option<StructureStyle>,
    linked: bool,
    keys: Vec<Key>,
    items: Vec<Found>,
}

impl Found {
    fn absorb(&mut self, child: &Self) {
        self.last = self.last.max(child.last);
        self.linked |= child.linked;
    }

    fn value(self, text: &str) -> Value {
        let items = || self.items.iter().map(|item| item.line(text)).collect::<Option<Vec<_>>>();
        match self.sequence {
            Some(StructureStyle::Block) => Value::BlockSequence(items()),
            Some(StructureStyle::Flow) => Value::FlowSequence(items()),
            None => self.line(text).map_or(Value::Other, Value::Line),
        }
    }

    /// The text of a scalar that stands on one line, plain or quoted.
    fn line(&self, text: &str) -> Option<String> {
        let written = text.get(self.span.clone()).filter(|written| !written.is_empty() && !written.contains('\n'))?;
        let quoted = written.starts_with(['"', '\'']);
        self.scalar.clone().filter(|scalar| quoted || scalar == written)
    }

    fn item(self, text: &str) -> Item {
        let kind = match (self.mapping, self.sequence, &self.scalar) {
            (Some(StructureStyle::Block), ..) => ItemKind::Block,
            (Some(StructureStyle::Flow), ..) => ItemKind::Flow,
            (None, None, Some(_)) => ItemKind::Scalar,
            _ => ItemKind::Other,
        };
        let mut end = self.last.max(self.span.start);
        // The colon behind a last key that has no value belongs to the row.
        let rest = text.get(end..).unwrap_or_default();
        if kind == ItemKind::Block && rest.trim_start_matches([' ', '\t']).starts_with(':') {
            end = text.len() - rest.trim_start_matches([' ', '\t']).len() + 1;
        }
        Item { kind, span: self.span.start..end, dash: 0, linked: self.linked, keys: self.keys }
    }
}

fn root(nodes: &mut Nodes<'_>) -> Result<(Root, Vec<Item>), Unspliceable> {
    while let Some((Event::StreamStart | Event::DocumentStart(..), _)) = nodes.peek() {
        nodes.next += 1;
    }
    if matches!(nodes.peek(), None | Some((Event::StreamEnd | Event::DocumentEnd, _))) {
        return Ok((Root::Nothing, Vec::new()));
    }
    let text = nodes.text;
    let found = nodes.node()?;
    if found.scalar.is_some() {
        let root = if found.span.is_empty() { Root::Nothing } else { Root::Placeholder(found.span) };
        return Ok((root, Vec::new()));
    }
    let start = found.span.start;
    let root = match found.sequence {
        Some(StructureStyle::Flow) if found.items.is_empty() => Root::Placeholder(start..found.last),
        Some(StructureStyle::Flow) => Root::Flow(start..found.last),
        Some(StructureStyle::Block) => Root::Block { column: start - line_start(text, start) },
        None => return Err(Unspliceable::new("the section is not a list of rows")),
    };
    Ok((root, found.items.into_iter().map(|item| item.item(text)).collect()))
}

/// Finds every row's dash: the first thing that is not a comment behind the row before it.
fn dashes(text: &str, column: usize, items: &mut [Item]) -> Result<(), Unspliceable> {
    let mut from = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    for (index, item) in items.iter_mut().enumerate() {
        let lost = || Unspliceable::new(format!("row {index} does not begin on a line of its own"));
        let mut line = line_start(text, from);
        item.dash = loop {
            let content = text.get(line..).ok_or_else(lost)?;
            let dash = line + column;
            let is_dash = content.len() > column
                && content.as_bytes()[..column].iter().all(|c| *c == b' ')
                && content.as_bytes()[column] == b'-'
                && matches!(text.as_bytes().get(dash + 1), None | Some(b' ' | b'\t' | b'\r' | b'\n'));
            if line >= from && is_dash {
                break dash;
            }
            line = line_end(text, line);
            if line >= text.len() || line > item.span.start {
                return Err(lost());
            }
        };
        if item.dash >= item.span.start {
            return Err(lost());
        }
        from = item.span.end.max(item.dash + 1);
    }
    match items.windows(2).position(|pair| pair[0].span.end > pair[1].dash) {
        Some(index) => Err(Unspliceable::new(format!("the end of row {index} cannot be placed"))),
        None => Ok(()),
    }
}

/// Where the line of this byte begins, behind a byte order mark.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    if begin == 0 && text.starts_with('\u{feff}') && at >= 3 { 3 } else { begin }
}

/// Where the line after the one of this byte begins.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline + 1)
}
