//! What becomes of each row.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    authenticator::{self, Resolved, Row, SectionReading, folded},
    model::{
        Arn, AuthenticationMode, EntriesState, Fate, Gives, Identity, Lookup, Observed, ObservedEntry, PolicyGrant,
        RowMove, STANDARD, Section,
    },
    plan::{entries::bare, guards},
};

use super::{Context, as_written, expressible, gives, is_bridged, principal};

/// What is judged of the row that counts for a principal.
struct Verdict {
    fate: Fate,
    principal: Option<String>,
    entry: Option<Gives>,
    why: String,
    next: Option<String>,
    needed: bool,
}

impl Verdict {
    fn new(fate: Fate, needed: bool, why: impl Into<String>) -> Self {
        Self { fate, principal: None, entry: None, why: why.into(), next: None, needed }
    }

    fn next(self, next: &str) -> Self {
        Self { next: Some(next.to_owned()), ..self }
    }

    fn of_entry(self, entry: &ObservedEntry) -> Self {
        Self { principal: Some(entry.principal.clone()), entry: Some(gives(entry)), ..self }
    }
}

/// Judges every row, in the order of the sections.
pub(super) fn judge(context: &Context<'_>) -> Vec<RowMove> {
    let counting = guards::principals(&context.reading);
    let mut verdicts: BTreeMap<String, Verdict> = BTreeMap::new();
    for (key, resolved) in &counting {
        let verdict = match resolved.section {
            Section::Accounts => Verdict::new(Fate::Stays, true, "no access entry stands for a whole account")
                .next("name the roles and users of the account that need access"),
            _ => counting_row(context, key, resolved),
        };
        verdicts.insert(key.clone(), verdict);
    }
    let mut all = Vec::new();
    for section in Section::ALL {
        let SectionReading::Read(read) = context.reading.section(section) else { continue };
        for row in &read.rows {
            let key = if section == Section::Accounts { row.arn.clone() } else { folded(&row.arn) };
            let (Some(verdict), Some(resolved)) = (verdicts.get(&key), counting.get(&key)) else { continue };
            all.push(told(context, section, row, resolved, verdict));
        }
    }
    all
}

fn told(context: &Context<'_>, section: Section, row: &Row, counting: &Resolved, verdict: &Verdict) -> RowMove {
    let counts = counting.section == section && counting.index == row.index;
    let why = if counts {
        verdict.why.clone()
    } else {
        let with = if verdict.fate.is_open() { ", with which it goes" } else { "" };
        format!("has no effect: item {} of {} counts{with}", counting.index + 1, counting.section)
    };
    let owned = context.owned.as_ref().map(|owned| owned.section(section));
    RowMove {
        section,
        index: row.index,
        arn: row.arn.clone(),
        row: expressible::known(&sorted(&row.username, &row.groups), account(&row.arn)),
        ours: owned.is_some_and(|owned| owned.keys().any(|arn| folded(arn) == folded(&row.arn))),
        node: authenticator::is_node_row(&row.groups),
        fate: verdict.fate,
        principal: verdict.principal.clone(),
        entry: verdict.entry.clone().filter(|_| counts),
        why,
        next: verdict.next.clone().filter(|_| counts),
        needed: verdict.needed && counts,
    }
}

fn sorted(username: &str, groups: &[String]) -> Gives {
    let mut groups = groups.to_vec();
    groups.sort();
    groups.dedup();
    Gives { username: username.to_owned(), groups, policies: Vec::new() }
}

/// Judges the row that counts for a principal, who is given in small letters.
fn counting_row(context: &Context<'_>, key: &str, row: &Resolved) -> Verdict {
    if let Some(why) = authenticator::never_matches(row.section, key) {
        return Verdict::new(Fate::Stays, false, format!("lets nobody in: {why}")).next("correct it or delete it");
    }
    let entries = match &context.state.entries {
        Observed::Known(entries) => entries.as_ref(),
        Observed::Unknown(why) => {
            return Verdict::new(Fate::Unknown, true, format!("the access entries could not be read: {why}"));
        }
    };
    let unread = |entries: &EntriesState| entries.unread.iter().find(|unread| bare(&unread.principal) == key).cloned();
    if let Some(unread) = entries.and_then(unread) {
        return Verdict::new(Fate::Unknown, true, format!("its access entry could not be read: {}", unread.why));
    }
    let entry = context.entries.get(key).copied();
    if let Some(verdict) = of_nodes(entry, row) {
        return verdict;
    }
    let wanted = expressible::known(&sorted(&row.username, &row.groups), account(key));
    match entry {
        Some(entry) => with_entry(context, key, row, &wanted, entry),
        None => without_entry(context, key, row, &wanted),
    }
}

fn account(key: &str) -> &str {
    key.split(':').nth(4).unwrap_or_default()
}

/// Rows and entries of nodes: EKS makes the entries of managed node groups and Fargate profiles itself.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>.
fn of_nodes(entry: Option<&ObservedEntry>, row: &Resolved) -> Option<Verdict> {
    match entry {
        Some(entry) if entry.kind != STANDARD => {
            let why = format!("its access entry of type {} is there already; the row is left to nodes", entry.kind);
            Some(Verdict { principal: Some(entry.principal.clone()), ..Verdict::new(Fate::Stays, false, why) })
        }
        None if authenticator::is_node_row(&row.groups) => {
            let why =
                "it lets nodes join: EKS makes the access entries of managed node groups and Fargate profiles itself";
            let next =
                "for self-managed nodes make one of type EC2_LINUX or EC2_WINDOWS (`aws eks create-access-entry`)";
            Some(Verdict::new(Fate::Stays, true, why).next(next))
        }
        _ => None,
    }
}

/// Why the row is not to move, if it is not.
fn protected(context: &Context<'_>, key: &str) -> Option<(String, &'static str)> {
    if context.protection.is_own(key) {
        let why = "it is rolecall's own way in".to_owned();
        return (!context.rules.include_own).then_some((why, "move it too with `--include-own`"));
    }
    let why = context.protection.of(key)?;
    Some((why, "make its access entry by hand, or take it out of `protect` for the migration"))
}

fn with_entry(context: &Context<'_>, key: &str, row: &Resolved, wanted: &Gives, entry: &ObservedEntry) -> Verdict {
    if entry.policies.is_none() {
        return Verdict::new(Fate::Unknown, true, "the access policies of its access entry were not read");
    }
    let there = Verdict::new(Fate::Stays, false, "").of_entry(entry);
    let identity = match identity(context, row) {
        Ok(identity) => identity,
        Err(lost) => return Verdict { fate: lost.fate, why: lost.why, next: lost.next, needed: lost.needed, ..there },
    };
    if let Some(made) = identity.and_then(|identity| identity.created).filter(|created| *created > entry.created) {
        let why = format!(
            "its access entry lets nobody in: it holds for the principal that bore the ARN before {}",
            made.strftime("%Y-%m-%d %H:%M:%S UTC")
        );
        let next = "`rolecall sync` heals the access entries of the policy; delete one that is not rolecall's by hand";
        return Verdict { why, needed: true, ..there }.next(next);
    }
    let given = gives(entry);
    if !given.same_as(wanted) {
        let why = format!("has no effect: its access entry counts and gives {}", words(&given));
        let next = "delete the row or the access entry, whichever is not meant";
        return Verdict { fate: Fate::Shadowed, why, ..there }.next(next);
    }
    if let Some((why, next)) = protected(context, key) {
        return Verdict { why: format!("{why}; its access entry gives the same"), ..there }.next(next);
    }
    let more = beyond(&given.policies);
    if is_bridged(entry) {
        let why = "its access entry is being given the policy for administrators in place of system:masters".to_owned();
        return Verdict { fate: Fate::Settles, why, ..there };
    }
    match context.settles(entry) {
        Some(until) => Verdict { fate: Fate::Settles, why: settling(until), ..there },
        None => Verdict { fate: Fate::Goes, why: format!("row and access entry give the same{more}"), ..there },
    }
}

fn settling(until: Timestamp) -> String {
    format!("row and access entry give the same; the entry is settled at {}", until.strftime("%H:%M:%S UTC"))
}

fn beyond(policies: &[PolicyGrant]) -> String {
    if policies.is_empty() {
        return String::new();
    }
    let names: Vec<String> = policies.iter().map(ToString::to_string).collect();
    format!(", the entry beyond it {}", names.join("; "))
}

fn without_entry(context: &Context<'_>, key: &str, row: &Resolved, wanted: &Gives) -> Verdict {
    if let Some((why, next)) = protected(context, key) {
        return Verdict::new(Fate::Stays, true, why).next(next);
    }
    let fault = |why: String| Verdict::new(Fate::Stays, true, why).next("change what the row gives, or let it stay");
    let named: Option<Arn> = key.parse().ok();
    if let Some(why) = named.as_ref().and_then(expressible::principal_fault).or_else(|| expressible::fault(wanted)) {
        return fault(why);
    }
    let identity = match identity(context, row) {
        Ok(identity) => identity,
        Err(lost) => return *lost,
    };
    let arn = match identity {
        Some(identity) => identity.arn.clone(),
        None => match as_written(&context.reading, row).parse() {
            Ok(arn) => arn,
            Err(_) => return fault("its ARN is not written as AWS writes ARNs".to_owned()),
        },
    };
    if let Some(why) = expressible::principal_fault(&arn) {
        return fault(why);
    }
    let outside = if identity.is_some() {
        ""
    } else {
        "; its account is not one of those that are walked, so that whether it exists, and under which path, is not known"
    };
    let why = if context.cluster.authentication_mode == AuthenticationMode::ConfigMap {
        format!("an access entry can give the same, once the cluster reads them{outside}")
    } else {
        format!("an access entry is made that gives the same{outside}")
    };
    let (principal, entry) = (Some(arn.to_string()), Some(wanted.clone()));
    Verdict { principal, entry, ..Verdict::new(Fate::Moves, true, why) }
}

/// The role or user as IAM tells of it; nothing where it lives outside of the organization.
fn identity<'a>(context: &'a Context<'_>, row: &Resolved) -> Result<Option<&'a Identity>, Box<Verdict>> {
    let Some(principal) = principal(row.section, &as_written(&context.reading, row)) else { return Ok(None) };
    let unknown = |why: &str| Verdict::new(Fate::Unknown, true, why);
    Err(Box::new(match context.identities.found.get(&principal) {
        Some(Lookup::Found(found)) => match found.as_slice() {
            [one] => return Ok(Some(one)),
            _ => unknown("IAM does not tell which one it is"),
        },
        Some(Lookup::Outside) => return Ok(None),
        Some(Lookup::Missing) => {
            let why =
                "lets nobody in: there is no such role or user in its account, and EKS takes no access entry for it";
            Verdict::new(Fate::Stays, false, why).next("delete the row")
        }
        Some(Lookup::Unknown(why) | Lookup::Elsewhere(why)) => {
            unknown(&format!("whether it exists cannot be told: {why}"))
        }
        None => unknown("whether it exists was not looked up"),
    }))
}

/// What is given, in words.
pub(super) fn words(gives: &Gives) -> String {
    let all: Vec<String> = gives.groups.iter().cloned().chain(gives.policies.iter().map(ToString::to_string)).collect();
    let all = if all.is_empty() { "no groups".to_owned() } else { all.join(", ") };
    format!("{all} as {}", gives.username)
}
