//! The text of aws-auth before and after, as a unified diff per section.

use std::collections::BTreeSet;

use similar::{ChangeTag, TextDiff};

use super::text::{BOLD, CYAN, DIM, GREEN, Line, RED};
use crate::model::{AwsAuthText, Plan, Write};

/// One section's unified diff.
pub(super) struct SectionDiff {
    /// The key in the ConfigMap's data.
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

/// The diffs of the sections that a plan writes, in the order of their keys.
pub(super) fn sections(plan: &Plan) -> Vec<SectionDiff> {
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
            (old != new).then(|| section(key, old.map(String::as_str), new.map(String::as_str)))
        })
        .collect()
}

fn section(key: &str, old: Option<&str>, new: Option<&str>) -> SectionDiff {
    let side = |text: Option<&str>, name| match text {
        Some(_) => format!("kube-system/aws-auth {key} ({name})"),
        None => "/dev/null".to_owned(),
    };
    let mut lines = vec![
        (Kind::Header, format!("--- {}", side(old, "live"))),
        (Kind::Header, format!("+++ {}", side(new, "planned"))),
    ];
    let diff = TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default());
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
