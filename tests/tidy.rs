//! Keeps the house in order: which room may know which, what pure rooms may not mention, how long a file may be.
//! The map of the rooms is in `src/lib.rs`.

mod scan;

use std::fs;
use std::path::Path;

/// Each room with the rooms it may name beside itself.
const ROOMS: [(&str, &[&str]); 21] = [
    ("model", &[]),
    ("source", &["model"]),
    ("settings", &["model", "source"]),
    ("policy", &["model", "source", "authenticator"]),
    ("authenticator", &["model"]),
    ("discover", &["model"]),
    ("connect", &["model"]),
    ("observe", &["model", "connect"]),
    ("plan", &["model", "authenticator"]),
    ("explain", &["model", "authenticator", "plan"]),
    ("apply", &["model", "connect"]),
    ("report", &["model"]),
    ("fleet", STAGES),
    ("web", UP_TO_EVENTS),
    ("events", &["model"]),
    ("daemon", UP_TO_WEB),
    ("cli", EVERYTHING),
    ("telemetry", &[]),
    ("limits", &[]),
    ("lab", &["model", "authenticator", "limits"]),
    ("main", &["cli", "telemetry"]),
];

const STAGES: &[&str] = EVERYTHING.split_at(12).0;
const UP_TO_EVENTS: &[&str] = EVERYTHING.split_at(14).0;
const UP_TO_WEB: &[&str] = EVERYTHING.split_at(15).0;
const EVERYTHING: &[&str] = &[
    "model",
    "source",
    "settings",
    "policy",
    "authenticator",
    "discover",
    "connect",
    "observe",
    "plan",
    "explain",
    "apply",
    "report",
    "fleet",
    "events",
    "web",
    "daemon",
    "telemetry",
    "limits",
    "lab",
];

/// Rooms whose answer depends on their arguments alone.
const PURE: [&str; 9] =
    ["model", "source", "settings", "policy", "authenticator", "plan", "explain", "report", "events"];

/// What a pure room may not mention: runs of words and `::`; a last word ending in `*` stands for all that begin so.
const IMPURE: [&str; 10] = [
    "tokio",
    "async fn",
    "kube ::",
    "aws_sdk*",
    "aws_config",
    "SystemTime :: now",
    "Timestamp :: now",
    "Zoned :: now",
    "Instant :: now",
    "rand",
];

/// A file has fewer lines than this.
const LINES: usize = 400;

#[test]
fn the_house_is_in_order() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests"] {
        collect(root, Path::new(folder), &mut files);
    }
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "no sources below {}", root.display());
    let problems: Vec<String> = files.iter().flat_map(|(path, text)| check(path, text)).collect();
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    let mut entries: Vec<_> = fs::read_dir(root.join(folder)).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = folder.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.to_string_lossy().into_owned(), fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

/// Everything wrong with one file, each with the file and the line.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines >= LINES {
        problems.push(format!("{path}:{LINES}: {lines} lines, a file has fewer than {LINES}: divide it by subject"));
    }
    let Some(inside) = path.strip_prefix("src/").filter(|inside| *inside != "lib.rs") else {
        return problems;
    };
    let module: Vec<&str> = inside.trim_end_matches(".rs").split('/').filter(|part| *part != "mod").collect();
    let room = module[0];
    let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
        problems.push(format!(
            "{path}:1: `{room}` is not a room: name it and what it sees in src/lib.rs and tests/tidy.rs"
        ));
        return problems;
    };
    let code = scan::code_only(text);
    let tokens = scan::tokens(&code);
    for (line, name) in scan::references(&tokens, &module) {
        if name != room && !allowed.contains(&name) {
            problems.push(format!("{path}:{line}: `{room}` may not know `{name}`: it sees {}", one_of(allowed)));
        }
    }
    if PURE.contains(&room) {
        for (line, mention) in impure(&tokens) {
            problems.push(format!(
                "{path}:{line}: `{room}` is pure and may not mention `{mention}`: take what it would give as an argument"
            ));
        }
    }
    problems
}

fn impure(tokens: &[(usize, &str)]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for at in 0..tokens.len() {
        for mention in IMPURE {
            let mut words = mention.split(' ').enumerate();
            let here = words.all(|(offset, wanted)| {
                tokens.get(at + offset).is_some_and(|(_, word)| match wanted.strip_suffix('*') {
                    Some(start) => word.starts_with(start),
                    None => *word == wanted,
                })
            });
            if here {
                found.push((tokens[at].0, mention));
            }
        }
    }
    found
}

fn one_of(allowed: &[&str]) -> String {
    if allowed.is_empty() { "no other room".to_owned() } else { format!("only {}", allowed.join(", ")) }
}

/// The lines (and only these) that the checker finds wrong.
fn wrong_lines(path: &str, text: &str) -> Vec<usize> {
    let number = |problem: &String| problem.split(':').nth(1).unwrap().parse().unwrap();
    check(path, text).iter().map(number).collect()
}

#[test]
fn a_forbidden_room_is_found_however_it_is_written() {
    let wrong = "use crate::apply::x;\n\
                 use crate::{model::A, observe::{B, plan}, authenticator};\n\
                 fn f() { crate::discover::g() }\n\
                 use super::report::R;\n\
                 use rolecall::fleet;\n\
                 mod tests {\n    use super::super::web::W;\n}\n\
                 use crate::*;\n";
    assert_eq!(wrong_lines("src/plan/mod.rs", wrong), [1, 2, 3, 4, 5, 7, 9]);
    assert_eq!(wrong_lines("src/plan/guards/rows.rs", "use super::super::super::apply::x;\n"), [1]);
    assert_eq!(
        check("src/model/arn.rs", "use crate::plan;\n"),
        ["src/model/arn.rs:1: `model` may not know `plan`: it sees no other room"]
    );
}

#[test]
fn what_stays_inside_the_room_or_goes_down_is_fine() {
    let right = "use crate::model::{Plan, plan as p};\n\
                 use crate::plan::guards;\n\
                 use super::plan::guards;\n\
                 pub(crate) fn f() {}\n\
                 pub(in crate::plan) fn g() {}\n\
                 mod apply { use super::g; use super::super::authenticator::Row; }\n\
                 fn h(apply: u8) { self::g(); apply::local(); }\n";
    assert_eq!(check("src/plan/mod.rs", right), Vec::<String>::new());
    assert_eq!(check("src/plan/guards.rs", "use super::g;\nmod tests { use super::*; }\n"), Vec::<String>::new());
    assert_eq!(check("src/main.rs", "use rolecall::cli;\nmod telemetry;\n"), Vec::<String>::new());
    assert_eq!(wrong_lines("src/main.rs", "use rolecall::{cli, fleet};\n"), [1]);
}

#[test]
fn comments_and_strings_are_not_code() {
    let quiet = "//! See crate::apply and tokio.\n\
                 /* crate::apply /* nested */ tokio */\n\
                 const A: &str = \"crate::apply \\\" tokio\";\n\
                 const B: &str = r#\"tokio \"crate::apply\" \"#;\n\
                 const C: (char, char, &[u8]) = ('\"', '\\'', b\"tokio\");\n\
                 fn f<'a>(x: &'a str) -> &'a str { x }\n";
    assert_eq!(check("src/plan/mod.rs", quiet), Vec::<String>::new());
    assert_eq!(wrong_lines("src/plan/mod.rs", &format!("{quiet}use tokio::spawn;\n")), [7]);
    assert_eq!(wrong_lines("src/plan/mod.rs", &format!("{quiet}use crate::apply;\n")), [7]);
}

#[test]
fn a_pure_room_has_no_clock_no_chance_and_no_client() {
    let wrong = "use kube::Client;\nuse aws_sdk_eks as eks;\nuse aws_config::X;\nlet t = SystemTime::now();\n\
                 jiff::Timestamp::now();\nZoned::now();\nInstant::now();\nuse rand::rng;\nasync fn f() {}\n\
                 let kube = 1;\nlet operand = kube + 1;\nfn now() {}\n";
    assert_eq!(wrong_lines("src/policy/lint.rs", wrong), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(check("src/observe/rbac.rs", wrong), Vec::<String>::new());
}

#[test]
fn long_files_and_unknown_rooms_are_found() {
    assert_eq!(wrong_lines("tests/long.rs", &"\n".repeat(400)), [400]);
    assert_eq!(check("tests/long.rs", &"\n".repeat(399)), Vec::<String>::new());
    assert_eq!(wrong_lines("src/attic/mod.rs", ""), [1]);
    assert_eq!(check("src/lib.rs", "pub mod apply;\nuse crate::apply;\n"), Vec::<String>::new());
}

#[test]
fn the_rooms_see_only_what_is_below_them() {
    assert_eq!(STAGES.last(), Some(&"report"));
    assert_eq!(UP_TO_EVENTS.last(), Some(&"events"));
    assert_eq!(UP_TO_WEB.last(), Some(&"web"));
}
