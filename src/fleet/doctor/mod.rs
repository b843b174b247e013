//! What rolecall needs in the hub, in every account and in every cluster, and whether it is there.
//!
//! Reads are tried for real. Nothing that changes anything is ever tried: of writes to AWS, IAM is asked what would
//! become of them, and of rights in a cluster, the cluster.

mod beside;
mod cluster;
mod member;
mod verdicts;

use std::{collections::BTreeSet, sync::Arc};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::{
    Context, FleetError, Inputs, PassOptions, Progress, Within, accounts,
    tasks::{FAULT, join_all, or_fault},
};
use crate::{
    discover::{self, Caller, DiscoverError, DiscoverErrorKind, Hub, Turns},
    model::{
        Account, Arn, Checked, ClusterId, Diagnosis, Finding, Need, Part, Partition, PassKind, Place, Told, Verdict,
    },
    settings::Mode,
};

/// Looks at the hub, every account and every cluster that the settings mean. `hub` is what came of looking for
/// credentials: when that failed for lack of something, this is what is told. `within` confines it to a part of the fleet.
///
/// # Errors
/// When AWS cannot be asked at all, or the work is called off.
pub async fn diagnose(
    inputs: Arc<Inputs>,
    within: Option<Within>,
    hub: Result<Arc<Hub>, DiscoverError>,
    cancel: CancellationToken,
    progress: Arc<dyn Progress>,
) -> Result<Diagnosis, FleetError> {
    let options = PassOptions { within, ..PassOptions::new(PassKind::Plan) };
    let context = Arc::new(Context::new(inputs, options, cancel, progress));
    let mut diagnosis = empty(&context);
    let hub = match hub {
        Ok(hub) => hub,
        Err(error) => {
            diagnosis.checked.push(without_hub(&context, error)?);
            return Ok(diagnosis);
        }
    };
    diagnosis.partition = hub.partition().clone();
    let queue = context.inputs.settings.events.as_ref();
    diagnosis.queue = queue.map(|queue| beside::arn(queue, hub.partition()));
    diagnosis.hub = Some(trusted(hub.caller(), &context).to_string());
    let work = Box::pin(examine(&context, &hub, &mut diagnosis));
    context.unless_called_off(work).await.ok_or(FleetError::Cancelled)??;
    diagnosis.checked.sort_by(|a, b| (a.part, &a.place).cmp(&(b.part, &b.place)));
    Ok(diagnosis)
}

fn empty(context: &Context) -> Diagnosis {
    let settings = &context.inputs.settings;
    let (hub, member) = (settings.scope.hub.as_ref(), &settings.scope.member);
    Diagnosis {
        organization: None,
        partition: hub.map_or_else(|| Partition::new("aws"), |hub| hub.arn.partition.clone()),
        enforce: settings.mode == Mode::Enforce,
        hub: None,
        hub_account: hub.map(|hub| hub.arn.account.clone()),
        member_role: member.path_and_name.clone(),
        hub_external_id: hub.is_some_and(|hub| hub.external_id.is_some()),
        member_external_id: member.external_id.is_some(),
        source_identity: member.source_identity.is_some(),
        queue: None,
        checked: Vec::new(),
    }
}

/// The hub where there is none. What is no lack, such as an STS that does not answer, is an error.
fn without_hub(context: &Context, error: DiscoverError) -> Result<Checked, FleetError> {
    let need = match error.what() {
        DiscoverErrorKind::AccessDenied => Need::HubRole,
        DiscoverErrorKind::NoCredentials | DiscoverErrorKind::ExpiredCredentials => Need::Credentials,
        _ => return Err(error.into()),
    };
    let principal = context.inputs.settings.scope.hub.as_ref().map(|hub| hub.arn.to_string());
    Ok(checked(Part::Hub, Place::default(), principal, vec![(need, verdicts::of_error(&error))]))
}

fn checked(part: Part, place: Place, principal: Option<String>, checks: Vec<(Need, Verdict)>) -> Checked {
    Checked { part, place, principal, mode: None, user: None, checks }
}

/// The hub as a trust policy names it: a session's role. Its path is known where the settings name the role.
fn trusted(caller: &Caller, context: &Context) -> Arn {
    let session_of = caller.arn.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    let named = context.inputs.settings.scope.hub.as_ref().map(|hub| &hub.arn);
    match (session_of, named) {
        (None, _) => caller.arn.clone(),
        (Some(role), Some(named)) if named.role_name() == Some(role) => named.clone(),
        (Some(role), _) => Arn::iam_role(&caller.arn.partition, &caller.account, role),
    }
}

async fn examine(context: &Arc<Context>, hub: &Arc<Hub>, diagnosis: &mut Diagnosis) -> Result<(), FleetError> {
    let mut checks = vec![(Need::Credentials, Verdict::Fine)];
    if context.inputs.settings.scope.hub.is_some() {
        checks.push((Need::HubRole, Verdict::Fine));
    }
    let doctor = Arc::new(Doctor::new(context, hub));
    let mut accounts = JoinSet::new();
    let start = |account: Account| {
        let span = info_span!("account", id = %account.id, name = %account.name);
        accounts.spawn(Arc::clone(&doctor).account(account).instrument(span));
    };
    let listing = accounts::each_account(context, hub, accounts::need(context), start, |_| {});
    let reads_organization = context.inputs.settings.scope.accounts.is_none();
    let trials = async {
        if reads_organization { discover::hub_trials(hub, accounts::need(context)).await } else { Vec::new() }
    };
    let (listed, trials) = futures::join!(listing, trials);
    let mut tried = BTreeSet::new();
    for (action, result) in &trials {
        tried.insert(*action);
        checks.push((Need::HubAction(action), verdicts::of_trial(result)));
    }
    checks.extend(left_out(context, &tried, reads_organization));
    let some_account = listed.as_ref().ok().and_then(|known| Some(known.accounts.first()?.id.clone()));
    match listed {
        Ok(organization) => {
            diagnosis.organization = organization.id;
            checks.push((Need::Accounts, without(&organization.findings)));
        }
        // What is missing is told by the trials; accounts that were told of before are looked at all the same.
        Err(FleetError::Discover(error)) if lacks(&error) => {
            checks.push((Need::Accounts, verdicts::before(&error.to_string())));
        }
        Err(error) => return Err(error),
    }
    let (queue, center) =
        futures::join!(beside::queue(context, hub), beside::center(context, hub, some_account.as_ref()));
    let of_others = beside::sorted([queue, center], &mut checks);
    let principal = Some(hub.caller().arn.to_string());
    let accounts: Vec<Checked> = join_all(accounts).await.into_iter().flatten().collect();
    if let Some(within) = &context.options.within {
        let seen: Vec<ClusterId> = accounts.iter().filter_map(cluster_of).collect();
        checks.push((Need::Clusters, without(&within.missing(&seen))));
    }
    diagnosis.checked.extend(of_others);
    diagnosis.checked.push(checked(Part::Hub, Place::default(), principal, checks));
    diagnosis.checked.extend(accounts);
    Ok(())
}

/// The verdict on a list, by what was found to be lacking in it.
fn without(findings: &[Finding]) -> Verdict {
    let gaps: Vec<&str> = findings.iter().filter(|gap| gap.incomplete).map(|gap| gap.message.as_str()).collect();
    if gaps.is_empty() { Verdict::Fine } else { verdicts::before(&gaps.join("; ")) }
}

fn cluster_of(checked: &Checked) -> Option<ClusterId> {
    let Place { account, region, cluster, .. } = checked.place.clone();
    Some(ClusterId { account: account?, region: region?, name: cluster? })
}

fn lacks(error: &DiscoverError) -> bool {
    matches!(verdicts::of_error(error), Verdict::Missing(_))
}

/// The actions on the organization that were not tried, and why. Assuming the member role is told of with each account.
fn left_out(context: &Context, tried: &BTreeSet<&'static str>, reads_organization: bool) -> Vec<(Need, Verdict)> {
    let need = accounts::need(context);
    let why = |action: &str| {
        if !reads_organization {
            return Verdict::NotNeeded("the settings name the accounts");
        }
        let units = action.contains("Roots") || action.contains("ForParent");
        match (units, need.ou_paths, need.account_tags) {
            (true, false, _) => Verdict::NotNeeded("no selector speaks of organizational units"),
            (false, _, false) => Verdict::NotNeeded("no selector speaks of the tags of accounts"),
            _ => verdicts::before("what it would be asked about could not be read"),
        }
    };
    let organizations = discover::HUB_ACTIONS.iter().filter(|action| action.starts_with("organizations:"));
    organizations
        .filter(|action| !tried.contains(*action))
        .map(|action| (Need::HubAction(action), why(action)))
        .collect()
}

/// What the parts of the work share.
struct Doctor {
    context: Arc<Context>,
    hub: Arc<Hub>,
    /// Accounts and regions at once.
    listing: Turns,
    /// Clusters at once.
    clusters: Turns,
}

impl Doctor {
    fn new(context: &Arc<Context>, hub: &Arc<Hub>) -> Self {
        let turns = || Turns::new(context.inputs.settings.limits.clusters);
        Self { context: Arc::clone(context), hub: Arc::clone(hub), listing: turns(), clusters: turns() }
    }

    async fn account(self: Arc<Self>, account: Account) -> Vec<Checked> {
        let place = account.place();
        let lost = || {
            let told = Told { cause: crate::model::Cause::Other, what: FAULT.to_owned(), next: None };
            vec![checked(Part::Account, place, None, vec![(Need::MemberRole, Verdict::Untold(told))])]
        };
        let done = or_fault(member::examine(&self, account), lost).await;
        self.context.progress.account_done();
        done
    }

    /// The member role in an account, with its path.
    fn member_role(&self, account: &Account) -> Arn {
        let role = &self.context.inputs.settings.scope.member.path_and_name;
        Arn::iam_role(self.hub.partition(), &account.id, role)
    }
}
