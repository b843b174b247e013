//! The shortest `where` for a set of clusters, or several where no single one means exactly that set.

use super::{
    bits::Bits,
    select::{Choice, Fleet, Key, Part, is_plain_path},
};

/// What a further entry costs a reader, beside its `where`.
const ENTRY: usize = 10;
/// More values of a tag, or units, than this are an enumeration and no kind of cluster.
const KINDS: usize = 6;

impl Fleet<'_> {
    /// The choices that together mean exactly these clusters: what costs a reader the least. Of what costs the same, that
    /// which comes first in the order of [`Key`].
    pub(super) fn choose(&self, target: &Bits) -> Vec<Choice> {
        if target.is_empty() {
            return Vec::new();
        }
        if *target == self.all {
            return vec![Choice::default()];
        }
        let mut covers = vec![self.by_pieces(target)];
        covers.extend(self.single(target).map(|choice| vec![choice]));
        let cost = |cover: &Vec<Choice>| cover.iter().map(|choice| choice.cost() + ENTRY).sum::<usize>();
        let exact = |cover: &Vec<Choice>| self.is_covered(cover, target);
        let best = covers.into_iter().filter(exact).min_by(|a, b| cost(a).cmp(&cost(b)).then_with(|| a.cmp(b)));
        best.unwrap_or_else(|| target.positions().filter_map(|position| self.one(position)).collect())
    }

    /// Whether the choices mean all of these clusters and no other of the fleet.
    fn is_covered(&self, cover: &[Choice], target: &Bits) -> bool {
        let mut covered = Bits::none(self.clusters.len());
        for choice in cover {
            let bits = self.meant(choice);
            if !bits.is_within(target) || !self.is_exact(choice, &bits) {
                return false;
            }
            covered = covered.or(&bits);
        }
        covered == *target
    }

    /// The clusters that a choice means.
    pub(super) fn meant(&self, choice: &Choice) -> Bits {
        let all = choice.parts.iter().fold(self.all.clone(), |all, part| all.and(&part.bits));
        choice.not.iter().fold(all, |all, not| all.minus(&not.bits))
    }

    /// One cluster by all that names it.
    fn one(&self, position: usize) -> Option<Choice> {
        let id = &self.clusters.get(position)?.id;
        let part = |key: Key, value: &str| self.part(&key, vec![value.to_owned()]);
        let parts = vec![
            part(Key::Account, id.account.as_str()),
            part(Key::Region, id.region.as_str()),
            part(Key::Name, &id.name),
        ];
        Some(Choice::of(parts, None))
    }

    /// The cheapest single choice, if there is one.
    fn single(&self, target: &Bits) -> Option<Choice> {
        let around = self.around(target);
        let mut found: Vec<Choice> = Vec::new();
        for (index, first) in around.iter().enumerate() {
            if first.bits == *target {
                found.push(Choice::of(vec![first.clone()], None));
            }
            for second in around.iter().skip(index + 1).filter(|second| second.key != first.key) {
                if first.bits.and(&second.bits) == *target {
                    found.push(Choice::of(vec![first.clone(), second.clone()], None));
                }
            }
        }
        for base in around.iter().map(Some).chain([None]) {
            let reached = base.map_or(&self.all, |base| &base.bits);
            let rest = reached.minus(target);
            if rest.is_empty() {
                continue;
            }
            for not in self.around(&rest).into_iter().filter(|not| not.bits.and(reached) == rest) {
                found.push(Choice::of(base.cloned().into_iter().collect(), Some(not)));
            }
        }
        let named = [Key::Account, Key::Region, Key::Name];
        let named: Vec<Part> = around.iter().filter(|part| named.contains(&part.key)).cloned().collect();
        if named.iter().fold(self.all.clone(), |all, part| all.and(&part.bits)) == *target {
            found.push(Choice::of(named, None));
        }
        found.into_iter().min_by(|a, b| a.cost().cmp(&b.cost()).then_with(|| a.cmp(b)))
    }

    /// For each key, the fewest values that all of these clusters have one of: what they mean reaches around the set.
    fn around(&self, target: &Bits) -> Vec<Part> {
        let mut parts = Vec::new();
        // A kind of cluster is seen in two at least; a single one is named.
        let kinds = target.len() > 1;
        if kinds {
            parts.extend(self.units_around(target));
        }
        for (key, values) in &self.values {
            let is_tag = matches!(key, Key::AccountTag(_) | Key::ClusterTag(_));
            if is_tag && !kinds {
                continue;
            }
            let held: Vec<String> = values
                .iter()
                .filter(|(_, bits)| !bits.and(target).is_empty())
                .map(|(value, _)| value.clone())
                .collect();
            let part = self.part(key, held);
            if target.is_within(&part.bits) && part.bits != self.all && !(is_tag && part.values.len() > KINDS) {
                parts.push(part);
            }
        }
        if kinds {
            parts.extend(self.name_globs(target));
        }
        parts
    }

    /// The units that hold all of these clusters: the fewest globs, and the one unit above them all.
    fn units_around(&self, target: &Bits) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut few = Part { key: Key::Unit, values: Vec::new(), bits: Bits::none(self.clusters.len()) };
        let mut above: Option<&str> = None;
        for (path, (below, right_in)) in &self.units {
            if !is_plain_path(path) {
                continue;
            }
            if target.is_within(below) && path != "/" && above.is_none_or(|above| path.len() > above.len()) {
                above = Some(path);
            }
            let glob = if below.is_within(target) && path != "/" {
                format!("{path}/**")
            } else if !right_in.and(target).is_empty() {
                path.clone()
            } else {
                continue;
            };
            let meant = if glob.ends_with("/**") { below } else { right_in };
            if !meant.and(target).is_within(&few.bits) {
                few.values.push(glob);
                few.bits = few.bits.or(meant);
            }
        }
        if target.is_within(&few.bits) && few.values.len() <= KINDS {
            parts.push(few);
        }
        if let Some((path, (below, _))) = above.and_then(|path| self.units.get_key_value(path)) {
            parts.push(Part { key: Key::Unit, values: vec![format!("{path}/**")], bits: below.clone() });
        }
        parts.retain(|part| part.bits != self.all);
        parts.dedup();
        parts
    }

    /// `dev-*` and `*-dev`, where the names of all of these clusters begin or end so.
    fn name_globs(&self, target: &Bits) -> Vec<Part> {
        let names: Vec<&str> =
            target.positions().filter_map(|position| Some(self.clusters.get(position)?.id.name.as_str())).collect();
        let Some((first, rest)) = names.split_first() else { return Vec::new() };
        let begins: Vec<&str> = first.match_indices('-').map(|(at, _)| &first[..=at]).collect();
        let begins = begins.into_iter().rev().find(|begin| rest.iter().all(|name| name.starts_with(begin)));
        let ends = first.match_indices('-').map(|(at, _)| &first[at..]);
        let ends = ends.into_iter().find(|end| rest.iter().all(|name| name.ends_with(end)));
        let part = |glob: String, test: &dyn Fn(&str) -> bool| {
            let bits = Bits::of(self.clusters.len(), |at| self.clusters.get(at).is_some_and(|it| test(&it.id.name)));
            Part { key: Key::Name, values: vec![glob], bits }
        };
        let begins = begins.map(|begin| part(format!("{begin}*"), &|name| name.starts_with(begin)));
        let ends = ends.map(|end| part(format!("*{end}"), &|name| name.ends_with(end)));
        begins.into_iter().chain(ends).filter(|part| part.bits != self.all).collect()
    }

    /// Choices by one key each that together mean these clusters; the largest pieces first.
    fn by_pieces(&self, target: &Bits) -> Vec<Choice> {
        let mut pieces: Vec<Part> = Vec::new();
        let mut left = target.clone();
        let inside = self.inside(target);
        while let Some(part) = inside
            .iter()
            .filter(|part| part.bits.and(&left).len() > 1)
            .min_by_key(|part| (std::cmp::Reverse(part.bits.and(&left).len() * 12 / part.cost()), (*part).clone()))
        {
            left = left.minus(&part.bits);
            pieces.push(part.clone());
        }
        let mut merged: Vec<Part> = Vec::new();
        for part in pieces {
            match merged.iter_mut().find(|other| other.key == part.key) {
                Some(other) => {
                    other.values.extend(part.values);
                    other.values.sort();
                    other.bits = other.bits.or(&part.bits);
                }
                None => merged.push(part),
            }
        }
        let mut choices: Vec<Choice> = merged.into_iter().map(|part| Choice::of(vec![part], None)).collect();
        choices.extend(self.by_names(&left, target));
        choices
    }

    /// All values that mean nothing but clusters of the set.
    fn inside(&self, target: &Bits) -> Vec<Part> {
        let mut parts = Vec::new();
        for (path, (below, right_in)) in self.units.iter().filter(|(path, _)| is_plain_path(path)) {
            if below.is_within(target) && path != "/" {
                parts.push(Part { key: Key::Unit, values: vec![format!("{path}/**")], bits: below.clone() });
            } else if !right_in.is_empty() && right_in.is_within(target) {
                parts.push(Part { key: Key::Unit, values: vec![path.clone()], bits: right_in.clone() });
            }
        }
        for (key, values) in self.values.iter().filter(|(key, _)| **key != Key::Name) {
            for (value, bits) in values.iter().filter(|(_, bits)| bits.is_within(target)) {
                parts.push(Part { key: key.clone(), values: vec![value.clone()], bits: bits.clone() });
            }
        }
        parts
    }

    /// Single clusters by name where the name is theirs alone, else by account and name, else by region too.
    fn by_names(&self, left: &Bits, target: &Bits) -> Vec<Choice> {
        let (mut names, mut choices) = (Vec::new(), Vec::new());
        for position in left.positions() {
            let Some(cluster) = self.clusters.get(position) else { continue };
            let alone = self.part(&Key::Name, vec![cluster.id.name.clone()]);
            if alone.bits.is_within(target) {
                names.extend(alone.values);
                continue;
            }
            let account = self.part(&Key::Account, vec![cluster.id.account.to_string()]);
            if account.bits.and(&alone.bits).is_within(target) {
                choices.push(Choice::of(vec![account, alone], None));
            } else {
                choices.extend(self.one(position));
            }
        }
        if !names.is_empty() {
            names.sort();
            names.dedup();
            choices.push(Choice::of(vec![self.part(&Key::Name, names)], None));
        }
        choices.sort();
        choices.dedup();
        choices
    }
}
