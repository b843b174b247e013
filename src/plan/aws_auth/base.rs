//! The stored aws-auth as the planner works on it: its texts, what they mean, and whose the rows are.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use crate::{
    authenticator::{self, Broken, Dropped, Reading, Row, Rows, SectionReading},
    model::{AwsAuth, Finding, FindingCode, Section, Surface},
    plan::ownership::{OWNED_ROWS, Owned},
};

use super::{rescue::rescue, wanted::folded};

/// A section that does not parse.
pub(super) struct BrokenSection {
    pub(super) why: Broken,
    pub(super) text: String,
    /// The lines, counted from 1, on which the rows begin that could not be rescued.
    pub(super) lost: Vec<usize>,
    /// Their texts.
    pub(super) unread: Vec<String>,
}

/// What stands of one principal in one section.
pub(super) struct Standing {
    /// Its number, counted from 0 through all sections.
    pub(super) number: usize,
    /// Where its rows stand, but the last.
    earlier: Vec<usize>,
    last: Option<usize>,
    /// The row that counts: the last one of mapRoles, else of mapUsers; in mapAccounts the last one.
    counting: Option<usize>,
    /// The key under which the annotation holds it, if it is ours.
    pub(super) owned: Option<String>,
}

/// The stored aws-auth. A broken section is represented by what can be rescued of it.
pub(super) struct Base {
    pub(super) data: BTreeMap<String, String>,
    pub(super) reading: Reading,
    /// The meaning of the document as it really stands, broken sections being empty.
    pub(super) live: Option<Reading>,
    pub(super) broken: BTreeMap<Section, BrokenSection>,
    /// Shared with the decisions, which copy it when they change it.
    pub(super) owned: Rc<Owned>,
    /// Whether the annotation that says so was understood.
    pub(super) owned_is_known: bool,
    /// Whether any row has no effect for another of the same principal.
    pub(super) shadows: bool,
    standings: Vec<Standing>,
    /// The standings' numbers by their principals in small letters.
    numbers: BTreeMap<Section, HashMap<String, usize>>,
    /// The number of every row's standing.
    of_rows: BTreeMap<Section, Vec<usize>>,
    /// The number of the standing of every row that the annotation names.
    of_owned: BTreeMap<Section, Vec<usize>>,
}

impl Base {
    pub(super) fn new(stored: Option<&AwsAuth>, findings: &mut Vec<Finding>) -> Self {
        let owned = stored.map_or_else(|| Some(Owned::nothing()), |stored| owned(stored, findings));
        let owned_is_known = owned.is_some();
        let mut data = stored.map(|stored| stored.data.clone()).unwrap_or_default();
        let live = authenticator::read(&data);
        let mut broken = BTreeMap::new();
        for section in Section::ALL {
            let SectionReading::Broken(why) = live.section(section) else { continue };
            let text = data.remove(section.key()).unwrap_or_default();
            let rescue = rescue(section, &text);
            if let Some(rescued) = rescue.text {
                data.insert(section.key().to_owned(), rescued);
            }
            let (lost, unread) = (rescue.lost, rescue.unread);
            broken.insert(section, BrokenSection { why: why.clone(), text, lost, unread });
        }
        let (reading, live) = if broken.is_empty() { (live, None) } else { (authenticator::read(&data), Some(live)) };
        let mut base = Self {
            data,
            reading,
            live,
            broken,
            shadows: false,
            standings: Vec::new(),
            numbers: BTreeMap::new(),
            of_rows: BTreeMap::new(),
            of_owned: BTreeMap::new(),
            owned: Rc::new(owned.unwrap_or_else(Owned::nothing)),
            owned_is_known,
        };
        base.index();
        base
    }

    fn index(&mut self) {
        for section in Section::ALL {
            let rows = match self.reading.section(section) {
                SectionReading::Read(Rows { rows, .. }) => rows.as_slice(),
                _ => &[],
            };
            let owned = self.owned.section(section);
            let mut numbers = HashMap::with_capacity(rows.len().max(owned.len()));
            let mut number = |arn: &str, standings: &mut Vec<Standing>| {
                *numbers.entry(folded(arn)).or_insert_with(|| {
                    let number = standings.len();
                    standings.push(Standing { number, earlier: Vec::new(), last: None, counting: None, owned: None });
                    number
                })
            };
            let mut of_rows = Vec::with_capacity(rows.len());
            for (position, row) in rows.iter().enumerate() {
                let number = number(&row.arn, &mut self.standings);
                of_rows.push(number);
                let Some(standing) = self.standings.get_mut(number) else { continue };
                if let Some(earlier) = standing.last.replace(position) {
                    standing.earlier.push(earlier);
                    self.shadows = true;
                }
                // Accounts' ids are compared as they are written.
                if section != Section::Accounts || row.arn == folded(&row.arn) {
                    standing.counting = Some(position);
                }
            }
            let mut of_owned = Vec::with_capacity(owned.len());
            for arn in owned.keys() {
                let number = number(arn, &mut self.standings);
                of_owned.push(number);
                if let Some(standing) = self.standings.get_mut(number) {
                    standing.owned = Some(arn.clone());
                }
            }
            if section == Section::Users {
                self.shadow_users(&numbers);
            }
            self.numbers.insert(section, numbers);
            self.of_rows.insert(section, of_rows);
            self.of_owned.insert(section, of_owned);
        }
    }

    /// Roles are asked before users.
    fn shadow_users(&mut self, users: &HashMap<String, usize>) {
        let Some(roles) = self.numbers.get(&Section::Roles) else { return };
        for (arn, &user) in users {
            let role = roles.get(arn).and_then(|&role| self.standings.get(role));
            let stands = role.is_some_and(|role| role.last.is_some());
            if let Some(user) = self.standings.get_mut(user).filter(|user| stands && user.last.is_some()) {
                user.counting = None;
                self.shadows = true;
            }
        }
    }

    /// The document's meaning as it really stands.
    pub(super) fn live(&self) -> &Reading {
        self.live.as_ref().unwrap_or(&self.reading)
    }

    /// Every row of a section, in order.
    pub(super) fn section(&self, section: Section) -> &[Row] {
        match self.reading.section(section) {
            SectionReading::Read(rows) => &rows.rows,
            _ => &[],
        }
    }

    /// Every item of a section that the authenticator drops.
    pub(super) fn dropped(&self, section: Section) -> &[Dropped] {
        match self.reading.section(section) {
            SectionReading::Read(rows) => &rows.dropped,
            _ => &[],
        }
    }

    /// How many standings there are.
    pub(super) fn standings(&self) -> usize {
        self.standings.len()
    }

    /// What stands in a section of a principal, who is given in small letters.
    pub(super) fn standing(&self, section: Section, arn: &str) -> Option<&Standing> {
        self.standings.get(*self.numbers.get(&section)?.get(arn)?)
    }

    /// Every row of a section, in order, with what stands of its principal.
    pub(super) fn standing_rows(&self, section: Section) -> impl Iterator<Item = (&Row, &Standing)> {
        let numbers = self.of_rows.get(&section).into_iter().flatten();
        self.section(section).iter().zip(numbers.filter_map(|&number| self.standings.get(number)))
    }

    /// Every row of a section that the annotation names, with what stands of its principal.
    pub(super) fn owned_rows(&self, section: Section) -> impl Iterator<Item = (&String, &Standing)> {
        let numbers = self.of_owned.get(&section).into_iter().flatten();
        self.owned.section(section).keys().zip(numbers.filter_map(|&number| self.standings.get(number)))
    }

    /// The rows of one principal in a section, in order.
    pub(super) fn rows(&self, section: Section, standing: &Standing) -> impl Iterator<Item = &Row> {
        let rows = self.section(section);
        standing.earlier.iter().chain(&standing.last).filter_map(|&position| rows.get(position))
    }

    /// The row that counts for a principal.
    pub(super) fn effective(&self, section: Section, standing: &Standing) -> Option<&Row> {
        self.section(section).get(standing.counting?)
    }

    /// What a wanted principal holds and in which section: roles are asked before users.
    pub(super) fn effective_of(&self, section: Section, arn: &str) -> Option<(Section, &Standing, &Row)> {
        let order: &[Section] = match section {
            Section::Accounts => &[Section::Accounts],
            _ => &[Section::Roles, Section::Users],
        };
        order.iter().find_map(|&section| {
            let standing = self.standing(section, arn)?;
            Some((section, standing, self.effective(section, standing)?))
        })
    }
}

/// What the annotation says; a newer rolecall may have written it in words that this one does not know.
fn owned(stored: &AwsAuth, findings: &mut Vec<Finding>) -> Option<Owned> {
    let understood = Owned::parse(&stored.annotations).map_err(|error| {
        let message = format!(
            "the annotation {OWNED_ROWS} that says which rows are rolecall's is not understood ({error}): no row counts as \
             rolecall's, none is removed for it, and the annotation is left as it is"
        );
        let finding = Finding::notice(FindingCode::ReadingsDiffer, OWNED_ROWS, message).on(Surface::AwsAuth);
        findings.push(finding.next("restore the annotation, or delete it: the rows of the policy are then taken over again"));
    });
    understood.ok()
}
