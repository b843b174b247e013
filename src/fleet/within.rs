//! A part of the fleet: the accounts and clusters that a pass is confined to.

use std::collections::BTreeSet;

use crate::model::{AccountId, ClusterId, ClusterReport, Finding, FindingCode, PassReport, Region};

/// Where a pass goes, of all that settings mean. What is named here and is not in the fleet is passed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// Every cluster of these accounts.
    pub accounts: BTreeSet<AccountId>,
    /// Single clusters.
    pub clusters: BTreeSet<ClusterId>,
    /// Clusters of these names, in whatever region: of the accounts above, or of all when none is named.
    pub names: BTreeSet<String>,
    /// How many clusters the whole fleet had when it was last known; budgets in percent are parts of the fleet.
    pub fleet: usize,
    /// Clusters that the last pass over the whole fleet would have changed and for its budget did not: they count here too,
    /// so that events do not bring about bit by bit what was held back.
    pub held: BTreeSet<ClusterId>,
}

impl Within {
    /// The accounts that are walked; `None` when that is all of them.
    pub fn walked(&self) -> Option<BTreeSet<AccountId>> {
        let some = !self.accounts.is_empty() || !self.clusters.is_empty();
        let of_clusters = self.clusters.iter().map(|id| &id.account);
        some.then(|| self.accounts.iter().chain(of_clusters).cloned().collect())
    }

    /// Whether the pass goes there.
    pub fn covers(&self, id: &ClusterId) -> bool {
        let account = self.accounts.contains(&id.account) || (self.accounts.is_empty() && self.clusters.is_empty());
        let name = self.names.is_empty() || self.names.contains(&id.name);
        (account && name) || self.clusters.contains(id)
    }

    /// The names of the clusters to look at where only single ones are meant, so that nothing has to be listed; `None`
    /// where the account is walked as a whole.
    pub(super) fn singled_out(&self, account: &AccountId, region: &Region) -> Option<Vec<String>> {
        if self.accounts.contains(account) || self.walked().is_none() {
            return None;
        }
        let here = self.clusters.iter().filter(|id| id.account == *account && id.region == *region);
        Some(here.map(|id| id.name.clone()).collect())
    }

    /// A finding for each name that a person gave and that no cluster bears.
    pub(super) fn missing<'r>(&'r self, reports: &'r [ClusterReport]) -> impl Iterator<Item = Finding> + 'r {
        let seen: BTreeSet<&str> = reports.iter().map(|report| report.cluster.id.name.as_str()).collect();
        let missing = self.names.iter().filter(move |name| !seen.contains(name.as_str()));
        missing.map(|name| {
            let message = format!("no cluster named {name} was found in this pass");
            Finding::gap(FindingCode::ClusterUnreadable, name.clone(), message)
                .next("see with `rolecall discover` which clusters there are")
        })
    }
}

/// How many clusters of a pass over the whole fleet are known, of which budgets in percent are parts.
pub fn known(report: &PassReport) -> usize {
    report.clusters.iter().filter(|cluster| !cluster.status.is_unknown()).count()
}

/// The clusters that the budget of a pass over the whole fleet held back.
pub fn held(report: &PassReport) -> BTreeSet<ClusterId> {
    let by_budget = |cluster: &&ClusterReport| {
        let guard = cluster.plan.as_ref().and_then(|plan| plan.blocked.as_ref());
        guard.is_some_and(|guard| guard.name == MAX_CHANGED_CLUSTERS)
    };
    report.clusters.iter().filter(by_budget).map(|cluster| cluster.cluster.id.clone()).collect()
}

/// The name of the guard on how many clusters may change.
pub(super) const MAX_CHANGED_CLUSTERS: &str = "max-changed-clusters";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn id(account: &str, name: &str) -> ClusterId {
        ClusterId { account: account.parse().unwrap(), region: Region::new("eu-west-1"), name: name.to_owned() }
    }

    #[test]
    fn single_clusters_and_whole_accounts_are_told_apart() {
        let (one, two) = (id("111111111111", "a"), id("222222222222", "b"));
        let within = Within {
            accounts: BTreeSet::from([one.account.clone()]),
            clusters: BTreeSet::from([two.clone()]),
            ..Within::default()
        };
        assert_eq!(within.walked().unwrap().len(), 2);
        assert!(within.covers(&one) && within.covers(&two));
        assert!(!within.covers(&id("222222222222", "c")) && !within.covers(&id("333333333333", "a")));
        assert_eq!(within.singled_out(&one.account, &one.region), None);
        assert_eq!(within.singled_out(&two.account, &two.region).unwrap(), ["b"]);
        assert_eq!(within.singled_out(&two.account, &Region::new("eu-west-2")).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn names_choose_among_the_accounts_that_are_walked() {
        let names = BTreeSet::from(["a".to_owned()]);
        let anywhere = Within { names: names.clone(), ..Within::default() };
        assert_eq!(anywhere.walked(), None);
        assert!(anywhere.covers(&id("111111111111", "a")) && !anywhere.covers(&id("111111111111", "b")));
        assert_eq!(anywhere.singled_out(&"111111111111".parse().unwrap(), &Region::new("eu-west-1")), None);
        let there = Within { names, accounts: BTreeSet::from(["111111111111".parse().unwrap()]), ..Within::default() };
        assert!(there.covers(&id("111111111111", "a")) && !there.covers(&id("222222222222", "a")));
    }
}
