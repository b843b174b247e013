//! What a plan may not do, however it came about.

use std::collections::BTreeMap;

use crate::{
    authenticator::{self, Reading, Resolved},
    model::{Action, Arn, ArnPattern, Guard, PlanRules},
};

use super::{
    draft::{Pending, listed},
    protection::Protection,
};

/// Blocks a plan that removes more than it may.
pub(super) fn max_removals(pending: &[Pending], most: usize) -> Option<Guard> {
    let removals: usize = pending.iter().map(Pending::removals).sum();
    if removals <= most {
        return None;
    }
    let names: Vec<String> = pending
        .iter()
        .filter(|pending| pending.removals() > 0)
        .flat_map(|pending| &pending.changes)
        .filter(|change| change.action == Action::Remove)
        .map(|change| change.subject.to_string())
        .collect();
    Some(Guard {
        name: "max-removals".to_owned(),
        message: format!(
            "{removals} removals are planned for this cluster where {most} are allowed in one pass: {}",
            listed(&names, 5)
        ),
        next: "look at the removals; if they are meant, raise `safety.maxRemovalsPerCluster`".to_owned(),
    })
}

/// Blocks a plan after which rolecall, a protected principal or a node would get in otherwise than before. Whoever did
/// not get in before may.
pub(super) fn access(
    before: &Reading,
    after: &Reading,
    protection: &Protection<'_>,
    rules: &PlanRules,
) -> Option<Guard> {
    own_access(before, after, rules).or_else(|| protected(before, after, protection, rules))
}

fn own_access(before: &Reading, after: &Reading, rules: &PlanRules) -> Option<Guard> {
    let own = rules.own_principal.as_deref()?;
    let (was, now) = moved(before, after, own)?;
    Some(Guard {
        name: "own-access".to_owned(),
        message: format!("rolecall's own way in, {own}, would change: {was} → {now}"),
        next:
            "keep rolecall's own principal out of what changes, or give it an access entry and change the row by hand"
                .to_owned(),
    })
}

fn protected(before: &Reading, after: &Reading, protection: &Protection<'_>, rules: &PlanRules) -> Option<Guard> {
    let now = principals(after);
    let rows = principals(before).into_iter().filter_map(|(arn, was)| {
        let is = now.get(&arn);
        let same = is.is_some_and(|is| equal(&was, is));
        (!same).then(|| (protection.row(&arn, &was.groups), arn, words(Some(&was)), words(is)))
    });
    let mut broken: Vec<(String, String, String, String)> =
        rows.filter_map(|(why, arn, was, is)| Some((arn, why?, was, is))).collect();
    // Those who get in through their account are in no row: what names exactly one principal can still be asked for.
    let exact = rules.protect.iter().map(ArnPattern::as_str).filter(|arn| !arn.contains(['*', '?']));
    broken.extend(exact.filter_map(|arn| {
        let (was, is) = moved(before, after, arn)?;
        Some((arn.to_owned(), format!("it is protected by `{arn}`"), was, is))
    }));
    let (arn, why, was, is) = broken.into_iter().next()?;
    Some(Guard {
        name: "protected".to_owned(),
        message: format!("{arn} would change, though {why}: {was} → {is}"),
        next: "change the policy so that it leaves this principal alone".to_owned(),
    })
}

/// What every principal gets, from whichever section; an account's id and an ARN are never the same text.
pub(super) fn principals(reading: &Reading) -> BTreeMap<String, Resolved> {
    authenticator::effective(reading).into_iter().map(|((_, arn), resolved)| (arn, resolved)).collect()
}

/// What a principal got and would get, in words, when it got in before and the two differ.
fn moved(before: &Reading, after: &Reading, arn: &str) -> Option<(String, String)> {
    let arn: Arn = arn.parse().ok()?;
    let canonical = authenticator::canonical_arn(&arn.without_role_path().to_string()).ok()?;
    let was = authenticator::resolve(before, &canonical, &arn.account)?;
    let now = authenticator::resolve(after, &canonical, &arn.account);
    let same = now.as_ref().is_some_and(|now| equal(&was, now));
    (!same).then(|| (words(Some(&was)), words(now.as_ref())))
}

/// Whether two give the same username and groups.
pub(super) fn equal(one: &Resolved, other: &Resolved) -> bool {
    let sorted = |groups: &[String]| {
        let mut groups = groups.to_vec();
        groups.sort();
        groups.dedup();
        groups
    };
    one.username == other.username && (one.groups == other.groups || sorted(&one.groups) == sorted(&other.groups))
}

fn words(resolved: Option<&Resolved>) -> String {
    match resolved {
        None => "nothing".to_owned(),
        Some(resolved) if resolved.groups.is_empty() => format!("no groups as {}", resolved.username),
        Some(resolved) => format!("{} as {}", resolved.groups.join(", "), resolved.username),
    }
}
