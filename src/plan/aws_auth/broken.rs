//! Sections that do not parse: what a person is told, and what a repair writes.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::{
    model::{
        Action, AuthenticationMode, Change, Cluster, Content, Finding, FindingCode, PlanRules, Section, Subject,
        Surface, Write,
    },
    plan::draft::{Pending, hex, listed},
};

use super::{base::BrokenSection, losses::Losses};

/// What a section would be after its repair.
pub(super) struct Fixed<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// Who of the broken text is not in it.
    pub(super) losses: Losses,
}

/// What a person is told about a broken section; `fixed` is what it would be.
pub(super) fn finding(
    cluster: &Cluster,
    section: Section,
    broken: &BrokenSection,
    fixed: Option<&Fixed<'_>>,
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

fn next(
    section: Section,
    broken: &BrokenSection,
    fixed: Option<&Fixed<'_>>,
    rules: &PlanRules,
    backup: &str,
) -> String {
    let Some(Fixed { text, losses }) = fixed else {
        return format!("correct {section} by hand: nothing of it can be rescued, and the policy wants nothing in it");
    };
    let lost = match broken.lost.as_slice() {
        [] => String::new(),
        [line] => format!("; one row that cannot be read, on line {line}, is left out"),
        [line, ..] => format!("; {} rows that cannot be read, from line {line} on, are left out", broken.lost.len()),
    };
    let named = named(losses);
    if let Some(why) = &losses.forbidden {
        return format!(
            "correct {section} by hand: a repair is not made, since {why}{lost}{named}. To start from, what can be read of \
             it, with what the policy wants:\n{text}"
        );
    }
    let how = if rules.repair {
        format!("it is repaired, its text kept in the ConfigMap kube-system/{backup}")
    } else {
        format!(
            "correct it by hand, or run with `--repair`, which keeps its text in the ConfigMap kube-system/{backup}"
        )
    };
    format!("{how}{lost}{named}. The fixed section:\n{text}")
}

/// Everybody who goes with the repair: nobody does so silently.
fn named(losses: &Losses) -> String {
    match losses.names.as_slice() {
        [] => String::new(),
        names => format!("; no row is left for {}", listed(names, names.len())),
    }
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

/// The change that a repair is; it also names who is left out, since it is still told when the section is repaired and
/// there is nothing more to find.
pub(super) fn change(broken: &BrokenSection, section: Section, fixed: &Fixed<'_>) -> Change {
    Change {
        surface: Surface::AwsAuth,
        action: Action::Change,
        subject: Subject::Section(section),
        who: None,
        reason: format!("does not parse{}: {}{}", place(broken), broken.why.message, named(&fixed.losses)),
        before: Some(Content::Text(broken.text.clone())),
        after: Some(Content::Text(fixed.text.to_owned())),
        sources: Vec::new(),
        changed_by: None,
    }
}
