//! Sections that do not parse: what can be rescued of them, and what a person is told.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::{
    authenticator::{Rows, SectionReading, parse_section, read_section},
    model::{
        Action, AuthenticationMode, Change, Cluster, Content, Finding, FindingCode, PlanRules, Section, Subject,
        Surface, Write,
    },
    plan::draft::{Pending, hex},
};

use super::base::BrokenSection;

/// What can be kept of a broken section.
pub(super) struct Rescue {
    /// The section without the rows that break it; `None` when nothing could be kept.
    pub(super) text: Option<String>,
    /// The lines, counted from 1, on which the rows begin that this leaves out.
    pub(super) lost: Vec<usize>,
}

/// Keeps, byte for byte, the rows that parse on their own, where the section is a plain list of rows that begin in one
/// column. Whatever does not come out as exactly those rows is not kept.
pub(super) fn rescue(section: Section, text: &str) -> Rescue {
    let (head, items) = items(text);
    let mut kept = head.to_owned();
    let mut rows = Vec::new();
    let mut lost = Vec::new();
    let mut line = 1 + head.matches('\n').count();
    for item in &items {
        match read_section(section, item) {
            SectionReading::Read(Rows { rows: mut read, dropped }) if dropped.is_empty() && read.len() == 1 => {
                kept.push_str(item);
                if !kept.ends_with('\n') {
                    kept.push('\n');
                }
                rows.append(&mut read);
            }
            _ => lost.push(line),
        }
        line += item.matches('\n').count();
    }
    // What may be written as it is, the general parser has to read.
    let whole = match parse_section(section, &kept) {
        SectionReading::Read(Rows { rows: read, dropped }) if dropped.is_empty() && !read.is_empty() => read,
        _ => return Rescue { text: None, lost },
    };
    let same = whole.len() == rows.len()
        && whole
            .iter()
            .zip(&rows)
            .all(|(one, other)| one.arn == other.arn && one.username == other.username && one.groups == other.groups);
    if same { Rescue { text: Some(kept), lost } } else { Rescue { text: None, lost } }
}

/// What comes before the first row, and the rows, each up to the next line that begins one in the same column.
fn items(text: &str) -> (&str, Vec<&str>) {
    let begins = |line: &str| line.trim_start_matches(' ').starts_with("- ");
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let mut starts = Vec::new();
    let mut column = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if begins(line) && *column.get_or_insert(indent(line)) == indent(line) {
            starts.push(offset);
        }
        offset += line.len();
    }
    let head = text.get(..starts.first().copied().unwrap_or(text.len())).unwrap_or_default();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    (head, starts.iter().zip(ends).filter_map(|(&start, end)| text.get(start..end)).collect())
}

/// What a person is told about a broken section; `fixed` is what it would be.
pub(super) fn finding(
    cluster: &Cluster,
    section: Section,
    broken: &BrokenSection,
    fixed: Option<&str>,
    rules: &PlanRules,
    backup: &str,
) -> Finding {
    let mut message = format!(
        "{section} does not parse{}: {}. As long as it stands so, EKS lets nobody in through it, and it is not overwritten",
        place(broken),
        broken.why.message
    );
    if is_own_way_in(section, rules) {
        message.push_str(". It is the section through which rolecall itself usually gets in; ");
        message.push_str(still_in(cluster.authentication_mode));
    }
    Finding::drift(FindingCode::SectionBroken, section.key(), message)
        .next(next(section, broken, fixed, rules, backup))
        .on(Surface::AwsAuth)
}

/// Where it breaks: as the parser says, else by the first row that does not parse on its own.
fn place(broken: &BrokenSection) -> String {
    match (broken.why.line, broken.why.column, broken.lost.first()) {
        (Some(line), Some(column), _) => format!(" at line {line}, column {column}"),
        (Some(line), None, _) => format!(" at line {line}"),
        (None, _, Some(line)) => format!(" in the row that begins on line {line}"),
        (None, _, None) => String::new(),
    }
}

fn next(section: Section, broken: &BrokenSection, fixed: Option<&str>, rules: &PlanRules, backup: &str) -> String {
    let Some(fixed) = fixed else {
        return format!("correct {section} by hand: nothing of it can be rescued, and the policy wants nothing in it");
    };
    let lost = match broken.lost.as_slice() {
        [] => String::new(),
        [line] => format!("; one row that cannot be read, on line {line}, is left out"),
        [line, ..] => format!("; {} rows that cannot be read, from line {line} on, are left out", broken.lost.len()),
    };
    let how = if rules.repair {
        format!("it is repaired, its text kept in the ConfigMap kube-system/{backup}")
    } else {
        format!(
            "correct it by hand, or run with `--repair`, which keeps its text in the ConfigMap kube-system/{backup}"
        )
    };
    format!("{how}{lost}. The fixed section:\n{fixed}")
}

fn is_own_way_in(section: Section, rules: &PlanRules) -> bool {
    let own = rules.own_principal.as_deref().unwrap_or_default().to_lowercase();
    match section {
        Section::Roles => own.contains(":role/") || own.contains(":assumed-role/"),
        Section::Users => own.contains(":user/"),
        Section::Accounts => false,
    }
}

/// Who gets into a cluster whose aws-auth is broken.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html>.
fn still_in(mode: AuthenticationMode) -> &'static str {
    match mode {
        AuthenticationMode::ConfigMap => {
            "who still gets in is the IAM principal that created the cluster; others do after the authentication mode is \
             set to API_AND_CONFIG_MAP and an access entry is made for them"
        }
        AuthenticationMode::ApiAndConfigMap | AuthenticationMode::Api => {
            "who still gets in is the IAM principal that created the cluster and whoever has an access entry; one can be \
             made through the EKS API"
        }
    }
}

/// The name of the ConfigMap that keeps the broken text: the same text always has the same name.
pub(super) fn backup_name(data: &BTreeMap<String, String>) -> String {
    let mut digest = Sha256::new();
    for (key, text) in data {
        // Lengths keep the border between key and text apart from their content.
        digest.update(format!("{}:{}:", key.len(), text.len()));
        digest.update(key);
        digest.update(text);
    }
    format!("aws-auth-backup-{}", hex(digest.finalize(), 5))
}

/// The write that keeps the old data.
pub(super) fn backup(name: String, data: &BTreeMap<String, String>) -> Pending {
    let write = Write::CreateBackup { name, data: data.clone() };
    Pending { write, changes: Vec::new(), removes: false, counts: false }
}

/// The change that a repair is.
pub(super) fn change(broken: &BrokenSection, section: Section, fixed: &str) -> Change {
    Change {
        surface: Surface::AwsAuth,
        action: Action::Change,
        subject: Subject::Section(section),
        who: None,
        reason: format!("does not parse{}: {}", place(broken), broken.why.message),
        before: Some(Content::Text(broken.text.clone())),
        after: Some(Content::Text(fixed.to_owned())),
        sources: Vec::new(),
        changed_by: None,
    }
}
