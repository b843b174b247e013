//! One account: the member role, what it may read, and what it may write.

use std::{collections::BTreeMap, sync::Arc};

use tokio::task::JoinSet;
use tracing::Instrument;

use super::{Doctor, checked, cluster, verdicts};
use crate::{
    discover::{
        self, ENTRY_READS, ENTRY_WRITES_OF_CLUSTER, ENTRY_WRITES_OF_ENTRY, Eks, MEMBER_ACTIONS, Session, Simulated,
    },
    fleet::tasks::join_all,
    model::{Account, Arn, Checked, ClusterId, Need, Part, Region, Regions, Verdict},
};

pub(super) const LIST_REGIONS: &str = "account:ListRegions";
pub(super) const LIST_CLUSTERS: &str = "eks:ListClusters";
pub(super) const DESCRIBE_CLUSTER: &str = "eks:DescribeCluster";
const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

/// What was seen in a part of an account.
#[derive(Default)]
pub(super) struct Seen {
    /// What came of each action, the graver where it was tried more than once.
    pub(super) actions: BTreeMap<&'static str, Verdict>,
    /// The clusters.
    pub(super) clusters: Vec<Checked>,
    /// A cluster on which access entries are written.
    pub(super) written: Option<ClusterId>,
}

impl Seen {
    pub(super) fn note(&mut self, action: &'static str, verdict: Verdict) {
        let graver = match self.actions.remove(action) {
            Some(known) => known.or_worse(verdict),
            None => verdict,
        };
        self.actions.insert(action, graver);
    }

    fn add(&mut self, other: Self) {
        for (action, verdict) in other.actions {
            self.note(action, verdict);
        }
        self.clusters.extend(other.clusters);
        self.written = self.written.take().or(other.written);
    }
}

/// An account with the session in it.
pub(super) struct Stop {
    pub(super) account: Account,
    pub(super) session: Arc<Session>,
    pub(super) role: Arn,
}

/// Looks at an account and its clusters.
pub(super) async fn examine(doctor: &Arc<Doctor>, account: Account) -> Vec<Checked> {
    let (place, role) = (account.place(), doctor.member_role(&account));
    let of_account = |checks| checked(Part::Account, place, Some(role.to_string()), checks);
    let session = match doctor.listing.take(doctor.hub.session(&account.id)).await {
        Ok(session) => session,
        Err(error) => return vec![of_account(vec![(Need::MemberRole, verdicts::of_error(&error))])],
    };
    let stop = Arc::new(Stop { account, session, role: role.clone() });
    let mut seen = Seen::default();
    let wanted = doctor.context.inputs.policy.principals_for(&stop.account);
    let looking_up = discover::look_up_trials(&stop.session, &stop.account, &wanted);
    let (trials, regions) = futures::join!(looking_up, regions(doctor, &stop));
    for (action, result) in &trials {
        seen.note(action, verdicts::of_trial(result));
    }
    seen.add(regions);
    writes(doctor, &stop, &mut seen).await;
    let mut checks = vec![(Need::MemberRole, Verdict::Fine)];
    for action in MEMBER_ACTIONS {
        let verdict = seen.actions.remove(action).unwrap_or_else(|| not_needed(action));
        checks.push((Need::MemberAction(action), verdict));
    }
    let mut all = vec![of_account(checks)];
    all.append(&mut seen.clusters);
    all
}

/// Why an action was not asked for at all.
fn not_needed(action: &str) -> Verdict {
    Verdict::NotNeeded(match action {
        LIST_REGIONS => "the settings name the regions",
        DESCRIBE_CLUSTER => "there is no cluster",
        SIMULATE => "no write has to be asked about",
        "iam:GetRole" | "iam:GetUser" | "iam:ListRoles" => "the policy names nobody for whom it is called",
        "iam:GetGroup" => "the policy names no IAM group here",
        "iam:GetGroupPolicy"
        | "iam:GetPolicy"
        | "iam:GetPolicyVersion"
        | "iam:ListAttachedGroupPolicies"
        | "iam:ListGroupPolicies" => "no IAM group that the policy names here takes it",
        "eks:UpdateClusterConfig" | "eks:DescribeUpdate" => "only `rolecall migrate --to` calls it",
        _ if ENTRY_READS.contains(&action) => "no cluster reads access entries",
        _ if ENTRY_WRITES_OF_CLUSTER.contains(&action) || ENTRY_WRITES_OF_ENTRY.contains(&action) => {
            "no access entry is written"
        }
        _ => return verdicts::before("nothing asks for it"),
    })
}

async fn regions(doctor: &Arc<Doctor>, stop: &Arc<Stop>) -> Seen {
    let (mut seen, told) = (Seen::default(), &doctor.context.inputs.settings.scope.regions);
    let listing = doctor.listing.take(discover::regions(&stop.session, told));
    let regions = match listing.await {
        Ok(regions) => regions,
        Err(error) => {
            seen.note(LIST_REGIONS, verdicts::of_error(&error));
            seen.note(LIST_CLUSTERS, verdicts::before("the account's regions are not known"));
            return seen;
        }
    };
    if *told == Regions::Enabled {
        seen.note(LIST_REGIONS, Verdict::Fine);
    }
    let mut tasks = JoinSet::new();
    for region in regions {
        tasks.spawn(clusters(Arc::clone(doctor), Arc::clone(stop), region).in_current_span());
    }
    for part in join_all(tasks).await {
        seen.add(part);
    }
    seen
}

async fn clusters(doctor: Arc<Doctor>, stop: Arc<Stop>, region: Region) -> Seen {
    let mut seen = Seen::default();
    let eks = Arc::new(Eks::new(&stop.session, &stop.account, &region));
    let names = match doctor.listing.take(eks.names()).await {
        Ok(names) => names,
        Err(error) => {
            seen.note(LIST_CLUSTERS, verdicts::of_error(&error));
            return seen;
        }
    };
    seen.note(LIST_CLUSTERS, Verdict::Fine);
    let mut tasks = JoinSet::new();
    let within = doctor.context.options.within.as_ref();
    let covered = |name: &String| {
        let (account, region) = (stop.account.id.clone(), region.clone());
        within.is_none_or(|within| within.covers(&ClusterId { account, region, name: name.clone() }))
    };
    for name in names.into_iter().filter(covered) {
        let (doctor, stop, eks) = (Arc::clone(&doctor), Arc::clone(&stop), Arc::clone(&eks));
        tasks.spawn(
            async move { doctor.clusters.take(Box::pin(cluster::examine(&doctor, &stop, &eks, &name))).await }
                .in_current_span(),
        );
    }
    for part in join_all(tasks).await {
        seen.add(part);
    }
    seen
}

/// What would become of writes of access entries, as IAM tells; none of them is tried.
async fn writes(doctor: &Doctor, stop: &Stop, seen: &mut Seen) {
    let Some(cluster) = seen.written.take() else { return };
    if !doctor.enforces() {
        for action in ENTRY_WRITES_OF_CLUSTER.iter().chain(ENTRY_WRITES_OF_ENTRY) {
            seen.note(action, Verdict::NotNeeded("only with `mode: enforce`"));
        }
        seen.note(SIMULATE, Verdict::NotNeeded("only with `mode: enforce`"));
        return;
    }
    let (partition, region, account) = (stop.session.partition(), &cluster.region, &cluster.account);
    let arn = |kind: &str| format!("arn:{partition}:eks:{region}:{account}:{kind}/{}", cluster.name);
    let role = stop.role.role_name().unwrap_or_default();
    // Only EKS knows the last part; no policy can name it beforehand.
    let entry = format!("{}/role/{account}/{role}/*", arn("access-entry"));
    for (actions, resource) in [(ENTRY_WRITES_OF_CLUSTER, arn("cluster")), (ENTRY_WRITES_OF_ENTRY, entry)] {
        match discover::simulate(&stop.session, &stop.role, actions, &resource).await {
            Ok(answers) => {
                seen.note(SIMULATE, Verdict::Fine);
                for (action, simulated) in &answers {
                    seen.note(action, of(action, simulated, &resource, &stop.role));
                }
            }
            Err(error) => {
                // That it may not be asked is no lack in itself: passes work without.
                seen.note(SIMULATE, verdicts::not_asked(&error));
                for action in actions {
                    seen.note(action, verdicts::not_tried(&error, &stop.role, "deploy/iam/member-policy.json"));
                }
            }
        }
    }
}

fn of(action: &str, simulated: &Simulated, resource: &str, role: &Arn) -> Verdict {
    verdicts::of_simulation(action, simulated, resource, &role.to_string())
}
