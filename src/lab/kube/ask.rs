//! What a request asks for.
//!
//! The rules are those of apiserver's `pkg/endpoints/request/requestinfo.go`.

use bytes::Bytes;
use http::{Method, Request, header};
use percent_encoding::percent_decode_str;

use super::status::Status;
use crate::lab::PageEnds;

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// get, list, watch, create, update, patch, delete or deletecollection; for other paths the method in lower case.
    pub(super) verb: &'static str,
    /// What it is about.
    pub(super) target: Target,
    query: Vec<(String, String)>,
    /// The body.
    pub(super) body: &'a Bytes,
    request: &'a Request<Bytes>,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A path that is no resource.
    Path(String),
    /// A resource or an object of it.
    Resource(Resource),
}

/// A resource, an object of it, or a part of that object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Resource {
    /// The API group; empty for the core group.
    pub(super) group: String,
    /// The version.
    pub(super) version: String,
    /// The resource's name.
    pub(super) plural: String,
    /// The part of the object; empty for the whole.
    pub(super) subresource: String,
    /// The namespace; empty for none or all. A namespace itself is in the namespace of its name.
    pub(super) namespace: String,
    /// The object's name; empty for none.
    pub(super) name: String,
}

impl<'a> Ask<'a> {
    /// Takes a request apart.
    pub(super) fn of(request: &'a Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let query = query.split('&').filter(|pair| !pair.is_empty()).map(decoded_pair).collect();
        let mut ask = Self { verb: "", target: target(request.uri().path()), query, body: request.body(), request };
        ask.verb = ask.verb_of(request.method());
        if let Target::Resource(resource) = &mut ask.target
            && matches!(ask.verb, "list" | "watch" | "deletecollection")
            && let Some((_, selector)) = ask.query.iter().find(|(name, _)| name == "fieldSelector")
            && let Some(name) = selector.strip_prefix("metadata.name=")
            && !name.contains(',')
        {
            name.trim_start_matches('=').clone_into(&mut resource.name);
        }
        ask
    }

    /// How many objects a page may hold at most, where the lab cuts pages short on purpose.
    pub(super) fn page_ends(&self) -> Option<usize> {
        self.request.extensions().get::<PageEnds>().map(|ends| ends.0)
    }

    fn verb_of(&self, method: &Method) -> &'static str {
        let named = match &self.target {
            Target::Path(_) => return lower(method),
            Target::Resource(resource) => !resource.name.is_empty(),
        };
        match *method {
            Method::POST => "create",
            Method::GET | Method::HEAD if self.flag("watch") => "watch",
            Method::GET | Method::HEAD if named => "get",
            Method::GET | Method::HEAD => "list",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE if named => "delete",
            Method::DELETE => "deletecollection",
            _ => "",
        }
    }

    /// A parameter of the query, empty when it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// A parameter that is on or off.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.parameter(name), "true" | "1")
    }

    /// The body's type, without parameters.
    pub(super) fn content_type(&self) -> &str {
        self.header(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim()
    }

    /// Every value of a header.
    pub(super) fn headers(&self, name: &str) -> Vec<String> {
        let values = self.request.headers().get_all(name).iter();
        values.filter_map(|value| value.to_str().ok().map(str::to_owned)).collect()
    }

    /// A header, empty when it is not there.
    pub(super) fn header(&self, name: header::HeaderName) -> &str {
        self.request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether nothing is to be stored.
    pub(super) fn dry_run(&self, options: &str) -> Result<bool, Status> {
        match self.parameter("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let cause = super::status::Cause {
                    reason: "FieldValueNotSupported",
                    field: "dryRun".to_owned(),
                    message: format!("Unsupported value: [{other:?}]: supported values: \"All\""),
                };
                Err(Status::invalid("meta.k8s.io", options, "", &[cause]))
            }
        }
    }

    /// Who writes: the field manager, or what the client calls itself up to the first slash.
    pub(super) fn manager(&self) -> String {
        match self.parameter("fieldManager") {
            "" => match self.header(header::USER_AGENT).split('/').next().unwrap_or_default() {
                "" => "unknown".to_owned(),
                client => client.to_owned(),
            },
            manager => manager.to_owned(),
        }
    }

    /// The verb and the resource, such as `get configmaps`; else the path.
    pub(super) fn operation(&self) -> String {
        match &self.target {
            Target::Path(path) => format!("{} {path}", self.verb),
            Target::Resource(resource) => format!("{} {}", self.verb, resource.plural),
        }
    }

    /// Whether it may change something.
    pub(super) fn writes(&self) -> bool {
        let review = matches!(&self.target, Target::Resource(resource) if resource.plural.starts_with("selfsubject"));
        matches!(self.verb, "create" | "update" | "patch" | "delete" | "deletecollection") && !review
    }
}

fn lower(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "",
    }
}

fn target(path: &str) -> Target {
    let segments: Vec<String> = path.split('/').skip(1).filter(|segment| !segment.is_empty()).map(decoded).collect();
    let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, version, rest) = match texts.as_slice() {
        ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
        ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
        _ => return Target::Path(path.to_owned()),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() && !matches!(rest, ["status" | "finalize"]) => {
            (*namespace, rest)
        }
        ["namespaces", name, ..] => (*name, rest),
        _ => ("", rest),
    };
    let part = |index: usize| rest.get(index).map(|segment| (*segment).to_owned()).unwrap_or_default();
    Target::Resource(Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: part(0),
        name: part(1),
        subresource: rest.get(2..).map(|more| more.join("/")).unwrap_or_default(),
        namespace: namespace.to_owned(),
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn decoded_pair(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decoded(&name.replace('+', " ")), decoded(&value.replace('+', " ")))
}
