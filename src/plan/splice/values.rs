//! A block row whose values change while everything else in it stays.

use super::{
    RowText,
    edit::Patch,
    layout::{Item, ItemKind, Key, Value, line_start},
    write::{dash_column, flow_list, scalar},
};
use crate::model::Section;

/// The patches that turn the row into the one asked for, when its form allows to change the values alone.
pub(super) fn patches(section: Section, text: &str, item: &Item, row: &RowText, eol: &str) -> Option<Vec<Patch>> {
    if item.kind != ItemKind::Block {
        return None;
    }
    let arn = only(item, if section == Section::Users { "userarn" } else { "rolearn" }).ok()?;
    let mut patches = Vec::new();
    patches.extend(line(arn?, &row.arn)?);
    match (only(item, "username").ok()?, &row.username) {
        (None, None) => {}
        (Some(key), Some(username)) => patches.extend(line(key, username)?),
        _ => return None,
    }
    match only(item, "groups").ok()? {
        None if row.groups.is_empty() => {}
        None => return None,
        Some(key) => patches.extend(groups(text, key, &row.groups, eol)?),
    }
    Some(patches)
}

/// The key of this name in any case; an error when there are several.
fn only<'a>(item: &'a Item, name: &str) -> Result<Option<&'a Key>, ()> {
    let mut keys = item.keys.iter().filter(|key| key.name.eq_ignore_ascii_case(name));
    match (keys.next(), keys.next()) {
        (key, None) => Ok(key),
        _ => Err(()),
    }
}

/// `None` when the value cannot be changed alone, an empty list of patches when it need not.
fn line(key: &Key, wanted: &str) -> Option<Vec<Patch>> {
    match &key.value {
        Value::Line(written) if written == wanted => Some(Vec::new()),
        Value::Line(_) => Some(vec![Patch { range: key.span.clone(), with: scalar(wanted) }]),
        _ => None,
    }
}

fn groups(text: &str, key: &Key, wanted: &[String], eol: &str) -> Option<Vec<Patch>> {
    let (Value::BlockSequence(Some(written)) | Value::FlowSequence(Some(written))) = &key.value else {
        return None;
    };
    if written == wanted {
        return Some(Vec::new());
    }
    if matches!(key.value, Value::FlowSequence(_)) {
        return Some(vec![Patch { range: key.span.clone(), with: flow_list(wanted) }]);
    }
    if wanted.is_empty() {
        return None;
    }
    let column = dash_column(text, key.span.start);
    let start = line_start(text, key.span.start) + column;
    let items: Vec<String> = wanted.iter().map(|group| format!("- {}", scalar(group))).collect();
    let with = items.join(&format!("{eol}{}", " ".repeat(column)));
    Some(vec![Patch { range: start..key.span.end, with }])
}
