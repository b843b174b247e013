//! The commands as a shell sees them: exit codes, what goes where, and outputs that go away.

use std::{
    path::Path,
    process::{Output, Stdio},
};

use super::support::fleet::rolecall;

const POLICY: &str = "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\ngroups:\n  - {name: ops, clusterRoles: [view]}\naccess:\n  - {who: {role: ops}, groups: [ops]}\n";
const SETTINGS: &str = "apiVersion: rolecall.dev/v1\nkind: Settings\norganization: {memberRole: rolecall-member, regions: [eu-west-1]}\npolicy: [policy.yaml]\n";

fn folder(settings: &str, policy: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rolecall.yaml"), settings).unwrap();
    std::fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    folder
}

#[track_caller]
fn run(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = rolecall(folder).args(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
    (stdout, stderr)
}

#[test]
fn what_is_wrong_in_settings_and_policy_is_said_at_once() {
    let folder = folder(&format!("{SETTINGS}colour: red\n"), &format!("{POLICY}shape: round\n"));
    let (_, stderr) = run(folder.path(), &["validate"], 2);
    assert!(stderr.contains("rolecall.yaml:5:1") && stderr.contains("colour"), "{stderr}");
    assert!(stderr.contains("policy.yaml:7:1") && stderr.contains("shape"), "{stderr}");
}

#[test]
fn valid_files_are_said_to_be_valid() {
    let folder = folder(SETTINGS, POLICY);
    let (stdout, stderr) = run(folder.path(), &["validate"], 0);
    assert_eq!((stdout.as_str(), stderr.as_str()), ("rolecall.yaml and 1 policy file are valid.\n", ""));
}

#[test]
fn every_error_is_told_at_its_place() {
    let policy = POLICY.replace("name: ops", "nam: ops").replace("groups: [ops]", "group: [ops]");
    let (stdout, stderr) = run(folder(SETTINGS, &policy).path(), &["validate"], 2);
    assert!(stdout.starts_with("Not valid: "), "{stdout}");
    assert!(stderr.contains("policy.yaml:4:") && stderr.contains("policy.yaml:6:"), "{stderr}");
    let folder = folder(&format!("{SETTINGS}mod: enforce\n"), POLICY);
    let (stdout, _) = run(folder.path(), &["validate", "--output", "json"], 2);
    let verdict: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(verdict["valid"], false);
    let first = &verdict["diagnostics"][0];
    assert_eq!((&first["file"], &first["line"], &first["column"]), (&"rolecall.yaml".into(), &5.into(), &1.into()));
}

#[test]
fn no_command_starts_with_files_that_are_not_valid() {
    let folder = folder(SETTINGS, "kind: AccessPolicy\n");
    for command in ["discover", "plan", "sync", "report", "run"] {
        let (stdout, stderr) = run(folder.path(), &[command], 2);
        assert_eq!(stdout, "");
        assert!(stderr.contains("policy.yaml"), "{stderr}");
    }
}

#[test]
fn sync_writes_only_where_the_settings_say_so() {
    let folder = folder(SETTINGS, POLICY);
    let (_, stderr) = run(folder.path(), &["sync"], 2);
    assert!(stderr.contains("mode: enforce"), "{stderr}");
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let folder = folder(&format!("{SETTINGS}mode: enforce\n"), POLICY);
    let (_, stderr) = run(folder.path(), &["sync", "--plan", "policy.yaml"], 2);
    assert!(stderr.contains("policy.yaml is not a plan that can be carried out: it is not JSON"), "{stderr}");
}

#[test]
fn schemas_are_json_schemas_and_completions_name_the_commands() {
    let folder = folder(SETTINGS, POLICY);
    for of in ["settings", "policy"] {
        let (stdout, _) = run(folder.path(), &["schema", of], 0);
        let schema: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert!(schema["properties"]["apiVersion"].is_object(), "{stdout}");
    }
    let (stdout, _) = run(folder.path(), &["completions", "bash"], 0);
    assert!(stdout.contains("discover"), "{stdout}");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder(SETTINGS, POLICY);
    let mut child = rolecall(folder.path())
        .args(["schema", "policy"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}
