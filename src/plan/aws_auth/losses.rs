//! Whom a broken section names and its repair would leave without a row.

use std::collections::BTreeSet;

use crate::{
    authenticator::{self, SectionReading, read_section},
    model::Section,
    plan::protection::Protection,
};

use super::{base::BrokenSection, wanted::folded};

/// Whom a repair leaves out.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Everybody, as the broken text writes them.
    pub(super) names: Vec<String>,
    /// Why there may be no such repair, if so.
    pub(super) forbidden: Option<String>,
}

impl Losses {
    /// Everybody whom the broken text names and who is in no row of the text that would take its place.
    pub(super) fn of(section: Section, broken: &BrokenSection, fixed: &str, protection: &Protection<'_>) -> Self {
        let rows: Vec<String> = match read_section(section, fixed) {
            SectionReading::Read(rows) => rows.rows.iter().map(|row| folded(&row.arn)).collect(),
            _ => Vec::new(),
        };
        // A comma may be part of a name, or end it.
        let has_row = |name: &str| {
            rows.iter().any(|arn| arn.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(',')))
        };
        let mut seen = BTreeSet::new();
        let mut names = named(section, &broken.text);
        names.retain(|name| !has_row(&folded(name)) && seen.insert(folded(name)));
        let forbidden = names.iter().find_map(|name| {
            let why = protection.of(name).or_else(|| node(broken, name))?;
            Some(format!("it would leave {name} without a row, though {why}"))
        });
        Self { names, forbidden }
    }
}

/// Why somebody in a text that cannot be read may be a node.
fn node(broken: &BrokenSection, name: &str) -> Option<String> {
    let border = |c: char| c.is_whitespace() || "[]{},\"'".contains(c);
    let speaks_of_nodes = |text: &&String| {
        let words: Vec<String> = text.split(border).map(str::to_owned).collect();
        authenticator::is_node_row(&words)
    };
    let mut texts = broken.unread.iter().filter(|text| text.contains(name));
    texts.find(speaks_of_nodes).map(|_| "its row seems to let nodes join".to_owned())
}

/// Everybody whom a text names outside of lines that are comments: ARNs of IAM and STS; in mapAccounts the accounts' ids.
fn named(section: Section, text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    if section == Section::Accounts {
        let words = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
        let id = |word: &&str| word.len() == 12 && word.bytes().all(|digit| digit.is_ascii_digit());
        return words.filter(id).map(str::to_owned).collect();
    }
    lines.flat_map(arns).collect()
}

fn arns(line: &str) -> Vec<String> {
    let small = line.to_ascii_lowercase();
    let part = |c: char| c.is_ascii_alphanumeric() || ":/_+=.@-".contains(c);
    let starts = small.match_indices("arn:aws").filter_map(|(start, _)| line.get(start..));
    let whole = starts.map(|rest| rest.split(|c| !part(c)).next().unwrap_or_default().trim_end_matches(':'));
    let identity = |arn: &&str| {
        let service = arn.split(':').nth(2).unwrap_or_default();
        service.eq_ignore_ascii_case("iam") || service.eq_ignore_ascii_case("sts")
    };
    whole.filter(identity).map(str::to_owned).collect()
}
