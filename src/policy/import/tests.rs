use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use proptest::prelude::*;

use super::{
    Imported, Note, NoteKind, Seen, import,
    samples::{ACCOUNTS, One, SUFFIX, one},
};
use crate::{
    model::{AccessScope, AuthenticationMode, Cluster, Desired, Observed, PolicyGrant, Principal, SubjectKind},
    policy::{self, Policy},
    source::{Diagnostics, SourceFile},
};
fn imported(fleet: &[One], unread: &[&Cluster]) -> Imported {
    let seen: Vec<Seen<'_>> = fleet
        .iter()
        .map(|one| Seen {
            cluster: &one.cluster,
            state: &one.state,
            identities: &one.identities,
            own: Some("arn:aws:iam::111111111111:role/rolecall-member"),
        })
        .collect();
    import(Some("o-a1b2c3d4e5"), &seen, unread)
}

fn parsed(text: &str) -> Policy {
    let files = [SourceFile::new("policy.yaml", text)];
    let mut diagnostics = Diagnostics::new();
    let policy = policy::parse(&files, &mut diagnostics);
    policy.unwrap_or_else(|| panic!("{}\n{text}", diagnostics.render(&files, false)))
}

fn told(notes: &[Note]) -> Vec<(NoteKind, &str)> {
    notes.iter().map(|note| (note.kind, note.subject.as_str())).collect()
}

/// What gets in by a compiled policy: the bare ARN, the username, the groups, the policies.
type Granted = BTreeMap<String, (String, Vec<String>, Vec<PolicyGrant>)>;

fn granted(desired: &Desired) -> Granted {
    let row = |row: &crate::model::DesiredRow| {
        (row.mapped_arn().to_lowercase(), (row.username.clone(), row.groups.clone(), row.policies.clone()))
    };
    desired.rows.iter().map(row).collect()
}

fn compiled(policy: &Policy, one: &One) -> Desired {
    let mut identities = one.identities.clone();
    for principal in policy.principals_for(&one.cluster.account) {
        if let Principal::RoleArn(arn) = &principal
            && arn.account == one.cluster.id.account.as_str()
        {
            let by_name = identities.lookup(&Principal::RoleName(arn.role_name().unwrap().to_owned()));
            identities.found.insert(principal, by_name);
        }
    }
    policy::compile(policy, &one.cluster, &identities, date(2026, 11, 22))
}

const DEV_ROW: &str = "- rolearn: arn:aws:iam::ACCOUNT:role/AWSReservedSSO_Dev_0123456789abcdef\n  username: dev:{{SessionName}}\n  groups: [devs]\n";
const NODE_ROW: &str = "- rolearn: arn:aws:iam::ACCOUNT:role/node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:bootstrappers, system:nodes]\n";

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

#[test]
fn a_small_fleet_reads_like_this() {
    let rows = [NODE_ROW, DEV_ROW].concat();
    let dev_and_ci = format!("{rows}- rolearn: arn:aws:iam::ACCOUNT:role/ci\n  username: ci\n  groups: [z, a]\n");
    let fleet = [
        one(0, "web", ConfigMap).rows(&[("mapRoles", &dev_and_ci)]).bound(
            "d",
            SubjectKind::Group,
            "devs",
            "pods",
            None,
        ),
        one(1, "web", ConfigMap).rows(&[("mapRoles", &dev_and_ci)]).bound(
            "d",
            SubjectKind::Group,
            "devs",
            "pods",
            None,
        ),
        one(2, "web", ConfigMap).rows(&[("mapRoles", &rows), ("mapAccounts", "- \"555555555555\"\n")]).bound(
            "any",
            SubjectKind::Group,
            "devs",
            "view",
            Some("shop"),
        ),
        one(3, "tools", Api)
            .entry(
                "role/build/ci",
                "arn:aws:sts::444444444444:assumed-role/ci/{{SessionName}}",
                &[],
                &[("AmazonEKSViewPolicy", AccessScope::Namespaces(vec!["a".to_owned(), "b-*".to_owned()]))],
            )
            .entry("user/ops/eve", "eve", &["devs"], &[]),
    ]
    .map(|one| one.role("pods", &["list", "get"], &[]));
    let imported = imported(&fleet, &[]);
    assert_eq!(imported.notes, []);
    insta::assert_snapshot!(imported.text);
    parsed(&imported.text);
}

#[test]
fn what_lets_nobody_in_is_told_and_not_described() {
    let rows = "- rolearn: arn:aws:iam::ACCOUNT:role/ci\n  username: old\n- rolearn: arn:aws:iam::ACCOUNT:role/ci\n  username: ci\n\
                - rolearn: arn:aws:iam::ACCOUNT:role/x/ci\n  username: path\n- rolearn: arn:aws:iam::ACCOUNT:role/gone\n  username: gone\n\
                - rolearn: arn:aws:iam::ACCOUNT:role/AWSReservedSSO_Old_0123456789abcdef\n  username: old\n\
                - username: nobody\n- rolearn: arn:aws:iam::ACCOUNT:role/rolecall-member\n  username: rolecall\n";
    let shadowed = one(0, "b", ApiAndConfigMap).rows(&[("mapRoles", DEV_ROW)]).entry(
        &format!("role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Dev_{SUFFIX}"),
        "dev",
        &[],
        &[],
    );
    let fleet = [one(0, "a", ConfigMap).rows(&[("mapRoles", rows)]), shadowed];
    let imported = imported(&fleet, &[]);
    assert_eq!(imported.notes.len(), 6, "{:#?}", imported.notes);
    assert!(imported.notes.iter().all(|note| note.kind == NoteKind::Ineffective));
    let policy = parsed(&imported.text);
    let who: Vec<String> = policy.access.iter().map(|entry| entry.who.to_string()).collect();
    assert_eq!(who, ["role ci", "permission set Dev"]);
    assert_eq!(policy.access[1].username.as_ref().unwrap().text, "dev", "the access entry counts");
}

#[test]
fn what_a_policy_has_no_words_for_is_told() {
    let rows = "- rolearn: arn:aws:iam::ACCOUNT:role/ci\n  groups: [devs]\n\
                - rolearn: arn:aws:iam::999999999999:root\n  username: root\n\
                - rolearn: arn:aws:iam::999999999999:role/x\n  username: system:admin\n\
                - rolearn: arn:aws:iam::999999999999:role/fargate\n  username: f\n  groups: [system:nodes, system:node-proxier]\n";
    let imported = imported(&[one(0, "a", ConfigMap).rows(&[("mapRoles", rows), ("mapUsers", "- [")])], &[]);
    let told = told(&imported.notes);
    assert_eq!(told.iter().filter(|(kind, _)| *kind == NoteKind::Inexpressible).count(), 4, "{told:#?}");
    assert!(told.contains(&(NoteKind::LeftOut, "arn:aws:iam::999999999999:role/fargate")));
    assert!(parsed(&imported.text).access.is_empty());
}

#[test]
fn masters_are_one_word_on_rows_and_entries_and_strangers_one_arn() {
    let stranger = "- rolearn: arn:aws:iam::111111111111:role/ci\n  username: ci\n  groups: [system:masters]\n";
    let mut entries = one(2, "b", Api);
    entries = entries.entry("role/x", "x", &[], &[]);
    let Observed::Known(Some(state)) = &mut entries.state.entries else { panic!() };
    state.entries[0].principal = "arn:aws:iam::111111111111:role/build/ci".to_owned();
    state.entries[0].username = "ci".to_owned();
    let admin = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy".to_owned();
    state.entries[0].policies = Some(vec![PolicyGrant { policy: admin, scope: AccessScope::Cluster }]);
    let fleet = [one(0, "a", ConfigMap).rows(&[("mapRoles", stranger)]), entries];
    let policy = parsed(&imported(&fleet, &[]).text);
    let [access] = &policy.access[..] else { panic!("{:#?}", policy.access) };
    assert_eq!(access.who.to_string(), "role arn:aws:iam::111111111111:role/build/ci");
    assert_eq!((access.groups[0].name.as_str(), access.policies.len()), ("system:masters", 0));
    assert_eq!(access.selector, crate::model::Selector::default());
}

#[test]
fn roles_of_others_stay_names_and_bindings_of_nobody_stay_out() {
    let fleet = [one(0, "a", ConfigMap)
        .rows(&[("mapRoles", DEV_ROW)])
        .bound("a", SubjectKind::Group, "devs", "helms", None)
        .bound("b", SubjectKind::Group, "others", "pods", None)
        .bound("c", SubjectKind::ServiceAccount, "devs", "pods", None)
        .bound("system:d", SubjectKind::Group, "devs", "pods", None)
        .role("helms", &["get"], &[("app.kubernetes.io/managed-by", "Helm")])
        .role("pods", &["get"], &[])];
    let policy = parsed(&imported(&fleet, &[]).text);
    assert!(policy.roles.is_empty());
    let names: Vec<&str> = policy.subjects[0].bindings.iter().map(|bound| bound.role_ref.name.as_str()).collect();
    assert_eq!((policy.subjects.len(), names), (1, vec!["helms"]));
}

#[test]
fn clusters_that_could_not_be_read_are_named() {
    let fleet = [one(0, "a", ConfigMap).rows(&[("mapRoles", DEV_ROW)]), one(2, "b", ConfigMap)];
    let unread = one(0, "unread", ConfigMap).cluster;
    let text = imported(&fleet, &[&unread]).text;
    assert!(text.contains("NOT THE WHOLE FLEET"), "{text}");
    assert!(text.contains("and 1 that could not be read: 111111111111/eu-west-1/unread"), "{text}");
}

/// A fleet of clusters in the accounts of the tests, each with some of the rows, and some of the bindings.
fn fleets() -> impl Strategy<Value = Vec<One>> {
    let cluster = (0..ACCOUNTS.len(), 0..4_usize, any::<u8>(), any::<u8>(), 0..3_u8);
    proptest::collection::vec(cluster, 1..14).prop_map(|drawn| {
        let mut ids = BTreeSet::new();
        let mut fleet = Vec::new();
        for (account, name, rows, bindings, mode) in drawn {
            let name = ["web", "web-dev", "jobs-dev", "data"][name];
            if !ids.insert((account, name)) {
                continue;
            }
            let all = [
                DEV_ROW.to_owned(),
                "- rolearn: arn:aws:iam::ACCOUNT:role/ci\n  username: ci\n  groups: [ci, devs]\n".to_owned(),
                "- rolearn: arn:aws:iam::111111111111:role/ci\n  username: hub\n  groups: [system:masters]\n"
                    .to_owned(),
                NODE_ROW.to_owned(),
            ];
            let chosen: String =
                all.iter().enumerate().filter(|(i, _)| rows & (1 << i) != 0).map(|(_, row)| row.as_str()).collect();
            let mode = [ConfigMap, ApiAndConfigMap, Api][usize::from(mode)];
            let mut one = one(account, name, mode);
            if mode == Api {
                if rows & 1 != 0 {
                    one = one.entry("user/ops/eve", "eve", &["devs"], &[("AmazonEKSEditPolicy", AccessScope::Cluster)]);
                }
            } else {
                one = one.rows(&[("mapRoles", &chosen)]);
            }
            for (bit, role) in ["view", "pods", "edit"].into_iter().enumerate() {
                if bindings & (1 << bit) != 0 {
                    one = one.bound(role, SubjectKind::Group, "devs", role, (bit == 2).then_some("shop"));
                }
            }
            let verbs: &[&str] = if bindings & 8 != 0 { &["get"] } else { &["list"] };
            fleet.push(one.role("pods", verbs, &[]));
        }
        fleet
    })
}

impl std::fmt::Debug for One {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let data = self.state.aws_auth.known().cloned().flatten().map(|stored| stored.data);
        write!(f, "{} {:?} {:?}", self.cluster.id, data, self.state.entries)
    }
}

/// What the facts of a cluster are, as the policy that it has would give them.
fn as_it_is(one: &One, desired: &Desired) -> Result<(), String> {
    let stored = one.state.aws_auth.known().cloned().flatten();
    let reading = stored.map(|stored| crate::authenticator::read(&stored.data));
    let rows = reading.iter().flat_map(crate::authenticator::effective);
    let sorted = |groups: Vec<String>| groups.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    let mut live: Granted = rows.map(|((_, arn), row)| (arn, (row.username, sorted(row.groups), Vec::new()))).collect();
    for entry in one.state.entries.known().cloned().flatten().unwrap_or_default().entries {
        live.insert(entry.principal.to_lowercase(), (entry.username, entry.groups, entry.policies.unwrap()));
    }
    let wanted = granted(desired);
    if wanted == live { Ok(()) } else { Err(format!("{live:#?}\nis described as\n{wanted:#?}")) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_policy_gives_every_cluster_what_it_has(fleet in fleets()) {
        let imported = imported(&fleet, &[]);
        // Where the hub's role is the account's own, its last row counts.
        prop_assert!(imported.notes.iter().all(|note| note.why == "another row of the same principal overrides it"));
        let policy = parsed(&imported.text);
        for one in &fleet {
            let desired = compiled(&policy, one);
            prop_assert!(desired.unknown.is_empty(), "{:?}\n{}", desired.unknown, imported.text);
            if let Err(why) = as_it_is(one, &desired) {
                return Err(TestCaseError::fail(format!("{}: {why}\n{}", one.cluster.id, imported.text)));
            }
            let held: BTreeSet<&str> = desired.rows.iter().flat_map(|row| &row.groups).map(String::as_str).collect();
            let bindings = one.state.rbac.known().unwrap().bindings.iter().filter(|_| held.contains("devs")).count();
            prop_assert_eq!(desired.bindings.len(), bindings, "{}\n{}", &one.cluster.id, &imported.text);
            let roles = &one.state.rbac.known().unwrap().roles;
            for role in &desired.roles {
                prop_assert_eq!(&role.rules, &roles[0].rules);
            }
        }
    }

    #[test]
    fn the_order_of_the_clusters_means_nothing(fleet in fleets()) {
        let text = imported(&fleet, &[]).text;
        let mut turned = fleet;
        turned.reverse();
        prop_assert_eq!(text, imported(&turned, &[]).text);
    }
}
