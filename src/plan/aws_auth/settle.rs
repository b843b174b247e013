//! From what was decided to the writes of aws-auth.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    authenticator::{self, Reading},
    model::{
        AwsAuth, AwsAuthPrecondition, AwsAuthText, Change, Cluster, Finding, FindingCode, PlanRules, Section, Surface,
        Write,
    },
    plan::{
        draft::{Part, Pending},
        guards,
        ownership::Owned,
        protection::Protection,
    },
};

use super::{
    base::{Base, BrokenSection},
    broken::{self, Fixed},
    decide::{Decisions, Edits},
    losses::Losses,
    write,
};

/// The document after each of its two writes, and what they do.
struct Outcome {
    first: BTreeMap<String, String>,
    last: BTreeMap<String, String>,
    /// The repairs, each a change of a whole section.
    repairs: Vec<Change>,
    repaired: BTreeSet<Section>,
}

/// Makes the writes, or tells why there are none.
pub(super) fn settle(
    cluster: &Cluster,
    stored: Option<&AwsAuth>,
    base: &Base,
    protection: &Protection<'_>,
    rules: &PlanRules,
    mut decisions: Decisions<'_>,
) -> Part {
    if base.broken.is_empty() && decisions.edits.is_empty() && decisions.owned == base.owned {
        return Part::only(decisions.findings);
    }
    let outcome = texts(cluster, stored, base, protection, rules, &mut decisions);
    let mut part = Part::default();
    let writes_data = stored.map_or(!outcome.last.is_empty() || !outcome.first.is_empty(), |stored| {
        outcome.first != stored.data || outcome.last != stored.data
    });
    if writes_data {
        let (before, first) = (base.live(), authenticator::read(&outcome.first));
        let (was, now) = (guards::principals(before), guards::principals(&first));
        // Most plans take nothing away, so that the first of the two writes is the last.
        let last = (outcome.last != outcome.first).then(|| authenticator::read(&outcome.last));
        let finally = last.as_ref().map(guards::principals);
        let finally = finally.as_ref().unwrap_or(&now);
        let verified = write::verify(&was, &now, &decisions, &outcome.repaired, false)
            .and_then(|()| write::verify(&was, finally, &decisions, &outcome.repaired, true));
        if let Err(finding) = verified {
            decisions.findings.push(*finding);
            return Part::only(decisions.findings);
        }
        let guard = |after: &Reading| guards::access(before, after, protection, rules);
        part.guard = guard(&first).or_else(|| guard(last.as_ref()?));
    }
    if let Err(finding) = writes(stored, base, outcome, &mut decisions, &mut part) {
        return Part::only(decisions.findings.into_iter().chain([*finding]).collect());
    }
    part.findings = decisions.findings;
    part
}

/// The texts of every section; what cannot be written is taken back from the decisions and told.
fn texts(
    cluster: &Cluster,
    stored: Option<&AwsAuth>,
    base: &Base,
    protection: &Protection<'_>,
    rules: &PlanRules,
    decisions: &mut Decisions<'_>,
) -> Outcome {
    let live = stored.map(|stored| stored.data.clone()).unwrap_or_default();
    let backup = if base.broken.is_empty() { String::new() } else { broken::backup_name(&live) };
    let mut outcome = Outcome { first: live.clone(), last: live, repairs: Vec::new(), repaired: BTreeSet::new() };
    for section in Section::ALL {
        let edits = decisions.edits.entry(section).or_default();
        let texts = write::texts(base, section, edits);
        let write = match (&texts, base.broken.get(&section)) {
            (Err(finding), None) => {
                decisions.findings.push(Finding::clone(finding));
                false
            }
            (Ok(_), None) => true,
            (texts, Some(broken)) => {
                let text = texts.as_ref().ok().and_then(|texts| texts.first.as_deref());
                let losses = |text| Losses::of(section, broken, text, protection);
                let fixed = text.map(|text| Fixed { text, losses: losses(text) });
                decisions.findings.push(broken::finding(cluster, section, broken, fixed.as_ref(), rules, &backup));
                let allowed = fixed.filter(|fixed| rules.repair && fixed.losses.forbidden.is_none());
                allowed.is_some_and(|fixed| repair(broken, section, &fixed, &mut outcome))
            }
        };
        match texts {
            Ok(texts) if write => {
                put(&mut outcome.first, section, texts.first);
                put(&mut outcome.last, section, texts.last);
            }
            _ => take_back(base, section, decisions),
        }
    }
    outcome
}

fn repair(broken: &BrokenSection, section: Section, fixed: &Fixed<'_>, outcome: &mut Outcome) -> bool {
    outcome.repairs.push(broken::change(broken, section, fixed));
    outcome.repaired.insert(section)
}

fn put(data: &mut BTreeMap<String, String>, section: Section, text: Option<String>) {
    if let Some(text) = text {
        data.insert(section.key().to_owned(), text);
    }
}

/// A section that is not written keeps its rows, their owners and its silence.
fn take_back(base: &Base, section: Section, decisions: &mut Decisions<'_>) {
    decisions.edits.insert(section, Edits::default());
    decisions.owned_mut(section).clone_from(base.owned.section(section));
    decisions.released.retain(|(released, _)| *released != section);
    decisions.promises.retain(|promise| promise.section != section);
}

/// The writes themselves: first what adds and changes, then what takes away.
fn writes(
    stored: Option<&AwsAuth>,
    base: &Base,
    outcome: Outcome,
    decisions: &mut Decisions<'_>,
    part: &mut Part,
) -> Result<(), Box<Finding>> {
    let mut changes = outcome.repairs;
    let mut removals = Vec::new();
    for edits in std::mem::take(&mut decisions.edits).into_values() {
        changes.extend(edits.first.into_iter().map(|(_, change)| change));
        removals.extend(edits.last.into_iter().map(|(_, change)| change));
    }
    let bookkeeping = base.owned_is_known && decisions.owned != base.owned;
    if changes.is_empty() && removals.is_empty() && !bookkeeping {
        return Ok(());
    }
    if stored.is_some_and(|stored| stored.immutable) {
        if let Some(finding) = immutable(changes.iter().chain(&removals)) {
            decisions.findings.push(finding);
        }
        part.guard = None;
        return Ok(());
    }
    let mut owned = base.owned_is_known.then(|| Owned::clone(&decisions.owned));
    let kept = text(stored, outcome.first, owned.as_ref())?;
    if let Some(owned) = &mut owned {
        for (section, arn) in &decisions.released {
            owned.section_mut(*section).remove(arn);
        }
    }
    let mut before = stored.map(AwsAuthText::from);
    let mut precondition = stored.map_or(AwsAuthPrecondition::Absent, |stored| AwsAuthPrecondition::At {
        uid: stored.uid.clone(),
        resource_version: stored.resource_version.clone(),
    });
    if let Some(stored) = stored.filter(|_| !outcome.repaired.is_empty()) {
        part.pending.push(broken::backup(broken::backup_name(&stored.data), &stored.data));
    }
    if !changes.is_empty() || removals.is_empty() {
        let write = Write::PutAwsAuth { precondition, before, after: kept.clone() };
        part.pending.push(Pending { write, changes, removes: false, counts: false });
        before = Some(kept);
        precondition = AwsAuthPrecondition::AfterPrevious;
    }
    if !removals.is_empty() {
        let write = Write::PutAwsAuth { precondition, before, after: text(stored, outcome.last, owned.as_ref())? };
        part.prune.push(Pending { write, changes: removals, removes: true, counts: true });
    }
    Ok(())
}

fn text(
    stored: Option<&AwsAuth>,
    data: BTreeMap<String, String>,
    owned: Option<&Owned>,
) -> Result<AwsAuthText, Box<Finding>> {
    let mut annotations = stored.map(|stored| stored.annotations.clone()).unwrap_or_default();
    let Some(owned) = owned else { return Ok(AwsAuthText { data, annotations }) };
    owned.write(&mut annotations).map_err(|error| {
        Box::new(write::differs(
            "aws-auth",
            &format!("the list of rolecall's rows could not be written down ({error})"),
        ))
    })?;
    Ok(AwsAuthText { data, annotations })
}

/// See <https://kubernetes.io/docs/concepts/configuration/configmap/#configmap-immutable>.
fn immutable<'c>(changes: impl Iterator<Item = &'c Change>) -> Option<Finding> {
    let undone = write::undone(changes);
    if undone.is_empty() {
        return None;
    }
    let message =
        format!("the ConfigMap kube-system/aws-auth is immutable: nothing in it can be changed. Left undone: {undone}");
    let finding = Finding::drift(FindingCode::CannotBeEdited, "aws-auth", message).on(Surface::AwsAuth);
    Some(finding.next("delete it and create it again without `immutable: true`, keeping its data"))
}
