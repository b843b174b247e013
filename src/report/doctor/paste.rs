//! What to paste where.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    access::{self, Subject},
    groups::State,
    iam,
};
use crate::model::{Cause, Checked, Diagnosis, Need, Part, Verdict};

/// One thing to paste.
#[derive(Debug)]
pub(super) struct Paste<'a> {
    /// What it is, for machines.
    pub(super) kind: &'static str,
    /// The language of the text, for Markdown.
    pub(super) language: &'static str,
    /// What to do with it.
    pub(super) to_do: String,
    /// What there is to know about it.
    pub(super) notes: Vec<String>,
    /// Where.
    pub(super) places: Vec<&'a Checked>,
    /// The thing itself.
    pub(super) text: String,
}

/// Everything to paste, in the order in which it helps.
pub(super) fn pastes(diagnosis: &Diagnosis) -> Vec<Paste<'_>> {
    let mut all = Vec::new();
    all.extend(hub_trust(diagnosis));
    all.extend(hub_policies(diagnosis));
    all.extend(member_trust(diagnosis));
    all.extend(member_policies(diagnosis));
    all.extend(ways_in(diagnosis));
    all.extend(manifests(diagnosis));
    all
}

/// The places where some check came out so.
fn places(diagnosis: &Diagnosis, is: impl Fn(&Need, &Verdict) -> bool) -> Vec<&Checked> {
    let any = |checked: &&Checked| checked.checks.iter().any(|(need, verdict)| is(need, verdict));
    diagnosis.checked.iter().filter(any).collect()
}

fn cause_is(verdict: &Verdict, cause: Cause) -> bool {
    verdict.told().is_some_and(|told| told.cause == cause)
}

fn is_missing(verdict: &Verdict, cause: Cause) -> bool {
    State::of(verdict) == State::Missing && cause_is(verdict, cause)
}

fn hub_trust(diagnosis: &Diagnosis) -> Option<Paste<'_>> {
    let places = places(diagnosis, |need, verdict| *need == Need::HubRole && is_missing(verdict, Cause::NotAllowed));
    (!places.is_empty()).then(|| Paste {
        kind: "hub-trust-policy",
        language: "json",
        to_do: "Make this the trust policy of the hub role".to_owned(),
        notes: external_id(diagnosis.hub_external_id, "HUB_EXTERNAL_ID", "organization.hub.externalId"),
        places,
        text: iam::hub_trust(diagnosis),
    })
}

fn external_id(is_set: bool, placeholder: &str, key: &str) -> Vec<String> {
    let note = format!("{placeholder} stands for the value of `{key}`, which is not shown");
    is_set.then_some(note).into_iter().collect()
}

/// Whether AWS says that it is the hub's own policies that do not allow it to assume the member role.
fn blames_the_hub(verdict: &Verdict) -> bool {
    verdict.told().is_some_and(|told| told.what.contains("identity-based policy"))
}

/// The policies of the hub, and of the roles that read the queue of events and Identity Center for it.
fn hub_policies(diagnosis: &Diagnosis) -> Vec<Paste<'_>> {
    let hubs = diagnosis.checked.iter().filter(|checked| checked.part == Part::Hub);
    hubs.flat_map(|checked| policies_of(diagnosis, checked)).collect()
}

fn policies_of<'d>(diagnosis: &'d Diagnosis, checked: &'d Checked) -> Vec<Paste<'d>> {
    let is_own = checked.checks.iter().any(|(need, _)| *need == Need::Credentials);
    let lacks = |(need, verdict): &(Need, Verdict)| match need {
        Need::HubAction(action) if is_missing(verdict, Cause::NotAllowed) => Some(*action),
        // What only this command calls: with it the rest can be told.
        Need::HubAction(action) if State::of(verdict) == State::Advice => Some(*action),
        _ => None,
    };
    let mut lacking: BTreeSet<&str> = checked.checks.iter().filter_map(lacks).collect();
    if is_own && cannot_assume(diagnosis) {
        lacking.insert("sts:AssumeRole");
    }
    let (center, of_hub): (BTreeSet<&str>, BTreeSet<&str>) =
        lacking.into_iter().partition(|action| action.starts_with("sso:") || action.starts_with("identitystore:"));
    let who = if is_own { diagnosis.hub.as_deref() } else { checked.principal.as_deref() };
    let whose = match (is_own, who) {
        (true, who) => format!("the hub, {}", who.unwrap_or("the hub role")),
        (false, who) => format!("the role {}", who.unwrap_or_default()),
    };
    let paste = |kind, text| Paste {
        kind,
        language: "json",
        to_do: format!("Add this to the policies of {whose}"),
        notes: Vec::new(),
        places: vec![checked],
        text,
    };
    let mut all = Vec::new();
    if !of_hub.is_empty() {
        all.push(paste("hub-policy", iam::hub_policy(diagnosis, who, &of_hub)));
    }
    if !center.is_empty() {
        all.push(paste("identity-center-policy", iam::center_policy(diagnosis, &center)));
    }
    all
}

/// Whether it is the hub's own policies that keep it from assuming the member role. A hub that gets into one account may
/// assume the role everywhere, as the policy is written.
fn cannot_assume(diagnosis: &Diagnosis) -> bool {
    let (mut accounts, mut refused, mut blamed) = (0, 0, false);
    for (need, verdict) in diagnosis.checked.iter().flat_map(|checked| &checked.checks) {
        if *need == Need::MemberRole {
            accounts += 1;
            refused += usize::from(is_missing(verdict, Cause::NotAllowed));
            blamed |= is_missing(verdict, Cause::NotAllowed) && blames_the_hub(verdict);
        }
    }
    blamed || (accounts > 0 && refused == accounts)
}

fn member_trust(diagnosis: &Diagnosis) -> Option<Paste<'_>> {
    let refused = |need: &Need, verdict: &Verdict| {
        *need == Need::MemberRole && is_missing(verdict, Cause::NotAllowed) && !blames_the_hub(verdict)
    };
    let places = places(diagnosis, refused);
    let role = &diagnosis.member_role;
    let mut notes = vec![format!("the role {role} has to exist, with deploy/iam/member-policy.json as its policy")];
    notes.extend(external_id(diagnosis.member_external_id, "MEMBER_EXTERNAL_ID", "organization.externalId"));
    (!places.is_empty()).then(|| Paste {
        kind: "member-trust-policy",
        language: "json",
        to_do: format!("Make this the trust policy of the role {role}"),
        notes,
        places,
        text: iam::member_trust(diagnosis),
    })
}

/// One policy for each set of actions that is missing somewhere.
fn member_policies(diagnosis: &Diagnosis) -> Vec<Paste<'_>> {
    let mut sets: BTreeMap<BTreeSet<&str>, Vec<&Checked>> = BTreeMap::new();
    for checked in &diagnosis.checked {
        let lacks = |(need, verdict): &(Need, Verdict)| match (need, verdict) {
            (Need::MemberAction(action), Verdict::Missing(told)) if told.cause == Cause::NotAllowed => Some(*action),
            // What only this command calls: with it the rest can be told.
            (Need::MemberAction(action), Verdict::Advice(_)) => Some(*action),
            _ => None,
        };
        let lacking: BTreeSet<&str> = checked.checks.iter().filter_map(lacks).collect();
        if !lacking.is_empty() {
            sets.entry(lacking).or_default().push(checked);
        }
    }
    let paste = |(actions, places): (BTreeSet<&str>, Vec<_>)| Paste {
        kind: "member-policy",
        language: "json",
        to_do: format!("Add this to the policies of the role {}", diagnosis.member_role),
        notes: Vec::new(),
        places,
        text: iam::member_policy(diagnosis, &actions),
    };
    sets.into_iter().map(paste).collect()
}

fn ways_in(diagnosis: &Diagnosis) -> Vec<Paste<'_>> {
    let of = |cause| places(diagnosis, |_, verdict| cause_is(verdict, cause));
    let mut all = Vec::new();
    let mut add = |kind, to_do: &str, notes: Vec<String>, places: Vec<_>, text: String| {
        if !places.is_empty() {
            all.push(Paste { kind, language: "sh", to_do: to_do.to_owned(), notes, places, text });
        }
    };
    let entries = of(Cause::UnknownToEntries);
    let text = access::entry_commands(diagnosis, &entries, false);
    let who = "with the credentials of somebody who may call eks:CreateAccessEntry in the account";
    add("access-entry", &format!("Let rolecall in by an access entry, {who}"), Vec::new(), entries, text);
    let dead = of(Cause::EntryWithoutEffect);
    let text = access::entry_commands(diagnosis, &dead, true);
    let note = "an entry is bound to the role that bore the ARN when it was made".to_owned();
    add("access-entry-anew", &format!("Make rolecall's access entry anew, {who}"), vec![note], dead, text);
    let rows = of(Cause::UnknownToAwsAuth);
    let notes = vec![
        format!("or add this row to mapRoles in kube-system/aws-auth by hand:\n{}", access::row(&rows)),
        format!(
            "or make the cluster read access entries too, which cannot be undone, and give rolecall one:\n{}{}",
            access::mode_commands(&rows),
            access::entry_commands(diagnosis, &rows, false)
        ),
    ];
    let text = access::row_commands(&rows);
    let to_do = "Let rolecall in by a row of aws-auth, as the cluster's creator or another administrator of it";
    add("aws-auth-row", to_do, notes, rows, text);
    let leaning = of(Cause::AwsAuthWhereEntries);
    let text = access::entry_commands(diagnosis, &leaning, false);
    let to_do = format!("Give rolecall a way in that outlives a broken aws-auth, {who}");
    add("own-access-entry", &to_do, Vec::new(), leaning, text);
    all
}

/// One manifest for each subject.
fn manifests(diagnosis: &Diagnosis) -> Vec<Paste<'_>> {
    let lacks = |need: &Need, verdict: &Verdict| matches!((need, verdict), (Need::Right(_), Verdict::Missing(_)));
    let mut subjects: BTreeMap<Subject, Vec<&Checked>> = BTreeMap::new();
    for checked in places(diagnosis, lacks) {
        subjects.entry(access::subject(checked)).or_default().push(checked);
    }
    subjects.into_iter().map(|(subject, places)| manifest(diagnosis, &subject, places)).collect()
}

fn manifest<'a>(diagnosis: &Diagnosis, subject: &Subject, places: Vec<&'a Checked>) -> Paste<'a> {
    let text = access::manifest(diagnosis, subject, &places);
    let placeholder = "in each cluster ACCOUNT is the id of its account".to_owned();
    let notes = if text.contains("ACCOUNT") { vec![placeholder] } else { Vec::new() };
    let to_do = "Apply this with `kubectl apply -f`, as an administrator of the cluster".to_owned();
    Paste { kind: "cluster-access", language: "yaml", to_do, notes, places, text }
}
