//! Hides what differs from one run to the next, and keeps what it tells: the same uid or resourceVersion has the same
//! mask throughout a case, so that it is seen whether a write changed it.

use serde_json::Value;

/// The uids and resourceVersions that were seen so far in a case.
#[derive(Default)]
pub struct Mask {
    uids: Vec<String>,
    versions: Vec<String>,
}

impl Mask {
    /// An answer, masked.
    pub fn value(&mut self, value: &Value) -> Value {
        let mut masked = value.clone();
        // Which version it is differs; that it says so does not.
        if let (Some(fields), true) = (masked.as_object_mut(), value.get("gitVersion").is_some()) {
            fields.values_mut().filter(|field| field.is_string()).for_each(|field| *field = "<version>".into());
        }
        let list = value.get("items").is_some();
        self.walk(&mut masked, list);
        self.messages(&mut masked);
        masked
    }

    /// Text in which everything that was seen before is masked.
    pub fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (at, uid) in self.uids.iter().enumerate() {
            text = text.replace(uid, &format!("<uid {}>", at + 1));
        }
        for (at, version) in self.versions.iter().enumerate() {
            for (open, close) in [("\"resourceVersion\":\"", "\""), ("(", ")"), ("resourceVersion=", "")] {
                text = text
                    .replace(&format!("{open}{version}{close}"), &format!("{open}<resourceVersion {}>{close}", at + 1));
            }
        }
        // The first part of a key in the store is the installation's own.
        if let Some((before, key)) = text.split_once("Key: /")
            && let Some((_, rest)) = key.split_once('/')
        {
            text = format!("{before}Key: /<store>/{rest}");
        }
        mask_query(&text, "continue=")
    }

    fn walk(&mut self, value: &mut Value, list: bool) {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    match (key.as_str(), &*field) {
                        // Their order depends on whether they fall into the same second.
                        ("managedFields", Value::Array(entries)) => {
                            let mut entries = entries.clone();
                            entries.sort_by_key(|entry| (entry["manager"].to_string(), entry["operation"].to_string()));
                            *field = Value::Array(entries);
                            self.walk(field, false);
                        }
                        // Who is in conflict comes in no order.
                        ("causes", Value::Array(causes)) if causes.iter().all(is_conflict) => {
                            let mut causes = causes.clone();
                            causes.sort_by_key(|cause| (cause["field"].to_string(), cause["message"].to_string()));
                            *field = Value::Array(causes);
                        }
                        // A list's own version is that of the whole store.
                        ("metadata", Value::Object(_)) if list => mask_list(field),
                        ("uid", Value::String(uid)) => *field = number("uid", &mut self.uids, uid),
                        ("resourceVersion", Value::String(version)) => {
                            *field = number("resourceVersion", &mut self.versions, version);
                        }
                        ("creationTimestamp" | "time", Value::String(time)) if time.ends_with('Z') => {
                            *field = "<time>".into();
                        }
                        _ => self.walk(field, false),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.walk(item, false)),
            _ => {}
        }
    }

    fn messages(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (key, field) in fields {
                    match field {
                        Value::String(text) if key == "message" || key == "name" => *text = self.text(text),
                        _ => self.messages(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.messages(item)),
            _ => {}
        }
    }
}

fn is_conflict(cause: &Value) -> bool {
    cause["reason"] == "FieldManagerConflict"
}

fn number(what: &str, seen: &mut Vec<String>, value: &str) -> Value {
    let at = seen.iter().position(|before| before == value).unwrap_or_else(|| {
        seen.push(value.to_owned());
        seen.len() - 1
    });
    format!("<{what} {}>", at + 1).into()
}

fn mask_list(metadata: &mut Value) {
    for (key, mask) in [("resourceVersion", "<list>"), ("continue", "<continue>")] {
        if metadata.get(key).and_then(Value::as_str).is_some_and(|text| !text.is_empty()) {
            metadata[key] = mask.into();
        }
    }
}

fn mask_query(text: &str, parameter: &str) -> String {
    let Some(start) = text.find(parameter).map(|at| at + parameter.len()) else { return text.to_owned() };
    let end = text[start..].find([' ', '&']).map_or(text.len(), |length| start + length);
    format!("{}<continue>{}", &text[..start], &text[end..])
}
