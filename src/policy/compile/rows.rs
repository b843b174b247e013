//! Roles, users and accounts that shall get into one cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::{
    doubt::{Doubt, Key, Undecided, contradiction},
    push_once,
    resolve::{Resolver, chain},
};
use crate::{
    model::{
        AccessScope, AccountId, Cluster, Desired, DesiredAccount, DesiredRow, Finding, FindingCode, Identities,
        Identity, Match, Partition, PolicyGrant, Principal, Section, Source, access_policy_arn,
    },
    policy::entry::{AccessEntry, NodeEntry, Policy},
};

/// The username and groups that EKS documents for the role of nodes.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/auth-configmap.html>.
const NODE_USERNAME: &str = "system:node:{{EC2PrivateDNSName}}";
const NODE_GROUPS: [&str; 2] = ["system:bootstrappers", "system:nodes"];

/// Compiles `nodes` and `access`.
pub(super) fn rows(
    policy: &Policy,
    cluster: &Cluster,
    identities: &Identities,
    today: Date,
    undecided: &mut Undecided,
    desired: &mut Desired,
) {
    let resolver = Resolver { cluster, identities, doubt: Doubt::default() };
    let mut drafts = Drafts { resolver, list: Vec::new(), index: HashMap::new(), accounts: HashMap::new() };
    for entry in &policy.nodes {
        drafts.node(entry, undecided, desired);
    }
    for entry in &policy.access {
        drafts.access(entry, today, undecided, desired);
    }
    drafts.finish(desired);
}

struct Draft {
    key: Key,
    row: DesiredRow,
    groups: BTreeSet<String>,
    /// The access policies by their ARN.
    policies: BTreeMap<String, AccessScope>,
    /// The username that a line gives, with the line.
    username: Option<(String, Source)>,
    /// The first two lines that do not go together, and why.
    clash: Option<(String, Source)>,
}

struct Drafts<'a> {
    resolver: Resolver<'a>,
    list: Vec<Draft>,
    index: HashMap<Key, usize>,
    accounts: HashMap<AccountId, usize>,
}

impl Drafts<'_> {
    fn node(&mut self, entry: &NodeEntry, undecided: &mut Undecided, desired: &mut Desired) {
        let source = &entry.spot.source;
        match entry.selector.matches(self.resolver.cluster) {
            Match::No => return,
            Match::Unknown(why) => return self.set_aside(&entry.who, &why, source, undecided),
            Match::Yes => {}
        }
        for identity in self.resolver.resolve(&entry.who, source, desired) {
            let draft = self.draft(identity, entry.who.to_string(), source);
            draft.row.node = true;
            draft.username = Some((NODE_USERNAME.to_owned(), source.clone()));
            draft.groups.extend(NODE_GROUPS.map(str::to_owned));
        }
    }

    fn access(&mut self, entry: &AccessEntry, today: Date, undecided: &mut Undecided, desired: &mut Desired) {
        let source = &entry.spot.source;
        let matches = entry.selector.matches(self.resolver.cluster);
        if matches == Match::No {
            return;
        }
        if let Some(until) = entry.until.as_ref().filter(|until| until.date < today) {
            let message = format!("the grant to {} by {source} ended with {}", entry.who, until.date);
            desired.findings.push(
                Finding::notice(FindingCode::GrantEnded, entry.who.to_string(), message)
                    .next("delete the entry from the policy, or move its `until`")
                    .from_source(Some(source)),
            );
            return;
        }
        if let Match::Unknown(why) = matches {
            return self.set_aside(&entry.who, &why, source, undecided);
        }
        if let Principal::Account(id) = &entry.who.principal {
            return self.account(id, source, desired);
        }
        let partition = Partition::of_region(&self.resolver.cluster.id.region);
        for identity in self.resolver.resolve(&entry.who, source, desired) {
            let who = chain(&entry.who, &identity);
            self.draft(identity, who, source).grant(entry, source, &partition);
        }
    }

    fn set_aside(&mut self, who: &crate::policy::entry::Who, why: &str, source: &Source, undecided: &mut Undecided) {
        undecided.note(why, source);
        self.resolver.doubt.add(who, &self.resolver.cluster.id.account);
    }

    fn account(&mut self, id: &AccountId, source: &Source, desired: &mut Desired) {
        let index = *self.accounts.entry(id.clone()).or_insert_with(|| {
            desired.accounts.push(DesiredAccount { id: id.clone(), sources: Vec::new() });
            desired.accounts.len() - 1
        });
        push_once(&mut desired.accounts[index].sources, source.clone());
    }

    /// The draft of the identity's row, new or begun by an earlier line.
    fn draft(&mut self, identity: Identity, who: String, source: &Source) -> &mut Draft {
        let key = Key::of(&identity.arn);
        let index = *self.index.entry(key.clone()).or_insert_with(|| {
            self.list.push(Draft {
                key,
                groups: BTreeSet::new(),
                policies: BTreeMap::new(),
                username: None,
                clash: None,
                row: DesiredRow {
                    section: if identity.arn.user_name().is_some() { Section::Users } else { Section::Roles },
                    principal: identity.arn.clone(),
                    unique_id: None,
                    created: None,
                    username: String::new(),
                    groups: Vec::new(),
                    policies: Vec::new(),
                    node: false,
                    who,
                    sources: Vec::new(),
                },
            });
            self.list.len() - 1
        });
        let draft = &mut self.list[index];
        if draft.row.unique_id.is_none() && identity.unique_id.is_some() {
            // What IAM tells is surer than what the policy wrote: its ARN has the real path and case.
            draft.row.principal = identity.arn;
            draft.row.unique_id = identity.unique_id;
            draft.row.created = identity.created;
        }
        push_once(&mut draft.row.sources, source.clone());
        draft
    }

    fn finish(self, desired: &mut Desired) {
        for draft in self.list {
            let arn = draft.row.mapped_arn();
            if let Some((message, source)) = &draft.clash {
                let next = "give each principal one username on a cluster, or keep the entries apart by `where`";
                contradiction(desired, &arn, format!("{arn} {message}"), next, source);
            }
            if draft.row.node {
                // Its content is EKS's own and the same whatever is in doubt, and without it nodes cannot join.
                desired.rows.push(draft.into_row());
            } else if draft.clash.is_none() && self.resolver.doubt.covers(&draft.key) {
                desired.unknown.push(format!("{arn} is left as it is until every line about it can be decided"));
            } else if draft.clash.is_none() {
                desired.rows.push(draft.into_row());
            }
        }
    }
}

impl Draft {
    fn grant(&mut self, entry: &AccessEntry, source: &Source, partition: &Partition) {
        if self.row.node {
            let node = self.username.as_ref().map_or(source, |(_, source)| source);
            let message =
                format!("is a role of nodes by {node} and given to people by {source}: only the nodes get in");
            self.clash.get_or_insert((message, source.clone()));
            self.row.sources.retain(|s| s != source || s == node);
            return;
        }
        self.groups.extend(entry.groups.iter().map(|group| group.name.clone()));
        for policy in &entry.policies {
            let held = self.policies.remove(&access_policy_arn(partition, &policy.name));
            let scope = held.map_or_else(|| policy.scope.clone(), |held| held.and(policy.scope.clone()));
            self.policies.insert(access_policy_arn(partition, &policy.name), scope);
        }
        let Some(username) = &entry.username else { return };
        match &self.username {
            None => self.username = Some((username.text.clone(), source.clone())),
            Some((first, _)) if *first == username.text => {}
            Some((first, first_source)) => {
                let message = format!(
                    "has two usernames: {first:?} by {first_source} and {:?} by {source}; its row is left as it is",
                    username.text
                );
                self.clash.get_or_insert((message, source.clone()));
            }
        }
    }

    fn into_row(self) -> DesiredRow {
        let username = self.username.map_or_else(|| self.row.principal.default_username(), |(username, _)| username);
        let policies = self.policies.into_iter().map(|(policy, scope)| PolicyGrant { policy, scope }).collect();
        DesiredRow { username, groups: self.groups.into_iter().collect(), policies, ..self.row }
    }
}
