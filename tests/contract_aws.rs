//! The AWS half of the contract: boto3 asks moto and the lab the same, and AWS's own models judge the lab's answers.
//!
//! What is asked is in `tests/contract/aws.py` and its parts, with what AWS documents for each; what is there to ask
//! about is in `tests/contract/world.json`.

mod lab_world;

use std::{collections::BTreeMap, path::PathBuf, process::Command};

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

/// Has boto3 ask everything at this endpoint.
async fn ask(url: &str, hub: &Credentials, file: PathBuf, make: bool) -> Outcomes {
    let mut command = Command::new(python());
    command
        .env_clear()
        .arg("-B")
        .arg(contract::folder().join("aws.py"))
        .arg(url)
        .arg(file)
        .args(make.then_some("--make"))
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

/// Where the lab departs from moto, from what AWS documents, or from AWS's model; and where moto itself departs from what
/// AWS documents, so that its answer says nothing.
fn differences(moto: &Outcomes, lab: &Outcomes) -> Vec<Difference> {
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
    for case in moto.keys().filter(|case| !lab.contains_key(*case)) {
        tell(case, "asked", json!("an answer"), json!("not asked"));
    }
    for (case, of_moto) in moto.iter().filter(|(_, of_moto)| !of_moto.is_missing()) {
        if of_moto.word() != of_moto.documented.as_str() {
            tell(case, "moto", json!(of_moto.documented), of_moto.word());
        }
    }
    for (case, of_moto) in moto.iter().filter(|(_, of_moto)| of_moto.word() == of_moto.documented.as_str()) {
        let Some(of_lab) = lab.get(case) else { continue };
        let found = contract::differences(case, &json!(of_moto.outcome), &json!(of_lab.outcome));
        // moto leaves much out; of what only the lab tells, AWS's model was the judge.
        let element = |at: &str| at.rsplit('/').next().is_some_and(|last| last.parse::<usize>().is_ok());
        all.extend(found.into_iter().filter(|found| found.wanted.is_some() || element(&found.at)));
    }
    all
}

#[tokio::test]
#[ignore = "needs moto: run tests/run"]
async fn the_lab_answers_for_aws_as_documented() {
    let parts = world().await;
    let folder = parts.new_folder("contract-aws");
    let write = |name: &str, world: &Value| {
        let file = folder.join(name);
        std::fs::write(&file, world.to_string()).unwrap();
        file
    };
    let hub = parts.session(&format!("arn:aws:iam::{MOTO_MANAGEMENT}:role/rolecall-hub"), "hub").await;
    let file = write("moto.json", &described(&json!({"management": MOTO_MANAGEMENT})));
    let of_moto = ask(&parts.moto_url, &hub, file, true).await;

    let (lab, hub, accounts) = lab_world::start(&described(&json!({})));
    let file = write("lab.json", &described(&accounts));
    let of_lab = ask(lab.url(), &hub, file, false).await;
    contract::verdict(differences(&of_moto, &of_lab), "aws", "wanted");
}
