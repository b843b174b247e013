//! Paths that are no resources: health, version, and what is served.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::{
    kinds::{COORDINATION, KINDS, Kind, RBAC},
    status::{Status, json_response, response},
};

/// The API groups that are served beside the core group.
pub(super) const GROUPS: [&str; 4] = ["authentication.k8s.io", "authorization.k8s.io", RBAC, COORDINATION];
const VERBS: [&str; 7] = ["create", "delete", "deletecollection", "get", "list", "patch", "update"];

/// Answers a GET.
pub(super) fn answer(path: &str, address: &str, version: &str) -> Response<Bytes> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let body = match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return response(200, "text/plain; charset=utf-8", "ok"),
        ["version"] => version_of(version),
        ["api"] => json!({
            "kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }),
        ["apis"] => {
            let groups: Vec<Value> = GROUPS.iter().map(|group| group_of(group)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        ["api", "v1"] => resources_of(""),
        ["apis", group] if GROUPS.contains(group) => {
            let mut body = group_of(group);
            body["kind"] = "APIGroup".into();
            body["apiVersion"] = "v1".into();
            body
        }
        ["apis", group, "v1"] if GROUPS.contains(group) => resources_of(group),
        // Below what is served, whatever is not there is told as a resource.
        ["api", ..] => return Status::no_such_resource().response(),
        ["apis", group, ..] if GROUPS.contains(group) => return Status::no_such_resource().response(),
        _ => return nothing(),
    };
    json_response(200, &body)
}

/// A path that leads nowhere, or to a group that is not served.
pub(super) fn nothing() -> Response<Bytes> {
    response(404, "text/plain; charset=utf-8", "404 page not found\n")
}

fn version_of(version: &str) -> Value {
    let (major, minor) = version.split_once('.').unwrap_or((version, ""));
    json!({
        "major": major, "minor": minor, "emulationMajor": major, "emulationMinor": minor, "minCompatibilityMajor": major,
        "minCompatibilityMinor": minor, "gitVersion": format!("v{major}.{minor}.0-eks-lab"), "gitCommit": "",
        "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn group_of(group: &str) -> Value {
    let version = json!({"groupVersion": format!("{group}/v1"), "version": "v1"});
    json!({"name": group, "versions": [version], "preferredVersion": version})
}

fn resources_of(group: &str) -> Value {
    let reviews: &[(&str, &str)] = match group {
        "authentication.k8s.io" => &[("selfsubjectreviews", "SelfSubjectReview")],
        "authorization.k8s.io" => &[
            ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
            ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
        ],
        _ => &[],
    };
    let stored = KINDS.iter().filter(|kind| kind.group == group).map(resource_of);
    let reviews = reviews.iter().map(|(plural, kind)| {
        json!({
            "name": plural, "singularName": kind.to_lowercase(), "namespaced": false, "kind": kind, "verbs": ["create"],
        })
    });
    let resources: Vec<Value> = stored.chain(reviews).collect();
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let mut list = json!({"kind": "APIResourceList", "groupVersion": version, "resources": resources});
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    list
}

fn resource_of(kind: &Kind) -> Value {
    let verbs: Vec<&str> =
        VERBS.into_iter().filter(|verb| *verb != "deletecollection" || kind.plural != "namespaces").collect();
    let mut resource = json!({
        "name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind, "verbs": verbs,
    });
    if !kind.short.is_empty() {
        resource["shortNames"] = json!(kind.short);
    }
    resource
}
