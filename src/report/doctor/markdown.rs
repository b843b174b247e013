//! The diagnosis for pull requests and chat.

use std::fmt::Write as _;

use super::{
    groups::{counts, groups},
    paste::pastes,
    words,
};
use crate::{
    model::{Diagnosis, Part},
    report::markdown::{fenced, prose},
};

pub(super) fn render(diagnosis: &Diagnosis, all: bool) -> String {
    let mut out = format!("### {}\n", prose(&words::title(diagnosis)));
    let groups = groups(diagnosis, all);
    for part in [Part::Hub, Part::Account, Part::Cluster] {
        if !diagnosis.checked.iter().any(|checked| checked.part == part) {
            continue;
        }
        let _ = writeln!(out, "\n#### {}\n", words::heading(part));
        for group in groups.iter().filter(|group| group.part == part) {
            let (state, needs) = (group.state.words(), prose(&words::needs(&group.needs)));
            let _ = write!(out, "- **{state}** {needs}");
            if let Some(where_) = words::where_(group, diagnosis) {
                let _ = write!(out, " {where_}: {}", prose(&words::first_places(&group.places)));
            }
            if let Some(what) = words::what(group).or(group.spared.map(str::to_owned)) {
                let _ = write!(out, "  \n  {}", prose(&what));
            }
            if let Some(next) = group.told.and_then(|told| told.next.as_ref()) {
                let _ = write!(out, "  \n  → {}", prose(next));
            }
            out.push('\n');
        }
        let _ = writeln!(out, "\n{}", words::tally(&counts(diagnosis, part)));
    }
    for (at, paste) in pastes(diagnosis).iter().enumerate() {
        let hub = paste.places.iter().all(|checked| checked.part == Part::Hub);
        let places = if hub { String::new() } else { format!(": {}", prose(&words::places_to_paste(&paste.places))) };
        let _ = writeln!(
            out,
            "
{}. {}{places}
",
            at + 1,
            prose(&paste.to_do)
        );
        for note in &paste.notes {
            let mut lines = note.lines();
            let _ = writeln!(out, "{}\n", prose(lines.next().unwrap_or_default()));
            let rest: Vec<&str> = lines.collect();
            if !rest.is_empty() {
                fenced(&mut out, "", &(rest.join("\n") + "\n"));
            }
        }
        fenced(&mut out, paste.language, &paste.text);
    }
    let _ = writeln!(out, "\n{}", words::closing(diagnosis));
    out
}
