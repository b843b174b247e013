//! What holds for every policy and every cluster.

use proptest::{collection::vec, prelude::*, sample::subsequence};

use crate::{
    authenticator,
    model::{ArnPattern, Desired, DesiredRow, Observed, PlanRules, RbacState, Section, Unmanaged, Write, binding_name},
};

use super::{fixtures::*, plan};

const NAMES: [&str; 4] = ["alpha", "beta", "gamma", "delta"];
const GROUPS: [&str; 3] = ["devs", "ops", "system:masters"];
const BREAKGLASS: &str = "- rolearn: arn:aws:iam::111122223333:role/breakglass   # never touch\n  username: \"b\"\n  groups: [system:masters]\n";

/// A row as somebody may have written it: other case, a path, flow style, a comment.
fn live_row() -> impl Strategy<Value = String> {
    (0..NAMES.len(), 0..4_usize, 0..2_usize, subsequence(GROUPS.to_vec(), 0..=3)).prop_map(
        |(name, form, user, groups)| {
            let name = NAMES[name];
            let username = ["u", "v"][user];
            match form {
                0 => row(&name.to_uppercase(), username, &["devs"]),
                1 => row(&format!("path/{name}"), username, &["ops"]),
                2 => {
                    format!("- {{rolearn: \"{}\", username: {username}, groups: [{}]}}\n", arn(name), groups.join(", "))
                }
                _ => format!("# about {name}\n{}", row(name, username, &["ops", "devs"])),
            }
        },
    )
}

fn live_roles() -> impl Strategy<Value = String> {
    (vec(live_row(), 0..6), any::<bool>(), any::<bool>(), 0..8_usize).prop_map(|(mut rows, node, protected, broken)| {
        if node {
            rows.insert(rows.len() / 2, NODE.to_owned());
        }
        if protected {
            rows.insert(0, BREAKGLASS.to_owned());
        }
        if broken == 0 {
            rows.push("- rolearn: x\n  username: {{broken\n".to_owned());
        }
        rows.concat()
    })
}

fn live_rbac() -> impl Strategy<Value = RbacState> {
    let named = |name: &'static str, role: &'static str| binding_name(&group(name), &cluster_role(role));
    let binding = (0..3_usize, 0..3_usize, 0..2_usize, vec(0..3_usize, 0..3), any::<bool>());
    let bindings = vec(binding, 0..5).prop_map(move |bindings| {
        let roles = ["view", "edit"];
        let made = bindings.into_iter().map(|(name, own, role, subjects, ours)| {
            let subjects: Vec<&str> = subjects.into_iter().map(|subject| GROUPS[subject]).collect();
            let name = if own == 0 { format!("free-{name}") } else { named(GROUPS[name], roles[own - 1]) };
            observed_binding(&name, roles[role], &subjects, ours)
        });
        let mut made: Vec<_> = made.collect();
        made.sort_by(|one, other| one.object.cmp(&other.object));
        made.dedup_by(|one, other| one.object == other.object);
        made
    });
    let roles = subsequence(vec!["view", "edit", "old"], 0..=3);
    (bindings, roles, any::<bool>()).prop_map(|(bindings, roles, ours)| RbacState {
        bindings,
        roles: roles.into_iter().map(|name| observed_role(name, &["get"], ours)).collect(),
        ..RbacState::default()
    })
}

fn desired() -> impl Strategy<Value = Desired> {
    let row = (subsequence(GROUPS.to_vec(), 0..=3), any::<bool>());
    let names = subsequence([&NAMES[..], &["breakglass", "node"]].concat(), 0..=6);
    let rows = names.prop_flat_map(move |names| (Just(names.clone()), vec(row.clone(), names.len())));
    let rows = rows.prop_map(|(names, rows)| {
        let row = |(name, (groups, users)): (&str, (Vec<&str>, bool))| {
            let row = wanted(name, "u", &groups);
            if users { DesiredRow { section: Section::Users, ..row } } else { row }
        };
        names.into_iter().zip(rows).map(row).collect::<Vec<_>>()
    });
    let bindings = subsequence(vec![("devs", "view"), ("devs", "edit"), ("ops", "view"), ("ops", "edit")], 0..=4);
    (rows, bindings, subsequence(vec!["view", "edit"], 0..=2), subsequence(vec!["000011112222", "333344445555"], 0..=2))
        .prop_map(|(rows, bindings, roles, accounts)| Desired {
            rows,
            bindings: bindings.into_iter().map(|(subject, role)| binding(subject, role)).collect(),
            roles: roles.into_iter().map(|name| role(name, &["get", "list"])).collect(),
            accounts: accounts.into_iter().map(account).collect(),
            ..Desired::default()
        })
}

fn live() -> impl Strategy<Value = crate::model::ClusterState> {
    let accounts = subsequence(vec!["- \"000011112222\"\n", "- \"555566667777\"\n"], 0..=2);
    let aws_auth = (live_roles(), live_roles(), accounts, subsequence(NAMES.to_vec(), 0..=4), any::<bool>());
    let aws_auth = aws_auth.prop_map(|(roles, users, accounts, owned, there)| {
        let mut stored = owning(stored(&roles), &owned);
        stored.data.insert("mapUsers".to_owned(), users.replace("rolearn", "userarn"));
        stored.data.insert("mapAccounts".to_owned(), accounts.concat());
        there.then_some(stored)
    });
    (aws_auth, live_rbac()).prop_map(|(aws_auth, rbac)| {
        let mut state = state(aws_auth);
        state.rbac = Observed::Known(rbac);
        state
    })
}

fn any_rules() -> impl Strategy<Value = PlanRules> {
    let unmanaged = prop_oneof![Just(Unmanaged::Keep), Just(Unmanaged::Report), Just(Unmanaged::Remove)];
    (unmanaged, any::<bool>()).prop_map(|(unmanaged, repair)| PlanRules {
        unmanaged,
        protect: vec![ArnPattern::new("arn:aws:iam::*:role/breakglass")],
        repair,
        max_removals: 100,
        ..rules()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_second_pass_writes_nothing(desired in desired(), live in live(), rules in any_rules()) {
        let first = plan(&cluster(), &desired, &live, &rules);
        prop_assert_eq!(&first.blocked, &None);
        let after = applied(&live, &first);
        let second = plan(&cluster(), &desired, &after, &rules);
        prop_assert!(second.steps.is_empty() && second.changes.is_empty(), "{:#?}\n{:#?}", first, second);
    }

    #[test]
    fn what_is_wanted_is_given_or_told(desired in desired(), live in live(), rules in any_rules()) {
        let first = plan(&cluster(), &desired, &live, &rules);
        let after = applied(&live, &first);
        let aws_auth = after.aws_auth.known().unwrap().clone().unwrap_or_else(|| stored(""));
        let reading = authenticator::read(&aws_auth.data);
        if first.findings.iter().all(|finding| !finding.drift) {
            for row in &desired.rows {
                let got = authenticator::resolve(&reading, &row.mapped_arn(), "").unwrap();
                let sorted = |mut groups: Vec<String>| { groups.sort(); groups.dedup(); groups };
                prop_assert_eq!((got.username, sorted(got.groups)), (row.username.clone(), sorted(row.groups.clone())));
            }
        }
    }

    #[test]
    fn nothing_goes_while_something_is_unknown(desired in desired(), live in live(), rules in any_rules()) {
        let desired = Desired { unknown: vec!["why".to_owned()], ..desired };
        let plan = plan(&cluster(), &desired, &live, &rules);
        prop_assert!(plan.steps.iter().all(|step| !step.removes));
        prop_assert!(plan.changes.iter().all(|change| change.action != crate::model::Action::Remove));
    }

    #[test]
    fn the_protected_stay_byte_for_byte(desired in desired(), live in live(), rules in any_rules()) {
        let plan = plan(&cluster(), &desired, &live, &rules);
        for step in &plan.steps {
            let Write::PutAwsAuth { before: Some(before), after, .. } = &step.write else { continue };
            for (section, text) in &before.data {
                for row in [NODE, BREAKGLASS] {
                    let row = if section == "mapUsers" { row.replace("rolearn", "userarn") } else { row.to_owned() };
                    let (was, is) = (text.matches(&row).count(), after.data[section].matches(&row).count());
                    prop_assert!(is >= was, "{section}:\n{text}\nbecomes\n{}", after.data[section]);
                }
            }
        }
    }

    #[test]
    fn the_same_gives_the_same(desired in desired(), live in live(), rules in any_rules()) {
        let once = plan(&cluster(), &desired, &live, &rules);
        prop_assert_eq!(once, plan(&cluster(), &desired, &live, &rules));
    }

    #[test]
    fn a_removal_never_comes_before_an_addition(desired in desired(), live in live(), rules in any_rules()) {
        let plan = plan(&cluster(), &desired, &live, &rules);
        let order: Vec<bool> = plan.steps.iter().map(|step| step.removes).collect();
        prop_assert!(order.is_sorted());
        let mut told: Vec<usize> = plan.steps.iter().flat_map(|step| step.changes.clone()).collect();
        told.sort_unstable();
        prop_assert_eq!(told, (0..plan.changes.len()).collect::<Vec<_>>());
    }
}
