//! The accounts of the organization.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_sdk_organizations::{Client, types};
use futures::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{
    DiscoverError, DiscoverErrorKind, Hub, actions,
    pages::{Listing, read_pages},
    tree::{self, Tree},
};
use crate::model::{Account, AccountId, Finding, FindingCode, Match, OrganizationScope, Place};

/// Calls to Organizations at the same time; its rates are too low for more to be of use.
const CONCURRENCY: usize = 4;
/// The most that Organizations gives in one page.
const PAGE: i32 = 20;

/// What selectors ask of the accounts beyond id and name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The accounts' tags: a call for each account.
    pub account_tags: bool,
    /// The accounts' OU paths: a walk of the tree for the names.
    pub ou_paths: bool,
}

/// The organization as far as a pass needs it.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id, such as `o-a1b2c3d4e5`; `None` when just named accounts are walked.
    pub id: Option<String>,
    /// The active accounts that the scope does not leave out, sorted by id.
    pub accounts: Vec<Account>,
    /// Accounts that were skipped, and what could not be read.
    pub findings: Vec<Finding>,
    /// Every account of the organization, those included that are not walked; `None` where that is not known.
    pub members: Option<BTreeSet<AccountId>>,
    /// Whether all of it could be read.
    pub complete: bool,
}

/// Told of each account, once, as soon as all is known of it that was needed.
pub type Found<'f> = &'f (dyn Fn(&Account) + Send + Sync);

/// Reads the accounts that a pass walks: those named in the scope, or the organization's active ones. What the scope
/// leaves out by account, OU path or account tags is left out here; what cannot be told stays in. An account is told to
/// `found` while others are still being read: at Organizations' rates a large one is listed for many seconds.
///
/// # Errors
/// When the organization cannot be read at all, or a permission for it is missing; accounts may have been told by then.
/// What is only partly unreadable is a finding and makes the organization incomplete.
pub async fn organization(
    hub: &Hub,
    scope: &OrganizationScope,
    need: Need,
    found: Found<'_>,
) -> Result<Organization, DiscoverError> {
    organization_of(hub, scope, need, None, found).await
}

/// The same of these accounts alone, as far as they belong to it: of the others nothing is asked, and the listing ends as
/// soon as all of them were told.
///
/// # Errors
/// As [`organization()`].
pub async fn organization_of(
    hub: &Hub,
    scope: &OrganizationScope,
    need: Need,
    only: Option<&BTreeSet<AccountId>>,
    found: Found<'_>,
) -> Result<Organization, DiscoverError> {
    let told = Told { scope, found, accounts: Mutex::default() };
    if let Some(ids) = &scope.accounts {
        for id in ids.iter().filter(|id| only.is_none_or(|only| only.contains(id))) {
            told.tell(&Account { id: id.clone(), name: id.to_string(), ou_path: None, tags: None });
        }
        let (accounts, findings) = (told.into_accounts(), Vec::new());
        return Ok(Organization { id: None, accounts, findings, members: None, complete: true });
    }
    let client = hub.organizations();
    let (send, mut pages) = mpsc::unbounded_channel::<Vec<Listed>>();
    let placing = Box::pin(async {
        let (mut tree, mut listed) = (Tree::new(hub, &client), Vec::new());
        while let Some(mut page) = pages.recv().await {
            if need.ou_paths {
                tree.place(&mut page).await?;
            }
            let known = |listed: &&Listed| listed.state == ACTIVE && (!need.ou_paths || listed.units.is_some());
            if !need.account_tags {
                page.iter().filter(known).for_each(|listed| told.tell(&listed.account));
            }
            listed.extend(page);
        }
        Ok((tree, listed))
    });
    let listing = Box::pin(async { Ok(list_accounts(hub, &client, only, send).await) });
    let (id, ended_by, (tree, mut listed)) = futures::try_join!(describe(hub, &client), listing, placing)?;
    let mut gaps = Gaps::default();
    // A listing that ended early, at the accounts that were asked for, does not tell of the others.
    let whole = ended_by.is_none() && only.is_none();
    let members = whole.then(|| listed.iter().map(|listed| listed.account.id.clone()).collect());
    if let Some(error) = ended_by {
        if listed.is_empty() || error.what() == DiscoverErrorKind::AccessDenied {
            return Err(error);
        }
        gaps.add("Not all accounts of the organization could be listed", &error);
    }
    if need.ou_paths {
        tree.finish(&mut listed, &mut gaps).await?;
    }
    listed.retain(|listed| keeps(&listed.account, scope));
    let (active, inactive): (Vec<Listed>, Vec<Listed>) = listed.into_iter().partition(|listed| listed.state == ACTIVE);
    let mut accounts: Vec<Account> = active.into_iter().map(|listed| listed.account).collect();
    if need.account_tags {
        read_tags(hub, &client, &mut accounts, &mut gaps, &told).await?;
    } else {
        for account in &accounts {
            told.tell(account);
        }
    }
    let complete = gaps.findings.is_empty();
    let mut findings: Vec<Finding> = inactive.iter().map(Listed::skipped).collect();
    findings.extend(gaps.findings);
    Ok(Organization { id: Some(id), accounts: told.into_accounts(), findings, members, complete })
}

/// The accounts that were told already.
struct Told<'a> {
    scope: &'a OrganizationScope,
    found: Found<'a>,
    accounts: Mutex<BTreeMap<AccountId, Account>>,
}

impl Told<'_> {
    /// Tells the account, unless the scope leaves it out or it was told before.
    fn tell(&self, account: &Account) {
        if !keeps(account, self.scope) {
            return;
        }
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Vacant(new) = accounts.entry(account.id.clone()) {
            new.insert(account.clone());
            (self.found)(account);
        }
    }

    /// Every account told, by id.
    fn into_accounts(self) -> Vec<Account> {
        self.accounts.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
    }
}

/// What could not be read, one finding for each kind of thing however many accounts it concerns.
#[derive(Default)]
pub(super) struct Gaps {
    findings: Vec<Finding>,
}

impl Gaps {
    pub(super) fn add(&mut self, what: &str, error: &DiscoverError) {
        let message = format!("{what}: {error}.");
        self.findings.push(
            Finding::gap(FindingCode::OrganizationIncomplete, "organization", message).next(error.next().to_owned()),
        );
    }
}

const ACTIVE: &str = "ACTIVE";

/// An account as ListAccounts tells of it.
pub(super) struct Listed {
    pub(super) account: Account,
    /// The ids of the OUs from the root down, where the server tells them.
    pub(super) units: Option<Vec<String>>,
    state: String,
}

impl Listed {
    /// `State` tells of an account what `Status` did before, and more; an older server sends only that.
    ///
    /// See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html>.
    fn of(account: &types::Account) -> Option<Self> {
        let id: AccountId = account.id()?.parse().ok()?;
        let state = account.state().map(types::AccountState::as_str);
        let state = state.or_else(|| account.status().map(types::AccountStatus::as_str)).unwrap_or(ACTIVE);
        let name = account.name().filter(|name| !name.is_empty()).unwrap_or(id.as_str()).to_owned();
        Some(Self {
            account: Account { id, name, ou_path: None, tags: None },
            units: account.paths().first().and_then(|path| tree::units_of_path(path)),
            state: state.to_owned(),
        })
    }

    fn skipped(&self) -> Finding {
        let Account { id, name, .. } = &self.account;
        let message = format!("The account is {} and was skipped.", self.state);
        let place = Place { account: Some(id.clone()), account_name: Some(name.clone()), ..Place::default() };
        Finding::notice(FindingCode::AccountInactive, id.to_string(), message).at(place)
    }
}

/// Whether any cluster of the account can be in scope. An exclusion that also speaks of regions or clusters leaves no
/// account out, and neither does one that cannot be decided.
fn keeps(account: &Account, scope: &OrganizationScope) -> bool {
    let excluded = |exclude: &crate::model::Selector| {
        exclude.is_about_accounts_only() && exclude.may_match_account(account) == Match::Yes
    };
    scope.include.may_match_account(account) != Match::No && !scope.exclude.as_ref().is_some_and(excluded)
}

pub(super) async fn describe(hub: &Hub, client: &Client) -> Result<String, DiscoverError> {
    let call = hub.call(actions::DESCRIBE_ORGANIZATION);
    hub.rates.describe_organization.wait().await;
    let answer = client.describe_organization().send().await.map_err(|e| DiscoverError::of(&e, &call))?;
    let id = answer.organization().and_then(types::Organization::id);
    id.map(str::to_owned)
        .ok_or_else(|| DiscoverError::new(DiscoverErrorKind::Other, &call, "the answer names no organization"))
}

/// Sends every page as it comes, and gives the error that ended the listing early, if any.
async fn list_accounts(
    hub: &Hub,
    client: &Client,
    only: Option<&BTreeSet<AccountId>>,
    pages: mpsc::UnboundedSender<Vec<Listed>>,
) -> Option<DiscoverError> {
    let call = hub.call(actions::LIST_ACCOUNTS);
    let seen = AtomicUsize::new(0);
    let listing: Listing<()> = read_pages(&call, |token| {
        let (client, call, pages, seen) = (&client, &call, &pages, &seen);
        async move {
            hub.rates.list_accounts.wait().await;
            let page = client.list_accounts().max_results(PAGE).set_next_token(token).send().await;
            let page = page.map_err(|e| DiscoverError::of(&e, call))?;
            let mut listed: Vec<Listed> = page.accounts().iter().filter_map(Listed::of).collect();
            listed.retain(|listed| only.is_none_or(|only| only.contains(&listed.account.id)));
            let seen = seen.fetch_add(listed.len(), Ordering::Relaxed) + listed.len();
            let more = only.is_none_or(|only| seen < only.len());
            // Nobody takes more pages once the reading as a whole has failed.
            let sent = pages.send(listed);
            Ok((Vec::new(), page.next_token.filter(|_| more && sent.is_ok())))
        }
    })
    .await;
    listing.ended_by
}

async fn read_tags(
    hub: &Hub,
    client: &Client,
    accounts: &mut [Account],
    gaps: &mut Gaps,
    told: &Told<'_>,
) -> Result<(), DiscoverError> {
    let mut failed: Vec<DiscoverError> = Vec::new();
    let reading = accounts.iter_mut().map(|account| async move {
        let read = tags_of(hub, client, &account.id).await;
        (account, read)
    });
    let mut reading = stream::iter(reading.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY);
    while let Some((account, read)) = reading.next().await {
        match read {
            Ok(tags) => account.tags = Some(tags),
            Err(error) if error.what() == DiscoverErrorKind::AccessDenied => return Err(error),
            Err(error) => failed.push(error),
        }
        told.tell(account);
    }
    if let Some(error) = failed.first() {
        gaps.add(&format!("The tags of {} accounts could not be read", failed.len()), error);
    }
    Ok(())
}

async fn tags_of(hub: &Hub, client: &Client, id: &AccountId) -> Result<BTreeMap<String, String>, DiscoverError> {
    let call = hub.call(actions::LIST_TAGS).on(format!("account {id}"));
    let tags = read_pages(&call, |token| {
        let (client, call) = (&client, &call);
        async move {
            hub.rates.list_tags.wait().await;
            let page = client.list_tags_for_resource().resource_id(id.as_str()).set_next_token(token).send().await;
            let page = page.map_err(|e| DiscoverError::of(&e, call))?;
            let tags = page.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect();
            Ok((tags, page.next_token))
        }
    })
    .await;
    Ok(tags.whole()?.into_iter().collect())
}
