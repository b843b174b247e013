//! Principals who stay on their rows of aws-auth although the cluster reads access entries.

use crate::{
    authenticator::is_node_row,
    model::{
        Cluster, ClusterState, Desired, DesiredRow, Finding, FindingCode, PlanRules, Section, Surface, SurfaceChoice,
    },
    plan::draft::{listed, same_groups},
};

use super::base::{Base, Rows, bare};

/// Which of the desired rows stand in aws-auth exactly as they are wanted, where no access entry overrides them and the
/// settings leave the place open: there is nothing to correct, and moving them is what `rolecall migrate` is for.
pub(in crate::plan) fn staying(
    cluster: &Cluster,
    desired: &Desired,
    state: &ClusterState,
    rules: &PlanRules,
) -> Vec<bool> {
    let rows = Rows::of(cluster.authentication_mode, state);
    let entries = state.entries.known().and_then(Option::as_ref);
    let (Some(entries), Rows::Known(..), SurfaceChoice::Auto) = (entries, &rows, rules.surface) else {
        return vec![false; desired.rows.len()];
    };
    let base = Base::new(entries);
    let stays = |wanted: &DesiredRow| {
        let overridden =
            || base.by_bare(&bare(&wanted.principal.to_string())).is_some() || base.unread(&wanted.principal).is_some();
        let as_wanted = rows.of_principal(&wanted.principal).is_some_and(|row| {
            row.section != Section::Accounts
                && !is_node_row(&row.groups)
                && row.username == wanted.username
                && same_groups(&row.groups, &wanted.groups)
        });
        !wanted.node && wanted.policies.is_empty() && as_wanted && !overridden()
    };
    desired.rows.iter().map(stays).collect()
}

/// Tells of them.
pub(in crate::plan) fn tell(desired: &Desired, staying: &[bool]) -> Option<Finding> {
    let rows: Vec<&DesiredRow> =
        desired.rows.iter().zip(staying).filter(|(_, stays)| **stays).map(|(row, _)| row).collect();
    let first = rows.first()?;
    let names: Vec<String> = rows.iter().map(|row| row.mapped_arn()).collect();
    let who = if rows.len() == 1 { "1 principal gets".to_owned() } else { format!("{} principals get", rows.len()) };
    let message = format!(
        "{who} in by rows of aws-auth that give what the policy wants, and no access entries are made beside these: {}",
        listed(&names, 5)
    );
    let finding = Finding::notice(FindingCode::LeftToMigrate, Surface::AwsAuth.as_str(), message)
        .next("run `rolecall migrate` to move them to access entries")
        .on(Surface::AwsAuth);
    Some(finding.from_source(first.sources.first()))
}
