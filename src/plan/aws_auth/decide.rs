//! What is to be added and changed for the rows that the policy wants.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
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
    base::{Base, Standing},
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
pub(super) struct Promise<'w> {
    pub(super) section: Section,
    pub(super) wanted: &'w Wanted<'w>,
    /// Whether it holds only after what takes away.
    pub(super) late: bool,
}

/// What was decided, section by section.
pub(super) struct Decisions<'w> {
    pub(super) edits: BTreeMap<Section, Edits>,
    /// The rows that are ours after what adds and changes.
    pub(super) owned: Rc<Owned>,
    /// The rows that are no longer ours after what takes away.
    pub(super) released: Vec<(Section, String)>,
    pub(super) promises: Vec<Promise<'w>>,
    /// Which standings the policy names, whether they are touched or not.
    named: Vec<bool>,
    /// The rows that never matched and are replaced, by their position.
    pub(super) replaced: BTreeSet<(Section, usize)>,
    /// ARNs that never matched anybody and give way to the right ones.
    pub(super) given_up: BTreeSet<String>,
    pub(super) findings: Vec<Finding>,
}

impl<'w> Decisions<'w> {
    pub(super) fn new(base: &Base, findings: Vec<Finding>) -> Self {
        Self {
            edits: BTreeMap::new(),
            owned: Rc::clone(&base.owned),
            released: Vec::new(),
            promises: Vec::new(),
            named: vec![false; base.standings()],
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

    /// Whether the policy names what stands there.
    pub(super) fn names(&self, standing: &Standing) -> bool {
        self.named.get(standing.number) == Some(&true)
    }

    fn name(&mut self, standing: &Standing) {
        if let Some(named) = self.named.get_mut(standing.number) {
            *named = true;
        }
    }

    /// Has the rows of a principal left as they are: the policy names it, and lets it in elsewhere.
    pub(super) fn leave(&mut self, base: &Base, arn: &str) {
        for section in [Section::Roles, Section::Users] {
            // What is gone already is nothing to own.
            if let Some(standing) = base.standing(section, arn).filter(|it| base.rows(section, it).next().is_some()) {
                self.name(standing);
            }
        }
    }

    fn promise(&mut self, section: Section, wanted: &'w Wanted<'w>, late: bool) {
        self.promises.push(Promise { section, wanted, late });
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
pub(super) fn decide<'w>(context: &Context<'_>, wanted: &'w [Wanted<'w>], decisions: &mut Decisions<'w>) {
    // Most passes find every row where it shall be and never ask for these.
    let strays = LazyCell::new(|| strays(context.base));
    for wanted in wanted {
        match context.base.effective_of(wanted.section, &wanted.key) {
            Some(holds) => present(context, wanted, holds, decisions),
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

fn present<'w>(
    context: &Context<'_>,
    wanted: &'w Wanted<'w>,
    (section, standing, counting): (Section, &Standing, &Row),
    decisions: &mut Decisions<'w>,
) {
    decisions.name(standing);
    let differing = differing(context.base, wanted, section, standing, counting);
    if differing.is_empty() {
        decisions.promise(section, wanted, false);
        own(context, wanted, section, Some(standing), decisions);
        return;
    }
    let protected = context.protection.row(&wanted.arn, &counting.groups);
    let protected = protected.or_else(|| wanted.node.then(|| "a node's row is added, never changed".to_owned()));
    if let Some(why) = protected {
        decisions.findings.push(differs_but_protected(wanted, section, counting, &why));
        return;
    }
    let late = differing.iter().any(|row| leans_on_rbac(wanted, row));
    for row in differing {
        let reason = match (row.username == wanted.username, same_groups(wanted.groups, &row.groups)) {
            (true, _) => "groups differ",
            (false, true) => "username differs",
            (false, false) => "username and groups differ",
        };
        let change = replacement(context, wanted, section, row, reason.to_owned());
        if late && !context.waits.is_empty() {
            decisions.findings.push(held_back(&change, context.waits));
            return;
        }
        let edits = decisions.edits(section);
        let edits = if late { &mut edits.last } else { &mut edits.first };
        edits.push((Edit::Replace { index: row.index, row: wanted.row() }, change));
    }
    decisions.promise(section, wanted, late);
    own(context, wanted, section, Some(standing), decisions);
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
fn differing<'b>(
    base: &'b Base,
    wanted: &Wanted<'_>,
    section: Section,
    standing: &'b Standing,
    counting: &'b Row,
) -> Vec<&'b Row> {
    let met = |row: &Row| wanted.is_met_by(&row.username, &row.groups);
    // A row that is replaced is spelled as the policy spells it.
    let spelling = if met(counting) { &counting.arn } else { &wanted.arn };
    let beside = |row: &&Row| section == Section::Users && row.arn != *spelling && row.index != counting.index;
    let others = base.rows(section, standing).filter(beside).filter(|row| !authenticator::is_node_row(&row.groups));
    others.chain([counting]).filter(|row| !met(row)).collect()
}

fn absent<'w>(
    context: &Context<'_>,
    wanted: &'w Wanted<'w>,
    strays: Option<&Vec<(Section, &Row)>>,
    decisions: &mut Decisions<'w>,
) {
    let standing = context.base.standing(wanted.section, &wanted.key);
    let is_ours = |standing: Option<&Standing>| standing.is_some_and(|standing| standing.owned.is_some());
    let was_ours = is_ours(standing);
    let free = !wanted.node && context.protection.of(&wanted.arn).is_none();
    let mut replaced = false;
    for &(section, row) in strays.into_iter().flatten() {
        let folded = folded(&row.arn);
        let stray = context.base.standing(section, &folded);
        let ours = was_ours || is_ours(stray);
        let why = authenticator::never_matches(section, &row.arn).unwrap_or_default();
        let untouched = authenticator::is_node_row(&row.groups);
        if ours && free && !replaced && !untouched && section == wanted.section {
            let change = replacement(context, wanted, section, row, format!("never matches: {why}"));
            decisions.edits(section).first.push((Edit::Replace { index: row.index, row: wanted.row() }, change));
            if let Some(old) = stray.and_then(|stray| stray.owned.as_ref()) {
                decisions.owned_mut(section).remove(old);
            }
            decisions.given_up.insert(folded);
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
    decisions.promise(wanted.section, wanted, false);
    own(context, wanted, wanted.section, standing, decisions);
    if let Some(standing) = standing {
        decisions.name(standing);
    }
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

/// Takes a row over: what the policy names is rolecall's, but for what belongs to nodes or is protected.
fn own(
    context: &Context<'_>,
    wanted: &Wanted<'_>,
    section: Section,
    standing: Option<&Standing>,
    decisions: &mut Decisions<'_>,
) {
    let recorded = standing.and_then(|standing| standing.owned.as_ref());
    let noted = recorded.and_then(|recorded| context.base.owned.section(section).get(recorded));
    if recorded == Some(&wanted.arn)
        && noted.is_some_and(|id| wanted.unique_id.is_none() || id.as_deref() == wanted.unique_id)
    {
        return;
    }
    if recorded.is_none() && (wanted.node || context.protection.of(&wanted.arn).is_some()) {
        return;
    }
    let rows = decisions.owned_mut(section);
    let known = recorded.and_then(|recorded| rows.remove(recorded)).flatten();
    // An id that could not be looked up this time is still the one that was recorded.
    rows.insert(wanted.arn.clone(), wanted.unique_id.map(str::to_owned).or(known));
}

fn differs_but_protected(wanted: &Wanted<'_>, section: Section, counting: &Row, why: &str) -> Finding {
    let message = format!(
        "{} holds {} where the policy wants {}, but it is never changed: {why}",
        subject(section, &wanted.arn),
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
