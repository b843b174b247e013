//! What both halves of the contract share: finding differences, and the one list of those that are meant.

use std::{fs, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// Where the contract's files are.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/contract")
}

/// Something that one says otherwise than the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What was asked.
    pub step: String,
    /// Where in the answer, as a JSON pointer.
    pub at: String,
    /// What the one that is believed says, if anything.
    pub wanted: Option<Value>,
    /// What the other says, if anything.
    pub said: Option<Value>,
}

/// A difference that is meant, in `exceptions.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// `kubernetes`, `aws` or `entries`.
    half: String,
    /// The cases and their steps; `*` stands for anything.
    steps: Vec<String>,
    /// Where in the answer; `*` stands for anything.
    #[serde(default)]
    at: String,
    /// What the lab says there, if that is fixed.
    #[serde(default)]
    lab: Option<Value>,
    /// Why it is meant.
    reason: String,
}

/// The exceptions of one half.
pub fn exceptions(half: &str) -> Vec<Exception> {
    let file = folder().join("exceptions.yaml");
    let all: Vec<Exception> = serde_yaml::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    for exception in &all {
        assert!(
            ["kubernetes", "aws", "entries"].contains(&exception.half.as_str()),
            "no half is called {}",
            exception.half
        );
        assert!(exception.reason.len() > 20, "{exception:?} needs a reason");
    }
    all.into_iter().filter(|exception| exception.half == half).collect()
}

/// The differences that no exception allows, and the exceptions that allow none, by their step and reason.
pub fn judge(differences: Vec<Difference>, exceptions: &[Exception]) -> (Vec<Difference>, Vec<(String, String)>) {
    let allows = |exception: &Exception, step: &str, difference: &Difference| {
        fits(step, &difference.step)
            && fits(&exception.at, &difference.at)
            && exception.lab.as_ref().is_none_or(|lab| difference.said.as_ref() == Some(lab))
    };
    let mut unused = Vec::new();
    for exception in exceptions {
        for step in &exception.steps {
            if !differences.iter().any(|difference| allows(exception, step, difference)) {
                unused.push((step.clone(), exception.reason.clone()));
            }
        }
    }
    let mut left = differences;
    left.retain(|difference| {
        !exceptions.iter().any(|exception| exception.steps.iter().any(|step| allows(exception, step, difference)))
    });
    (left, unused)
}

/// Fails with everything that is wrong: differences that no exception allows, and exceptions that allow nothing.
pub fn verdict(differences: Vec<Difference>, half: &str, wanted: &str) {
    let (left, unused) = judge(differences, &exceptions(half));
    let unused: String = unused.iter().map(|(step, reason)| format!("unused exception: {step}: {reason}\n")).collect();
    assert!(left.is_empty() && unused.is_empty(), "\n{}{unused}", show(&left, wanted, "the lab"));
}

/// Whether the text is of the pattern, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, mut rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(start) else { return false };
    while let Some((piece, after)) = rest.split_once('*') {
        let Some(at) = text.find(piece) else { return false };
        (text, rest) = (&text[at + piece.len()..], after);
    }
    text.ends_with(rest)
}

/// Where two answers to the same step differ.
pub fn differences(step: &str, wanted: &Value, said: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(step, "", Some(wanted), Some(said), &mut found);
    found
}

fn compare(step: &str, at: &str, wanted: Option<&Value>, said: Option<&Value>, found: &mut Vec<Difference>) {
    match (wanted, said) {
        (Some(Value::Object(wanted)), Some(Value::Object(said))) => {
            let more = said.keys().filter(|key| !wanted.contains_key(*key));
            for key in wanted.keys().chain(more) {
                let below = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                compare(step, &below, wanted.get(key), said.get(key), found);
            }
        }
        (Some(Value::Array(wanted)), Some(Value::Array(said))) => {
            for index in 0..wanted.len().max(said.len()) {
                compare(step, &format!("{at}/{index}"), wanted.get(index), said.get(index), found);
            }
        }
        (wanted, said) if wanted == said => {}
        (wanted, said) => found.push(Difference {
            step: step.to_owned(),
            at: at.to_owned(),
            wanted: wanted.cloned(),
            said: said.cloned(),
        }),
    }
}

/// All differences, to read.
pub fn show(differences: &[Difference], wanted: &str, said: &str) -> String {
    let mut text = String::new();
    let mut step = "";
    let value = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
    for difference in differences {
        if difference.step != step {
            step = &difference.step;
            text += &format!("{step}\n");
        }
        let at = if difference.at.is_empty() { "/" } else { &difference.at };
        text +=
            &format!("  {at}\n    {wanted}: {}\n    {said}: {}\n", value(&difference.wanted), value(&difference.said));
    }
    text
}

#[test]
fn differences_are_found_wherever_they_are() {
    use serde_json::json;
    let wanted = json!({"status": 409, "body": {"a/b": [1, 2], "same": "x", "gone": null}});
    let said = json!({"status": 500, "body": {"a/b": [1, 3, 4], "same": "x", "new": {}}});
    let found = differences("case: step", &wanted, &said);
    let at: Vec<&str> = found.iter().map(|difference| difference.at.as_str()).collect();
    assert_eq!(at, ["/body/a~1b/1", "/body/a~1b/2", "/body/gone", "/body/new", "/status"]);
    assert_eq!(differences("case: step", &wanted, &wanted), []);

    let exception = |steps: &[&str], at: &str, lab: Option<Value>| Exception {
        half: "aws".to_owned(),
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        at: at.to_owned(),
        lab,
        reason: "meant".to_owned(),
    };
    let allowed = [
        exception(&["case: *"], "/body/a~1b*", None),
        exception(&["case: step", "other: step"], "/status", Some(json!(500))),
        exception(&["case: step"], "/body/new", Some(json!(400))),
        exception(&["case"], "*", None),
        exception(&["c*s*p"], "*/go*e", Some(Value::Null)),
    ];
    let (left, unused) = judge(found, &allowed);
    let left: Vec<&str> = left.iter().map(|difference| difference.at.as_str()).collect();
    assert_eq!(left, ["/body/gone", "/body/new"]);
    let unused: Vec<&str> = unused.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(unused, ["other: step", "case: step", "case", "c*s*p"]);
}
