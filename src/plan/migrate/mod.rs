//! Moving the rows of people from aws-auth to access entries, never with a moment in which somebody has less than before.
//!
//! In `API_AND_CONFIG_MAP` an access entry overrides the row of its principal as soon as EKS acts upon it, which is some
//! time after it tells of it. What follows from that:
//!
//! - Nothing is built upon what was written within the last `settle`. What is to be waited for is handed back, and the
//!   cluster is observed again.
//! - `system:masters` is no group of an access entry but an access policy, associated by a second call. In between the
//!   entry holds the group of the bridge, which a binding, made and observed before, binds to cluster-admin.
//! - A row goes only when the entry that was observed, settled and without the bridge, gives the same username and groups.
//!
//! All is planned from what was observed alone. A migration that was stopped anywhere goes on where it was.

mod expressible;
mod mode;
mod rows;
mod steps;
mod text;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod fixtures;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod properties;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::{
    authenticator::{self, Reading, Resolved, SectionReading},
    model::{
        AccessScope, Arn, AwsAuth, BRIDGE, CLUSTER_ADMIN_POLICY, Cluster, ClusterState, Finding, FindingCode, Gives,
        Identities, MASTERS, MigrateRules, Migration, ObservedEntry, Place, Plan, PolicyGrant, Principal, STANDARD,
        Section, Surface,
    },
};

use super::{entries::bare, ownership::Owned, protection::Protection};

/// What every decision looks at.
struct Context<'a> {
    cluster: &'a Cluster,
    state: &'a ClusterState,
    identities: &'a Identities,
    rules: &'a MigrateRules,
    protection: Protection<'a>,
    now: Timestamp,
    stored: Option<&'a AwsAuth>,
    reading: Reading,
    /// The rows that are rolecall's; none where the annotation is not understood.
    owned: Option<Owned>,
    /// By the principal as a row names it.
    entries: HashMap<String, &'a ObservedEntry>,
}

/// Plans the next writes that move rows to access entries and, where that is asked for, change the authentication mode.
/// `identities` is what IAM knows of the [`principals`].
pub fn migrate(
    cluster: &Cluster,
    state: &ClusterState,
    identities: &Identities,
    rules: &MigrateRules,
    now: Timestamp,
) -> Migration {
    let stored =
        state.aws_auth.known().and_then(Option::as_ref).filter(|_| cluster.authentication_mode.reads_aws_auth());
    let entries = state.entries.known().and_then(Option::as_ref);
    let context = Context {
        cluster,
        state,
        identities,
        rules,
        protection: Protection::of_patterns(&rules.protect, rules.own_principal.as_deref()),
        now,
        stored,
        reading: read(stored),
        owned: stored.and_then(|stored| Owned::parse(&stored.annotations).ok()),
        entries: entries.into_iter().flat_map(|s| &s.entries).map(|entry| (bare(&entry.principal), entry)).collect(),
    };
    let mut plan = Plan::empty(cluster.id.clone());
    plan.findings = findings(&context);
    let mut rows = rows::judge(&context);
    let steps = if cluster.authentication_mode.reads_entries() && state.entries.known().is_some() {
        steps::next(&context, &mut rows, &mut plan.findings)
    } else {
        steps::Next::default()
    };
    let waits_until = steps.waits_until;
    let mode = mode::change(&context, &rows);
    let mut pending = steps.pending;
    if pending.is_empty() && waits_until.is_none() {
        pending.extend(mode.as_ref().and_then(|change| mode::step(change, &rows)));
    }
    super::draft::assemble(&mut plan, pending);
    for finding in plan.findings.iter_mut().filter(|finding| finding.place == Place::default()) {
        finding.place = cluster.place();
    }
    Migration { plan, rows, waits_until, mode }
}

/// The principals of the rows, for IAM to tell whether they exist, since when, and under which path.
pub fn principals(state: &ClusterState) -> BTreeSet<Principal> {
    let reading = read(state.aws_auth.known().and_then(Option::as_ref));
    let effective = authenticator::effective(&reading);
    effective.values().filter_map(|row| principal(row.section, &as_written(&reading, row))).collect()
}

/// The ARN of the row that counts for a principal, with the letters that it is written in.
fn as_written(reading: &Reading, row: &Resolved) -> String {
    let SectionReading::Read(rows) = reading.section(row.section) else { return String::new() };
    rows.rows.iter().find(|one| one.index == row.index).map(|one| one.arn.clone()).unwrap_or_default()
}

/// The role or user that a row names; none where it names neither or matches nobody.
fn principal(section: Section, arn: &str) -> Option<Principal> {
    if section == Section::Accounts || authenticator::never_matches(section, arn).is_some() {
        return None;
    }
    let arn: Arn = arn.parse().or_else(|_| authenticator::folded(arn).parse()).ok()?;
    if arn.role_name().is_some() {
        Some(Principal::RoleArn(arn))
    } else {
        arn.user_name().is_some().then_some(Principal::UserArn(arn))
    }
}

fn read(stored: Option<&AwsAuth>) -> Reading {
    stored.map_or_else(|| authenticator::read(&std::collections::BTreeMap::new()), |s| authenticator::read(&s.data))
}

impl Context<'_> {
    /// When all that was written to the entry is settled, if that is yet to come.
    fn settles(&self, entry: &ObservedEntry) -> Option<Timestamp> {
        let written = entry.associated.map_or(entry.modified, |associated| associated.max(entry.modified));
        let settled = written.checked_add(self.rules.settle.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX);
        (settled > self.now).then_some(settled)
    }
}

/// Whether the entry is one of people's that holds the group of the bridge.
fn is_bridged(entry: &ObservedEntry) -> bool {
    entry.kind == STANDARD && entry.groups.iter().any(|group| group == BRIDGE)
}

/// Whether it is what stands for `system:masters`.
fn is_admin(grant: &PolicyGrant) -> bool {
    grant.name() == CLUSTER_ADMIN_POLICY && grant.scope == AccessScope::Cluster
}

/// What an entry gives: the policy for administrators and the bridge are `system:masters` by other names.
fn gives(entry: &ObservedEntry) -> Gives {
    let policies = entry.policies.as_deref().unwrap_or_default();
    let mut groups: BTreeSet<String> = entry.groups.iter().filter(|group| *group != BRIDGE).cloned().collect();
    if is_bridged(entry) || policies.iter().any(is_admin) {
        groups.insert(MASTERS.to_owned());
    }
    let policies = policies.iter().filter(|grant| !is_admin(grant)).cloned().collect();
    Gives { username: entry.username.clone(), groups: groups.into_iter().collect(), policies }
}

/// What could not be read, and the sections and items that let nobody in.
fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (surface, why) in [
        (Surface::AwsAuth, context.state.aws_auth.unknown()),
        (Surface::AccessEntries, context.state.entries.unknown()),
        (Surface::Rbac, context.state.rbac.unknown()),
    ] {
        let Some(why) = why else { continue };
        let message = format!("{surface} could not be read, so that nothing that leans on it is moved: {why}");
        let finding = Finding::gap(FindingCode::ClusterUnreadable, surface.as_str(), message).on(surface);
        findings.push(Finding { next: why.next.clone(), ..finding });
    }
    for section in Section::ALL {
        match context.reading.section(section) {
            SectionReading::Absent => {}
            SectionReading::Broken(why) => {
                let message = format!(
                    "{section} does not parse, so that nobody gets in by it and nothing of it moves: {}",
                    why.message
                );
                let finding = Finding::notice(FindingCode::SectionBroken, section.key(), message);
                findings.push(finding.next("see `rolecall plan --repair`").on(Surface::AwsAuth));
            }
            SectionReading::Read(rows) => findings.extend(rows.dropped.iter().map(|item| {
                let name = format!("item {} of {section}", item.index + 1);
                let message = format!("{name} is dropped by the authenticator and lets nobody in: {}", item.reason);
                let finding = Finding::notice(FindingCode::RowIneffective, name, message).on(Surface::AwsAuth);
                finding.next("correct it or delete it")
            })),
        }
    }
    if context.stored.is_some() && context.owned.is_none() {
        let message = format!(
            "the annotation {} that says which rows are rolecall's is not understood: no row counts as rolecall's, and the \
             annotation is left as it is",
            super::OWNED_ROWS
        );
        findings.push(Finding::notice(FindingCode::ReadingsDiffer, super::OWNED_ROWS, message).on(Surface::AwsAuth));
    }
    findings
}
