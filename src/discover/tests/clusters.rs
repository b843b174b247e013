use serde_json::{Value, json};

use super::server::{Answer, Ask, Server, denied};
use crate::{
    discover::{DiscoverError, DiscoverErrorKind, Eks, regions},
    model::{Account, AuthenticationMode, Cluster, ClusterPhase, Finding, FindingCode, Region, Regions},
};

fn account() -> Account {
    Account { id: "111111111111".parse().unwrap(), name: "payments".to_owned(), ou_path: None, tags: None }
}

async fn read(server: &Server) -> Result<(Vec<Cluster>, Vec<Finding>), DiscoverError> {
    let session = server.hub().await.session(&account().id).await.unwrap();
    let eks = Eks::new(&session, &account(), &Region::new("eu-west-1"));
    let (mut clusters, mut findings) = (Vec::new(), Vec::new());
    for name in eks.names().await? {
        match eks.describe(&name).await {
            Ok(described) => {
                let (cluster, notice) = described.unzip();
                clusters.extend(cluster);
                findings.extend(notice.flatten());
            }
            Err(error) => findings.push(error.finding(eks.place(&name))),
        }
    }
    Ok((clusters, findings))
}

fn described(name: &str, status: &str, more: &Value) -> Answer {
    let mut cluster = json!({
        "name": name, "status": status, "version": "1.33", "endpoint": "https://abc.eks.amazonaws.com",
        "arn": format!("arn:aws:eks:eu-west-1:111111111111:cluster/{name}"),
        "certificateAuthority": {"data": "Q0E="}, "tags": {"team": "a"}
    });
    cluster.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Answer::Json(json!({"cluster": cluster}))
}

fn two_pages(ask: &Ask) -> Option<Answer> {
    let mode = |mode: &str| json!({"accessConfig": {"authenticationMode": mode}});
    match (ask.operation.as_str(), ask.text("path"), ask.text("nextToken")) {
        ("ListClusters", _, "") => Some(Answer::Json(json!({"clusters": ["old", "gone"], "nextToken": "2"}))),
        ("ListClusters", ..) => {
            Some(Answer::Json(json!({"clusters": ["new", "api", "making", "odd", "locked", "changing"]})))
        }
        (_, "old", _) => Some(described("old", "ACTIVE", &json!({}))),
        (_, "gone", _) => Some(Answer::Error(404, "ResourceNotFoundException", "No cluster found")),
        (_, "new", _) => Some(described("new", "ACTIVE", &mode("API_AND_CONFIG_MAP"))),
        (_, "api", _) => Some(described("api", "UPDATING", &mode("API"))),
        (_, "making", _) => Some(Answer::Json(json!({"cluster": {"name": "making", "status": "CREATING"}}))),
        (_, "odd", _) => Some(described("odd", "ACTIVE", &mode("TELEPATHY"))),
        (_, "locked", _) => Some(denied()),
        (_, "changing", _) => Some(described("changing", "DREAMING", &mode("CONFIG_MAP"))),
        _ => None,
    }
}

#[tokio::test]
async fn clusters_of_all_pages_come_with_their_mode_and_phase() {
    let (clusters, findings) = read(&Server::start(two_pages).await).await.unwrap();
    let told: Vec<_> = clusters.iter().map(|c| (c.id.name.as_str(), c.authentication_mode, c.phase.clone())).collect();
    let left_alone = |status: &str| ClusterPhase::LeftAlone(status.to_owned());
    assert_eq!(
        told,
        [
            ("old", AuthenticationMode::ConfigMap, ClusterPhase::Ready),
            ("new", AuthenticationMode::ApiAndConfigMap, ClusterPhase::Ready),
            ("api", AuthenticationMode::Api, ClusterPhase::Updating),
            ("making", AuthenticationMode::ConfigMap, left_alone("CREATING")),
            ("changing", AuthenticationMode::ConfigMap, left_alone("DREAMING")),
        ]
    );
    assert_eq!(clusters[0].certificate_authority, "Q0E=");
    assert_eq!(clusters[0].tags["team"], "a");
    assert_eq!(clusters[3].arn, "arn:aws:eks:eu-west-1:111111111111:cluster/making");
    let found: Vec<_> = findings.iter().map(|f| (f.code, f.subject.as_str(), f.incomplete)).collect();
    assert_eq!(
        found,
        [
            (FindingCode::ClusterLeftAlone, "making", false),
            (FindingCode::ClusterUnreadable, "odd", true),
            (FindingCode::ClusterUnreadable, "locked", true),
            (FindingCode::ClusterLeftAlone, "changing", false),
        ]
    );
    assert!(findings[1].message.contains("TELEPATHY"));
    assert!(findings[2].next.as_ref().unwrap().contains("eks:DescribeCluster"));
    assert_eq!(findings[2].place.to_string(), "payments (111111111111) eu-west-1 locked");
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_told_from_one_that_is_denied() {
    for (code, kind) in [
        ("UnrecognizedClientException", DiscoverErrorKind::RegionDisabled),
        ("OptInRequired", DiscoverErrorKind::RegionDisabled),
        ("AccessDeniedException", DiscoverErrorKind::AccessDenied),
        ("ThrottlingException", DiscoverErrorKind::Throttled),
    ] {
        let server =
            Server::start(move |ask| (ask.operation == "ListClusters").then_some(Answer::Error(400, code, "no"))).await;
        let error = read(&server).await.unwrap_err();
        assert_eq!(error.what(), kind, "{code}");
        let message = error.to_string();
        assert!(message.contains("ListClusters in account 111111111111, region eu-west-1"), "{message}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_gives_no_short_list() {
    let server = Server::start(|ask| match ask.text("nextToken") {
        "2" => Some(Answer::Error(500, "ServerException", "oops")),
        _ => two_pages(ask),
    })
    .await;
    assert_eq!(read(&server).await.unwrap_err().what(), DiscoverErrorKind::Other);
    assert_eq!(server.count("DescribeCluster"), 0);
}

#[tokio::test]
async fn enabled_regions_are_listed_with_the_accounts_own_session() {
    let server = Server::start(|ask| {
        (ask.operation == "ListRegions").then(|| match ask.text("NextToken") {
            "" => Answer::Json(json!({"NextToken": "2", "Regions": [
                {"RegionName": "us-east-1", "RegionOptStatus": "ENABLED_BY_DEFAULT"}]})),
            _ => Answer::Json(json!({"Regions": [{"RegionName": "af-south-1", "RegionOptStatus": "ENABLED"}]})),
        })
    })
    .await;
    let session = server.hub().await.session(&account().id).await.unwrap();
    let found = regions(&session, &Regions::Enabled).await.unwrap();
    assert_eq!(found, [Region::new("af-south-1"), Region::new("us-east-1")]);
    let ask = server.asked().pop().unwrap();
    assert_eq!(ask.key, "KEY111111111111");
    assert_eq!(ask.input["RegionOptStatusContains"], json!(["ENABLED", "ENABLED_BY_DEFAULT"]));
    let fixed = Regions::Fixed(vec![Region::new("eu-west-1")]);
    assert_eq!(regions(&session, &fixed).await.unwrap(), [Region::new("eu-west-1")]);
    assert_eq!(server.count("ListRegions"), 2);
}

#[tokio::test]
async fn an_answer_that_is_not_of_aws_is_told_as_such() {
    let server = Server::start(|ask| (ask.operation == "ListRegions").then_some(Answer::Html(404))).await;
    let session = server.hub().await.session(&account().id).await.unwrap();
    let error = regions(&session, &Regions::Enabled).await.unwrap_err();
    assert_eq!(error.what(), DiscoverErrorKind::Other);
    assert!(error.to_string().contains("HTTP status 404 without an error of AWS"), "{error}");
}
