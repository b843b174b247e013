#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
//! Where the plain reader answers, it says what the general one says.

use proptest::{collection::vec, prelude::*, sample::select};

use super::{SectionReading, node, parse_section, plain};
use crate::model::Section;

/// The documents of the tests beside this one and of those of the splice, and more that look plain.
const DOCUMENTS: [&str; 14] = [
    "- groups:\n  - system:bootstrappers\n  - system:nodes\n  rolearn: arn:aws:iam::1:role/n\n  username: system:node:{{EC2PrivateDNSName}}\n",
    "- \"groups\":\n  - \"system:masters\"\n  \"rolearn\": \"arn:aws:iam::1:role/n\"\n  \"username\": \"admin:{{SessionName}}\"\n",
    "# nodes\n- rolearn: a   # keep\n  groups: [ devs, 'system:masters',\"a, b\" ]  # in\n\n  username: 'x # y'\n    # deeper\n- rolearn: b\n",
    "  - rolearn: a\n    groups:\n    - g\n  - rolearn: b\n    username: x\n    groups:\n        - \"on\"\n        - h",
    "- 012345678901 # a\n- '2'\n- \"\"\n- yes\n- abc\n",
    "- rolearn: a\n  username: on\n  groups: [yes, no]\n- rolearn: null\n- rolearn: n\n",
    "- rolearn: a\n  groups: []\n- rolearn: b\n  groups:\n- rolearn: c\n  groups: # later\n  # or now\n    - x\n",
    "- rolearn: a\n  rolearn: b\n- username: c\n- userarn: d\n  groups:\n   - e\n  username: ''\n",
    "- &x {rolearn: a, username: u}\n- rolearn: b\n  <<: *x\n- rolearn: \"a\\/b\"\n",
    "- rolearn: a\n---\n- rolearn: b\n...\n- rolearn: c\n",
    "- rolearn: a\n  username: b\n    c\n  groups: d\n- rolearn: |\n    e\n  username: >-\n    f\n",
    "- rolearn: a\r\n  username: b\r\n  groups:\r\n  - c\r\n",
    "- rolearn: 'it''s'\n  username: !!str on\n  groups: [a: b, {c: d}, [e], f?, g#h, i:j, k:, :l]\n",
    "- rolearn: a:\n  username: b:c\n  groups:\n  - d: e\n  - f::g\n  - h:#i\n  - j#k\n  - @l\n  - {m\n  - n}\n  -  o\n  -p\n",
];

/// Asserts that the two readers agree; says whether the plain one had an answer.
fn agree(section: Section, text: &str) -> Result<bool, TestCaseError> {
    let Some(rows) = plain::read(section, text) else { return Ok(false) };
    prop_assert_eq!(SectionReading::Read(rows), parse_section(section, text), "{} {:?}", section, text);
    Ok(true)
}

#[test]
fn what_tools_and_people_write_is_answered() {
    for text in &DOCUMENTS[..4] {
        assert!(agree(Section::Roles, text).unwrap(), "{text:?}");
        assert!(agree(Section::Users, &text.replace("rolearn", "userarn")).unwrap(), "{text:?}");
    }
    assert!(agree(Section::Accounts, "- \"012345678901\"\n- 012345678901 # b\n# c\n-   '1'").unwrap());
}

#[test]
fn what_is_not_plain_is_left_to_the_general_reader() {
    let rows = "- rolearn: a\n";
    for other in [
        "",
        "[]",
        "# only\n",
        "\u{feff}- rolearn: a\n",
        "- rolearn: a\u{e9}\n",
        "- rolearn: a\n\tusername: b\n",
        "- rolearn: on\n",
        "- rolearn: 12\n",
        "- rolearn: ~\n",
        "- rolearn:\n",
        "- rolearn: ''\n",
        "- roleARN: a\n",
        "- rolearn: a\n  sso: {}\n",
        "- rolearn: a b\n",
        "- rolearn: a\n  groups:\n",
        "- rolearn: a\n  groups: b\n",
        "- rolearn: a\n  groups: [b,]\n",
        "- rolearn: a\n  groups: [b,\n  c]\n",
        "- rolearn: a\n  groups: [b? ]\n",
        "- rolearn: \"a\\n\"\n",
        "- rolearn: a\n - username: b\n",
        "-\n  rolearn: a\n",
        "- rolearn: a\n...\n",
    ] {
        assert!(plain::read(Section::Roles, other).is_none(), "{other:?}");
        assert!(
            plain::read(Section::Roles, &format!("{rows}{other}")).is_none()
                || other.trim().starts_with('#')
                || other.is_empty(),
            "{other:?}"
        );
    }
}

/// Every document that one small mistake makes of the ones above: a byte less, a byte more, another byte, a line that
/// goes, comes twice or is indented otherwise.
#[test]
fn every_small_mistake_is_read_alike() {
    let mut answered = 0;
    let mut see = |text: &str| {
        for section in Section::ALL {
            answered += usize::from(agree(section, text).unwrap());
        }
    };
    for document in DOCUMENTS {
        see(document);
        for (at, c) in document.char_indices() {
            let (before, after) = (&document[..at], &document[at + c.len_utf8()..]);
            see(before);
            see(&format!("{before}{after}"));
            for new in " \n:-#'\"[]{},?!&*|>%@\\~1y\t".chars() {
                see(&format!("{before}{new}{after}"));
                see(&format!("{before}{new}{c}{after}"));
            }
        }
        let lines: Vec<&str> = document.split_inclusive('\n').collect();
        for at in 0..lines.len() {
            let with = |line: &str| {
                let mut lines = lines.clone();
                lines[at] = line;
                lines.concat()
            };
            let line = lines[at];
            for new in [
                "",
                &line.repeat(2),
                &format!(" {line}"),
                line.trim_start(),
                &format!("  {line}"),
                &format!("{line}\n"),
                &format!("{line}   # c\n"),
                &format!("{line}---\n"),
            ] {
                see(&with(new));
            }
        }
    }
    assert!(answered > 1_000, "{answered}");
}

fn scalar() -> impl Strategy<Value = String> {
    let word = "[a-zA-Z][a-zA-Z0-9._/@+=:{}-]{0,12}";
    prop_oneof![
        6 => word,
        2 => "\"[ -~]{0,8}\"",
        2 => "'[ -~]{0,8}'",
        2 => select(vec!["y", "no", "On", "true", "null", "~", "", "0777", "1_000", ".nan", "<<", "123456789012", "nan", "inf", "e1"]).prop_map(str::to_owned),
        1 => "[ -~]{0,8}",
        1 => "[a-z][ -~\u{e9}\u{85}\u{2028}\t]{0,6}",
    ]
}

/// A row that is nearly plain, its parts drawn apart from one another.
fn row() -> impl Strategy<Value = String> {
    let key = select(vec![
        "rolearn",
        "rolearn",
        "userarn",
        "username",
        "groups",
        "groups",
        "\"groups\"",
        "'rolearn'",
        "sso",
        "userName",
        "note",
    ]);
    let tail = select(vec!["", "", "", " # c", "  ", "#c", " \n", "\n\n  # c", "\n# c"]);
    let value = prop_oneof![
        4 => scalar().prop_map(|value| format!(" {value}")),
        2 => (vec(scalar(), 0..4), select(vec![" ", "", "  "])).prop_map(|(items, space)| format!(" [{space}{}{space}]", items.join(&format!(",{space}")))),
        2 => (vec(scalar(), 0..4), select(vec!["  ", "    ", " ", "", "   "])).prop_map(|(items, indent)| items.iter().map(|item| format!("\n{indent}- {item}")).collect()),
    ];
    let fields = vec((key, value, tail), 1..5);
    (fields, select(vec!["- ", "- ", "- ", "-   ", " - "]), select(vec!["  ", "  ", "  ", "    ", "   "])).prop_map(
        |(fields, dash, indent)| {
            let fields: Vec<String> =
                fields.into_iter().map(|(key, value, tail)| format!("{key}:{value}{tail}\n")).collect();
            format!("{dash}{}", fields.join(indent))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nearly_plain_rows_are_read_alike(rows in vec(row(), 1..5), cut in 0..3_usize) {
        let text = rows.concat();
        for section in Section::ALL {
            agree(section, &text[..text.len() - cut.min(usize::from(text.is_ascii()))])?;
        }
    }

    #[test]
    fn plain_rows_are_answered_and_read_alike(
        rows in vec(("[a-z]{3}[a-zA-Z0-9:/+=@_.-]{0,20}x", prop_oneof!["[a-z]{4}[{}a-z:/@.]{0,9}x", "\"[ !#-\\[\\]-~]{0,9}\"", "'[ -&(-~]{0,9}'"], vec("[d-m]{4}(:[a-z]{2})?", 1..4), 0..5_usize), 1..6),
        users in any::<bool>(),
    ) {
        let (section, arn_key) = if users { (Section::Users, "userarn") } else { (Section::Roles, "rolearn") };
        let mut text = String::new();
        for (arn, username, groups, form) in &rows {
            let list = |indent: &str| groups.iter().map(|group| format!("{indent}- {group}\n")).collect::<String>();
            text += &match form {
                0 => format!("- groups:\n{}  {arn_key}: {arn}\n  username: {username}\n", list("  ")),
                1 => format!("- {arn_key}: \"{arn}\" # c\n\n  username: {username}\n  groups:\n{}", list("      ")),
                2 => format!("# c\n- \"{arn_key}\": '{arn}'\n  'groups': [{}]\n", groups.join(", ")),
                3 => format!("- {arn_key}: {arn}\n"),
                _ => format!("-   username: {username}  # c\n    {arn_key}: {arn}\n    groups: []\n"),
            };
        }
        prop_assert!(agree(section, &text)?, "{:?} is plain", text);
    }

    #[test]
    fn account_lists_are_read_alike(items in vec((scalar(), select(vec!["", " # c", "  ", ":", "\n"])), 1..6), indent in select(vec!["", "  "])) {
        let text: String = items.iter().map(|(item, tail)| format!("{indent}- {item}{tail}\n")).collect();
        agree(Section::Accounts, &text)?;
    }

    #[test]
    fn any_text_is_read_alike(text in "([-:#&*'\"\\[\\]{},?~. \na-c0]|- |: |rolearn: |groups:|username: |\n  |\n- |\n  - |- rolearn: a\n){0,24}") {
        for section in Section::ALL {
            agree(section, &text)?;
        }
        // The general reader has two ways of its own.
        for keys in [node::Keys::MustBeJson, node::Keys::DoNotMatter] {
            if let Some(once) = node::walk_once(&text, keys) {
                prop_assert_eq!(Ok(once), node::walk_twice(&text, keys), "{:?}", text);
            }
        }
    }
}
