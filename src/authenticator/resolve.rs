//! Which row a caller gets.

use std::collections::BTreeMap;

use super::{Reading, Row, SectionReading};
use crate::model::Section;

/// What a caller gets: the row that decides, and what it says before templates are filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The section of the row.
    pub section: Section,
    /// The row's position in the section's YAML sequence.
    pub index: usize,
    /// The username's template; for mapAccounts the caller's own ARN, or empty where no caller is given.
    pub username: String,
    /// The groups' templates.
    pub groups: Vec<String>,
}

impl Resolved {
    fn of(section: Section, row: &Row) -> Self {
        Self { section, index: row.index, username: row.username.clone(), groups: row.groups.clone() }
    }
}

/// Folds an ARN as Go's `strings.EqualFold` compares, for the letters that ARNs can have: two that fold alike are one.
pub fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c,
        })
        .flat_map(char::to_lowercase)
        .collect()
}

fn rows(section: &SectionReading) -> &[Row] {
    match section {
        SectionReading::Read(rows) => &rows.rows,
        SectionReading::Absent | SectionReading::Broken(_) => &[],
    }
}

/// Looks a caller up as the authenticator does: roles, then users, then the account; the last of several rows wins;
/// ARNs are compared without regard to case and as they are stored.
///
/// The rules are `saveMap` in `pkg/mapper/configmap/configmap.go`, `Map` in `mapper.go` beside it and `doMapping` in
/// `pkg/server/server.go` of aws-iam-authenticator. Of two mapUsers rows whose ARNs differ in case alone the authenticator
/// takes one by chance; here it is the last.
pub fn resolve(reading: &Reading, canonical_arn: &str, account: &str) -> Option<Resolved> {
    let wanted = folded(canonical_arn);
    // Most ARNs are ASCII, and need no copy to be compared.
    let is_wanted = |arn: &str| {
        if arn.is_ascii() { arn.eq_ignore_ascii_case(&wanted) } else { folded(arn) == wanted }
    };
    for section in [Section::Roles, Section::Users] {
        if let Some(row) = rows(reading.section(section)).iter().rev().find(|row| is_wanted(&row.arn)) {
            return Some(Resolved::of(section, row));
        }
    }
    rows(&reading.accounts)
        .iter()
        .rev()
        .find(|row| row.arn == account)
        .map(|row| Resolved { username: canonical_arn.to_owned(), ..Resolved::of(Section::Accounts, row) })
}

/// What every mapped principal gets, by the section that decides and the lowercased ARN or the account's id.
///
/// Rows that another row shadows are left out: earlier duplicates, and users whose ARN is in mapRoles too. The username of
/// an account is empty, since it is each caller's own ARN.
pub fn effective(reading: &Reading) -> BTreeMap<(Section, String), Resolved> {
    let mut all = BTreeMap::new();
    for row in rows(&reading.roles) {
        all.insert((Section::Roles, folded(&row.arn)), Resolved::of(Section::Roles, row));
    }
    for row in rows(&reading.users) {
        let arn = folded(&row.arn);
        if !all.contains_key(&(Section::Roles, arn.clone())) {
            all.insert((Section::Users, arn), Resolved::of(Section::Users, row));
        }
    }
    for row in rows(&reading.accounts) {
        all.insert((Section::Accounts, row.arn.clone()), Resolved::of(Section::Accounts, row));
    }
    all
}
