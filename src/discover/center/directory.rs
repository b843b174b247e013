//! One pass's view of Identity Center.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::join_all;
use tokio::sync::OnceCell;

use super::{
    Center,
    ask::{Holder, Instance, Pair},
    memory::Cells,
    words,
};
use crate::{
    discover::DiscoverError,
    model::{AccountId, Finding, FindingCode, Principal},
};

/// What a directory group is assigned in one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// These permission sets, by name; none where the group is assigned none there, or does not exist.
    Sets(BTreeSet<String>),
    /// It could not be told, for this reason.
    Unknown(String),
}

/// Identity Center as one pass sees it: each question is asked once, when the first account needs its answer.
pub struct Directory {
    pub(super) center: Arc<Center>,
    instance: OnceCell<Result<Instance, String>>,
    /// Whether what a group is assigned may be asked for in all accounts at once.
    by_group: OnceCell<bool>,
    groups: Cells<String, Result<Group, String>>,
    accounts: Cells<AccountId, Result<Holdings, String>>,
    findings: Mutex<BTreeSet<Finding>>,
}

/// A group of the directory.
#[derive(Clone, Debug)]
struct Group {
    /// `None` where there is no group of this name.
    id: Option<String>,
    /// The ARNs of the permission sets that it is assigned, where they could be asked for in all accounts at once.
    assigned: Option<BTreeSet<Pair>>,
}

/// Who holds the permission sets, by their ARN, of one account.
type Holdings = BTreeMap<String, Arc<BTreeSet<Holder>>>;

/// What the groups hold in one account: the ARNs and names of permission sets, with the groups that hold each.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    pub(super) sets: BTreeMap<String, HeldSet>,
}

/// One permission set that groups of the policy hold.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldSet {
    pub(super) name: String,
    /// The groups, names by id.
    pub(super) groups: BTreeMap<String, String>,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("center", &self.center).finish_non_exhaustive()
    }
}

impl Directory {
    pub(super) fn new(center: Arc<Center>) -> Self {
        Self {
            center,
            instance: OnceCell::new(),
            by_group: OnceCell::new(),
            groups: Cells::default(),
            accounts: Cells::default(),
            findings: Mutex::default(),
        }
    }

    /// What each of the groups is assigned in the account. It never fails: what cannot be told is unknown, for a reason.
    ///
    /// Where only a group's assignments in one account after the other may be asked for, that takes a call for each of
    /// the account's permission sets, at the pace that AWS allows.
    pub async fn assigned(&self, account: &AccountId, groups: &BTreeSet<String>) -> BTreeMap<String, Assigned> {
        let assigned = groups.iter().map(async |name| {
            let assigned = match self.sets_of(account, name).await {
                Ok(sets) => Assigned::Sets(sets.into_iter().map(|(_, name)| name).collect()),
                Err(why) => Assigned::Unknown(why),
            };
            (name.clone(), assigned)
        });
        join_all(assigned).await.into_iter().collect()
    }

    /// What concerns the whole organization and was found on the way; each is told once.
    pub fn findings(&self) -> Vec<Finding> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The permission sets that those of the groups hold of which it is known; all of it was asked for before.
    pub(super) async fn held(&self, account: &AccountId, groups: &BTreeSet<String>) -> Held {
        let mut held = Held::default();
        for name in groups {
            let Ok(group) = self.group(name).await else { continue };
            let Some(id) = group.id else { continue };
            for (arn, set) in self.sets_of(account, name).await.unwrap_or_default() {
                let held = held.sets.entry(arn).or_insert_with(|| HeldSet { name: set, ..HeldSet::default() });
                held.groups.insert(id.clone(), name.clone());
            }
        }
        held
    }

    /// Who holds a permission set, where all that hold anything in the account were asked for.
    pub(super) async fn known_holders(&self, pair: &Pair) -> Option<Arc<BTreeSet<Holder>>> {
        if self.by_group.get() != Some(&false) {
            return None;
        }
        self.holdings(&pair.0).await.ok()?.get(&pair.1).cloned()
    }

    /// The instance, or why there is none.
    pub(super) async fn instance(&self) -> Result<Instance, String> {
        let asked = self.instance.get_or_init(async || match self.center.instance().await {
            Ok(Some(instance)) => Ok(instance),
            Ok(None) => {
                let (region, caller) = (&self.center.region, &self.center.caller);
                let why = format!("Identity Center has no instance in region {region} that {caller} can see");
                let next = "set `identityCenter.region` to the region that the console of Identity Center shows, and \
                            let the management account or its delegated administrator ask; without Identity Center, \
                            take the directory groups out of the policy";
                self.tell(unreadable(&why, next));
                Err(why)
            }
            Err(error) => {
                self.tell(unreadable(&error.to_string(), error.next()));
                Err(error.to_string())
            }
        });
        asked.await.clone()
    }

    /// The permission sets, ARN and name, that the group is assigned in the account.
    async fn sets_of(&self, account: &AccountId, name: &str) -> Result<BTreeSet<(String, String)>, String> {
        let group = self.group(name).await?;
        let Some(id) = group.id else { return Ok(BTreeSet::new()) };
        let arns: BTreeSet<String> = if let Some(assigned) = group.assigned {
            assigned.into_iter().filter(|(of, _)| of == account).map(|(_, set)| set).collect()
        } else {
            let (holdings, group) = (self.holdings(account).await?, Holder::Group(id));
            holdings.into_iter().filter(|(_, who)| who.contains(&group)).map(|(set, _)| set).collect()
        };
        let named = join_all(arns.into_iter().map(async |arn| {
            let name = self.set_name(&arn).await?;
            Ok((arn, name))
        }));
        named.await.into_iter().collect()
    }

    async fn set_name(&self, arn: &str) -> Result<String, String> {
        let instance = self.instance().await?;
        let cell = self.center.memory.sets.cell(arn.to_owned());
        let name = cell.get_or_try_init(|| self.center.set_name(&instance, arn)).await;
        name.cloned().map_err(|error: DiscoverError| error.to_string())
    }

    async fn group(&self, name: &str) -> Result<Group, String> {
        let cell = self.groups.cell(name.to_owned());
        cell.get_or_init(|| self.ask_group(name)).await.clone()
    }

    async fn ask_group(&self, name: &str) -> Result<Group, String> {
        let instance = self.instance().await?;
        let told = |error: DiscoverError| error.to_string();
        let ids: Vec<String> = self.center.group_ids(&instance.store, name).await.map_err(told)?.into_iter().collect();
        let id = match ids.as_slice() {
            [] => {
                let near = self.center.names_like(&instance.store, name).await;
                self.tell(missing(name, &near));
                return Ok(Group { id: None, assigned: None });
            }
            [id] => id.clone(),
            several => {
                let why =
                    format!("Identity Center has {} groups of this name: {}", several.len(), words::list(several));
                self.tell(ambiguous(name, &why));
                return Err(why);
            }
        };
        let by_group = self.by_group.get_or_init(|| self.center.may_ask_by_group(&instance, &id)).await;
        let assigned = match by_group {
            true => Some(self.center.assigned_to(&instance, &id).await.map_err(told)?.into_iter().collect()),
            false => None,
        };
        Ok(Group { id: Some(id), assigned })
    }

    /// Who holds what in an account, permission set by permission set.
    async fn holdings(&self, account: &AccountId) -> Result<Holdings, String> {
        let cell = self.accounts.cell(account.clone());
        cell.get_or_init(|| self.ask_holdings(account)).await.clone()
    }

    async fn ask_holdings(&self, account: &AccountId) -> Result<Holdings, String> {
        let instance = self.instance().await?;
        let told = |error: DiscoverError| error.to_string();
        let sets = self.center.provisioned(&instance, account).await.map_err(told)?;
        let holdings = join_all(sets.into_iter().map(async |set| {
            let pair = (account.clone(), set);
            let holders = Arc::new(self.center.holders(&instance, &pair).await.map_err(told)?);
            self.center.memory.holders.put(pair.clone(), Arc::clone(&holders));
            Ok((pair.1, holders))
        }));
        holdings.await.into_iter().collect()
    }

    fn tell(&self, finding: Finding) {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner).insert(finding);
    }
}

fn subject(group: &str) -> String {
    Principal::DirectoryGroup(group.to_owned()).to_string()
}

fn unreadable(why: &str, next: &str) -> Finding {
    let message = format!(
        "Identity Center could not be read: {why}; directory groups give nothing, and nothing is removed from clusters \
         that they are meant for"
    );
    Finding::gap(FindingCode::IdentityCenterUnreadable, "Identity Center", message).next(next)
}

fn missing(group: &str, near: &[String]) -> Finding {
    let message = format!("{} does not exist in Identity Center; nobody gets in by it", subject(group));
    let next = match near {
        [] => "write the display name that Identity Center shows, for groups of Active Directory often group@domain"
            .into(),
        near => format!("correct its name, if {} is meant", words::list(near)),
    };
    Finding::notice(FindingCode::PrincipalMissing, subject(group), message).next(next)
}

fn ambiguous(group: &str, why: &str) -> Finding {
    let message = format!("which group {} is cannot be told: {why}", subject(group));
    Finding::gap(FindingCode::PrincipalUnknown, subject(group), message).next("give the groups different names")
}
