//! One cluster: observed, compared with the policy, planned.

use std::{sync::Arc, time::Duration};

use aws_credential_types::provider::SharedCredentialsProvider;
use futures::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use crate::{
    connect::{self, ConnectTarget},
    discover::Session,
    model::{
        Cluster, ClusterPhase, ClusterReport, ClusterState, Desired, Guard, Identities, Match, Observed, Onboarding,
        PassKind, Plan, PlanRules, Region, Status, Unmanaged, Unreadable, UnreadableKind,
    },
    observe::{self, EntryMemory},
    plan, policy,
};

use super::{
    Context,
    tasks::{FAULT, FAULT_NEXT},
};

/// A cluster as it was examined, with what it takes to correct it.
pub(super) struct Examined {
    /// What there is to report so far.
    pub(super) report: ClusterReport,
    /// The way in, kept only where there is something to write.
    pub(super) way_in: Option<WayIn>,
}

impl Examined {
    /// A cluster in whose examination rolecall itself failed.
    pub(super) fn lost(cluster: Cluster) -> Self {
        Self { report: fault(cluster), way_in: None }
    }
}

/// The report of a cluster on which rolecall itself failed.
pub(super) fn fault(cluster: Cluster) -> ClusterReport {
    let why = Unreadable { kind: UnreadableKind::Server, message: FAULT.to_owned(), next: Some(FAULT_NEXT.to_owned()) };
    unreadable(cluster, None, why)
}

/// What it takes to look at a cluster again and to write to it.
pub(super) struct WayIn {
    target: ConnectTarget,
    credentials: SharedCredentialsProvider,
    /// The way to the access entries, where the cluster reads them.
    pub(super) eks: Option<connect::Eks>,
    pub(super) desired: Desired,
    pub(super) rules: PlanRules,
    memory: Option<Arc<EntryMemory>>,
    /// How long a look at it may take.
    pub(super) timeout: Duration,
}

impl WayIn {
    /// A new client. None is kept between the look at a cluster and its correction, or there would be as many open
    /// connections as there are clusters.
    pub(super) fn client(&self, cluster: &Cluster) -> Result<kube::Client, Unreadable> {
        connect::client(&self.target, &cluster.id, self.credentials.clone())
    }
}

/// What one look at a cluster gave.
pub(super) struct Look {
    pub(super) plan: Plan,
    pub(super) status: Status,
    pub(super) why: Option<Unreadable>,
}

/// Observes and plans one cluster, within the deadline for one cluster that runs since it `began` to be described.
pub(super) async fn examine(
    context: &Context,
    cluster: Cluster,
    session: &Arc<Session>,
    identities: &Identities,
    began: Instant,
) -> Examined {
    if let Some(report) = leave_alone(context, &cluster) {
        return Examined { report, way_in: None };
    }
    let desired = policy::compile(&context.inputs.policy, &cluster, identities, context.today);
    let way_in = way_in(context, &cluster, session, desired);
    let (way_in, client) = match way_in.and_then(|way_in| way_in.client(&cluster).map(|client| (way_in, client))) {
        Ok(found) => found,
        Err(why) => return Examined { report: unreadable(cluster, None, why), way_in: None },
    };
    let Some(look) = context.unless_called_off(Box::pin(look(&client, &cluster, &way_in, began))).await else {
        let message = "the pass was called off".to_owned();
        let why = Unreadable { kind: UnreadableKind::Timeout, message, next: None };
        let report = ClusterReport { status: Status::Unknown, ..unreadable(cluster, None, why) };
        return Examined { report, way_in: None };
    };
    let report = report(context, cluster, look);
    // A client and what is desired are too large to be kept for thousands of clusters to which nothing is written.
    let writes = context.options.kind == PassKind::Sync
        && report.plan.as_ref().is_some_and(|plan| !plan.steps.is_empty() && plan.blocked.is_none());
    Examined { report, way_in: writes.then_some(way_in) }
}

/// How a cluster is reached, and the rules that hold for it.
pub(super) fn way_in(
    context: &Context,
    cluster: &Cluster,
    session: &Arc<Session>,
    desired: Desired,
) -> Result<WayIn, Unreadable> {
    let settings = &context.inputs.settings;
    let target = connect::target(cluster, &settings.connect, settings.timeout)?;
    // A rule for slow clusters speaks of the look as a whole too.
    let timeout = target.timeout.max(settings.timeout);
    // On the others EKS is asked to let them read entries, where the settings say so.
    let by_eks = cluster.authentication_mode.reads_entries() || settings.onboarding.enable_access_entries;
    let eks = by_eks.then(|| eks(cluster, session));
    let rules = rules(context, cluster, session);
    let memory = context.options.memory.clone();
    Ok(WayIn { target, credentials: session.credentials_provider(), eks, desired, rules, memory, timeout })
}

/// Observes what the policy speaks of on every surface of a cluster; it may take the cluster's timeout since it `began`. What
/// is asked of the access entries that the policy does not name depends on what becomes of them.
pub(super) async fn observed(
    client: &kube::Client,
    cluster: &Cluster,
    way_in: &WayIn,
    unmanaged: Unmanaged,
    began: Instant,
) -> ClusterState {
    let inside = observe::observe(client, &cluster.id, cluster.authentication_mode, &way_in.desired);
    Box::pin(with_entries(cluster, way_in, unmanaged, began, inside)).await
}

/// Observes everything that a cluster has; it may take the cluster's timeout since it `began`.
pub(super) async fn everything(
    client: &kube::Client,
    cluster: &Cluster,
    way_in: &WayIn,
    began: Instant,
) -> ClusterState {
    let inside = observe::observe_all(client, &cluster.id, cluster.authentication_mode);
    Box::pin(with_entries(cluster, way_in, Unmanaged::Report, began, inside)).await
}

async fn with_entries(
    cluster: &Cluster,
    way_in: &WayIn,
    unmanaged: Unmanaged,
    began: Instant,
    inside: impl Future<Output = ClusterState>,
) -> ClusterState {
    let (mode, until) = (cluster.authentication_mode, began + way_in.timeout);
    let entries = async {
        let Some(eks) = way_in.eks.as_ref().filter(|_| mode.reads_entries()) else { return Observed::Known(None) };
        let memory = way_in.memory.as_ref().map(|memory| memory.of(cluster));
        observe::access_entries(eks, &way_in.desired, unmanaged, memory, until).await
    };
    let (inside, entries) = futures::join!(timeout_at(until, inside), entries);
    let state = ClusterState { entries, ..inside.unwrap_or_else(|_| timed_out(cluster, way_in.timeout)) };
    with_principal(state, way_in.rules.own_principal.as_deref())
}

/// Observes a cluster and plans it anew.
pub(super) async fn look(client: &kube::Client, cluster: &Cluster, way_in: &WayIn, began: Instant) -> Look {
    let state = Box::pin(observed(client, cluster, way_in, way_in.rules.unmanaged, began)).await;
    let plan = plan::plan(cluster, &way_in.desired, &state, &way_in.rules);
    let why = state.aws_auth.unknown().or(state.rbac.unknown()).or(state.entries.unknown()).cloned();
    let status = match (&why, &plan) {
        (Some(why), _) => status_of(why.kind),
        (None, plan) if plan.blocked.is_some() => Status::Blocked,
        (None, plan) if plan.has_drift() => Status::Drifted,
        (None, _) => Status::InSync,
    };
    Look { plan, status, why }
}

/// Names the principal as which rolecall came wherever the cluster did not know it.
fn with_principal(state: ClusterState, principal: Option<&str>) -> ClusterState {
    let Some(principal) = principal else { return state };
    ClusterState {
        aws_auth: state.aws_auth.map_unknown(|why| connect::with_principal(why, principal)),
        entries: state.entries,
        rbac: state.rbac.map_unknown(|why| connect::with_principal(why, principal)),
    }
}

fn timed_out(cluster: &Cluster, deadline: Duration) -> ClusterState {
    let why = Unreadable {
        kind: UnreadableKind::Timeout,
        message: format!("cluster {} was not read within {} s", cluster.id, deadline.as_secs()),
        next: Some("see whether its API server is slow or far, or raise `clusters.timeout`".to_owned()),
    };
    ClusterState {
        aws_auth: Observed::Unknown(why.clone()),
        entries: Observed::Known(None),
        rbac: Observed::Unknown(why),
    }
}

/// The status that a reason for not knowing stands for.
pub(super) fn status_of(kind: UnreadableKind) -> Status {
    match kind {
        UnreadableKind::Unreachable | UnreadableKind::Tls | UnreadableKind::Timeout => Status::Unreachable,
        UnreadableKind::Unauthenticated | UnreadableKind::Forbidden => Status::AccessDenied,
        UnreadableKind::Throttled | UnreadableKind::Server => Status::Unknown,
    }
}

fn report(context: &Context, cluster: Cluster, look: Look) -> ClusterReport {
    let cause = look.why.as_ref().map(|why| why.kind);
    let (why, next) = match look.why {
        Some(why) => (Some(why.message), why.next),
        None => look.plan.blocked.as_ref().map_or((None, None), |g| (Some(g.message.clone()), Some(g.next.clone()))),
    };
    let mut report = ClusterReport {
        cluster,
        status: look.status,
        cause,
        why,
        next,
        plan: Some(look.plan),
        earlier: Vec::new(),
        outcome: None,
    };
    if let Some(earlier) = context.options.only.as_ref().and_then(|only| only.plan(&report.cluster.id)) {
        refuse_if_moved(&mut report, earlier);
    }
    report
}

/// A plan made earlier holds only while the cluster still is what it was made for: then planning again gives the very
/// same steps, preconditions included. That part of the cluster could not be read is no exception.
fn refuse_if_moved(report: &mut ClusterReport, earlier: &Plan) {
    let Some(plan) = &mut report.plan else { return };
    if plan.steps == earlier.steps {
        return;
    }
    let guard = Guard {
        name: "plan-outdated".to_owned(),
        message: format!("cluster {} or the policy moved since the plan was made: it is not carried out", plan.cluster),
        next: "look at a new plan: `rolecall plan --out FILE`".to_owned(),
    };
    // A cluster that could not be read stays one of which that is said.
    if report.status.is_unknown() {
        plan.blocked = Some(guard);
    } else {
        report.block(guard);
    }
}

pub(super) fn unreadable(cluster: Cluster, plan: Option<Plan>, why: Unreadable) -> ClusterReport {
    let (status, cause) = (status_of(why.kind), Some(why.kind));
    let (why, next) = (Some(why.message), why.next);
    ClusterReport { cluster, status, cause, why, next, plan, earlier: Vec::new(), outcome: None }
}

/// Calls of one account and region, in their turn.
struct Turn(Arc<Session>, Region);

impl connect::Pace for Turn {
    fn take<'a>(&'a self, call: BoxFuture<'a, ()>) -> BoxFuture<'a, ()> {
        Box::pin(self.0.ask_eks(&self.1, call))
    }
}

pub(super) fn eks(cluster: &Cluster, session: &Arc<Session>) -> connect::Eks {
    let region = cluster.id.region.clone();
    let (client, caller) = (session.eks(&region), session.own_principal().to_string());
    connect::Eks::new(client, Arc::new(Turn(Arc::clone(session), region)), cluster.id.clone(), caller)
}

fn rules(context: &Context, cluster: &Cluster, session: &Session) -> PlanRules {
    let settings = &context.inputs.settings;
    PlanRules {
        surface: settings.surface,
        unmanaged: settings.unmanaged_for(cluster),
        protect: settings.protect.clone(),
        own_principal: Some(session.own_principal().to_string()),
        onboarding: Some(Onboarding {
            own_role: session.own_role().clone(),
            self_entry: settings.onboarding.self_entry,
            enable_access_entries: settings.onboarding.enable_access_entries,
        }),
        max_removals: settings.safety.max_removals_per_cluster,
        repair: context.options.repair,
    }
}

/// Clusters that are not touched at all: in the wrong phase of their life, or paused.
pub(super) fn leave_alone(context: &Context, cluster: &Cluster) -> Option<ClusterReport> {
    let report = |status, why: String, next: Option<String>| {
        let cluster = cluster.clone();
        let why = Some(why);
        Some(ClusterReport { cluster, status, cause: None, why, next, plan: None, earlier: Vec::new(), outcome: None })
    };
    if let ClusterPhase::LeftAlone(status) = &cluster.phase {
        return report(Status::LeftAlone, format!("EKS reports it as {status}"), None);
    }
    let pause = context.inputs.settings.pause_for(cluster, context.today)?;
    let owner = pause.owner.as_ref().map(|owner| format!(", owner {owner}")).unwrap_or_default();
    let until = pause.until.map(|until| format!(", until {until}")).unwrap_or_default();
    let unsure = match pause.matches.matches(cluster) {
        Match::Unknown(why) => format!("; whether it is meant cannot be told, so the pause holds: {why}"),
        _ => String::new(),
    };
    report(Status::Paused, format!("{}{owner}{until}{unsure}", pause.reason), None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Step, Write, samples};

    fn cluster() -> Cluster {
        samples::cluster("one")
    }

    fn plan(backup: &str) -> Plan {
        let write = Write::CreateBackup { name: backup.into(), data: BTreeMap::new() };
        Plan { steps: vec![Step { write, changes: vec![], removes: false }], ..Plan::empty(cluster().id) }
    }

    /// What becomes of a cluster for which `now` is planned when the file holds another plan.
    fn held_to(earlier: &str, status: Status, now: &str) -> ClusterReport {
        let (earlier, plan) = (plan(earlier), Some(plan(now)));
        let (why, next, outcome) = (Some("as it was".to_owned()), None, None);
        let mut report =
            ClusterReport { cluster: cluster(), status, cause: None, why, next, plan, earlier: Vec::new(), outcome };
        refuse_if_moved(&mut report, &earlier);
        report
    }

    #[test]
    fn a_cluster_that_a_panic_took_away_is_unknown() {
        let report = Examined::lost(cluster()).report;
        assert!(report.status.is_unknown() && report.why.is_some() && report.plan.is_none());
    }

    #[test]
    fn only_the_very_plan_of_the_file_is_carried_out() {
        let same = held_to("a", Status::Drifted, "a");
        assert_eq!((same.status, same.plan.unwrap().blocked), (Status::Drifted, None));
        let moved = held_to("a", Status::Drifted, "b");
        assert_eq!(moved.status, Status::Blocked);
        assert_eq!(moved.plan.unwrap().blocked.unwrap().name, "plan-outdated");
    }

    #[test]
    fn a_cluster_read_in_part_is_held_to_the_plan_of_the_file_too() {
        let moved = held_to("a", Status::AccessDenied, "b");
        assert_eq!((moved.status, moved.why.as_deref()), (Status::AccessDenied, Some("as it was")));
        assert_eq!(moved.plan.unwrap().blocked.unwrap().name, "plan-outdated");
        assert_eq!(held_to("a", Status::AccessDenied, "a").plan.unwrap().blocked, None);
    }
}
