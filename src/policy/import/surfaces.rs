//! Who gets into one cluster: the rows of aws-auth and the access entries that have an effect.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Note, NoteKind, Seen,
    principals::{self, Nobody, Person, bare},
};
use crate::{
    authenticator::{self, Reading, Row, SectionReading},
    model::{AccessScope, AccountId, Arn, AwsAuth, ObservedEntry, STANDARD, Section, policy_name},
    policy::names,
};

/// What EKS documents for the role of nodes; other rows of nodes have no words in a policy.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html>.
const NODE_USERNAME: &str = "system:node:{{EC2PrivateDNSName}}";
const NODE_GROUPS: [&str; 2] = ["system:bootstrappers", "system:nodes"];

/// Somebody who gets in, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) person: Person,
    /// The username where it is not the one that EKS gives by default.
    pub(super) username: Option<String>,
    /// The groups, sorted, each once.
    pub(super) groups: Vec<String>,
    /// The access policies by name, sorted.
    pub(super) policies: Vec<(String, AccessScope)>,
}

/// Who gets into one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Doors {
    pub(super) people: Vec<Held>,
    pub(super) nodes: Vec<Person>,
    pub(super) accounts: BTreeSet<AccountId>,
}

/// Reads one cluster.
pub(super) fn read(seen: &Seen<'_>, notes: &mut Vec<Note>) -> Doors {
    let mut reader = Reader { seen, notes, doors: Doors::default() };
    let overridden = reader.entries();
    let stored = seen.state.aws_auth.known().and_then(Option::as_ref);
    if let Some(stored) = stored.filter(|_| seen.cluster.authentication_mode.reads_aws_auth()) {
        reader.aws_auth(stored, &overridden);
    }
    reader.doors
}

struct Reader<'r> {
    seen: &'r Seen<'r>,
    notes: &'r mut Vec<Note>,
    doors: Doors,
}

impl Reader<'_> {
    fn note(&mut self, kind: NoteKind, subject: impl Into<String>, why: impl Into<String>) {
        let cluster = self.seen.cluster.id.clone();
        self.notes.push(Note { kind, why: why.into(), subject: subject.into(), cluster });
    }

    fn is_own(&self, arn: &str) -> bool {
        let folded = |arn: &str| arn.parse::<Arn>().map_or_else(|_| arn.to_lowercase(), |arn| bare(&arn));
        self.seen.own.is_some_and(|own| folded(own) == folded(arn))
    }

    /// Describes the access entries; gives the principals whose rows they override.
    fn entries(&mut self) -> BTreeSet<String> {
        let state = self.seen.state.entries.known().and_then(Option::as_ref);
        let mut overridden = BTreeSet::new();
        for unread in state.into_iter().flat_map(|state| &state.unread) {
            self.note(NoteKind::Unknown, &unread.principal, "its access entry could not be read");
            overridden.extend(unread.principal.parse::<Arn>().map(|arn| bare(&arn)));
        }
        for entry in state.into_iter().flat_map(|state| &state.entries) {
            overridden.extend(entry.principal.parse::<Arn>().map(|arn| bare(&arn)));
            if entry.kind == STANDARD {
                self.entry(entry);
            }
        }
        overridden
    }

    fn entry(&mut self, entry: &ObservedEntry) {
        if self.is_own(&entry.principal) {
            return;
        }
        if entry.groups.iter().any(|group| group.starts_with("eks:")) {
            let why = "its access entry gives groups that belong to EKS";
            return self.note(NoteKind::LeftOut, &entry.principal, why);
        }
        let Some(person) = self.person(&entry.principal, true) else { return };
        if person.identity.created.is_some_and(|created| created > entry.created) {
            let why = "its access entry lets nobody in: the principal was made anew after it";
            return self.note(NoteKind::Ineffective, &entry.principal, why);
        }
        let Some(policies) = &entry.policies else {
            return self.note(NoteKind::Unknown, &entry.principal, "its access policies were not read");
        };
        let policies = policies.iter().map(|grant| (policy_name(&grant.policy).to_owned(), grant.scope.clone()));
        self.hold(&entry.principal, person, &entry.username, &entry.groups, policies.collect());
    }

    fn aws_auth(&mut self, stored: &AwsAuth, overridden: &BTreeSet<String>) {
        let reading = authenticator::read(&stored.data);
        for section in Section::ALL {
            match reading.section(section) {
                SectionReading::Broken(broken) => {
                    let why = format!("it does not parse, so that nobody in it gets in: {}", broken.message);
                    self.note(NoteKind::Inexpressible, section.to_string(), why);
                }
                SectionReading::Absent => {}
                SectionReading::Read(rows) => {
                    for dropped in &rows.dropped {
                        let item = format!("item {} of {section}", dropped.index + 1);
                        self.note(NoteKind::Ineffective, item, format!("it is dropped: {}", dropped.reason));
                    }
                    for row in &rows.rows {
                        self.row(section, row, &reading, overridden);
                    }
                }
            }
        }
    }

    fn row(&mut self, section: Section, row: &Row, reading: &Reading, overridden: &BTreeSet<String>) {
        if let Some(why) = authenticator::never_matches(section, &row.arn) {
            return self.note(NoteKind::Ineffective, &row.arn, format!("it never matches: {why}"));
        }
        let item = || format!("item {} of {section}, {}", row.index + 1, row.arn);
        if section == Section::Accounts {
            self.doors.accounts.extend(row.arn.parse::<AccountId>());
            return;
        }
        let Ok(arn) = row.arn.parse::<Arn>() else { return };
        let counts = authenticator::resolve(reading, &row.arn, "");
        if counts.is_none_or(|counts| (counts.section, counts.index) != (section, row.index)) {
            return self.note(NoteKind::Ineffective, item(), "another row of the same principal overrides it");
        }
        let of_nodes = authenticator::is_node_row(&row.groups);
        if overridden.contains(&bare(&arn)) {
            if !of_nodes {
                let why = "an access entry of the same principal overrides its row";
                self.note(NoteKind::Ineffective, &row.arn, why);
            }
            return;
        }
        if self.is_own(&row.arn) {
            return;
        }
        if of_nodes {
            return self.node(row);
        }
        if let Some(person) = self.person(&row.arn, arn.user_name().is_some()) {
            self.hold(&row.arn, person, &row.username, &row.groups, Vec::new());
        }
    }

    fn node(&mut self, row: &Row) {
        let mut groups: Vec<&str> = row.groups.iter().map(String::as_str).collect();
        groups.sort_unstable();
        if row.username != NODE_USERNAME || groups != NODE_GROUPS {
            let why = "its row lets nodes in otherwise than EKS documents for EC2; rows of nodes are never touched";
            return self.note(NoteKind::LeftOut, &row.arn, why);
        }
        let person = self.person(&row.arn, false);
        self.doors.nodes.extend(person);
    }

    fn person(&mut self, arn: &str, whole: bool) -> Option<Person> {
        match principals::person(self.seen, arn, whole) {
            Ok((person, unsure)) => {
                if let Some(why) = unsure {
                    self.note(NoteKind::Unknown, arn, format!("whether it exists could not be told: {why}"));
                }
                Some(person)
            }
            Err(Nobody::Missing(why)) => {
                self.note(NoteKind::Ineffective, arn, why);
                None
            }
            Err(Nobody::Wordless(why)) => {
                self.note(NoteKind::Inexpressible, arn, why);
                None
            }
        }
    }

    fn hold(
        &mut self,
        arn: &str,
        person: Person,
        username: &str,
        groups: &[String],
        mut policies: Vec<(String, AccessScope)>,
    ) {
        if let Err(why) = names::username(username) {
            return self.note(NoteKind::Inexpressible, arn, why);
        }
        let mut checked =
            groups.iter().map(|group| names::subject_name(group).and_then(|()| names::granted_group(group)));
        if let Some(why) = checked.find_map(Result::err) {
            return self.note(NoteKind::Inexpressible, arn, why);
        }
        if self.doors.people.iter().any(|held| held.person.principal == person.principal) {
            let why = "the cluster knows it under two ARNs, which a policy has one name for";
            return self.note(NoteKind::Inexpressible, arn, why);
        }
        let username = Some(username.to_owned()).filter(|name| *name != person.identity.arn.default_username());
        let groups: BTreeSet<String> = groups.iter().cloned().collect();
        policies.sort();
        self.doors.people.push(Held { person, username, groups: groups.into_iter().collect(), policies });
    }
}

/// The principals of other accounts, by their bare ARN, each as the ARN under which the whole fleet shall know it.
pub(super) fn strangers<'d>(all: impl Iterator<Item = &'d Doors> + Clone) -> BTreeMap<String, Arn> {
    let people = |doors: &'d Doors| doors.people.iter().map(|held| &held.person).chain(&doors.nodes);
    let mut known: BTreeMap<String, Arn> = BTreeMap::new();
    for person in all.clone().flat_map(people).filter(|person| !person.here) {
        let arn = &person.identity.arn;
        let best = known.entry(bare(arn)).or_insert_with(|| arn.clone());
        // Only an access entry tells a role's path.
        if best.resource.len() < arn.resource.len() {
            *best = arn.clone();
        }
    }
    for person in all.flat_map(people).filter(|person| person.here && person.identity.unique_id.is_some()) {
        if let Some(best) = known.get_mut(&bare(&person.identity.arn)) {
            *best = person.identity.arn.clone();
        }
    }
    known
}
