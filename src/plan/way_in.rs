//! A cluster that does not know rolecall: what may be done about it by the EKS API alone.

use crate::{
    model::{
        AccessScope, Action, AuthenticationMode, CLUSTER_ADMIN_POLICY, Change, Cluster, ClusterState, Content,
        EntriesState, EntryPrecondition, Finding, FindingCode, MASTERS, Observed, ObservedEntry, Onboarding, Partition,
        PlanRules, STANDARD, Subject, Surface, UnreadableKind, Write, access_policy_arn, commands_for_way_in,
    },
    plan::{
        draft::{Part, Pending},
        entries::{default_username, entry_at},
    },
};

/// Plans rolecall's own access entry where the cluster answers 401 (or, to one made by half, 403), may be read by the EKS
/// API and has none for it; where the settings say so, also the change of the mode that lets the cluster read entries.
/// Otherwise it says what somebody who gets in has to run.
pub(super) fn plan(cluster: &Cluster, state: &ClusterState, rules: &PlanRules) -> Part {
    let answer = state.rbac.unknown().map(|why| why.kind);
    let Some(onboarding) = rules.onboarding.as_ref() else { return Part::default() };
    if answer == Some(UnreadableKind::Forbidden) {
        return made_by_half(cluster, state, onboarding);
    }
    if answer != Some(UnreadableKind::Unauthenticated) {
        return Part::default();
    }
    match &state.entries {
        Observed::Known(Some(entries)) if cluster.authentication_mode.reads_entries() => {
            by_entry(cluster, entries, onboarding)
        }
        Observed::Unknown(why) => {
            let message = format!("whether rolecall has an access entry of its own could not be read: {why}");
            Part::only(vec![finding(cluster, onboarding, message)])
        }
        Observed::Known(_) if onboarding.self_entry && onboarding.enable_access_entries => {
            let entry = made(cluster, &onboarding.own_role.to_string());
            Part { pending: std::iter::once(mode()).chain(entry).collect(), ..Part::default() }
        }
        Observed::Known(_) => {
            let message = "the cluster's authentication mode is CONFIG_MAP and its aws-auth has no row for rolecall that \
                           can be read";
            Part::only(vec![finding(cluster, onboarding, message.to_owned())])
        }
    }
}

fn by_entry(cluster: &Cluster, entries: &EntriesState, onboarding: &Onboarding) -> Part {
    let own = onboarding.own_role.to_string();
    let is_own = |principal: &str| principal.eq_ignore_ascii_case(&own);
    if entries.unread.iter().any(|unread| is_own(&unread.principal)) {
        let message = "rolecall's own access entry exists and could not be read".to_owned();
        return Part::only(vec![finding(cluster, onboarding, message)]);
    }
    match entries.entries.iter().find(|entry| is_own(&entry.principal)) {
        Some(entry) => existing(cluster, entry, onboarding),
        None if onboarding.self_entry => Part { pending: made(cluster, &own), ..Part::default() },
        None => {
            let message = "rolecall has no access entry, and `clusters.onboarding.selfEntry` lets it make none";
            Part::only(vec![finding(cluster, onboarding, message.to_owned())])
        }
    }
}

/// The cluster knows rolecall and lets it do nothing, as it does between the two calls that make its entry: where the second
/// one failed, only the EKS API is left to make up for it.
fn made_by_half(cluster: &Cluster, state: &ClusterState, onboarding: &Onboarding) -> Part {
    let entries =
        state.entries.known().and_then(Option::as_ref).filter(|_| cluster.authentication_mode.reads_entries());
    let own = onboarding.own_role.to_string();
    let own = entries.and_then(|entries| entries.entries.iter().find(|e| e.principal.eq_ignore_ascii_case(&own)));
    match own.filter(|entry| entry.groups.is_empty() && lacks_policy(entry, onboarding)) {
        Some(entry) => Part { pending: vec![policy(cluster, &entry.principal, entry_at(entry))], ..Part::default() },
        None => Part::default(),
    }
}

/// Whether it is an entry that rolecall made and could not give the policy yet.
fn lacks_policy(entry: &ObservedEntry, onboarding: &Onboarding) -> bool {
    let none = entry.policies.as_ref().is_some_and(Vec::is_empty);
    entry.kind == STANDARD && entry.ours && onboarding.self_entry && none
}

/// An entry that EKS took a moment ago is not in effect yet; one that is older holds for a role that bore the ARN before.
fn existing(cluster: &Cluster, entry: &ObservedEntry, onboarding: &Onboarding) -> Part {
    if lacks_policy(entry, onboarding) {
        return Part { pending: vec![policy(cluster, &entry.principal, entry_at(entry))], ..Part::default() };
    }
    let made = entry.created.strftime("%Y-%m-%d %H:%M:%S UTC");
    let message = format!(
        "rolecall's own access entry, made {made}, does not let it in: it takes effect some seconds after it was made, and \
         one that was made for a role of this name that was deleted since never does"
    );
    let next = format!(
        "run a pass again in a minute; if that does not help, delete the entry, and the next pass makes it anew: `aws eks \
         delete-access-entry --region {} --cluster-name {} --principal-arn {}`",
        cluster.id.region, cluster.id.name, entry.principal
    );
    Part::only(vec![Finding { next: Some(next), ..finding(cluster, onboarding, message) }])
}

/// One step forward, after which aws-auth counts as before and access entries beside it.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>.
fn mode() -> Pending {
    let (before, after) = (AuthenticationMode::ConfigMap, AuthenticationMode::ApiAndConfigMap);
    let change = Change {
        surface: Surface::AccessEntries,
        action: Action::Change,
        subject: Subject::Mode,
        who: Some("rolecall itself".to_owned()),
        reason: "the cluster does not let rolecall in; by `clusters.onboarding.enableAccessEntries`, and there is no way back"
            .to_owned(),
        before: Some(Content::Mode(before)),
        after: Some(Content::Mode(after)),
        sources: Vec::new(),
        changed_by: None,
    };
    Pending { write: Write::SetMode { before, after }, changes: vec![change], removes: false, counts: false }
}

fn made(cluster: &Cluster, own: &str) -> Vec<Pending> {
    let after = Content::Entry { username: default_username(own), groups: Vec::new(), policies: Vec::new() };
    let change = change(Subject::Role(own.to_owned()), after.clone());
    let write = Write::CreateEntry { principal: own.to_owned(), ours: true, after };
    let entry = Pending { write, changes: vec![change], removes: false, counts: false };
    vec![entry, policy(cluster, own, EntryPrecondition::AfterPrevious)]
}

fn policy(cluster: &Cluster, own: &str, precondition: EntryPrecondition) -> Pending {
    let policy = access_policy_arn(&Partition::of_region(&cluster.id.region), CLUSTER_ADMIN_POLICY);
    let subject = Subject::Policy { principal: own.to_owned(), policy: policy.clone() };
    let after = AccessScope::Cluster;
    let change = change(subject, Content::Scope(after.clone()));
    let write = Write::AssociatePolicy { principal: own.to_owned(), precondition, policy, before: None, after };
    Pending { write, changes: vec![change], removes: false, counts: false }
}

fn change(subject: Subject, after: Content) -> Change {
    Change {
        surface: Surface::AccessEntries,
        action: Action::Add,
        subject,
        who: Some("rolecall itself".to_owned()),
        reason: "the cluster does not let rolecall in; by `clusters.onboarding.selfEntry`".to_owned(),
        before: None,
        after: Some(after),
        sources: Vec::new(),
        changed_by: None,
    }
}

fn finding(cluster: &Cluster, onboarding: &Onboarding, message: String) -> Finding {
    let [first, second] = commands_for_way_in(cluster, &onboarding.own_role);
    let next = format!(
        "let somebody who gets in ({MASTERS}: the cluster's creator at least) run: `{first}` and `{second}`; the next pass \
         does the rest"
    );
    Finding::gap(FindingCode::NoWayIn, onboarding.own_role.to_string(), message).next(next).on(Surface::AccessEntries)
}
