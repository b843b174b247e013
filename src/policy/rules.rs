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

/// What a rule lacks, in words; nothing when Kubernetes takes it.
///
/// See `ValidatePolicyRule` in
/// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/apis/rbac/validation/validation.go>.
pub(super) fn lacking(rule: &Rule) -> Vec<&'static str> {
    let mut lacking = Vec::new();
    let about_urls = !rule.non_resource_urls.is_empty();
    if rule.verbs.is_empty() {
        lacking.push("the rule allows nothing: give `verbs`, such as [get, list, watch]");
    }
    if rule.resources.is_empty() && !about_urls {
        lacking.push("the rule says not what it is about: give `resources`, such as [pods, pods/log]");
    }
    if !rule.resources.is_empty() && rule.api_groups.is_empty() {
        lacking.push("the rule has resources but no API groups: give `apiGroups`, [\"\"] being the core group");
    }
    lacking
}

/// What does not belong into a rule, in words, by the same rules of Kubernetes.
pub(super) fn wrong(rule: &Rule, namespaced: bool) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    let about_urls = !rule.non_resource_urls.is_empty();
    let about_resources = [&rule.resources, &rule.api_groups, &rule.resource_names].iter().any(|list| !list.is_empty());
    if about_urls && namespaced {
        wrong.push("nonResourceURLs belong to the whole cluster: they are possible only in a role without `namespace`");
    }
    if about_urls && about_resources {
        wrong.push("a rule is about resources or about nonResourceURLs, not both: make two rules of it");
    }
    let names = [&rule.resources, &rule.verbs, &rule.resource_names, &rule.non_resource_urls];
    if names.iter().any(|list| list.iter().any(String::is_empty)) {
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
        for good in [rule(&[""], &["pods"], &["get"], &[]), rule(&[], &[], &["get"], &["/metrics"])] {
            assert!(lacking(&good).is_empty() && wrong(&good, false).is_empty(), "{good:?}");
        }
        assert!(lacking(&rule(&[""], &["pods"], &[], &[]))[0].contains("`verbs`"));
        assert!(lacking(&rule(&[""], &[], &["get"], &[]))[0].contains("`resources`"));
        assert!(lacking(&rule(&[], &["pods"], &["get"], &[]))[0].contains("`apiGroups`"));
        assert!(wrong(&rule(&[], &[], &["get"], &["/metrics"]), true)[0].contains("without `namespace`"));
        assert!(wrong(&rule(&[""], &["pods"], &["get"], &["/metrics"]), false)[0].contains("two rules"));
        assert!(wrong(&rule(&[""], &["pods", ""], &["get"], &[]), false)[0].contains("is empty"));
    }
}
