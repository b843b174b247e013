//! Sections of aws-auth as people write them: in every style, with comments, duplicates, strays and nonsense.

use fastrand::Rng;

use super::dice::{aside, chance, pick};

/// A row before it has a style.
#[derive(Clone, Debug)]
pub struct Row {
    /// The ARN as it is written.
    pub arn: String,
    /// The username.
    pub username: String,
    /// The groups.
    pub groups: Vec<String>,
    /// Whether nobody but its owner may change a byte of it.
    pub foreign: bool,
}

impl Row {
    /// A row of the policy's principals, which rolecall may change.
    pub fn new(arn: impl Into<String>, username: impl Into<String>, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Self { arn: arn.into(), username: username.into(), groups, foreign: false }
    }

    /// A row that is somebody else's.
    pub fn foreign(arn: impl Into<String>, username: impl Into<String>, groups: &[&str]) -> Self {
        Self { foreign: true, ..Self::new(arn, username, groups) }
    }
}

/// Text that must stay where it stands as long as its owner does not change it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk {
    /// The bytes.
    pub text: String,
    /// The ARN of the row, in small letters; `None` for a comment or a row without one.
    pub arn: Option<String>,
}

/// One section.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Its whole text.
    pub text: String,
    /// What in it is somebody else's.
    pub chunks: Vec<Chunk>,
    /// Whether it is written so oddly that rolecall may refuse to edit it.
    pub odd: bool,
    /// Whether it does not parse.
    pub broken: bool,
    /// Whether no row could be kept if it does not.
    pub beyond_rescue: bool,
    /// The ARN, in small letters, of a row that is the reason for it.
    pub mangled: Option<String>,
}

impl Section {
    /// Remembers the text of a row that is somebody else's.
    fn note(&mut self, row: &Row, text: &str) {
        if row.foreign {
            self.chunks.push(Chunk { text: text.to_owned(), arn: Some(row.arn.to_lowercase()) });
        }
    }
}

/// How a section is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Block { indent: usize, crlf: bool },
    Flow,
    Odd,
}

/// Writes rows in a style by chance, with comments in between. `key` is `rolearn` or `userarn`.
pub fn section(key: &str, rows: &[Row], broken: bool, rng: &mut Rng) -> Section {
    let style = match rng.u8(0..20) {
        0 | 1 => Style::Flow,
        2 if !broken => Style::Odd,
        3 | 4 => Style::Block { indent: 2, crlf: false },
        5 => Style::Block { indent: 0, crlf: true },
        _ => Style::Block { indent: 0, crlf: false },
    };
    let mut section = match style {
        Style::Block { indent, crlf } => block(key, rows, broken, indent, crlf, rng),
        Style::Flow => flow(key, rows, broken),
        Style::Odd => odd(key, rows),
    };
    section.broken = broken;
    section.beyond_rescue = rows.is_empty() || (rows.len() == 1 && section.mangled.is_some());
    section
}

fn block(key: &str, rows: &[Row], broken: bool, indent: usize, crlf: bool, rng: &mut Rng) -> Section {
    let mut section = Section::default();
    let mut mangled_arn = None;
    let mut lines = |text: &str, arn: Option<&str>, foreign: bool| {
        let pad = " ".repeat(indent);
        let text: Vec<String> =
            text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") }).collect();
        let text = text.join(if crlf { "\r\n" } else { "\n" });
        section.text.push_str(&text);
        section.text.push_str(if crlf { "\r\n" } else { "\n" });
        if foreign {
            section.chunks.push(Chunk { text: text.trim().to_owned(), arn: arn.map(str::to_lowercase) });
        }
    };
    let mut dice = aside(rng, 3);
    let mangled = Some(dice.usize(..=2 * rows.len())).filter(|_| broken);
    for (number, row) in rows.iter().enumerate() {
        if chance(rng, 0.2) {
            lines(&format!("# note {number}: ask {} before you touch this", rng.u16(..)), None, true);
        }
        let text = block_row(key, row, rng);
        if mangled == Some(number) {
            let Row { arn, groups, .. } = row;
            lines(
                &format!("- {key}: {arn}\n  groups: [{}]\n  username: {{{{x}}}}", groups.join(", ")),
                None,
                row.foreign,
            );
            mangled_arn = Some(arn.to_lowercase());
        } else {
            lines(&text, Some(&row.arn), row.foreign);
        }
        if chance(rng, 0.1) {
            lines("", None, false);
        }
        if chance(rng, 0.05) {
            lines(&format!("- username: nobody-{number}"), None, true);
        }
    }
    if broken {
        lines(&format!("- {key}: arn:aws:iam::111122223333:role/typo\n  username: {{{{broken"), None, false);
    }
    section.mangled = mangled_arn;
    if rows.is_empty() && !broken && chance(rng, 0.5) {
        "[]\n".clone_into(&mut section.text);
    }
    if !broken && !rows.is_empty() && chance(rng, 0.1) {
        // The last line has no end.
        section.text.truncate(section.text.trim_end().len());
    }
    section
}

fn block_row(key: &str, Row { arn, username, groups, .. }: &Row, rng: &mut Rng) -> String {
    let list = |indent: &str| -> String { groups.iter().map(|group| format!("\n{indent}- {group}")).collect() };
    let flow = groups.join(", ");
    match rng.u8(0..6) {
        0 if !groups.is_empty() => {
            format!(
                "- groups:{}\n  # in between\n  {key}: {arn}  # owner: team x\n  username: \"{username}\"",
                list("    ")
            )
        }
        1 => format!("- {{{key}: {arn}, username: \"{username}\", groups: [{flow}]}}"),
        2 => format!("- {key}: \"{arn}\"\n  username: '{username}'\n  groups: [{flow}]   # since 2019"),
        3 if !groups.is_empty() => {
            format!("-   {key}: {arn}\n    username: \"{username}\"\n    groups:{}", list("      "))
        }
        _ if groups.is_empty() => format!("- {key}: {arn}\n  username: \"{username}\""),
        _ => format!("- {key}: {arn}\n  username: \"{username}\"\n  groups:{}", list("  ")),
    }
}

fn flow(key: &str, rows: &[Row], broken: bool) -> Section {
    let mut section = Section::default();
    let items: Vec<String> = rows
        .iter()
        .map(|row| {
            let text = format!(
                "{{{key}: \"{}\", username: \"{}\", groups: [{}]}}",
                row.arn,
                row.username,
                row.groups.join(", ")
            );
            section.note(row, &text);
            text
        })
        .collect();
    section.text = format!("[{}{}\n", items.join(",\n "), if broken { "" } else { "]" });
    section
}

/// An anchor that another row leans on, which nobody can edit row by row without harm.
fn odd(key: &str, rows: &[Row]) -> Section {
    let mut section = Section { odd: true, ..Section::default() };
    for (number, row) in rows.iter().enumerate() {
        let groups = if number == 0 { "&shared " } else { "" };
        let text = format!(
            "- {key}: {}\n  username: \"{}\"\n  groups: {groups}[{}]",
            row.arn,
            row.username,
            row.groups.join(", ")
        );
        section.note(row, &text);
        section.text.push_str(&text);
        section.text.push('\n');
    }
    if !rows.is_empty() {
        let text = format!("- {key}: arn:aws:iam::111122223333:role/leaning\n  username: leaning\n  groups: *shared");
        section.text.push_str(&text);
        section.text.push('\n');
        section.chunks.push(Chunk { text, arn: Some("arn:aws:iam::111122223333:role/leaning".to_owned()) });
    }
    section
}

/// Another row at the end of a section that somebody else appends by hand, where the section's layout is the plain one.
pub fn appended(text: &str, number: u64, rng: &mut Rng) -> Option<(String, Chunk)> {
    let plain = text.starts_with("- ") && text.ends_with('\n') && !text.contains('\r');
    if !plain && !text.is_empty() {
        return None;
    }
    let arn = format!("arn:aws:iam::111122223333:role/meddled-{number}");
    let group = pick(rng, &["auditors", "ci", "system:masters"]);
    let row = format!("- rolearn: {arn}   # added by hand\n  username: meddled\n  groups:\n  - {group}");
    Some((format!("{text}{row}\n"), Chunk { text: row, arn: Some(arn) }))
}
