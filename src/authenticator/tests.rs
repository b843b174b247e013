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

#[test]
fn a_broken_section_is_empty_as_a_whole_and_leaves_the_others_alone() {
    let data = BTreeMap::from([
        ("mapRoles".to_owned(), "- rolearn: a\n  username: {{SessionName}}\n".to_owned()),
        ("mapUsers".to_owned(), "- userarn: u\n  username: v\n".to_owned()),
        ("mapaccounts".to_owned(), "- \"1\"\n".to_owned()),
    ]);
    let reading = read(&data);
    let SectionReading::Broken(broken) = &reading.roles else { panic!("{:?}", reading.roles) };
    assert_eq!(broken.line, Some(2), "{broken:?}");
    assert_eq!(reading.users, SectionReading::Read(Rows { rows: vec![row(0, "u", "v", &[])], dropped: vec![] }));
    assert_eq!(reading.accounts, SectionReading::Absent, "keys are taken in their exact case");
}

#[test]
fn what_counts_as_nothing() {
    for text in
        ["", " \n\u{a0}", "``", "\"\"\n", "''", "~", "null", "# only\n", "---\n", "[]", "---\n---\n- rolearn: a\n"]
    {
        for section in Section::ALL {
            assert_eq!(rows(section, text), Rows::default(), "{section} {text:?}");
        }
    }
}

#[test]
fn what_is_no_list_is_broken() {
    for text in ["a: b", "{\"rolearn\": \"a\"}", "text", "5", " {"] {
        for section in [Section::Roles, Section::Users] {
            assert!(!broken(section, text).message.is_empty());
        }
    }
    assert!(broken(Section::Accounts, "\"111122223333\"").message.contains("list"));
}

#[test]
fn inner_keys_have_any_case_and_the_last_in_byte_order_wins() {
    assert_eq!(roles("- roleARN: a\n  UserName: u\n  GROUPS: [g]\n"), [row(0, "a", "u", &["g"])]);
    assert_eq!(roles("- rolearn: a\n  roleArn: b\n"), [row(0, "a", "", &[])], "lower case comes after upper case");
    assert_eq!(roles("- rolearn: a\n  group\u{17f}: [x]\n"), [row(0, "a", "", &["x"])]);
    assert_eq!(roles("- rolearn: a\n  username: x\n  username: z\n"), [row(0, "a", "z", &[])]);
}

#[test]
fn a_value_of_the_wrong_type_keeps_the_row_without_it() {
    assert_eq!(roles("- rolearn: a\n  groups: system:masters\n  username: on\n"), [row(0, "a", "", &[])]);
    assert_eq!(roles("- rolearn: a\n  groups: [1, ~, c, yes]\n"), [row(0, "a", "", &["", "", "c", ""])]);
    assert_eq!(roles("- rolearn: a\n  Groups: [a, b]\n  groups: [1, c]\n"), [row(0, "a", "", &["a", "c"])]);
    assert_eq!(roles("- rolearn: a\n  username: 0777\n"), [row(0, "a", "", &[])]);
    assert_eq!(roles("- rolearn: a\n  username: '0777'\n"), [row(0, "a", "0777", &[])]);
    assert_eq!(roles("- rolearn: a\n  username: !!str 0777\n"), [row(0, "a", "0777", &[])]);
    assert_eq!(roles("- rolearn: 2020-01-01\n  username: !x 5\n"), [row(0, "2020-01-01", "5", &[])]);
}

#[test]
fn rows_without_an_arn_drop_out_alone() {
    let text = "- username: u\n- rolearn: b\n- c\n-\n- rolearn: 5\n- rolearn: d\n  sso: {accountID: x}\n- sso: {}\n";
    let rows = rows(Section::Roles, text);
    assert_eq!(rows.rows, [row(1, "b", "", &[])]);
    assert_eq!(rows.dropped.iter().map(|d| d.index).collect::<Vec<_>>(), [0, 2, 3, 4, 5, 6]);
    assert_eq!(roles("- userarn: u\n"), []);
}

#[test]
fn accounts_are_taken_as_they_are_written() {
    let rows = rows(Section::Accounts, "- 012345678901\n- yes\n- {a: b}\n- '5'\n- ~\n- 0x1f\n");
    let arns: Vec<_> = rows.rows.iter().map(|r| (r.index, r.arn.as_str())).collect();
    assert_eq!(arns, [(0, "012345678901"), (1, "yes"), (3, "5"), (4, ""), (5, "0x1f")]);
    assert_eq!(rows.dropped[0].index, 2);
}

#[test]
fn one_value_that_json_cannot_hold_breaks_the_section() {
    for bad in ["x: .nan", "~: 5", "[a]: 5", "18446744073709551615: x", "<<: 5", "x: {y: [-.inf]}"] {
        broken(Section::Roles, &format!("- rolearn: a\n  {bad}\n"));
    }
}

#[test]
fn merges_replace_what_stands_before_them() {
    let text = "- &x {rolearn: a, username: u}\n- rolearn: b\n  username: v\n  <<: *x\n- <<: [{username: 1st}, *x]\n  rolearn: c\n- \"<<\": *x\n  rolearn: d\n";
    let expected = [row(0, "a", "u", &[]), row(1, "a", "u", &[]), row(2, "c", "1st", &[]), row(3, "d", "", &[])];
    assert_eq!(roles(text), expected);
}

#[test]
fn only_the_first_document_counts_even_if_the_next_is_broken() {
    assert_eq!(roles("- rolearn: a\n...\n- x: [\n").len(), 1);
    assert_eq!(roles("\u{feff}- rolearn: a\n- rolearn: b\n").len(), 2);
}

#[test]
fn what_only_later_parsers_accept_is_broken() {
    broken(Section::Roles, "%YAML 1.2\n---\n- rolearn: a\n");
    broken(Section::Roles, "- {rolearn: a, username: who?}\n");
    broken(Section::Roles, "- rolearn: a\n\u{feff}- rolearn: b\n");
    let twice = broken(Section::Roles, "- &x {rolearn: a}\n- &x {rolearn: b}\n- *x\n");
    assert_eq!((twice.line, twice.column), (Some(2), Some(3)));
    assert_eq!(roles("- rolearn: a?\n  username: \"{?}\"\n")[0].arn, "a?");
}

fn reading(roles: &str, users: &str, accounts: &str) -> Reading {
    let pairs = [("mapRoles", roles), ("mapUsers", users), ("mapAccounts", accounts)];
    read(&pairs.map(|(key, text)| (key.to_owned(), text.to_owned())).into())
}

#[test]
fn roles_come_before_users_before_accounts_and_the_last_duplicate_wins() {
    let all = reading(
        "- rolearn: arn:aws:iam::1:role/A\n  username: first\n- rolearn: ARN:aws:iam::1:role/a\n  username: last\n",
        "- userarn: arn:aws:iam::1:role/a\n  username: user\n- userarn: arn:aws:iam::1:role/b\n  username: b\n",
        "- '1'\n",
    );
    let get = |arn: &str| resolve(&all, arn, "1").map(|r| (r.section, r.index, r.username));
    assert_eq!(get("arn:aws:iam::1:role/a"), Some((Section::Roles, 1, "last".to_owned())));
    assert_eq!(get("arn:aws:iam::1:role/B"), Some((Section::Users, 1, "b".to_owned())));
    assert_eq!(get("arn:aws:iam::1:role/c"), Some((Section::Accounts, 0, "arn:aws:iam::1:role/c".to_owned())));
    assert_eq!(resolve(&all, "arn:aws:iam::2:role/c", "2"), None);
    let effective = effective(&all);
    let keys: Vec<_> = effective.keys().map(|(section, arn)| (*section, arn.as_str())).collect();
    let expected = [
        (Section::Roles, "arn:aws:iam::1:role/a"),
        (Section::Users, "arn:aws:iam::1:role/b"),
        (Section::Accounts, "1"),
    ];
    assert_eq!(keys, expected);
    assert_eq!(effective[&(Section::Roles, "arn:aws:iam::1:role/a".to_owned())].index, 1);
}

#[test]
fn callers_become_what_is_looked_up() {
    let ok = |arn: &str| canonical_arn(arn).unwrap();
    assert_eq!(ok("arn:aws-cn:sts::1:assumed-role/Name/me@x"), "arn:aws-cn:iam::1:role/Name");
    assert_eq!(ok("arn:aws:sts::1:assumed-role/path/Name/me"), "arn:aws:iam::1:role/path/Name");
    for same in ["arn:aws:sts::1:federated-user/Bob", "arn:aws:iam::1:root", "arn:aws:iam::1:user/p/Bob"] {
        assert_eq!(ok(same), same);
    }
    for bad in ["x", "arn:aws:iam::1", "arn:aws-x:iam::1:role/a", "arn:aws:sts::1:assumed-role/a", "arn:aws:s3:::b"] {
        assert!(canonical_arn(bad).is_err(), "{bad}");
    }
}

#[test]
fn rows_that_nobody_can_match_are_known() {
    let never = |section, arn| never_matches(section, arn).is_some();
    for arn in [
        "arn:aws:iam::111122223333:role/path/x",
        "arn:aws:sts::111122223333:assumed-role/x/y",
        "x",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::111122223333:group/x",
        "arn:aws:iam:eu-west-1:111122223333:role/x",
        "arn:aws:iam::111122223333:role/",
    ] {
        assert!(never(Section::Roles, arn) && never(Section::Users, arn), "{arn}");
    }
    for arn in [
        "arn:aws:iam::111122223333:role/x",
        "ARN:AWS:iam::111122223333:user/p/x",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:federated-user/x",
    ] {
        assert!(!never(Section::Roles, arn) && !never(Section::Users, arn), "{arn}");
    }
    assert!(never(Section::Accounts, "12345") && !never(Section::Accounts, "012345678901"));
}

#[test]
fn templates_and_node_groups_are_known() {
    let text =
        "{{SessionName}}:{{sessionname}}{{AccountID}}-{{ SessionName }}{{SessionNameRaw}}{{EC2PrivateDNSName}}{{x";
    assert_eq!(unknown_templates(text), ["{{sessionname}}", "{{ SessionName }}", "{{x"]);
    let groups = |group: &str| [group.to_owned()];
    assert!(is_node_row(&groups("system:node-proxier")) && is_node_row(&groups("eks:kube-proxy-windows")));
    assert!(!is_node_row(&groups("system:masters")) && !is_node_row(&[]));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_is_too_strange(text in "([-:?#&*!|>'\"%@`{}\\[\\],~<. \n\t\r\u{feff}a-f0-9é]|- |: |rolearn: |groups: |&a |\\*a|<<: |\n  ){0,60}") {
        for section in Section::ALL {
            // Positions are those of the sequence: each is named once.
            if let SectionReading::Read(rows) = read_section(section, &text) {
                let mut indices: Vec<_> = rows.rows.iter().map(|r| r.index).chain(rows.dropped.iter().map(|d| d.index)).collect();
                indices.sort_unstable();
                proptest::prop_assert_eq!(&indices, &(0..indices.len()).collect::<Vec<_>>());
            }
        }
    }
}
