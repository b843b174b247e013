#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

const A: &str = "arn:aws:iam::111122223333:role/a";

fn row(name: &str, groups: &[&str]) -> RowText {
    RowText {
        arn: format!("arn:aws:iam::111122223333:role/{name}"),
        username: Some(name.to_owned()),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
    }
}

fn roles(text: &str, edits: &[Edit]) -> String {
    splice(Section::Roles, Some(text), edits).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

fn append(name: &str) -> Edit {
    Edit::Append(row(name, &["g"]))
}

fn replace(index: usize, name: &str, groups: &[&str]) -> Edit {
    Edit::Replace { index, row: row(name, groups) }
}

#[test]
fn a_row_is_appended_in_the_style_of_the_others() {
    let text = format!("# nodes\n- groups:\n  - n\n  rolearn: {A}   # keep\n  username: x\n    # deeper\n\n# end\n");
    let expected = format!(
        "# nodes\n- groups:\n  - n\n  rolearn: {A}   # keep\n  username: x\n    # deeper\n- groups:\n  - dev\n  - \"on\"\n  rolearn: \
         arn:aws:iam::111122223333:role/b\n  username: \"b:{{{{SessionName}}}}\"\n\n# end\n"
    );
    let new = RowText { username: Some("b:{{SessionName}}".to_owned()), ..row("b", &["dev", "on"]) };
    assert_eq!(roles(&text, &[Edit::Append(new)]), expected);
}

#[test]
fn indentation_line_endings_and_a_missing_last_newline_are_kept() {
    let text = format!("  - rolearn: {A}\r\n    groups:\r\n    - a");
    let expected = format!(
        "{text}\r\n  - rolearn: arn:aws:iam::111122223333:role/b\r\n    groups:\r\n    - g\r\n    username: b\
         \r\n  - rolearn: arn:aws:iam::111122223333:role/c\r\n    groups:\r\n    - g\r\n    username: c"
    );
    assert_eq!(roles(&text, &[append("b"), append("c")]), expected);
}

#[test]
fn rows_take_the_place_of_nothing() {
    let rows = "- rolearn: arn:aws:iam::111122223333:role/b\n  username: b\n  groups:\n    - g";
    for (before, after) in [
        ("", format!("{rows}\n")),
        ("\n", format!("\n{rows}\n")),
        ("# c", format!("# c\n{rows}\n")),
        ("[]\n", format!("{rows}\n")),
        ("---\n~ # c\n...\n", format!("---\n{rows} # c\n...\n")),
        ("--- []\n", format!("--- \n{rows}\n")),
        ("---\n...\n", format!("---\n{rows}\n...\n")),
        ("''", rows.to_owned()),
        ("\u{feff}", format!("\u{feff}{rows}\n")),
    ] {
        assert_eq!(roles(before, &[append("b")]), after, "{before:?}");
    }
    assert_eq!(splice(Section::Roles, None, &[append("b")]).unwrap(), format!("{rows}\n"));
    assert_eq!(seed(Section::Roles, &[row("b", &["g"])]), format!("{rows}\n"));
}

#[test]
fn a_replaced_row_keeps_its_place_its_style_and_the_comments_around_it() {
    let text =
        format!("# a\n- groups: [x]\n  rolearn: {A}  # me\n\n# b\n-   rolearn: {A}2\n    username: u # last\n# end\n");
    let out = roles(&text, &[replace(0, "k", &["p"]), replace(1, "m", &[])]);
    let expected = "# a\n- groups: [\"p\"]\n  rolearn: arn:aws:iam::111122223333:role/k\n  username: k  # me\n\n# b\n\
                    -   rolearn: arn:aws:iam::111122223333:role/m\n    username: m\n    groups: [] # last\n# end\n";
    assert_eq!(out, expected);
}

#[test]
fn a_removed_row_takes_its_lines_and_leaves_the_rest() {
    let text = format!("---\n# a\n- rolearn: {A}\n  # in\n  groups:\n  - x # c\n\n# b\n- rolearn: {A}2\n-\n# end\n");
    let one = format!("---\n# a\n\n# b\n- rolearn: {A}2\n-\n# end\n");
    assert_eq!(roles(&text, &[Edit::Remove { index: 0 }]), one);
    let gone = format!("---\n# a\n- rolearn: {A}\n  # in\n  groups:\n  - x # c\n\n# b\n# end\n");
    assert_eq!(roles(&text, &[Edit::Remove { index: 2 }, Edit::Remove { index: 1 }]), gone);
    let none = roles(&gone, &[Edit::Remove { index: 0 }]);
    assert_eq!(none, "---\n# a\n\n# b\n# end\n");
    assert_eq!(roles(&format!("- rolearn: {A}"), &[Edit::Remove { index: 0 }]), "[]\n");
}

#[test]
fn the_last_row_can_go_while_another_comes() {
    let text = format!("- rolearn: {A}\n- rolearn: {A}2");
    let out = roles(&text, &[Edit::Remove { index: 1 }, Edit::Append(RowText { username: None, ..row("n", &[]) })]);
    assert_eq!(out, format!("- rolearn: {A}\n- rolearn: arn:aws:iam::111122223333:role/n\n  groups: []"));
}

#[test]
fn flow_rows_stay_flow() {
    let text = format!("- {{rolearn: {A}, groups: [a]}} # one\n- {{rolearn: {A}2}}\n");
    let flow = |name: &str| {
        format!("{{rolearn: \"arn:aws:iam::111122223333:role/{name}\", username: \"{name}\", groups: [\"g\"]}}")
    };
    let out = roles(&text, &[replace(0, "x", &["g"]), append("z")]);
    assert_eq!(out, format!("- {} # one\n- {{rolearn: {A}2}}\n- {}\n", flow("x"), flow("z")));
    let list = format!("[{{rolearn: {A}}},\n {{rolearn: {A}2}}, {{rolearn: {A}3}},] # c\n");
    let out = roles(&list, &[Edit::Remove { index: 1 }, append("y")]);
    assert_eq!(out, format!("[{{rolearn: {A}}},\n {{rolearn: {A}3}}, {},] # c\n", flow("y")));
    let all: Vec<_> = (0..3).map(|index| Edit::Remove { index }).collect();
    assert_eq!(roles(&list, &all), "[] # c\n");
}

#[test]
fn accounts_and_users_have_their_own_shape() {
    let id = |arn: &str| RowText { arn: arn.to_owned(), username: None, groups: Vec::new() };
    let text = "- 012345678901 # a\n- '2'\n";
    let edits = [Edit::Replace { index: 0, row: id("111122223333") }, Edit::Append(id("012345678902"))];
    let out = splice(Section::Accounts, Some(text), &edits).unwrap();
    assert_eq!(out, "- \"111122223333\" # a\n- '2'\n- \"012345678902\"\n");
    assert_eq!(seed(Section::Accounts, &[id("1"), id("2")]), "- \"1\"\n- \"2\"\n");
    assert!(seed(Section::Users, &[row("u", &[])]).starts_with("- userarn: "));
}

#[test]
fn what_reaches_across_rows_or_cannot_be_read_is_refused() {
    let linked = format!("- &x\n  rolearn: {A}\n- <<: *x\n  username: u\n- rolearn: {A}2\n");
    for (text, edit, why) in [
        ("- rolearn: [", append("b"), "cannot be read"),
        ("a: b", append("b"), "not a list"),
        ("- rolearn: a\n---\n- rolearn: b\n", append("c"), "several YAML documents"),
        (&linked, Edit::Remove { index: 0 }, "anchors"),
        (&linked, replace(1, "z", &[]), "anchors"),
        ("- rolearn: a\n", Edit::Remove { index: 1 }, "has no row 1"),
        ("[a, # b\n c]", Edit::Remove { index: 0 }, "comment"),
        ("- rolearn: a\n", Edit::Append(RowText { arn: String::new(), ..row("x", &[]) }), "not read as intended"),
    ] {
        let refused = splice(Section::Roles, Some(text), &[edit]).expect_err(text);
        assert!(refused.message.contains(why), "{text:?}: {refused}");
    }
    let twice = [Edit::Remove { index: 0 }, replace(0, "b", &[])];
    assert!(splice(Section::Roles, Some("- rolearn: a\n"), &twice).unwrap_err().message.contains("twice"));
    let other = roles(&linked, &[Edit::Remove { index: 2 }, append("n")]);
    assert!(
        other.starts_with(&linked[..linked.rfind('-').unwrap()]),
        "rows that are not linked can be edited: {other}"
    );
}
