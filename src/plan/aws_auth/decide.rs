//! What is to be added and changed for the rows that the policy wants.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet, HashSet},
    rc::Rc,
};

use crate::{
    authenticator::{self, Row},
    model::{Action, Change, ChangedBy, Finding, FindingCode, Section, Surface, Unmanaged},
    plan::{
        held_back,
        ownership::Owned,
        protection::{Protection, normalized},
        splice::Edit,
    },
};

use super::{
    base::{Base, Key},
    wanted::{Wanted, content, folded, same_groups, subject},
};

/// The edits of one section.
#[derive(Default)]
pub(super) struct Edits {
    /// What adds and changes.
    pub(super) first: Vec<(Edit, Change)>,
    /// What takes away: rows that go, and rows that give up something for something else.
    pub(super) last: Vec<(Edit, Change)>,
}

/// A wanted row that will stand as wanted, and where.
pub(super) struct Promise {
    pub(super) key: Key,
    pub(super) username: String,
    pub(super) groups: Vec<String>,
    /// Whether it holds only after what takes away.
    pub(super) late: bool,
}

/// What was decided, section by section.
pub(super) struct Decisions {
    pub(super) edits: BTreeMap<Section, Edits>,
    /// The rows that are ours after what adds and changes.
    pub(super) owned: Rc<Owned>,
    /// The rows that are no longer ours after what takes away.
    pub(super) released: Vec<(Section, String)>,
    pub(super) promises: Vec<Promise>,
    /// The rows of the policy, whether they are touched or not.
    pub(super) named: HashSet<Key>,
    /// The rows that never matched and are replaced, by their position.
    pub(super) replaced: BTreeSet<(Section, usize)>,
    /// ARNs that never matched anybody and give way to the right ones.
    pub(super) given_up: BTreeSet<String>,
    pub(super) findings: Vec<Finding>,
}

impl Decisions {
    pub(super) fn new(owned: Rc<Owned>, findings: Vec<Finding>) -> Self {
        Self {
            edits: BTreeMap::new(),
            owned,
            released: Vec::new(),
            promises: Vec::new(),
            named: HashSet::new(),
            replaced: BTreeSet::new(),
            given_up: BTreeSet::new(),
            findings,
        }
    }

    /// The rows of a section that are ours, to be changed.
    pub(super) fn owned_mut(&mut self, section: Section) -> &mut BTreeMap<String, Option<String>> {
        Rc::make_mut(&mut self.owned).section_mut(section)
    }

    pub(super) fn edits(&mut self, section: Section) -> &mut Edits {
        self.edits.entry(section).or_default()
    }
}

/// What every decision looks at.
pub(super) struct Context<'a> {
    pub(super) base: &'a Base,
    pub(super) protection: &'a Protection<'a>,
    pub(super) unmanaged: Unmanaged,
    /// Why rows that lean on RBAC have to wait.
    pub(super) waits: &'a [String],
    pub(super) changed_by: Option<ChangedBy>,
}

/// Decides about every wanted row.
pub(super) fn decide(context: &Context<'_>, wanted: &[Wanted<'_>], decisions: &mut Decisions) {
    // Most passes find every row where it shall be and never ask for these.
    let strays = LazyCell::new(|| strays(context.base));
    for wanted in wanted {
        match context.base.effective_of(wanted.section, &wanted.key) {
            Some((key, counting)) => present(context, wanted, &key, counting, decisions),
            None => absent(context, wanted, strays.get(&wanted.key), decisions),
        }
    }
}

/// Rows that never match anybody, by the principal that was meant.
fn strays(base: &Base) -> BTreeMap<String, Vec<(Section, &Row)>> {
    let mut strays: BTreeMap<String, Vec<(Section, &Row)>> = BTreeMap::new();
    for section in [Section::Roles, Section::Users] {
        for row in base.section(section) {
            if authenticator::never_matches(section, &row.arn).is_some() {
                strays.entry(normalized(&row.arn)).or_default().push((section, row));
            }
        }
    }
    strays
}

fn present(context: &Context<'_>, wanted: &Wanted<'_>, key: &Key, counting: &Row, decisions: &mut Decisions) {
    decisions.named.insert(key.clone());
    let differing = differing(context.base, wanted, key, counting);
    if differing.is_empty() {
        promise(wanted, key.clone(), false, decisions);
        own(context, wanted, key, decisions);
        return;
    }
    let protected = context.protection.row(&wanted.arn, &counting.groups);
    let protected = protected.or_else(|| wanted.node.then(|| "a node's row is added, never changed".to_owned()));
    if let Some(why) = protected {
        decisions.findings.push(differs_but_protected(wanted, key, counting, &why));
        return;
    }
    let late = differing.iter().any(|row| leans_on_rbac(wanted, row));
    for row in differing {
        let reason = match (row.username == wanted.username, same_groups(wanted.groups, &row.groups)) {
            (true, _) => "groups differ",
            (false, true) => "username differs",
            (false, false) => "username and groups differ",
        };
        let change = replacement(context, wanted, key.0, row, reason.to_owned());
        if late && !context.waits.is_empty() {
            decisions.findings.push(held_back(&change, context.waits));
            return;
        }
        let edits = decisions.edits(key.0);
        let edits = if late { &mut edits.last } else { &mut edits.first };
        edits.push((Edit::Replace { index: row.index, row: wanted.row() }, change));
    }
    promise(wanted, key.clone(), late, decisions);
    own(context, wanted, key, decisions);
}

/// Whether the row gives up a name or a group for another that is worth only what RBAC binds to it: until the bindings
/// stand, whoever gets in by it would lose what he can do.
fn leans_on_rbac(wanted: &Wanted<'_>, row: &Row) -> bool {
    let renamed = row.username != wanted.username;
    let loses = row.groups.iter().any(|group| !wanted.groups.contains(group));
    let gains = wanted.groups.iter().any(|group| group != "system:masters" && !row.groups.contains(group));
    renamed || (loses && gains)
}

/// The rows to correct: the one that counts, and among users every other spelling of the ARN, since between two
/// spellings of one user the authenticator's choice is left to chance.
fn differing<'b>(base: &'b Base, wanted: &Wanted<'_>, key: &Key, counting: &'b Row) -> Vec<&'b Row> {
    let met = |row: &Row| wanted.is_met_by(&row.username, &row.groups);
    // A row that is replaced is spelled as the policy spells it.
    let spelling = if met(counting) { &counting.arn } else { &wanted.arn };
    let beside = |row: &&Row| key.0 == Section::Users && row.arn != *spelling && row.index != counting.index;
    let others = base.rows(key).filter(beside).filter(|row| !authenticator::is_node_row(&row.groups));
    others.chain([counting]).filter(|row| !met(row)).collect()
}

fn absent(
    context: &Context<'_>,
    wanted: &Wanted<'_>,
    strays: Option<&Vec<(Section, &Row)>>,
    decisions: &mut Decisions,
) {
    let key = (wanted.section, wanted.key.clone());
    let was_ours = context.base.owned_key(&key).is_some();
    let free = !wanted.node && context.protection.of(&wanted.arn).is_none();
    let mut replaced = false;
    for &(section, row) in strays.into_iter().flatten() {
        let stray = (section, folded(&row.arn));
        let ours = was_ours || context.base.owned_key(&stray).is_some();
        let why = authenticator::never_matches(section, &row.arn).unwrap_or_default();
        let untouched = authenticator::is_node_row(&row.groups);
        if ours && free && !replaced && !untouched && section == wanted.section {
            let change = replacement(context, wanted, section, row, format!("never matches: {why}"));
            decisions.edits(section).first.push((Edit::Replace { index: row.index, row: wanted.row() }, change));
            if let Some(old) = context.base.owned_key(&stray) {
                decisions.owned_mut(section).remove(old);
            }
            decisions.given_up.insert(stray.1);
            decisions.replaced.insert((section, row.index));
            replaced = true;
        } else if context.unmanaged == Unmanaged::Keep {
            // Otherwise it is told, or removed, with the other rows that the policy does not name.
            decisions.findings.push(never_matches(section, row, &why));
        }
    }
    if !replaced {
        let change = Change {
            surface: Surface::AwsAuth,
            action: Action::Add,
            subject: subject(wanted.section, &wanted.arn),
            who: wanted.who.map(str::to_owned),
            reason: "missing".to_owned(),
            before: None,
            after: Some(wanted.content()),
            sources: wanted.sources.to_vec(),
            changed_by: if was_ours { context.changed_by.clone() } else { None },
        };
        decisions.edits(wanted.section).first.push((Edit::Append(wanted.row()), change));
    }
    promise(wanted, key.clone(), false, decisions);
    own(context, wanted, &key, decisions);
    decisions.named.insert(key);
}

fn replacement(context: &Context<'_>, wanted: &Wanted<'_>, section: Section, row: &Row, reason: String) -> Change {
    Change {
        surface: Surface::AwsAuth,
        action: Action::Change,
        subject: subject(section, &wanted.arn),
        who: wanted.who.map(str::to_owned),
        reason,
        before: Some(content(section, &row.username, &row.groups)),
        after: Some(wanted.content()),
        sources: wanted.sources.to_vec(),
        changed_by: context.changed_by.clone(),
    }
}

fn promise(wanted: &Wanted<'_>, key: Key, late: bool, decisions: &mut Decisions) {
    let (username, groups) = (wanted.username.to_owned(), wanted.groups.to_vec());
    decisions.promises.push(Promise { key, username, groups, late });
}

/// Takes a row over: what the policy names is rolecall's, but for what belongs to nodes or is protected.
fn own(context: &Context<'_>, wanted: &Wanted<'_>, key: &Key, decisions: &mut Decisions) {
    let recorded = context.base.owned_key(key);
    let noted = recorded.and_then(|recorded| context.base.owned.section(key.0).get(recorded));
    if recorded == Some(wanted.arn.as_str())
        && noted.is_some_and(|id| wanted.unique_id.is_none() || id.as_deref() == wanted.unique_id)
    {
        return;
    }
    if recorded.is_none() && (wanted.node || context.protection.of(&wanted.arn).is_some()) {
        return;
    }
    let rows = decisions.owned_mut(key.0);
    let known = recorded.and_then(|recorded| rows.remove(recorded)).flatten();
    // An id that could not be looked up this time is still the one that was recorded.
    rows.insert(wanted.arn.clone(), wanted.unique_id.map(str::to_owned).or(known));
}

fn differs_but_protected(wanted: &Wanted<'_>, key: &Key, counting: &Row, why: &str) -> Finding {
    let message = format!(
        "{} holds {} where the policy wants {}, but it is never changed: {why}",
        subject(key.0, &wanted.arn),
        holds(&counting.username, &counting.groups),
        holds(wanted.username, wanted.groups),
    );
    Finding::drift(FindingCode::Protected, wanted.arn.clone(), message)
        .next("change the row by hand if that is meant, or change the policy")
        .on(Surface::AwsAuth)
        .from_source(wanted.sources.first())
}

/// A row that the policy's principal has and that never matches.
pub(super) fn never_matches(section: Section, row: &Row, why: &str) -> Finding {
    let message = format!("{} in {section} never matches anybody: {why}", subject(section, &row.arn));
    Finding::notice(FindingCode::RowIneffective, row.arn.clone(), message)
        .next("it is not rolecall's and is left alone; delete it if nobody needs it")
        .on(Surface::AwsAuth)
}

/// Username and groups in words.
pub(super) fn holds(username: &str, groups: &[String]) -> String {
    let groups = if groups.is_empty() { "no groups".to_owned() } else { groups.join(", ") };
    if username.is_empty() { groups } else { format!("{groups} as {username}") }
}
