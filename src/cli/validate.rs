//! `rolecall validate`: settings and policy checked without touching AWS or any cluster.

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::{
    args::{Global, Output, ValidateArgs},
    terminal::Terminal,
};
use crate::{
    fleet::{self, Loaded},
    model::ExitCode,
    source::{Diagnostic, Severity},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verdict<'a> {
    schema_version: u32,
    valid: bool,
    diagnostics: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    severity: &'static str,
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    help: Option<&'a str>,
}

pub(super) fn validate(global: &Global, args: &ValidateArgs, terminal: &Terminal) -> Result<ExitCode> {
    let loaded = fleet::load(&global.settings, fleet::today());
    let valid = loaded.inputs.is_some();
    match global.output {
        Output::Json => terminal.print(&json(&loaded)?)?,
        Output::Markdown => terminal.print(&markdown(&loaded))?,
        Output::Table => {
            terminal.say(&loaded.render(terminal.error_color));
            terminal.print(&(verdict(&loaded) + "\n"))?;
        }
    }
    Ok(match (valid, args.strict && !loaded.diagnostics.is_empty()) {
        (false, _) => ExitCode::Error,
        (true, true) => ExitCode::Drift,
        (true, false) => ExitCode::InSync,
    })
}

/// `rolecall.yaml and 2 policy files are valid, with 1 warning.`
fn verdict(loaded: &Loaded) -> String {
    let number = |severity| loaded.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
    let count = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let (errors, warnings) = (number(Severity::Error), number(Severity::Warning));
    let warnings = match warnings {
        0 => String::new(),
        n => format!(", with {}", count(n, "warning")),
    };
    if loaded.inputs.is_none() {
        return format!("Not valid: {}{warnings}.", count(errors, "error"));
    }
    let settings = loaded.files.first().map_or("the settings", |file| file.name.as_str());
    let policies = count(loaded.files.len().saturating_sub(1), "policy file");
    format!("{settings} and {policies} are valid{warnings}.")
}

fn json(loaded: &Loaded) -> Result<String> {
    let diagnostics = loaded.diagnostics.sorted(&loaded.files);
    let entry = |diagnostic: &&'_ Diagnostic| -> Option<(usize, usize)> {
        let file = loaded.files.iter().find(|file| file.name == diagnostic.file)?;
        diagnostic.span.map(|span| file.position(span.start))
    };
    let entries = diagnostics.iter().map(|diagnostic| {
        let place = entry(diagnostic);
        Entry {
            severity: diagnostic.severity.as_str(),
            file: &diagnostic.file,
            line: place.map(|(line, _)| line),
            column: place.map(|(_, column)| column),
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
        }
    });
    let verdict = Verdict { schema_version: 1, valid: loaded.inputs.is_some(), diagnostics: entries.collect() };
    Ok(serde_json::to_string_pretty(&verdict).context("the verdict cannot be put into JSON")? + "\n")
}

fn markdown(loaded: &Loaded) -> String {
    let lines = loaded.diagnostics.one_lines(&loaded.files).join("\n");
    let verdict = verdict(loaded);
    if lines.is_empty() { format!("{verdict}\n") } else { format!("{verdict}\n\n~~~text\n{lines}\n~~~\n") }
}
