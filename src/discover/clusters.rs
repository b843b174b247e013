//! The clusters of one account and region.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_eks::{Client, types};

use super::{DiscoverError, DiscoverErrorKind, Session, actions, pages::read_pages, session::EKS};
use crate::model::{
    Account, AuthenticationMode, Cluster, ClusterId, ClusterPhase, Finding, FindingCode, Place, Region, Regions,
};

/// The regions to ask for clusters: the fixed ones, or those that the account has enabled.
///
/// See <https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html>.
///
/// # Errors
/// When the account's regions cannot be listed.
pub async fn regions(session: &Session, regions: &Regions) -> Result<Vec<Region>, DiscoverError> {
    if let Regions::Fixed(fixed) = regions {
        return Ok(fixed.clone());
    }
    session.renewing(|| enabled(session)).await
}

async fn enabled(session: &Session) -> Result<Vec<Region>, DiscoverError> {
    let service = session.service("account", None);
    let config =
        aws_sdk_account::config::Builder::from(session.home_config()).retry_partition(service.retries()).build();
    let client = aws_sdk_account::Client::from_conf(config);
    let call = session.call(actions::LIST_REGIONS, None);
    let listed = read_pages(&call, |token| {
        let (client, call, service) = (&client, &call, &service);
        async move {
            let ask = client
                .list_regions()
                .max_results(50)
                .region_opt_status_contains(aws_sdk_account::types::RegionOptStatus::Enabled)
                .region_opt_status_contains(aws_sdk_account::types::RegionOptStatus::EnabledByDefault)
                .set_next_token(token);
            let page = service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, call))?;
            Ok((page.regions().iter().filter_map(|r| r.region_name()).map(Region::new).collect(), page.next_token))
        }
    })
    .await;
    let mut listed: Vec<Region> = listed.whole()?;
    listed.sort();
    Ok(listed)
}

/// EKS in one account and region.
#[derive(Clone, Debug)]
pub struct Eks {
    session: Arc<Session>,
    account: Account,
    region: Region,
    client: Client,
}

impl Eks {
    /// Asks nothing yet.
    pub fn new(session: &Arc<Session>, account: &Account, region: &Region) -> Self {
        let (session, client) = (Arc::clone(session), session.eks(region));
        Self { session, account: account.clone(), region: region.clone(), client }
    }

    /// The names of the clusters.
    ///
    /// # Errors
    /// When they cannot be listed to the end.
    pub async fn names(&self) -> Result<Vec<String>, DiscoverError> {
        self.session.renewing(|| self.list()).await
    }

    async fn list(&self) -> Result<Vec<String>, DiscoverError> {
        let call = self.session.call(actions::LIST_CLUSTERS, Some(&self.region));
        let service = self.session.service(EKS, Some(&self.region));
        let names = read_pages(&call, |token| {
            let (call, service) = (&call, &service);
            async move {
                let ask = self.client.list_clusters().max_results(100).set_next_token(token);
                let page = service.ask(ask.send()).await.map_err(|e| DiscoverError::of(&e, call))?;
                Ok((page.clusters.unwrap_or_default(), page.next_token))
            }
        })
        .await;
        names.whole()
    }

    /// One cluster; `None` when it went since it was listed. One that is not ready comes back too, with a notice.
    ///
    /// # Errors
    /// When it cannot be described.
    pub async fn describe(&self, name: &str) -> Result<Option<(Cluster, Option<Finding>)>, DiscoverError> {
        match self.session.renewing(|| describe(self, name)).await {
            Ok(cluster) => {
                let notice = left_alone(&cluster);
                Ok(Some((cluster, notice)))
            }
            Err(error) if error.what() == DiscoverErrorKind::NotFound => {
                tracing::debug!(cluster = name, "the cluster went while the region was read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Where a cluster of this name is.
    pub fn place(&self, name: &str) -> Place {
        place(&self.account, &self.region, name)
    }
}

fn place(account: &Account, region: &Region, name: &str) -> Place {
    Place { region: Some(region.clone()), cluster: Some(name.to_owned()), ..account.place() }
}

async fn describe(eks: &Eks, name: &str) -> Result<Cluster, DiscoverError> {
    let Eks { session, account, region, client } = eks;
    let call = session.call(actions::DESCRIBE_CLUSTER, Some(region)).on(name);
    let asked = session.service(EKS, Some(region)).ask(client.describe_cluster().name(name).send()).await;
    let answer = asked.map_err(|e| DiscoverError::of(&e, &call))?;
    let bad = |why: &str| DiscoverError::new(DiscoverErrorKind::Other, &call, why);
    let told = answer.cluster().ok_or_else(|| bad("the answer holds no cluster"))?;
    let mode = authentication_mode(told).map_err(|why| bad(&format!("{why}; a newer rolecall may know it")))?;
    let id = ClusterId { account: account.id.clone(), region: region.clone(), name: name.to_owned() };
    let arn = told.arn().map_or_else(
        || format!("arn:{}:eks:{region}:{}:cluster/{name}", session.partition(), account.id),
        str::to_owned,
    );
    Ok(Cluster {
        id,
        account: account.clone(),
        arn,
        phase: phase(told.status()),
        endpoint: told.endpoint().unwrap_or_default().to_owned(),
        certificate_authority: told.certificate_authority().and_then(|ca| ca.data()).unwrap_or_default().to_owned(),
        authentication_mode: mode,
        tags: told.tags().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect::<BTreeMap<_, _>>(),
        version: told.version().map(str::to_owned),
    })
}

/// A server that tells no mode knows only aws-auth.
fn authentication_mode(told: &types::Cluster) -> Result<AuthenticationMode, String> {
    match told.access_config().and_then(|access| access.authentication_mode()) {
        None => Ok(AuthenticationMode::ConfigMap),
        Some(mode) => mode.as_str().parse(),
    }
}

/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html> ("status").
fn phase(status: Option<&types::ClusterStatus>) -> ClusterPhase {
    match status {
        Some(types::ClusterStatus::Active) => ClusterPhase::Ready,
        Some(types::ClusterStatus::Updating) => ClusterPhase::Updating,
        Some(other) => ClusterPhase::LeftAlone(other.as_str().to_owned()),
        None => ClusterPhase::LeftAlone("of no known status".to_owned()),
    }
}

fn left_alone(cluster: &Cluster) -> Option<Finding> {
    let ClusterPhase::LeftAlone(status) = &cluster.phase else { return None };
    let message = format!("The cluster is {status} and is left alone.");
    let place = place(&cluster.account, &cluster.id.region, &cluster.id.name);
    Some(Finding::notice(FindingCode::ClusterLeftAlone, cluster.id.name.clone(), message).at(place))
}
