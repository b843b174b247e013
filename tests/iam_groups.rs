//! IAM groups: the roles that their members may assume, or the members themselves, on the lab's IAM and EKS.

mod real;

use std::collections::BTreeSet;

use jiff::Timestamp;
use rolecall::model::{AuthenticationMode, ExitCode, Finding, FindingCode, PassKind, PassReport, Status};
use serde_json::{Value, json};

use crate::access_entries::scene::{MEMBER, Scene, role};

use AuthenticationMode::{Api, ConfigMap};

/// Everybody in the group comes by the roles that its policies let them assume.
const ROLES: &str = "access:\n  - {who: {iamGroup: DevOps}, groups: [devs], username: \"dev:{{SessionName}}\"}";
const VIA: &str = "access:\n  - {who: {iamGroup: DevOps, via: k8s-admin}, groups: [devs], username: dev}";
const MEMBERS: &str = "access:\n  - {who: {iamGroup: DevOps, members: true}, groups: [devs]}";

fn trust(principal: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})
}

fn to_the_account() -> Value {
    trust(&json!({"AWS": format!("arn:aws:iam::{MEMBER}:root")}))
}

fn allow(resource: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["sts:Assume*"], "Resource": resource}})
}

fn user(path_and_name: &str) -> String {
    format!("arn:aws:iam::{MEMBER}:user/{path_and_name}")
}

/// A cluster in an account with the group DevOps, of two users, that may assume `k8s-admin` by its own policy and
/// `teams/k8s-ops` by one that is attached to it; `k8s-job` is a service's, `k8s-left` nobody allows.
async fn scene(mode: AuthenticationMode) -> Scene {
    let scene = Scene::new(mode).await;
    let then = Timestamp::now() - jiff::SignedDuration::from_hours(24);
    scene.account(|state, account| {
        let service = trust(&json!({"Service": "ec2.amazonaws.com"}));
        for (path, name, trust) in [
            ("/", "k8s-admin", to_the_account()),
            ("/teams/", "k8s-ops", trust(&json!({"AWS": [user("people/ana"), user("ben")]}))),
            ("/", "k8s-job", service),
            ("/", "other-role", to_the_account()),
        ] {
            state.add_role(account, path, name, trust, then).unwrap();
        }
        state.add_user(account, "/people/", "ana", then).unwrap();
        state.add_user(account, "/", "ben", then).unwrap();
        state.add_user(account, "/", "cy", then).unwrap();
        let attached = allow(&json!([role("teams/k8s-*"), role("k8s-job")]));
        let attached = state.add_policy(account, "/", "K8s", attached, then).unwrap().arn(account).to_string();
        let group = state.add_group(account, "/", "DevOps", then).unwrap();
        group.inline.insert("own".to_owned(), allow(&json!(role("k8s-admin"))));
        group.attached.insert(attached);
        state.add_to_group(account, "DevOps", "ana").unwrap();
        state.add_to_group(account, "DevOps", "ben").unwrap();
    });
    scene
}

/// Puts another policy in the place of the group's own.
fn put_policy(scene: &Scene, document: Value) {
    scene.account(|state, account| {
        let group = state.accounts.get_mut(account).unwrap().iam.groups.get_mut("devops").unwrap();
        group.inline.insert("own".to_owned(), document);
    });
}

fn set_trust(scene: &Scene, role: &str, trust: Value) {
    scene.account(|state, account| {
        state.accounts.get_mut(account).unwrap().iam.roles.get_mut(role).unwrap().trust = trust;
    });
}

/// Who has an access entry, rolecall itself left out.
fn entries(scene: &Scene) -> BTreeSet<String> {
    let own = role("rolecall-member");
    scene.change(|cluster| cluster.entries.keys().filter(|arn| **arn != own).cloned().collect())
}

fn found(report: &PassReport, code: FindingCode) -> Vec<&Finding> {
    report.all_findings().filter(|finding| finding.code == code).collect()
}

/// A correcting pass that leaves nothing to do, and one after it that writes nothing.
async fn converges(scene: &Scene, policy: &str) -> PassReport {
    let report = scene.pass(PassKind::Sync, policy).await;
    assert_eq!(report.clusters[0].why, None, "{report:#?}");
    let again = scene.pass(PassKind::Sync, policy).await;
    assert_eq!(again.clusters[0].status, Status::InSync, "{again:#?}");
    assert_eq!(scene.writes(), [].into());
    report
}

#[tokio::test]
async fn a_group_comes_down_to_the_roles_that_its_members_may_assume() {
    let scene = scene(Api).await;
    let report = converges(&scene, ROLES).await;
    assert_eq!(entries(&scene), [role("k8s-admin"), role("teams/k8s-ops")].into());
    assert_eq!(report.exit_code(false), ExitCode::InSync, "{report:#?}");
    let refused = found(&report, FindingCode::AssumeRefused);
    assert!(refused[0].message.contains("role k8s-job, which is left out"), "{refused:?}");
    assert_eq!(refused[0].place.account.as_ref().unwrap().as_str(), MEMBER);
    assert!(found(&report, FindingCode::AssumeConditional).is_empty());
}

#[tokio::test]
async fn aws_auth_has_the_same_roles_without_their_paths() {
    let scene = scene(ConfigMap).await;
    converges(&scene, ROLES).await;
    let rows = scene.aws_auth().unwrap()["mapRoles"].as_str().unwrap().to_owned();
    assert!(rows.contains(&role("k8s-admin")) && rows.contains(&role("k8s-ops")), "{rows}");
    assert!(!rows.contains("k8s-job") && !rows.contains("other-role"), "{rows}");
}

#[tokio::test]
async fn a_deny_or_another_trust_takes_the_role_away_in_the_next_pass() {
    let scene = scene(Api).await;
    converges(&scene, ROLES).await;
    set_trust(&scene, "k8s-ops", trust(&json!({"AWS": format!("arn:aws:iam::{MEMBER}:user/cy")})));
    converges(&scene, ROLES).await;
    assert_eq!(entries(&scene), [role("k8s-admin")].into());
    let deny = json!({"Effect": "Deny", "Action": "sts:*", "Resource": "arn:aws:iam::*:role/k8s-admin"});
    let own = allow(&json!(role("k8s-admin")))["Statement"].clone();
    put_policy(&scene, json!({"Version": "2012-10-17", "Statement": [own, deny]}));
    let report = converges(&scene, ROLES).await;
    assert_eq!(entries(&scene), BTreeSet::new());
    let missing = found(&report, FindingCode::PrincipalMissing);
    assert!(missing[0].message.contains("has no role in account"), "{missing:?}");
    assert_eq!(missing[0].source.as_ref().unwrap().line, 4);
}

#[tokio::test]
async fn conditions_and_a_trust_of_single_users_are_told() {
    let scene = scene(Api).await;
    let mut own = allow(&json!(role("k8s-admin")));
    own["Statement"]["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    put_policy(&scene, own);
    set_trust(&scene, "k8s-ops", trust(&json!({"AWS": user("ben")})));
    let report = converges(&scene, ROLES).await;
    assert_eq!(entries(&scene), [role("k8s-admin"), role("teams/k8s-ops")].into());
    let told = found(&report, FindingCode::AssumeConditional);
    let said = |words: &str| told.iter().any(|finding| finding.message.contains(words));
    assert!(said("role k8s-admin, but only under a condition on aws:MultiFactorAuthPresent"), "{told:#?}");
    assert!(said("role k8s-ops lets 1 of the 2 users of IAM group DevOps in"), "{told:#?}");
}

#[tokio::test]
async fn a_group_that_may_assume_every_role_is_refused_and_keeps_what_it_has() {
    let scene = scene(Api).await;
    converges(&scene, ROLES).await;
    let before = entries(&scene);
    for wide in [json!("*"), json!([format!("arn:aws:iam::{MEMBER}:role/*")])] {
        put_policy(&scene, allow(&wide));
        let report = scene.pass(PassKind::Sync, ROLES).await;
        assert_eq!((entries(&scene), scene.writes()), (before.clone(), [].into()), "{report:#?}");
        assert_eq!(report.exit_code(false), ExitCode::Incomplete);
        let unknown = found(&report, FindingCode::PrincipalUnknown);
        assert!(unknown[0].message.contains("lets its members assume every role of account"), "{unknown:?}");
        assert!(unknown[0].message.contains("`via: ROLE`"), "{unknown:?}");
    }
    converges(&scene, VIA).await;
    assert_eq!(entries(&scene), [role("k8s-admin")].into(), "one role of all is meant");
}

#[tokio::test]
async fn a_policy_variable_is_not_guessed() {
    let scene = scene(Api).await;
    converges(&scene, ROLES).await;
    let before = entries(&scene);
    put_policy(&scene, allow(&json!(role("k8s-${aws:username}"))));
    let report = scene.pass(PassKind::Sync, ROLES).await;
    assert_eq!(entries(&scene), before);
    let unknown = found(&report, FindingCode::PrincipalUnknown);
    assert!(unknown[0].message.contains("role k8s-admin depends on a policy variable"), "{unknown:?}");
}

#[tokio::test]
async fn what_is_not_there_is_told_and_gives_nothing() {
    let scene = scene(Api).await;
    for (who, words) in [
        ("iamGroup: Nobody", "has no IAM group Nobody"),
        ("iamGroup: Nobody, members: true", "has no IAM group Nobody"),
        ("iamGroup: DevOps, via: k8s-gone", "no role k8s-gone that its members may assume"),
        ("iamGroup: DevOps, via: other-role", "no role other-role that its members may assume"),
        ("iamGroup: DevOps, via: k8s-job", "no role k8s-job that its members may assume"),
    ] {
        let policy = format!("access:\n  - {{who: {{{who}}}, groups: [devs]}}");
        let report = scene.pass(PassKind::Sync, &policy).await;
        assert_eq!(report.exit_code(false), ExitCode::InSync, "{report:#?}");
        let missing = found(&report, FindingCode::PrincipalMissing);
        assert!(missing[0].message.contains(words), "{missing:?}");
        assert_eq!(entries(&scene), BTreeSet::new());
    }
}

#[tokio::test]
async fn members_come_and_go() {
    for mode in [Api, ConfigMap] {
        let scene = scene(mode).await;
        let people = || match scene.aws_auth() {
            Some(data) if mode == ConfigMap => {
                let rows = data["mapUsers"].as_str().unwrap_or_default().to_owned();
                let all = [user("people/ana"), user("ben"), user("cy")];
                all.into_iter().filter(|arn| rows.contains(arn)).collect()
            }
            _ => entries(&scene),
        };
        converges(&scene, MEMBERS).await;
        assert_eq!(people(), [user("people/ana"), user("ben")].into());
        scene.account(|state, account| {
            state.remove_from_group(account, "DevOps", "ana").unwrap();
            state.add_to_group(account, "DevOps", "cy").unwrap();
        });
        converges(&scene, MEMBERS).await;
        assert_eq!(people(), [user("ben"), user("cy")].into());
        scene.account(|state, account| {
            state.remove_from_group(account, "DevOps", "ben").unwrap();
            state.remove_from_group(account, "DevOps", "cy").unwrap();
        });
        let report = converges(&scene, MEMBERS).await;
        assert_eq!(people(), BTreeSet::new());
        let missing = found(&report, FindingCode::PrincipalMissing);
        assert!(missing[0].message.contains("the group has no users"), "{missing:?}");
    }
}

#[tokio::test]
async fn a_group_that_cannot_be_read_keeps_what_it_has() {
    for (policy, denied) in [
        (MEMBERS, "iam:GetGroup"),
        (ROLES, "iam:ListGroupPolicies"),
        (ROLES, "iam:GetGroupPolicy"),
        (ROLES, "iam:ListAttachedGroupPolicies"),
        (ROLES, "iam:GetPolicy"),
        (ROLES, "iam:GetPolicyVersion"),
        (ROLES, "iam:ListRoles"),
    ] {
        let scene = scene(Api).await;
        converges(&scene, policy).await;
        let before = entries(&scene);
        assert_eq!(before.len(), 2);
        scene.account(|state, account| {
            state.remove_from_group(account, "DevOps", "ana").unwrap();
            let member = state.accounts.get_mut(account).unwrap().iam.roles.get_mut("rolecall-member").unwrap();
            member.denied.insert(denied.to_owned());
        });
        let report = scene.pass(PassKind::Sync, policy).await;
        assert_eq!((entries(&scene), report.exit_code(false)), (before, ExitCode::Incomplete), "{denied}");
        let unknown = found(&report, FindingCode::PrincipalUnknown);
        let operation = denied.strip_prefix("iam:").unwrap();
        assert!(unknown[0].message.contains(operation), "{denied}: {unknown:?}");
    }
}

#[tokio::test]
async fn groups_cost_few_calls_and_share_the_list_of_roles() {
    let scene = scene(Api).await;
    let calls = |scene: &Scene| {
        let calls = scene.lab.world().tally.take().into_iter().filter(|((service, _), _)| *service == "iam");
        calls.map(|((_, operation), count)| format!("{operation} {count}")).collect::<Vec<_>>()
    };
    let policy = format!("{ROLES}\n  - who: {{iamGroup: devops, via: k8s-admin}}\n  - who: {{role: dev}}");
    scene.pass(PassKind::Plan, &policy).await;
    assert_eq!(
        calls(&scene),
        [
            "GetGroup 1",
            "GetGroupPolicy 1",
            "GetPolicy 1",
            "GetPolicyVersion 1",
            "ListAttachedGroupPolicies 1",
            "ListGroupPolicies 1",
            "ListRoles 1"
        ]
    );
    scene.pass(PassKind::Plan, "access:\n  - who: {iamGroup: Nobody}").await;
    assert_eq!(calls(&scene), ["GetGroup 1"], "where there is no such group nothing else is asked");
    scene.pass(PassKind::Plan, MEMBERS).await;
    assert_eq!(calls(&scene), ["GetGroup 1"]);
    scene.pass(PassKind::Plan, VIA).await;
    assert!(calls(&scene).contains(&"GetRole 1".to_owned()));
}
