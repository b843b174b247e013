//! What happens to clusters behind the policy's back.

use std::{collections::BTreeMap, io};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    HEX, contents, fleet,
    ledger::{self, Ledger, manager, put_ours},
    people, policy, text,
    tree::Stage,
};
use crate::{
    lab::world::{State, World, eks::EksCluster},
    model::{AuthenticationMode, ClusterId, Section},
};

/// One way in which a cluster differs from the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Somebody gave a group more than it should have, by hand.
    Changed,
    /// A row is gone.
    Missing,
    /// A permission set's role was made anew, and the row names the old one.
    Stale,
    /// Somebody nobody knows is an administrator.
    Unmanaged,
    /// A ClusterRole was given more rules by hand.
    RulesChanged,
    /// mapUsers does not parse, so that nobody in it gets in.
    Broken,
    /// A row stands twice; the last one counts.
    Duplicate,
    /// A binding is gone.
    BindingMissing,
    /// A row names a role with its path and matches nobody.
    NeverMatches,
    /// A binding that the policy no longer wants is still there.
    BindingLeft,
    /// A cluster that rolecall has not seen yet.
    Fresh,
    /// A row without an ARN.
    Malformed,
    /// Somebody changed an access entry.
    Shadowed,
    /// aws-auth is gone as a whole.
    Gone,
}

impl Kind {
    /// Every kind, those that people meet most often first.
    pub const ALL: [Self; 14] = [
        Self::Changed,
        Self::Missing,
        Self::Stale,
        Self::Unmanaged,
        Self::RulesChanged,
        Self::Broken,
        Self::Duplicate,
        Self::BindingMissing,
        Self::NeverMatches,
        Self::BindingLeft,
        Self::Fresh,
        Self::Malformed,
        Self::Shadowed,
        Self::Gone,
    ];
}

/// Something that just happened in a running world.
#[derive(Clone, Debug)]
pub struct Trickled {
    /// Where.
    pub cluster: ClusterId,
    /// What, in a few words: who did what.
    pub what: String,
}

/// Has something go wrong in about a third of the clusters. In the order of the clusters, the kinds come in theirs, so that
/// whoever reads a report from its beginning meets the most common ones first; each comes once before any comes twice.
pub(super) fn seed(state: &mut State, now: Timestamp, rng: &mut Rng) -> BTreeMap<ClusterId, Kind> {
    let all: Vec<ClusterId> = state.clusters.keys().cloned().collect();
    let number = (all.len() * 35 / 100).max(Kind::ALL.len().min(all.len() * 3 / 4));
    let mut chosen = rng.choose_multiple(all, number);
    chosen.sort();
    let mut seeded = BTreeMap::new();
    let mut kinds = Vec::new();
    for id in chosen {
        if kinds.is_empty() {
            kinds = Kind::ALL.to_vec();
        }
        let when = now.checked_sub(SignedDuration::from_mins(rng.i64(20..1_500))).unwrap_or(now);
        // Some kinds fit few clusters and wait for one of these; others come twice.
        let at = kinds.iter().position(|kind| happen(*kind, state, &id, when, rng).is_some());
        let kind = match at {
            Some(at) => Some(kinds.remove(at)),
            None => Kind::ALL.into_iter().find(|kind| happen(*kind, state, &id, when, rng).is_some()),
        };
        seeded.extend(kind.map(|kind| (id, kind)));
    }
    seeded
}

/// One more thing goes wrong somewhere in a running world; `None` when nothing could.
pub fn trickle(world: &World, rng: &mut Rng) -> Option<Trickled> {
    const KINDS: [Kind; 6] =
        [Kind::Changed, Kind::Missing, Kind::RulesChanged, Kind::BindingMissing, Kind::Unmanaged, Kind::Stale];
    let now = world.now();
    let mut state = world.write();
    let ids: Vec<ClusterId> = state.clusters.keys().cloned().collect();
    (0..50).find_map(|_| {
        let (id, kind) = (rng.choice(&ids)?, *rng.choice(&KINDS)?);
        // Elsewhere a stranger's row is only reported, and so would stay for ever.
        if kind == Kind::Unmanaged && Stage::of(&state.clusters.get(id)?.tags) != Some(Stage::Prod) {
            return None;
        }
        let what = match kind {
            Kind::Stale => people::renew(&mut state, &id.account, now, rng)?,
            _ => happen(kind, &mut state, id, now, rng)?,
        };
        Some(Trickled { cluster: id.clone(), what })
    })
}

/// A cluster that somebody makes in a running world, with nothing in it but the nodes' row and rolecall's way in; whoever
/// has the lab adds it.
///
/// # Errors
/// When there is no port for its API server.
pub fn newcomer(world: &World, rng: &mut Rng) -> io::Result<Option<EksCluster>> {
    let now = world.now();
    let cluster = fleet::newcomer(&world.read(), now, rng)?;
    if let Some(cluster) = &cluster {
        contents::begin(cluster, now);
    }
    Ok(cluster)
}

/// Has it happen in a cluster and says what it was; `None` where it cannot.
fn happen(kind: Kind, state: &mut State, id: &ClusterId, when: Timestamp, rng: &mut Rng) -> Option<String> {
    match kind {
        Kind::Shadowed => shadow(state, id, when),
        Kind::RulesChanged | Kind::BindingMissing | Kind::BindingLeft => rbac(kind, state.clusters.get(id)?, when, rng),
        Kind::Fresh | Kind::Gone => whole(kind, state.clusters.get(id)?, when),
        _ => row(kind, state.clusters.get(id)?, when, rng),
    }
}

const BY_HAND: &str = "kubectl-edit";

/// What happens to single rows.
fn row(kind: Kind, cluster: &EksCluster, when: Timestamp, rng: &mut Rng) -> Option<String> {
    let store = cluster.api.store();
    let mut ledger = Ledger::read(store)?;
    let owned = ledger.owned(Section::Roles);
    let arn = rng.choice(&owned)?.clone();
    let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let at = ledger.position(Section::Roles, &arn)?;
    let roles = ledger.section(Section::Roles);
    let before = roles.get(at)?.clone();
    let mut by = BY_HAND;
    let what = match kind {
        Kind::Changed => {
            // The list of groups comes last; the new item stands under the others.
            let (rows, last) = before.trim_end().rsplit_once('\n')?;
            let indent = last.strip_suffix(last.trim_start()).filter(|_| last.trim_start().starts_with("- "))?;
            *roles.get_mut(at)? = format!("{rows}\n{last}\n{indent}- system:masters\n");
            format!("gave {name} system:masters")
        }
        Kind::Missing => {
            roles.remove(at);
            by = "kubectl-replace";
            format!("removed the row of {name}")
        }
        Kind::Stale => {
            let set = owned.iter().find(|arn| arn.contains("/AWSReservedSSO_"))?;
            let old = format!("{}_{}", set.rsplit_once('_')?.0, text(rng, HEX, 16));
            ledger.rename(Section::Roles, set, &old);
            by = "rolecall";
            format!("names a role of a permission set that was made anew: {}", set.rsplit('/').next()?)
        }
        Kind::Unmanaged => {
            let who = format!("arn:aws:iam::{}:role/contractor-{}", cluster.id.account, people::nickname(rng));
            roles.push(ledger::text(Section::Roles, &who, "contractor", &["system:masters".to_owned()]));
            format!("let {} in as system:masters", who.rsplit('/').next()?)
        }
        Kind::Duplicate => {
            let other = before.replacen("  groups:", "  # Until the migration is over.\n  groups:", 1);
            roles.insert(at, other);
            format!("doubled the row of {name}")
        }
        Kind::NeverMatches => {
            let arn = format!("arn:aws:iam::{}:role/ci/deployer", cluster.id.account);
            roles.push(ledger::text(Section::Roles, &arn, "ci", &["deployers".to_owned()]));
            "mapped a role with its path".to_owned()
        }
        Kind::Malformed => {
            roles.push("- rolarn: arn:aws:iam::111122223333:role/typo\n  username: typo\n".to_owned());
            "mistyped a key".to_owned()
        }
        Kind::Broken => {
            // Where the policy wants nobody in mapUsers, nothing of it can be put right.
            if ledger.owned(Section::Users).is_empty() {
                return None;
            }
            let arn = format!("arn:aws:iam::{}:user/{}", cluster.id.account, people::nickname(rng));
            let row = format!("- userarn: {arn}\n  username: {{{{SessionName}}}}\n  groups: [auditors]\n");
            ledger.section(Section::Users).push(row);
            "left out the quotes around {{SessionName}}".to_owned()
        }
        Kind::RulesChanged | Kind::BindingMissing | Kind::BindingLeft | Kind::Fresh | Kind::Shadowed | Kind::Gone => {
            return None;
        }
    };
    ledger.write(store, by, when);
    Some(format!("{by} {what}"))
}

/// What happens to RBAC objects.
fn rbac(kind: Kind, cluster: &EksCluster, when: Timestamp, rng: &mut Rng) -> Option<String> {
    let store = cluster.api.store();
    match kind {
        Kind::RulesChanged => {
            let mut role = Value::clone(&*store.get("clusterroles", "", "developer")?);
            let more =
                json!({"apiGroups": [""], "resources": ["secrets", "pods/exec"], "verbs": ["get", "list", "create"]});
            role.get_mut("rules")?.as_array_mut()?.push(more);
            let by = manager(BY_HAND, "Update", "rbac.authorization.k8s.io/v1", when);
            role.pointer_mut("/metadata/managedFields")?.as_array_mut()?.push(by);
            store.put(role, when);
            Some(format!("{BY_HAND} gave ClusterRole developer secrets and pods/exec"))
        }
        Kind::BindingMissing => {
            let (resource, namespace, name) = *rng.choice(&[
                ("clusterrolebindings", "", "rolecall:auditors:view"),
                ("clusterrolebindings", "", "rolecall:developers:developer"),
                ("rolebindings", "apps", "rolecall:deployers:admin"),
            ])?;
            store.delete(resource, namespace, name).then(|| format!("kubectl deleted binding {name}"))
        }
        Kind::BindingLeft => {
            put_ours(store, policy::binding("contractors", "edit", Some("apps")), when);
            Some("an older policy bound contractors to edit".to_owned())
        }
        _ => None,
    }
}

/// What happens to a cluster as a whole.
fn whole(kind: Kind, cluster: &EksCluster, when: Timestamp) -> Option<String> {
    let store = cluster.api.store();
    if cluster.authentication_mode() == AuthenticationMode::Api {
        return None;
    }
    if kind == Kind::Gone {
        let gone = contents::has_other_way_in(cluster) && store.delete("configmaps", "kube-system", "aws-auth");
        return gone.then(|| "kubectl deleted aws-auth".to_owned());
    }
    store.delete("configmaps", "kube-system", "aws-auth");
    contents::first_rows(cluster).write(store, "eksctl", when);
    for object in policy::objects() {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let resource = format!("{}s", text("/kind").to_lowercase());
        store.delete(&resource, text("/metadata/namespace"), text("/metadata/name"));
    }
    Some("the cluster is new".to_owned())
}

/// Somebody changes an access entry and leaves its tags.
fn shadow(state: &mut State, id: &ClusterId, when: Timestamp) -> Option<String> {
    let cluster = state.clusters.get_mut(id)?;
    if cluster.authentication_mode() != AuthenticationMode::ApiAndConfigMap {
        return None;
    }
    let entry = cluster.entries.values_mut().find(|entry| entry.principal.ends_with("/deployer"))?;
    entry.groups = vec!["auditors".to_owned()];
    entry.modified = when;
    Some("eksctl changed the access entry of deployer".to_owned())
}
