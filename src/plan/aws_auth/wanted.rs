//! What the policy wants to stand in aws-auth, each principal once.

use std::collections::{BTreeSet, HashMap};

use crate::{
    authenticator,
    model::{Content, Desired, DesiredRow, Finding, FindingCode, Section, Source, Subject, Surface},
    plan::splice::RowText,
};
pub(super) use crate::{authenticator::folded, plan::draft::same_groups};

/// One row that shall stand in aws-auth.
pub(super) struct Wanted<'d> {
    /// Where it is put when it stands nowhere yet.
    pub(super) section: Section,
    /// The ARN as aws-auth must hold it, or an account's id.
    pub(super) arn: String,
    /// The same in small letters, as the authenticator compares it.
    pub(super) key: String,
    pub(super) username: &'d str,
    pub(super) groups: &'d [String],
    pub(super) unique_id: Option<&'d str>,
    /// Whether it belongs to nodes: added when missing, never changed, never ours.
    pub(super) node: bool,
    pub(super) who: Option<&'d str>,
    pub(super) sources: &'d [Source],
}

impl Wanted<'_> {
    /// The row to write; an account has neither username nor groups.
    pub(super) fn row(&self) -> RowText {
        let username = (self.section != Section::Accounts).then(|| self.username.to_owned());
        RowText { arn: self.arn.clone(), username, groups: self.groups.to_vec() }
    }

    pub(super) fn content(&self) -> Content {
        content(self.section, self.username, self.groups)
    }

    /// Whether a row with this username and these groups gives exactly what is wanted; order and repetition of groups
    /// mean nothing.
    pub(super) fn is_met_by(&self, username: &str, groups: &[String]) -> bool {
        self.section == Section::Accounts || (self.username == username && same_groups(self.groups, groups))
    }
}

/// What a row holds, for people.
pub(super) fn content(section: Section, username: &str, groups: &[String]) -> Content {
    match section {
        Section::Accounts => Content::Account,
        _ => Content::Row { username: username.to_owned(), groups: groups.to_vec() },
    }
}

/// What names a row, for people.
pub(super) fn subject(section: Section, arn: &str) -> Subject {
    match section {
        Section::Roles => Subject::Role(arn.to_owned()),
        Section::Users => Subject::User(arn.to_owned()),
        // An item that is no account id still has to be named.
        Section::Accounts => arn.parse().map_or_else(|_| Subject::Role(arn.to_owned()), Subject::Account),
    }
}

/// Every row and account that is desired, without those that could not be written without harm.
pub(super) fn collect<'d>(desired: &'d Desired, findings: &mut Vec<Finding>) -> Vec<Wanted<'d>> {
    let mut wanted: Vec<Wanted<'d>> = Vec::with_capacity(desired.rows.len() + desired.accounts.len());
    wanted.extend(desired.rows.iter().map(from_row));
    let mut placed = placed(&wanted, findings).into_iter();
    wanted.retain(|_| placed.next() == Some(true));
    let mut accounts = BTreeSet::new();
    wanted.extend(desired.accounts.iter().filter(|account| accounts.insert(&account.id)).map(|account| Wanted {
        section: Section::Accounts,
        arn: account.id.to_string(),
        key: account.id.to_string(),
        username: "",
        groups: &[],
        unique_id: None,
        node: false,
        who: None,
        sources: &account.sources,
    }));
    wanted
}

/// Which rows are placed: the first one of every principal.
fn placed(wanted: &[Wanted<'_>], findings: &mut Vec<Finding>) -> Vec<bool> {
    let mut seen: HashMap<&str, &Wanted<'_>> = HashMap::with_capacity(wanted.len());
    let mut placed = Vec::with_capacity(wanted.len());
    for candidate in wanted {
        if candidate.username.is_empty() {
            findings.push(refused(candidate, "it has no username: it would let the principal in nameless"));
            placed.push(false);
            continue;
        }
        let first = *seen.entry(&candidate.key).or_insert(candidate);
        if !first.is_met_by(candidate.username, candidate.groups) {
            let other = first.sources.first().map_or_else(String::new, |source| format!(" at {source}"));
            let why = format!("the policy wants something else for the same ARN{other}");
            findings.push(refused(candidate, &why));
        }
        placed.push(std::ptr::eq(first, candidate));
    }
    placed
}

fn from_row(row: &DesiredRow) -> Wanted<'_> {
    let arn = row.mapped_arn();
    Wanted {
        section: row.section,
        key: folded(&arn),
        arn,
        username: &row.username,
        groups: &row.groups,
        unique_id: row.unique_id.as_deref(),
        node: row.node || authenticator::is_node_row(&row.groups),
        who: Some(&row.who),
        sources: &row.sources,
    }
}

fn refused(wanted: &Wanted<'_>, why: &str) -> Finding {
    let message = format!("the grant for {} is not placed: {why}", subject(wanted.section, &wanted.arn));
    Finding::drift(FindingCode::CannotBePlaced, wanted.arn.clone(), message)
        .next("correct the policy")
        .on(Surface::AwsAuth)
        .from_source(wanted.sources.first())
}
