use jiff::civil::{Date, date};

use super::compile;
use crate::{
    model::{DesiredRow, FindingCode, IamGroup, Identities, Lookup, Principal, Section, Selector, SubjectKind},
    policy::{
        entry::{AccessEntry, Policy, Who},
        principal,
        samples::{
            ACCOUNT, access, as_user, bound, by_account_tag, cluster, iam, identity, in_clusters, node, owned,
            permission_set, role, roles_exist, until,
        },
    },
};

const TODAY: Date = date(2026, 11, 22);

fn giving(access: Vec<AccessEntry>) -> Policy {
    Policy { access, ..Policy::default() }
}

fn lines(row: &DesiredRow) -> Vec<usize> {
    row.sources.iter().map(|source| source.line).collect()
}

#[test]
fn a_role_by_name_gets_the_username_that_eks_gives_by_default() {
    let policy = giving(vec![access(3, role("ci/deployer"), &["b", "a", "b"])]);
    let found = iam(&[(Principal::RoleName("deployer".into()), Lookup::Found(vec![identity("role/ci/deployer")]))]);
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    let [row] = &desired.rows[..] else { panic!("{desired:?}") };
    assert_eq!(row.username, "arn:aws:sts::111122223333:assumed-role/deployer/{{SessionName}}");
    assert_eq!(row.mapped_arn(), "arn:aws:iam::111122223333:role/deployer");
    assert_eq!(row.principal.resource, "role/ci/deployer");
    assert_eq!(row.unique_id.as_deref(), Some("ID-role/ci/deployer"));
    assert_eq!(
        (row.section, &row.groups[..], row.who.as_str()),
        (Section::Roles, &["a".into(), "b".into()][..], "role ci/deployer")
    );
    assert!(desired.findings.is_empty() && desired.unknown.is_empty());
}

#[test]
fn a_user_keeps_its_path_and_is_named_by_its_arn() {
    let policy = giving(vec![access(3, principal::user("eve").unwrap(), &["system:masters"])]);
    let found = iam(&[(Principal::UserName("eve".into()), Lookup::Found(vec![identity("user/ops/eve")]))]);
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    assert_eq!(desired.rows[0].section, Section::Users);
    assert_eq!(desired.rows[0].username, "arn:aws:iam::111122223333:user/ops/eve");
    assert_eq!(desired.rows[0].mapped_arn(), "arn:aws:iam::111122223333:user/ops/eve");
}

#[test]
fn one_principal_named_in_three_ways_is_one_row() {
    let set = "AWSReservedSSO_Dev_0123456789abcdef";
    let path = format!("role/aws-reserved/sso.amazonaws.com/eu-west-1/{set}");
    let by_arn = role(&format!("arn:aws:iam::{ACCOUNT}:role/{}", set.to_uppercase()));
    let found = iam(&[
        (Principal::PermissionSet("Dev".into()), Lookup::Found(vec![identity(&path)])),
        (Principal::RoleName(set.into()), Lookup::Found(vec![identity(&path)])),
        (by_arn.principal.clone(), Lookup::Outside),
    ]);
    let policy = giving(vec![
        access(1, by_arn, &["c"]),
        as_user(access(2, permission_set("Dev"), &["a"]), "dev:{{SessionName}}"),
        as_user(access(3, role(set), &["b", "a"]), "dev:{{SessionName}}"),
    ]);
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    let [row] = &desired.rows[..] else { panic!("{desired:?}") };
    assert_eq!((lines(row), row.groups.join(" ")), (vec![1, 2, 3], "a b c".to_owned()));
    assert_eq!((row.username.as_str(), row.principal.resource.as_str()), ("dev:{{SessionName}}", path.as_str()));
}

#[test]
fn two_usernames_for_one_principal_leave_its_row_alone() {
    let policy = giving(vec![
        as_user(access(1, role("dev"), &["a"]), "x"),
        as_user(access(2, role(&format!("arn:aws:iam::{ACCOUNT}:role/Dev")), &["b"]), "y"),
        access(3, role("ops"), &["c"]),
    ]);
    let mut found = roles_exist(&["dev", "ops"]);
    found.found.insert(policy.access[1].who.principal.clone(), Lookup::Found(vec![identity("role/dev")]));
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    assert_eq!(desired.rows.iter().map(|row| row.who.as_str()).collect::<Vec<_>>(), ["role ops"]);
    let [finding] = &desired.findings[..] else { panic!("{desired:?}") };
    assert!(finding.drift && finding.code == FindingCode::Contradiction);
    assert!(finding.message.contains("\"x\" by policy.yaml:1 and \"y\" by policy.yaml:2"), "{}", finding.message);
    assert_eq!(desired.unknown.len(), 1, "nothing may be removed");
}

#[test]
fn entries_for_other_clusters_do_not_contradict() {
    let mut policy =
        giving(vec![as_user(access(1, role("dev"), &["a"]), "x"), as_user(access(2, role("dev"), &["b"]), "y")]);
    policy.access[0].selector = in_clusters("one");
    policy.access[1].selector = in_clusters("two");
    let desired = compile(&policy, &cluster("two"), &roles_exist(&["dev"]), TODAY);
    assert_eq!((desired.rows[0].username.as_str(), desired.findings.len()), ("y", 0));
}

#[test]
fn what_does_not_exist_is_a_notice_and_no_row() {
    let policy = giving(vec![access(1, role("gone"), &["a"]), access(2, permission_set("Gone"), &["a"])]);
    let found = iam(&[
        (Principal::RoleName("gone".into()), Lookup::Missing),
        (Principal::PermissionSet("Gone".into()), Lookup::Found(Vec::new())),
    ]);
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    assert!(desired.rows.is_empty() && desired.unknown.is_empty());
    assert_eq!(desired.findings.len(), 2);
    for finding in &desired.findings {
        assert!(finding.code == FindingCode::PrincipalMissing && !finding.drift && !finding.incomplete);
        assert!(finding.message.contains("payments (111122223333)"), "{}", finding.message);
    }
}

#[test]
fn another_path_is_another_role() {
    let policy = giving(vec![access(1, role("ci/deployer"), &["a"])]);
    let found = iam(&[(Principal::RoleName("deployer".into()), Lookup::Found(vec![identity("role/ops/deployer")]))]);
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    assert!(desired.rows.is_empty());
    assert_eq!(desired.findings[0].code, FindingCode::PrincipalMissing);
    assert!(desired.findings[0].message.contains("role/ops/deployer"), "{}", desired.findings[0].message);
}

#[test]
fn what_was_not_looked_up_is_unknown_and_keeps_every_line_about_it_back() {
    let arn = role(&format!("arn:aws:iam::{ACCOUNT}:role/dev"));
    let policy = giving(vec![access(1, arn.clone(), &["a"]), access(2, role("dev"), &["b"])]);
    let found = iam(&[(arn.principal, Lookup::Found(vec![identity("role/dev")]))]);
    let desired = compile(&policy, &cluster("c"), &found, TODAY);
    assert!(desired.rows.is_empty(), "a row with group a alone could take group b away");
    assert!(desired.findings.iter().any(|f| f.code == FindingCode::PrincipalUnknown && f.incomplete));
    assert!(!desired.unknown.is_empty());
}

#[test]
fn an_unread_permission_set_keeps_back_its_role_by_any_name() {
    let set = "AWSReservedSSO_Dev_0123456789abcdef";
    let other = "AWSReservedSSO_Dev_Ops_0123456789abcdef";
    let policy = giving(vec![
        access(1, role(set), &["a"]),
        access(2, permission_set("Dev"), &["b"]),
        access(3, role(other), &["c"]),
    ]);
    let desired = compile(&policy, &cluster("c"), &roles_exist(&[set, other]), TODAY);
    assert_eq!(desired.rows.iter().map(lines).collect::<Vec<_>>(), [[3]]);
}

#[test]
fn a_role_of_another_account_gets_in_as_written() {
    let policy = giving(vec![access(1, role("arn:aws:iam::999988887777:role/ci/deployer"), &["a"])]);
    let who = &policy.access[0].who.principal;
    for (found, words) in [
        (Identities::default(), "where it is not looked up"),
        (iam(&[(who.clone(), Lookup::Outside)]), "not an account of the organization"),
        (iam(&[(who.clone(), Lookup::Elsewhere("which sleeps".to_owned()))]), "which sleeps"),
    ] {
        let desired = compile(&policy, &cluster("c"), &found, TODAY);
        assert_eq!(desired.rows[0].mapped_arn(), "arn:aws:iam::999988887777:role/deployer");
        assert!(desired.unknown.is_empty());
        let [finding] = &desired.findings[..] else { panic!("{desired:?}") };
        assert!(!finding.incomplete && !finding.drift && finding.message.contains("999988887777"));
        assert!(finding.message.contains(words), "{}", finding.message);
    }
    let gone = compile(&policy, &cluster("c"), &iam(&[(who.clone(), Lookup::Missing)]), TODAY);
    assert!(gone.rows.is_empty() && gone.findings[0].message.contains("in account 999988887777;"), "{gone:?}");
}

fn group(name: &str, via: Option<&str>, members: bool) -> Who {
    let group = IamGroup { name: name.to_owned(), via: via.map(str::to_owned), members };
    Who { principal: Principal::IamGroup(group), path: None }
}

#[test]
fn a_group_that_is_unknown_leaves_alone_whom_it_may_stand_for() {
    let roles = ["dev", "ops", "AWSReservedSSO_Dev_0123456789abcdef"];
    let mut found = roles_exist(&roles);
    found.found.insert(Principal::UserName("eve".into()), Lookup::Found(vec![identity("user/eve")]));
    let rows = |who: Who| {
        let mut found = found.clone();
        found.found.insert(who.principal.clone(), Lookup::Unknown("no".to_owned()));
        let named = roles.iter().map(|name| role(name)).chain([principal::user("eve").unwrap()]);
        let entries = named.enumerate().map(|(line, who)| access(line + 2, who, &["a"]));
        let policy = giving([access(1, who, &["a"])].into_iter().chain(entries).collect());
        let desired = compile(&policy, &cluster("c"), &found, TODAY);
        assert!(!desired.unknown.is_empty() && desired.findings[0].incomplete, "{desired:?}");
        desired.rows.iter().map(|row| row.principal.resource.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rows(group("DevOps", None, false)), [roles[2], "eve"]);
    assert_eq!(rows(group("DevOps", Some("Dev"), false)), ["ops", roles[2], "eve"]);
    assert_eq!(rows(group("DevOps", None, true)), roles);
}

#[test]
fn who_is_in_a_group_and_named_besides_keeps_what_is_left() {
    let (by_name, by_group) = (principal::user("eve").unwrap(), group("ops", None, true));
    let looked_up = |members: &[&str]| {
        let members = members.iter().map(|name| identity(name)).collect();
        iam(&[
            (by_name.principal.clone(), Lookup::Found(vec![identity("user/ops/eve")])),
            (by_group.principal.clone(), Lookup::Found(members)),
        ])
    };
    let both = giving(vec![access(3, by_name.clone(), &["a"]), access(4, by_group.clone(), &["b"])]);
    let rows = |policy: &Policy, members: &[&str]| {
        let desired = compile(policy, &cluster("c"), &looked_up(members), TODAY);
        assert!(desired.unknown.is_empty(), "{:?}", desired.unknown);
        desired.rows.into_iter().map(|row| (row.mapped_arn(), row.username, row.groups)).collect::<Vec<_>>()
    };
    let eve = format!("arn:aws:iam::{ACCOUNT}:user/ops/eve");
    let with =
        |groups: &[&str]| vec![(eve.clone(), eve.clone(), groups.iter().map(|&g| g.to_owned()).collect::<Vec<_>>())];
    assert_eq!(rows(&both, &["user/ops/eve"]), with(&["a", "b"]));
    assert_eq!(rows(&both, &[]), with(&["a"]), "she left the group");
    assert_eq!(rows(&giving(vec![both.access[1].clone()]), &["user/ops/eve"]), with(&["b"]), "the line is gone");
    assert!(rows(&giving(vec![both.access[1].clone()]), &[]).is_empty());
}

#[test]
fn a_permission_set_with_two_roles_lets_both_in_and_says_so() {
    let roles =
        ["0123456789abcdef", "fedcba9876543210"].map(|suffix| identity(&format!("role/AWSReservedSSO_Dev_{suffix}")));
    let found = iam(&[(Principal::PermissionSet("Dev".into()), Lookup::Found(roles.to_vec()))]);
    let desired = compile(&giving(vec![access(1, permission_set("Dev"), &["a"])]), &cluster("c"), &found, TODAY);
    assert_eq!(desired.rows.len(), 2);
    assert_eq!(desired.findings[0].code, FindingCode::PermissionSetAmbiguous);
}

#[test]
fn a_grant_stands_through_its_last_day() {
    let policy = giving(vec![
        until(access(1, role("dev"), &["a"]), "2026-11-22"),
        until(access(2, role("dev"), &["b"]), "2026-11-21"),
    ]);
    let desired = compile(&policy, &cluster("c"), &roles_exist(&["dev"]), TODAY);
    assert_eq!(desired.rows[0].groups, ["a"]);
    let [finding] = &desired.findings[..] else { panic!("{desired:?}") };
    assert!(finding.code == FindingCode::GrantEnded && !finding.drift && finding.message.contains("2026-11-21"));
    assert!(desired.unknown.is_empty(), "an ended grant is to be taken away");
}

#[test]
fn undecided_selectors_give_nothing_and_are_one_finding_for_each_reason() {
    let mut policy =
        giving(vec![access(1, role("dev"), &["a"]), access(2, role("dev"), &["b"]), access(3, role("ops"), &["c"])]);
    policy.access[1].selector = by_account_tag();
    policy.roles =
        vec![owned(4, "pods", &["pods"]), owned(5, "pods", &["pods", "pods/log"]), owned(6, "nodes", &["nodes"])];
    policy.roles[1].selector = by_account_tag();
    policy.subjects = vec![bound(7, SubjectKind::Group, "a", "pods")];
    policy.subjects[0].selector = by_account_tag();
    let desired = compile(&policy, &cluster("c"), &roles_exist(&["dev", "ops"]), TODAY);
    assert_eq!(desired.rows.iter().map(|row| row.who.as_str()).collect::<Vec<_>>(), ["role ops"]);
    assert_eq!(desired.roles.iter().map(|role| role.name.as_str()).collect::<Vec<_>>(), ["nodes"]);
    assert!(desired.bindings.is_empty() && !desired.unknown.is_empty());
    let [finding] = &desired.findings[..] else { panic!("{desired:?}") };
    assert!(finding.code == FindingCode::SelectorUnknown && finding.incomplete);
    assert!(finding.message.contains("policy.yaml:2, policy.yaml:5, policy.yaml:7"), "{}", finding.message);
}

#[test]
fn node_roles_get_what_nodes_need_and_people_do_not_get_in_by_them() {
    let mut policy = giving(vec![access(2, role("nodes"), &["admins"]), access(3, role("dev"), &["a"])]);
    policy.nodes = vec![node(1, "nodes")];
    let desired = compile(&policy, &cluster("c"), &roles_exist(&["nodes", "dev"]), TODAY);
    let row = &desired.rows[0];
    assert!(row.node && row.username == "system:node:{{EC2PrivateDNSName}}" && lines(row) == [1]);
    assert_eq!(row.groups, ["system:bootstrappers", "system:nodes"]);
    assert_eq!(desired.rows.len(), 2);
    assert!(
        desired.findings[0].code == FindingCode::Contradiction && desired.findings[0].message.contains("policy.yaml:2")
    );
}

#[test]
fn accounts_merge() {
    let account = || principal::account("444455556666").unwrap();
    let policy = giving(vec![
        access(1, account(), &[]),
        access(2, account(), &[]),
        until(access(3, account(), &[]), "2020-01-01"),
    ]);
    let desired = compile(&policy, &cluster("c"), &Identities::default(), TODAY);
    assert_eq!(desired.accounts.len(), 1);
    assert_eq!(desired.accounts[0].sources.iter().map(|source| source.line).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn roles_and_bindings_merge_and_contradictions_are_left_alone() {
    let policy = Policy {
        roles: vec![
            owned(1, "a", &["pods"]),
            owned(2, "b", &["pods"]),
            owned(3, "a", &["pods"]),
            owned(4, "b", &["nodes"]),
        ],
        subjects: vec![
            bound(5, SubjectKind::Group, "devs", "a"),
            bound(6, SubjectKind::User, "devs", "a"),
            bound(7, SubjectKind::Group, "devs", "a"),
        ],
        ..Policy::default()
    };
    let desired = compile(&policy, &cluster("c"), &Identities::default(), TODAY);
    assert_eq!(desired.roles.len(), 1);
    assert_eq!(desired.roles[0].sources.iter().map(|source| source.line).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(desired.bindings.len(), 2);
    assert_eq!(desired.bindings[0].sources.iter().map(|source| source.line).collect::<Vec<_>>(), [5, 7]);
    let [finding] = &desired.findings[..] else { panic!("{desired:?}") };
    assert!(finding.drift && finding.message.contains("by policy.yaml:2 and by policy.yaml:4"), "{}", finding.message);
    assert_eq!(desired.unknown.len(), 1);
}

#[test]
fn only_the_principals_that_an_account_may_need_are_looked_up() {
    let mut policy = giving(vec![
        access(1, role("dev"), &[]),
        access(2, role("ops"), &[]),
        access(3, principal::account(ACCOUNT).unwrap(), &[]),
    ]);
    policy.nodes = vec![node(4, "nodes")];
    policy.access[1].selector = Selector {
        not: Some(Box::new(Selector { accounts: in_clusters("pay*").clusters, ..Selector::default() })),
        ..Selector::default()
    };
    let names = |names: &[&str]| names.iter().map(|name| Principal::RoleName((*name).into())).collect();
    assert_eq!(policy.principals(), names(&["dev", "ops", "nodes"]));
    assert_eq!(policy.principals_for(&cluster("c").account), names(&["dev", "nodes"]));
    assert!(!policy.needs_account_tags() && !policy.needs_ou_paths());
    policy.nodes[0].selector = by_account_tag();
    assert!(policy.needs_account_tags());
}
