//! Rows as text, in the style of the rows that are there.

use super::{
    RowText,
    layout::{Item, ItemKind, ValueKind, line_start},
};
use crate::model::Section;

/// How block rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// The keys in order; those of [`Field`] that are missing come last.
    order: Vec<Field>,
    groups: GroupStyle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Arn,
    Username,
    Groups,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupStyle {
    /// A block sequence this much deeper than its key.
    Block(usize),
    Flow,
}

impl Default for Style {
    fn default() -> Self {
        Self { order: vec![Field::Arn, Field::Username, Field::Groups], groups: GroupStyle::Block(2) }
    }
}

impl Style {
    /// The style of a block row.
    pub(super) fn of(text: &str, item: &Item) -> Option<Self> {
        if item.kind != ItemKind::Block {
            return None;
        }
        let mut style = Self { order: Vec::new(), ..Self::default() };
        for key in &item.keys {
            let field = match key.name.to_ascii_lowercase().as_str() {
                "rolearn" | "userarn" => Field::Arn,
                "username" => Field::Username,
                "groups" => Field::Groups,
                _ => continue,
            };
            if !style.order.contains(&field) {
                style.order.push(field);
            }
            match key.value {
                ValueKind::BlockSequence { start } if field == Field::Groups => {
                    style.groups = GroupStyle::Block(
                        dash_column(text, start).saturating_sub(key.start - line_start(text, key.start)),
                    );
                }
                ValueKind::FlowSequence if field == Field::Groups => style.groups = GroupStyle::Flow,
                _ => {}
            }
        }
        for field in Self::default().order {
            if !style.order.contains(&field) {
                style.order.push(field);
            }
        }
        Some(style)
    }
}

/// Where the dashes of a block sequence stand, given a place on the line of its first one.
fn dash_column(text: &str, at: usize) -> usize {
    let line = &text[line_start(text, at)..];
    line.len() - line.trim_start_matches(' ').len()
}

/// A row as a block mapping without its dash and without a last line ending; its keys stand in this column.
pub(super) fn block(section: Section, row: &RowText, style: &Style, column: usize, eol: &str) -> String {
    if section == Section::Accounts {
        return quoted(&row.arn);
    }
    let indent = " ".repeat(column);
    let mut lines = Vec::new();
    for field in &style.order {
        match field {
            Field::Arn => lines.push(format!("{}: {}", arn_key(section), scalar(&row.arn))),
            Field::Username => {
                lines.extend(row.username.as_ref().map(|username| format!("username: {}", scalar(username))));
            }
            Field::Groups => match style.groups {
                GroupStyle::Block(deeper) if !row.groups.is_empty() => {
                    lines.push("groups:".to_owned());
                    let deeper = " ".repeat(deeper);
                    lines.extend(row.groups.iter().map(|group| format!("{deeper}- {}", scalar(group))));
                }
                GroupStyle::Block(_) | GroupStyle::Flow => lines.push(format!("groups: {}", flow_list(&row.groups))),
            },
        }
    }
    lines.join(&format!("{eol}{indent}"))
}

/// A row as a flow mapping.
pub(super) fn flow(section: Section, row: &RowText) -> String {
    if section == Section::Accounts {
        return quoted(&row.arn);
    }
    let username = row.username.as_ref().map(|name| format!("username: {}, ", quoted(name))).unwrap_or_default();
    format!("{{{}: {}, {username}groups: {}}}", arn_key(section), quoted(&row.arn), flow_list(&row.groups))
}

fn arn_key(section: Section) -> &'static str {
    if section == Section::Users { "userarn" } else { "rolearn" }
}

fn flow_list(groups: &[String]) -> String {
    let groups: Vec<String> = groups.iter().map(|group| quoted(group)).collect();
    format!("[{}]", groups.join(", "))
}

/// A scalar outside of flow collections: plain where no parser of any YAML version can take it for anything else.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"._/@+=-:".contains(&c))
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null" | "inf" | "nan"
        );
    if plain { text.to_owned() } else { quoted(text) }
}

/// A double-quoted scalar; everything that is not plainly printable is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_alphanumeric() || matches!(c, ' '..='~') => out.push(c),
            c if u32::from(c) <= 0xffff => out.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => out.extend(format!("\\U{:08x}", u32::from(c)).chars()),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_plain_and_what_could_be_misread_is_quoted() {
        assert_eq!(scalar("arn:aws:iam::111122223333:role/a+b@c"), "arn:aws:iam::111122223333:role/a+b@c");
        assert_eq!(scalar("system:masters"), "system:masters");
        for special in ["", "yes", "On", "~", "123", "1e3", "{{SessionName}}", "a: b", "a #b", "a:", "- a", "*a", "a,b"]
        {
            assert!(scalar(special).starts_with('"'), "{special}");
        }
        assert_eq!(scalar("admin:{{SessionName}}"), "\"admin:{{SessionName}}\"");
        assert_eq!(quoted("a\"\\\n\u{7f}\u{1f600}é"), "\"a\\\"\\\\\\n\\u007f\\U0001f600é\"");
    }
}
