//! The first YAML document of a text as a tree, with scalars resolved as the authenticator's parser resolves them.
//!
//! The reading crate resolves scalars by YAML 1.2 and forgets how they were written. A document of texts and collections
//! alone is walked once; any other is walked twice: once for its shape, once along that shape for the scalars as written.

use std::{cell::Cell, fmt};

use serde::{
    Deserialize,
    de::{
        DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
    },
};

use super::{Broken, scalar, strict};

/// A value of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// A scalar, what it resolves to, and its text after quotes and escapes are taken away.
    Scalar(scalar::Kind, String),
    Seq(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A plain `<<`.
    Merge,
    /// Any other, as the text that JSON needs.
    Text(String),
}

/// What becomes of keys that JSON cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keys {
    /// The document cannot be read.
    MustBeJson,
    /// Nothing, since no mapping is looked into.
    DoNotMatter,
}

impl Keys {
    /// The key as JSON has it: `convertToJSONableObject` in sigs.k8s.io/yaml, and `mapping` in `decode.go`, which refuses
    /// collections.
    fn key(self, key: &Node) -> Result<Key, &'static str> {
        match key {
            Node::Scalar(scalar::Kind::Merge, _) => Ok(Key::Merge),
            Node::Scalar(scalar::Kind::Bool(value), _) => Ok(Key::Text(value.to_string())),
            _ if self == Self::DoNotMatter => Ok(Key::Text(String::new())),
            Node::Scalar(scalar::Kind::Null, _) => Err("invalid map key: null"),
            Node::Scalar(scalar::Kind::BigNumber, _) => Err("invalid map key: a number of more than 63 bits"),
            Node::Scalar(_, raw) => Ok(Key::Text(raw.clone())),
            Node::Seq(_) | Node::Map(_) => {
                Err("invalid map key: a collection (a text that begins with { needs quotes)")
            }
        }
    }
}

/// What the first walk finds.
enum Shape {
    /// Plain or quoted, to be decided by the scalar's own text.
    Plain,
    /// Certainly text: quoted, in a block, over several lines, or tagged so.
    Text,
    Seq(Vec<Shape>),
    Map(Vec<(Shape, Shape)>),
}

/// More nodes than this come from aliases of aliases only; the authenticator's parser refuses those too
/// (`decode.go`, "document contains excessive aliasing").
const MOST_NODES: usize = 1_000_000;

/// Reads the first document; what follows it is not looked at, as `yaml.Unmarshal` does not look at it.
pub(super) fn read(text: &str, keys: Keys) -> Result<Node, Broken> {
    // The reading crate would count a byte order mark as a column of the first line.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(broken) = strict::refused(text) {
        return Err(broken);
    }
    if let Some(line) = incompatible_directive(text) {
        let message = "found incompatible YAML document: only %YAML 1.1 is read".to_owned();
        return Err(Broken { message, line: Some(line), column: Some(1) });
    }
    // What is wrong, if anything is, the two walks tell.
    walk_once(text, keys).map_or_else(|| walk_twice(text, keys), Ok)
}

/// Reads a document of texts and collections alone.
pub(super) fn walk_once(text: &str, keys: Keys) -> Option<Node> {
    let budget = Cell::new(MOST_NODES);
    let document = serde_yaml::Deserializer::from_str(text).next()?;
    TextSeed { shape: ShapeSeed { text, budget: &budget }, keys }.deserialize(document).ok()
}

/// Reads any document.
pub(super) fn walk_twice(text: &str, keys: Keys) -> Result<Node, Broken> {
    let budget = Cell::new(MOST_NODES);
    let first = || serde_yaml::Deserializer::from_str(text).next();
    let (Some(shaped), Some(valued)) = (first(), first()) else {
        return Ok(Node::Scalar(scalar::Kind::Null, String::new()));
    };
    let shape = ShapeSeed { text, budget: &budget }.deserialize(shaped).map_err(|e| broken(&e))?;
    if text_is_void(&shape, text) {
        return Ok(Node::Scalar(scalar::Kind::Null, String::new()));
    }
    NodeSeed { shape: &shape, keys }.deserialize(valued).map_err(|e| broken(&e))
}

/// A text without any node, such as one of comments only, yields no scalar for the second walk.
fn text_is_void(shape: &Shape, text: &str) -> bool {
    matches!(shape, Shape::Plain)
        && serde_yaml::Deserializer::from_str(text)
            .next()
            .is_some_and(|document| matches!(Option::<IgnoredAny>::deserialize(document), Ok(None)))
}

fn broken(error: &serde_yaml::Error) -> Broken {
    let location = error.location();
    let message = error.to_string();
    // The place is kept beside the message, not in it.
    let message = message.split(" at line ").next().unwrap_or(&message).to_owned();
    Broken {
        message,
        line: location.as_ref().map(serde_yaml::Location::line),
        column: location.as_ref().map(serde_yaml::Location::column),
    }
}

/// The line of a `%YAML` directive of another version than 1.1, which `parserc.go` refuses.
fn incompatible_directive(text: &str) -> Option<usize> {
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if let Some(version) = line.strip_prefix("%YAML") {
            let version = version.split('#').next().unwrap_or_default().trim();
            return (version != "1.1").then_some(index + 1);
        }
        if !(line.is_empty() || line.starts_with(['%', '#'])) {
            return None;
        }
    }
    None
}

#[derive(Clone, Copy)]
struct ShapeSeed<'a> {
    text: &'a str,
    budget: &'a Cell<usize>,
}

impl ShapeSeed<'_> {
    /// Counts one more node.
    fn count<E: serde::de::Error>(self) -> Result<(), E> {
        let left = self.budget.get().checked_sub(1).ok_or_else(|| E::custom("excessive aliasing"))?;
        self.budget.set(left);
        Ok(())
    }

    /// Whether a scalar that the parser lent from the text stands there without quotes and without a tag.
    fn stands_plain(&self, lent: &str) -> bool {
        let Some(start) = (lent.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize) else {
            return false;
        };
        let (Some(before), Some(after)) = (self.text.get(..start), self.text.get(start + lent.len()..)) else {
            return false;
        };
        // Nothing but the quote itself can follow a quoted scalar's text, and no quote can follow a plain one.
        !after.starts_with(['"', '\'']) && !ends_with_tag(before)
    }
}

/// Whether the last thing in the text is a tag of YAML's own, such as `!!str`, perhaps with an anchor behind it.
fn ends_with_tag(before: &str) -> bool {
    let last_word = |text: &str| text.rsplit([' ', '\t', '\n', '\r', ',', '[', '{']).next().unwrap_or_default().len();
    let mut before = before.trim_end();
    let mut word = &before[before.len() - last_word(before)..];
    if word.starts_with('&') {
        before = before[..before.len() - word.len()].trim_end();
        word = &before[before.len() - last_word(before)..];
    }
    word.starts_with("!!") || word.starts_with("!<")
}

impl<'de> DeserializeSeed<'de> for ShapeSeed<'_> {
    type Value = Shape;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ShapeSeed<'_> {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    /// A document without any node.
    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Plain)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        // Not lent from the text: it has escapes or several lines, and so is text whatever it says.
        Ok(Shape::Text)
    }

    fn visit_borrowed_str<E>(self, lent: &'de str) -> Result<Shape, E> {
        Ok(if self.stands_plain(lent) { Shape::Plain } else { Shape::Text })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Shape::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key_seed(self)? {
            entries.push((key, access.next_value_seed(self)?));
        }
        Ok(Shape::Map(entries))
    }

    /// A local tag such as `!x`: a scalar under it is text, a collection is what it is.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Shape, A::Error> {
        let (_tag, variant) = access.variant::<String>()?;
        let shape = variant.newtype_variant_seed(self)?;
        Ok(if matches!(shape, Shape::Plain) { Shape::Text } else { shape })
    }
}

/// Both walks in one; it fails at the first scalar that the reading crate takes for anything but text, since how that one
/// was written is not known then.
#[derive(Clone, Copy)]
struct TextSeed<'a> {
    shape: ShapeSeed<'a>,
    keys: Keys,
}

impl<'de> DeserializeSeed<'de> for TextSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.shape.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a sequence or a mapping")
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Scalar(scalar::Kind::Text, text.to_owned()))
    }

    fn visit_borrowed_str<E>(self, lent: &'de str) -> Result<Node, E> {
        let kind = if self.shape.stands_plain(lent) { scalar::resolve(lent) } else { scalar::Kind::Text };
        Ok(Node::Scalar(kind, lent.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Node::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = access.next_key_seed(self)? {
            let key = self.keys.key(&key).map_err(A::Error::custom)?;
            entries.push((key, access.next_value_seed(self)?));
        }
        Ok(Node::Map(entries))
    }
}

#[derive(Clone, Copy)]
struct NodeSeed<'a> {
    shape: &'a Shape,
    keys: Keys,
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        match self.shape {
            Shape::Plain | Shape::Text => deserializer.deserialize_str(self),
            Shape::Seq(_) => deserializer.deserialize_seq(self),
            Shape::Map(_) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same YAML value again")
    }

    fn visit_str<E>(self, raw: &str) -> Result<Node, E> {
        let kind = if matches!(self.shape, Shape::Plain) { scalar::resolve(raw) } else { scalar::Kind::Text };
        Ok(Node::Scalar(kind, raw.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        if let Shape::Seq(shapes) = self.shape {
            for shape in shapes {
                items.extend(access.next_element_seed(Self { shape, ..self })?);
            }
        }
        Ok(Node::Seq(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        if let Shape::Map(shapes) = self.shape {
            for (key, value) in shapes {
                if let Some(key) = access.next_key_seed(Self { shape: key, ..self })? {
                    let key = self.keys.key(&key).map_err(A::Error::custom)?;
                    entries.push((key, access.next_value_seed(Self { shape: value, ..self })?));
                }
            }
        }
        Ok(Node::Map(entries))
    }
}
