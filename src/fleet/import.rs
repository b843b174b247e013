//! The policy that describes what the fleet has, and the proof that planning it changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, info_span};

use super::{
    Context, FleetError, Inputs, PassOptions, Progress, lookups,
    stock::{Had, Taken},
    tasks::join_all,
    walk,
};
use crate::{
    discover::{Hub, Turns},
    model::{
        Account, AccountId, Cluster, ClusterId, ClusterState, Finding, FindingCode, Identities, PassKind, PlanRules,
        Principal,
    },
    plan,
    policy::{
        self, Policy,
        import::{Note, NoteKind, Seen},
    },
    source::{Diagnostics, SourceFile},
};

/// What a policy file is called before it is one.
const NAME: &str = "policy.yaml";

/// A policy that describes the fleet.
#[derive(Clone, Debug)]
pub struct Import {
    /// The policy file.
    pub text: String,
    /// How many entries it has.
    pub entries: usize,
    /// How many clusters it describes.
    pub clusters: usize,
    /// What is not in it, and why.
    pub notes: Vec<Note>,
    /// The clusters on which a plan under this policy would find something all the same.
    pub differing: Vec<Differing>,
    /// What could not be read, and other things found on the way.
    pub findings: Vec<Finding>,
}

impl Import {
    /// Whether part of the fleet is unknown, so that the policy does not describe it.
    pub fn is_incomplete(&self) -> bool {
        self.findings.iter().any(|finding| finding.incomplete)
            || self.notes.iter().any(|note| note.kind == NoteKind::Unknown)
    }

    /// Whether something that the fleet has could not be described.
    pub fn is_lacking(&self) -> bool {
        !self.differing.is_empty() || self.notes.iter().any(|note| note.kind == NoteKind::Inexpressible)
    }
}

/// A cluster that differs from the policy that was made from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The cluster.
    pub cluster: ClusterId,
    /// What a plan would tell, in words.
    pub what: Vec<String>,
}

/// One cluster that was read as a whole.
struct Known {
    cluster: Cluster,
    state: ClusterState,
    rules: PlanRules,
}

/// Reads everything that the fleet has and describes it.
///
/// # Errors
/// When the organization cannot be read.
pub async fn import(
    inputs: Arc<Inputs>,
    hub: &Arc<Hub>,
    cancel: CancellationToken,
    progress: Arc<dyn Progress>,
) -> Result<Import, FleetError> {
    let context = Arc::new(Context::new(inputs, PassOptions::new(PassKind::Plan), cancel, progress));
    let stock = walk::take_stock(&context, hub).await?;
    let (mut findings, mut known, mut unread) = (stock.findings, Vec::new(), Vec::new());
    for Taken { cluster, had } in stock.taken {
        match had {
            Had::All(all) => known.push(Known { cluster, state: all.0, rules: all.1 }),
            Had::LeftAlone => unread.push(cluster),
            Had::Unknown(why) => {
                let finding = Finding::gap(FindingCode::ClusterUnreadable, cluster.id.to_string(), why.message);
                findings.push(Finding { next: why.next, ..finding }.at(cluster.place()));
                unread.push(cluster);
            }
        }
    }
    let wanted =
        known.iter().map(|it| (it.cluster.account.clone(), policy::import::principals(&it.cluster, &it.state)));
    let mut identities = look_up(&context, hub, by_account(wanted)).await;
    let nobody = Identities::default();
    let seen: Vec<Seen<'_>> = known
        .iter()
        .map(|it| Seen {
            cluster: &it.cluster,
            state: &it.state,
            identities: identities.get(&it.cluster.id.account).unwrap_or(&nobody),
            own: it.rules.own_principal.as_deref(),
        })
        .collect();
    let unread: Vec<&Cluster> = unread.iter().collect();
    let imported = policy::import::import(stock.organization.as_deref(), &seen, &unread);
    let differing = match read_again(&imported.text) {
        Ok(policy) => {
            let wanted =
                known.iter().map(|it| (it.cluster.account.clone(), policy.principals_for(&it.cluster.account)));
            add_to(&mut identities, look_up(&context, hub, by_account(wanted)).await);
            differing(&context, &policy, &known, &identities)
        }
        Err(why) => {
            let message = format!("a fault in rolecall: the policy that it wrote is not valid: {why}");
            findings.push(Finding::gap(FindingCode::CannotBePlaced, NAME, message));
            Vec::new()
        }
    };
    let (clusters, entries) = (known.len(), imported.entries);
    Ok(Import { text: imported.text, entries, clusters, notes: imported.notes, differing, findings })
}

/// The policy as `validate` and the passes read it.
fn read_again(text: &str) -> Result<Policy, String> {
    let files = [SourceFile::new(NAME, text)];
    let mut diagnostics = Diagnostics::new();
    policy::parse(&files, &mut diagnostics).ok_or_else(|| diagnostics.one_lines(&files).join("; "))
}

/// What a plan under the policy would find on every cluster that it was made from.
fn differing(
    context: &Context,
    policy: &Policy,
    known: &[Known],
    identities: &BTreeMap<AccountId, Identities>,
) -> Vec<Differing> {
    let nobody = Identities::default();
    let mut all = Vec::new();
    for it in known {
        let identities = identities.get(&it.cluster.id.account).unwrap_or(&nobody);
        let desired = policy::compile(policy, &it.cluster, identities, context.today);
        let plan = plan::plan(&it.cluster, &desired, &it.state, &it.rules);
        let changes = plan
            .changes
            .iter()
            .map(|change| format!("{} {} ({})", change.action.sign(), change.subject, change.reason));
        let drifted = plan.findings.iter().filter(|finding| finding.drift).map(|finding| finding.message.clone());
        let what: Vec<String> = changes.chain(drifted).collect();
        if !what.is_empty() {
            all.push(Differing { cluster: it.cluster.id.clone(), what });
        }
    }
    all
}

type Wanted = BTreeMap<AccountId, (Account, BTreeSet<Principal>)>;

fn by_account(wanted: impl Iterator<Item = (Account, BTreeSet<Principal>)>) -> Wanted {
    let mut accounts = Wanted::new();
    for (account, principals) in wanted {
        let entry = accounts.entry(account.id.clone()).or_insert_with(|| (account, BTreeSet::new()));
        entry.1.extend(principals);
    }
    accounts
}

/// Asks every account's IAM; what cannot be told is unknown, for a reason.
async fn look_up(context: &Arc<Context>, hub: &Arc<Hub>, wanted: Wanted) -> BTreeMap<AccountId, Identities> {
    let turns = Arc::new(Turns::new(context.inputs.settings.limits.clusters));
    let mut asking = JoinSet::new();
    for (id, (account, principals)) in wanted {
        let (context, hub, turns) = (Arc::clone(context), Arc::clone(hub), Arc::clone(&turns));
        let span = info_span!("account", %id);
        let ask = async move {
            let asked = turns.take(Box::pin(ask(&context, &hub, &account, &principals))).await;
            (id, asked)
        };
        asking.spawn(ask.instrument(span));
    }
    join_all(asking).await.into_iter().collect()
}

async fn ask(context: &Context, hub: &Hub, account: &Account, principals: &BTreeSet<Principal>) -> Identities {
    if principals.is_empty() {
        return Identities::default();
    }
    let asking = lookups::in_account(hub, account, principals);
    let asked = tokio::time::timeout(context.inputs.settings.timeout, context.unless_called_off(asking)).await;
    asked.ok().flatten().unwrap_or_else(|| lookups::unknown(principals, "IAM did not answer in time"))
}

fn add_to(identities: &mut BTreeMap<AccountId, Identities>, more: BTreeMap<AccountId, Identities>) {
    for (account, more) in more {
        let known = identities.entry(account).or_default();
        for (principal, lookup) in more.found {
            // What the description was made from is what the proof is made from.
            known.found.entry(principal).or_insert(lookup);
        }
    }
}
