//! The text of aws-auth before and after, as a unified diff per section, and the access entries that a plan changes.

use std::collections::BTreeSet;

use similar::{ChangeTag, TextDiff};

use super::text::{BOLD, CYAN, DIM, GREEN, Line, RED};
use crate::model::{AwsAuthText, Change, Content, Plan, Subject, Surface, Write, policy_name};

/// One section's unified diff.
pub(super) struct SectionDiff {
    /// The key in the ConfigMap's data, or `access-entries`.
    pub key: String,
    /// The diff's lines without their line breaks, the two header lines included.
    pub lines: Vec<(Kind, String)>,
}

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Header,
    Hunk,
    Added,
    Removed,
    Same,
    Note,
}

/// The diffs of the sections of aws-auth that a plan writes, in the order of their keys, and of the access entries.
pub(super) fn sections(plan: &Plan) -> Vec<SectionDiff> {
    let mut sections = aws_auth(plan);
    sections.extend(entries(plan));
    sections
}

/// What the access entries hold that a plan changes, in lines.
fn entries(plan: &Plan) -> Option<SectionDiff> {
    let (mut old, mut new) = (String::new(), String::new());
    for change in plan.changes.iter().filter(|change| change.surface == Surface::AccessEntries) {
        old.extend(change.before.iter().map(|content| entry(change, content)));
        new.extend(change.after.iter().map(|content| entry(change, content)));
    }
    let side =
        |text: &str, name| if text.is_empty() { "/dev/null".to_owned() } else { format!("access entries ({name})") };
    let headers = [side(&old, "live"), side(&new, "planned")];
    (old != new).then(|| section(Surface::AccessEntries.as_str(), headers, &old, &new))
}

fn entry(change: &Change, content: &Content) -> String {
    let (principal, mut lines) = match &change.subject {
        Subject::Policy { principal, policy } => (principal.as_str(), vec![format!("policy: {}", policy_name(policy))]),
        Subject::Role(arn) | Subject::User(arn) => (arn.as_str(), Vec::new()),
        _ => return String::new(),
    };
    match content {
        Content::Entry { username, groups, policies } => {
            lines.push(format!("username: {username}"));
            lines.extend(groups.iter().map(|group| format!("group: {group}")));
            lines.extend(policies.iter().map(|grant| format!("policy: {grant}")));
        }
        Content::Scope(scope) => lines = lines.into_iter().map(|line| format!("{line} in {scope}")).collect(),
        _ => {}
    }
    lines.into_iter().fold(format!("{principal}\n"), |text, line| format!("{text}  {line}\n"))
}

fn aws_auth(plan: &Plan) -> Vec<SectionDiff> {
    let writes = || {
        plan.steps.iter().filter_map(|step| match &step.write {
            Write::PutAwsAuth { before, after, .. } => Some((before, after)),
            _ => None,
        })
    };
    let (Some((before, _)), Some((_, after))) = (writes().next(), writes().next_back()) else { return Vec::new() };
    let nothing = AwsAuthText::default();
    let before = before.as_ref().unwrap_or(&nothing);
    let keys: BTreeSet<&String> = before.data.keys().chain(after.data.keys()).collect();
    keys.into_iter()
        .filter_map(|key| {
            let (old, new) = (before.data.get(key), after.data.get(key));
            let side = |text: Option<&String>, name| match text {
                Some(_) => format!("kube-system/aws-auth {key} ({name})"),
                None => "/dev/null".to_owned(),
            };
            let headers = [side(old, "live"), side(new, "planned")];
            let text = |text: Option<&String>| text.cloned().unwrap_or_default();
            (old != new).then(|| section(key, headers, &text(old), &text(new)))
        })
        .collect()
}

fn section(key: &str, [live, planned]: [String; 2], old: &str, new: &str) -> SectionDiff {
    let mut lines = vec![(Kind::Header, format!("--- {live}")), (Kind::Header, format!("+++ {planned}"))];
    let diff = TextDiff::from_lines(old, new);
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        lines.push((Kind::Hunk, hunk.header().to_string()));
        for change in hunk.iter_changes() {
            let (kind, sign) = match change.tag() {
                ChangeTag::Delete => (Kind::Removed, '-'),
                ChangeTag::Insert => (Kind::Added, '+'),
                ChangeTag::Equal => (Kind::Same, ' '),
            };
            lines.push((kind, format!("{sign}{}", change.value().trim_end_matches('\n'))));
            if change.missing_newline() {
                lines.push((Kind::Note, "\\ No newline at end of file".to_owned()));
            }
        }
    }
    SectionDiff { key: key.to_owned(), lines }
}

impl SectionDiff {
    /// The diff for a terminal.
    pub(super) fn lines(&self, indent: usize) -> Vec<Line> {
        let style = |kind| match kind {
            Kind::Header => BOLD,
            Kind::Hunk => CYAN,
            Kind::Added => GREEN,
            Kind::Removed => RED,
            Kind::Same | Kind::Note => DIM,
        };
        self.lines.iter().map(|(kind, text)| Line::new(indent).solid(style(*kind), text)).collect()
    }

    /// The diff as it is, for machines.
    pub(super) fn plain(&self) -> String {
        self.lines.iter().flat_map(|(_, text)| [text.as_str(), "\n"]).collect()
    }
}
