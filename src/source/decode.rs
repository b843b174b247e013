//! A document → a Rust type, by way of the type's JSON Schema.

use schemars::{JsonSchema, Schema, generate::SchemaSettings, transform::RecursiveTransform};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Diagnostics, Document, check, join, pointer};

/// How often a value that cannot be decoded is taken out before the rest is given up.
const ROUNDS: usize = 64;

/// The version of the languages of settings and policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum ApiVersion {
    /// The first.
    #[serde(rename = "rolecall.dev/v1")]
    V1,
}

/// The JSON Schema (2020-12) of a type as files are checked against it and as editors complete from it. `null` is
/// never allowed: an optional key is left out, and a key without a value is a mistake.
pub fn schema<T: JsonSchema>() -> Value {
    let transform = RecursiveTransform(tidy as fn(&mut Schema));
    let settings = SchemaSettings::draft2020_12().with_transform(transform);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn tidy(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("default").is_some_and(|value| value.is_null() || *value == Value::Array(Vec::new())) {
        object.remove("default");
    }
    // A count beyond its type would otherwise only be found by the decoder, which has no words for people.
    if object.get("format").is_some_and(|format| format == "uint32") {
        object.remove("format");
        object.entry("maximum").or_insert_with(|| u32::MAX.into());
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else { return };
    branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(one)] = branches.as_slice() {
        let one = one.clone();
        object.remove("anyOf");
        for (key, value) in one {
            object.entry(key).or_insert(value);
        }
    }
}

/// Checks a document against the schema of `T` and decodes it. Everything that does not fit is said at once: unknown
/// keys, wrong types, missing keys, values that are not among the allowed ones.
///
/// What does not fit is taken out of `doc`, so that what is left can be decoded and checked for its meaning too, and
/// the pointers of `doc` agree with what comes back. A caller must therefore look at `diagnostics.has_errors()` before
/// it uses what it built for anything but further checks.
pub fn decode<T: DeserializeOwned + JsonSchema>(doc: &mut Document<'_>, diagnostics: &mut Diagnostics) -> Option<T> {
    let schema = schema::<T>();
    let problems = match jsonschema::validator_for(&schema) {
        Ok(validator) => check::problems(&validator, &schema, doc),
        Err(error) => {
            diagnostics.error(&doc.file().name, None, format!("rolecall's own schema is broken: {error}"));
            return None;
        }
    };
    let fits = problems.is_empty();
    let unfit: Vec<String> = problems.iter().filter_map(|problem| problem.remove.clone()).collect();
    diagnostics.extend(problems.into_iter().map(|problem| problem.diagnostic(doc)));
    if unfit.iter().any(String::is_empty) {
        return None;
    }
    doc.remove(unfit.iter().map(String::as_str));
    for _ in 0..ROUNDS {
        let error = match serde_path_to_error::deserialize::<_, T>(doc.value()) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let at = path_pointer(error.path());
        if fits {
            diagnostics.push(doc.error(&at, error.into_inner().to_string()));
            return None;
        }
        if at.is_empty() || doc.span(&at).is_none() {
            return None;
        }
        doc.remove([at.as_str()]);
    }
    None
}

fn path_pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter().fold(String::new(), |parent, segment| match segment {
        Segment::Seq { index } => join(&parent, index),
        Segment::Map { key } => join(&parent, key),
        Segment::Enum { .. } | Segment::Unknown => parent,
    })
}

/// A value's name for people: its key, or its number in the list it stands in.
pub(super) fn label(at: &str) -> String {
    let last = pointer::last(at);
    match (pointer::parent(at), last.parse::<usize>()) {
        (None, _) => "the file".to_owned(),
        (Some(parent), Ok(index)) if !parent.is_empty() => format!("item {} of {}", index + 1, label(parent)),
        _ => format!("`{last}`"),
    }
}
