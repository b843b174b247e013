//! IAM groups: who is in them, and which roles their policies let their members assume.
//!
//! A group is read by the calls that are about it alone: GetGroup for its users, ListGroupPolicies and GetGroupPolicy for
//! its inline policies, ListAttachedGroupPolicies, and GetPolicy and GetPolicyVersion for each attached policy once.
//! GetAccountAuthorizationDetails would tell it too, but page by page with every policy of every role and user of the
//! account: in most accounts of an organization the group does not exist, which GetGroup tells by one call, and
//! rolecall's role need not be allowed to read what nobody asked about.

mod document;
mod evaluate;
mod expand;
mod pattern;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod trials;

pub(super) use trials::trials;

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};

use self::{
    document::Document,
    expand::{Expanded, Expansion},
};
use super::{
    DiscoverError, DiscoverErrorKind, actions,
    identities::{CONCURRENCY, Iam, Role, user},
    pages::{next_marker, read_pages},
};
use crate::model::{Account, Finding, IamGroup, Identity, Lookup, Principal};

/// A group with all that is needed of it.
#[derive(Clone, Debug, Default)]
struct Group {
    users: Vec<Identity>,
    /// Its inline policies and those attached to it; read only where its roles are asked for.
    documents: Vec<Document>,
}

/// What came of reading a group: none when the account has none of that name.
type Read = Result<Option<Group>, String>;

/// The groups of one account that a policy names, by their names in lower case.
pub(super) struct Groups {
    read: BTreeMap<String, Read>,
}

/// Names of groups are unique whatever their case.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html> ("IAM name requirements").
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn group(principal: &Principal) -> Option<&IamGroup> {
    match principal {
        Principal::IamGroup(group) => Some(group),
        _ => None,
    }
}

/// Reads the groups that are named, each once.
pub(super) async fn read(iam: &Iam<'_>, wanted: &BTreeSet<Principal>) -> Groups {
    let mut named: BTreeMap<String, (&str, bool)> = BTreeMap::new();
    for group in wanted.iter().filter_map(group) {
        named.entry(key(&group.name)).or_insert((&group.name, false)).1 |= !group.members;
    }
    let reading = named.into_iter().map(|(key, (name, policies))| async move {
        let read = iam.group(name, policies).await;
        (key, read)
    });
    let reading: Vec<_> = reading.collect();
    let read: Vec<_> = stream::iter(reading).buffer_unordered(CONCURRENCY).collect().await;
    let attached: BTreeSet<String> =
        read.iter().flat_map(|(_, read)| read.iter().flatten()).flat_map(attached).collect();
    let reading = attached.into_iter().map(|arn| async move {
        let read = iam.managed(&arn).await;
        (arn, read)
    });
    let reading: Vec<_> = reading.collect();
    let managed: BTreeMap<String, Result<Document, String>> =
        stream::iter(reading).buffer_unordered(CONCURRENCY).collect().await;
    Groups { read: read.into_iter().map(|(name, read)| (name, whole(read, &managed))).collect() }
}

/// A group as its own calls tell of it.
struct Told {
    users: Vec<Identity>,
    inline: Vec<Document>,
    attached: Vec<String>,
}

fn attached(told: &Told) -> impl Iterator<Item = String> + '_ {
    told.attached.iter().cloned()
}

fn whole(told: Result<Option<Told>, String>, managed: &BTreeMap<String, Result<Document, String>>) -> Read {
    let Some(Told { users, inline, attached }) = told? else { return Ok(None) };
    let mut documents = inline;
    for arn in attached {
        documents.push(managed.get(&arn).cloned().unwrap_or_else(|| Err(format!("{arn} was not read")))?);
    }
    Ok(Some(Group { users, documents }))
}

impl Groups {
    /// Whether some group's roles can only be told from the list of all.
    pub(super) fn take_all_roles(&self, wanted: &BTreeSet<Principal>) -> bool {
        wanted.iter().filter_map(group).any(|group| !group.members && group.via.is_none() && self.exists(group))
    }

    /// The roles that are asked for by `via`.
    pub(super) fn roles<'w>(&self, wanted: &'w BTreeSet<Principal>) -> impl Iterator<Item = &'w str> {
        wanted.iter().filter_map(group).filter(|group| self.exists(group)).filter_map(|group| group.via.as_deref())
    }

    fn exists(&self, group: &IamGroup) -> bool {
        matches!(self.read.get(&key(&group.name)), Some(Ok(Some(_))))
    }

    /// What the group comes down to. `all` is the list of all roles where it was needed; a role is asked for alone where
    /// there is none.
    pub(super) async fn look_up(
        &self,
        iam: &Iam<'_>,
        account: &Account,
        wanted: &IamGroup,
        all: Option<&Result<Vec<Role>, String>>,
    ) -> (Lookup, Vec<Finding>) {
        let nothing = |lookup| (lookup, Vec::new());
        let group = match self.read.get(&key(&wanted.name)) {
            Some(Ok(Some(group))) => group,
            Some(Ok(None)) => return nothing(Lookup::Missing),
            Some(Err(why)) => return nothing(Lookup::Unknown(why.clone())),
            None => return nothing(Lookup::Unknown(format!("IAM group {} was not read", wanted.name))),
        };
        if wanted.members {
            return nothing(Lookup::Found(group.users.clone()));
        }
        let own = iam.own();
        let expansion = Expansion { account, name: &wanted.name, group, own: &own };
        let expanded: Result<Expanded, String> = match (&wanted.via, all) {
            (None, Some(Ok(roles))) => Ok(expansion.all(roles)),
            (None, None) => Err("the account's roles were not listed".to_owned()),
            (_, Some(Err(why))) => Err(why.clone()),
            (Some(via), Some(Ok(roles))) => {
                let same =
                    |role: &&Role| role.identity.arn.role_name().is_some_and(|name| name.eq_ignore_ascii_case(via));
                Ok(expansion.via(roles.iter().find(same)))
            }
            (Some(via), None) => iam.role(via).await.map(|role| expansion.via(role.as_ref())),
        };
        expanded.map_or_else(|why| nothing(Lookup::Unknown(why)), |expanded| (expanded.lookup, expanded.findings))
    }
}

impl Iam<'_> {
    async fn group(&self, name: &str, policies: bool) -> Result<Option<Told>, String> {
        let users = match self.group_users(name).await {
            Ok(users) => users,
            Err(error) if error.what() == DiscoverErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let unreadable = || format!("IAM's answer about a user of group {name} cannot be read");
        let users: Vec<Identity> = users.into_iter().collect::<Option<_>>().ok_or_else(unreadable)?;
        if !policies {
            return Ok(Some(Told { users, inline: Vec::new(), attached: Vec::new() }));
        }
        let mut inline = Vec::new();
        for policy in self.inline_names(name).await.map_err(|e| e.to_string())? {
            inline.push(self.inline(name, &policy).await?);
        }
        let attached = self.attached(name).await.map_err(|e| e.to_string())?;
        Ok(Some(Told { users, inline, attached }))
    }

    async fn group_users(&self, name: &str) -> Result<Vec<Option<Identity>>, DiscoverError> {
        let call = self.session.call(actions::GET_GROUP, None).on(name);
        let users = read_pages(&call, |from| {
            let call = &call;
            async move {
                let ask = self.client.get_group().group_name(name).max_items(1000).set_marker(from);
                let page = self.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, call))?;
                let next = next_marker(call, page.is_truncated(), page.marker())?;
                Ok((page.users().iter().map(user).collect(), next))
            }
        });
        users.await.whole()
    }

    async fn inline_names(&self, name: &str) -> Result<Vec<String>, DiscoverError> {
        let call = self.session.call(actions::LIST_GROUP_POLICIES, None).on(name);
        let names = read_pages(&call, |from| {
            let call = &call;
            async move {
                let ask = self.client.list_group_policies().group_name(name).max_items(1000).set_marker(from);
                let page = self.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, call))?;
                let next = next_marker(call, page.is_truncated(), page.marker())?;
                Ok((page.policy_names().to_vec(), next))
            }
        });
        names.await.whole()
    }

    async fn inline(&self, group: &str, policy: &str) -> Result<Document, String> {
        let call = self.session.call(actions::GET_GROUP_POLICY, None).on(format!("{group}/{policy}"));
        let ask = self.client.get_group_policy().group_name(group).policy_name(policy);
        let told = self.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, &call).to_string())?;
        read_document(told.policy_document(), policy)
    }

    async fn attached(&self, name: &str) -> Result<Vec<String>, DiscoverError> {
        let call = self.session.call(actions::LIST_ATTACHED_GROUP_POLICIES, None).on(name);
        let arns = read_pages(&call, |from| {
            let call = &call;
            async move {
                let ask = self.client.list_attached_group_policies().group_name(name).max_items(1000).set_marker(from);
                let page = self.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, call))?;
                let next = next_marker(call, page.is_truncated(), page.marker())?;
                let arn = |policy: &aws_sdk_iam::types::AttachedPolicy| policy.policy_arn().map(str::to_owned);
                let unnamed = || DiscoverError::new(DiscoverErrorKind::Other, call, "an attached policy has no ARN");
                let arns = page.attached_policies().iter().map(|policy| arn(policy).ok_or_else(unnamed));
                Ok((arns.collect::<Result<Vec<_>, _>>()?, next))
            }
        });
        arns.await.whole()
    }

    /// The version of a managed policy that is in force.
    async fn managed(&self, arn: &str) -> Result<Document, String> {
        let call = self.session.call(actions::GET_POLICY, None).on(arn);
        let policy = self.service.ask(self.client.get_policy().policy_arn(arn).send()).await;
        let policy = policy.map_err(|e| DiscoverError::of(&e, &call).to_string())?;
        let version = policy.policy().and_then(|policy| policy.default_version_id());
        let version = version.ok_or_else(|| format!("IAM does not say which version of {arn} is in force"))?;
        let call = self.session.call(actions::GET_POLICY_VERSION, None).on(format!("{arn} {version}"));
        let ask = self.client.get_policy_version().policy_arn(arn).version_id(version);
        let told = self.service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, &call).to_string())?;
        read_document(told.policy_version().and_then(|version| version.document()).unwrap_or_default(), arn)
    }
}

fn read_document(text: &str, policy: &str) -> Result<Document, String> {
    Document::read(text).map_err(|why| format!("policy {policy} cannot be read: {why}"))
}
