//! How EKS itself reads aws-auth and resolves a caller.
//!
//! EKS runs aws-iam-authenticator (<https://github.com/kubernetes-sigs/aws-iam-authenticator>); this room follows its
//! v0.7.13 and the parsers under it. Each file names the sources whose rules it keeps. In short: a section that does not
//! parse is empty as a whole and leaves the others alone; a row without an ARN drops out alone; a value of the wrong type
//! keeps the row without that field.

mod arn;
mod node;
mod plain;
#[cfg(test)]
mod plain_tests;
mod resolve;
mod rows;
mod scalar;
mod strict;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

pub use arn::{CanonicalError, canonical_arn, never_matches};
pub use resolve::{Resolved, effective, folded, resolve};
pub use words::{is_node_row, unknown_templates};

use crate::model::Section;

/// A row that the authenticator keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The position in the YAML sequence, counted from 0.
    pub index: usize,
    /// The ARN as it is stored; in mapAccounts the account's id.
    pub arn: String,
    /// The username's template; empty when there is none, and in mapAccounts.
    pub username: String,
    /// The groups' templates; empty in mapAccounts. An element that is not text is the empty group.
    pub groups: Vec<String>,
}

/// A row that the authenticator does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The position in the YAML sequence, counted from 0.
    pub index: usize,
    /// Why, for people.
    pub reason: String,
}

/// The rows of a section that can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// The rows kept, in order, duplicates included.
    pub rows: Vec<Row>,
    /// The rows that drop out.
    pub dropped: Vec<Dropped>,
}

/// Why a section cannot be read, so that nobody in it gets in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What is wrong, for people.
    pub message: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// The column, counted from 1.
    pub column: Option<usize>,
}

/// What the authenticator makes of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SectionReading {
    /// The ConfigMap does not have the key.
    Absent,
    /// It can be read.
    Read(Rows),
    /// It cannot: it counts as empty.
    Broken(Broken),
}

/// What the authenticator makes of aws-auth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// mapRoles.
    pub roles: SectionReading,
    /// mapUsers.
    pub users: SectionReading,
    /// mapAccounts.
    pub accounts: SectionReading,
}

impl Reading {
    /// One of the sections.
    pub fn section(&self, section: Section) -> &SectionReading {
        match section {
            Section::Roles => &self.roles,
            Section::Users => &self.users,
            Section::Accounts => &self.accounts,
        }
    }
}

/// Reads the data of the ConfigMap; keys are taken in their exact case only.
pub fn read(data: &BTreeMap<String, String>) -> Reading {
    let section =
        |section: Section| data.get(section.key()).map_or(SectionReading::Absent, |text| read_section(section, text));
    Reading { roles: section(Section::Roles), users: section(Section::Users), accounts: section(Section::Accounts) }
}

/// Reads one section as `ParseMap` in aws-iam-authenticator's `pkg/mapper/configmap/configmap.go` does.
///
/// A section in the plain form that nearly all have is read without a general parser; [`parse_section`] says the same.
pub fn read_section(section: Section, text: &str) -> SectionReading {
    plain::read(section, text).map_or_else(|| parse_section(section, text), SectionReading::Read)
}

/// The bytes at which the lines begin that hold the rows' dashes, when the section is in the plain form; each row then
/// reaches up to the next one's line and can be read by itself.
pub fn row_starts(section: Section, text: &str) -> Option<Vec<usize>> {
    plain::starts(section, text)
}

/// Reads one section like [`read_section`], always through the general parser: for a text that is to be written.
pub fn parse_section(section: Section, text: &str) -> SectionReading {
    // `isSkippable`: nothing, or a pair of quotes.
    if matches!(text.trim(), "" | "``" | "\"\"" | "''") {
        return SectionReading::Read(Rows::default());
    }
    // `ToJSON` in k8s.io/apimachinery's `pkg/util/yaml/decoder.go` takes what begins so for JSON, and an object is no list.
    if section != Section::Accounts && text.trim_start().starts_with('{') {
        let message = format!("{section} is a mapping, not a list of rows");
        return SectionReading::Broken(Broken { message, line: None, column: None });
    }
    let rows = match section {
        Section::Roles | Section::Users => {
            node::read(text, node::Keys::MustBeJson).and_then(|root| rows::identities(section, &root))
        }
        Section::Accounts => node::read(text, node::Keys::DoNotMatter).and_then(|root| rows::accounts(&root)),
    };
    match rows {
        Ok(rows) => SectionReading::Read(rows),
        Err(broken) => SectionReading::Broken(broken),
    }
}
