//! The stored aws-auth as the planner works on it: its texts, what they mean, and whose the rows are.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    rc::Rc,
};

use crate::{
    authenticator::{self, Broken, Dropped, Reading, Row, Rows, SectionReading},
    model::{AwsAuth, Finding, FindingCode, Section, Surface},
    plan::ownership::{OWNED_ROWS, Owned},
};

use super::{rescue::rescue, wanted::folded};

/// A principal in a section, in small letters.
pub(super) type Key = (Section, String);

/// A section that does not parse.
pub(super) struct BrokenSection {
    pub(super) why: Broken,
    pub(super) text: String,
    /// The lines, counted from 1, on which the rows begin that could not be rescued.
    pub(super) lost: Vec<usize>,
    /// Their texts.
    pub(super) unread: Vec<String>,
}

/// Where the rows of one principal stand in a section.
struct Positions {
    earlier: Vec<usize>,
    last: usize,
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
    rows: HashMap<Key, Positions>,
    /// Whether any row has no effect for another of the same principal.
    pub(super) shadows: bool,
    owned_keys: HashMap<Key, String>,
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
            rows: HashMap::new(),
            shadows: false,
            owned_keys: HashMap::new(),
            owned: Rc::new(owned.unwrap_or_else(Owned::nothing)),
            owned_is_known,
        };
        base.index();
        base
    }

    fn index(&mut self) {
        for section in Section::ALL {
            if let SectionReading::Read(Rows { rows, .. }) = self.reading.section(section) {
                for (position, row) in rows.iter().enumerate() {
                    let key = (section, folded(&row.arn));
                    let over = section == Section::Users && self.rows.contains_key(&(Section::Roles, key.1.clone()));
                    self.shadows |= over;
                    match self.rows.entry(key) {
                        Entry::Vacant(entry) => {
                            entry.insert(Positions { earlier: Vec::new(), last: position });
                        }
                        Entry::Occupied(mut entry) => {
                            let positions = entry.get_mut();
                            positions.earlier.push(std::mem::replace(&mut positions.last, position));
                            self.shadows = true;
                        }
                    }
                }
            }
            for arn in self.owned.section(section).keys() {
                self.owned_keys.insert((section, folded(arn)), arn.clone());
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

    /// The rows of one principal in a section, in order: the last one counts.
    pub(super) fn rows(&self, key: &Key) -> impl DoubleEndedIterator<Item = &Row> {
        let rows = self.section(key.0);
        let positions = self.rows.get(key).into_iter();
        positions.flat_map(|at| at.earlier.iter().chain([&at.last])).filter_map(|&position| rows.get(position))
    }

    /// The key under which the annotation holds a row, if it is ours.
    pub(super) fn owned_key(&self, key: &Key) -> Option<&str> {
        self.owned_keys.get(key).map(String::as_str)
    }

    /// The row that counts for a principal: the last one of mapRoles, else of mapUsers; in mapAccounts the last one.
    pub(super) fn effective(&self, key: &Key) -> Option<&Row> {
        if key.0 == Section::Users && self.shadows && self.rows.contains_key(&(Section::Roles, key.1.clone())) {
            return None;
        }
        if key.0 == Section::Accounts {
            // Ids are compared as they are written.
            return self.rows(key).rev().find(|row| row.arn == key.1);
        }
        self.section(key.0).get(self.rows.get(key)?.last)
    }

    /// What a wanted principal holds and in which section: roles are asked before users.
    pub(super) fn effective_of(&self, section: Section, arn: &str) -> Option<(Key, &Row)> {
        let order: &[Section] = match section {
            Section::Accounts => &[Section::Accounts],
            _ => &[Section::Roles, Section::Users],
        };
        order.iter().find_map(|&section| {
            let key = (section, arn.to_owned());
            let row = self.effective(&key)?;
            Some((key, row))
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
