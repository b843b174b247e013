//! What earlier passes learned of access entries that are not rolecall's.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::model::{Cluster, ClusterId, ObservedEntry, STANDARD, Unmanaged};

/// How long a stranger is told from memory at least; at most it is twice as long. Where in between is told by chance that
/// is the same for the same principal, so that a thousand that were read in one pass are not all read again in one.
const AGE: SignedDuration = SignedDuration::from_hours(1);

/// The access entries of whole fleets as earlier passes of the same process read them: strangers with what they hold, and
/// which were rolecall's. Nothing is ever changed or removed on the grounds of it.
#[derive(Debug, Default)]
pub struct EntryMemory {
    clusters: Mutex<HashMap<ClusterId, OfCluster>>,
}

#[derive(Debug, Default)]
struct OfCluster {
    /// It tells a cluster from another one that bears its name after it was deleted.
    endpoint: String,
    known: HashMap<String, Known>,
}

/// What is known of a principal's entry.
#[derive(Clone, Debug)]
pub(super) enum Known {
    /// It was rolecall's at that time.
    Ours(Timestamp),
    /// It was not, and held this.
    Stranger(Box<ObservedEntry>),
}

impl Known {
    fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Ours(since) => Some(*since),
            Self::Stranger(entry) => entry.remembered,
        }
    }

    fn is_old(&self, principal: &str, now: Timestamp) -> bool {
        // A time to come is that of a clock that was set back since.
        self.since().is_none_or(|since| {
            let age = now.duration_since(since);
            age.is_negative() || age >= AGE + spread(principal)
        })
    }
}

impl EntryMemory {
    /// What is remembered of one cluster.
    pub fn of<'m>(&'m self, cluster: &'m Cluster) -> ClusterMemory<'m> {
        ClusterMemory { memory: self, cluster }
    }

    /// Forgets what is too old to be told, and with it the clusters that are there no more.
    pub fn forget_old(&self, now: Timestamp) {
        self.lock().retain(|_, cluster| {
            cluster.known.retain(|principal, known| !known.is_old(principal, now));
            !cluster.known.is_empty()
        });
    }

    /// What was remembered when a thread broke off is whole all the same: each write is one insertion.
    fn lock(&self) -> MutexGuard<'_, HashMap<ClusterId, OfCluster>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of one cluster.
#[derive(Clone, Copy, Debug)]
pub struct ClusterMemory<'m> {
    memory: &'m EntryMemory,
    cluster: &'m Cluster,
}

impl ClusterMemory<'_> {
    fn with<T>(self, change: impl FnOnce(&mut HashMap<String, Known>) -> T) -> T {
        let mut clusters = self.memory.lock();
        let of = clusters.entry(self.cluster.id.clone()).or_default();
        if of.endpoint != self.cluster.endpoint {
            *of = OfCluster { endpoint: self.cluster.endpoint.clone(), known: HashMap::new() };
        }
        change(&mut of.known)
    }

    /// What is remembered of those that are listed; the others are forgotten.
    pub(super) fn keep(self, listed: &[String]) -> HashMap<String, Known> {
        let listed: HashSet<&str> = listed.iter().map(String::as_str).collect();
        self.with(|known| {
            known.retain(|principal, _| listed.contains(principal.as_str()));
            known.clone()
        })
    }

    /// Notes what was read. An entry that the policy names is not remembered: whether it is rolecall's changes as soon as
    /// it is adopted, and it is read in every pass.
    pub(super) fn note(self, entry: &ObservedEntry, named: bool, now: Timestamp) {
        let principal = entry.principal.clone();
        let known = match (named, entry.ours) {
            (true, _) => return self.forget(&principal),
            (false, true) => Known::Ours(now),
            (false, false) => Known::Stranger(Box::new(ObservedEntry { remembered: Some(now), ..entry.clone() })),
        };
        self.with(|all| all.insert(principal, known));
    }

    pub(super) fn forget(self, principal: &str) {
        self.with(|known| known.remove(principal));
    }
}

/// What is to be read, in this order, and what is told from memory.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) read: Vec<String>,
    pub(super) told: Vec<ObservedEntry>,
}

/// Divides the listed principals. Those that the policy names come first, then those that were rolecall's, then those of
/// which nothing is known (among them people's before machines'), and last the strangers whose memory is old, or who are
/// to be removed and so have to be read, the oldest first: a pass that runs out of time goes further than the one before.
pub(super) fn divide(
    listed: Vec<String>,
    named: impl Fn(&str) -> bool,
    known: &HashMap<String, Known>,
    unmanaged: Unmanaged,
    now: Timestamp,
) -> Reading {
    let mut reading = Reading::default();
    let mut read = Vec::new();
    for principal in listed {
        let known = known.get(&principal);
        let place = match known {
            _ if named(&principal) => 0,
            Some(Known::Ours(_)) => 1,
            None if principal.contains(":role/aws-reserved/sso.amazonaws.com/") => 2,
            None => 3,
            Some(Known::Stranger(entry)) => {
                if tells(entry, unmanaged) && !known.is_some_and(|known| known.is_old(&principal, now)) {
                    reading.told.push((**entry).clone());
                    continue;
                }
                4
            }
        };
        read.push(((place, known.and_then(Known::since)), principal));
    }
    read.sort_by_key(|(place, _)| *place);
    reading.read = read.into_iter().map(|(_, principal)| principal).collect();
    reading
}

/// Whether what is remembered is all that a pass has to know.
fn tells(entry: &ObservedEntry, unmanaged: Unmanaged) -> bool {
    match unmanaged {
        Unmanaged::Keep => true,
        Unmanaged::Report => entry.kind != STANDARD || entry.policies.is_some(),
        Unmanaged::Remove => false,
    }
}

/// A part of the age, the same for the same principal.
fn spread(principal: &str) -> SignedDuration {
    let mut hasher = DefaultHasher::new();
    principal.hash(&mut hasher);
    SignedDuration::from_secs(i64::try_from(hasher.finish() % AGE.as_secs().unsigned_abs()).unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::model::samples;

    fn entry(principal: &str) -> ObservedEntry {
        ObservedEntry {
            principal: principal.to_owned(),
            username: "x".to_owned(),
            groups: Vec::new(),
            kind: STANDARD.to_owned(),
            ours: false,
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            policies: Some(Vec::new()),
            associated: None,
            remembered: None,
        }
    }

    fn after(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn listed(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn divided(memory: &EntryMemory, names: &[&str], unmanaged: Unmanaged, now: Timestamp) -> (Vec<String>, usize) {
        let cluster = samples::cluster("one");
        let known = memory.of(&cluster).keep(&listed(names));
        let reading = divide(listed(names), |principal| principal == "named", &known, unmanaged, now);
        (reading.read, reading.told.len())
    }

    #[test]
    fn strangers_are_told_from_memory_and_all_else_is_read_in_the_order_of_its_weight() {
        let (memory, cluster) = (EntryMemory::default(), samples::cluster("one"));
        memory.of(&cluster).note(&entry("stranger"), false, after(0));
        memory.of(&cluster).note(&ObservedEntry { ours: true, ..entry("ours") }, false, after(0));
        memory.of(&cluster).note(&entry("named"), true, after(0));
        let person = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_a_0123456789abcdef";
        let all = ["stranger", "new", person, "ours", "named"];
        let read = listed(&["named", "ours", person, "new"]);
        for unmanaged in [Unmanaged::Keep, Unmanaged::Report] {
            assert_eq!(divided(&memory, &all, unmanaged, after(10)), (read.clone(), 1));
        }
        let with_stranger = [read.as_slice(), &listed(&["stranger"])].concat();
        assert_eq!(divided(&memory, &all, Unmanaged::Remove, after(10)), (with_stranger.clone(), 0));
        assert_eq!(divided(&memory, &all, Unmanaged::Keep, after(120)), (with_stranger.clone(), 0), "it is old");
        assert_eq!(divided(&memory, &all, Unmanaged::Keep, after(-1)), (with_stranger, 0), "the clock was set back");
    }

    #[test]
    fn what_a_stranger_holds_is_read_where_it_is_told_and_not_remembered() {
        let (memory, cluster) = (EntryMemory::default(), samples::cluster("one"));
        memory.of(&cluster).note(&ObservedEntry { policies: None, ..entry("stranger") }, false, after(0));
        assert_eq!(divided(&memory, &["stranger"], Unmanaged::Keep, after(1)).1, 1);
        assert_eq!(divided(&memory, &["stranger"], Unmanaged::Report, after(1)).1, 0);
    }

    #[test]
    fn who_was_adopted_or_left_the_list_and_a_cluster_made_anew_are_forgotten() {
        let (memory, cluster) = (EntryMemory::default(), samples::cluster("one"));
        let told = |name| divided(&memory, &[name], Unmanaged::Keep, after(1)).1;
        let note = |name, named| memory.of(&cluster).note(&entry(name), named, after(0));
        note("stranger", false);
        note("stranger", true);
        assert_eq!(told("stranger"), 0, "the policy named it since");
        note("stranger", false);
        assert_eq!((told("other"), told("stranger")), (0, 0), "it was not listed once");
        note("stranger", false);
        let anew = Cluster { endpoint: "https://another".to_owned(), ..cluster.clone() };
        assert!(memory.of(&anew).keep(&listed(&["stranger"])).is_empty());
        note("stranger", false);
        memory.forget_old(after(59));
        assert_eq!(told("stranger"), 1);
        memory.forget_old(after(120));
        assert!(memory.lock().is_empty());
    }

    #[test]
    fn what_was_read_at_once_grows_old_one_after_the_other() {
        let known = Known::Ours(after(0));
        let old = |minutes| (0..600).filter(|n| known.is_old(&format!("role/{n}"), after(minutes))).count();
        assert_eq!((old(59), old(120)), (0, 600));
        assert!((200..400).contains(&old(90)), "{}", old(90));
    }
}
