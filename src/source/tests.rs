//! What people see when a file is wrong, and that no file brings the reader down.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::format_push_string, clippy::format_collect)]
#![allow(dead_code, reason = "some fields of the toy are there to be named in errors only")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Toy {
    /// What it is called.
    #[schemars(required)]
    name: Option<String>,
    /// Accounts by id.
    #[serde(default)]
    #[schemars(length(min = 1))]
    accounts: Vec<String>,
    size: Option<u8>,
    open: Option<bool>,
    regions: Option<Where>,
    colour: Option<Colour>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    inner: Option<Inner>,
    #[serde(default)]
    who: Vec<Who>,
    external_id: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Inner {
    depth: Option<u8>,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Where {
    Word(Word),
    List(Vec<String>),
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Word {
    Enabled,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum Colour {
    /// As blood.
    Red,
    /// As grass.
    Green,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Who {
    Role(RoleForm),
    User(UserForm),
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RoleForm {
    role: String,
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct UserForm {
    user: String,
}

fn read(text: &str) -> (Option<Toy>, Vec<String>) {
    let file = SourceFile::new("toy.yaml", text);
    let mut diagnostics = Diagnostics::new();
    let toy = Document::parse(&file, &mut diagnostics).and_then(|mut doc| decode::<Toy>(&mut doc, &mut diagnostics));
    (toy, diagnostics.one_lines(&[file]))
}

fn lines(text: &str) -> String {
    read(text).1.join("\n")
}

#[test]
fn a_good_file_has_nothing_to_say() {
    let (toy, said) = read("name: &n \"012345678901\"\r\naccounts:\r\n- *n\r\nregions: enabled\r\ntags: {1: yes}\r\n");
    let toy = toy.unwrap();
    assert_eq!(said, Vec::<String>::new());
    assert_eq!(toy.name.as_deref(), Some("012345678901"));
    assert_eq!(toy.accounts, ["012345678901"]);
    assert_eq!(toy.regions, Some(Where::Word(Word::Enabled)));
    assert_eq!(toy.tags["1"], "yes");
}

#[test]
fn what_does_not_fit_is_said_at_once_and_the_rest_is_kept() {
    let text = "accounts: [012345678901, \"1\", true, 1.33]\nsize: \"5\"\nopen: yes\ncolour: gren\nregions: enable\n\
                depth: 1\ninner: {dept: 2}\nwho: [{rol: a}, {role: a, user: b}, {role: 1}, {}]\ntags:\nexternalId: 12345\n";
    let (toy, said) = read(text);
    insta::assert_snapshot!(said.join("\n"), @r#"
toy.yaml:1:1: error: the key `name` is missing (add `name: …`. What it is called.)
toy.yaml:1:12: error: item 1 of `accounts`: expected a text, found the number `012345678901` (an AWS account id must be quoted, or it loses its leading zero: write "012345678901")
toy.yaml:1:31: error: item 3 of `accounts`: expected a text, found `true` (write it in quotes: "true")
toy.yaml:1:37: error: item 4 of `accounts`: expected a text, found the number `1.33` (write it in quotes: "1.33")
toy.yaml:2:7: error: `size`: expected a whole number, found the text `"5"` (write it without quotes: 5)
toy.yaml:3:7: error: `open`: expected true or false, found the text `yes` (write `true`)
toy.yaml:4:9: error: `colour`: expected `red` or `green`, found the text `gren` (did you mean `green`?)
toy.yaml:5:10: error: `regions`: expected `enabled` or a list, found the text `enable` (did you mean `enabled`?)
toy.yaml:6:1: error: unknown key `depth` (`depth` belongs under `inner`; the keys allowed here are: accounts, colour, externalId, inner, name, open, regions, size, tags, who)
toy.yaml:7:9: error: unknown key `dept` in `inner` (did you mean `depth`? the keys allowed here are: depth)
toy.yaml:8:8: error: unknown key `rol` in item 1 of `who` (did you mean `role`? the keys allowed here are: role, user)
toy.yaml:8:17: error: `role` and `user` do not go together in item 2 of `who` (keep one of them)
toy.yaml:8:44: error: `role`: expected a text, found the number `1` (write it in quotes: "1")
toy.yaml:8:48: error: item 4 of `who` is empty (one of these keys is needed: role, user)
toy.yaml:9:1: error: `tags` has no value (write a mapping, or take the key out)
toy.yaml:10:13: error: `externalId`: expected a text, found a number
"#);
    let toy = toy.unwrap();
    assert_eq!(toy.accounts, ["1"]);
    assert!(toy.inner.is_some());
}

#[test]
fn structure_errors_name_their_place() {
    let files = [
        "name: a\nname: b\n",
        "a: 1\n---\nb: 2\n",
        "",
        "# nothing\n",
        "name: a\n\tsize: 1\n",
        "accounts: [*]\n",
        "accounts: [*-dev]\n",
        "name: {{SessionName}}\n",
        "name: \"open\nsize: 1\n",
        "accounts: [a, b\nsize: 1\n",
        "name: a: b\n",
        "name: @a\n",
        "base: &b {size: 1}\ninner:\n  <<: *b\n",
        "name: !secret x\n",
        "inner: &i\n  depth: *i\n",
        "- a\n",
        "name\n",
    ];
    insta::assert_snapshot!(files.map(lines).join("\n"), @r#"
toy.yaml:2:1: error: the key `name` is given twice (keep one of them, or merge what they say)
toy.yaml:1:1: error: the key `name` is missing (add `name: …`. What it is called.)
toy.yaml:1:1: error: unknown key `a` (the keys allowed here are: accounts, colour, externalId, inner, name, open, regions, size, tags, who)
toy.yaml:2:1: error: the file holds several YAML documents (put each into a file of its own)
toy.yaml: error: the file is empty
toy.yaml: error: the file holds no values, only comments
toy.yaml:2:1: error: a tab cannot indent YAML (use spaces)
toy.yaml:1:12: error: a `*` or `&` without quotes is an alias or an anchor and needs a name (a text that begins with `*` must be quoted: write "*" or "*-dev")
toy.yaml:1:12: error: this alias has no anchor (a text that begins with `*` must be quoted: write "*" or "*-dev")
toy.yaml:1:8: error: a text that begins with `{{` must be quoted, or YAML takes it for a mapping (write it in quotes, such as "{{SessionName}}")
toy.yaml:2:1: error: a text in quotes goes on to here (close the quote on the line before, or indent what belongs to it)
toy.yaml:2:5: error: there cannot be a `:` here (a `[`, a `{` or a quote before it is not closed)
toy.yaml:1:8: error: there cannot be a `:` here (quote a text that holds `: `, and check the indentation)
toy.yaml:1:7: error: a text cannot begin with '@' unless it is quoted (write it in quotes)
toy.yaml:1:1: error: the key `name` is missing (add `name: …`. What it is called.)
toy.yaml:1:1: error: unknown key `base` (the keys allowed here are: accounts, colour, externalId, inner, name, open, regions, size, tags, who)
toy.yaml:3:3: error: merge keys (`<<`) belong to YAML 1.1 and are not supported (write the keys out)
toy.yaml:1:15: error: the tag `!secret` does not fit here (take the tag out)
toy.yaml:2:10: error: this alias stands for a value that it is a part of
toy.yaml:1:1: error: the file: expected a mapping, found a list
toy.yaml:1:1: error: the file: expected a mapping, found the text `name`
"#);
}

#[test]
fn a_file_that_is_not_utf8_names_the_byte() {
    let error = SourceFile::decode("a.yaml", b"name: a\nsize: \xE9\n".to_vec()).unwrap_err();
    assert_eq!(error.message, "the file is not UTF-8: byte 0xE9 at offset 14, on line 2");
    assert!(SourceFile::decode("a.yaml", vec![0xFF, 0xFE, b'a', 0]).unwrap_err().message.contains("UTF-16"));
    assert_eq!(SourceFile::decode("a.yaml", b"\xEF\xBB\xBFname: a".to_vec()).unwrap().text, "name: a");
}

#[test]
fn a_snippet_shows_the_place_and_never_a_secret() {
    let file = SourceFile::new("toy.yaml", "name: a\r\ninner: {dept: 1, externalId: s3cr3t}\r\nname: b\r\n");
    let mut diagnostics = Diagnostics::new();
    let mut doc = Document::parse(&file, &mut diagnostics).unwrap();
    decode::<Toy>(&mut doc, &mut diagnostics).unwrap();
    insta::assert_snapshot!(diagnostics.render(&[file], false), @r#"
error: unknown key `dept` in `inner`
 --> toy.yaml:2:9
  |
2 | inner: {dept: 1, externalId: ******}
  |         ^^^^
  |
  = help: did you mean `depth`? the keys allowed here are: depth

error: unknown key `externalId` in `inner`
 --> toy.yaml:2:18
  |
2 | inner: {dept: 1, externalId: ******}
  |                  ^^^^^^^^^^
  |
  = help: the keys allowed here are: depth

error: the key `name` is given twice
 --> toy.yaml:3:1
  |
3 | name: b
  | ^^^^
  |
 ::: toy.yaml:1:1
  |
1 | name: a
  | ---- first given here
  |
  = help: keep one of them, or merge what they say
"#);
}

#[test]
fn a_place_in_another_file_is_shown_with_its_line() {
    let files = [SourceFile::new("a.yaml", "x: 1\n"), SourceFile::new("b.yaml", "# first\ny: [2,\n  3]\n")];
    let mut diagnostics = Diagnostics::new();
    let here = Span { start: 0, end: 1 };
    let there = Span { start: 8, end: files[1].text.len() };
    let first = Diagnostic::error("a.yaml", Some(here), "x and y contradict each other");
    diagnostics.push(first.related("b.yaml", there, "y is given here").help("keep one of them"));
    diagnostics.warning("b.yaml", None, "the file is odd");
    diagnostics.warning("gone.yaml", Some(here), "nobody has its text");
    insta::assert_snapshot!(diagnostics.render(&files, false), @r#"
error: x and y contradict each other
 --> a.yaml:1:1
  |
1 | x: 1
  | ^
  |
 ::: b.yaml:2:1
  |
2 | y: [2,
  | ------ y is given here
  |
  = help: keep one of them

warning: the file is odd
--> b.yaml

warning: nobody has its text
--> gone.yaml
"#);
}

#[test]
fn places_follow_what_was_removed() {
    let file = SourceFile::new("a.yaml", "\u{feff}a: [x, yy, {k/l: \"zz\"}]\nb:\n  - |\n    one\n");
    let mut diagnostics = Diagnostics::new();
    let mut doc = Document::parse(&file, &mut diagnostics).unwrap();
    assert_eq!(doc.raw("/a/2/k~1l"), Some("\"zz\""));
    assert_eq!(doc.line("/b/0"), 4, "a block text stands where its first line is");
    doc.remove(["/a/0"]);
    assert_eq!(doc.value(), &json!({"a": ["yy", {"k/l": "zz"}], "b": ["one\n"]}));
    assert_eq!((doc.raw("/a/0"), doc.raw("/a/1/k~1l")), (Some("yy"), Some("\"zz\"")));
    doc.remove(["/a/0"]);
    assert_eq!(doc.value()["a"], json!([{"k/l": "zz"}]));
    assert!(diagnostics.is_empty());
}

#[test]
fn files_made_to_exhaust_the_reader_are_refused() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut tower = "a0: &a0 [x]\n".to_owned();
    for i in 1..500 {
        let before = i - 1;
        bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{before}"); 10].join(", "));
        tower += &format!("a{i}: &a{i} [*a{before}]\n");
    }
    assert!(lines(&bomb).contains("with its aliases written out"), "{}", lines(&bomb));
    assert!(lines(&tower).contains("nest deeper than 128 levels"), "{}", lines(&tower));
    assert!(lines(&"[".repeat(100_000)).contains("nest too deep"));
    let blocks: String = (0..500).map(|i| format!("{}a:\n", " ".repeat(i))).collect();
    assert!(lines(&blocks).contains("nest too deep"));
}

fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("name"),
        Just("accounts"),
        Just("externalId"),
        Just(": "),
        Just(":\n"),
        Just("\n"),
        Just("\r\n"),
        Just("  "),
        Just("- "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("&a "),
        Just("*a"),
        Just("\""),
        Just("'"),
        Just("é"),
        Just("\u{1F600}"),
        Just("\t"),
        Just("#"),
        Just("|\n"),
        Just("1"),
        Just("!!str "),
        Just("---\n"),
        Just("? "),
        Just("<<"),
        Just("\u{feff}"),
        Just("\u{2028}"),
        Just("%"),
        Just("http://a@b"),
        Just("who"),
        Just("role"),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn never_panics(text: &str) -> Result<(), TestCaseError> {
    let file = SourceFile::new("x.yaml", text);
    let mut diagnostics = Diagnostics::new();
    if let Some(mut doc) = Document::parse(&file, &mut diagnostics) {
        decode::<Toy>(&mut doc, &mut diagnostics);
    } else {
        prop_assert!(diagnostics.has_errors());
    }
    for diagnostic in &diagnostics {
        for span in diagnostic.span.iter().chain(diagnostic.related.iter().map(|(_, span, _)| span)) {
            prop_assert!(file.text.get(span.start..span.end).is_some(), "{span:?} of {diagnostic:?}");
        }
    }
    let files = [file];
    prop_assert_eq!(diagnostics.one_lines(&files).is_empty(), diagnostics.is_empty());
    prop_assert_eq!(diagnostics.render(&files, true).is_empty(), diagnostics.is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_yaml_like_text_brings_the_reader_down(text in yaml_like()) {
        never_panics(&text)?;
    }

    #[test]
    fn no_text_brings_the_reader_down(text in any::<String>()) {
        never_panics(&text)?;
    }

    #[test]
    fn no_bytes_bring_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(file) = SourceFile::decode("x.yaml", bytes) {
            never_panics(&file.text)?;
        }
    }
}
