//! The half of the access entries: who gets in by EKS's own API, under which name, with which groups and policies.

mod base;
mod decide;
mod policies;
mod remove;
mod shadow;
pub(super) mod staying;
mod wanted;

use crate::model::{
    Cluster, ClusterState, Desired, DesiredRow, EntriesState, Finding, FindingCode, Observed, PlanRules, Surface,
};

use super::{draft::Part, protection::Protection};

use base::{Base, Rows};
pub(super) use base::{at, bare, content, subject};
pub(super) use base::{at as entry_at, default_username};

/// What every decision looks at.
struct Context<'a> {
    base: &'a Base<'a>,
    /// The rows of aws-auth beside the entries.
    rows: &'a Rows,
    protection: &'a Protection<'a>,
    rules: &'a PlanRules,
    /// Why nothing may be removed.
    unknown: &'a [String],
    /// Why what leans on RBAC has to wait.
    waits: &'a [String],
}

/// Plans the access entries, where roles and users get in by them, and tells what they override in aws-auth.
pub(super) fn plan(cluster: &Cluster, desired: &Desired, state: &ClusterState, rules: &PlanRules) -> Part {
    let mode = cluster.authentication_mode;
    let by_entries = rules.surface.by_entries(mode);
    if !mode.reads_entries() {
        let findings = if by_entries { no_entries(desired) } else { policies_without_entries(desired) };
        return Part::only(findings);
    }
    let nothing = EntriesState::default();
    let stored = match &state.entries {
        Observed::Known(stored) => stored.as_ref().unwrap_or(&nothing),
        Observed::Unknown(why) => {
            let message = format!("the access entries could not be read, so that nothing is planned for them: {why}");
            let finding = Finding::gap(FindingCode::ClusterUnreadable, Surface::AccessEntries.as_str(), message);
            return Part::only(vec![Finding { next: why.next.clone(), ..finding }.on(Surface::AccessEntries)]);
        }
    };
    let base = Base::new(stored);
    let rows = Rows::of(mode, state);
    let mut part = Part::default();
    if by_entries {
        let protection = Protection::new(rules);
        let unread = state.rbac.unknown().map(|_| "the RBAC objects that it leans on could not be read".to_owned());
        let waits: Vec<String> = desired.unknown.iter().cloned().chain(unread).collect();
        let (protection, unknown) = (&protection, desired.unknown.as_slice());
        let context = Context { base: &base, rows: &rows, protection, rules, unknown, waits: &waits };
        let wanted = wanted::collect(cluster, desired, &mut part.findings);
        let named = decide::decide(&context, &wanted, &mut part);
        remove::decide(&context, &wanted, &named, &mut part);
    } else {
        part.findings.extend(policies_without_entries(desired));
    }
    shadow::tell(&base, &rows, desired, rules, by_entries, &mut part.findings);
    part
}

/// People's grants; those of nodes are not placed on access entries, which EKS makes for them itself.
fn people(desired: &Desired) -> impl Iterator<Item = &DesiredRow> {
    desired.rows.iter().filter(|row| !row.node)
}

/// The settings ask for access entries where the cluster reads none.
fn no_entries(desired: &Desired) -> Vec<Finding> {
    let grants = people(desired).count();
    if grants == 0 {
        return Vec::new();
    }
    let noun = if grants == 1 { "grant" } else { "grants" };
    let message = format!(
        "{grants} {noun} of the policy cannot be placed: `clusters.surface` is access-entries, and the cluster's \
         authentication mode is CONFIG_MAP, so that it reads none; its rows of aws-auth for these principals are left as \
         they are"
    );
    let source = people(desired).flat_map(|row| &row.sources).next();
    let next = "change the cluster's authentication mode to API_AND_CONFIG_MAP, or set `clusters.surface: auto`";
    let finding = Finding::drift(FindingCode::CannotBePlaced, Surface::AccessEntries.as_str(), message);
    vec![finding.next(next).on(Surface::AccessEntries).from_source(source)]
}

/// Access policies are held by access entries alone.
fn policies_without_entries(desired: &Desired) -> Vec<Finding> {
    let of = |row: &DesiredRow| {
        let names: Vec<&str> = row.policies.iter().map(crate::model::PolicyGrant::name).collect();
        let message = format!(
            "{} cannot be given {} here: only an access entry holds access policies, and on this cluster roles and users \
             get in by aws-auth",
            row.who,
            names.join(", ")
        );
        let next = "give a group that RBAC binds, or let the cluster read access entries (`clusters.surface: auto`)";
        Finding::drift(FindingCode::CannotBePlaced, row.principal.to_string(), message)
            .next(next)
            .on(Surface::AccessEntries)
            .from_source(row.sources.first())
    };
    people(desired).filter(|row| !row.policies.is_empty()).map(of).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixtures;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod properties;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
