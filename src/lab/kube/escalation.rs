//! Nobody grants by RBAC what they do not hold.
//!
//! The rules are those of Kubernetes's `pkg/registry/rbac/escalation_check.go` and the `policybased` storages beside it,
//! `ConfirmNoEscalation` in `pkg/registry/rbac/validation/rule.go`, and `Covers` in component-helpers's
//! `auth/rbac/validation/policy_comparator.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    ask::Resource,
    kinds::{Kind, RBAC},
    object::{list, name, namespace, text, texts},
    rbac::{self, Attributes, On},
    status::Status,
    store::Inner,
    user::User,
};

/// Refuses a role or a binding that would grant more than the caller holds.
pub(super) fn check(
    inner: &Inner,
    user: &User,
    kind: &Kind,
    before: Option<&Value>,
    after: &Value,
) -> Result<(), Status> {
    if kind.group != RBAC || user.is_master() {
        return Ok(());
    }
    let at = namespace(after);
    if kind.kind.ends_with("Binding") {
        let role_ref = &after["roleRef"];
        if may_bind(inner, user, role_ref, at) {
            return Ok(());
        }
        let role = rbac::role_of(inner, role_ref, at);
        // The server names the binding's own resource here, with the role's name.
        let role = role.ok_or_else(|| Status::not_found(kind, text(role_ref, "name")))?;
        return confirm(inner, user, kind, after, list(&role, "rules"));
    }
    if may_escalate(inner, user, kind, after) {
        return Ok(());
    }
    confirm(inner, user, kind, after, list(after, "rules"))?;
    if is_aggregated(after) || before.is_some_and(is_aggregated) {
        let everything = [
            json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
            json!({"verbs": ["*"], "nonResourceURLs": ["*"]}),
        ];
        confirm(inner, user, kind, after, &everything).map_err(|_| {
            let why = "must have cluster-admin privileges to use the aggregationRule";
            Status::forbidden(kind.group, kind.plural, name(after), why)
        })?;
    }
    Ok(())
}

/// Whether a ClusterRole's rules come from other roles.
pub(super) fn is_aggregated(role: &Value) -> bool {
    role.get("aggregationRule").is_some_and(|rule| !list(rule, "clusterRoleSelectors").is_empty())
}

fn may_bind(inner: &Inner, user: &User, role_ref: &Value, namespace: &str) -> bool {
    let plural = match text(role_ref, "kind") {
        "ClusterRole" => "clusterroles",
        "Role" => "roles",
        _ => return false,
    };
    may(inner, user, "bind", plural, text(role_ref, "name"), namespace)
}

fn may_escalate(inner: &Inner, user: &User, kind: &Kind, role: &Value) -> bool {
    may(inner, user, "escalate", kind.plural, name(role), namespace(role))
}

fn may(inner: &Inner, user: &User, verb: &str, plural: &str, name: &str, namespace: &str) -> bool {
    let on = Resource {
        group: RBAC.to_owned(),
        version: "v1".to_owned(),
        plural: plural.to_owned(),
        name: name.to_owned(),
        namespace: namespace.to_owned(),
        ..Resource::default()
    };
    rbac::decide(inner, user, Attributes { verb, on: On::Resource(&on) }).allowed
}

fn confirm(inner: &Inner, user: &User, kind: &Kind, object: &Value, rules: &[Value]) -> Result<(), Status> {
    let held = rbac::rules_of(inner, user, namespace(object));
    let missing: Vec<Atom<'_>> =
        rules.iter().flat_map(atoms).filter(|atom| !held.iter().any(|rule| atom.is_covered_by(rule))).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let groups: Vec<String> = user.groups.iter().map(|group| format!("{group:?}")).collect();
    let why = format!(
        "user {:?} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        user.name,
        groups.join(" "),
        described(&missing).join("\n")
    );
    Err(Status::forbidden(kind.group, kind.plural, name(object), &why))
}

/// A rule with one of each.
#[derive(Clone, Copy, Debug)]
enum Atom<'a> {
    Resource { verb: &'a str, group: &'a str, resource: &'a str, name: Option<&'a str> },
    Url { verb: &'a str, url: &'a str },
}

fn atoms(rule: &Value) -> Vec<Atom<'_>> {
    let mut atoms = Vec::new();
    for group in texts(rule, "apiGroups") {
        for resource in texts(rule, "resources") {
            for verb in texts(rule, "verbs") {
                let whole = Atom::Resource { verb, group, resource, name: None };
                let named =
                    texts(rule, "resourceNames").map(|name| Atom::Resource { verb, group, resource, name: Some(name) });
                let before = atoms.len();
                atoms.extend(named);
                if atoms.len() == before {
                    atoms.push(whole);
                }
            }
        }
    }
    for url in texts(rule, "nonResourceURLs") {
        atoms.extend(texts(rule, "verbs").map(|verb| Atom::Url { verb, url }));
    }
    atoms
}

impl Atom<'_> {
    fn is_covered_by(&self, rule: &Value) -> bool {
        let has = |field: &str, wanted: &str| texts(rule, field).any(|one| one == "*" || one == wanted);
        match *self {
            Self::Url { verb, url } => {
                has("verbs", verb) && texts(rule, "nonResourceURLs").any(|own| rbac::covers_url(own, url))
            }
            Self::Resource { verb, group, resource, name } => {
                let any_of_sub = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
                let resources = has("resources", resource)
                    || any_of_sub.is_some_and(|any| texts(rule, "resources").any(|one| one == any));
                let unnamed = list(rule, "resourceNames").is_empty();
                let names = unnamed || name.is_some_and(|name| texts(rule, "resourceNames").any(|one| one == name));
                has("verbs", verb) && has("apiGroups", group) && resources && names
            }
        }
    }
}

/// What is missing in the words of `CompactString`, verbs of one resource together, in order.
fn described(missing: &[Atom<'_>]) -> Vec<String> {
    let mut verbs: BTreeMap<(&str, &str, Option<&str>), Vec<String>> = BTreeMap::new();
    let mut lines = BTreeSet::new();
    for atom in missing {
        match *atom {
            Atom::Resource { verb, group, resource, name } => {
                verbs.entry((group, resource, name)).or_default().push(format!("{verb:?}"));
            }
            Atom::Url { verb, url } => {
                lines.insert(format!("{{NonResourceURLs:[{url:?}], Verbs:[{verb:?}]}}"));
            }
        }
    }
    for ((group, resource, name), verbs) in verbs {
        let names = name.map_or_else(String::new, |name| format!(", ResourceNames:[{name:?}]"));
        lines
            .insert(format!("{{APIGroups:[{group:?}], Resources:[{resource:?}]{names}, Verbs:[{}]}}", verbs.join(" ")));
    }
    lines.into_iter().collect()
}
