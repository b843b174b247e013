//! Walking the organization: accounts, their regions, their clusters.

use std::{collections::BTreeSet, sync::Arc};

use futures::TryFutureExt;
use tokio::{sync::Semaphore, task::JoinSet};
use tracing::{Instrument, debug, info_span};

use super::{
    Context, FleetError,
    examine::{self, Examined},
    selection,
    tasks::{FAULT, FAULT_NEXT, cluster_span, join_all, or_fault},
};
use crate::{
    discover::{self, Hub, Need, Organization, Session},
    model::{Account, Cluster, Finding, FindingCode, Identities, Place, Region},
};

/// The fleet as AWS tells of it, without a look into any cluster.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// The organization's id, where there is one.
    pub organization: Option<String>,
    /// The accounts that were walked.
    pub accounts: Vec<Account>,
    /// The clusters that are meant, sorted.
    pub clusters: Vec<Cluster>,
    /// How many regions were asked in at least one account.
    pub regions: usize,
    /// What was found on the way.
    pub findings: Vec<Finding>,
}

/// Every cluster read and planned, with what was found on the way.
pub(super) struct Walked {
    pub(super) organization: Option<String>,
    pub(super) accounts: usize,
    pub(super) regions: usize,
    pub(super) findings: Vec<Finding>,
    pub(super) examined: Vec<Examined>,
}

/// One account with its clusters.
#[derive(Default)]
struct AccountWalk {
    clusters: Vec<Cluster>,
    regions: Vec<Region>,
    findings: Vec<Finding>,
    session: Option<Arc<Session>>,
}

impl AccountWalk {
    /// What is left of an account in whose walk rolecall itself failed.
    fn lost(account: &Account) -> Self {
        Self { findings: vec![fault(FindingCode::AccountUnreadable, account.place())], ..Self::default() }
    }
}

fn fault(code: FindingCode, place: Place) -> Finding {
    Finding::gap(code, place.to_string(), FAULT).next(FAULT_NEXT).at(place)
}

/// Reads organization, accounts and clusters and nothing else.
pub(super) async fn organization(context: &Context, hub: &Hub) -> Result<Organization, FleetError> {
    let inputs = &context.inputs;
    let scope = &inputs.settings.scope;
    let need = Need {
        account_tags: inputs.policy.needs_account_tags() || inputs.settings.needs_account_tags(),
        ou_paths: inputs.policy.needs_ou_paths() || inputs.settings.needs_ou_paths(),
    };
    let mut organization = tokio::select! {
        organization = discover::organization(hub, scope, need) => organization?,
        () = context.cancel.cancelled() => return Err(FleetError::Cancelled),
    };
    if let Some(only) = &context.options.only {
        let wanted: BTreeSet<_> = only.plans.iter().map(|plan| &plan.cluster.account).collect();
        organization.accounts.retain(|account| wanted.contains(&account.id));
    }
    context.progress.accounts(organization.accounts.len());
    Ok(organization)
}

/// Walks the organization for `rolecall discover`: no cluster is contacted.
///
/// # Errors
/// When the organization cannot be read.
pub async fn discover(
    inputs: Arc<super::Inputs>,
    hub: &Arc<Hub>,
    cancel: tokio_util::sync::CancellationToken,
    progress: Arc<dyn super::Progress>,
) -> Result<Discovery, FleetError> {
    let options = super::PassOptions::new(crate::model::PassKind::Plan);
    let context = Arc::new(Context::new(inputs, options, cancel, progress));
    let organization = organization(&context, hub).await?;
    let accounts = organization.accounts.clone();
    let mut findings = organization.findings;
    let (mut clusters, mut regions) = (Vec::new(), BTreeSet::new());
    for walk in each_account(&context, hub, organization.accounts, |_, _, walk| async { walk }).await {
        regions.extend(walk.regions);
        findings.extend(walk.findings);
        clusters.extend(walk.clusters);
    }
    clusters.sort_by(|a: &Cluster, b| a.id.cmp(&b.id));
    selection::unused_selectors(&context, clusters.iter(), &mut findings);
    findings.sort();
    Ok(Discovery { organization: organization.id, accounts, clusters, regions: regions.len(), findings })
}

/// Walks the organization and examines every cluster as soon as it is found.
pub(super) async fn examine_all(context: &Arc<Context>, hub: &Arc<Hub>) -> Result<Walked, FleetError> {
    let organization = organization(context, hub).await?;
    let accounts = organization.accounts.len();
    let mut findings = organization.findings;
    let at_once = Arc::new(Semaphore::new(context.inputs.settings.limits.clusters));
    let results = each_account(context, hub, organization.accounts, move |context, account, walk| {
        let at_once = Arc::clone(&at_once);
        async move { examine_account(&context, &at_once, &account, walk).await }
    })
    .await;
    let (mut regions, mut examined) = (BTreeSet::new(), Vec::new());
    for (walk, clusters) in results {
        regions.extend(walk.regions);
        findings.extend(walk.findings);
        examined.extend(clusters);
    }
    findings.sort();
    Ok(Walked { organization: organization.id, accounts, regions: regions.len(), findings, examined })
}

/// Walks every account, as many at once as the settings allow clusters, and hands each to `then`.
async fn each_account<T, F, Fut>(context: &Arc<Context>, hub: &Arc<Hub>, accounts: Vec<Account>, then: F) -> Vec<T>
where
    T: Send + 'static,
    F: Fn(Arc<Context>, Account, AccountWalk) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = T> + Send,
{
    let at_once = Arc::new(Semaphore::new(context.inputs.settings.limits.clusters));
    let mut tasks = JoinSet::new();
    for account in accounts {
        let (context, hub, at_once, then) = (Arc::clone(context), Arc::clone(hub), Arc::clone(&at_once), then.clone());
        let span = info_span!("account", id = %account.id, name = %account.name);
        tasks.spawn(
            async move {
                let walk = {
                    let _permit = at_once.acquire_owned().await;
                    or_fault(walk_account(&context, &hub, &account), || AccountWalk::lost(&account)).await
                };
                context.progress.account_done();
                then(context, account, walk).await
            }
            .instrument(span),
        );
    }
    join_all(tasks).await
}

async fn walk_account(context: &Context, hub: &Hub, account: &Account) -> AccountWalk {
    let mut walk = AccountWalk::default();
    let place = account.place();
    if context.cancel.is_cancelled() {
        walk.findings.push(cancelled(place));
        return walk;
    }
    let session = match hub.session(&account.id).await {
        Ok(session) => session,
        Err(error) => {
            walk.findings.push(error.finding(place));
            return walk;
        }
    };
    match discover::regions(&session, &context.inputs.settings.scope.regions).await {
        Ok(regions) => walk.regions = regions,
        Err(error) => {
            walk.findings.push(error.finding(place));
            return walk;
        }
    }
    let mut tasks = JoinSet::new();
    for region in walk.regions.clone() {
        let (session, account) = (Arc::clone(&session), account.clone());
        let place = Place { region: Some(region.clone()), ..place.clone() };
        tasks.spawn(async move {
            let clusters = discover::clusters(&session, &account, &region);
            let clusters = clusters.map_err(|error| Box::new(error.finding(place.clone())));
            let lost = || Err(Box::new(fault(FindingCode::RegionUnreadable, place.clone())));
            let clusters = or_fault(clusters, lost).await;
            (region, clusters)
        });
    }
    for (region, result) in join_all(tasks).await {
        match result {
            Ok((clusters, findings)) => {
                debug!(%region, clusters = clusters.len(), "region read");
                walk.clusters.extend(clusters);
                walk.findings.extend(findings);
            }
            Err(finding) => walk.findings.push(*finding),
        }
    }
    selection::retain(context, &mut walk.clusters, &mut walk.findings);
    context.progress.clusters_found(walk.clusters.len());
    walk.session = Some(session);
    walk
}

fn cancelled(place: Place) -> Finding {
    let subject = place.to_string();
    Finding::gap(FindingCode::AccountUnreadable, subject, "the pass was called off before this account was read")
        .at(place)
}

async fn examine_account(
    context: &Arc<Context>,
    at_once: &Arc<Semaphore>,
    account: &Account,
    mut walk: AccountWalk,
) -> (AccountWalk, Vec<Examined>) {
    let clusters = std::mem::take(&mut walk.clusters);
    let Some(session) = walk.session.clone().filter(|_| !clusters.is_empty()) else { return (walk, Vec::new()) };
    let wanted = context.inputs.policy.principals_for(account);
    // Principals that were not looked up are unknown, not missing.
    let identities = or_fault(discover::identities(&session, account, &wanted), Identities::default).await;
    let identities = Arc::new(identities);
    let mut tasks = JoinSet::new();
    for cluster in clusters {
        let (context, at_once) = (Arc::clone(context), Arc::clone(at_once));
        let (session, identities) = (Arc::clone(&session), Arc::clone(&identities));
        let span = cluster_span(&cluster.id);
        tasks.spawn(
            async move {
                let _permit = at_once.acquire_owned().await;
                let lost = cluster.clone();
                let examining = Box::pin(examine::examine(&context, cluster, session, identities));
                let examined = or_fault(examining, || Examined::lost(lost)).await;
                context.progress.cluster_done(examined.report.status);
                examined
            }
            .instrument(span),
        );
    }
    (walk, join_all(tasks).await)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_took_away_is_told() {
        let account = Account { id: "111122223333".parse().unwrap(), name: "dev".into(), ou_path: None, tags: None };
        let walk = or_fault(async { panic!("a fault") }, || AccountWalk::lost(&account)).await;
        let finding = &walk.findings[0];
        assert!(finding.incomplete && finding.code == FindingCode::AccountUnreadable);
        assert_eq!(finding.place.account.as_ref(), Some(&account.id));
        assert_eq!(or_fault(async { 1 }, || 2).await, 1);
    }
}
