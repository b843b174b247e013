//! The AWS half of the contract: boto3 asks the lab and another server the same, and AWS's own models judge the lab's
//! answers. The other is moto, and for access entries, which moto does not have, ministack.
//!
//! What is asked is in `tests/contract/aws.py` and its parts, with what AWS documents for each; what is there to ask
//! about is in `tests/contract/world.json`.

mod lab_world;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use aws_credential_types::Credentials;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    contract::{self, Difference},
    support::world,
};

/// The hub's account in moto, of no other test.
const MOTO_MANAGEMENT: &str = "999800000001";

/// What came of one case.
#[derive(Debug, Deserialize)]
struct CaseOutcome {
    /// `ok`, or the error code that AWS documents.
    documented: String,
    /// What came: `ok` with the answer, `error` with its code and `status`, `missing` where a server does not have the call,
    /// or `broken` with why it could not be understood.
    outcome: BTreeMap<String, Value>,
    /// Where the answer departs from AWS's model.
    model: Vec<String>,
}

impl CaseOutcome {
    fn is_missing(&self) -> bool {
        self.outcome.contains_key("missing")
    }

    /// `ok` or the error code.
    fn word(&self) -> Value {
        let error = self.outcome.get("error").or_else(|| self.outcome.get("broken")).cloned();
        error.unwrap_or_else(|| self.outcome.keys().next().cloned().unwrap_or_default().into())
    }
}

type Outcomes = BTreeMap<String, CaseOutcome>;

/// The Python of the virtual environment that moto is in.
fn python() -> PathBuf {
    PathBuf::from(std::env::var_os("ROLECALL_TEST_MOTO").expect("run this test by `tests/run`"))
        .with_file_name("python")
}

/// Has boto3 ask at this endpoint, with these flags of `aws.py`.
async fn ask(url: &str, hub: &Credentials, file: PathBuf, flags: &[&str]) -> Outcomes {
    let mut command = Command::new(python());
    command
        .env_clear()
        .arg("-B")
        .arg(contract::folder().join("aws.py"))
        .arg(url)
        .arg(file)
        .args(flags)
        .env("AWS_ACCESS_KEY_ID", hub.access_key_id())
        .env("AWS_SECRET_ACCESS_KEY", hub.secret_access_key())
        .env("AWS_SESSION_TOKEN", hub.session_token().unwrap_or_default())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The world as it is described, with these accounts.
fn described(accounts: &Value) -> Value {
    let text = std::fs::read_to_string(contract::folder().join("world.json")).unwrap();
    let mut world: Value = serde_json::from_str(&text).unwrap();
    world["accounts"] = accounts.clone();
    world
}

/// Where the lab departs from the other server, from what AWS documents, or from AWS's model; and where the other itself,
/// called `name`, departs from what AWS documents, so that its answer says nothing.
fn differences(name: &str, other: &Outcomes, lab: &Outcomes) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut tell = |step: &str, at: &str, wanted: Value, said: Value| {
        all.push(Difference { step: step.to_owned(), at: at.to_owned(), wanted: Some(wanted), said: Some(said) });
    };
    for (case, of_lab) in lab {
        if of_lab.word() != of_lab.documented.as_str() {
            tell(case, "documented", json!(of_lab.documented), of_lab.word());
        }
        for problem in &of_lab.model {
            tell(case, "model", json!("what AWS's model says"), json!(problem));
        }
    }
    for case in other.keys().filter(|case| !lab.contains_key(*case)) {
        tell(case, "asked", json!("an answer"), json!("not asked"));
    }
    for (case, of_other) in other.iter().filter(|(_, of_other)| !of_other.is_missing()) {
        if of_other.word() != of_other.documented.as_str() {
            tell(case, name, json!(of_other.documented), of_other.word());
        }
    }
    for (case, of_other) in other.iter().filter(|(_, of_other)| of_other.word() == of_other.documented.as_str()) {
        let Some(of_lab) = lab.get(case) else { continue };
        let found = contract::differences(case, &json!(of_other.outcome), &json!(of_lab.outcome));
        // The other leaves much out; of what only the lab tells, AWS's model was the judge.
        let element = |at: &str| at.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok());
        all.extend(found.into_iter().filter(|found| found.wanted.is_some() || element(&found.at)));
    }
    all
}

/// Writes the world with these accounts for `aws.py`.
fn world_file(folder: &Path, name: &str, accounts: &Value) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, described(accounts).to_string()).unwrap();
    file
}

#[tokio::test]
#[ignore = "needs moto: run tests/run"]
async fn the_lab_answers_for_aws_as_documented() {
    let parts = world().await;
    let folder = parts.new_folder("contract-aws");
    let hub = parts.session(&format!("arn:aws:iam::{MOTO_MANAGEMENT}:role/rolecall-hub"), "hub").await;
    let file = world_file(&folder, "moto.json", &json!({"management": MOTO_MANAGEMENT}));
    let of_moto = ask(&parts.moto_url, &hub, file, &["--make"]).await;

    let (lab, hub, accounts) = lab_world::start(&described(&json!({})));
    let of_lab = ask(lab.url(), &hub, world_file(&folder, "lab.json", &accounts), &[]).await;
    contract::verdict(differences("moto", &of_moto, &of_lab), "aws", "wanted");
}

#[tokio::test]
#[ignore = "needs ministack: run tests/run"]
async fn the_lab_answers_for_access_entries_as_documented() {
    let parts = world().await;
    let ministack = parts.ministack().await;
    let folder = parts.new_folder("contract-entries");
    let hub = ministack.session(parts, "arn:aws:iam::999700000001:role/rolecall-hub", "hub").await;
    let given = json!({"management": "999700000001", "checkout": "999700000002", "payments": "999700000003"});
    let of_ministack =
        ask(&ministack.url, &hub, world_file(&folder, "ministack.json", &given), &["--make", "--entries"]).await;

    let (lab, hub, accounts) = lab_world::start(&described(&json!({})));
    let of_lab = ask(lab.url(), &hub, world_file(&folder, "lab.json", &accounts), &["--entries"]).await;
    contract::verdict(differences("ministack", &of_ministack, &of_lab), "entries", "wanted");
}
