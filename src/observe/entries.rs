//! The access entries of a cluster.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use aws_sdk_eks::types;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::{
    connect::{Eks, EksError, EksFault, moment, policy_grant},
    model::{
        Arn, Desired, ENTRY_TAG, EntriesState, Observed, ObservedEntry, PolicyGrant, STANDARD, Unmanaged, UnreadEntry,
        Unreadable, UnreadableKind,
    },
};

use super::memory::{ClusterMemory, divide};

/// Entries that are described at the same time; the account's own limits hold beside it.
const CONCURRENCY: usize = 8;

const LIST: &str = "eks:ListAccessEntries";
const DESCRIBE: &str = "eks:DescribeAccessEntry";
const LIST_POLICIES: &str = "eks:ListAssociatedAccessPolicies";

/// Reads the entries until the time is over.
///
/// The list holds nothing but ARNs, and which entries are rolecall's is told by their tags: so every entry is described,
/// but for those of AWS services, which nobody else may change, and those that the memory knows as somebody else's, unless
/// these are to be removed. The policies of an entry are a call more, made only for people's entries, and among those only
/// for what the policy names, what is rolecall's, and the rest where it is to be told or removed (`unmanaged`). For n
/// entries that is ⌈n/100⌉ lists, n descriptions and at most n lists of policies; with a memory, n is what the policy
/// names, what is rolecall's, and what is not known yet.
///
/// Those that the policy names come first: what could not be read within the time, or at all, is noted one by one, and one
/// that went since it was listed is absent. What was read is remembered even when the time was too short for the rest.
///
/// Unknown as a whole only when the entries could not be listed to the end.
pub async fn access_entries(
    eks: &Eks,
    desired: &Desired,
    unmanaged: Unmanaged,
    memory: Option<ClusterMemory<'_>>,
    until: Instant,
) -> Observed<Option<EntriesState>> {
    let read = read(eks, desired, unmanaged, memory, until).await;
    read.map_or_else(Observed::Unknown, |state| Observed::Known(Some(state)))
}

async fn read(
    eks: &Eks,
    desired: &Desired,
    unmanaged: Unmanaged,
    memory: Option<ClusterMemory<'_>>,
    until: Instant,
) -> Result<EntriesState, Unreadable> {
    let late = || eks.nonsense(LIST, None, "the time for reading the cluster is over").why;
    let listed = timeout_at(until, principals(eks)).await.map_err(|_| Unreadable {
        kind: UnreadableKind::Timeout,
        next: Some("see whether EKS is slow or throttles, or raise `clusters.timeout`".to_owned()),
        ..late()
    })?;
    let listed = listed.map_err(|error| error.why)?;
    let wanted: Arc<BTreeSet<String>> =
        Arc::new(desired.rows.iter().map(|row| row.mapped_arn().to_lowercase()).collect());
    let known = memory.map_or_else(HashMap::new, |memory| memory.keep(&listed));
    let plan = divide(listed, |principal| wanted.contains(&bare(principal)), &known, unmanaged, Timestamp::now());
    let mut state = EntriesState { entries: plan.told, unread: Vec::new() };
    let describing: Vec<_> = plan
        .read
        .into_iter()
        .map(|principal| {
            let (eks, wanted) = (eks.clone(), Arc::clone(&wanted));
            async move {
                let named = wanted.contains(&bare(&principal));
                let reading = entry(&eks, &principal, named, unmanaged != Unmanaged::Keep);
                let read = timeout_at(until, reading).await;
                (principal, named, read)
            }
        })
        .collect();
    let mut reading = stream::iter(describing).buffer_unordered(CONCURRENCY);
    while let Some((principal, named, read)) = reading.next().await {
        let why = match read {
            Ok(Ok(Some(entry))) => {
                if let Some(memory) = memory {
                    memory.note(&entry, named, Timestamp::now());
                }
                state.entries.push(entry);
                continue;
            }
            Ok(Ok(None)) => {
                if let Some(memory) = memory {
                    memory.forget(&principal);
                }
                continue;
            }
            Ok(Err(error)) => error.why,
            Err(_) => Unreadable {
                kind: UnreadableKind::Timeout,
                message: format!("{}: the access entry of {principal} was not read within the time", eks.cluster()),
                next: Some("raise `clusters.timeout`, or lower the number of access entries".to_owned()),
            },
        };
        state.unread.push(UnreadEntry { principal, why });
    }
    state.entries.sort_by(|a, b| a.principal.cmp(&b.principal));
    state.unread.sort_by(|a, b| a.principal.cmp(&b.principal));
    Ok(state)
}

/// What came of the three calls that read access entries, made once each, and the entry of the principal they were made for.
#[derive(Debug)]
pub struct EntryTrials {
    /// Listing.
    pub list: Result<(), Unreadable>,
    /// Describing: the principal's entry, where it has one.
    pub describe: Result<Option<ObservedEntry>, Unreadable>,
    /// Listing the entry's policies.
    pub policies: Result<(), Unreadable>,
}

/// Tries the calls that read access entries on the entry of one principal, which need not exist.
pub async fn entry_trials(eks: &Eks, principal: &str) -> EntryTrials {
    let list = eks.ask(LIST, None, eks.client().list_access_entries().cluster_name(eks.name()).max_results(1).send());
    let absent = |error: EksError| if error.fault == EksFault::NotFound { Ok(()) } else { Err(error.why) };
    let (list, described, policies) = futures::join!(list, described(eks, principal), policies(eks, principal));
    EntryTrials {
        list: list.map(drop).map_err(|error| error.why),
        describe: described.map_err(|error| error.why),
        policies: policies.map(drop).or_else(absent),
    }
}

/// The principal in small letters and without a role's path: names are unique within an account whatever their path.
fn bare(principal: &str) -> String {
    let plain =
        principal.parse::<Arn>().map_or_else(|_| principal.to_owned(), |arn| arn.without_role_path().to_string());
    plain.to_lowercase()
}

/// Whether it is the entry of an AWS service's own role.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html>.
fn is_of_a_service(principal: &str) -> bool {
    principal.contains(":role/aws-service-role/")
}

async fn principals(eks: &Eks) -> Result<Vec<String>, EksError> {
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let call =
            eks.client().list_access_entries().cluster_name(eks.name()).max_results(100).set_next_token(token.clone());
        let page = eks.ask(LIST, None, call.send()).await?;
        all.extend(page.access_entries.unwrap_or_default().into_iter().filter(|principal| !is_of_a_service(principal)));
        match page.next_token.filter(|next| !next.is_empty()) {
            None => return Ok(all),
            next if next == token => {
                let what = "the server repeated a page token, so the rest of the list is not known";
                return Err(eks.nonsense(LIST, None, what));
            }
            next => token = next,
        }
    }
}

async fn entry(eks: &Eks, principal: &str, named: bool, strangers: bool) -> Result<Option<ObservedEntry>, EksError> {
    let Some(mut entry) = described(eks, principal).await? else { return Ok(None) };
    if entry.kind == STANDARD && (named || entry.ours || strangers) {
        match policies(eks, principal).await {
            Ok((policies, associated)) => (entry.policies, entry.associated) = (Some(policies), associated),
            Err(error) if error.fault == EksFault::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(entry))
}

async fn described(eks: &Eks, principal: &str) -> Result<Option<ObservedEntry>, EksError> {
    let call = eks.client().describe_access_entry().cluster_name(eks.name()).principal_arn(principal);
    let described = match eks.ask(DESCRIBE, Some(principal), call.send()).await {
        Ok(described) => described,
        Err(error) if error.fault == EksFault::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bad = || eks.nonsense(DESCRIBE, Some(principal), "the answer holds no access entry that can be understood");
    described.access_entry.and_then(|told| read_entry(told, principal)).ok_or_else(bad).map(Some)
}

fn read_entry(told: types::AccessEntry, principal: &str) -> Option<ObservedEntry> {
    let (key, value) = ENTRY_TAG;
    let ours = told.tags().is_some_and(|tags| tags.get(key).is_some_and(|held| held == value));
    Some(ObservedEntry {
        created: moment(told.created_at()?)?,
        modified: moment(told.modified_at().or(told.created_at())?)?,
        principal: principal.to_owned(),
        username: told.username.unwrap_or_default(),
        groups: told.kubernetes_groups.unwrap_or_default(),
        kind: told.r#type.unwrap_or_else(|| STANDARD.to_owned()),
        ours,
        policies: None,
        associated: None,
        remembered: None,
    })
}

/// The policies of an entry, and when the last of them was associated or changed.
async fn policies(eks: &Eks, principal: &str) -> Result<(Vec<PolicyGrant>, Option<Timestamp>), EksError> {
    let (mut all, mut latest) = (Vec::new(), None);
    let mut token: Option<String> = None;
    loop {
        let call = eks.client().list_associated_access_policies().cluster_name(eks.name()).principal_arn(principal);
        let call = call.max_results(100).set_next_token(token.clone());
        let page = eks.ask(LIST_POLICIES, Some(principal), call.send()).await?;
        for told in page.associated_access_policies.unwrap_or_default() {
            let bad =
                || eks.nonsense(LIST_POLICIES, Some(principal), "the answer holds a policy that is not understood");
            latest = latest.max(told.modified_at().or(told.associated_at()).and_then(moment));
            all.push(policy_grant(&told).ok_or_else(bad)?);
        }
        match page.next_token.filter(|next| !next.is_empty()) {
            None => break,
            next if next == token => {
                let what = "the server repeated a page token, so the rest of the list is not known";
                return Err(eks.nonsense(LIST_POLICIES, Some(principal), what));
            }
            next => token = next,
        }
    }
    all.sort();
    Ok((all, latest))
}
