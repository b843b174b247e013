//! What a policy may say but probably does not mean. All of it is a warning: the policy can be used as it is.

mod bindings;

use std::collections::HashSet;

use jiff::civil::Date;

use super::{
    entry::{AccessEntry, Policy, Spot},
    grants, template,
};
use crate::{
    authenticator::unknown_templates,
    model::{AccessScope, CLUSTER_ADMIN_POLICY, Cluster, Finding, FindingCode, MASTERS, Match, Principal, Selector},
    source::Diagnostic,
};

/// Warnings that take no knowledge of the fleet.
pub fn lint(policy: &Policy, today: Date) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for entry in &policy.access {
        templates(entry, &mut warnings);
        masters(entry, &mut warnings);
        ended(entry, today, &mut warnings);
        warnings.extend(grants::lint(entry));
    }
    bindings::lint(policy, &mut warnings);
    warnings
}

/// Findings about selectors that mean none of these clusters; one that cannot be decided is not told of. Only a fleet that
/// was read as a whole can tell.
pub fn lint_fleet<'c>(policy: &Policy, clusters: impl IntoIterator<Item = &'c Cluster>) -> Vec<Finding> {
    let clusters: Vec<&Cluster> = clusters.into_iter().collect();
    let means_none = |selector: &Selector| clusters.iter().all(|cluster| selector.matches(cluster) == Match::No);
    let selectors = policy.selectors().filter(|(_, selector)| !clusters.is_empty() && means_none(selector));
    selectors
        .map(|(spot, _)| {
            let message = format!("the `where` at {} means none of the {} clusters", spot.source, clusters.len());
            Finding::notice(FindingCode::SelectorMatchesNothing, spot.source.to_string(), message)
                .next("check its names and globs with `rolecall discover`")
                .from_source(Some(&spot.source))
        })
        .collect()
}

fn warning(spot: &Spot, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(spot.source.file.clone(), spot.span, message)
}

fn templates(entry: &AccessEntry, warnings: &mut Vec<Diagnostic>) {
    let username = entry.username.iter().map(|username| (&username.text, &username.spot));
    let groups = entry.groups.iter().map(|group| (&group.name, &group.spot));
    for (text, spot) in username.chain(groups) {
        for unknown in unknown_templates(text) {
            let message = format!("{unknown} is not a template that EKS knows: it would stand in the name as it is");
            let known = template::KNOWN.join(", ");
            warnings.push(warning(spot, message).help(format!("EKS knows {known}")));
        }
    }
}

fn masters(entry: &AccessEntry, warnings: &mut Vec<Diagnostic>) {
    if entry.selector != Selector::default() {
        return;
    }
    let group = entry.groups.iter().filter(|group| group.name == MASTERS).map(|group| (MASTERS, &group.spot));
    let admin = |name: &str, scope: &AccessScope| name == CLUSTER_ADMIN_POLICY && *scope == AccessScope::Cluster;
    let policy = entry.policies.iter().filter(|policy| admin(&policy.name, &policy.scope));
    if let Some((what, spot)) = group.chain(policy.map(|policy| (CLUSTER_ADMIN_POLICY, &policy.spot))).next() {
        let message = format!("{} holds {what} on every cluster, which no RBAC rule limits", entry.who);
        let help = "choose the clusters by `where`, or give a group that is bound to cluster-admin";
        warnings.push(warning(spot, message).help(help));
    }
}

fn ended(entry: &AccessEntry, today: Date, warnings: &mut Vec<Diagnostic>) {
    if let Some(until) = entry.until.as_ref().filter(|until| until.date < today) {
        let message = format!("the grant to {} ended with {}: it gives nothing any more", entry.who, until.date);
        warnings.push(warning(&until.spot, message).help("delete the entry, or move the date"));
    }
}

/// The names that entries give, to ask whether one of them may become a given name.
struct Names<'a> {
    exact: HashSet<&'a str>,
    templates: Vec<String>,
}

impl<'a> Names<'a> {
    fn of(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self { exact: HashSet::new(), templates: Vec::new() };
        for name in names {
            if template::any(name) {
                all.templates.push(name.to_owned());
            } else {
                all.exact.insert(name);
            }
        }
        all.templates.sort();
        all.templates.dedup();
        all
    }

    /// The groups that access entries give.
    fn groups(policy: &'a Policy) -> Self {
        Self::of(policy.access.iter().flat_map(|entry| entry.groups.iter().map(|group| group.name.as_str())))
    }

    /// The usernames that access entries give, those that EKS gives by default included.
    fn usernames(policy: &'a Policy) -> Self {
        let given = policy.access.iter().filter_map(|entry| entry.username.as_ref()).map(|name| name.text.as_str());
        let mut all = Self::of(given);
        all.templates
            .extend(policy.access.iter().filter(|entry| entry.username.is_none()).filter_map(default_username));
        all
    }

    fn may_be(&self, name: &str) -> bool {
        self.exact.contains(name) || self.templates.iter().any(|template| template::may_become(template, name))
    }
}

/// The username that EKS gives by default, `{{}}` standing for what the policy alone does not tell.
fn default_username(entry: &AccessEntry) -> Option<String> {
    let session = |partition: &str, account: &str, name: &str| {
        format!("arn:{partition}:sts::{account}:assumed-role/{name}/{{{{SessionName}}}}")
    };
    Some(match &entry.who.principal {
        Principal::RoleName(name) => session("{{}}", "{{}}", name),
        Principal::RoleArn(arn) => session(arn.partition.as_str(), &arn.account, arn.role_name()?),
        Principal::PermissionSet(name) => session("{{}}", "{{}}", &format!("AWSReservedSSO_{name}_{{{{}}}}")),
        Principal::DirectoryGroup(_) => session("{{}}", "{{}}", "AWSReservedSSO_{{}}"),
        Principal::IamGroup(group) if group.members => "arn:{{}}:iam::{{}}:user/{{}}".to_owned(),
        Principal::IamGroup(group) => session("{{}}", "{{}}", group.via.as_deref().unwrap_or("{{}}")),
        Principal::UserName(name) => format!("arn:{{{{}}}}:iam::{{{{}}}}:user/{{{{}}}}{name}"),
        Principal::UserArn(arn) => arn.to_string(),
        Principal::Account(id) => format!("arn:{{{{}}}}:{{{{}}}}::{id}:{{{{}}}}"),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
