//! What holds for every policy and every cluster with access entries.

use proptest::{collection::vec, prelude::*, sample::subsequence};

use super::fixtures::*;
use crate::{
    model::{
        Action, ArnPattern, AuthenticationMode, ClusterState, Desired, DesiredRow, ObservedEntry, PlanRules,
        PolicyGrant, STANDARD, Subject, SurfaceChoice, Unmanaged, Write,
    },
    plan::{fixtures::row, plan},
};

const NAMES: [&str; 6] = ["alpha", "beta", "gamma", "breakglass", "rolecall", "node"];
const GROUPS: [&str; 3] = ["devs", "ops", "system:masters"];

fn grants() -> impl Strategy<Value = Vec<PolicyGrant>> {
    let all = vec![admin(), policy("AmazonEKSEditPolicy", &["a"]), policy("AmazonEKSViewPolicy", &["a", "b"])];
    subsequence(all, 0..=3)
}

fn live_entry(name: &'static str) -> impl Strategy<Value = ObservedEntry> {
    let kinds = prop_oneof![4 => Just(STANDARD), 1 => Just("EC2_LINUX")];
    (subsequence(vec!["devs", "ops", "eks:x"], 0..=2), 0..2_usize, any::<bool>(), kinds, grants(), 0..3_i64).prop_map(
        move |(groups, user, ours, kind, policies, made)| ObservedEntry {
            ours: ours && kind == STANDARD,
            kind: kind.to_owned(),
            created: moment(100 + made),
            ..holding(entry(name, ["u", "v"][user], &groups), &policies)
        },
    )
}

fn live() -> impl Strategy<Value = ClusterState> {
    let entries = subsequence(NAMES.to_vec(), 0..=6)
        .prop_flat_map(|names| names.into_iter().map(|name| live_entry(name).boxed()).collect::<Vec<_>>());
    let rows = vec((0..NAMES.len(), subsequence(GROUPS.to_vec(), 0..=3)), 0..4);
    (entries, rows).prop_map(|(entries, rows)| {
        let text: String = rows.into_iter().map(|(name, groups)| row(NAMES[name], "u", &groups)).collect();
        beside(entries, &text)
    })
}

fn desired() -> impl Strategy<Value = Desired> {
    let one = |name: &'static str| {
        (subsequence(GROUPS.to_vec(), 0..=3), grants(), proptest::option::of(90..110_i64)).prop_map(
            move |(groups, policies, made)| {
                let row = giving(wanted(name, "u", &groups), &policies);
                DesiredRow { created: made.map(moment), ..row }
            },
        )
    };
    subsequence(NAMES.to_vec(), 0..=6)
        .prop_flat_map(move |names| names.into_iter().map(|name| one(name).boxed()).collect::<Vec<_>>())
        .prop_map(rows)
}

fn any_rules() -> impl Strategy<Value = PlanRules> {
    let unmanaged = prop_oneof![Just(Unmanaged::Keep), Just(Unmanaged::Report), Just(Unmanaged::Remove)];
    unmanaged.prop_map(|unmanaged| PlanRules {
        unmanaged,
        surface: SurfaceChoice::AccessEntries,
        protect: vec![ArnPattern::new("arn:aws:iam::*:role/breakglass")],
        own_principal: Some(arn("rolecall")),
        max_removals: 100,
        ..rules()
    })
}

fn modes() -> impl Strategy<Value = AuthenticationMode> {
    prop_oneof![Just(AuthenticationMode::Api), Just(AuthenticationMode::ApiAndConfigMap)]
}

/// The principals whose entries a plan writes.
fn written(plan: &crate::model::Plan) -> Vec<&str> {
    plan.steps.iter().filter_map(|step| step.write.entry()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_second_pass_writes_no_entry(desired in desired(), live in live(), rules in any_rules(), mode in modes()) {
        let first = run(mode, &desired, &live, &rules);
        prop_assert_eq!(&first.blocked, &None);
        let after = applied(&live, &first);
        let second = plan(&cluster(mode), &desired, &after, &rules);
        prop_assert!(written(&second).is_empty(), "{:#?}\n{:#?}", first.steps, second.steps);
    }

    #[test]
    fn what_is_not_ours_goes_only_when_asked(desired in desired(), live in live(), rules in any_rules(), mode in modes()) {
        let named = |principal: &str| desired.rows.iter().any(|row| row.principal.to_string() == principal);
        let before = live.entries.known().cloned().flatten().unwrap().entries;
        let plan = run(mode, &desired, &live, &rules);
        for step in &plan.steps {
            if let Write::DeleteEntry { principal, .. } = &step.write {
                let entry = before.iter().find(|entry| entry.principal == *principal).unwrap();
                prop_assert!(entry.ours || rules.unmanaged == Unmanaged::Remove);
                prop_assert!(!named(principal));
            }
            let Some(entry) = before.iter().find(|entry| step.write.entry() == Some(&entry.principal)) else { continue };
            prop_assert!(entry.kind == STANDARD && !entry.groups.iter().any(|group| group.starts_with("eks:")));
            prop_assert!(![arn("breakglass"), arn("rolecall")].contains(&entry.principal));
            prop_assert!(entry.ours || named(&entry.principal) || rules.unmanaged == Unmanaged::Remove);
        }
        prop_assert!(!written(&plan).contains(&arn("rolecall").as_str()));
    }

    #[test]
    fn nothing_is_taken_while_something_is_unknown(desired in desired(), live in live(), rules in any_rules(), mode in modes()) {
        let desired = Desired { unknown: vec!["why".to_owned()], ..desired };
        let plan = run(mode, &desired, &live, &rules);
        prop_assert!(plan.steps.iter().all(|step| !step.removes));
        prop_assert!(plan.changes.iter().all(|change| change.action != Action::Remove));
    }

    #[test]
    fn every_change_is_made_by_one_step_and_removals_come_last(desired in desired(), live in live(), rules in any_rules(), mode in modes()) {
        let plan = run(mode, &desired, &live, &rules);
        let order: Vec<bool> = plan.steps.iter().map(|step| step.removes).collect();
        prop_assert!(order.is_sorted());
        let mut told: Vec<usize> = plan.steps.iter().flat_map(|step| step.changes.clone()).collect();
        told.sort_unstable();
        prop_assert_eq!(told, (0..plan.changes.len()).collect::<Vec<_>>());
        for step in &plan.steps {
            for change in step.changes.iter().map(|index| &plan.changes[*index]) {
                let principal = match &change.subject {
                    Subject::Role(arn) | Subject::User(arn) => Some(arn.as_str()),
                    Subject::Policy { principal, .. } => Some(principal.as_str()),
                    _ => None,
                };
                prop_assert!(step.write.entry().is_none() || step.write.entry() == principal);
            }
        }
    }
}
