use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::provider::ProvideCredentials;
use serde_json::json;

use super::server::{Answer, Server, assumed, caller, denied, scope};
use crate::{
    discover::{DiscoverErrorKind, Eks, hub_with},
    model::{Account, AccountId, HubRole, OrganizationScope, Place, Region, Secret},
};

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

#[tokio::test]
async fn the_member_role_is_assumed_once_with_all_that_the_settings_say() {
    let server = Server::start(|_| None).await;
    let hub = server.hub().await;
    let account = id("111111111111");
    let sessions = futures::future::join_all((0..8).map(|_| hub.session(&account))).await;
    assert_eq!(server.count("AssumeRole"), 1);
    let session = sessions.into_iter().next().unwrap().unwrap();
    let ask = server.asked().into_iter().find(|ask| ask.operation == "AssumeRole").unwrap();
    assert_eq!(ask.text("RoleArn"), "arn:aws:iam::111111111111:role/platform/rolecall-member");
    assert_eq!(ask.text("RoleSessionName"), "rolecall");
    assert_eq!(ask.text("ExternalId"), "member-external-id");
    assert_eq!(ask.text("SourceIdentity"), "nightwatch");
    assert_eq!(ask.text("DurationSeconds"), "3600");
    assert_eq!((ask.key.as_str(), ask.region.as_str()), ("HUBKEY", "eu-central-1"));
    assert_eq!(session.own_principal().to_string(), "arn:aws:iam::111111111111:role/rolecall-member");
    let credentials = session.credentials_provider().provide_credentials().await.unwrap();
    assert_eq!(credentials.access_key_id(), "KEY111111111111");
    assert!(credentials.expiry().is_some());
}

#[tokio::test]
async fn each_account_is_asked_with_its_own_session() {
    let server =
        Server::start(|ask| (ask.operation == "ListClusters").then(|| Answer::Json(json!({"clusters": []})))).await;
    let hub = server.hub().await;
    for account in ["111111111111", "222222222222"] {
        let session = hub.session(&id(account)).await.unwrap();
        let account = Account { id: id(account), name: account.to_owned(), ou_path: None, tags: None };
        Eks::new(&session, &account, &Region::new("ap-south-1")).names().await.unwrap();
    }
    let asked: Vec<(String, String)> =
        server.asked().into_iter().filter(|a| a.operation == "ListClusters").map(|a| (a.key, a.region)).collect();
    let expected = ["KEY111111111111", "KEY222222222222"].map(|key| (key.to_owned(), "ap-south-1".to_owned()));
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn credentials_that_end_are_renewed() {
    let server = Server::start(|ask| (ask.operation == "AssumeRole").then(|| assumed(ask, -1))).await;
    let hub = server.hub().await;
    let session = hub.session(&id("111111111111")).await.unwrap();
    session.credentials_provider().provide_credentials().await.unwrap();
    hub.session(&id("111111111111")).await.unwrap();
    assert_eq!(server.count("AssumeRole"), 3);
}

#[tokio::test]
async fn a_session_that_ends_before_its_time_is_made_anew() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |ask| {
        let first = ask.operation == "ListClusters" && asked.fetch_add(1, Ordering::SeqCst) == 0;
        if first {
            return Some(Answer::Error(403, "ExpiredTokenException", "The security token included is expired"));
        }
        (ask.operation == "ListClusters").then(|| Answer::Json(json!({"clusters": []})))
    })
    .await;
    let hub = server.hub().await;
    let session = hub.session(&id("111111111111")).await.unwrap();
    let account = Account { id: id("111111111111"), name: "one".to_owned(), ou_path: None, tags: None };
    Eks::new(&session, &account, &Region::new("ap-south-1")).names().await.unwrap();
    assert_eq!((server.count("ListClusters"), server.count("AssumeRole")), (2, 2));
}

#[tokio::test]
async fn a_refused_session_says_whose_trust_is_missing_and_later_tries_anew() {
    let calls = AtomicUsize::new(0);
    let server = Server::start(move |ask| {
        let first = ask.operation == "AssumeRole" && calls.fetch_add(1, Ordering::SeqCst) == 0;
        first.then_some(Answer::Error(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"))
    })
    .await;
    let hub = server.hub().await;
    let account = id("111111111111");
    let error = hub.session(&account).await.unwrap_err();
    assert_eq!(error.kind(), "access-denied");
    let next = error.next();
    assert!(next.contains("arn:aws:iam::111111111111:role/platform/rolecall-member"), "{next}");
    assert!(next.contains("arn:aws:iam::999988887777:user/hub") && next.contains("trust policy"), "{next}");
    let finding = error.finding(Place { account: Some(account.clone()), ..Place::default() });
    assert!(finding.incomplete && finding.message.contains("111111111111"));
    assert!(!format!("{error:?} {finding:?}").contains("member-external-id"));
    hub.session(&account).await.unwrap();
}

#[tokio::test]
async fn a_hub_that_is_the_member_role_needs_no_other_in_its_own_account() {
    let server = Server::start(|ask| {
        let arn = "arn:aws-us-gov:sts::999988887777:assumed-role/rolecall-member/i-0123";
        (ask.operation == "GetCallerIdentity").then(|| caller(arn, "999988887777"))
    })
    .await;
    let hub = server.hub().await;
    let own = hub.session(&id("999988887777")).await.unwrap();
    assert_eq!(server.count("AssumeRole"), 0);
    assert_eq!(own.credentials_provider().provide_credentials().await.unwrap().access_key_id(), "HUBKEY");
    let other = hub.session(&id("111111111111")).await.unwrap();
    assert_eq!(server.count("AssumeRole"), 1);
    assert_eq!(other.own_principal().to_string(), "arn:aws-us-gov:iam::111111111111:role/rolecall-member");
}

#[tokio::test]
async fn the_hub_role_comes_first_and_assumes_the_others() {
    let server = Server::start(|_| None).await;
    let hub = HubRole {
        arn: "arn:aws:iam::999988887777:role/rolecall-hub".parse().unwrap(),
        external_id: Some(Secret::new("hub-external-id")),
    };
    let scope = OrganizationScope { hub: Some(hub), ..scope() };
    let hub = hub_with(server.config(), &scope, 4).await.unwrap();
    hub.session(&id("111111111111")).await.unwrap();
    let asked: Vec<String> =
        server.asked().iter().map(|a| format!("{} {} {}", a.operation, a.key, a.text("ExternalId"))).collect();
    let expected = [
        "AssumeRole HUBKEY hub-external-id",
        "GetCallerIdentity KEY999988887777 ",
        "AssumeRole KEY999988887777 member-external-id",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_hub_without_valid_credentials_says_so() {
    for (code, kind) in [
        ("InvalidClientTokenId", DiscoverErrorKind::NoCredentials),
        ("ExpiredToken", DiscoverErrorKind::ExpiredCredentials),
    ] {
        let server = Server::start(move |_| Some(Answer::Error(403, code, "no"))).await;
        assert_eq!(hub_with(server.config(), &scope(), 4).await.unwrap_err().what(), kind);
    }
    let server = Server::start(|_| Some(denied())).await;
    let nowhere = server.config().to_builder().endpoint_url("http://127.0.0.1:1").build();
    let error = hub_with(nowhere, &scope(), 4).await.unwrap_err();
    assert_eq!(error.what(), DiscoverErrorKind::Unreachable);
    assert!(error.next().contains("HTTPS_PROXY"));
}
