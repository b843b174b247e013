//! Reading one object or a list of them.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    object::{self, name, namespace},
    selector::{FieldSelector, Selector},
    status::Status,
    write::{Answer, Desk},
};

/// Where a page ended.
struct Continue {
    version: u64,
    start: String,
}

impl Desk<'_> {
    /// GET of one object.
    pub(super) fn get(&self) -> Answer {
        let live = self.live().ok_or_else(|| Status::not_found(self.kind, &self.on.name))?;
        Ok((200, (*live).clone()))
    }

    /// GET of many: those that the selectors ask for, in pages when that is asked for.
    ///
    /// All pages of a list show what there was when the first was given; a list that is too old for that is expired.
    pub(super) fn list(&mut self) -> Answer {
        let labels = Selector::parse(self.ask.parameter("labelSelector"))?;
        let fields = FieldSelector::parse(self.ask.parameter("fieldSelector"))?;
        // A server may end a page early, even before its first object.
        let limit = self.limit()?.min(self.ask.page_ends().unwrap_or(usize::MAX));
        let within = (self.kind.namespaced && !self.on.namespace.is_empty()).then(|| self.on.namespace.clone());
        let (version, all, start) = match self.ask.parameter("continue") {
            "" => (self.inner.version(), self.inner.list(self.kind, within.as_deref()), String::new()),
            token => {
                let Continue { version, start } = Continue::parse(token)?;
                let all = self.inner.at(version, self.kind, within.as_deref()).ok_or_else(expired)?;
                (version, all, start)
            }
        };
        let is_wanted = |object: &&Arc<Value>| labels.matches(&object::labels(object)) && fields.matches(object);
        let wanted = all.iter().filter(|object| place(object) > start).filter(is_wanted);
        let page: Vec<&Arc<Value>> = wanted.take(limit).collect();
        // A full page ends before the server has seen whether what comes after it is wanted.
        let full = page.len() == limit;
        let rest = match page.last().filter(|_| full) {
            Some(last) => all.iter().filter(|object| place(object) > place(last)).count(),
            None => 0,
        };
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if rest > 0 {
            let start = page.last().map_or(start, |last| place(last));
            metadata["continue"] = Continue { version, start }.token().into();
            if labels.is_empty() && fields.is_empty() {
                metadata["remainingItemCount"] = rest.into();
            }
        }
        let items: Vec<Value> = page.into_iter().map(|object| item(object)).collect();
        if rest > 0 {
            self.inner.keep(version, self.kind, within, all);
        }
        let kind = format!("{}List", self.kind.kind);
        Ok((200, json!({"kind": kind, "apiVersion": self.kind.api_version(), "metadata": metadata, "items": items})))
    }

    /// DELETE of many: those that the selectors ask for.
    pub(super) fn delete_all(&mut self) -> Answer {
        let dry_run = self.ask.dry_run("DeleteOptions")?;
        let labels = Selector::parse(self.ask.parameter("labelSelector"))?;
        let fields = FieldSelector::parse(self.ask.parameter("fieldSelector"))?;
        let within = (self.kind.namespaced && !self.on.namespace.is_empty()).then(|| self.on.namespace.clone());
        let all = self.inner.list(self.kind, within.as_deref());
        let wanted: Vec<&Arc<Value>> =
            all.iter().filter(|object| labels.matches(&object::labels(object)) && fields.matches(object)).collect();
        for object in wanted.iter().filter(|_| !dry_run) {
            self.inner.remove(self.kind, namespace(object), name(object));
        }
        let items: Vec<Value> = wanted.into_iter().map(|object| item(object)).collect();
        let metadata = json!({"resourceVersion": self.inner.version().to_string()});
        let kind = format!("{}List", self.kind.kind);
        Ok((200, json!({"kind": kind, "apiVersion": self.kind.api_version(), "metadata": metadata, "items": items})))
    }

    fn limit(&self) -> Result<usize, Status> {
        let text = self.ask.parameter("limit");
        if text.is_empty() {
            return Ok(usize::MAX);
        }
        let limit: i64 = text
            .parse()
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax")))?;
        Ok(usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX))
    }
}

/// An object in a list goes without its kind.
fn item(object: &Value) -> Value {
    let mut item = object.clone();
    let map = object::map_mut(&mut item);
    map.remove("apiVersion");
    map.remove("kind");
    item
}

/// Where an object stands in a list.
fn place(object: &Value) -> String {
    format!("{}\u{0}{}", namespace(object), name(object))
}

fn expired() -> Status {
    let message = "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.";
    Status::new(410, "Expired", message)
}

impl Continue {
    fn token(&self) -> String {
        let token = json!({"v": "meta.k8s.io/v1", "rv": self.version, "start": self.start});
        URL_SAFE_NO_PAD.encode(token.to_string())
    }

    fn parse(token: &str) -> Result<Self, Status> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
            let value: Value = serde_json::from_slice(&bytes).ok()?;
            Some(Self { version: value["rv"].as_u64()?, start: value["start"].as_str()?.to_owned() })
        };
        read().ok_or_else(|| Status::bad_request("invalid continue token: continue key is not valid"))
    }
}
