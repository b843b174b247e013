//! The policy as types: its entries, each with the place where it was written.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::{
    model::{AccessScope, Account, AccountId, Match, Principal, RbacSubject, RoleRef, Rule, Selector, Source},
    source::Span,
};

/// Where something of the policy was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// File and line.
    pub source: Source,
    /// The bytes of the file, for snippets.
    pub span: Option<Span>,
}

/// A ClusterRole or Role that the policy owns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleEntry {
    /// Where it stands.
    pub spot: Spot,
    /// The namespace of a Role; `None` for a ClusterRole.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// On which clusters.
    pub selector: Selector,
}

/// One role that a group or user is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingEntry {
    /// Where it stands.
    pub spot: Spot,
    /// The namespace of a RoleBinding; `None` for a ClusterRoleBinding.
    pub namespace: Option<String>,
    /// The role.
    pub role_ref: RoleRef,
}

/// A group or user and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectEntry {
    /// Where its name stands.
    pub spot: Spot,
    /// The group or user.
    pub subject: RbacSubject,
    /// The roles it holds.
    pub bindings: Vec<BindingEntry>,
    /// On which clusters.
    pub selector: Selector,
}

/// A principal as the policy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The principal; a name never carries its path here.
    pub principal: Principal,
    /// The IAM path that the policy asks for, `/` at both ends, where it names one.
    pub path: Option<String>,
}

/// A Kubernetes group that an entry gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub spot: Spot,
}

/// An access policy of EKS that an entry gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its name, such as `AmazonEKSViewPolicy`.
    pub name: String,
    /// Where it holds.
    pub scope: AccessScope,
    /// Where it stands.
    pub spot: Spot,
}

/// A username that an entry gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username {
    /// The username, templates included; never empty.
    pub text: String,
    /// Where it stands.
    pub spot: Spot,
}

/// The last day of a grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Until {
    /// The last day on which the grant stands.
    pub date: Date,
    /// Where it stands.
    pub spot: Spot,
}

/// Who gets into which groups, where and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// Where its `who` stands.
    pub spot: Spot,
    /// Who.
    pub who: Who,
    /// The groups.
    pub groups: Vec<Group>,
    /// The access policies; only access entries can hold them.
    pub policies: Vec<AccessPolicy>,
    /// The username; without one the principal gets the name that EKS gives by default.
    pub username: Option<Username>,
    /// On which clusters.
    pub selector: Selector,
    /// Until when.
    pub until: Option<Until>,
}

/// A role that nodes run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Where its `role` stands.
    pub spot: Spot,
    /// The role, by name or ARN.
    pub who: Who,
    /// On which clusters.
    pub selector: Selector,
}

/// The merged policy of all files, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The roles it owns.
    pub roles: Vec<RoleEntry>,
    /// Groups and users with their bindings.
    pub subjects: Vec<SubjectEntry>,
    /// Who gets in.
    pub access: Vec<AccessEntry>,
    /// The roles of nodes.
    pub nodes: Vec<NodeEntry>,
}

impl Policy {
    /// Every role, user and permission set that has to be looked up in IAM. Accounts need no looking up.
    pub fn principals(&self) -> BTreeSet<Principal> {
        self.grants().filter_map(|(who, _)| looked_up(who)).collect()
    }

    /// Those of [`Policy::principals`] that some cluster of the account may have to do with.
    pub fn principals_for(&self, account: &Account) -> BTreeSet<Principal> {
        self.grants()
            .filter(|(_, selector)| selector.may_match_account(account) != Match::No)
            .filter_map(|(who, _)| looked_up(who))
            .collect()
    }

    /// Whether a role or user is named by an ARN of an account that is none of these.
    pub fn names_accounts_beside(&self, accounts: &BTreeSet<AccountId>) -> bool {
        self.grants().any(|(who, _)| match &who.principal {
            Principal::RoleArn(arn) | Principal::UserArn(arn) => {
                arn.account_id().is_some_and(|account| !accounts.contains(&account))
            }
            _ => false,
        })
    }

    /// Whether any selector asks for the accounts' tags.
    pub fn needs_account_tags(&self) -> bool {
        self.selectors().any(|(_, selector)| selector.needs_account_tags())
    }

    /// Whether any selector asks for the accounts' OU paths.
    pub fn needs_ou_paths(&self) -> bool {
        self.selectors().any(|(_, selector)| selector.needs_ou_paths())
    }

    fn grants(&self) -> impl Iterator<Item = (&Who, &Selector)> {
        let access = self.access.iter().map(|entry| (&entry.who, &entry.selector));
        access.chain(self.nodes.iter().map(|entry| (&entry.who, &entry.selector)))
    }

    pub(super) fn selectors(&self) -> impl Iterator<Item = (&Spot, &Selector)> {
        let roles = self.roles.iter().map(|entry| (&entry.spot, &entry.selector));
        let subjects = self.subjects.iter().map(|entry| (&entry.spot, &entry.selector));
        let access = self.access.iter().map(|entry| (&entry.spot, &entry.selector));
        let nodes = self.nodes.iter().map(|entry| (&entry.spot, &entry.selector));
        roles.chain(subjects).chain(access).chain(nodes)
    }
}

fn looked_up(who: &Who) -> Option<Principal> {
    (!matches!(who.principal, Principal::Account(_))).then(|| who.principal.clone())
}
