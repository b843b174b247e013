//! Access entries and the access policies associated with them.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_eks::types;
use jiff::Timestamp;
use tokio::time::{Duration, Instant, sleep};

use super::{Left, Miss, Place};
use crate::{
    connect::{self, Eks, EksError, EksFault},
    model::{Content, ENTRY_TAG, EntryPrecondition, STANDARD, Unreadable, Write},
};

const CREATE: &str = "eks:CreateAccessEntry";
const UPDATE: &str = "eks:UpdateAccessEntry";
const DELETE: &str = "eks:DeleteAccessEntry";
const DESCRIBE: &str = "eks:DescribeAccessEntry";
const TAG: &str = "eks:TagResource";

/// How long a principal that IAM has just made may be unknown to EKS, and how long what was written may not be read yet.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>.
const CONSISTENT: Duration = Duration::from_secs(15);
/// The first pause between two looks; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An entry as EKS has it.
pub(super) struct Live {
    arn: String,
    created: Timestamp,
    modified: Timestamp,
    kind: String,
    username: String,
    groups: BTreeSet<String>,
    tags: HashMap<String, String>,
}

impl Live {
    fn holds(&self, content: &Content) -> bool {
        let Content::Entry { username, groups, .. } = content else { return false };
        self.username == *username && self.groups == groups.iter().cloned().collect()
    }

    fn bears(&self, tags: &HashMap<String, String>) -> bool {
        tags.iter().all(|(key, value)| self.tags.get(key) == Some(value))
    }

    fn is_ours(&self) -> bool {
        self.tags.get(ENTRY_TAG.0).is_some_and(|value| value == ENTRY_TAG.1)
    }
}

/// Looks again and again, until something is there or the time is over.
pub(super) struct Looks {
    until: Instant,
    pause: Duration,
}

impl Looks {
    pub(super) fn new(until: Instant) -> Self {
        Self { until: until.min(Instant::now() + CONSISTENT), pause: PAUSE }
    }

    /// Whether there is time for another look, which is waited for.
    pub(super) async fn again(&mut self) -> bool {
        if Instant::now() + self.pause >= self.until {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }
}

impl Place<'_> {
    /// The way to the access entries; a plan speaks of them only where there is one.
    pub(super) fn eks(&self) -> Result<&Eks, Miss> {
        let what = "the plan speaks of access entries, and the cluster reads none";
        self.eks.ok_or_else(|| Miss::Failed(connect::server_error(what, "writing access entries", self.cluster)))
    }

    /// Makes one write of an access entry and notes it.
    pub(super) async fn put_entry(self, write: &Write, left: &mut Left) -> Result<(), Miss> {
        let Some(principal) = write.entry() else { return Ok(()) };
        let touched = left.entries.contains(principal);
        let expected = |precondition, before| Expected { precondition, before, touched };
        match write {
            Write::CreateEntry { ours, after, .. } => self.create_entry(principal, after, tags(*ours)).await?,
            Write::UpdateEntry { precondition, before, after, .. } => {
                self.update_entry(principal, expected(precondition, Some(before)), after).await?;
            }
            Write::TagEntry { precondition, .. } => self.tag_entry(principal, expected(precondition, None)).await?,
            Write::RecreateEntry { precondition, before, after, .. } => {
                self.recreate_entry(principal, expected(precondition, Some(before)), after).await?;
            }
            Write::DeleteEntry { precondition, before, .. } => {
                self.delete_entry(principal, expected(precondition, Some(before))).await?;
            }
            Write::AssociatePolicy { precondition, policy, before, after, .. } => {
                let scopes = (before.as_ref(), after);
                self.associate(principal, expected(precondition, None), policy, scopes).await?;
            }
            Write::DisassociatePolicy { precondition, policy, before, .. } => {
                self.disassociate(principal, expected(precondition, None), policy, before).await?;
            }
            Write::PutAwsAuth { .. }
            | Write::CreateBackup { .. }
            | Write::ApplyObject { .. }
            | Write::SetMode { .. }
            | Write::DeleteObject { .. } => return Ok(()),
        }
        left.entries.insert(principal.to_owned());
        Ok(())
    }

    /// Creates an entry with these tags and waits until it can be read. EKS itself refuses a second one.
    pub(super) async fn create_entry(
        self,
        principal: &str,
        after: &Content,
        tags: HashMap<String, String>,
    ) -> Result<(), Miss> {
        let eks = self.eks()?;
        let (username, groups) = self.text(after)?;
        let mut looks = Looks::new(self.until);
        loop {
            let call = eks.client().create_access_entry().cluster_name(eks.name()).principal_arn(principal);
            let call = call.r#type(STANDARD).username(username).set_kubernetes_groups(Some(groups.to_vec()));
            let call = call.set_tags(Some(tags.clone()));
            match eks.ask(CREATE, Some(principal), call.send()).await {
                Ok(_) => break,
                // A role made a moment ago is not known everywhere yet.
                Err(error) if error.fault == EksFault::InvalidPrincipal && looks.again().await => {}
                Err(error) if error.fault == EksFault::InUse => {
                    return Err(conflict(principal, "it exists now, and the plan had seen none"));
                }
                Err(error) => return Err(Miss::Failed(error.why)),
            }
        }
        self.settled(principal, |live| live.is_some_and(|live| live.holds(after) && live.bears(&tags))).await
    }

    /// Sets username and groups, both, of an entry that is still what the plan saw.
    pub(super) async fn update_entry(
        self,
        principal: &str,
        expected: Expected<'_>,
        after: &Content,
    ) -> Result<(), Miss> {
        let eks = self.eks()?;
        self.expect(principal, expected).await?;
        let (username, groups) = self.text(after)?;
        let call = eks.client().update_access_entry().cluster_name(eks.name()).principal_arn(principal);
        let call = call.username(username).set_kubernetes_groups(Some(groups.to_vec()));
        eks.ask(UPDATE, Some(principal), call.send()).await.map_err(|error| miss(principal, error))?;
        self.settled(principal, |live| live.is_some_and(|live| live.holds(after))).await
    }

    /// Puts rolecall's tag on an entry that is still what the plan saw.
    pub(super) async fn tag_entry(self, principal: &str, expected: Expected<'_>) -> Result<(), Miss> {
        let eks = self.eks()?;
        let live = self.expect(principal, expected).await?;
        let call = eks.client().tag_resource().resource_arn(&live.arn).tags(ENTRY_TAG.0, ENTRY_TAG.1);
        eks.ask(TAG, Some(principal), call.send()).await.map_err(|error| miss(principal, error))?;
        self.settled(principal, |live| live.is_some_and(Live::is_ours)).await
    }

    /// Deletes an entry that is still what the plan saw. One that is gone already is done.
    pub(super) async fn delete_entry(self, principal: &str, expected: Expected<'_>) -> Result<(), Miss> {
        let eks = self.eks()?;
        if self.live(principal).await?.is_none() {
            return Ok(());
        }
        self.expect(principal, expected).await?;
        let call = eks.client().delete_access_entry().cluster_name(eks.name()).principal_arn(principal);
        match eks.ask(DELETE, Some(principal), call.send()).await {
            Err(error) if error.fault != EksFault::NotFound => return Err(Miss::Failed(error.why)),
            _ => {}
        }
        self.settled(principal, |live| live.is_none()).await
    }

    /// Deletes an entry that lets nobody in and makes it again; other tags than rolecall's are kept.
    pub(super) async fn recreate_entry(
        self,
        principal: &str,
        expected: Expected<'_>,
        after: &Content,
    ) -> Result<(), Miss> {
        let mut tags = self.expect(principal, expected).await?.tags;
        tags.extend(self::tags(true));
        self.delete_entry(principal, expected).await?;
        self.create_entry(principal, after, tags).await.map_err(|miss| match miss {
            Miss::Failed(why) => Miss::Failed(Unreadable {
                message: format!("{} (the old access entry is deleted; the next pass makes the new one)", why.message),
                ..why
            }),
            conflict @ Miss::Conflict(_) => conflict,
        })
    }

    fn text(self, content: &Content) -> Result<(&str, &[String]), Miss> {
        if let Content::Entry { username, groups, .. } = content {
            return Ok((username, groups));
        }
        let what = "the plan's content is not that of an access entry";
        Err(Miss::Failed(connect::server_error(what, "writing access entries", self.cluster)))
    }

    async fn live(self, principal: &str) -> Result<Option<Live>, Miss> {
        let eks = self.eks()?;
        let call = eks.client().describe_access_entry().cluster_name(eks.name()).principal_arn(principal);
        let told = match eks.ask(DESCRIBE, Some(principal), call.send()).await {
            Ok(told) => told,
            Err(error) if error.fault == EksFault::NotFound => return Ok(None),
            Err(error) => return Err(Miss::Failed(error.why)),
        };
        let bad =
            || eks.nonsense(DESCRIBE, Some(principal), "the answer holds no access entry that can be understood").why;
        told.access_entry.and_then(live).map(Some).ok_or_else(|| Miss::Failed(bad()))
    }

    /// The entry, when it is what the plan saw.
    pub(super) async fn expect(self, principal: &str, expected: Expected<'_>) -> Result<Live, Miss> {
        let Some(live) = self.live(principal).await? else { return Err(conflict(principal, "it is gone")) };
        if live.kind != STANDARD {
            return Err(conflict(principal, "it belongs to nodes now"));
        }
        match expected.precondition {
            EntryPrecondition::Absent => return Err(conflict(principal, "it exists now, and the plan had seen none")),
            EntryPrecondition::AfterPrevious if expected.touched => {}
            EntryPrecondition::AfterPrevious => {
                return Err(conflict(principal, "the plan builds on an earlier write of it, and there was none"));
            }
            EntryPrecondition::At { created, modified } => {
                if live.created != *created {
                    return Err(conflict(principal, "it was deleted and created anew since the plan was made"));
                }
                if live.modified != *modified && !expected.touched {
                    return Err(conflict(principal, "somebody changed it since the plan was made"));
                }
            }
        }
        if expected.before.is_some_and(|before| !live.holds(before)) {
            return Err(conflict(principal, "it does not hold what the plan had seen"));
        }
        Ok(live)
    }

    /// Reads an entry back until it is as it shall be: EKS's answers follow its writes with some delay.
    async fn settled(self, principal: &str, done: impl Fn(Option<&Live>) -> bool) -> Result<(), Miss> {
        let mut looks = Looks::new(self.until);
        loop {
            if done(self.live(principal).await?.as_ref()) {
                return Ok(());
            }
            if !looks.again().await {
                return Err(conflict(principal, "what was written is not what can be read afterwards"));
            }
        }
    }
}

/// What an entry must be to be written.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) precondition: &'a EntryPrecondition,
    /// What it must hold, where that matters.
    pub(super) before: Option<&'a Content>,
    /// Whether an earlier step wrote to it.
    pub(super) touched: bool,
}

fn live(told: types::AccessEntry) -> Option<Live> {
    Some(Live {
        created: connect::moment(told.created_at()?)?,
        modified: connect::moment(told.modified_at().or(told.created_at())?)?,
        arn: told.access_entry_arn?,
        kind: told.r#type.unwrap_or_else(|| STANDARD.to_owned()),
        username: told.username.unwrap_or_default(),
        groups: told.kubernetes_groups.unwrap_or_default().into_iter().collect(),
        tags: told.tags.unwrap_or_default(),
    })
}

/// The tags of a new entry.
fn tags(ours: bool) -> HashMap<String, String> {
    let tag = ours.then(|| (ENTRY_TAG.0.to_owned(), ENTRY_TAG.1.to_owned()));
    tag.into_iter().collect()
}

fn miss(principal: &str, error: EksError) -> Miss {
    match error.fault {
        EksFault::NotFound => conflict(principal, "it is gone"),
        _ => Miss::Failed(error.why),
    }
}

pub(super) fn conflict(principal: &str, why: &str) -> Miss {
    Miss::Conflict(format!("access entry of {principal}: {why}"))
}
