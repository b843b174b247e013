//! One cluster: observed, and what moves there planned.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    super::examine::{self, WayIn},
    Shared, called_off, only,
};
use crate::{
    discover::Session,
    model::{
        AuthenticationMode, Cluster, ClusterReport, ClusterState, Desired, Fate, MigrateRules, MigratedCluster,
        Migration, Status, Unmanaged, Unreadable, UnreadableKind,
    },
    plan,
};

/// One cluster on which rows move.
pub(super) struct Site<'s> {
    pub(super) shared: &'s Shared,
    pub(super) cluster: Cluster,
}

/// What a look at a cluster gave, and what it takes to write to it.
pub(super) struct Looked {
    pub(super) migrated: MigratedCluster,
    /// The client and the way in, where the cluster can be reached.
    pub(super) door: Option<(kube::Client, WayIn)>,
}

impl<'s> Site<'s> {
    pub(super) fn new(shared: &'s Shared, cluster: Cluster) -> Self {
        Self { shared, cluster }
    }

    /// The first look, after which nothing is written.
    pub(super) async fn survey(self) -> MigratedCluster {
        let cluster = self.cluster.clone();
        let looked = self.shared.context.unless_called_off(Box::pin(self.look())).await;
        looked.map_or_else(|| without_look(cluster, called_off()), |looked| looked.migrated)
    }

    /// Observes the cluster and plans what comes next.
    pub(super) async fn look(&self) -> Looked {
        let (context, cluster) = (&self.shared.context, &self.cluster);
        let shut = |migrated| Looked { migrated, door: None };
        if let Some(report) = examine::leave_alone(context, cluster) {
            return shut(only(report));
        }
        let session = match self.shared.hub.session(&cluster.id.account).await {
            Ok(session) => session,
            Err(error) => {
                let (kind, next) = (UnreadableKind::Forbidden, Some(error.next().to_owned()));
                let why = Unreadable { kind, message: error.to_string(), next };
                return shut(without_look(cluster.clone(), why));
            }
        };
        let entered = examine::way_in(context, cluster, &session, Desired::default());
        let entered = entered.and_then(|way_in| way_in.client(cluster).map(|client| (client, way_in)));
        let (client, way_in) = match entered {
            Ok(entered) => entered,
            Err(why) => return shut(without_look(cluster.clone(), why)),
        };
        // The mode of a cluster that reads no entries is changed by the same API.
        let mut way_in = way_in;
        way_in.eks = Some(examine::eks(cluster, &session));
        let state = Box::pin(examine::observed(&client, cluster, &way_in, Unmanaged::Report, Instant::now())).await;
        let identities = self.shared.people.look_up(&self.shared.hub, plan::principals(&state)).await;
        let migration = plan::migrate(cluster, &state, &identities, &self.rules(&session), Timestamp::now());
        let door = Some((client, way_in));
        Looked { migrated: migrated(cluster.clone(), &state, migration), door }
    }

    fn rules(&self, session: &Arc<Session>) -> MigrateRules {
        let options = &self.shared.options;
        MigrateRules {
            protect: self.shared.context.inputs.settings.protect.clone(),
            own_principal: Some(session.own_principal().to_string()),
            include_own: options.include_own,
            settle: options.settle(),
            to: options.to,
        }
    }
}

/// A cluster that could not be looked at.
fn without_look(cluster: Cluster, why: Unreadable) -> MigratedCluster {
    only(examine::unreadable(cluster, None, why))
}

fn migrated(cluster: Cluster, state: &ClusterState, migration: Migration) -> MigratedCluster {
    let Migration { plan, rows, waits_until, mode } = migration;
    let unknown = state.aws_auth.unknown().or(state.entries.unknown()).or(state.rbac.unknown());
    let from_config_map = cluster.authentication_mode == AuthenticationMode::ConfigMap;
    let mut report = ClusterReport {
        cluster,
        status: Status::InSync,
        cause: unknown.map(|why| why.kind),
        why: unknown.map(|why| why.message.clone()),
        next: unknown.and_then(|why| why.next.clone()),
        plan: Some(plan),
        earlier: Vec::new(),
        outcome: None,
    };
    let refused = mode.as_ref().filter(|mode| !mode.refused.is_empty());
    if unknown.is_none()
        && let Some(refused) = refused
    {
        let reasons = refused.refused.join("; ");
        report.why = Some(format!("the authentication mode cannot become {}: {reasons}", refused.to));
        report.next = Some("move or remove what is named, and run again".to_owned());
    } else if unknown.is_none() && from_config_map && mode.is_none() && rows.iter().any(|row| row.fate == Fate::Moves) {
        report.why = Some("the authentication mode CONFIG_MAP has no access entries".to_owned());
        report.next = Some("run with `--to API_AND_CONFIG_MAP`; there is no way back from it".to_owned());
    }
    let mut migrated = MigratedCluster { report, rows, mode, waits_until };
    migrated.report.status = match unknown {
        Some(why) => examine::status_of(why.kind),
        None if migrated.is_open() => Status::Drifted,
        None => Status::InSync,
    };
    migrated
}
