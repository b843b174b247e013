//! What the policies under `config/seeds` come to on one cluster.

use jiff::civil::date;

use super::{
    compile, parse,
    samples::{cluster, identity, roles_exist},
};
use crate::{
    model::{Desired, Identities, Lookup},
    source::{Diagnostics, SourceFile},
};

fn desired(text: &str, identities: &Identities) -> Desired {
    let policy = parse(&[SourceFile::new("policy.yaml", text)], &mut Diagnostics::new()).unwrap();
    let desired = compile(&policy, &cluster("c"), identities, date(2026, 11, 22));
    assert!(desired.findings.is_empty() && desired.unknown.is_empty(), "{desired:?}");
    desired
}

/// `ARN = username [groups]`, the account left out.
fn rows(desired: &Desired) -> Vec<String> {
    let row = |row: &crate::model::DesiredRow| {
        format!("{} {} = {} [{}]", row.section, row.mapped_arn(), row.username, row.groups.join(" "))
    };
    desired.rows.iter().map(row).map(|row| row.replace("111122223333", "1")).collect()
}

fn bindings(desired: &Desired) -> Vec<String> {
    let binding = |b: &crate::model::DesiredBinding| {
        let namespace = b.namespace.as_deref().unwrap_or("*");
        format!("{namespace}: {:?} {} {}", b.subject.kind, b.subject.name, b.role_ref)
    };
    desired.bindings.iter().map(binding).collect()
}

#[test]
fn an_admin_beside_nodes() {
    let exist = roles_exist(&["eks-admin", "eks-node"]);
    let expected = [
        "mapRoles arn:aws:iam::1:role/eks-node = system:node:{{EC2PrivateDNSName}} [system:bootstrappers system:nodes]",
        "mapRoles arn:aws:iam::1:role/eks-admin = admin [system:masters]",
    ];
    assert_eq!(rows(&desired(include_str!("../../config/seeds/admin-beside-nodes.yaml"), &exist)), expected);
}

#[test]
fn developers_by_user() {
    let exist = roles_exist(&["developers", "admins"]);
    let desired = desired(include_str!("../../config/seeds/developers-by-user.yaml"), &exist);
    let expected =
        ["mapRoles arn:aws:iam::1:role/developers = developer []", "mapRoles arn:aws:iam::1:role/admins = admin []"];
    assert_eq!(rows(&desired), expected);
    assert_eq!(bindings(&desired), ["*: User developer clusterrole/developers", "*: User admin clusterrole/admins"]);
    assert_eq!(desired.roles[0].rules[0].resources, ["pods", "pods/log"]);
}

#[test]
fn the_three_roles_of_fitcycle() {
    let exist = roles_exist(&["fitcycleMasters", "fitcycleDevCluster_Admin", "fitcycleDevCluster_User"]);
    let desired = desired(include_str!("../../config/seeds/fitcycle.yaml"), &exist);
    let expected = [
        "mapRoles arn:aws:iam::1:role/fitcycleMasters = arn:aws:sts::1:assumed-role/fitcycleMasters/{{SessionName}} \
         [system:masters]",
        "mapRoles arn:aws:iam::1:role/fitcycleDevCluster_Admin = adminuser:{{SessionName}} [ad-cluster-admins]",
        "mapRoles arn:aws:iam::1:role/fitcycleDevCluster_User = devuser:{{SessionName}} [ad-cluster-devs]",
    ];
    assert_eq!(rows(&desired), expected);
    assert_eq!(bindings(&desired).len(), 2);
    assert_eq!(desired.roles.len(), 2);
}

#[test]
fn an_sso_role_and_a_user_by_arn() {
    let role = "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_PlatformAdmin_0123456789abcdef";
    for (text, resource, expected) in [
        (
            include_str!("../../config/seeds/sso-role.yaml"),
            role,
            "mapRoles arn:aws:iam::1:role/AWSReservedSSO_PlatformAdmin_0123456789abcdef = admin:{{SessionName}} \
             [platform-admins]",
        ),
        (
            include_str!("../../config/seeds/user-arn.yaml"),
            "user/ops/eve",
            "mapUsers arn:aws:iam::1:user/ops/eve = eve [operators]",
        ),
    ] {
        let policy = parse(&[SourceFile::new("policy.yaml", text)], &mut Diagnostics::new()).unwrap();
        let found = |principal| (principal, Lookup::Found(vec![identity(resource)]));
        let found = policy.principals().into_iter().map(found).collect();
        let exist = Identities { found, ..Identities::default() };
        assert_eq!(rows(&desired(text, &exist)), [expected]);
    }
}

#[test]
fn console_access_by_group() {
    let desired = desired(
        include_str!("../../config/seeds/console-access.yaml"),
        &roles_exist(&["console-readers", "console-guests"]),
    );
    assert_eq!(
        bindings(&desired),
        [
            "*: Group eks-console-dashboard-full-access-group clusterrole/eks-console-dashboard-full-access-clusterrole",
            "*: Group eks-console-dashboard-restricted-access-group \
             clusterrole/eks-console-dashboard-restricted-access-clusterrole",
            "default: Group eks-console-dashboard-restricted-access-group role/eks-console-dashboard-restricted-access-role",
        ]
    );
    assert_eq!(desired.rows.len(), 2);
}

#[test]
fn a_cluster_without_aws_auth_gets_its_nodes_first() {
    let exist = roles_exist(&["eks-admin", "eks-node"]);
    let desired = desired(include_str!("../../config/seeds/no-aws-auth.yaml"), &exist);
    assert_eq!(desired.rows.iter().map(|row| row.node).collect::<Vec<_>>(), [true, false]);
}
