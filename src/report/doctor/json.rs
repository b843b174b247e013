//! The diagnosis for machines. Within one `schemaVersion` fields are only added.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    groups::{Group, State, groups},
    paste::{Paste, pastes},
    words,
};
use crate::{
    model::{AccountId, Cause, Checked, Diagnosis, KubernetesRight, Need, Part, Region},
    report::json::print,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    schema_version: u32,
    /// `fine`, `missing` or `untold`: the exit codes 0, 1 and 3.
    result: &'static str,
    organization: Option<&'a str>,
    /// Who the hub is.
    hub: Option<&'a str>,
    mode: &'static str,
    /// How many checks came out how.
    counts: BTreeMap<&'static str, usize>,
    /// Needs that came out alike in the same places; those that are fine or not needed only with `--all`.
    checks: Vec<CheckEntry<'a>>,
    paste: Vec<PasteEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckEntry<'a> {
    part: Part,
    /// `missing`, `untold`, `advice`, `fine` or `not-needed`.
    state: &'static str,
    needs: Vec<NeedEntry>,
    cause: Option<Cause>,
    /// What happened at the first of the places.
    why: Option<&'a str>,
    next: Option<&'a str>,
    places: Vec<PlaceEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum NeedEntry {
    /// An IAM action.
    Action { action: &'static str },
    /// A right in the cluster.
    Right(KubernetesRight),
    /// Anything else.
    Other { name: &'static str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlaceEntry<'a> {
    account: Option<&'a str>,
    account_name: Option<&'a str>,
    region: Option<&'a str>,
    cluster: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasteEntry<'a> {
    kind: &'static str,
    to_do: &'a str,
    notes: &'a [String],
    places: Vec<PlaceEntry<'a>>,
    text: &'a str,
}

pub(super) fn render(diagnosis: &Diagnosis, all: bool) -> String {
    let mut counts = BTreeMap::new();
    for verdict in diagnosis.verdicts() {
        *counts.entry(verdict.as_str()).or_default() += 1;
    }
    let (groups, pastes) = (groups(diagnosis, all), pastes(diagnosis));
    print(&Report {
        schema_version: 1,
        result: words::result(diagnosis),
        organization: diagnosis.organization.as_deref(),
        hub: diagnosis.hub.as_deref(),
        mode: if diagnosis.enforce { "enforce" } else { "report" },
        counts,
        checks: groups.iter().map(check).collect(),
        paste: pastes.iter().map(paste).collect(),
    })
}

fn check<'a>(group: &Group<'a>) -> CheckEntry<'a> {
    let state = match group.state {
        State::Missing => "missing",
        State::Untold => "untold",
        State::Advice => "advice",
        State::Fine => "fine",
        State::NotNeeded => "not-needed",
    };
    CheckEntry {
        part: group.part,
        state,
        needs: group.needs.iter().map(need).collect(),
        cause: group.cause(),
        why: group.told.map(|told| told.what.as_str()).or(group.spared),
        next: group.told.and_then(|told| told.next.as_deref()),
        places: group.places.iter().map(|checked| place(checked)).collect(),
    }
}

fn need(need: &Need) -> NeedEntry {
    let other = |name| NeedEntry::Other { name };
    match *need {
        Need::Credentials => other("credentials"),
        Need::HubRole => other("hub-role"),
        Need::Accounts => other("accounts"),
        Need::Clusters => other("clusters"),
        Need::HubAction(action) | Need::MemberAction(action) => NeedEntry::Action { action },
        Need::MemberRole => NeedEntry::Action { action: "sts:AssumeRole" },
        Need::Reach => other("reach"),
        Need::SignIn => other("sign-in"),
        Need::Right(right) => NeedEntry::Right(right),
        Need::OwnEntry => other("own-access-entry"),
    }
}

fn place(checked: &Checked) -> PlaceEntry<'_> {
    let place = &checked.place;
    PlaceEntry {
        account: place.account.as_ref().map(AccountId::as_str),
        account_name: place.account_name.as_deref(),
        region: place.region.as_ref().map(Region::as_str),
        cluster: place.cluster.as_deref(),
    }
}

fn paste<'a>(paste: &'a Paste<'a>) -> PasteEntry<'a> {
    let places = paste.places.iter().map(|checked| place(checked)).collect();
    PasteEntry { kind: paste.kind, to_do: &paste.to_do, notes: &paste.notes, places, text: &paste.text }
}
