#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn row(arn: &str, username: &str, groups: &[&str]) -> RowText {
    RowText {
        arn: arn.to_owned(),
        username: Some(username.to_owned()),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
    }
}

fn roles(text: &str, edits: &[Edit]) -> String {
    splice(Section::Roles, Some(text), edits).unwrap()
}

#[test]
fn a_row_is_appended_in_the_style_of_the_others() {
    let text =
        "# nodes\n- groups:\n  - system:nodes\n  rolearn: arn:aws:iam::1:role/n   # keep\n  username: x\n\n# end\n";
    let new = row("arn:aws:iam::1:role/a", "a:{{SessionName}}", &["dev", "ops"]);
    let expected = "# nodes\n- groups:\n  - system:nodes\n  rolearn: arn:aws:iam::1:role/n   # keep\n  username: x\n- groups:\n  - dev\n  - ops\n  rolearn: arn:aws:iam::1:role/a\n  username: \"a:{{SessionName}}\"\n\n# end\n";
    assert_eq!(roles(text, &[Edit::Append(new)]), expected);
}
