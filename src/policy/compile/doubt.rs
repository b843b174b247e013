//! What could not be decided for a cluster, and which principals that leaves in doubt.

use std::collections::{HashMap, HashSet};

use super::{lines, push_once};
use crate::{
    model::{AccountId, Arn, Desired, Finding, FindingCode, IamGroup, Principal, Section, Source},
    policy::{entry::Who, principal::permission_set_in_any_case},
};

/// Selectors that could not be decided, by reason, so that one unread tag list is one finding and not a thousand.
#[derive(Default)]
pub(super) struct Undecided {
    reasons: Vec<(String, Vec<Source>)>,
    index: HashMap<String, usize>,
}

impl Undecided {
    /// Notes that the line's selector could not be decided.
    pub(super) fn note(&mut self, reason: &str, source: &Source) {
        let index = *self.index.entry(reason.to_owned()).or_insert_with(|| {
            self.reasons.push((reason.to_owned(), Vec::new()));
            self.reasons.len() - 1
        });
        self.reasons[index].1.push(source.clone());
    }

    /// Tells of all of it: a finding and a reason to remove nothing for each.
    pub(super) fn report(self, desired: &mut Desired) {
        for (reason, mut sources) in self.reasons {
            sources.sort();
            sources.dedup();
            let lines = lines(&sources);
            let message = format!(
                "whether {lines} is meant for this cluster cannot be told, because {reason}: nothing is given by it, \
                 and nothing is removed from the cluster"
            );
            desired.unknown.push(format!("{reason} ({lines})"));
            desired.findings.push(
                Finding::gap(FindingCode::SelectorUnknown, "where", message)
                    .next("let rolecall read what the selector asks for, or choose the clusters by something else")
                    .from_source(sources.first()),
            );
        }
    }
}

/// An IAM role or user within one account, where names are unique whatever their path and case.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    account: String,
    section: Section,
    name: String,
}

impl Key {
    /// The key of an IAM role's or user's ARN; other ARNs, which IAM never gives, count as roles of that name.
    pub(super) fn of(arn: &Arn) -> Self {
        let (section, name) = match (arn.user_name(), arn.role_name()) {
            (Some(user), _) => (Section::Users, user),
            (None, role) => (Section::Roles, role.unwrap_or(&arn.resource)),
        };
        Self::new(&arn.account, section, name)
    }

    fn new(account: &str, section: Section, name: &str) -> Self {
        Self { account: account.to_owned(), section, name: name.to_ascii_lowercase() }
    }

    /// The permission set, in lower case, whose role this is by its name.
    fn permission_set(&self) -> Option<&str> {
        permission_set_in_any_case(&self.name)
    }
}

/// The principals of which not everything is known.
#[derive(Default)]
pub(super) struct Doubt {
    keys: HashSet<Key>,
    sets: HashSet<(String, String)>,
    /// Accounts in which it may be the role of any permission set.
    every_set: HashSet<String>,
    /// Accounts in which it may be any user, or any role that people may assume.
    groups: HashSet<(String, Section)>,
}

impl Doubt {
    /// Puts the principal in doubt, in the account in which names are looked up.
    pub(super) fn add(&mut self, who: &Who, account: &AccountId) {
        let account = account.as_str();
        let key = match &who.principal {
            Principal::RoleName(name) => Key::new(account, Section::Roles, name),
            Principal::UserName(name) => Key::new(account, Section::Users, name),
            Principal::RoleArn(arn) | Principal::UserArn(arn) => Key::of(arn),
            Principal::PermissionSet(set) => {
                self.sets.insert((account.to_owned(), set.to_ascii_lowercase()));
                return;
            }
            // Which roles or users a group comes down to is not known: it may be any of that kind in the account.
            Principal::DirectoryGroup(_) => {
                self.every_set.insert(account.to_owned());
                return;
            }
            Principal::IamGroup(IamGroup { via: Some(role), .. }) => Key::new(account, Section::Roles, role),
            Principal::IamGroup(group) => {
                let section = if group.members { Section::Users } else { Section::Roles };
                self.groups.insert((account.to_owned(), section));
                return;
            }
            Principal::Account(_) => return,
        };
        self.keys.insert(key);
    }

    /// Whether the role or user may be one of those in doubt.
    pub(super) fn covers(&self, key: &Key) -> bool {
        let set_in_doubt = |set: &str| {
            self.every_set.contains(&key.account) || self.sets.contains(&(key.account.clone(), set.to_owned()))
        };
        // AssumeRole does not give anybody the role of a permission set.
        let of_a_group = || key.permission_set().is_none() && self.groups.contains(&(key.account.clone(), key.section));
        self.keys.contains(key) || of_a_group() || key.permission_set().is_some_and(set_in_doubt)
    }
}

/// A contradiction within the policy: a finding, and a reason to remove nothing.
pub(super) fn contradiction(desired: &mut Desired, subject: &str, message: String, next: &str, source: &Source) {
    push_once(&mut desired.unknown, message.clone());
    let finding = Finding::drift(FindingCode::Contradiction, subject, message).next(next);
    desired.findings.push(finding.from_source(Some(source)));
}
