//! Which clusters are meant: the `where` of a policy, the `match`, `include` and `exclude` of the settings.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Cluster, Glob, OuGlob};

/// Whether a selector means a cluster. Unknown is neither yes nor no: it grants nothing and removes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl Match {
    fn of(matches: bool) -> Self {
        if matches { Self::Yes } else { Self::No }
    }

    /// Both: a clear no wins over unknown.
    #[must_use]
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown(why) => match other() {
                Self::No => Self::No,
                _ => Self::Unknown(why),
            },
        }
    }

    /// The contrary; unknown stays unknown.
    #[must_use]
    pub fn negate(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            unknown @ Self::Unknown(_) => unknown,
        }
    }
}

/// A choice of clusters. Every key that is given must match; an empty selector means every cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Globs over the account's OU path; one must match.
    pub organizational_units: Vec<OuGlob>,
    /// Globs over account id or name; one must match.
    pub accounts: Vec<Glob>,
    /// Tags of the account, each with globs of which one must match.
    pub account_tags: BTreeMap<String, Vec<Glob>>,
    /// Globs over the region's code; one must match.
    pub regions: Vec<Glob>,
    /// Globs over the cluster's name; one must match.
    pub clusters: Vec<Glob>,
    /// Tags of the cluster, each with globs of which one must match.
    pub cluster_tags: BTreeMap<String, Vec<Glob>>,
    /// What must not match.
    pub not: Option<Box<Selector>>,
}

impl Selector {
    /// Whether the selector needs the accounts' tags.
    pub fn needs_account_tags(&self) -> bool {
        !self.account_tags.is_empty() || self.not.as_ref().is_some_and(|not| not.needs_account_tags())
    }

    /// Whether the selector needs the accounts' OU paths.
    pub fn needs_ou_paths(&self) -> bool {
        !self.organizational_units.is_empty() || self.not.as_ref().is_some_and(|not| not.needs_ou_paths())
    }

    /// Whether the selector looks at nothing but the account, so that an account can be left out unread.
    pub fn is_about_accounts_only(&self) -> bool {
        self.regions.is_empty()
            && self.clusters.is_empty()
            && self.cluster_tags.is_empty()
            && self.not.as_ref().is_none_or(|not| not.is_about_accounts_only())
    }

    /// Whether the cluster is meant.
    pub fn matches(&self, cluster: &Cluster) -> Match {
        self.matches_parts(&cluster.account, Some(cluster))
    }

    /// Whether any cluster of the account can be meant: the keys about clusters and regions count as matching, and a
    /// `not` only where it speaks of the account alone.
    pub fn may_match_account(&self, account: &Account) -> Match {
        self.matches_parts(account, None)
    }

    fn matches_parts(&self, account: &Account, cluster: Option<&Cluster>) -> Match {
        let any = |globs: &[Glob], names: &[&str]| {
            Match::of(globs.is_empty() || globs.iter().any(|g| names.iter().any(|n| g.matches(n))))
        };
        self.matches_ou(account)
            .and(|| any(&self.accounts, &[account.id.as_str(), &account.name]))
            .and(|| match &account.tags {
                _ if self.account_tags.is_empty() => Match::Yes,
                Some(tags) => Match::of(tags_match(&self.account_tags, tags)),
                None => Match::Unknown(format!("the tags of account {} could not be read", account.id)),
            })
            .and(|| match cluster {
                None => Match::Yes,
                Some(cluster) => any(&self.regions, &[cluster.id.region.as_str()])
                    .and(|| any(&self.clusters, &[&cluster.id.name]))
                    .and(|| Match::of(tags_match(&self.cluster_tags, &cluster.tags))),
            })
            .and(|| match &self.not {
                Some(not) if cluster.is_some() || not.is_about_accounts_only() => {
                    not.matches_parts(account, cluster).negate()
                }
                _ => Match::Yes,
            })
    }

    fn matches_ou(&self, account: &Account) -> Match {
        if self.organizational_units.is_empty() {
            return Match::Yes;
        }
        match &account.ou_path {
            Some(path) => Match::of(self.organizational_units.iter().any(|glob| glob.matches(path))),
            None => Match::Unknown(format!("the organizational unit of account {} is not known", account.id)),
        }
    }

    /// The cluster tags the selector asks for, its `not` included.
    pub fn cluster_tag_keys(&self) -> BTreeSet<&str> {
        let mut keys: BTreeSet<&str> = self.cluster_tags.keys().map(String::as_str).collect();
        if let Some(not) = &self.not {
            keys.extend(not.cluster_tag_keys());
        }
        keys
    }
}

fn tags_match(wanted: &BTreeMap<String, Vec<Glob>>, tags: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(key, globs)| tags.get(key).is_some_and(|value| globs.iter().any(|glob| glob.matches(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(ou: Option<&str>, tags: Option<&[(&str, &str)]>) -> Account {
        Account {
            id: "111122223333".parse().unwrap(),
            name: "payments-prod".to_owned(),
            ou_path: ou.map(str::to_owned),
            tags: tags.map(|tags| tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()),
        }
    }

    fn globs(texts: &[&str]) -> Vec<Glob> {
        texts.iter().map(|text| Glob::new(text).unwrap()).collect()
    }

    #[test]
    fn unread_tags_are_unknown_unless_something_else_says_no() {
        let selector = Selector {
            accounts: globs(&["payments-*"]),
            account_tags: [("env".to_owned(), globs(&["prod"]))].into(),
            ..Selector::default()
        };
        assert_eq!(selector.may_match_account(&account(None, Some(&[("env", "prod")]))), Match::Yes);
        assert_eq!(selector.may_match_account(&account(None, Some(&[]))), Match::No);
        assert!(matches!(selector.may_match_account(&account(None, None)), Match::Unknown(_)));
        let other = Selector { accounts: globs(&["other"]), ..selector };
        assert_eq!(other.may_match_account(&account(None, None)), Match::No);
    }

    #[test]
    fn not_about_clusters_never_leaves_out_an_account() {
        let not_cluster = Selector {
            not: Some(Box::new(Selector { clusters: globs(&["*"]), ..Selector::default() })),
            ..Selector::default()
        };
        assert_eq!(not_cluster.may_match_account(&account(None, None)), Match::Yes);
        let not_account = Selector {
            not: Some(Box::new(Selector { accounts: globs(&["pay*"]), ..Selector::default() })),
            ..Selector::default()
        };
        assert_eq!(not_account.may_match_account(&account(None, None)), Match::No);
    }

    #[test]
    fn an_unknown_ou_is_unknown_also_when_negated() {
        let in_dev = Selector { organizational_units: vec![OuGlob::new("/Dev/**").unwrap()], ..Selector::default() };
        assert!(matches!(in_dev.may_match_account(&account(None, None)), Match::Unknown(_)));
        let not_dev = Selector { not: Some(Box::new(in_dev)), ..Selector::default() };
        assert!(matches!(not_dev.may_match_account(&account(None, None)), Match::Unknown(_)));
        assert_eq!(not_dev.may_match_account(&account(Some("/Prod"), None)), Match::Yes);
    }
}
