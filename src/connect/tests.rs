use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::core::Status;

use super::{
    ConnectTarget, fake, path_segment, proxy::ProxyEnvironment, target::target_within, unreadable, with_principal,
};
use crate::model::{Cluster, ConnectRule, Glob, OuGlob, Secret, Selector, Unreadable, UnreadableKind};

#[test]
fn a_name_becomes_one_segment_of_a_path() {
    assert_eq!(path_segment("system:masters@corp"), "system:masters@corp");
    assert_eq!(path_segment("a b?c#d/ö"), "a%20b%3Fc%23d%2F%C3%B6");
}

fn rule(matches: Selector) -> ConnectRule {
    ConnectRule { matches, proxy: None, server: None, ca_file: None, tls_server_name: None, timeout_seconds: None }
}

fn named(glob: &str) -> Selector {
    Selector { clusters: vec![Glob::new(glob).unwrap()], ..Selector::default() }
}

fn reach(cluster: &Cluster, rules: &[ConnectRule]) -> Result<ConnectTarget, Unreadable> {
    let environment = ProxyEnvironment { https: Some("proxy:3128".to_owned()), except: None };
    target_within(cluster, rules, Duration::from_secs(30), &environment)
}

#[test]
fn without_a_rule_the_target_is_what_eks_reports_through_the_environments_proxy() {
    let two = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".repeat(2);
    let cluster = Cluster { certificate_authority: STANDARD.encode(&two), ..fake::cluster() };
    let target = reach(&cluster, &[rule(named("prod-*"))]).unwrap();
    assert_eq!(target.server, cluster.endpoint);
    assert_eq!(target.ca_pem, two.as_bytes());
    assert_eq!(target.proxy.as_ref().map(Secret::expose), Some("http://proxy:3128"));
    assert_eq!((target.tls_server_name, target.timeout), (None, Duration::from_secs(30)));
}

#[test]
fn the_first_rule_that_matches_wins_and_its_ca_file_stands_for_the_reported_ca() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.crt");
    std::fs::write(&file, "PEM").unwrap();
    let first = ConnectRule {
        server: Some("https://127.0.0.1:6443".to_owned()),
        ca_file: Some(file),
        tls_server_name: Some("localhost".to_owned()),
        timeout_seconds: std::num::NonZeroU64::new(5),
        ..rule(named("d*"))
    };
    let second = ConnectRule { proxy: Some(Secret::new("http://other:1")), ..rule(Selector::default()) };
    let cluster = Cluster { certificate_authority: "no base64 at all!".to_owned(), ..fake::cluster() };
    let target = reach(&cluster, &[first.clone(), second.clone()]).unwrap();
    assert_eq!(target.server, "https://127.0.0.1:6443");
    assert_eq!((target.ca_pem, target.proxy), (b"PEM".to_vec(), None));
    assert_eq!((target.tls_server_name.as_deref(), target.timeout), (Some("localhost"), Duration::from_secs(5)));

    let without_file = reach(&cluster, &[second.clone(), first.clone()]).unwrap_err();
    assert_eq!(without_file.kind, UnreadableKind::Tls);
    assert!(without_file.message.contains("the certificate authority that EKS reports"), "{without_file}");
    let gone = ConnectRule { ca_file: Some("/nowhere/ca.crt".into()), ..second };
    assert!(reach(&cluster, &[gone]).unwrap_err().message.contains("/nowhere/ca.crt"));
}

#[test]
fn a_rule_that_cannot_be_decided_is_not_guessed() {
    let unknown = Selector { organizational_units: vec![OuGlob::new("/Dev/**").unwrap()], ..Selector::default() };
    let why = reach(&fake::cluster(), &[rule(unknown), rule(Selector::default())]).unwrap_err();
    assert!(why.message.contains("`connect` rule 1") && why.message.contains("111122223333/eu-west-1/dev"), "{why}");
}

#[test]
fn a_cluster_without_an_endpoint_or_with_nonsense_for_one_is_unreachable() {
    for endpoint in ["", "abc", "ftp://abc", "https://"] {
        let cluster = Cluster { endpoint: endpoint.to_owned(), ..fake::cluster() };
        assert_eq!(reach(&cluster, &[]).unwrap_err().kind, UnreadableKind::Unreachable, "{endpoint:?}");
    }
}

fn answered(code: u16, message: &str) -> Unreadable {
    let status = Status::failure(message, "").with_code(code);
    unreadable(&kube::Error::Api(status.boxed()), "reading aws-auth", &fake::id())
}

#[test]
fn answers_get_their_kind_and_say_where_what_and_what_next() {
    for (code, kind) in [
        (401, UnreadableKind::Unauthenticated),
        (403, UnreadableKind::Forbidden),
        (404, UnreadableKind::Server),
        (429, UnreadableKind::Throttled),
        (500, UnreadableKind::Server),
        (503, UnreadableKind::Server),
        (504, UnreadableKind::Timeout),
    ] {
        let why = answered(code, "because");
        assert_eq!(why.kind, kind, "{code}");
        assert!(why.message.starts_with("111122223333/eu-west-1/dev: reading aws-auth: "), "{why}");
    }
    let forbidden = answered(403, r#"configmaps "aws-auth" is forbidden: User "x" cannot get resource "configmaps""#);
    assert!(forbidden.message.contains(r#"cannot get resource "configmaps""#), "{forbidden}");
}

#[test]
fn a_401_names_the_principal_that_has_to_be_let_in() {
    let arn = "arn:aws:iam::111122223333:role/rolecall-member";
    let why = with_principal(answered(401, "Unauthorized"), arn);
    assert!(why.message.contains(arn) && why.next.unwrap().contains(arn));
    let other = answered(403, "no");
    assert_eq!(with_principal(other.clone(), arn), other);
}

#[test]
fn a_refused_escalation_is_explained_with_the_rules_that_are_not_held() {
    let why = answered(
        403,
        "clusterroles.rbac.authorization.k8s.io \"devs\" is forbidden: user \"rolecall\" (groups=[\"g\"]) is attempting \
         to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"get\"]}\n{Verbs:[\"list\"]}",
    );
    assert_eq!(why.kind, UnreadableKind::Forbidden);
    assert!(
        why.message.contains("grant what he does not hold")
            && why.message.ends_with("Verbs:[\"get\"]}; {Verbs:[\"list\"]}"),
        "{why}"
    );
    assert!(why.next.unwrap().contains("`escalate`"));
}

#[test]
fn an_answer_that_is_not_kubernetes_is_the_servers_failure() {
    let error = serde_json::from_str::<u8>("<html>").unwrap_err();
    let why = unreadable(&kube::Error::SerdeError(error), "reading aws-auth", &fake::id());
    assert_eq!(why.kind, UnreadableKind::Server);
}
