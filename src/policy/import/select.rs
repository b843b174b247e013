//! The clusters of a fleet by what a `where` can ask for, and the choices that are made of them.

use std::collections::BTreeMap;

use super::{bits::Bits, yaml::Yaml};
use crate::model::{Cluster, Glob, Match, OuGlob, Selector};

/// What a `where` can ask for, in the order in which it is preferred.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Unit,
    AccountTag(String),
    ClusterTag(String),
    Account,
    Region,
    Name,
}

impl Key {
    /// What it costs a reader to take in so many values.
    pub(super) fn cost(&self, values: usize) -> usize {
        let (first, more) = match self {
            Self::Unit => (4, 4),
            Self::AccountTag(_) | Self::ClusterTag(_) => (5, 2),
            Self::Account => (5, 3),
            Self::Region => (6, 3),
            Self::Name => (6, 4),
        };
        first + more * values.saturating_sub(1)
    }
}

/// One key of a `where` with the values of which one must match, and which clusters these are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Part {
    pub(super) key: Key,
    pub(super) values: Vec<String>,
    pub(super) bits: Bits,
}

impl Part {
    pub(super) fn cost(&self) -> usize {
        self.key.cost(self.values.len())
    }
}

/// A `where`: every part must match, and what is excluded must not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Choice {
    pub(super) parts: Vec<Part>,
    pub(super) not: Option<Part>,
}

impl Choice {
    pub(super) fn of(mut parts: Vec<Part>, not: Option<Part>) -> Self {
        parts.sort();
        Self { parts, not }
    }

    pub(super) fn cost(&self) -> usize {
        let parts: usize = self.parts.iter().map(Part::cost).sum();
        parts + self.not.as_ref().map_or(0, |not| not.cost() + 4)
    }

    /// The selector that the policy will have; `None` when a value cannot be written as a glob.
    pub(super) fn selector(&self) -> Option<Selector> {
        let mut selector = Selector::default();
        self.parts.iter().try_for_each(|part| add(part, &mut selector))?;
        if let Some(not) = &self.not {
            let mut excluded = Selector::default();
            add(not, &mut excluded)?;
            selector.not = Some(Box::new(excluded));
        }
        Some(selector)
    }

    /// As it is written; nothing when every cluster is meant.
    pub(super) fn yaml(&self) -> Option<Yaml> {
        let mut keys = keys(self.parts.iter());
        if let Some(not) = &self.not {
            keys.push(("not".to_owned(), Yaml::Map(self::keys([not].into_iter()))));
        }
        (!keys.is_empty()).then_some(Yaml::Map(keys))
    }
}

fn add(part: &Part, selector: &mut Selector) -> Option<()> {
    let globs = || part.values.iter().map(|value| Glob::new(value).ok()).collect::<Option<Vec<_>>>();
    match &part.key {
        Key::Unit => {
            let globs: Option<Vec<OuGlob>> = part.values.iter().map(|value| OuGlob::new(value).ok()).collect();
            selector.organizational_units = globs?;
        }
        Key::AccountTag(key) => drop(selector.account_tags.insert(key.clone(), globs()?)),
        Key::ClusterTag(key) => drop(selector.cluster_tags.insert(key.clone(), globs()?)),
        Key::Account => selector.accounts = globs()?,
        Key::Region => selector.regions = globs()?,
        Key::Name => selector.clusters = globs()?,
    }
    Some(())
}

fn keys<'p>(parts: impl Iterator<Item = &'p Part>) -> Vec<(String, Yaml)> {
    let mut tags: BTreeMap<&str, Vec<(String, Yaml)>> = BTreeMap::new();
    let mut keys = Vec::new();
    for part in parts {
        let values = Yaml::List(part.values.iter().cloned().map(Yaml::Text).collect());
        match &part.key {
            Key::Unit => keys.push(("organizationalUnits".to_owned(), values)),
            Key::Account => keys.push(("accounts".to_owned(), values)),
            Key::Region => keys.push(("regions".to_owned(), values)),
            Key::Name => keys.push(("clusters".to_owned(), values)),
            Key::AccountTag(key) => tags.entry("accountTags").or_default().push((key.clone(), values)),
            Key::ClusterTag(key) => tags.entry("clusterTags").or_default().push((key.clone(), values)),
        }
    }
    keys.extend(tags.into_iter().map(|(key, tags)| (key.to_owned(), Yaml::Map(tags))));
    keys
}

/// The clusters of a fleet by every value that a `where` can ask for.
pub(super) struct Fleet<'f> {
    pub(super) clusters: &'f [&'f Cluster],
    pub(super) all: Bits,
    /// By key and value; only keys that every cluster has a value for, or that are tags.
    pub(super) values: BTreeMap<Key, BTreeMap<String, Bits>>,
    /// The clusters below each organizational unit, itself included, and those right in it.
    pub(super) units: BTreeMap<String, (Bits, Bits)>,
}

impl<'f> Fleet<'f> {
    pub(super) fn new(clusters: &'f [&'f Cluster]) -> Self {
        let count = clusters.len();
        let mut fleet =
            Self { clusters, all: Bits::of(count, |_| true), values: BTreeMap::new(), units: BTreeMap::new() };
        for (index, cluster) in clusters.iter().enumerate() {
            fleet.note(index, Key::Account, cluster.id.account.as_str());
            fleet.note(index, Key::Region, cluster.id.region.as_str());
            fleet.note(index, Key::Name, &cluster.id.name);
            for (key, value) in &cluster.tags {
                fleet.note(index, Key::ClusterTag(key.clone()), value);
            }
            for (key, value) in cluster.account.tags.iter().flatten() {
                fleet.note(index, Key::AccountTag(key.clone()), value);
            }
            if let Some(path) = &cluster.account.ou_path {
                fleet.unit(index, path);
            }
        }
        let known = |test: &dyn Fn(&Cluster) -> bool| clusters.iter().all(|cluster| test(cluster));
        if !known(&|cluster| cluster.account.ou_path.is_some()) {
            fleet.units.clear();
        }
        // A selector by tags that are not known everywhere could be decided nowhere.
        let tags_known = known(&|cluster| cluster.account.tags.is_some());
        fleet.values.retain(|key, values| match key {
            Key::AccountTag(_) => tags_known && is_a_kind(values),
            Key::ClusterTag(key) => !is_a_tools_own(key) && is_a_kind(values),
            _ => true,
        });
        fleet
    }

    fn note(&mut self, index: usize, key: Key, value: &str) {
        let count = self.clusters.len();
        if is_plain(value) {
            let values = self.values.entry(key).or_default();
            values.entry(value.to_owned()).or_insert_with(|| Bits::none(count)).insert(index);
        }
    }

    fn unit(&mut self, index: usize, path: &str) {
        let count = self.clusters.len();
        let mut unit = path;
        loop {
            let none = || (Bits::none(count), Bits::none(count));
            let (below, right_in) = self.units.entry(unit.to_owned()).or_insert_with(none);
            below.insert(index);
            if unit == path {
                right_in.insert(index);
            }
            match unit.rsplit_once('/') {
                Some((above, last)) if !last.is_empty() => unit = if above.is_empty() { "/" } else { above },
                _ => return,
            }
        }
    }

    /// Whether the choice means exactly these clusters of the fleet, asked as a pass would ask.
    pub(super) fn is_exact(&self, choice: &Choice, target: &Bits) -> bool {
        let Some(selector) = choice.selector() else { return false };
        let mut clusters = self.clusters.iter().enumerate();
        clusters.all(|(index, cluster)| {
            let wanted = if target.contains(index) { Match::Yes } else { Match::No };
            selector.matches(cluster) == wanted
        })
    }

    /// The clusters that have one of the values.
    pub(super) fn part(&self, key: &Key, values: Vec<String>) -> Part {
        let known = self.values.get(key);
        let bits = values.iter().filter_map(|value| known?.get(value));
        let bits = bits.fold(Bits::none(self.clusters.len()), |all, bits| all.or(bits));
        Part { key: key.clone(), values, bits }
    }
}

/// Whether the tag tells kinds of clusters apart rather than single clusters.
fn is_a_kind(values: &BTreeMap<String, Bits>) -> bool {
    let holders: usize = values.values().map(Bits::len).sum();
    values.len() * 2 <= holders
}

/// Tags by which tools find their own things again.
fn is_a_tools_own(key: &str) -> bool {
    key == "Name" || ["aws:", "alpha.eksctl.io/", "kubernetes.io/"].iter().any(|prefix| key.starts_with(prefix))
}

/// Whether a glob of this text means this text alone.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

/// Whether a path of organizational units can be written as it is.
pub(super) fn is_plain_path(path: &str) -> bool {
    is_plain(path)
}
