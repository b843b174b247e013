//! `rolecall import`: the policy that describes what the clusters have now.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::Path,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};

use super::{
    args::{Global, ImportArgs},
    inputs,
    progress::Bars,
    terminal::Terminal,
};
use crate::{
    fleet::{self, Import, Progress},
    model::ExitCode,
    policy::import::NoteKind,
};

/// How many of a kind are named without `--verbose`.
const NAMED: usize = 3;

pub(super) async fn import(global: &Global, args: &ImportArgs, terminal: &Terminal) -> Result<ExitCode> {
    let loaded = fleet::load_settings(&global.settings);
    if !loaded.diagnostics.is_empty() {
        terminal.say(&loaded.render(terminal.error_color));
    }
    let Some(inputs) = loaded.inputs.map(Arc::new) else { bail!("the settings are not valid: nothing was read") };
    if let Some(path) = args.out.as_deref().filter(|path| !args.force && path.exists()) {
        bail!("{} is there already: name another file, or overwrite it with --force", path.display());
    }
    let cancel = inputs::cancelled_by_signals()?;
    let hub = inputs::hub(&inputs).await?;
    let bars: Arc<dyn Progress> = Arc::new(Bars::new(&terminal.bars));
    let import = fleet::import(inputs, &hub, cancel, bars).await?;
    match &args.out {
        Some(path) => write(path, &import.text, args.force)?,
        None => terminal.print(&import.text)?,
    }
    terminal.say(&told(&import, args.out.as_deref(), global.verbose > 0));
    Ok(match (import.is_incomplete(), import.is_lacking()) {
        (true, _) => ExitCode::Incomplete,
        (false, true) => ExitCode::Drift,
        (false, false) => ExitCode::InSync,
    })
}

fn write(path: &Path, text: &str, force: bool) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let name = path.display();
    let mut file = options.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow::anyhow!("{name} is there already: name another file, or overwrite it with --force")
        }
        _ => anyhow::Error::from(error).context(format!("cannot write {name}")),
    })?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {name}"))
}

/// What is told beside the policy.
fn told(import: &Import, out: Option<&Path>, verbose: bool) -> String {
    let mut text = String::new();
    for finding in import.findings.iter().filter(|finding| finding.incomplete) {
        let _ = writeln!(text, "unknown: {}: {}", finding.place, finding.message);
        if let Some(next) = &finding.next {
            let _ = writeln!(text, "  → {next}");
        }
    }
    let kinds = [
        (NoteKind::Unknown, "could not be told"),
        (NoteKind::Inexpressible, "not in the policy, which has no words for it"),
        (NoteKind::Ineffective, "not in the policy, since it lets nobody in"),
        (NoteKind::LeftOut, "not in the policy, since it is not access of people"),
    ];
    for (kind, words) in kinds {
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for note in import.notes.iter().filter(|note| note.kind == kind) {
            reasons.entry(&note.why).or_default().push(format!("{} on {}", note.subject, note.cluster));
        }
        for (why, subjects) in reasons {
            let _ = writeln!(text, "{words}: {}: {why}", counted(subjects.len(), "item"));
            list(&mut text, &subjects, verbose);
        }
    }
    if !import.differing.is_empty() {
        let clusters = counted(import.differing.len(), "cluster");
        let _ = writeln!(text, "a plan under this policy would not be empty on {clusters}:");
        let what: Vec<String> = import
            .differing
            .iter()
            .flat_map(|one| one.what.iter().map(|what| format!("{}: {what}", one.cluster)))
            .collect();
        list(&mut text, &what, verbose);
    }
    let what = out.map_or_else(|| "the policy".to_owned(), |path| path.display().to_string());
    let (entries, clusters) = (counted(import.entries, "entry"), counted(import.clusters, "cluster"));
    let _ = writeln!(text, "{what}: {entries} that describe {clusters}.");
    text
}

fn list(text: &mut String, items: &[String], verbose: bool) {
    let shown = if verbose { items.len() } else { NAMED };
    for item in items.iter().take(shown) {
        let _ = writeln!(text, "  {item}");
    }
    if let Some(more) = items.len().checked_sub(shown).filter(|more| *more > 0) {
        let _ = writeln!(text, "  and {more} more; --verbose names them");
    }
}

fn counted(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}
