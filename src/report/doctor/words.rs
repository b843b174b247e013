//! Needs and places in words.

use std::collections::BTreeMap;

use super::groups::{Group, State};
use crate::{
    model::{Checked, Diagnosis, ExitCode, Need, Part},
    report::text::count,
};

/// So many places are named with what is missing; the rest is counted.
const NAMED: usize = 5;
/// So many with what is pasted there; JSON names all.
const NAMED_TO_PASTE: usize = 30;

pub(super) fn title(diagnosis: &Diagnosis) -> String {
    let name = diagnosis.organization.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
    let of = |part| diagnosis.checked.iter().filter(|checked| checked.part == part).count();
    let mode = if diagnosis.enforce { "enforce" } else { "report" };
    let (accounts, clusters) = (count(of(Part::Account), "account"), count(of(Part::Cluster), "cluster"));
    format!("{name}{accounts}, {clusters}; mode: {mode}")
}

pub(super) fn heading(part: Part) -> &'static str {
    match part {
        Part::Hub => "Hub",
        Part::Account => "Accounts",
        Part::Cluster => "Clusters",
    }
}

/// The result as a machine reads it.
pub(super) fn result(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.exit_code() {
        ExitCode::InSync => "fine",
        ExitCode::Drift => "missing",
        ExitCode::Error => "error",
        ExitCode::Incomplete => "untold",
    }
}

/// A resource, an object's name and a namespace.
type Object<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

/// The needs; rights in clusters by their verbs: `create, patch of clusterroles, roles`.
pub(super) fn needs(needs: &[Need]) -> String {
    let mut by_object: BTreeMap<Object<'_>, Vec<&str>> = BTreeMap::new();
    let mut told: Vec<String> = Vec::new();
    for need in needs {
        match need {
            Need::Right(right) => {
                by_object.entry((right.resource, right.name, right.namespace)).or_default().push(right.verb);
            }
            other => told.push(other.to_string()),
        }
    }
    let mut by_verbs: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
    for ((resource, name, namespace), verbs) in by_object {
        let name = name.map(|name| format!(" {name}")).unwrap_or_default();
        let namespace = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
        by_verbs.entry(verbs).or_default().push(format!("{resource}{name}{namespace}"));
    }
    let rights = by_verbs.iter().map(|(verbs, objects)| format!("{} {}", verbs.join(", "), objects.join(", ")));
    let rights = rights.collect::<Vec<_>>().join("; ");
    told.extend(Some(rights).filter(|rights| !rights.is_empty()));
    told.join(", ")
}

/// `in 3 of 5 accounts`; nothing for the hub, which is one.
pub(super) fn where_(group: &Group<'_>, diagnosis: &Diagnosis) -> Option<String> {
    let one = match group.part {
        Part::Hub => return None,
        Part::Account => "account",
        Part::Cluster => "cluster",
    };
    let all = diagnosis.checked.iter().filter(|checked| checked.part == group.part).count();
    let here = group.places.len();
    Some(if here == all { format!("in {}", all_of(all, one)) } else { format!("in {here} of {}", count(all, one)) })
}

fn all_of(all: usize, one: &str) -> String {
    if all == 1 { format!("the {one}") } else { format!("all {}", count(all, one)) }
}

/// The first places by name, and how many there are beside.
pub(super) fn first_places(places: &[&Checked]) -> String {
    named(places, NAMED)
}

/// The places where something is to be pasted: by name as far as a person would read.
pub(super) fn places_to_paste(places: &[&Checked]) -> String {
    named(places, NAMED_TO_PASTE)
}

fn named(places: &[&Checked], most: usize) -> String {
    let names: Vec<String> = places.iter().take(most).map(|checked| checked.place.to_string()).collect();
    let more = places.len().saturating_sub(most);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", names.join(", "))
}

/// `52 checks are fine, 3 missing, 6 not needed`.
pub(super) fn tally(counts: &BTreeMap<State, usize>) -> String {
    let fine = counts.get(&State::Fine).copied().unwrap_or_default();
    let is = if fine == 1 { "is" } else { "are" };
    let mut told = vec![format!("{} {is} fine", count(fine, "check"))];
    for state in [State::Missing, State::Untold, State::Advice, State::NotNeeded] {
        if let Some(n) = counts.get(&state) {
            told.push(match state {
                State::Untold => format!("{n} cannot be told"),
                other => format!("{n} {}", other.words()),
            });
        }
    }
    told.join(", ")
}

/// What it comes down to, in a sentence.
pub(super) fn closing(diagnosis: &Diagnosis) -> &'static str {
    match diagnosis.exit_code() {
        ExitCode::Drift => "Something is missing. Paste what stands above, then run `rolecall doctor` again.",
        ExitCode::Incomplete => "Nothing is known to be missing, but not everything could be told.",
        _ => "rolecall has everything that it needs.",
    }
}

/// What happened, and that it is one of several where it is.
pub(super) fn what(group: &Group<'_>) -> Option<String> {
    let told = group.told?.what.lines().collect::<Vec<_>>().join(" ");
    let one = group.places.len() == 1 && group.needs.len() == 1;
    Some(if one { told } else { format!("for example: {told}") })
}
