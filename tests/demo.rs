//! `rolecall demo` and `rolecall lab` as people meet them: as processes, looked at from outside.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use assert_cmd::assert::OutputAssertExt as _;
use predicates::{prelude::*, str::contains};
use tempfile::TempDir;

use crate::support::fleet::rolecall;

const SMALL: [&str; 4] = ["--accounts", "8", "--clusters", "12"];

/// The command, with a directory of its own for what it makes.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = rolecall(folder);
    command.args(arguments).env("TMPDIR", folder).env("PATH", std::env::var_os("PATH").unwrap());
    // What leads elsewhere in the person's environment does not lead the demo astray.
    command.env("AWS_PROFILE", "production").env("HTTPS_PROXY", "http://127.0.0.1:1").env("AWS_REGION", "cn-north-1");
    command
}

fn once(folder: &Path, more: &[&str]) -> Output {
    let arguments: Vec<&str> = ["demo", "--once"].iter().chain(&SMALL).chain(more).copied().collect();
    command(folder, &arguments).output().unwrap()
}

/// The report without what no seed decides: durations and the moments of changes.
fn without_times(text: &str) -> String {
    let masked = text.split(' ').map(|word| {
        let time = word.trim_end_matches(|c: char| !c.is_ascii_digit());
        let is_time = time.contains(['-', ':', '.']) && time.chars().all(|c| c.is_ascii_digit() || "-:.".contains(c));
        if is_time { "TIME".to_owned() } else { word.to_owned() }
    });
    masked.collect::<Vec<_>>().join(" ")
}

/// Nothing that the process made is left in its directory.
#[track_caller]
fn is_clean(folder: &TempDir) {
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// The processes that work in a directory or below.
fn inhabitants(folder: &Path) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
    let inside =
        processes.filter(|process| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)));
    inside.map(|process| fs::read_to_string(process.join("cmdline")).unwrap_or_default()).collect()
}

fn eventually(what: &str, mut ask: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !ask() {
        assert!(Instant::now() < deadline, "within 60 s there was no {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_demo_shows_drift_corrects_it_and_ends_in_sync() {
    let folder = tempfile::tempdir().unwrap();
    let shown = once(folder.path(), &[]);
    let (text, log) = (String::from_utf8(shown.stdout).unwrap(), String::from_utf8(shown.stderr).unwrap());
    assert_eq!(shown.status.code(), Some(0), "{text}\n{log}");
    let mut rest = text.as_str();
    for words in [
        "8 accounts with 12 EKS clusters in 3 regions",
        "$ rolecall plan",
        "Roll call of o-",
        "drifted",
        "Nothing was changed (plan); `rolecall sync` would make",
        "$ rolecall sync --repair",
        "applied",
        "were written.",
        "$ rolecall report",
        "in sync 12",
        "All 12 clusters are in sync with the policy.",
        "The organization and its files are gone.",
    ] {
        rest =
            rest.split_once(words).unwrap_or_else(|| panic!("{words:?} is not where it should be in\n{text}\n{log}")).1;
    }
    assert_eq!(log, "", "{text}");
    is_clean(&folder);
}

#[test]
fn the_same_seed_shows_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |seed| without_times(&String::from_utf8(once(folder.path(), &["--seed", seed]).stdout).unwrap());
    let one = shown("5");
    assert!(one.contains("TIME") && one.contains("(seed 5)"), "{one}");
    assert_eq!(one, shown("5"));
    assert_ne!(one.replace("(seed 5)", ""), shown("6").replace("(seed 6)", ""));
}

/// Starts the demo and reads what it says until these words.
fn until(folder: &Path, arguments: &[&str], words: &str) -> (Child, String, BufReader<std::process::ChildStdout>) {
    let mut child = command(folder, arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains(words) {
        assert!(lines.read_line(&mut said).unwrap() > 0, "it ended without saying {words:?}:\n{said}");
    }
    (child, said, lines)
}

#[test]
fn it_ends_cleanly_whenever_it_is_told_to() {
    let daemon: Vec<&str> = ["demo"].iter().chain(&SMALL).copied().collect();
    for (words, name) in [("of 8 accounts", "INT"), ("$ rolecall plan", "TERM"), ("$ rolecall sync", "INT")] {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, _, mut lines) = until(folder.path(), &daemon, words);
        signal(&child, name);
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words}: {rest}");
        assert!(rest.ends_with("Stopped: rolecall has ended, the organization and its files are gone.\n"), "{rest}");
        is_clean(&folder);
        assert_eq!(inhabitants(folder.path()), Vec::<String>::new());
    }
}

#[test]
fn the_daemon_corrects_what_trickles_in_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let daemon: Vec<&str> = ["demo"].iter().chain(&SMALL).copied().collect();
    let (mut child, said, mut lines) = until(folder.path(), &daemon, "corrected");
    assert!(said.contains("in sync") && said.contains("drift "), "{said}");
    let port: u16 = said.split_once("http://127.0.0.1:").unwrap().1.split_once('/').unwrap().0.parse().unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok());
    signal(&child, "INT");
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest}");
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    is_clean(&folder);
    assert_eq!(inhabitants(folder.path()), Vec::<String>::new());
}

#[test]
fn not_even_a_killed_demo_leaves_a_daemon_behind() {
    let folder = tempfile::tempdir().unwrap();
    let daemon: Vec<&str> = ["demo"].iter().chain(&SMALL).copied().collect();
    let (mut child, _, _) = until(folder.path(), &daemon, "after the daemon's first pass");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("end of the daemon", || inhabitants(folder.path()).iter().all(|command| !command.contains("rolecall")));
}

#[test]
fn a_reader_that_goes_away_ends_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let daemon: Vec<&str> = ["demo"].iter().chain(&SMALL).copied().collect();
    let (mut child, _, lines) = until(folder.path(), &daemon, "$ rolecall plan");
    drop(lines);
    eventually("end", || child.try_wait().unwrap().is_some());
    is_clean(&folder);
}

#[test]
fn what_cannot_be_is_refused_in_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let port = taken.local_addr().unwrap().port().to_string();
    for (arguments, words) in [
        (&["demo", "--accounts", "0"][..], "0 is not in 4..=5000"),
        (&["demo", "--clusters", "10000000"], "10000000 is not in 1..=10000"),
        (&["demo", "--clusters", "-1"], "unexpected argument '-1'"),
        (&["demo", "--seed", "x"], "--seed"),
        (&["demo", "--bogus"], "--bogus"),
        (&["demo", "--once", "--listen", "127.0.0.1:1"], "cannot be used with"),
        (&["demo", "--listen", "8080"], "invalid socket address"),
        (&["demo", "--listen", &address], "cannot listen on"),
        (&["demo", "--accounts", "4", "--clusters", "5000"], "too many for 4 accounts"),
        (&["lab", "--latency", "40"], "with its unit"),
        (&["lab", "--port", &port], "cannot listen on"),
        (&["lab", "--drift", "much"], "demo"),
    ] {
        command(folder.path(), arguments).assert().code(2).stdout("").stderr(contains(words));
        is_clean(&folder);
    }
}

#[test]
fn the_lab_serves_whoever_takes_its_variables() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("lab");
    let arguments: Vec<&str> = ["lab", "--drift", "none", "--dir", "lab"].iter().chain(&SMALL).copied().collect();
    let mut lab = command(folder.path(), &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("lab/env", || place.join("env").exists());
    let mut plan = Command::new("sh");
    plan.args(["-c", ". lab/env && exec \"$0\" plan", env!("CARGO_BIN_EXE_rolecall")]).current_dir(folder.path());
    let in_sync = contains("All 12 clusters are in sync").and(contains("Nothing was changed (plan)."));
    // Nothing is taken over either: it is as rolecall itself leaves it.
    plan.assert().code(0).stdout(in_sync.and(contains("noted as rolecall's").not()));
    signal(&lab, "INT");
    assert_eq!(lab.wait().unwrap().code(), Some(0));
    assert!(!place.join("env").exists() && place.join("rolecall.yaml").exists());
}
