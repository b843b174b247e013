//! The controller that fills ClusterRoles with an aggregationRule from those that its selectors match.
//!
//! See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles>.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    escalation,
    kinds::Kind,
    managed::Managers,
    object::{self, list, name},
    selector::Selector,
    shape,
    store::Inner,
};

/// Fills every aggregated role that is not as it should be.
pub(super) fn run(inner: &mut Inner, now: Timestamp) {
    let Some(kind) = Kind::of_plural("clusterroles") else { return };
    // A role may be filled from another that is aggregated itself: as many rounds as there are such roles are enough.
    for _ in 0..8 {
        let roles = inner.list(kind, None);
        let changed: Vec<Value> = roles.iter().filter_map(|role| filled(role, &roles, now)).collect();
        if changed.is_empty() {
            return;
        }
        for role in changed {
            inner.insert(kind, role, now);
        }
    }
}

/// The role with the rules that it should have, when it has others.
pub(super) fn filled(role: &Arc<Value>, roles: &[Arc<Value>], now: Timestamp) -> Option<Value> {
    if !escalation::is_aggregated(role) {
        return None;
    }
    let mut gathered: Vec<Value> = Vec::new();
    let by_name: BTreeMap<&str, &Arc<Value>> = roles.iter().map(|role| (name(role), role)).collect();
    for selector in list(&role["aggregationRule"], "clusterRoleSelectors") {
        let selector = Selector::of_object(selector);
        for other in by_name.values().filter(|other| selector.matches(&object::labels(other))) {
            if name(other) != name(role) {
                gathered.extend(
                    list(other, "rules").iter().filter(|rule| !gathered.contains(rule)).cloned().collect::<Vec<_>>(),
                );
            }
        }
    }
    if gathered == list(role, "rules") {
        return None;
    }
    let mut new = (**role).clone();
    new["rules"] = gathered.into();
    let mut managers = Managers::of(role);
    managers.update(role, &new, "clusterrole-aggregation-controller", now);
    managers.write(&mut new);
    shape::squeeze(Kind::of_plural("clusterroles")?, &mut new);
    Some(new)
}
