//! Why somebody gets into the clusters of the fleet, or why not.

use std::sync::Arc;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Context, FleetError, Inputs, PassOptions, Progress, examine, walk};
use crate::{
    discover::{Hub, Session},
    explain,
    model::{Cluster, ClusterState, Explanation, Finding, Identities, Observed, Unreadable, UnreadableKind},
    policy,
};

/// What a question came to.
#[derive(Clone, Debug)]
pub struct Explained {
    /// One for each cluster, sorted.
    pub clusters: Vec<Explanation>,
    /// What could not be read, and other things found on the way.
    pub findings: Vec<Finding>,
}

impl Explained {
    /// Whether anything lets one of those asked for in, anywhere.
    pub fn lets_in(&self) -> bool {
        self.clusters.iter().flat_map(|cluster| &cluster.answers).any(|answer| answer.effective().is_some())
    }

    /// Whether part of the answer is not known.
    pub fn is_incomplete(&self) -> bool {
        self.findings.iter().any(|finding| finding.incomplete)
            || self.clusters.iter().any(|cluster| !cluster.unknown.is_empty())
    }
}

/// Reads everything that the clusters have and explains what those asked for in the options can do there. Nothing is
/// written.
///
/// # Errors
/// When the organization cannot be read.
pub async fn explain(
    inputs: Arc<Inputs>,
    options: PassOptions,
    hub: &Arc<Hub>,
    cancel: CancellationToken,
    progress: Arc<dyn Progress>,
) -> Result<Explained, FleetError> {
    let context = Arc::new(Context::new(inputs, options, cancel, progress));
    walk::explain_all(&context, hub).await
}

/// Explains one cluster, within the deadline for one cluster that runs since it `began` to be described.
pub(super) async fn of_cluster(
    context: &Context,
    cluster: &Cluster,
    session: &Arc<Session>,
    identities: &Identities,
    began: Instant,
) -> Explanation {
    let desired = policy::compile(&context.inputs.policy, cluster, identities, context.today);
    let asked = context.options.asked.iter().map(|principal| (principal.clone(), identities.lookup(principal)));
    let asked = asked.collect();
    let way_in = examine::way_in(context, cluster, session, desired.clone());
    let state = match way_in.and_then(|way_in| way_in.client(cluster).map(|client| (way_in, client))) {
        Ok((way_in, client)) => {
            let reading = Box::pin(examine::everything(&client, cluster, &way_in, began));
            context.unless_called_off(reading).await.unwrap_or_else(|| unread(called_off()))
        }
        Err(why) => unread(why),
    };
    explain::explain(cluster, asked, &desired, &state)
}

/// A cluster of which nothing was read, said once.
fn unread(why: Unreadable) -> ClusterState {
    let rbac = Observed::Known(crate::model::RbacState::default());
    ClusterState { aws_auth: Observed::Unknown(why), entries: Observed::Known(None), rbac }
}

fn called_off() -> Unreadable {
    let message = "the walk was called off".to_owned();
    Unreadable { kind: UnreadableKind::Timeout, message, next: None }
}

/// A cluster in whose explanation rolecall itself failed.
pub(super) fn lost(cluster: Cluster) -> Explanation {
    Explanation { cluster, asked: Vec::new(), answers: Vec::new(), unknown: vec![super::tasks::FAULT.to_owned()] }
}
