//! Walking the organization: accounts, their regions, their clusters.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::OnceCell,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use tracing::{Instrument, debug, info_span};

use super::{
    Context, FleetError,
    accounts::{each_account, need},
    center::CenterView,
    examine::{self, Examined},
    explain::{self, Explained},
    foreign::{Foreign, is_foreign},
    seen::Seen,
    selection,
    stock::{self, Taken},
    tasks::{cluster_span, join_all, or_fault},
};
use crate::{
    discover::{self, DiscoverError, Eks, Hub, Need, Organization, Session, Turns},
    model::{Account, Cluster, ClusterId, Finding, FindingCode, Identities, Place, Region, Status},
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
    /// Identity Center, where something may still be asked for.
    pub(super) center: Arc<CenterView>,
}

/// Every cluster with all that it has, with what was found on the way.
pub(super) struct Stock {
    pub(super) organization: Option<String>,
    pub(super) taken: Vec<Taken>,
    pub(super) findings: Vec<Finding>,
}

/// How far a walk goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// To the clusters, as EKS tells of them.
    Clusters,
    /// Into each of them.
    Inside,
    /// Into each of them, to all that it has.
    Everything,
    /// The same, for somebody who is asked about.
    Explained,
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
    let (organization, seen, _) = walk(&context, hub, Depth::Clusters).await?;
    let (mut clusters, mut findings) = (seen.clusters, organization.findings);
    findings.extend(seen.findings);
    clusters.sort_by(|a, b| a.id.cmp(&b.id));
    selection::unused_selectors(&context, clusters.iter(), &mut findings);
    findings.sort();
    let (accounts, regions) = (organization.accounts, seen.regions.len());
    Ok(Discovery { organization: organization.id, accounts, clusters, regions, findings })
}

/// Walks the organization and examines every cluster as soon as it is found.
pub(super) async fn examine_all(context: &Arc<Context>, hub: &Arc<Hub>) -> Result<Walked, FleetError> {
    let (organization, seen, center) = walk(context, hub, Depth::Inside).await?;
    let (accounts, mut findings) = (organization.accounts.len(), organization.findings);
    findings.extend(seen.findings);
    let regions = seen.regions.len();
    Ok(Walked { organization: organization.id, accounts, regions, findings, examined: seen.examined, center })
}

/// Walks the organization and takes stock of every cluster, whatever a policy says.
pub(super) async fn take_stock(context: &Arc<Context>, hub: &Arc<Hub>) -> Result<Stock, FleetError> {
    let (organization, seen, _) = walk(context, hub, Depth::Everything).await?;
    let mut findings = organization.findings;
    findings.extend(seen.findings);
    findings.sort();
    let mut taken = seen.taken;
    taken.sort_by(|a, b| a.cluster.id.cmp(&b.cluster.id));
    Ok(Stock { organization: organization.id, taken, findings })
}

/// Walks the organization and explains whom the options ask about on every cluster.
pub(super) async fn explain_all(context: &Arc<Context>, hub: &Arc<Hub>) -> Result<Explained, FleetError> {
    let (organization, seen, center) = walk(context, hub, Depth::Explained).await?;
    let mut findings = organization.findings;
    findings.extend(seen.findings);
    findings.extend(center.findings(context).await);
    findings.sort();
    let mut clusters = seen.explained;
    clusters.sort_by(|a, b| a.cluster.id.cmp(&b.cluster.id));
    Ok(Explained { clusters, findings })
}

/// Walks every account as soon as the organization's listing tells of it.
async fn walk(
    context: &Arc<Context>,
    hub: &Arc<Hub>,
    depth: Depth,
) -> Result<(Organization, Seen, Arc<CenterView>), FleetError> {
    let walk = Walk::new(context, hub, depth);
    let mut accounts = JoinSet::new();
    let start = |account: Account| {
        let span = info_span!("account", id = %account.id, name = %account.name);
        accounts.spawn(Arc::clone(&walk).account(account).instrument(span));
    };
    let need = match depth {
        Depth::Everything => Need { account_tags: true, ou_paths: true },
        Depth::Clusters | Depth::Inside | Depth::Explained => need(context),
    };
    let organization = each_account(context, hub, need, start, |organization| walk.foreign.listed(organization));
    // An error ends the accounts' walks with it: nothing was written yet.
    let organization = organization.await?;
    Ok((organization, Seen::all(join_all(accounts).await), Arc::clone(&walk.center)))
}

/// What the parts of one walk share.
struct Walk {
    context: Arc<Context>,
    hub: Arc<Hub>,
    depth: Depth,
    center: Arc<CenterView>,
    timeout: Duration,
    /// Accounts and regions at once.
    listing: Turns,
    /// Clusters at once.
    clusters: Turns,
    foreign: Foreign,
}

/// One account on the walk.
struct Stop {
    account: Account,
    session: Arc<Session>,
    /// Asked for once in the account, when there is a cluster.
    identities: OnceCell<Arc<Identities>>,
}

impl Walk {
    fn new(context: &Arc<Context>, hub: &Arc<Hub>, depth: Depth) -> Arc<Self> {
        let settings = &context.inputs.settings;
        let turns = || Turns::new(settings.limits.clusters);
        let (context, hub, timeout) = (Arc::clone(context), Arc::clone(hub), settings.timeout);
        let foreign = Foreign::new(&hub, timeout);
        let center = Arc::new(CenterView::new(&hub));
        Arc::new(Self { context, hub, depth, center, timeout, listing: turns(), clusters: turns(), foreign })
    }

    async fn account(self: Arc<Self>, account: Account) -> Seen {
        let place = account.place();
        let lost = || Seen::lost(FindingCode::AccountUnreadable, place.clone());
        or_fault(self.regions(account), lost).await
    }

    async fn regions(self: &Arc<Self>, account: Account) -> Seen {
        let place = account.place();
        let entering = async {
            let session = self.hub.session(&account.id).await?;
            let regions = discover::regions(&session, &self.context.inputs.settings.scope.regions).await?;
            Ok::<_, DiscoverError>((session, regions))
        };
        let (session, mut regions) = match self.listing.take(self.context.unless_called_off(entering)).await {
            Some(Ok(entered)) => entered,
            Some(Err(error)) => return Seen::finding(error.finding(place)),
            None => return Seen::cancelled(FindingCode::AccountUnreadable, place),
        };
        if let Some(within) = &self.context.options.within {
            regions.retain(|region| within.singled_out(&account.id, region).is_none_or(|names| !names.is_empty()));
        }
        let stop = Arc::new(Stop { account, session, identities: OnceCell::new() });
        let mut tasks = JoinSet::new();
        for region in &regions {
            tasks.spawn(Arc::clone(self).region(Arc::clone(&stop), region.clone()).in_current_span());
        }
        let mut seen = Seen::all(join_all(tasks).await);
        seen.regions.extend(regions);
        seen.findings.extend(stop.identities.get().into_iter().flat_map(|known| known.findings.iter().cloned()));
        self.context.progress.account_done();
        seen
    }

    async fn region(self: Arc<Self>, stop: Arc<Stop>, region: Region) -> Seen {
        let place = Place { region: Some(region.clone()), ..stop.account.place() };
        let lost = || Seen::lost(FindingCode::RegionUnreadable, place.clone());
        or_fault(self.clusters(&stop, &region, place.clone()), lost).await
    }

    async fn clusters(self: &Arc<Self>, stop: &Arc<Stop>, region: &Region, place: Place) -> Seen {
        let eks = Arc::new(Eks::new(&stop.session, &stop.account, region));
        let within = self.context.options.within.as_ref();
        let listing = async {
            match within.and_then(|within| within.singled_out(&stop.account.id, region)) {
                Some(names) => Ok(names),
                None => eks.names().await.map(|names| self.covered(stop, region, names)),
            }
        };
        let names = match self.listing.take(self.context.unless_called_off(listing)).await {
            Some(Ok(names)) => names,
            Some(Err(error)) => return Seen::finding(error.finding(place)),
            None => return Seen::cancelled(FindingCode::RegionUnreadable, place),
        };
        debug!(%region, clusters = names.len(), "region read");
        if matches!(self.depth, Depth::Inside | Depth::Explained) && !names.is_empty() {
            stop.identities.get_or_init(|| Box::pin(self.identities(stop))).await;
        }
        let mut tasks = JoinSet::new();
        for name in names {
            let id = ClusterId { account: stop.account.id.clone(), region: region.clone(), name };
            let span = cluster_span(&id);
            let (walk, stop, eks) = (Arc::clone(self), Arc::clone(stop), Arc::clone(&eks));
            tasks.spawn(
                async move {
                    let visit = walk.visit(&stop, &eks, &id.name);
                    let visited = Box::pin(walk.clusters.take(visit));
                    or_fault(visited, || Seen::lost(FindingCode::ClusterUnreadable, eks.place(&id.name))).await
                }
                .instrument(span),
            );
        }
        Seen::all(join_all(tasks).await)
    }

    /// The clusters that the pass goes to, of those listed.
    fn covered(&self, stop: &Stop, region: &Region, mut names: Vec<String>) -> Vec<String> {
        if let Some(within) = &self.context.options.within {
            let id = |name: &str| ClusterId {
                account: stop.account.id.clone(),
                region: region.clone(),
                name: name.to_owned(),
            };
            names.retain(|name| within.covers(&id(name)));
        }
        names
    }

    /// What IAM knows of the policy's principals. What was not looked up in time is unknown, not missing. Identity Center
    /// is asked at a pace of its own, in which nobody's turn and no time for IAM is spent.
    async fn identities(&self, stop: &Stop) -> Arc<Identities> {
        let mut wanted = self.context.inputs.policy.principals_for(&stop.account);
        wanted.extend(self.context.options.asked.iter().cloned());
        let assigned = self.center.assigned(&self.context, &stop.account, &wanted).await;
        let (foreign, own) = wanted.into_iter().partition(|principal| is_foreign(principal, &stop.account));
        let asking = discover::identities(&stop.session, &stop.account, &own, &assigned);
        let asking = timeout(self.timeout, self.context.unless_called_off(asking));
        let mut known = self.listing.take(Box::pin(asking)).await.ok().flatten().unwrap_or_default();
        // Nobody waits for a turn behind this: where the organization is large, it is listed for a while.
        let elsewhere = self.context.unless_called_off(self.foreign.look_up(foreign)).await;
        known.found.extend(elsewhere.into_iter().flatten());
        Arc::new(known)
    }

    /// One cluster, all of it within its own deadline.
    async fn visit(&self, stop: &Stop, eks: &Eks, name: &str) -> Seen {
        let (context, began) = (&self.context, Instant::now());
        let place = || eks.place(name);
        let describing = timeout_at(began + self.timeout, eks.describe(name));
        let (cluster, notice) = match context.unless_called_off(describing).await {
            Some(Ok(Ok(Some(described)))) => described,
            Some(Ok(Ok(None))) => return Seen::default(),
            Some(Ok(Err(error))) => return Seen::finding(error.finding(place())),
            Some(Err(_)) => return Seen::finding(not_described(place(), self.timeout)),
            None => return Seen::cancelled(FindingCode::ClusterUnreadable, place()),
        };
        let mut seen = Seen { findings: notice.into_iter().collect(), ..Seen::default() };
        match selection::means(context, &cluster) {
            Ok(true) => context.progress.clusters_found(1),
            Ok(false) => return seen,
            Err(unsure) => {
                seen.findings.push(*unsure);
                return seen;
            }
        }
        if self.depth == Depth::Clusters {
            seen.clusters.push(cluster);
            return seen;
        }
        if self.depth == Depth::Everything {
            let lost = cluster.clone();
            let taking = Box::pin(stock::take(context, cluster, &stop.session, began));
            let taken = or_fault(taking, || Taken::lost(lost)).await;
            context.progress.cluster_done(taken.status());
            seen.taken.push(taken);
            return seen;
        }
        let identities = stop.identities.get().cloned().unwrap_or_default();
        let lost = cluster.clone();
        if self.depth == Depth::Explained {
            let explaining = Box::pin(explain::of_cluster(context, &cluster, &stop.session, &identities, began));
            let explained = or_fault(explaining, || explain::lost(lost)).await;
            context.progress.cluster_done(Status::InSync);
            seen.explained.push(explained);
            return seen;
        }
        let examining = Box::pin(examine::examine(context, cluster, &stop.session, &identities, began));
        let examined = or_fault(examining, || Examined::lost(lost)).await;
        context.progress.cluster_done(examined.report.status);
        seen.examined.push(examined);
        seen
    }
}

fn not_described(place: Place, deadline: Duration) -> Finding {
    let message = format!(
        "cluster {place} was not described within {} s: EKS did not answer DescribeCluster in time",
        deadline.as_secs()
    );
    Finding::gap(FindingCode::ClusterUnreadable, place.to_string(), message)
        .next("see whether EKS answers slowly in that account and region, or raise `clusters.timeout`")
        .at(place)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_panic_took_away_is_told() {
        let place = Place { account: Some("111122223333".parse().unwrap()), ..Place::default() };
        let lost = || Seen::lost(FindingCode::AccountUnreadable, place.clone());
        let seen = or_fault(async { panic!("a fault") }, lost).await;
        let finding = &seen.findings[0];
        assert!(finding.incomplete && finding.code == FindingCode::AccountUnreadable);
        assert_eq!(finding.place.account, place.account);
        assert_eq!(or_fault(async { 1 }, || 2).await, 1);
    }
}
