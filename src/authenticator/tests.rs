#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;

fn rows(section: Section, text: &str) -> Rows {
    match read_section(section, text) {
        SectionReading::Read(rows) => rows,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn broken(section: Section, text: &str) -> Broken {
    match read_section(section, text) {
        SectionReading::Broken(broken) => broken,
        other => panic!("{text:?}: {other:?}"),
    }
}

fn row(index: usize, arn: &str, username: &str, groups: &[&str]) -> Row {
    let groups = groups.iter().map(|g| (*g).to_owned()).collect();
    Row { index, arn: arn.to_owned(), username: username.to_owned(), groups }
}

fn roles(text: &str) -> Vec<Row> {
    rows(Section::Roles, text).rows
}

#[test]
fn the_usual_row_is_read() {
    let text = "- groups:\n  - system:bootstrappers\n  - system:nodes\n  rolearn: arn:aws:iam::1:role/n\n  username: system:node:{{EC2PrivateDNSName}}\n";
    let groups = ["system:bootstrappers", "system:nodes"];
    assert_eq!(roles(text), [row(0, "arn:aws:iam::1:role/n", "system:node:{{EC2PrivateDNSName}}", &groups)]);
}
