//! The observed entries as the planner works on them, and the rows of aws-auth beside them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;

use crate::{
    authenticator::{self, Resolved, folded},
    model::{
        AccessScope, Arn, AuthenticationMode, CLUSTER_ADMIN_POLICY, ClusterState, Content, EntriesState,
        EntryPrecondition, ObservedEntry, PolicyGrant, STANDARD, Subject, UnreadEntry,
    },
    plan::{guards, owned_rows},
};

/// The observed entries, to be found by principal.
pub(super) struct Base<'s> {
    pub(super) state: &'s EntriesState,
    entries: HashMap<String, usize>,
    bare: HashMap<String, usize>,
    unread: HashMap<String, &'s UnreadEntry>,
    creator: Option<usize>,
}

impl<'s> Base<'s> {
    pub(super) fn new(state: &'s EntriesState) -> Self {
        let of = |key: fn(&str) -> String| state.entries.iter().enumerate().map(move |(i, e)| (key(&e.principal), i));
        Self {
            entries: of(str::to_lowercase).collect(),
            bare: of(bare).collect(),
            unread: state.unread.iter().map(|unread| (bare(&unread.principal), unread)).collect(),
            creator: creator(state),
            state,
        }
    }

    /// The entry of exactly this ARN; `by_name` when nothing is known of the principal's path, which a policy may leave
    /// out.
    pub(super) fn entry(&self, arn: &Arn, by_name: bool) -> Option<usize> {
        let exact = self.entries.get(&arn.to_string().to_lowercase());
        exact.or_else(|| self.bare.get(&bare(&arn.to_string())).filter(|_| by_name)).copied()
    }

    /// The entry of a principal whose path is not known, such as that of a row.
    pub(super) fn by_bare(&self, bare: &str) -> Option<&'s ObservedEntry> {
        self.bare.get(bare).and_then(|&index| self.state.entries.get(index))
    }

    /// The entry that could not be read, if it is this principal's.
    pub(super) fn unread(&self, arn: &Arn) -> Option<&'s UnreadEntry> {
        self.unread.get(&bare(&arn.to_string())).copied()
    }

    /// Whether it may be the entry that EKS made for whoever made the cluster.
    pub(super) fn is_creators(&self, index: usize) -> bool {
        self.creator == Some(index)
    }
}

/// The entry that EKS makes for the cluster's creator is marked by nothing. It is among those without groups that hold the
/// policy for administrators under the username that EKS chooses, and it is as old as the cluster: the oldest of them
/// may be it. One that is told from memory takes nothing from that: no entry was ever older than the creator's.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html#bootstrap-creator>.
fn creator(state: &EntriesState) -> Option<usize> {
    let admin = |grant: &PolicyGrant| grant.name() == CLUSTER_ADMIN_POLICY && grant.scope == AccessScope::Cluster;
    let alike = |entry: &ObservedEntry| {
        entry.kind == STANDARD
            && !entry.ours
            && entry.groups.is_empty()
            && entry.username == default_username(&entry.principal)
            && entry.policies.as_ref().is_none_or(|policies| policies.iter().any(admin))
    };
    let alike = state.entries.iter().enumerate().filter(|(_, entry)| alike(entry));
    alike.min_by_key(|(_, entry)| entry.created).map(|(index, _)| index)
}

/// The username that EKS chooses where none is given.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.
pub(in crate::plan) fn default_username(principal: &str) -> String {
    principal.parse::<Arn>().map_or_else(|_| principal.to_owned(), |arn| arn.default_username())
}

/// The principal as a row of aws-auth names it, folded: a role without its path.
pub(in crate::plan) fn bare(principal: &str) -> String {
    let plain =
        principal.parse::<Arn>().map_or_else(|_| principal.to_owned(), |arn| arn.without_role_path().to_string());
    folded(&plain)
}

/// What names an entry, for people.
pub(in crate::plan) fn subject(principal: &str) -> Subject {
    let user = principal.parse::<Arn>().is_ok_and(|arn| arn.user_name().is_some());
    if user { Subject::User(principal.to_owned()) } else { Subject::Role(principal.to_owned()) }
}

/// What an entry holds by itself, its policies being told apart.
pub(in crate::plan) fn content(entry: &ObservedEntry) -> Content {
    Content::Entry { username: entry.username.clone(), groups: entry.groups.clone(), policies: Vec::new() }
}

/// What goes when the entry goes.
pub(super) fn whole_content(entry: &ObservedEntry) -> Content {
    let policies = entry.policies.clone().unwrap_or_default();
    Content::Entry { username: entry.username.clone(), groups: entry.groups.clone(), policies }
}

/// That it still is the entry as it was observed.
pub(in crate::plan) fn at(entry: &ObservedEntry) -> EntryPrecondition {
    EntryPrecondition::At { created: entry.created, modified: entry.modified }
}

/// What an entry gives, in words.
pub(super) fn holds(username: &str, groups: &[String], policies: &[PolicyGrant]) -> String {
    let all: Vec<String> = groups.iter().cloned().chain(policies.iter().map(ToString::to_string)).collect();
    let all = if all.is_empty() { "no groups".to_owned() } else { all.join(", ") };
    format!("{all} as {username}")
}

/// When something was read that was not read in this pass.
pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// What aws-auth gives beside the entries, on clusters that read both.
pub(super) enum Rows {
    /// The cluster does not read it, or there is nothing in it.
    None,
    /// What every principal gets, by its folded ARN, and whose rows are rolecall's.
    Known(BTreeMap<String, Resolved>, BTreeSet<String>),
    /// It could not be read.
    Unknown,
}

impl Rows {
    pub(super) fn of(mode: AuthenticationMode, state: &ClusterState) -> Self {
        if !(mode.reads_aws_auth() && mode.reads_entries()) {
            return Self::None;
        }
        match state.aws_auth.known() {
            None => Self::Unknown,
            Some(None) => Self::None,
            Some(Some(stored)) => {
                let owned = owned_rows(&stored.annotations).iter().map(|(_, arn)| folded(arn)).collect();
                Self::Known(guards::principals(&authenticator::read(&stored.data)), owned)
            }
        }
    }

    /// What the principal gets by a row of its own.
    pub(super) fn of_principal(&self, arn: &Arn) -> Option<&Resolved> {
        match self {
            Self::Known(rows, _) => rows.get(&bare(&arn.to_string())),
            Self::None | Self::Unknown => None,
        }
    }

    /// The row of a principal that is not rolecall's.
    pub(super) fn of_others(&self, principal: &str) -> Option<&Resolved> {
        let Self::Known(rows, owned) = self else { return None };
        let key = bare(principal);
        rows.get(&key).filter(|_| !owned.contains(&key))
    }
}
