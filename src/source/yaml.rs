//! YAML events → a tree whose nodes know their bytes.

use std::{borrow::Cow, collections::HashMap, rc::Rc};

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::Value;

use super::{Diagnostic, Diagnostics, SourceFile, Span, scalar, syntax};

/// How deep lists and mappings may nest, aliases included; no file that a person wrote comes near.
const DEEPEST: usize = 128;

/// How many nodes a file may have once its aliases are written out.
const MOST_NODES_BY_ALIASES: usize = 100_000;

pub(super) struct Node {
    pub(super) span: Span,
    pub(super) kind: Kind,
    depth: usize,
    size: usize,
}

pub(super) enum Kind {
    Scalar { value: Value, text: String },
    List(Vec<Rc<Node>>),
    Map(Vec<(Key, Rc<Node>)>),
}

pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Span,
}

impl Node {
    fn new(span: Span, kind: Kind) -> Self {
        let children: Vec<&Rc<Node>> = match &kind {
            Kind::Scalar { .. } => Vec::new(),
            Kind::List(items) => items.iter().collect(),
            Kind::Map(entries) => entries.iter().map(|(_, node)| node).collect(),
        };
        let depth = 1 + children.iter().map(|node| node.depth).max().unwrap_or(0);
        let size = children.iter().fold(1_usize, |sum, node| sum.saturating_add(node.size));
        Self { span, kind, depth, size }
    }
}

/// Reads the file's one document. `None` when there is none or its structure cannot be told; otherwise errors may have
/// been found all the same.
pub(super) fn read(file: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Rc<Node>> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(&file.text);
    let base = file.text.len() - text.len();
    let options = granit_parser::options! {
        emit_comments: false,
        block_nesting_limit: DEEPEST,
        flow_nesting_limit: DEEPEST,
    };
    let mut builder = Builder { file, base, diagnostics, stack: Vec::new(), anchors: HashMap::new(), aliased: false };
    let mut documents = 0;
    let mut root = None;
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(next) => next,
            Err(error) => {
                let diagnostic = syntax::diagnostic(file, base, &error);
                builder.diagnostics.push(diagnostic);
                return None;
            }
        };
        let span = builder.bytes(&span);
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                let message = "the file holds several YAML documents";
                let error = Diagnostic::error(&file.name, Some(span), message);
                builder.diagnostics.push(error.help("put each into a file of its own"));
                break;
            }
        }
        match builder.event(event, span) {
            Ok(Some(node)) => root = Some(node),
            Ok(None) => {}
            Err(diagnostic) => {
                builder.diagnostics.push(*diagnostic);
                return None;
            }
        }
    }
    root
}

struct Builder<'b> {
    file: &'b SourceFile,
    base: usize,
    diagnostics: &'b mut Diagnostics,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Rc<Node>>,
    aliased: bool,
}

struct Frame {
    span: Span,
    anchor: usize,
    open: Open,
}

enum Open {
    List(Vec<Rc<Node>>),
    Map { entries: Vec<(Key, Rc<Node>)>, next: Next },
}

/// What the next node of a mapping is.
#[derive(Default)]
enum Next {
    #[default]
    Key,
    /// The value of this key.
    Value(Key),
    /// The value of a key that was refused, and is left out with it.
    Nothing,
}

impl Builder<'_> {
    fn bytes(&self, span: &granit_parser::Span) -> Span {
        let length = self.file.text.len();
        let offset = |marker: granit_parser::Marker| (marker.byte_offset().unwrap_or(0) + self.base).min(length);
        let start = offset(span.start);
        Span { start, end: offset(span.end).max(start) }
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file.name, Some(span), message)
    }

    /// Takes one event; gives the root when it is complete.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<Option<Rc<Node>>, Box<Diagnostic>> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_ref(), span);
                let node = Node::new(span, Kind::Scalar { value, text: text.into_owned() });
                self.finish(node, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_ref(), "seq", span);
                self.stack.push(Frame { span, anchor, open: Open::List(Vec::new()) });
                Ok(None)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_ref(), "map", span);
                self.stack.push(Frame { span, anchor, open: Open::Map { entries: Vec::new(), next: Next::Key } });
                Ok(None)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(frame) = self.stack.pop() else { return Ok(None) };
                self.finish(self.close(frame.span, frame.open, span), frame.anchor)
            }
            Event::Alias(id) => {
                self.aliased = true;
                match self.anchors.get(&id).cloned() {
                    Some(node) => self.place(node, Some(span)),
                    None => Err(Box::new(self.error(span, "this alias stands for a value that it is a part of"))),
                }
            }
            _ => Ok(None),
        }
    }

    /// A collection's bytes: those in braces up to the closing one, others up to their last value.
    fn close(&self, start: Span, open: Open, end: Span) -> Node {
        let flow = self.file.text.get(start.start..).is_some_and(|text| text.starts_with(['[', '{']));
        let (last, kind) = match open {
            Open::List(items) => (items.last().map(|node| node.span.end), Kind::List(items)),
            Open::Map { entries, .. } => {
                let last = entries.last().map(|(key, node)| node.span.end.max(key.span.end));
                (last, Kind::Map(entries))
            }
        };
        let until = if flow { end.end } else { last.unwrap_or(start.end) };
        let span = Span { start: start.start, end: until.max(start.start) };
        match self.file.text.get(span.start..span.end) {
            // A template that was not quoted: that was said at its key, and the text is what was meant.
            Some(text) if text.starts_with("{{") => {
                let text = text.to_owned();
                Node::new(span, Kind::Scalar { value: Value::String(text.clone()), text })
            }
            _ => Node::new(span, kind),
        }
    }

    fn finish(&mut self, node: Node, anchor: usize) -> Result<Option<Rc<Node>>, Box<Diagnostic>> {
        let node = Rc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place(node, None)
    }

    fn place(&mut self, node: Rc<Node>, alias: Option<Span>) -> Result<Option<Rc<Node>>, Box<Diagnostic>> {
        let span = alias.unwrap_or(node.span);
        if node.depth > DEEPEST {
            return Err(Box::new(self.error(span, format!("lists and mappings nest deeper than {DEEPEST} levels"))));
        }
        if self.aliased && node.size > MOST_NODES_BY_ALIASES {
            let message =
                format!("with its aliases written out, the file has more than {MOST_NODES_BY_ALIASES} values");
            return Err(Box::new(self.error(span, message).help("write the values out instead of repeating aliases")));
        }
        let key = match self.stack.last_mut().map(|frame| &mut frame.open) {
            None => return Ok(Some(node)),
            Some(Open::List(items)) => {
                items.push(node);
                return Ok(None);
            }
            Some(Open::Map { entries, next }) => match std::mem::take(next) {
                Next::Value(key) => {
                    entries.push((key, node));
                    return Ok(None);
                }
                Next::Nothing => return Ok(None),
                Next::Key => self.key(&node, span),
            },
        };
        if let Some(Open::Map { next, .. }) = self.stack.last_mut().map(|frame| &mut frame.open) {
            *next = key.map_or(Next::Nothing, Next::Value);
        }
        Ok(None)
    }

    /// The key that a node stands for; none when it is refused, and its value with it.
    fn key(&mut self, node: &Node, span: Span) -> Option<Key> {
        let written = self.file.text.get(span.start..span.end).unwrap_or_default();
        let refused = match &node.kind {
            Kind::Scalar { .. } if written == "<<" => self
                .error(span, "merge keys (`<<`) belong to YAML 1.1 and are not supported")
                .help("write the keys out"),
            Kind::Scalar { .. } if written.is_empty() => self.error(span, "there is no key before this `:`"),
            Kind::Scalar { text, .. } => {
                let first = match self.stack.last().map(|frame| &frame.open) {
                    Some(Open::Map { entries, .. }) => entries.iter().find(|(key, _)| key.text == *text),
                    _ => None,
                };
                match first {
                    None => return Some(Key { text: text.clone(), span }),
                    Some((first, _)) => self
                        .error(span, format!("the key `{text}` is given twice"))
                        .related(&self.file.name, first.span, "first given here")
                        .help("keep one of them, or merge what they say"),
                }
            }
            _ if self.file.text.get(..span.start).is_some_and(|before| before.ends_with('{')) => self
                .error(span, "a text that begins with `{{` must be quoted, or YAML takes it for a mapping")
                .help("write it in quotes, such as \"{{SessionName}}\""),
            _ => self.error(span, "a key must be a text, not a list or a mapping"),
        };
        self.diagnostics.push(refused);
        None
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>, span: Span) -> Value {
        let as_text = || Value::String(text.to_owned());
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain { scalar::resolve(text) } else { as_text() };
        };
        let resolved = scalar::resolve(text);
        let fits = match tag.core_suffix() {
            Some("str") => return as_text(),
            Some("int") => resolved.is_i64() || resolved.is_u64(),
            Some("float") => resolved.is_number(),
            Some("bool") => resolved.is_boolean(),
            Some("null") => resolved.is_null(),
            _ if tag.original() == "!" => return as_text(),
            _ => false,
        };
        if !fits {
            self.refuse_tag(tag, span);
        }
        resolved
    }

    fn collection_tag(&mut self, tag: Option<&Cow<'_, Tag>>, allowed: &str, span: Span) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(allowed)) {
            self.refuse_tag(tag, span);
        }
    }

    fn refuse_tag(&mut self, tag: &Tag, span: Span) {
        let message = format!("the tag `{}` does not fit here", tag.original());
        let error = self.error(Span { start: span.start, end: span.start }, message);
        self.diagnostics.push(error.help("take the tag out"));
    }
}
