//! One cluster: whether it can be reached, knows rolecall, and lets it do what it has to.

use tokio::time::{Instant, timeout_at};

use super::{
    Doctor,
    member::{DESCRIBE_CLUSTER, Seen, Stop},
    verdicts,
};
use crate::{
    connect,
    discover::Eks,
    fleet::{examine::eks, selection},
    model::{
        Cause, Checked, Cluster, ClusterPhase, KubernetesRight, Need, Part, Status, Told, Unreadable, UnreadableKind,
        Verdict, kubernetes_rights,
    },
    observe::{self, EntryTrials, Rights},
};

impl Doctor {
    /// Whether changes are written.
    pub(super) fn enforces(&self) -> bool {
        self.context.inputs.settings.mode == crate::settings::Mode::Enforce
    }
}

/// Looks at one cluster, when the settings mean it and it is not being made or deleted.
pub(super) async fn examine(doctor: &Doctor, stop: &Stop, eks: &Eks, name: &str) -> Seen {
    let (mut seen, began) = (Seen::default(), Instant::now());
    let cluster = match eks.describe(name).await {
        Ok(Some((cluster, _))) => cluster,
        Ok(None) => return seen,
        Err(error) => {
            seen.note(DESCRIBE_CLUSTER, verdicts::of_error(&error));
            return seen;
        }
    };
    seen.note(DESCRIBE_CLUSTER, Verdict::Fine);
    let meant = !matches!(selection::means(&doctor.context, &cluster), Ok(false));
    if !meant || matches!(cluster.phase, ClusterPhase::LeftAlone(_)) {
        return seen;
    }
    doctor.context.progress.clusters_found(1);
    let entries = Box::pin(entries(doctor, stop, &cluster, &mut seen)).await;
    seen.clusters.push(Box::pin(inside(doctor, stop, &cluster, entries.as_ref(), began)).await);
    doctor.context.progress.cluster_done(Status::InSync);
    seen
}

/// Tries the calls about access entries; gives what came of them where the cluster reads any.
async fn entries(doctor: &Doctor, stop: &Stop, cluster: &Cluster, seen: &mut Seen) -> Option<EntryTrials> {
    let mode = cluster.authentication_mode;
    if !mode.reads_entries() {
        return None;
    }
    let settings = &doctor.context.inputs.settings;
    if settings.surface.by_entries(mode) || settings.onboarding.self_entry {
        seen.written = Some(cluster.id.clone());
    }
    let trials = Box::pin(observe::entry_trials(&eks(cluster, &stop.session), &stop.role.to_string())).await;
    let mut note = |action, error: Option<&Unreadable>| {
        seen.note(action, error.map_or(Verdict::Fine, verdicts::of_entries));
    };
    note("eks:ListAccessEntries", trials.list.as_ref().err());
    note("eks:DescribeAccessEntry", trials.describe.as_ref().err());
    note("eks:ListAssociatedAccessPolicies", trials.policies.as_ref().err());
    Some(trials)
}

async fn inside(
    doctor: &Doctor,
    stop: &Stop,
    cluster: &Cluster,
    entries: Option<&EntryTrials>,
    began: Instant,
) -> Checked {
    let mut told = Checked {
        part: Part::Cluster,
        place: cluster.place(),
        principal: Some(stop.role.to_string()),
        mode: Some(cluster.authentication_mode),
        user: None,
        checks: Vec::new(),
    };
    let needed: Vec<KubernetesRight> = kubernetes_rights()
        .into_iter()
        .filter(|right| cluster.authentication_mode.reads_aws_auth() || !right.aws_auth)
        .collect();
    let enforces = doctor.enforces();
    let (asked, spared): (Vec<_>, Vec<_>) = needed.into_iter().partition(|right| enforces || !right.writes);
    match ask(doctor, stop, cluster, &asked, began).await {
        Err(why) if why.kind == UnreadableKind::Unauthenticated => {
            told.checks.push((Need::Reach, Verdict::Fine));
            told.checks.push((Need::SignIn, shut_out(doctor, stop, entries, &why)));
        }
        Err(why) => told.checks.push((Need::Reach, verdicts::of_cluster(&why))),
        Ok(rights) => {
            told.checks.extend([(Need::Reach, Verdict::Fine), (Need::SignIn, Verdict::Fine)]);
            told.checks.push((Need::OwnEntry, way_in(stop, cluster, entries)));
            told.checks
                .extend(rights.held.into_iter().map(|(right, held)| (Need::Right(right), of_right(&right, held))));
            told.user = rights.user;
        }
    }
    let only = |right| (Need::Right(right), Verdict::NotNeeded("only with `mode: enforce`"));
    told.checks.extend(spared.into_iter().map(only));
    told
}

async fn ask(
    doctor: &Doctor,
    stop: &Stop,
    cluster: &Cluster,
    wanted: &[KubernetesRight],
    began: Instant,
) -> Result<Rights, Unreadable> {
    let settings = &doctor.context.inputs.settings;
    let target = connect::target(cluster, &settings.connect, settings.timeout)?;
    let timeout = target.timeout.max(settings.timeout);
    let client = connect::client(&target, &cluster.id, stop.session.credentials_provider())?;
    let asking = timeout_at(began + timeout, Box::pin(observe::rights(&client, &cluster.id, wanted)));
    asking.await.unwrap_or_else(|_| {
        Err(Unreadable {
            kind: UnreadableKind::Timeout,
            message: format!("{}: it was not asked to the end within {} s", cluster.id, timeout.as_secs_f64()),
            next: Some("see whether it answers slowly, or raise `clusters.timeout`".to_owned()),
        })
    })
}

fn of_right(right: &KubernetesRight, held: Result<bool, Unreadable>) -> Verdict {
    match held {
        Ok(true) => Verdict::Fine,
        Ok(false) => Verdict::Missing(Told {
            cause: Cause::NotAllowed,
            what: format!("the cluster says that rolecall may not {right}"),
            next: Some("Apply the manifest that is ready to paste.".to_owned()),
        }),
        Err(why) => verdicts::of_cluster(&why),
    }
}

/// The verdict on a cluster that answers 401, by what would let rolecall in.
fn shut_out(doctor: &Doctor, stop: &Stop, entries: Option<&EntryTrials>, why: &Unreadable) -> Verdict {
    let why = connect::with_principal(why.clone(), &stop.role.to_string());
    let (cause, more) = match entries.map(|entries| &entries.describe) {
        None => (Cause::UnknownToAwsAuth, "; it reads aws-auth alone"),
        Some(Ok(Some(_))) => (
            Cause::EntryWithoutEffect,
            "; it has an access entry, which lets nobody in when the role was made anew since",
        ),
        Some(Ok(None)) if doctor.enforces() && doctor.context.inputs.settings.onboarding.self_entry => {
            let next = "Nothing: the next `rolecall sync` gives it an access entry of its own.".to_owned();
            return Verdict::Advice(Told { cause: Cause::SelfEntry, what: why.message, next: Some(next) });
        }
        Some(_) => (Cause::UnknownToEntries, ""),
    };
    Verdict::Missing(Told { cause, what: format!("{}{more}", why.message), next: why.next })
}

/// The verdict on how rolecall gets in, where it does. Whether that is by a row of aws-auth or as the cluster's creator
/// cannot be told apart; either way an entry of its own stays when aws-auth breaks.
fn way_in(stop: &Stop, cluster: &Cluster, entries: Option<&EntryTrials>) -> Verdict {
    let role = &stop.role;
    let told = |cause, what: String, next: String| Verdict::Advice(Told { cause, what, next: Some(next) });
    match entries.map(|entries| &entries.describe) {
        Some(Ok(Some(_))) => Verdict::Fine,
        Some(Ok(None)) => told(
            Cause::AwsAuthWhereEntries,
            format!(
                "{}: {role} gets in without an access entry; if mapRoles breaks, rolecall is locked out",
                cluster.id
            ),
            "Give it an access entry of its own.".to_owned(),
        ),
        Some(Err(_)) => Verdict::NotNeeded("whether it has one is not known"),
        None => told(
            Cause::AwsAuthAlone,
            format!(
                "{}: {role} gets in by aws-auth or as the cluster's creator; if mapRoles breaks, a row does not help",
                cluster.id
            ),
            "The mode API_AND_CONFIG_MAP lets it have an access entry of its own.".to_owned(),
        ),
    }
}
