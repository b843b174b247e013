//! One cluster with all that it has, for a policy that describes it.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Context, examine,
    tasks::{FAULT, FAULT_NEXT},
};
use crate::{
    discover::Session,
    model::{Cluster, ClusterPhase, ClusterState, Desired, Observed, PlanRules, Status, Unreadable, UnreadableKind},
    policy::import,
};

/// A cluster of which stock was taken.
pub(super) struct Taken {
    pub(super) cluster: Cluster,
    pub(super) had: Had,
}

/// What there was.
pub(super) enum Had {
    /// All that may be described, and the rules under which the cluster is planned.
    All(Box<(ClusterState, PlanRules)>),
    /// EKS makes or deletes it: a pass leaves it alone.
    LeftAlone,
    /// It could not be read as a whole.
    Unknown(Unreadable),
}

impl Taken {
    /// A cluster on which rolecall itself failed.
    pub(super) fn lost(cluster: Cluster) -> Self {
        let next = Some(FAULT_NEXT.to_owned());
        let why = Unreadable { kind: UnreadableKind::Server, message: FAULT.to_owned(), next };
        Self { cluster, had: Had::Unknown(why) }
    }

    /// How it went, for whoever watches.
    pub(super) fn status(&self) -> Status {
        match &self.had {
            Had::All(_) => Status::InSync,
            Had::LeftAlone => Status::LeftAlone,
            Had::Unknown(why) => examine::status_of(why.kind),
        }
    }
}

/// Takes stock of one cluster, within the deadline for one cluster that runs since it `began` to be described.
pub(super) async fn take(context: &Context, cluster: Cluster, session: &Arc<Session>, began: Instant) -> Taken {
    if matches!(cluster.phase, ClusterPhase::LeftAlone(_)) {
        return Taken { cluster, had: Had::LeftAlone };
    }
    let had = match all(context, &cluster, session, began).await {
        Ok(all) => Had::All(Box::new(all)),
        Err(why) => Had::Unknown(why),
    };
    Taken { cluster, had }
}

async fn all(
    context: &Context,
    cluster: &Cluster,
    session: &Arc<Session>,
    began: Instant,
) -> Result<(ClusterState, PlanRules), Unreadable> {
    let way_in = examine::way_in(context, cluster, session, Desired::default())?;
    let client = way_in.client(cluster)?;
    let reading = Box::pin(examine::everything(&client, cluster, &way_in, began));
    let Some(mut state) = context.unless_called_off(reading).await else {
        let message = "the walk was called off".to_owned();
        return Err(Unreadable { kind: UnreadableKind::Timeout, message, next: None });
    };
    let why = state.aws_auth.unknown().or(state.rbac.unknown()).or(state.entries.unknown());
    if let Some(why) = why {
        return Err(why.clone());
    }
    if let Observed::Known(rbac) = &mut state.rbac {
        // All that thousands of clusters have would not fit into memory.
        import::keep_what_matters(rbac);
    }
    Ok((state, way_in.rules))
}
