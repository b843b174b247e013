use serde_json::json;

use super::server::{Answer, Server, scope};
use crate::{
    discover::{Eks, Hub, Need, hub_with, identities, organization, regions},
    model::{Account, Principal, Region, Regions},
};

fn account(id: &str) -> Account {
    Account { id: id.parse().unwrap(), name: id.to_owned(), ou_path: None, tags: None }
}

async fn eks(hub: &Hub, id: &str, region: &str) -> Eks {
    let account = account(id);
    Eks::new(&hub.session(&account.id).await.unwrap(), &account, &Region::new(region))
}

#[tokio::test]
async fn all_accounts_services_and_regions_share_their_connections() {
    let server = Server::start(|ask| match ask.operation.as_str() {
        "ListClusters" => Some(Answer::Json(json!({"clusters": []}))),
        "ListRegions" => Some(Answer::Json(json!({"Regions": []}))),
        "ListAccounts" | "ListAccountsForParent" => Some(Answer::Json(json!({"Accounts": []}))),
        "GetRole" => Some(Answer::Error(404, "NoSuchEntity", "no")),
        _ => None,
    })
    .await;
    let hub = server.hub().await;
    organization(&hub, &scope(), Need::default(), &|_| ()).await.unwrap();
    let at_once = server.connections();
    for id in ["111111111111", "222222222222", "333333333333"] {
        for region in ["eu-west-1", "us-east-1"] {
            eks(&hub, id, region).await.names().await.unwrap();
        }
        let session = hub.session(&account(id).id).await.unwrap();
        regions(&session, &Regions::Enabled).await.unwrap();
        identities(&session, &account(id), &[Principal::RoleName("admin".into())].into(), &[].into()).await;
    }
    assert_eq!(server.connections(), at_once, "one call after the other needs no more");
}

#[tokio::test]
async fn an_account_or_region_whose_retries_are_used_up_takes_none_from_the_others() {
    let server = Server::start(|ask| {
        (ask.operation == "ListClusters").then_some(match (ask.key.as_str(), ask.region.as_str()) {
            ("KEY111111111111", "eu-west-1") => Answer::Error(500, "ServerException", "broken for good"),
            _ => Answer::Error(500, "ServerException", "broken here too"),
        })
    })
    .await;
    let hub = server.hub().await;
    let broken = eks(&hub, "111111111111", "eu-west-1").await;
    let mut asked = Vec::new();
    for _ in 0..60 {
        let before = server.count("ListClusters");
        broken.names().await.unwrap_err();
        asked.push(server.count("ListClusters") - before);
    }
    assert_eq!((asked.first(), asked.last()), (Some(&3), Some(&1)), "the retries of one place do not last for ever");
    for (id, region) in [("222222222222", "eu-west-1"), ("111111111111", "us-east-1")] {
        let before = server.count("ListClusters");
        eks(&hub, id, region).await.names().await.unwrap_err();
        assert_eq!(server.count("ListClusters") - before, 3, "{id} {region}");
    }
}

#[tokio::test]
async fn every_call_passes_the_rate_of_its_service() {
    let server = Server::start(|ask| match ask.operation.as_str() {
        "ListAccounts" | "ListAccountsForParent" => Some(Answer::Json(json!({"Accounts": [{"Id": "111111111111"}]}))),
        "ListTagsForResource" => Some(Answer::Json(json!({"Tags": []}))),
        "ListRoots" => Some(Answer::Json(json!({"Roots": [{"Id": "r-ab12", "Name": "Root"}]}))),
        "ListOrganizationalUnitsForParent" => Some(Answer::Json(json!({"OrganizationalUnits": []}))),
        "ListClusters" => Some(Answer::Json(json!({"clusters": ["a", "b"]}))),
        "DescribeCluster" => Some(Answer::Error(404, "ResourceNotFoundException", "no")),
        "ListRegions" => Some(Answer::Json(json!({"Regions": []}))),
        "GetRole" | "GetUser" => Some(Answer::Error(404, "NoSuchEntity", "no")),
        _ => None,
    })
    .await;
    let hub = hub_with(server.config(), &scope(), 4).await.unwrap();
    organization(&hub, &scope(), Need { account_tags: true, ou_paths: true }, &|_| ()).await.unwrap();
    let eks = eks(&hub, "111111111111", "eu-west-1").await;
    for name in eks.names().await.unwrap() {
        eks.describe(&name).await.unwrap();
    }
    let session = hub.session(&account("111111111111").id).await.unwrap();
    regions(&session, &Regions::Enabled).await.unwrap();
    let wanted = [Principal::RoleName("a".into()), Principal::UserName("b".into())].into();
    identities(&session, &account("111111111111"), &wanted, &[].into()).await;
    let rates = &hub.rates;
    let passed = |operations: &[&str], passed: usize| {
        let asked: usize = operations.iter().map(|operation| server.count(operation)).sum();
        assert!(asked > 0 && asked == passed, "{operations:?} asked {asked} times, passed {passed} times");
    };
    passed(&["DescribeOrganization"], rates.describe_organization.passed());
    passed(&["ListAccounts"], rates.list_accounts.passed());
    passed(&["ListRoots"], rates.list_roots.passed());
    passed(&["ListOrganizationalUnitsForParent"], rates.list_units.passed());
    passed(&["ListAccountsForParent"], rates.list_accounts_for_parent.passed());
    passed(&["ListTagsForResource"], rates.list_tags.passed());
    passed(&["AssumeRole", "GetCallerIdentity"], rates.sts.passed());
    passed(&["ListClusters", "DescribeCluster"], session.passed("eks"));
    passed(&["ListRegions"], session.passed("account"));
    passed(&["GetRole", "GetUser"], session.passed("iam"));
}

#[tokio::test]
async fn an_account_is_told_while_the_next_page_is_still_awaited() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let second = std::sync::Arc::clone(&gate);
    let server = Server::start(move |ask| {
        let page = |id: &str, next: Option<&str>| {
            let path = format!("o-a1b2c3d4e5/r-ab12/ou-ab12-dev/{id}/");
            Answer::Json(json!({"Accounts": [{"Id": id, "Paths": [path]}], "NextToken": next}))
        };
        match (ask.operation.as_str(), ask.text("NextToken")) {
            ("ListAccounts", "") => Some(page("111111111111", Some("2"))),
            ("ListAccounts", _) => {
                Some(Answer::After(std::sync::Arc::clone(&second), Box::new(page("222222222222", None))))
            }
            ("ListRoots", _) => Some(Answer::Json(json!({"Roots": [{"Id": "r-ab12", "Name": "Root"}]}))),
            ("ListOrganizationalUnitsForParent", _) => {
                Some(Answer::Json(json!({"OrganizationalUnits": [{"Id": "ou-ab12-dev", "Name": "Dev"}]})))
            }
            _ => None,
        }
    })
    .await;
    let hub = server.hub().await;
    for ou_paths in [false, true] {
        // The second page comes only when the first account was told.
        let tell = |found: &Account| {
            assert_eq!(found.ou_path.as_deref(), ou_paths.then_some("/Dev"));
            if found.id.as_str() == "111111111111" {
                gate.add_permits(1);
            }
        };
        let found = organization(&hub, &scope(), Need { account_tags: false, ou_paths }, &tell).await.unwrap();
        assert_eq!(found.accounts.len(), 2);
    }
}
