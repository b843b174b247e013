//! The command line as people and scripts meet it, without AWS and without clusters.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use assert_cmd::assert::OutputAssertExt as _;
use predicates::{prelude::*, str::contains};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::fleet::rolecall;

const COMMANDS: [&str; 11] =
    ["validate", "schema", "discover", "plan", "sync", "report", "migrate", "run", "demo", "lab", "completions"];

const SETTINGS: &str = "\
apiVersion: rolecall.dev/v1
kind: Settings
organization:
  memberRole: rolecall-member
  regions: [eu-west-1]
policy: [policies]
";

const POLICY: &str = "\
apiVersion: rolecall.dev/v1
kind: AccessPolicy
groups:
  - name: admins
    clusterRoles: [cluster-admin]
access:
  - who: {role: eks-admin}
    groups: [admins]
";

/// A folder with settings, and policy files by these names and contents.
fn folder(settings: &str, policies: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rolecall.yaml"), settings).unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    for (name, content) in policies {
        fs::write(folder.path().join("policies").join(name), content).unwrap();
    }
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = rolecall(folder);
    command.args(arguments);
    command
}

/// The command in a world without any credentials.
fn without_credentials(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_CONFIG_FILE", "/dev/null").env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    command
}

fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn a_directory_of_policy_files_is_valid() {
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes()), ("notes.txt", b"\xff"), (".hidden.yaml", b"\xff")]);
    let valid = contains("rolecall.yaml and 1 policy file are valid.");
    command(folder.path(), &["validate"]).assert().code(0).stdout(valid).stderr("");
    let json = command(folder.path(), &["--output", "json", "validate"]).assert().code(0).get_output().stdout.clone();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!((&json["valid"], &json["diagnostics"]), (&Value::Bool(true), &Value::Array(Vec::new())));
}

#[test]
fn the_commented_examples_are_valid() {
    command(&checkout("config"), &["validate"]).assert().code(0).stdout(contains("are valid"));
}

#[test]
fn everything_that_is_wrong_in_a_directory_is_said_at_once_with_its_place() {
    let twice = POLICY.replace("access:\n", "access:\n  - {who: {role: x}, groups: [admins], groups: [b]}\n");
    let folder = folder(
        SETTINGS,
        &[
            ("a.yaml", POLICY.replace("groups: [admins]", "group: [admins]").as_bytes()),
            ("b.yaml", twice.as_bytes()),
            ("c.yaml", b""),
            ("d.yaml", b"kind: caf\xe9\n"),
            ("e.yaml", b"\xff\xfea\x00"),
            ("f.yml", b"access: [\n"),
        ],
    );
    let said = command(folder.path(), &["validate"]).assert().code(2).stdout(contains("Not valid: "));
    let said = String::from_utf8(said.get_output().stderr.clone()).unwrap();
    for (place, words) in [
        ("policies/a.yaml:8:5", "unknown key `group`"),
        ("policies/b.yaml:7:40", "the key `groups` is given twice"),
        ("policies/c.yaml", "the file is empty"),
        ("policies/d.yaml", "not UTF-8: byte 0xE9 at offset 9, on line 1"),
        ("policies/e.yaml", "UTF-16, not UTF-8"),
        ("policies/f.yml:1:9", "this `[` is never closed"),
    ] {
        assert!(said.contains(place) && said.contains(words), "{place}: {words} is missing in\n{said}");
    }
    let json = command(folder.path(), &["-o", "json", "validate"]).assert().code(2).get_output().stdout.clone();
    let json: Value = serde_json::from_slice(&json).unwrap();
    let unknown = json["diagnostics"].as_array().unwrap().iter().find(|d| d["file"] == "policies/a.yaml").unwrap();
    assert_eq!((&unknown["line"], &unknown["column"]), (&8.into(), &5.into()), "{unknown}");
    assert!(unknown["help"].as_str().unwrap().contains("groups"), "{unknown}");
}

#[test]
fn every_error_of_the_settings_is_said_at_once() {
    let wrong = format!("{SETTINGS}mode: enforced\nschedule: {{cron: \"* * * * *\"}}\nbogus: 1\n");
    let folder = folder(&wrong, &[("a.yaml", POLICY.as_bytes())]);
    let place = |place: &str, words: &str| contains(format!("rolecall.yaml:{place}")).and(contains(words));
    command(folder.path(), &["validate"])
        .assert()
        .code(2)
        .stderr(place("7:7", "did you mean `enforce`?"))
        .stderr(place("8:", "with the second first: \"0 * * * * *\""))
        .stderr(place("9:1", "unknown key `bogus`"));
}

#[test]
fn warnings_fail_a_strict_check_alone() {
    let nobody = POLICY.replace("groups: [admins]", "groups: [nobody-bound]");
    let folder = folder(SETTINGS, &[("a.yaml", nobody.as_bytes())]);
    command(folder.path(), &["validate"]).assert().code(0).stderr(contains("warning"));
    command(folder.path(), &["validate", "--strict"]).assert().code(1).stderr(contains("warning"));
}

#[test]
fn settings_that_are_not_there_are_asked_for() {
    let empty = tempfile::tempdir().unwrap();
    for name in ["validate", "discover", "plan", "sync", "report", "run"] {
        let asked = contains("cannot read rolecall.yaml").and(contains("--settings FILE or ROLECALL_SETTINGS"));
        command(empty.path(), &[name]).assert().code(2).stderr(asked);
    }
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes())]);
    let settings = folder.path().join("rolecall.yaml");
    command(empty.path(), &["validate"]).env("ROLECALL_SETTINGS", settings).assert().code(0);
}

#[test]
fn the_schemas_fit_the_commented_examples() {
    for (of, example) in [("settings", "config/rolecall.yaml"), ("policy", "config/policy.yaml")] {
        let printed = command(Path::new("/"), &["schema", of]).assert().code(0).get_output().stdout.clone();
        let schema: Value = serde_json::from_slice(&printed).unwrap();
        jsonschema::meta::validate(&schema).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mut example: Value = serde_yaml::from_str(&fs::read_to_string(checkout(example)).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{of}: {errors:?}");
        example["bogus"] = Value::Null;
        assert!(!validator.is_valid(&example), "{of}: a key that nobody knows");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for (shell, sign) in
        [("bash", "complete -F _rolecall"), ("zsh", "#compdef rolecall"), ("fish", "complete -c rolecall")]
    {
        let script = command(Path::new("/"), &["completions", shell]).assert().code(0);
        let script = script.stdout(contains(sign));
        for name in COMMANDS {
            assert!(String::from_utf8_lossy(&script.get_output().stdout).contains(name), "{shell}: {name}");
        }
    }
}

#[test]
fn help_has_examples_and_what_is_not_known_is_an_error() {
    for name in COMMANDS {
        let shown = contains("EXAMPLES\n  rolecall ").and(contains(format!("rolecall {name}")));
        command(Path::new("/"), &[name, "--help"]).assert().code(0).stdout(shown).stderr("");
    }
    command(Path::new("/"), &["--help"]).assert().code(0).stdout(contains("EXIT CODES"));
    command(Path::new("/"), &["plan", "--dif"]).assert().code(2).stderr(contains("--diff")).stdout("");
    command(Path::new("/"), &["plam"]).assert().code(2).stderr(contains("plan"));
    command(Path::new("/"), &[]).assert().code(2).stderr(contains("Usage: rolecall"));
    command(Path::new("/"), &["--version"]).assert().code(0).stdout(contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_credentials_it_is_said_where_they_were_looked_for() {
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes())]);
    for name in ["discover", "plan", "report"] {
        let said = contains("credentials").and(contains("Environment")).and(contains("Profile"));
        let next = contains("→ Give rolecall credentials").and(contains("AWS_PROFILE"));
        without_credentials(folder.path(), &[name]).assert().code(2).stdout("").stderr(said.and(next));
    }
}

#[test]
fn an_endpoint_that_refuses_is_an_error_that_names_what_was_asked() {
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes())]);
    let mut plan = without_credentials(folder.path(), &["plan"]);
    plan.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI");
    // Nothing can listen on port 0, so every connection is refused.
    plan.env("AWS_ENDPOINT_URL", "http://127.0.0.1:0").env("AWS_REGION", "eu-west-1");
    let said = contains("GetCallerIdentity did not reach AWS").and(contains("AWS_ENDPOINT_URL"));
    plan.assert().code(2).stdout("").stderr(said.and(contains("wJalrXUtnFEMI").not()));
}

#[test]
fn what_is_wrong_in_settings_and_policy_is_said_at_once() {
    let policy = format!("{POLICY}shape: round\n");
    let folder = folder(&format!("{SETTINGS}colour: red\n"), &[("team.yaml", policy.as_bytes())]);
    let places = contains("rolecall.yaml:7:1").and(contains("colour"));
    let places = places.and(contains("team.yaml:9:1")).and(contains("shape"));
    command(folder.path(), &["validate"]).assert().code(2).stderr(places);
}

#[test]
fn no_command_starts_with_files_that_are_not_valid() {
    let folder = folder(SETTINGS, &[("team.yaml", b"kind: AccessPolicy\n")]);
    for name in ["discover", "plan", "sync", "report", "run"] {
        command(folder.path(), &[name]).assert().code(2).stdout("").stderr(contains("team.yaml"));
    }
}

#[test]
fn a_file_that_is_no_plan_is_refused() {
    let folder = folder(&format!("{SETTINGS}mode: enforce\n"), &[("team.yaml", POLICY.as_bytes())]);
    let words = contains("policies/team.yaml is not a plan that can be carried out: it is not JSON");
    command(folder.path(), &["sync", "--plan", "policies/team.yaml"]).assert().code(2).stderr(words);
}

#[test]
fn sync_needs_leave_to_write() {
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes())]);
    without_credentials(folder.path(), &["sync"]).assert().code(2).stderr(contains("mode: enforce"));
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    let folder = folder(&format!("{SETTINGS}bogus: 1\n"), &[]);
    let escape = || contains("\u{1b}[");
    command(folder.path(), &["validate"]).assert().stderr(escape().not());
    command(folder.path(), &["--color", "always", "validate"]).assert().stderr(escape());
    command(folder.path(), &["validate"]).env("NO_COLOR", "1").assert().stderr(escape().not());
}

/// Starts a command and closes the end at which its output would be read.
fn unread(mut command: Command) -> Child {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    child
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes())]);
    for arguments in [&["schema", "settings"][..], &["completions", "bash"], &["validate"], &["plan", "--help"]] {
        let mut child = unread(command(folder.path(), arguments));
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_log_that_nobody_reads_ends_nothing() {
    let folder = folder(SETTINGS, &[("a.yaml", POLICY.as_bytes())]);
    for arguments in [&["-vvv", "discover"][..], &["-vvv", "run"], &["--log-format", "json", "-vvv", "discover"]] {
        let mut command = without_credentials(folder.path(), arguments);
        if arguments.contains(&"run") {
            command.env("ROLECALL_SETTINGS", "missing.yaml");
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        assert_eq!(child.wait().unwrap().code(), Some(2), "{arguments:?}: the error's code, not a panic's");
    }
}

#[test]
fn json_logs_are_json_to_the_last_word() {
    let folder = folder(&format!("{SETTINGS}bogus: 1\n"), &[]);
    let ended = command(folder.path(), &["--log-format", "json", "run"]).assert().code(2);
    let said = String::from_utf8(ended.get_output().stderr.clone()).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said = |words: &str| lines.iter().any(|line| line["message"].as_str().unwrap().contains(words));
    assert!(said("rolecall.yaml:7:1: error: unknown key `bogus`") && said("not valid"), "{lines:?}");
}
