//! What stands in a cluster for one principal, and which of it counts.

use std::collections::BTreeSet;

use super::is_same;
use crate::{
    authenticator::{self, Reading, Resolved, SectionReading},
    model::{
        Arn, Cluster, ClusterState, EntriesState, Grant, Identity, Mapping, ObservedEntry, STANDARD, Section, Surface,
    },
    plan,
};

/// The mappings of a cluster, read once for every principal asked for.
pub(super) struct Live<'s> {
    entries: Option<&'s EntriesState>,
    reading: Option<Reading>,
    owned: BTreeSet<(Section, String)>,
}

impl<'s> Live<'s> {
    pub(super) fn of(cluster: &Cluster, state: &'s ClusterState) -> Self {
        let stored = state.aws_auth.known().and_then(Option::as_ref);
        let stored = stored.filter(|_| cluster.authentication_mode.reads_aws_auth());
        Self {
            entries: state.entries.known().and_then(Option::as_ref),
            reading: stored.map(|stored| authenticator::read(&stored.data)),
            owned: stored.map(|stored| plan::owned_rows(&stored.annotations)).unwrap_or_default(),
        }
    }

    /// What stands for the principal, that which counts first. An access entry beats every row of aws-auth; of the rows one
    /// counts.
    ///
    /// See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html#set-cam>.
    pub(super) fn mappings(&self, identity: &Identity) -> Vec<Mapping> {
        let entry = self.entries.and_then(|all| all.entries.iter().find(|entry| is_of(entry, identity)));
        let mut all: Vec<Mapping> = entry.map(|entry| by_entry(entry, identity)).into_iter().collect();
        let Some(reading) = &self.reading else { return all };
        let canonical = identity.arn.without_role_path().to_string();
        let counts = authenticator::resolve(reading, &canonical, &identity.arn.account);
        let overridden = entry.map(|_| "the access entry of the same principal counts".to_owned());
        all.extend(counts.iter().map(|row| self.by_row(row, &canonical, overridden.clone())));
        let beaten = rows_of(reading, &identity.arn, &canonical).into_iter().filter(|row| {
            counts.as_ref().is_none_or(|counts| (counts.section, counts.index) != (row.section, row.index))
        });
        all.extend(beaten.map(|row| {
            let why = match authenticator::never_matches(row.section, &row_arn(reading, &row)) {
                Some(why) => why,
                None => "another row of the same principal counts".to_owned(),
            };
            self.by_row(&row, &canonical, Some(why))
        }));
        all
    }

    fn by_row(&self, row: &Resolved, canonical: &str, void: Option<String>) -> Mapping {
        let grant = Grant { username: row.username.clone(), groups: row.groups.clone(), policies: Vec::new() };
        let ours = self.owned.iter().any(|(section, arn)| {
            *section == row.section && authenticator::folded(arn) == authenticator::folded(canonical)
        });
        Mapping { surface: Surface::AwsAuth, row: Some((row.section, row.index)), grant, ours, void }
    }
}

/// Every row that names the principal, with or without its path.
fn rows_of(reading: &Reading, arn: &Arn, canonical: &str) -> Vec<Resolved> {
    let mut rows = Vec::new();
    for section in [Section::Roles, Section::Users] {
        let SectionReading::Read(read) = reading.section(section) else { continue };
        let named = read.rows.iter().filter(|row| {
            let same = row.arn.parse::<Arn>().is_ok_and(|stored| is_same(&stored, arn));
            same || authenticator::folded(&row.arn) == authenticator::folded(canonical)
        });
        rows.extend(named.map(|row| Resolved {
            section,
            index: row.index,
            username: row.username.clone(),
            groups: row.groups.clone(),
        }));
    }
    rows
}

fn row_arn(reading: &Reading, row: &Resolved) -> String {
    match reading.section(row.section) {
        SectionReading::Read(read) => {
            read.rows.iter().find(|stored| stored.index == row.index).map(|stored| stored.arn.clone())
        }
        SectionReading::Absent | SectionReading::Broken(_) => None,
    }
    .unwrap_or_default()
}

/// An entry bears the full ARN; where a principal's path is not known, its name has to do.
fn is_of(entry: &ObservedEntry, identity: &Identity) -> bool {
    let exact = entry.principal.eq_ignore_ascii_case(&identity.arn.to_string());
    exact || (identity.unique_id.is_none() && entry.principal.parse().is_ok_and(|arn| is_same(&arn, &identity.arn)))
}

fn by_entry(entry: &ObservedEntry, identity: &Identity) -> Mapping {
    let void = if entry.kind != STANDARD {
        Some(format!("it is of type {}, by which nodes get in and nobody else", entry.kind))
    } else if identity.created.is_some_and(|created| created > entry.created) {
        Some("it holds for the principal that bore the ARN before: whoever bears it now is answered 401".to_owned())
    } else {
        None
    };
    let grant = Grant {
        username: entry.username.clone(),
        groups: entry.groups.clone(),
        policies: entry.policies.clone().unwrap_or_default(),
    };
    Mapping { surface: Surface::AccessEntries, row: None, grant, ours: entry.ours, void }
}
