//! What holds at every moment of every migration.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::fixtures::*;
use crate::{
    authenticator,
    model::{
        AccessScope, AuthenticationMode, BRIDGE, CLUSTER_ADMIN_POLICY, ClusterState, MigrateRules, ObservedEntry,
        STANDARD,
    },
};

const NAMES: [&str; 5] = ["alpha", "beta", "gamma", "rolecall", "node"];
const GROUPS: [&str; 4] = ["devs", "ops", "system:masters", "system:bootstrappers"];
const USERNAMES: [&str; 3] = ["u", "v:{{SessionName}}", "system:admin"];

/// The name, groups and power with which a principal gets in.
type Access = (String, Vec<String>, bool);

fn rows() -> impl Strategy<Value = String> {
    let one = (0..NAMES.len(), 0..USERNAMES.len(), subsequence(GROUPS.to_vec(), 0..=3));
    vec(one, 0..6).prop_map(|rows| {
        rows.into_iter().map(|(name, user, groups)| row(NAMES[name], USERNAMES[user], &groups)).collect()
    })
}

fn entries() -> impl Strategy<Value = Vec<ObservedEntry>> {
    let one = |name: &'static str| {
        let groups = subsequence(vec!["devs", "ops", BRIDGE], 0..=3);
        (groups, 0..2_usize, any::<bool>(), any::<bool>()).prop_map(move |(mut groups, user, admin, node)| {
            let node = node && name == "node";
            groups.retain(|group| !node || *group != BRIDGE);
            let policies = if admin && !node { vec![super::fixtures::admin()] } else { Vec::new() };
            let kind = if node { "EC2_LINUX" } else { STANDARD }.to_owned();
            ObservedEntry { kind, ..entry(&arn(name), USERNAMES[user], &groups, &policies) }
        })
    };
    subsequence(NAMES.to_vec(), 0..=3)
        .prop_flat_map(move |names| names.into_iter().map(|name| one(name).boxed()).collect::<Vec<_>>())
}

/// The access entries over time.
struct History(Vec<(i64, Vec<ObservedEntry>)>);

impl History {
    fn note(&mut self, now: i64, state: &ClusterState) {
        self.0.push((now, state.entries.known().unwrap().as_ref().unwrap().entries.clone()));
    }

    /// What the cluster may act upon: EKS may be behind by as much as what counts as settled.
    fn views(&self, now: i64) -> Vec<&[ObservedEntry]> {
        let ends = self.0.iter().skip(1).map(|(at, _)| *at).chain([i64::MAX]);
        self.0
            .iter()
            .zip(ends)
            .filter(|(_, end)| *end > now - SETTLE)
            .map(|((_, entries), _)| entries.as_slice())
            .collect()
    }
}

/// As whom everybody gets in, when the cluster knows of these entries and of the policies of those: an entry overrides the
/// row, and the bridge carries only while its binding stands.
fn everybody(
    mode: AuthenticationMode,
    state: &ClusterState,
    entries: &[ObservedEntry],
    policies: &[ObservedEntry],
) -> BTreeMap<&'static str, Access> {
    let aws_auth = state.aws_auth.known().unwrap().as_ref();
    let reading = authenticator::read(&aws_auth.map(|stored| stored.data.clone()).unwrap_or_default());
    let carries = state.rbac.known().unwrap().bindings.iter().any(|binding| binding.object.name == BRIDGE);
    let sorted = |groups: &[String]| {
        let people = |group: &&String| !["system:masters", BRIDGE].contains(&group.as_str());
        groups.iter().filter(people).cloned().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    let find = |among: &[ObservedEntry], name: &str| among.iter().find(|entry| entry.principal == arn(name)).cloned();
    let of = |name: &str| {
        if let Some(entry) = find(entries, name) {
            let held = find(policies, name).and_then(|entry| entry.policies).unwrap_or_default();
            let admin = held.iter().any(|p| p.name() == CLUSTER_ADMIN_POLICY && p.scope == AccessScope::Cluster);
            let bridged = carries && entry.groups.iter().any(|group| group == BRIDGE);
            return Some((entry.username.clone(), sorted(&entry.groups), admin || bridged));
        }
        let row = authenticator::resolve(&reading, &arn(name), "111122223333").filter(|_| mode.reads_aws_auth())?;
        let masters = row.groups.iter().any(|group| group == "system:masters");
        Some((row.username, sorted(&row.groups), masters))
    };
    NAMES.into_iter().filter_map(|name| Some((name, of(name)?))).collect()
}

/// Nobody has less, nobody another name; who is on a bridge that was broken before may have more.
fn nobody_has_less(before: &BTreeMap<&str, Access>, now: &BTreeMap<&str, Access>) -> Result<(), TestCaseError> {
    for (name, (username, groups, admin)) in before {
        let Some((is_named, has, is_admin)) = now.get(name) else {
            return Err(TestCaseError::fail(format!("{name} does not get in any more")));
        };
        prop_assert!(is_named == username && has == groups && (*is_admin || !admin), "{name}: {before:?} → {now:?}");
    }
    prop_assert_eq!(before.len(), now.len(), "nobody new gets in");
    Ok(())
}

/// Entries and associations may be behind each on its own.
fn pairs<'h>(views: &[&'h [ObservedEntry]]) -> Vec<(&'h [ObservedEntry], &'h [ObservedEntry])> {
    views.iter().flat_map(|one| views.iter().map(move |other| (*one, *other))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn at_no_moment_has_anybody_less_than_before(
        rows in rows(),
        entries in entries(),
        stands in any::<bool>(),
        include_own in any::<bool>(),
        to in proptest::option::of(Just(AuthenticationMode::Api)),
        lost in vec(0..9_usize, 0..6),
    ) {
        let mut cluster = cluster(AuthenticationMode::ApiAndConfigMap);
        let mut state = state(Some(stored(&rows)), entries);
        if stands {
            state = bridged(state);
        }
        let rules = MigrateRules { own_principal: Some(arn("rolecall")), include_own, to, ..rules() };
        let live = state.entries.known().cloned().flatten().unwrap().entries;
        let before = everybody(cluster.authentication_mode, &state, &live, &live);
        let mut history = History(vec![(0, live)]);
        let (mut now, mut lost) = (10_000, lost.into_iter());
        let mut written = 0;
        for _ in 0..40 {
            let migration = super::migrate(&cluster, &state, &people(&state, &[]), &rules, moment(now));
            prop_assert_eq!(&migration.plan.blocked, &None);
            if migration.plan.steps.is_empty() {
                let Some(until) = migration.waits_until else { break };
                prop_assert!(until > moment(now), "what is waited for is to come");
                now = until.as_second();
                continue;
            }
            // Each plan may be cut off after any of its steps, by a failure or because somebody stops it.
            let cut = lost.next().unwrap_or(usize::MAX);
            for step in migration.plan.steps.iter().take(cut) {
                apply(&mut cluster, &mut state, &step.write, now);
                written += 1;
                now += 1;
                history.note(now, &state);
                for (entries, policies) in pairs(&history.views(now)) {
                    nobody_has_less(&before, &everybody(cluster.authentication_mode, &state, entries, policies))?;
                }
            }
        }
        // It comes to an end, and at the end nobody is on the bridge and no row is left that could move.
        let last = super::migrate(&cluster, &state, &people(&state, &[]), &rules, moment(now));
        prop_assert!(last.plan.steps.is_empty() && last.waits_until.is_none(), "after {} writes: {:#?}", written, last);
        prop_assert!(last.rows.iter().all(|row| !row.fate.is_open()), "{:#?}", last.rows);
        let left = &state.entries.known().unwrap().as_ref().unwrap().entries;
        prop_assert!(left.iter().all(|entry| entry.kind != STANDARD || !entry.groups.iter().any(|group| group == BRIDGE)));
        prop_assert!(state.rbac.known().unwrap().bindings.is_empty(), "the bridge is taken down");
    }
}
