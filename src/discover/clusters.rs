//! The clusters of one account and region.

use std::collections::BTreeMap;

use aws_sdk_eks::{Client, config::retry::RetryPartition, types};
use futures::{StreamExt, stream};

use super::{DiscoverError, DiscoverErrorKind, Session, actions, pages::read_pages};
use crate::model::{
    Account, AuthenticationMode, Cluster, ClusterId, ClusterPhase, Finding, FindingCode, Place, Region, Regions,
};

/// DescribeCluster calls at the same time.
const CONCURRENCY: usize = 4;

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
    match enabled(session).await {
        Err(error) if session.renew_after(&error).await => enabled(session).await,
        regions => regions,
    }
}

async fn enabled(session: &Session) -> Result<Vec<Region>, DiscoverError> {
    let config = aws_sdk_account::config::Builder::from(session.home_config())
        .retry_partition(RetryPartition::new(format!("account-{}", session.account())))
        .build();
    let client = aws_sdk_account::Client::from_conf(config);
    let call = session.call(actions::LIST_REGIONS, None);
    let listed = read_pages(&call, |token| {
        let (client, call) = (&client, &call);
        async move {
            let _turn = session.turn().await;
            let page = client
                .list_regions()
                .max_results(50)
                .region_opt_status_contains(aws_sdk_account::types::RegionOptStatus::Enabled)
                .region_opt_status_contains(aws_sdk_account::types::RegionOptStatus::EnabledByDefault)
                .set_next_token(token)
                .send()
                .await
                .map_err(|e| DiscoverError::of(&e, call))?;
            Ok((page.regions().iter().filter_map(|r| r.region_name()).map(Region::new).collect(), page.next_token))
        }
    })
    .await;
    let mut listed: Vec<Region> = listed.whole()?;
    listed.sort();
    Ok(listed)
}

/// Reads the clusters of one region. Clusters that are not ready come back too, with a notice. One cluster that cannot be
/// described is a finding and does not keep the others away; one that went between list and describe is no cluster. A
/// session that has ended before its time is made anew, once.
///
/// # Errors
/// When the clusters cannot be listed to the end.
pub async fn clusters(
    session: &Session,
    account: &Account,
    region: &Region,
) -> Result<(Vec<Cluster>, Vec<Finding>), DiscoverError> {
    match read(session, account, region).await {
        Err(error) if session.renew_after(&error).await => read(session, account, region).await,
        clusters => clusters,
    }
}

async fn read(
    session: &Session,
    account: &Account,
    region: &Region,
) -> Result<(Vec<Cluster>, Vec<Finding>), DiscoverError> {
    let config = aws_sdk_eks::config::Builder::from(&session.config(region))
        .retry_partition(RetryPartition::new(format!("eks-{}-{region}", session.account())))
        .build();
    let client = Client::from_conf(config);
    let call = session.call(actions::LIST_CLUSTERS, Some(region));
    let names = read_pages(&call, |token| {
        let (client, call) = (&client, &call);
        async move {
            let _turn = session.turn().await;
            let page = client.list_clusters().max_results(100).set_next_token(token).send().await;
            let page = page.map_err(|e| DiscoverError::of(&e, call))?;
            Ok((page.clusters().to_vec(), page.next_token))
        }
    })
    .await;
    let describing = names.whole()?.into_iter().map(|name| {
        let client = &client;
        async move {
            let described = describe(session, client, account, region, &name).await;
            (name, described)
        }
    });
    // The futures are made before they are streamed: a closure inside the stream would keep this one from being sent
    // between threads.
    let mut described = stream::iter(describing.collect::<Vec<_>>()).buffered(CONCURRENCY);
    let (mut clusters, mut findings) = (Vec::new(), Vec::new());
    while let Some((name, described)) = described.next().await {
        match described {
            Ok(cluster) => {
                findings.extend(left_alone(&cluster));
                clusters.push(cluster);
            }
            Err(error) if error.what() == DiscoverErrorKind::NotFound => {
                tracing::debug!(cluster = name, "the cluster went while the region was read");
            }
            Err(error) => findings.push(error.finding(place(account, region, &name))),
        }
    }
    Ok((clusters, findings))
}

fn place(account: &Account, region: &Region, name: &str) -> Place {
    Place { region: Some(region.clone()), cluster: Some(name.to_owned()), ..account.place() }
}

async fn describe(
    session: &Session,
    client: &Client,
    account: &Account,
    region: &Region,
    name: &str,
) -> Result<Cluster, DiscoverError> {
    let call = session.call(actions::DESCRIBE_CLUSTER, Some(region)).on(name);
    let _turn = session.turn().await;
    let answer = client.describe_cluster().name(name).send().await.map_err(|e| DiscoverError::of(&e, &call))?;
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
        Some(types::ClusterStatus::Active | types::ClusterStatus::Updating) => ClusterPhase::Ready,
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
