//! The diagnosis for people at a terminal.

use super::{
    groups::{Group, State, counts, groups},
    paste::{Paste, pastes},
    words,
};
use crate::{
    model::{Diagnosis, Part},
    report::{
        View,
        text::{BOLD, DIM, GREEN, Line, PLAIN, RED, YELLOW, count, padded},
    },
};

/// The columns of the state.
const STATE: usize = 12;

pub(super) fn render(diagnosis: &Diagnosis, all: bool, view: &View) -> String {
    let mut out = String::new();
    let mut line = |line: Line| line.render(view.width, view.color, &mut out);
    line(Line::new(0).with(BOLD, words::title(diagnosis)));
    let groups = groups(diagnosis, all);
    for part in [Part::Hub, Part::Account, Part::Cluster] {
        if !diagnosis.checked.iter().any(|checked| checked.part == part) {
            continue;
        }
        line(Line::new(0));
        let hub = diagnosis.hub.as_ref().filter(|_| part == Part::Hub);
        line(
            Line::new(0)
                .with(BOLD, words::heading(part))
                .with(DIM, hub.map_or(String::new(), |hub| format!("  {hub}"))),
        );
        for group in groups.iter().filter(|group| group.part == part) {
            lines(group, diagnosis).into_iter().for_each(&mut line);
        }
        line(Line::new(2).with(PLAIN, words::tally(&counts(diagnosis, part))));
    }
    let pastes = pastes(diagnosis);
    if !pastes.is_empty() {
        line(Line::new(0));
        line(Line::new(0).with(BOLD, "Ready to paste"));
    }
    for (at, paste) in pastes.iter().enumerate() {
        line(Line::new(0));
        heading(at + 1, paste).into_iter().for_each(&mut line);
        paste.text.lines().map(|text| Line::new(0).solid(PLAIN, text)).for_each(&mut line);
    }
    line(Line::new(0));
    line(Line::new(0).with(PLAIN, words::closing(diagnosis)));
    out
}

fn lines(group: &Group<'_>, diagnosis: &Diagnosis) -> Vec<Line> {
    let style = match group.state {
        State::Missing => RED,
        State::Untold | State::Advice => YELLOW,
        State::Fine => GREEN,
        State::NotNeeded => DIM,
    };
    let under = || Line::new(2 + STATE).hanging(4 + STATE);
    let mut first = Line::new(2)
        .hanging(4 + STATE)
        .solid(style, padded(group.state.words(), STATE))
        .with(BOLD, words::needs(&group.needs));
    if let Some(where_) = words::where_(group, diagnosis) {
        first = first.with(PLAIN, format!("  {where_}"));
    }
    let mut lines = vec![first];
    if group.part != Part::Hub && group.state < State::Fine {
        lines.push(under().with(PLAIN, words::first_places(&group.places)));
    }
    lines.extend(words::what(group).map(|what| under().with(DIM, what)));
    let next = group.told.and_then(|told| told.next.as_ref());
    lines.extend(next.map(|next| under().with(PLAIN, format!("→ {next}"))));
    lines.extend(group.spared.map(|why| under().with(DIM, why)));
    lines
}

/// What to do, where, and what there is to know, each as a comment.
fn heading(number: usize, paste: &Paste<'_>) -> Vec<Line> {
    let comment = |text: &str| Line::new(0).hanging(0).with(DIM, format!("# {text}"));
    let mut lines = vec![Line::new(0).with(BOLD, format!("{number}. {}:", paste.to_do))];
    let of = paste.places.first().map_or("account", |checked| match checked.part {
        Part::Cluster => "cluster",
        Part::Hub | Part::Account => "account",
    });
    if !paste.places.iter().all(|checked| checked.part == Part::Hub) {
        let here = count(paste.places.len(), of);
        lines.push(comment(&format!("{here}: {}", words::places_to_paste(&paste.places))));
    }
    for note in &paste.notes {
        lines.extend(note.lines().map(|line| Line::new(0).solid(DIM, format!("# {line}"))));
    }
    lines
}
