//! A parsed file: its value, and where each part of it stands.

use std::{
    collections::{BTreeSet, HashMap},
    rc::Rc,
};

use serde_json::{Map, Value};

use super::{
    Diagnostic, Diagnostics, SourceFile, Span, join,
    yaml::{self, Kind, Node},
};
use crate::model::Source;

/// A YAML document as a JSON value whose parts know their place in the file. Parts are named by JSON pointer.
pub struct Document<'f> {
    file: &'f SourceFile,
    root: Rc<Node>,
    removed: BTreeSet<String>,
    value: Value,
    places: HashMap<String, Place>,
    /// The offset at which each line begins.
    lines: Vec<usize>,
}

struct Place {
    span: Span,
    key: Option<Span>,
    first_key: Option<Span>,
    /// The pointer before anything was removed.
    original: String,
}

impl<'f> Document<'f> {
    /// Reads a file that holds one document. `None` when the file is empty or is not YAML; duplicate keys and the like
    /// are errors in `diagnostics`, and the document comes back without them so that the rest can be checked too.
    pub fn parse(file: &'f SourceFile, diagnostics: &mut Diagnostics) -> Option<Self> {
        let errors = diagnostics.len();
        let root = yaml::read(file, diagnostics);
        let empty = root.as_ref().is_none_or(|root| matches!(&root.kind, Kind::Scalar { value: Value::Null, .. }));
        if empty {
            if diagnostics.len() == errors {
                let nothing = if file.text.trim().is_empty() { "is empty" } else { "holds no values, only comments" };
                diagnostics.error(&file.name, None, format!("the file {nothing}"));
            }
            return None;
        }
        let root = root?;
        let lines = std::iter::once(0).chain(file.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let (removed, places) = (BTreeSet::new(), HashMap::new());
        let mut doc = Self { file, root, removed, value: Value::Null, places, lines };
        doc.build();
        Some(doc)
    }

    /// The file that was read.
    pub fn file(&self) -> &'f SourceFile {
        self.file
    }

    /// The whole document.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where a value stands; for one that was left empty, where its key stands.
    pub fn span(&self, pointer: &str) -> Option<Span> {
        let place = self.places.get(pointer)?;
        Some(if place.span.start == place.span.end { place.key.unwrap_or(place.span) } else { place.span })
    }

    /// Where the key of a value stands; list items and the whole document have none.
    pub fn key_span(&self, pointer: &str) -> Option<Span> {
        self.places.get(pointer)?.key
    }

    /// Where to point at for a mapping as a whole: its own key, else its first key, else itself.
    pub fn title_span(&self, pointer: &str) -> Option<Span> {
        let place = self.places.get(pointer)?;
        place.key.or(place.first_key).or(Some(place.span))
    }

    /// The line on which a value stands, counted from 1.
    pub fn line(&self, pointer: &str) -> usize {
        self.span(pointer).map_or(1, |span| self.lines.partition_point(|start| *start <= span.start))
    }

    /// File and line of a value.
    pub fn source(&self, pointer: &str) -> Source {
        Source { file: self.file.name.clone(), line: self.line(pointer) }
    }

    /// A value as it is written in the file, with its quotes.
    pub fn raw(&self, pointer: &str) -> Option<&str> {
        let span = self.places.get(pointer)?.span;
        self.file.text.get(span.start..span.end)
    }

    /// An error about a value.
    pub fn error(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file.name, self.span(pointer), message)
    }

    /// An error about a key.
    pub fn error_at_key(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.file.name, self.title_span(pointer), message)
    }

    /// A warning about a value.
    pub fn warning(&self, pointer: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(&self.file.name, self.span(pointer), message)
    }

    /// Takes values out of the document, as if they had not been written. List items after a removed one move up.
    pub fn remove<'p>(&mut self, pointers: impl IntoIterator<Item = &'p str>) {
        let originals = pointers.into_iter().filter_map(|pointer| self.places.get(pointer));
        let originals: Vec<String> = originals.map(|place| place.original.clone()).collect();
        self.removed.extend(originals);
        self.build();
    }

    fn build(&mut self) {
        let mut places = HashMap::new();
        let root = Rc::clone(&self.root);
        self.value = self.flatten(&root, "", "", None, &mut places);
        self.places = places;
    }

    fn flatten(
        &self,
        node: &Node,
        original: &str,
        pointer: &str,
        key: Option<Span>,
        places: &mut HashMap<String, Place>,
    ) -> Value {
        let mut first_key = None;
        let value = match &node.kind {
            Kind::Scalar { value, .. } => value.clone(),
            Kind::List(items) => {
                let mut list = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    let original = join(original, index);
                    if !self.removed.contains(&original) {
                        let pointer = join(pointer, list.len());
                        list.push(self.flatten(item, &original, &pointer, None, places));
                    }
                }
                Value::Array(list)
            }
            Kind::Map(entries) => {
                let mut map = Map::new();
                for (key, item) in entries {
                    first_key.get_or_insert(key.span);
                    let original = join(original, &key.text);
                    if !self.removed.contains(&original) {
                        let pointer = join(pointer, &key.text);
                        let value = self.flatten(item, &original, &pointer, Some(key.span), places);
                        map.insert(key.text.clone(), value);
                    }
                }
                Value::Object(map)
            }
        };
        places.insert(pointer.to_owned(), Place { span: node.span, key, first_key, original: original.to_owned() });
        value
    }
}
