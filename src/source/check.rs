//! What of a document does not fit its schema, one problem for each place.

use std::collections::BTreeSet;

use jsonschema::{
    ValidationError, Validator,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use super::{Diagnostic, Document, decode::label, join, wording};

/// One thing that does not fit.
pub(super) struct Problem {
    /// The value, or the key, that it is about.
    pub(super) pointer: String,
    /// Whether to point at the key rather than at the value.
    pub(super) at_key: bool,
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// What to leave out so that the rest can be checked further.
    pub(super) remove: Option<String>,
}

impl Problem {
    pub(super) fn value(pointer: &str, message: String, help: Option<String>) -> Self {
        let pointer = pointer.to_owned();
        Self { remove: Some(pointer.clone()), pointer, at_key: false, message, help }
    }

    pub(super) fn key(pointer: String, message: String, help: Option<String>) -> Self {
        Self { remove: Some(pointer.clone()), pointer, at_key: true, message, help }
    }

    pub(super) fn diagnostic(self, doc: &Document<'_>) -> Diagnostic {
        let diagnostic = if self.at_key {
            doc.error_at_key(&self.pointer, self.message)
        } else {
            doc.error(&self.pointer, self.message)
        };
        Diagnostic { help: self.help, ..diagnostic }
    }
}

/// A document beside its schema.
pub(super) struct Checked<'c> {
    pub(super) schema: &'c Value,
    pub(super) doc: &'c Document<'c>,
}

/// Everything that does not fit.
pub(super) fn problems(validator: &Validator, schema: &Value, doc: &Document<'_>) -> Vec<Problem> {
    let checked = Checked { schema, doc };
    validator.iter_errors(doc.value()).flat_map(|error| checked.problems(&error)).collect()
}

impl Checked<'_> {
    fn problems(&self, error: &ValidationError<'_>) -> Vec<Problem> {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                let allowed = self.keys_beside(error);
                unexpected.iter().map(|key| wording::unknown_key(self, pointer, key, &allowed)).collect()
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => self.none_of(error, context),
            Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. } => {
                vec![wording::expected(self, pointer, &expectations(error), self.schema_beside(error))]
            }
            Kind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                vec![wording::missing_key(self, pointer, key, self.schema_beside(error))]
            }
            _ => vec![wording::other(self, error)],
        }
    }

    /// The problem with a value for which several forms are allowed: what is wrong with it as the form that was
    /// probably meant, or which forms there are.
    fn none_of(&self, error: &ValidationError<'_>, branches: &[Vec<ValidationError<'static>>]) -> Vec<Problem> {
        let pointer = error.instance_path().as_str();
        let mut meant: Vec<&Vec<ValidationError<'static>>> =
            branches.iter().filter(|errors| !errors.iter().any(|error| is_another_form(error, pointer))).collect();
        if meant.is_empty() {
            return vec![wording::expected(self, pointer, &expectations(error), None)];
        }
        if meant.len() > 1
            && let Some(problems) = self.keyed_forms(error, &meant)
        {
            return problems;
        }
        let misfit = |error: &ValidationError<'_>| usize::from(!matches!(error.kind(), Kind::Required { .. }));
        meant.sort_by_key(|errors| (errors.iter().map(misfit).sum::<usize>(), errors.len()));
        meant.first().into_iter().flat_map(|errors| errors.iter()).flat_map(|error| self.problems(error)).collect()
    }

    /// Several mappings that differ in their keys: a key that is in none of them, or keys that do not go together.
    fn keyed_forms(
        &self,
        error: &ValidationError<'_>,
        meant: &[&Vec<ValidationError<'static>>],
    ) -> Option<Vec<Problem>> {
        let pointer = error.instance_path().as_str();
        let Value::Object(object) = error.instance().as_ref() else { return None };
        let here = |errors: &&&Vec<ValidationError<'static>>| {
            errors.iter().any(|e| {
                e.instance_path().as_str() == pointer
                    && matches!(e.kind(), Kind::AdditionalProperties { .. } | Kind::Required { .. })
            })
        };
        if meant.iter().filter(here).count() < meant.len() {
            return None;
        }
        let allowed: BTreeSet<String> =
            meant.iter().flat_map(|errors| errors.iter()).flat_map(|error| self.keys_beside(error)).collect();
        let allowed: Vec<String> = allowed.into_iter().collect();
        let unknown: Vec<&String> = object.keys().filter(|key| !allowed.contains(key)).collect();
        if !unknown.is_empty() {
            return Some(unknown.into_iter().map(|key| wording::unknown_key(self, pointer, key, &allowed)).collect());
        }
        let only_missing =
            meant.iter().any(|errors| errors.iter().all(|error| matches!(error.kind(), Kind::Required { .. })));
        if only_missing && !object.is_empty() {
            return None;
        }
        let keys: Vec<String> = object.keys().map(|key| format!("`{key}`")).collect();
        let (message, help) = if keys.is_empty() {
            let needed: BTreeSet<&str> = meant.iter().flat_map(|errors| errors.iter()).filter_map(missing).collect();
            let needed: Vec<&str> = needed.into_iter().collect();
            (format!("{} is empty", label(pointer)), format!("one of these keys is needed: {}", needed.join(", ")))
        } else {
            let message = format!("{} do not go together in {}", wording::list(&keys, "and"), label(pointer));
            (message, "keep one of them".to_owned())
        };
        Some(vec![Problem::value(pointer, message, Some(help))])
    }

    /// The schema that an error's keyword stands in.
    fn schema_beside(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let (beside, _) = error.schema_path().as_str().rsplit_once('/')?;
        self.schema.pointer(beside)
    }

    fn keys_beside(&self, error: &ValidationError<'_>) -> Vec<String> {
        let properties = self.schema_beside(error).and_then(|schema| schema.get("properties"));
        properties.and_then(Value::as_object).map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    /// Whether the mapping right below the root, by this name, knows the key.
    pub(super) fn belongs_under(&self, key: &str) -> Option<&str> {
        let properties = self.schema.get("properties")?.as_object()?;
        properties.iter().find_map(|(name, schema)| {
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#'));
            let schema = reference.and_then(|path| self.schema.pointer(path)).unwrap_or(schema);
            schema.get("properties")?.get(key).map(|_| name.as_str())
        })
    }

    /// The value as it was written, when it is short, on one line, and no secret.
    pub(super) fn quote(&self, pointer: &str) -> Option<&str> {
        let raw = self.doc.raw(pointer)?;
        let secret = pointer.split('/').any(super::mask::is_secret) || raw.contains("://");
        (!secret && !raw.is_empty() && raw.len() <= 60 && !raw.contains('\n')).then_some(raw)
    }
}

/// The key that is missing, where the error says so.
fn missing<'e>(error: &'e ValidationError<'_>) -> Option<&'e str> {
    match error.kind() {
        Kind::Required { property } => property.as_str(),
        _ => None,
    }
}

/// Whether the error says that the value is of another form altogether, not that something in it is wrong.
fn is_another_form(error: &ValidationError<'_>, pointer: &str) -> bool {
    error.instance_path().as_str() == pointer
        && match error.kind() {
            Kind::Type { .. } | Kind::Enum { .. } | Kind::Constant { .. } => true,
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                context.iter().all(|errors| errors.iter().any(|error| is_another_form(error, pointer)))
            }
            _ => false,
        }
}

/// What could stand in a place.
#[derive(PartialEq)]
pub(super) enum Expected {
    /// This very value.
    Exactly(String),
    /// Any value of this JSON type.
    Type(String),
}

fn expectations(error: &ValidationError<'_>) -> Vec<Expected> {
    let mut expected = Vec::new();
    let pointer = error.instance_path().as_str();
    match error.kind() {
        Kind::Constant { expected_value } => expected.push(Expected::Exactly(plain(expected_value))),
        Kind::Enum { options } => {
            expected.extend(options.as_array().into_iter().flatten().map(|value| Expected::Exactly(plain(value))));
        }
        Kind::Type { kind: TypeKind::Single(one) } => expected.push(Expected::Type(one.to_string())),
        Kind::Type { kind: TypeKind::Multiple(many) } => {
            expected.extend(many.iter().map(|one| Expected::Type(one.to_string())));
        }
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            for errors in context {
                let branch: Vec<Expected> = errors
                    .iter()
                    .filter(|error| error.instance_path().as_str() == pointer)
                    .flat_map(expectations)
                    .collect();
                // A constant says more than the type it has.
                let exact = branch.iter().any(|one| matches!(one, Expected::Exactly(_)));
                for one in branch {
                    let implied = exact && matches!(one, Expected::Type(_));
                    if !implied && !expected.contains(&one) {
                        expected.push(one);
                    }
                }
            }
        }
        _ => {}
    }
    expected
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The pointer of a key in a mapping.
pub(super) fn at_key(mapping: &str, key: &str) -> String {
    join(mapping, key)
}
