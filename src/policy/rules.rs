//! Rules of roles: what Kubernetes takes, and when two lists of rules say the same.

use std::collections::BTreeSet;

use crate::model::Rule;

/// Whether two lists of rules allow the same in the same rules, whatever the order they are written in.
pub(super) fn same_rules(a: &[Rule], b: &[Rule]) -> bool {
    a == b || normal(a) == normal(b)
}

fn normal(rules: &[Rule]) -> BTreeSet<[BTreeSet<&str>; 5]> {
    fn set(list: &[String]) -> BTreeSet<&str> {
        list.iter().map(String::as_str).collect()
    }
    rules
        .iter()
        .map(|r| {
            [set(&r.api_groups), set(&r.resources), set(&r.verbs), set(&r.resource_names), set(&r.non_resource_urls)]
        })
        .collect()
}

/// What is wrong with a rule, in words; nothing when Kubernetes takes it.
///
/// See `ValidatePolicyRule` in
/// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/apis/rbac/validation/validation.go>.
pub(super) fn wrong_with(rule: &Rule, namespaced: bool) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if rule.verbs.is_empty() {
        wrong.push("the rule has no verbs and would allow nothing: give `verbs`, such as [get, list, watch]");
    }
    let resources = !rule.resources.is_empty();
    let urls = !rule.non_resource_urls.is_empty();
    if urls && namespaced {
        wrong.push("nonResourceURLs belong to the whole cluster: they are possible only in a role without `namespace`");
    }
    if urls && (resources || !rule.api_groups.is_empty() || !rule.resource_names.is_empty()) {
        wrong.push("a rule is about resources or about nonResourceURLs, not both: make two rules of it");
    }
    if !urls && !resources {
        wrong.push("the rule says not what it is about: give `resources`, such as [pods, pods/log]");
    }
    if resources && rule.api_groups.is_empty() {
        wrong.push("the rule has resources but no apiGroups: give `apiGroups`, [\"\"] being the core group");
    }
    let lists = [&rule.api_groups, &rule.resources, &rule.verbs, &rule.resource_names, &rule.non_resource_urls];
    if lists[1..].iter().any(|list| list.iter().any(String::is_empty)) {
        wrong.push("a name in the rule is empty: only apiGroups knows \"\", the core group");
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(groups: &[&str], resources: &[&str], verbs: &[&str], urls: &[&str]) -> Rule {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Rule {
            api_groups: list(groups),
            resources: list(resources),
            verbs: list(verbs),
            non_resource_urls: list(urls),
            ..Rule::default()
        }
    }

    #[test]
    fn order_does_not_make_rules_differ() {
        let a = [rule(&[""], &["pods", "pods/log"], &["get"], &[]), rule(&[], &[], &["get"], &["/healthz"])];
        let b = [rule(&[], &[], &["get"], &["/healthz"]), rule(&[""], &["pods/log", "pods"], &["get"], &[])];
        assert!(same_rules(&a, &b));
        assert!(!same_rules(&a, &a[..1]));
        assert!(!same_rules(&a[..1], &[rule(&[""], &["pods", "pods/log"], &["get", "list"], &[])]));
    }

    #[test]
    fn rules_that_kubernetes_refuses_are_named() {
        assert_eq!(wrong_with(&rule(&[""], &["pods"], &["get"], &[]), true), Vec::<&str>::new());
        assert_eq!(wrong_with(&rule(&[], &[], &["get"], &["/metrics"]), false), Vec::<&str>::new());
        assert!(wrong_with(&rule(&[""], &["pods"], &[], &[]), false)[0].contains("no verbs"));
        assert!(wrong_with(&rule(&[], &[], &["get"], &["/metrics"]), true)[0].contains("without `namespace`"));
        assert!(wrong_with(&rule(&[""], &["pods"], &["get"], &["/metrics"]), false)[0].contains("two rules"));
        assert!(wrong_with(&rule(&[""], &[], &["get"], &[]), false)[0].contains("what it is about"));
        assert!(wrong_with(&rule(&[], &["pods"], &["get"], &[]), false)[0].contains("core group"));
        assert!(wrong_with(&rule(&[""], &["pods", ""], &["get"], &[]), false)[0].contains("is empty"));
    }
}
