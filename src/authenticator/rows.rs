//! From the YAML tree to rows, as the authenticator goes through JSON into its structs.
//!
//! The rules are those of `ParseMap` in aws-iam-authenticator's `pkg/mapper/configmap/configmap.go`, `Validate` in its
//! `pkg/config/mapper.go`, `convertToJSONableObject` in sigs.k8s.io/yaml, and Go's `encoding/json`, which keeps what it
//! could read when a type does not fit.

use std::collections::BTreeMap;

use super::{
    Broken, Dropped, Row, Rows,
    node::{Key, Node},
    scalar::Kind,
};
use crate::model::Section;

/// A JSON value, reduced to what a row can hold.
#[derive(Clone, Debug)]
enum Json {
    Null,
    Text(String),
    /// A number or a boolean.
    Other,
    NotFinite,
    List(Vec<Json>),
    Object(Object),
}

/// An object by its keys, in the order in which JSON is written.
type Object = BTreeMap<String, Json>;

/// The rows of mapRoles or mapUsers.
pub(super) fn identities(section: Section, root: &Node) -> Result<Rows, Broken> {
    let root = json(root)?;
    writable(&root)?;
    let items = match root {
        Json::Null => Vec::new(),
        Json::List(items) => items,
        other => return Err(fail(format!("{section} is {}, not a list of rows", what(&other)))),
    };
    let mut rows = Rows::default();
    for (index, item) in items.iter().enumerate() {
        match row(section, index, item) {
            Ok(row) => rows.rows.push(row),
            Err(reason) => rows.dropped.push(Dropped { index, reason }),
        }
    }
    Ok(rows)
}

/// The rows of mapAccounts, which is decoded into strings without the way through JSON: every scalar is the id as
/// written, a null is the empty id.
pub(super) fn accounts(root: &Node) -> Result<Rows, Broken> {
    let items = match root {
        Node::Scalar(Kind::Null, _) => return Ok(Rows::default()),
        Node::Seq(items) => items,
        Node::Scalar(..) => return Err(fail("mapAccounts is a single value, not a list of account ids".to_owned())),
        Node::Map(_) => return Err(fail("mapAccounts is a mapping, not a list of account ids".to_owned())),
    };
    let mut rows = Rows::default();
    for (index, item) in items.iter().enumerate() {
        let arn = match item {
            Node::Scalar(Kind::Null, _) => String::new(),
            Node::Scalar(_, raw) => raw.clone(),
            Node::Seq(_) | Node::Map(_) => {
                rows.dropped.push(Dropped { index, reason: "not an account id but a collection".to_owned() });
                continue;
            }
        };
        rows.rows.push(Row { index, arn, username: String::new(), groups: Vec::new() });
    }
    Ok(rows)
}

fn fail(message: String) -> Broken {
    Broken { message, line: None, column: None }
}

fn what(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Text(_) => "a single text",
        Json::Other | Json::NotFinite => "a single number or boolean",
        Json::List(_) => "a list",
        Json::Object(_) => "a mapping",
    }
}

fn json(node: &Node) -> Result<Json, Broken> {
    Ok(match node {
        Node::Scalar(kind, raw) => match kind {
            Kind::Null => Json::Null,
            Kind::Text | Kind::Merge => Json::Text(raw.clone()),
            Kind::Bool(_) | Kind::Number | Kind::BigNumber => Json::Other,
            Kind::NotFinite => Json::NotFinite,
        },
        Node::Seq(items) => Json::List(items.iter().map(json).collect::<Result<_, _>>()?),
        Node::Map(entries) => {
            let mut object = Object::new();
            fill(&mut object, entries)?;
            Json::Object(object)
        }
    })
}

/// Sets the entries in their order: a later one replaces an earlier one, and a merge replaces what stands before it
/// (`mapping` and `merge` in go.yaml.in/yaml/v2's `decode.go`).
fn fill(object: &mut Object, entries: &[(Key, Node)]) -> Result<(), Broken> {
    for (key, value) in entries {
        match key {
            Key::Merge => merge(object, value)?,
            Key::Text(key) => {
                object.insert(key.clone(), json(value)?);
            }
        }
    }
    Ok(())
}

fn merge(object: &mut Object, value: &Node) -> Result<(), Broken> {
    let refuse = || fail("map merge requires map or sequence of maps as the value".to_owned());
    match value {
        Node::Map(entries) => fill(object, entries),
        // Earlier mappings take precedence, so they are set last.
        Node::Seq(items) => items.iter().rev().try_for_each(|item| match item {
            Node::Map(entries) => fill(object, entries),
            _ => Err(refuse()),
        }),
        Node::Scalar(..) => Err(refuse()),
    }
}

/// Fails where the value cannot be written as JSON, which costs the whole section.
fn writable(json: &Json) -> Result<(), Broken> {
    match json {
        Json::NotFinite => Err(fail("an infinite number or one that is not a number cannot be read".to_owned())),
        Json::List(items) => items.iter().try_for_each(writable),
        Json::Object(object) => object.values().try_for_each(writable),
        Json::Null | Json::Text(_) | Json::Other => Ok(()),
    }
}

#[derive(Default)]
struct Fields {
    arn: String,
    sso: bool,
    username: String,
    groups: Groups,
}

fn row(section: Section, index: usize, item: &Json) -> Result<Row, String> {
    let (arn_key, other_key) = match section {
        Section::Users => ("userarn", ""),
        Section::Roles | Section::Accounts => ("rolearn", "sso"),
    };
    let Json::Object(object) = item else {
        return Err(format!("it is {}, not a mapping with {arn_key}", what(item)));
    };
    let mut fields = Fields::default();
    // JSON is written with its keys in order of their bytes, and every one that fits a field sets it.
    for (key, value) in object {
        let key = fold(key);
        if key == arn_key {
            text(&mut fields.arn, value);
        } else if key == "username" {
            text(&mut fields.username, value);
        } else if key == "groups" {
            fields.groups.set(value);
        } else if key == other_key && !other_key.is_empty() {
            fields.sso = !matches!(value, Json::Null);
        }
    }
    match (fields.arn.is_empty(), fields.sso) {
        (true, true) => Err("sso rows match nobody: the authenticator has them switched off".to_owned()),
        (true, false) => Err(format!("{arn_key} is missing or not a text")),
        (false, true) => Err("only one of rolearn and sso can be given".to_owned()),
        (false, false) => {
            Ok(Row { index, arn: fields.arn, username: fields.username, groups: fields.groups.into_list() })
        }
    }
}

/// Folds a key as `encoding/json` does to find its field: the two letters beyond ASCII that fold into it included.
fn fold(key: &str) -> String {
    key.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

/// A text field keeps what it had when the value is null or of another type.
fn text(field: &mut String, value: &Json) {
    if let Json::Text(value) = value {
        field.clone_from(value);
    }
}

/// Go's slice of strings, whose elements outlive a shorter list and show again where a later list holds something
/// that is not a string.
#[derive(Default)]
struct Groups {
    stored: Vec<String>,
    length: usize,
}

impl Groups {
    fn set(&mut self, value: &Json) {
        match value {
            Json::Null => *self = Self::default(),
            Json::List(items) if items.is_empty() => *self = Self::default(),
            Json::List(items) => {
                self.stored.resize(self.stored.len().max(items.len()), String::new());
                self.length = items.len();
                for (stored, item) in self.stored.iter_mut().zip(items) {
                    text(stored, item);
                }
            }
            Json::Text(_) | Json::Other | Json::NotFinite | Json::Object(_) => {}
        }
    }

    fn into_list(mut self) -> Vec<String> {
        self.stored.truncate(self.length);
        self.stored
    }
}
