//! Who may do what: RBAC on the stored objects, and EKS's access policies.
//!
//! RBAC's rules are those of Kubernetes's `plugin/pkg/auth/authorizer/rbac/rbac.go` and `pkg/registry/rbac/validation`;
//! the access policies are described at <https://docs.aws.amazon.com/eks/latest/userguide/access-policies.html>.

use std::sync::Arc;

use serde_json::Value;

use super::{
    ask::{Ask, Resource, Target},
    bootstrap,
    kinds::{Kind, RBAC},
    object::{list, name, namespace, text, texts},
    status::Status,
    store::Inner,
    user::{AccessPolicy, User},
};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes<'a> {
    /// The verb.
    pub(super) verb: &'a str,
    /// On what.
    pub(super) on: On<'a>,
}

/// What something is done on.
#[derive(Clone, Copy, Debug)]
pub(super) enum On<'a> {
    /// A path that is no resource.
    Path(&'a str),
    /// A resource.
    Resource(&'a Resource),
}

impl<'a> Attributes<'a> {
    /// What a request wants to do.
    pub(super) fn of(ask: &'a Ask<'_>) -> Self {
        let on = match &ask.target {
            Target::Path(path) => On::Path(path),
            Target::Resource(resource) => On::Resource(resource),
        };
        Self { verb: ask.verb, on }
    }

    fn namespace(&self) -> &'a str {
        match self.on {
            On::Path(_) => "",
            On::Resource(resource) => &resource.namespace,
        }
    }
}

/// Whether it is allowed, and why (not).
pub(super) struct Decision {
    /// Whether it is.
    pub(super) allowed: bool,
    /// The binding that allows it, or what stood in the way of finding out.
    pub(super) reason: String,
}

/// Refuses what the caller may not do.
pub(super) fn authorize(inner: &Inner, user: &User, wanted: Attributes<'_>) -> Result<(), Status> {
    let decision = decide(inner, user, wanted);
    if decision.allowed {
        return Ok(());
    }
    let reason = if decision.reason.is_empty() { String::new() } else { format!(": {}", decision.reason) };
    let (who, verb) = (&user.name, wanted.verb);
    match wanted.on {
        On::Path(path) => {
            let message = format!("forbidden: User {who:?} cannot {verb} path {path:?}{reason}");
            Err(Status { details: Some(serde_json::json!({})), ..Status::new(403, "Forbidden", message) })
        }
        On::Resource(on) => {
            let what = qualified_resource(on);
            let place = match on.namespace.as_str() {
                "" => "at the cluster scope".to_owned(),
                namespace => format!("in the namespace {namespace:?}"),
            };
            let why =
                format!("User {who:?} cannot {verb} resource {what:?} in API group {:?} {place}{reason}", on.group);
            Err(Status::forbidden(&on.group, &on.plural, &on.name, &why))
        }
    }
}

/// Looks whether it is allowed.
pub(super) fn decide(inner: &Inner, user: &User, wanted: Attributes<'_>) -> Decision {
    if user.is_master() {
        return Decision { allowed: true, reason: String::new() };
    }
    if user.policies.iter().any(|policy| policy_allows(policy, wanted)) {
        return Decision { allowed: true, reason: "EKS Access Policy".to_owned() };
    }
    let mut reason = None;
    let missing = visit(inner, user, wanted.namespace(), &mut |rule, source| {
        let allows = rule_allows(rule, wanted);
        if allows {
            reason = Some(source.words());
        }
        allows
    });
    if let Some(reason) = reason {
        return Decision { allowed: true, reason: format!("RBAC: allowed by {reason}") };
    }
    let reason = match missing.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        several => format!("RBAC: [{}]", several.join(", ")),
    };
    Decision { allowed: false, reason }
}

/// The rules that a caller holds in a namespace by RBAC; access policies do not count.
pub(super) fn rules_of(inner: &Inner, user: &User, namespace: &str) -> Vec<Value> {
    let mut rules = Vec::new();
    visit(inner, user, namespace, &mut |rule, _| {
        rules.push(rule.clone());
        false
    });
    rules
}

/// The rules of the role that a binding names.
pub(super) fn role_of(inner: &Inner, role_ref: &Value, namespace: &str) -> Option<Arc<Value>> {
    match text(role_ref, "kind") {
        "ClusterRole" => inner.get(Kind::of_plural("clusterroles")?, "", text(role_ref, "name")),
        "Role" => inner.get(Kind::of_plural("roles")?, namespace, text(role_ref, "name")),
        _ => None,
    }
}

/// The binding by which a rule is held.
struct Source<'a> {
    binding: &'a Value,
    subject: &'a Value,
}

impl Source<'_> {
    fn words(&self) -> String {
        let (role, subject) = (&self.binding["roleRef"], self.subject);
        let binding = match namespace(self.binding) {
            "" => format!("ClusterRoleBinding {:?}", name(self.binding)),
            namespace => format!("RoleBinding {:?}", format!("{}/{namespace}", name(self.binding))),
        };
        let role = format!("{} {:?}", text(role, "kind"), text(role, "name"));
        let subject = match text(subject, "kind") {
            "ServiceAccount" => {
                format!("ServiceAccount {:?}", format!("{}/{}", text(subject, "name"), text(subject, "namespace")))
            }
            kind => format!("{kind} {:?}", text(subject, "name")),
        };
        format!("{binding} of {role} to {subject}")
    }
}

/// Shows every rule that the caller holds until one is what was looked for; gives the roles that were not found.
fn visit(
    inner: &Inner,
    user: &User,
    namespace: &str,
    found: &mut dyn FnMut(&Value, &Source<'_>) -> bool,
) -> Vec<String> {
    let mut missing = Vec::new();
    let kinds = [("clusterrolebindings", None), ("rolebindings", Some(namespace))];
    for (plural, within) in kinds {
        if within == Some("") {
            continue;
        }
        let bindings = Kind::of_plural(plural).map(|kind| inner.list(kind, within)).unwrap_or_default();
        for binding in bindings {
            let subject = list(&binding, "subjects").iter().find(|subject| is_subject(user, subject, namespace));
            let Some(subject) = subject else { continue };
            let role_ref = &binding["roleRef"];
            let Some(role) = role_of(inner, role_ref, namespace) else {
                let kind = text(role_ref, "kind").to_lowercase();
                missing.push(format!("{kind}.{RBAC} {:?} not found", text(role_ref, "name")));
                continue;
            };
            let source = Source { binding: &binding, subject };
            if list(&role, "rules").iter().any(|rule| found(rule, &source)) {
                return missing;
            }
        }
    }
    missing
}

fn is_subject(user: &User, subject: &Value, namespace: &str) -> bool {
    let name = text(subject, "name");
    match text(subject, "kind") {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|group| group == name),
        "ServiceAccount" => {
            let own = text(subject, "namespace");
            let namespace = if own.is_empty() { namespace } else { own };
            user.name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
                == Some((namespace, name))
        }
        _ => false,
    }
}

/// Whether a rule allows it: `RuleAllows` and the matchers in `pkg/apis/rbac/v1/evaluation_helpers.go`.
pub(super) fn rule_allows(rule: &Value, wanted: Attributes<'_>) -> bool {
    let has = |field: &str, wanted: &str| texts(rule, field).any(|one| one == "*" || one == wanted);
    if !has("verbs", wanted.verb) {
        return false;
    }
    match wanted.on {
        On::Path(path) => texts(rule, "nonResourceURLs").any(|url| covers_url(url, path)),
        On::Resource(on) => {
            let combined = qualified_resource(on);
            let any_of_sub = format!("*/{}", on.subresource);
            let resource = texts(rule, "resources")
                .any(|one| one == "*" || one == combined || (!on.subresource.is_empty() && one == any_of_sub));
            let mut names = texts(rule, "resourceNames").peekable();
            has("apiGroups", &on.group) && resource && (names.peek().is_none() || names.any(|name| name == on.name))
        }
    }
}

/// Whether a nonResourceURL stands for a path.
pub(super) fn covers_url(url: &str, path: &str) -> bool {
    url == path || url.strip_suffix('*').is_some_and(|_| path.starts_with(url.trim_end_matches('*')))
}

fn qualified_resource(on: &Resource) -> String {
    if on.subresource.is_empty() { on.plural.clone() } else { format!("{}/{}", on.plural, on.subresource) }
}

/// Whether an access policy allows it. The permissions of the admin, edit and view policies are those of the ClusterRoles
/// of these names in a fresh cluster.
fn policy_allows(policy: &AccessPolicy, wanted: Attributes<'_>) -> bool {
    let namespace = wanted.namespace();
    let covered = policy.namespaces.is_empty()
        || (!namespace.is_empty() && policy.namespaces.iter().any(|pattern| matches_namespace(pattern, namespace)));
    if !covered {
        return false;
    }
    let role = match policy.name.as_str() {
        "AmazonEKSClusterAdminPolicy" => "cluster-admin",
        "AmazonEKSAdminPolicy" => "admin",
        "AmazonEKSEditPolicy" => "edit",
        "AmazonEKSViewPolicy" => "view",
        "AmazonEKSAdminViewPolicy" => {
            return matches!(wanted.on, On::Resource(_)) && matches!(wanted.verb, "get" | "list" | "watch");
        }
        _ => return false,
    };
    let key = ("clusterroles", String::new(), role.to_owned());
    let role = bootstrap::objects().get(&key);
    role.is_some_and(|role| list(role, "rules").iter().any(|rule| rule_allows(rule, wanted)))
}

/// A namespace of an access scope may hold `*` as a wildcard at its end.
fn matches_namespace(pattern: &str, namespace: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == namespace, |prefix| namespace.starts_with(prefix))
}
