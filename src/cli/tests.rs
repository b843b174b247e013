//! The command line as it is read.

use clap::{CommandFactory as _, Parser as _};

use super::args::{Cli, Command, Output};

fn parse(words: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once(&"rolecall").chain(words))
}

#[test]
fn the_definition_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_examples_and_a_word_about_itself() {
    for command in Cli::command().get_subcommands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(after.starts_with("EXAMPLES\n  rolecall "), "{}", command.get_name());
        assert!(command.get_about().is_some(), "{}", command.get_name());
    }
}

#[test]
fn examples_can_be_typed() {
    for command in Cli::command().get_subcommands() {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = after.lines().filter_map(|line| line.strip_prefix("  rolecall"));
        for example in examples.flat_map(|line| line.split("&& rolecall")) {
            let words: Vec<&str> =
                example.split_whitespace().take_while(|word| !["#", "|", ">", "&&"].contains(word)).collect();
            assert!(parse(&words).is_ok(), "rolecall {}", words.join(" "));
        }
    }
}

#[test]
fn options_of_every_command_stand_before_or_after_it() {
    let before = parse(&["--settings", "a.yaml", "--output", "json", "plan"]).unwrap();
    let after = parse(&["plan", "--settings", "a.yaml", "-o", "json"]).unwrap();
    for cli in [before, after] {
        assert_eq!(cli.global.settings.to_str(), Some("a.yaml"));
        assert_eq!(cli.global.output, Output::Json);
        assert!(matches!(cli.command, Command::Plan(_)));
    }
}

#[test]
fn a_plan_file_and_repair_exclude_each_other() {
    assert!(parse(&["sync", "--plan", "plan.json"]).is_ok());
    assert!(parse(&["sync", "--repair"]).is_ok());
    assert!(parse(&["sync", "--plan", "plan.json", "--repair"]).is_err());
}

#[test]
fn wrong_use_is_an_error_and_help_is_none() {
    let run = |words: &[&str]| super::run(std::iter::once(&"rolecall").chain(words).map(Into::into));
    assert_eq!(run(&["--no-such-flag"]), 2);
    assert_eq!(run(&["no-such-command"]), 2);
    assert_eq!(run(&["--version"]), 0);
    assert_eq!(run(&["plan", "--help"]), 0);
    assert_eq!(run(&["--settings", "/no/such/rolecall.yaml", "plan"]), 2);
}

#[test]
fn the_settings_and_policy_of_the_manifests_are_valid() {
    let manifest: serde_json::Value =
        serde_yaml::from_str(include_str!("../../deploy/kubernetes/configmap.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in manifest["data"].as_object().unwrap() {
        std::fs::write(folder.path().join(name), text.as_str().unwrap()).unwrap();
    }
    let loaded = crate::fleet::load(&folder.path().join("rolecall.yaml"), "2026-11-22".parse().unwrap());
    assert!(loaded.inputs.is_some() && loaded.diagnostics.is_empty(), "{}", loaded.render(false));
    let web = loaded.inputs.unwrap().settings.web.unwrap();
    assert_eq!(web.listen.to_string(), "0.0.0.0:8080");
}
