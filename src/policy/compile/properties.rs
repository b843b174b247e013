use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::compile;
use crate::{
    model::{Cluster, Desired, Identities, Lookup, Principal},
    policy::{
        entry::{AccessEntry, Policy, Who},
        principal,
        samples::{
            ACCOUNT, access, as_user, by_account_tag, cluster, identity, in_clusters, node, permission_set, role, until,
        },
    },
};

const TODAY: Date = date(2026, 11, 22);
const SET_ROLE: &str = "AWSReservedSSO_Dev_0123456789abcdef";

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        "[ab]".prop_map(|name| role(&name)),
        "[AB]".prop_map(|name| role(&format!("arn:aws:iam::{ACCOUNT}:role/x/{name}"))),
        "[ab]".prop_map(|name| role(&format!("arn:aws:iam::999988887777:role/{name}"))),
        "[ab]".prop_map(|name| principal::user(&name).unwrap()),
        Just(permission_set("Dev")),
        Just(role(SET_ROLE)),
        Just(principal::account("444455556666").unwrap()),
    ]
}

fn entry() -> impl Strategy<Value = AccessEntry> {
    let parts = (1usize..99, who(), prop::collection::vec("[a-d]", 0..3), prop::option::weighted(0.2, "[xy]"), 0u8..10);
    parts.prop_map(|(line, who, groups, username, kind)| {
        let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
        let mut entry = access(line, who, &groups);
        if let Some(username) = username {
            entry = as_user(entry, &username);
        }
        match kind {
            0 => entry.selector = in_clusters("other"),
            1 => entry.selector = by_account_tag(),
            2 => entry = until(entry, "2026-01-01"),
            3 => entry.selector = in_clusters("c*"),
            _ => {}
        }
        entry
    })
}

fn identities() -> impl Strategy<Value = Identities> {
    let found = vec![
        (Principal::RoleName("a".into()), "role/x/a"),
        (Principal::RoleName("b".into()), "role/b"),
        (role(&format!("arn:aws:iam::{ACCOUNT}:role/x/A")).principal, "role/x/a"),
        (role(&format!("arn:aws:iam::{ACCOUNT}:role/x/B")).principal, "role/b"),
        (Principal::UserName("a".into()), "user/a"),
        (Principal::UserName("b".into()), "user/ops/b"),
        (
            Principal::PermissionSet("Dev".into()),
            "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef",
        ),
        (
            Principal::RoleName(SET_ROLE.into()),
            "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_0123456789abcdef",
        ),
    ];
    prop::collection::vec(0u8..6, found.len()).prop_map(move |answers| {
        let answer = |(answer, (principal, resource)): (u8, &(Principal, &str))| match answer {
            0 => Some((principal.clone(), Lookup::Missing)),
            1 => Some((principal.clone(), Lookup::Unknown("denied".into()))),
            2 => None,
            _ => Some((principal.clone(), Lookup::Found(vec![identity(resource)]))),
        };
        Identities { found: answers.into_iter().zip(&found).filter_map(answer).collect(), ..Identities::default() }
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    (prop::collection::vec(entry(), 0..12), prop::collection::vec("[ab]", 0..2)).prop_map(|(access, nodes)| {
        let nodes = nodes.iter().map(|name| node(100, name)).collect();
        Policy { access, nodes, ..Policy::default() }
    })
}

/// What gets in, without regard to order.
fn granted(desired: &Desired) -> BTreeMap<String, (String, Vec<String>)> {
    desired
        .rows
        .iter()
        .map(|row| (row.mapped_arn().to_lowercase(), (row.username.clone(), row.groups.clone())))
        .collect()
}

fn the_cluster() -> Cluster {
    cluster("c1")
}

proptest! {
    #[test]
    fn rows_are_unique_named_and_sorted(policy in policy(), identities in identities()) {
        let desired = compile(&policy, &the_cluster(), &identities, TODAY);
        prop_assert_eq!(&desired, &compile(&policy, &the_cluster(), &identities, TODAY));
        let mut seen = BTreeSet::new();
        for row in &desired.rows {
            prop_assert!(seen.insert(row.mapped_arn().to_lowercase()), "{} twice", row.mapped_arn());
            prop_assert!(!row.username.is_empty() && !row.sources.is_empty());
            prop_assert!(row.groups.is_sorted_by(|a, b| a < b), "{:?}", row.groups);
        }
    }

    #[test]
    fn the_order_of_files_does_not_matter(policy in policy(), identities in identities(), by in 0usize..12) {
        let mut other = policy.clone();
        if !other.access.is_empty() {
            let by = by % other.access.len();
            other.access.rotate_left(by);
        }
        let (a, b) = (compile(&policy, &the_cluster(), &identities, TODAY), compile(&other, &the_cluster(), &identities, TODAY));
        prop_assert_eq!(granted(&a), granted(&b));
        prop_assert_eq!(a.unknown.is_empty(), b.unknown.is_empty());
    }

    /// Whatever is not known, a principal holds all that is known of it or nothing that is written now.
    #[test]
    fn doubt_never_makes_a_row_smaller(policy in policy(), identities in identities()) {
        let mut decided = policy.clone();
        for entry in &mut decided.access {
            if entry.selector.needs_account_tags() {
                entry.selector = in_clusters("*");
            }
        }
        let (now, all) = (granted(&compile(&policy, &the_cluster(), &identities, TODAY)), granted(&compile(&decided, &the_cluster(), &identities, TODAY)));
        for (arn, row) in &now {
            if let Some(whole) = all.get(arn) {
                prop_assert_eq!(row, whole, "{} is written in part", arn);
            }
        }
    }
}
