use std::sync::Mutex;

use serde_json::{Value, json};

use super::server::{Answer, Ask, Server, denied, scope};
use crate::{
    discover::{DiscoverErrorKind, Need, Organization, organization},
    model::{Account, FindingCode, Glob, OrganizationScope, OuGlob, Selector},
};

const DEV: &str = "111111111111";
const PROD: &str = "222222222222";
const LOOSE: &str = "333333333333";
const UNITS: Need = Need { account_tags: false, ou_paths: true };
const TAGS: Need = Need { account_tags: true, ou_paths: false };

fn account(id: &str, path: &str) -> Value {
    json!({"Id": id, "Name": format!("name-{id}"), "State": "ACTIVE", "Status": "ACTIVE",
           "Paths": [format!("o-a1b2c3d4e5/r-ab12{path}/{id}/")]})
}

fn listed(ask: &Ask) -> Option<Answer> {
    let accounts =
        [account(DEV, "/ou-ab12-work/ou-ab12-dev"), account(PROD, "/ou-ab12-work/ou-ab12-prod"), account(LOOSE, "")];
    (ask.operation == "ListAccounts").then(|| Answer::Json(json!({"Accounts": accounts})))
}

/// Work (Dev, Prod) and Other (Deep) under the root; Dev and Prod hold an account each, the root one.
fn tree(ask: &Ask) -> Option<Answer> {
    let unit = |id: &str, name: &str| json!({"Id": id, "Name": name});
    let units = match (ask.operation.as_str(), ask.text("ParentId")) {
        ("ListRoots", _) => return Some(Answer::Json(json!({"Roots": [{"Id": "r-ab12", "Name": "Root"}]}))),
        ("ListOrganizationalUnitsForParent", "r-ab12") => {
            json!([unit("ou-ab12-work", "Work"), unit("ou-ab12-other", "Other")])
        }
        ("ListOrganizationalUnitsForParent", "ou-ab12-work") => {
            json!([unit("ou-ab12-dev", "Dev"), unit("ou-ab12-prod", "Prod")])
        }
        ("ListOrganizationalUnitsForParent", _) => json!([]),
        ("ListAccountsForParent", parent) => {
            let id = match parent {
                "r-ab12" => LOOSE,
                "ou-ab12-dev" => DEV,
                "ou-ab12-prod" => PROD,
                _ => return Some(Answer::Json(json!({"Accounts": []}))),
            };
            return Some(Answer::Json(json!({"Accounts": [{"Id": id}]})));
        }
        _ => return None,
    };
    Some(Answer::Json(json!({"OrganizationalUnits": units})))
}

/// What was read; every account in it was told once.
async fn read(server: &Server, need: Need) -> Organization {
    let told = Mutex::new(Vec::new());
    let tell = |account: &Account| told.lock().unwrap().push(account.clone());
    let organization = organization(&server.hub().await, &scope(), need, &tell).await.unwrap();
    let mut told = told.into_inner().unwrap();
    told.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(told, organization.accounts);
    organization
}

fn places(organization: &Organization) -> Vec<(&str, Option<&str>)> {
    organization.accounts.iter().map(|a| (a.id.as_str(), a.ou_path.as_deref())).collect()
}

#[tokio::test]
async fn every_page_is_read_even_behind_an_empty_one_and_state_comes_before_status() {
    let server = Server::start(|ask| {
        let page = |accounts: Value, next: Option<&str>| json!({"Accounts": accounts, "NextToken": next});
        (ask.operation == "ListAccounts").then(|| {
            Answer::Json(match ask.text("NextToken") {
                "" => page(json!([{"Id": PROD, "Name": "prod", "State": "ACTIVE", "Status": "SUSPENDED"}]), Some("a")),
                "a" => page(json!([]), Some("b")),
                "b" => page(json!([{"Id": DEV, "Name": "dev", "Status": "ACTIVE"}]), Some("c")),
                _ => page(
                    json!([{"Id": LOOSE, "Name": "old", "Status": "SUSPENDED"},
                           {"Id": "444444444444", "Name": "going", "State": "PENDING_CLOSURE", "Status": "ACTIVE"}]),
                    None,
                ),
            })
        })
    })
    .await;
    let organization = read(&server, Need::default()).await;
    assert_eq!(organization.id.as_deref(), Some("o-a1b2c3d4e5"));
    assert_eq!(places(&organization), [(DEV, None), (PROD, None)]);
    assert!(organization.complete);
    let skipped: Vec<_> = organization.findings.iter().map(|f| (f.code, f.subject.as_str(), f.incomplete)).collect();
    assert_eq!(
        skipped,
        [(FindingCode::AccountInactive, LOOSE, false), (FindingCode::AccountInactive, "444444444444", false)]
    );
    assert!(organization.findings[1].message.contains("PENDING_CLOSURE"));
    assert!(server.asked().iter().all(|ask| ask.operation == "GetCallerIdentity" || ask.region == "us-east-1"));
}

#[tokio::test]
async fn paths_get_their_names_from_a_walk_of_only_the_units_above_accounts() {
    let server = Server::start(|ask| listed(ask).or_else(|| tree(ask))).await;
    let organization = read(&server, UNITS).await;
    assert_eq!(places(&organization), [(DEV, Some("/Work/Dev")), (PROD, Some("/Work/Prod")), (LOOSE, Some("/"))]);
    assert!(organization.complete);
    assert_eq!(server.count("ListAccountsForParent"), 0);
    let asked: Vec<String> = server.asked().iter().map(|ask| ask.text("ParentId").to_owned()).collect();
    assert!(!asked.iter().any(|id| ["ou-ab12-other", "ou-ab12-dev"].contains(&id.as_str())), "{asked:?}");
}

#[tokio::test]
async fn a_server_without_paths_is_walked_whole() {
    let server = Server::start(|ask| {
        let listed = json!([{"Id": DEV, "State": "ACTIVE"}, {"Id": PROD, "State": "ACTIVE"}, {"Id": LOOSE}]);
        (ask.operation == "ListAccounts").then(|| Answer::Json(json!({"Accounts": listed}))).or_else(|| tree(ask))
    })
    .await;
    let organization = read(&server, UNITS).await;
    assert_eq!(places(&organization), [(DEV, Some("/Work/Dev")), (PROD, Some("/Work/Prod")), (LOOSE, Some("/"))]);
    assert_eq!(server.count("ListAccountsForParent"), 5);
}

#[tokio::test]
async fn nothing_is_walked_that_nobody_needs() {
    let server = Server::start(listed).await;
    let organization = read(&server, Need::default()).await;
    assert_eq!(organization.accounts.len(), 3);
    assert_eq!(server.asked().len(), 3, "{:?}", server.asked());
}

#[tokio::test]
async fn a_hole_in_the_walk_makes_the_organization_incomplete_and_leaves_the_rest() {
    let server = Server::start(|ask| match ask.text("ParentId") {
        "ou-ab12-work" => Some(Answer::Error(400, "TooManyRequestsException", "slow down")),
        _ => listed(ask).or_else(|| tree(ask)),
    })
    .await;
    let organization = read(&server, UNITS).await;
    assert_eq!(places(&organization), [(DEV, None), (PROD, None), (LOOSE, Some("/"))]);
    assert!(!organization.complete);
    let [finding] = organization.findings.as_slice() else { panic!("{:?}", organization.findings) };
    assert_eq!(finding.code, FindingCode::OrganizationIncomplete);
    assert!(finding.incomplete && finding.message.contains("2 accounts") && finding.message.contains("throttled"));
}

#[tokio::test]
async fn a_list_that_breaks_off_is_incomplete_and_one_that_turns_in_circles_too() {
    for last in ["error", "circle"] {
        let server = Server::start(move |ask| {
            (ask.operation == "ListAccounts").then(|| match (ask.text("NextToken"), last) {
                ("again", "error") => Answer::Error(500, "ServiceException", "oops"),
                _ => Answer::Json(json!({"Accounts": [account(DEV, "")], "NextToken": "again"})),
            })
        })
        .await;
        let organization = read(&server, Need::default()).await;
        assert!(!organization.complete, "{last}");
        assert_eq!(organization.accounts[0].id.as_str(), DEV);
        assert_eq!(organization.findings[0].code, FindingCode::OrganizationIncomplete);
    }
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    for (operation, need) in
        [("DescribeOrganization", UNITS), ("ListAccounts", UNITS), ("ListRoots", UNITS), ("ListTagsForResource", TAGS)]
    {
        let server =
            Server::start(
                move |ask| {
                    if ask.operation == operation { Some(denied()) } else { listed(ask).or_else(|| tree(ask)) }
                },
            )
            .await;
        let error = organization(&server.hub().await, &scope(), need, &|_| ()).await.unwrap_err();
        assert_eq!(error.what(), DiscoverErrorKind::AccessDenied);
        assert!(error.next().contains(&format!("organizations:{operation}")), "{}", error.next());
        assert!(error.next().contains("arn:aws:iam::999988887777:user/hub"), "{}", error.next());
    }
}

#[tokio::test]
async fn without_an_organization_the_way_out_is_told() {
    let server = Server::start(|ask| {
        (ask.operation == "DescribeOrganization").then_some(Answer::Error(
            400,
            "AWSOrganizationsNotInUseException",
            "not a member",
        ))
    })
    .await;
    let error = organization(&server.hub().await, &scope(), UNITS, &|_| ()).await.unwrap_err();
    assert_eq!(error.what(), DiscoverErrorKind::NoOrganization);
    assert!(error.next().contains("organization.accounts"));
}

#[tokio::test]
async fn tags_are_read_to_the_last_page_and_one_account_without_them_stays_unknown() {
    let server = Server::start(|ask| match (ask.operation.as_str(), ask.text("ResourceId"), ask.text("NextToken")) {
        ("ListTagsForResource", DEV, "") => {
            Some(Answer::Json(json!({"Tags": [{"Key": "env", "Value": "dev"}], "NextToken": "more"})))
        }
        ("ListTagsForResource", DEV, _) => Some(Answer::Json(json!({"Tags": [{"Key": "team", "Value": "a"}]}))),
        ("ListTagsForResource", PROD, _) => Some(Answer::Error(500, "ServiceException", "oops")),
        ("ListTagsForResource", ..) => Some(Answer::Json(json!({"Tags": [{"Key": "env", "Value": "prod"}]}))),
        _ => listed(ask),
    })
    .await;
    let include =
        Selector { account_tags: [("env".to_owned(), vec![Glob::new("dev").unwrap()])].into(), ..Selector::default() };
    let scope = OrganizationScope { include, ..scope() };
    let organization = organization(&server.hub().await, &scope, TAGS, &|_| ()).await.unwrap();
    let kept: Vec<_> = organization
        .accounts
        .iter()
        .map(|a| (a.id.as_str(), a.tags.as_ref().map(std::collections::BTreeMap::len)))
        .collect();
    assert_eq!(kept, [(DEV, Some(2)), (PROD, None)]);
    assert!(!organization.complete && organization.findings[0].message.contains("tags of 1 accounts"));
}

#[tokio::test]
async fn a_throttled_call_is_tried_again() {
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |ask| {
        let first = ask.operation == "ListAccounts" && tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        if first { Some(Answer::Error(400, "TooManyRequestsException", "slow down")) } else { listed(ask) }
    })
    .await;
    assert_eq!(read(&server, Need::default()).await.accounts.len(), 3);
    assert_eq!(server.count("ListAccounts"), 2);
}

#[tokio::test]
async fn the_scope_leaves_accounts_out_only_where_it_is_sure() {
    let server = Server::start(|ask| listed(ask).or_else(|| tree(ask))).await;
    let hub = server.hub().await;
    let work = Selector { organizational_units: vec![OuGlob::new("/Work/**").unwrap()], ..Selector::default() };
    let prod = Selector { accounts: vec![Glob::new("name-2*").unwrap()], ..Selector::default() };
    let prod_region = Selector { regions: vec![Glob::new("eu-*").unwrap()], ..prod.clone() };
    for (exclude, kept) in [(prod, vec![DEV]), (prod_region, vec![DEV, PROD])] {
        let scope = OrganizationScope { include: work.clone(), exclude: Some(exclude), ..scope() };
        let organization = organization(&hub, &scope, UNITS, &|_| ()).await.unwrap();
        assert_eq!(places(&organization).into_iter().map(|(id, _)| id).collect::<Vec<_>>(), kept);
    }
}

#[tokio::test]
async fn named_accounts_need_no_organization() {
    let server = Server::start(|_| None).await;
    let scope = OrganizationScope { accounts: Some(vec![PROD.parse().unwrap(), DEV.parse().unwrap()]), ..scope() };
    let organization = organization(&server.hub().await, &scope, UNITS, &|_| ()).await.unwrap();
    assert_eq!(places(&organization), [(DEV, None), (PROD, None)]);
    assert!(organization.complete && organization.id.is_none());
    assert_eq!(server.asked().len(), 1, "only GetCallerIdentity");
}
