//! Random sections in every style under random edits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::authenticator::{SectionReading, read_section};

/// A row as it stands in the text, and what is behind it until the next row.
#[derive(Clone, Debug)]
struct Written {
    text: String,
    behind: String,
}

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-z0-9_+=,.@-]{0,6}"
}

/// A name that can stand unquoted everywhere.
fn plain_name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-z0-9_+=.@-]{0,6}"
}

fn group() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,5}(:[a-z]{1,4})?",
        select(vec!["on", "null", "é ü", "{{AccountID}}", "a#b", "'", "x: y", "\u{1f600}\t\"\\"])
            .prop_map(str::to_owned),
    ]
}

fn row() -> impl Strategy<Value = RowText> {
    let username = prop::option::of(prop_oneof![group(), name().prop_map(|n| format!("{n}:{{{{SessionName}}}}"))]);
    (name(), username, vec(group(), 0..3)).prop_map(|(name, username, groups)| RowText {
        arn: format!("arn:aws:iam::111122223333:role/{name}"),
        username,
        groups,
    })
}

/// A block row in one of the ways that people write them, its dash in this column.
fn block_row(column: usize) -> impl Strategy<Value = String> {
    let keys = select(vec![
        "rolearn: {A}\n  username: u # c\n  groups:\n  - a\n  - b",
        "groups:\n    - a # 1\n  # in between\n    - \"b\"\n  rolearn: {A}  # why\n  username: 'it''s'",
        "rolearn: \"{A}\"\n\n  groups: [a,\n    b]",
        "RoleARN: {A}\n  username: |\n    two\n    lines",
        "rolearn: {A}\n  username:\n    over two\n    lines\n  extra: {a: [b]}",
        "rolearn: {A}\n  groups:",
        "rolearn: {A}\n  username: u # c\n  groups: [a, 'b'] # d",
        "{rolearn: {A}, groups: [a, \"b\"]}",
        "username: nobody",
        "",
    ]);
    (keys, plain_name(), select(vec!["", " # end", "  "])).prop_map(move |(keys, name, end)| {
        let keys = keys.replace("{A}", &format!("arn:aws:iam::111122223333:role/{name}"));
        let end = if keys.ends_with("lines") || keys.is_empty() { "" } else { end };
        let indent = " ".repeat(column);
        let lines: Vec<String> = format!("- {keys}{end}\n")
            .lines()
            .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{indent}{line}\n") })
            .collect();
        lines.concat()
    })
}

fn behind(column: usize) -> impl Strategy<Value = String> {
    let indent = " ".repeat(column);
    select(vec![
        String::new(),
        "\n".to_owned(),
        "# c\n".to_owned(),
        format!("{indent}# - rolearn: off\n\n"),
        "  \n".to_owned(),
    ])
}

fn block_section() -> impl Strategy<Value = (String, Vec<Written>, String)> {
    (0..3_usize, any::<bool>(), any::<bool>(), any::<bool>()).prop_flat_map(|(column, crlf, marker, cut)| {
        let rows = vec((block_row(column), behind(column)), 1..6);
        rows.prop_map(move |rows| {
            let eol = |text: String| if crlf { text.replace('\n', "\r\n") } else { text };
            let head = eol(if marker { "# head\n---\n".to_owned() } else { String::new() });
            let rows = rows.into_iter().map(|(text, behind)| Written { text: eol(text), behind: eol(behind) });
            let mut rows: Vec<Written> = rows.collect();
            if let Some(last) = rows.last_mut().filter(|last| cut && last.behind.is_empty() && !last.text.contains('|'))
            {
                last.text.truncate(last.text.trim_end().len());
            }
            (head, rows, String::new())
        })
    })
}

fn flow_section() -> impl Strategy<Value = (String, Vec<Written>, String)> {
    let gap = select(vec![", ", ",\n ", " , "]);
    let row = name().prop_map(|n| format!("{{rolearn: \"arn:aws:iam::111122223333:role/{n}\", groups: [a, 'b']}}"));
    (vec((row, gap), 1..5), select(vec!["]", "] # c\n", "\n]\n", ", ]\n"])).prop_map(|(rows, tail)| {
        let mut rows: Vec<Written> =
            rows.into_iter().map(|(text, gap)| Written { text, behind: gap.to_owned() }).collect();
        rows.last_mut().unwrap().behind.clear();
        ("[".to_owned(), rows, tail.to_owned())
    })
}

#[derive(Clone, Debug)]
enum Choice {
    Keep,
    Replace(RowText),
    Remove,
}

fn choices() -> impl Strategy<Value = (Vec<Choice>, Vec<RowText>)> {
    let choice = prop_oneof![3 => Just(Choice::Keep), 1 => row().prop_map(Choice::Replace), 1 => Just(Choice::Remove)];
    (vec(choice, 5), vec(row(), 0..3))
}

fn read(text: &str) -> Vec<(usize, RowText)> {
    match read_section(Section::Roles, text) {
        SectionReading::Read(rows) => rows
            .rows
            .into_iter()
            .map(|r| (r.index, RowText { arn: r.arn, username: Some(r.username), groups: r.groups }))
            .collect(),
        other => panic!("{text:?}: {other:?}"),
    }
}

fn shown(row: &RowText) -> RowText {
    RowText { username: Some(row.username.clone().unwrap_or_default()), ..row.clone() }
}

/// Checks a splice against what was written, and returns the result.
fn check(
    section: &(String, Vec<Written>, String),
    choices: &[Choice],
    appended: &[RowText],
) -> Result<(), TestCaseError> {
    let (head, rows, tail) = section;
    let body: String = rows.iter().flat_map(|row| [row.text.as_str(), row.behind.as_str()]).collect();
    let text = format!("{head}{body}{tail}");
    let before = read(&text);
    let mut edits: Vec<Edit> = appended.iter().cloned().map(Edit::Append).collect();
    let mut expected = Vec::new();
    for (index, (_, choice)) in rows.iter().zip(choices).enumerate() {
        match choice {
            Choice::Keep => expected.extend(before.iter().filter(|(at, _)| *at == index).map(|(_, row)| row.clone())),
            Choice::Replace(row) => {
                expected.push(shown(row));
                edits.push(Edit::Replace { index, row: row.clone() });
            }
            Choice::Remove => edits.push(Edit::Remove { index }),
        }
    }
    expected.extend(appended.iter().map(shown));
    let result = match splice(Section::Roles, Some(&text), &edits) {
        Ok(result) => result,
        Err(refused) => return Err(TestCaseError::fail(format!("{text:?} {edits:?}: {refused}"))),
    };
    let after: Vec<RowText> = read(&result).into_iter().map(|(_, row)| row).collect();
    prop_assert_eq!(after, expected, "{:?} became {:?}", text, result);
    let mut rest = result.as_str();
    for (row, choice) in rows.iter().zip(choices) {
        if let Choice::Keep = choice {
            let kept = row.text.trim_end();
            let at = rest.find(kept);
            prop_assert!(at.is_some(), "{:?} is gone or out of order: {:?} became {:?}", kept, text, result);
            rest = &rest[at.unwrap_or_default() + kept.len()..];
        }
    }
    for comment in rows.iter().flat_map(|row| row.behind.lines()).filter(|line| line.contains('#')) {
        prop_assert!(result.contains(comment), "{:?} is gone: {:?} became {:?}", comment, text, result);
    }
    prop_assert_eq!(result.contains('\r'), text.contains('\r') && !result.trim().is_empty());
    if edits.is_empty() {
        prop_assert_eq!(&result, &text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn block_sections_change_in_the_edited_rows_only(section in block_section(), (choices, appended) in choices()) {
        check(&section, &choices, &appended)?;
    }

    #[test]
    fn flow_sections_change_in_the_edited_rows_only(section in flow_section(), (choices, appended) in choices()) {
        check(&section, &choices, &appended)?;
    }

    #[test]
    fn rows_by_themselves_stand_where_they_stand_in_the_whole(section in block_section(), wanted in vec(any::<bool>(), 6)) {
        let (head, mut rows, _) = section;
        rows.retain(|row| authenticator::row_starts(Section::Roles, &row.text).is_some());
        let text: String = rows.iter().fold(head, |text, row| text + &row.text + &row.behind);
        if let Some(starts) = authenticator::row_starts(Section::Roles, &text) {
            let wanted = (0..starts.len()).filter(|&index| wanted[index] || index + 1 == starts.len()).collect();
            let some = layout::read_rows(&text, &starts, &wanted).unwrap();
            let whole = layout::read(&text, starts.len()).unwrap();
            prop_assert_eq!(some.root, whole.root);
            for index in wanted {
                prop_assert_eq!(&some.items[index], &whole.items[index], "row {} of {:?}", index, text);
            }
        }
    }

    #[test]
    fn a_seeded_section_reads_as_its_rows(rows in vec(row(), 0..5)) {
        let read: Vec<RowText> = read(&seed(Section::Roles, &rows)).into_iter().map(|(_, row)| row).collect();
        prop_assert_eq!(read, rows.iter().map(shown).collect::<Vec<_>>());
    }

    #[test]
    fn no_text_makes_it_panic(text in "([-:?#&*|\"{}\\[\\],~ \n\t\r\u{feff}a-c é]|- |: |rolearn: |\n  |\n- |\\.\\.\\.\n|---\n){0,40}", new in row()) {
        for edits in [vec![Edit::Append(new.clone())], vec![Edit::Remove { index: 0 }], vec![Edit::Replace { index: 0, row: new }]] {
            if let Ok(result) = splice(Section::Roles, Some(&text), &edits) {
                prop_assert!(matches!(read_section(Section::Roles, &result), SectionReading::Read(_)));
            }
        }
    }
}
