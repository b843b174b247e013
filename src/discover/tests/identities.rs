use std::collections::{BTreeMap, BTreeSet};

use super::server::{Answer, Ask, Server, denied};
use crate::{
    discover::identities,
    model::{Account, Identities, Lookup, Principal},
};

const ACCOUNT: &str = "111111111111";
const SSO: &str = "/aws-reserved/sso.amazonaws.com/eu-west-1/";

async fn look_up(server: &Server, wanted: &[Principal]) -> Identities {
    let account = Account { id: ACCOUNT.parse().unwrap(), name: "payments".to_owned(), ou_path: None, tags: None };
    let session = server.hub().await.session(&account.id).await.unwrap();
    identities(&session, &account, &wanted.iter().cloned().collect::<BTreeSet<_>>(), &BTreeMap::new()).await
}

fn member(kind: &str, path: &str, name: &str) -> String {
    let lower = kind.to_lowercase();
    format!(
        "<Path>{path}</Path><{kind}Name>{name}</{kind}Name><{kind}Id>ID-{name}</{kind}Id>\
         <Arn>arn:aws:iam::{ACCOUNT}:{lower}{path}{name}</Arn><CreateDate>2026-01-02T03:04:05Z</CreateDate>"
    )
}

fn roles(roles: &[(&str, &str)], marker: Option<&str>) -> Answer {
    let members: Vec<String> =
        roles.iter().map(|(path, name)| format!("<member>{}</member>", member("Role", path, name))).collect();
    let members = members.concat();
    let more = marker.map(|marker| format!("<Marker>{marker}</Marker>")).unwrap_or_default();
    let cut = marker.is_some();
    Answer::Xml(format!("<Roles>{members}</Roles><IsTruncated>{cut}</IsTruncated>{more}"))
}

fn iam(ask: &Ask) -> Option<Answer> {
    match (ask.operation.as_str(), ask.text("RoleName"), ask.text("UserName")) {
        ("GetRole", "dev", _) => Some(Answer::Xml(format!("<Role>{}</Role>", member("Role", "/", "dev")))),
        ("GetRole", "ci", _) => Some(Answer::Xml(format!("<Role>{}</Role>", member("Role", "/tools/", "ci")))),
        ("GetRole", "dark", _) => Some(denied()),
        ("GetUser", _, "ops") => Some(Answer::Xml(format!("<User>{}</User>", member("User", "/people/", "ops")))),
        ("GetRole" | "GetUser", ..) => Some(Answer::Error(404, "NoSuchEntity", "cannot be found")),
        _ => None,
    }
}

fn role_arn(resource: &str) -> Principal {
    Principal::RoleArn(format!("arn:aws:iam::{ACCOUNT}:{resource}").parse().unwrap())
}

fn user_arn(resource: &str) -> Principal {
    Principal::UserArn(format!("arn:aws:iam::{ACCOUNT}:{resource}").parse().unwrap())
}

/// The ARNs' resources that were found, or the lookup's kind.
fn told(identities: &Identities, principal: &Principal) -> String {
    match identities.lookup(principal) {
        Lookup::Found(found) => found.iter().map(|one| one.arn.resource.as_str()).collect::<Vec<_>>().join(" "),
        Lookup::Missing => "missing".to_owned(),
        Lookup::Unknown(why) => format!("unknown: {why}"),
        Lookup::Outside => "outside".to_owned(),
        Lookup::Elsewhere(known) => format!("elsewhere: {known}"),
    }
}

#[tokio::test]
async fn roles_and_users_are_found_with_their_path_or_missing_or_unknown() {
    let server = Server::start(iam).await;
    let cases = [
        (Principal::RoleName("dev".to_owned()), "role/dev"),
        (Principal::RoleName("ci".to_owned()), "role/tools/ci"),
        (Principal::RoleName("tools/ci".to_owned()), "role/tools/ci"),
        (Principal::RoleName("other/ci".to_owned()), "missing"),
        (Principal::RoleName("nobody".to_owned()), "missing"),
        (role_arn("role/ci"), "role/tools/ci"),
        (role_arn("role/tools/ci"), "role/tools/ci"),
        (role_arn("role/other/ci"), "missing"),
        (Principal::UserName("ops".to_owned()), "user/people/ops"),
        (user_arn("user/people/ops"), "user/people/ops"),
        (user_arn("user/ops"), "missing"),
        (user_arn("user/nobody"), "missing"),
        (Principal::RoleArn("arn:aws:iam::222222222222:role/dev".parse().unwrap()), "outside"),
        (Principal::RoleArn("arn:aws-cn:iam::111111111111:role/dev".parse().unwrap()), "outside"),
        (Principal::Account("222222222222".parse().unwrap()), ""),
    ];
    let wanted: Vec<Principal> = cases.iter().map(|(principal, _)| principal.clone()).collect();
    let found = look_up(&server, &wanted).await;
    for (principal, expected) in &cases {
        assert_eq!(told(&found, principal), *expected, "{principal}");
    }
    let Lookup::Found(dev) = found.lookup(&cases[0].0) else { panic!() };
    assert_eq!(dev[0].unique_id.as_deref(), Some("ID-dev"));
    assert_eq!(dev[0].created.unwrap().to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(server.count("ListRoles"), 0);
}

#[tokio::test]
async fn a_refused_lookup_is_unknown_with_its_reason() {
    let server = Server::start(iam).await;
    let dark = Principal::RoleName("dark".to_owned());
    let found = look_up(&server, std::slice::from_ref(&dark)).await;
    let why = told(&found, &dark);
    assert!(why.starts_with("unknown: GetRole of dark in account 111111111111 was refused"), "{why}");
}

#[tokio::test]
async fn permission_sets_take_one_listing_of_all_pages_and_match_exactly() {
    let server = Server::start(|ask| {
        (ask.operation == "ListRoles").then(|| match ask.text("Marker") {
            "" => roles(&[(SSO, "AWSReservedSSO_Developers_Admin_0123456789abcdef")], Some("m")),
            _ => roles(
                &[
                    (SSO, "AWSReservedSSO_Developers_00000000000000aa"),
                    ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Developers_00000000000000bb"),
                    (SSO, "AWSReservedSSO_DevXOps_00000000000000cc"),
                ],
                None,
            ),
        })
    })
    .await;
    let set = |name: &str| Principal::PermissionSet(name.to_owned());
    let names = ["Developers", "Developers_Admin", "Dev.Ops", "Developer"];
    let found = look_up(&server, &names.map(set)).await;
    let both = "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Developers_00000000000000aa \
                role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Developers_00000000000000bb";
    assert_eq!(told(&found, &set("Developers")), both);
    assert!(told(&found, &set("Developers_Admin")).ends_with("_Developers_Admin_0123456789abcdef"));
    assert_eq!(told(&found, &set("Dev.Ops")), "missing");
    assert_eq!(told(&found, &set("Developer")), "missing");
    let asked: Vec<_> = server.asked().into_iter().filter(|ask| ask.operation == "ListRoles").collect();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].text("PathPrefix"), "/aws-reserved/sso.amazonaws.com/");
}

#[tokio::test]
async fn a_listing_that_breaks_off_makes_permission_sets_unknown_not_missing() {
    let server = Server::start(|ask| {
        (ask.operation == "ListRoles").then(|| match ask.text("Marker") {
            "" => roles(&[(SSO, "AWSReservedSSO_Developers_00000000000000aa")], Some("m")),
            _ => Answer::Error(400, "Throttling", "Rate exceeded"),
        })
    })
    .await;
    for name in ["Developers", "Others"] {
        let set = Principal::PermissionSet(name.to_owned());
        let found = look_up(&server, std::slice::from_ref(&set)).await;
        assert!(told(&found, &set).starts_with("unknown: ListRoles"), "{name}");
    }
}

#[tokio::test]
async fn many_roles_take_one_listing_of_all() {
    let server = Server::start(|ask| {
        (ask.operation == "ListRoles").then(|| {
            roles(&[("/", "team-3"), ("/x/", "team-4"), (SSO, "AWSReservedSSO_Developers_00000000000000aa")], None)
        })
    })
    .await;
    let mut wanted: Vec<Principal> = (0..20).map(|n| Principal::RoleName(format!("team-{n}"))).collect();
    wanted.push(Principal::PermissionSet("Developers".to_owned()));
    let found = look_up(&server, &wanted).await;
    assert_eq!(told(&found, &wanted[3]), "role/team-3");
    assert_eq!(told(&found, &wanted[4]), "role/x/team-4");
    assert_eq!(told(&found, &wanted[5]), "missing");
    assert!(told(&found, &wanted[20]).ends_with("aa"));
    assert_eq!((server.count("ListRoles"), server.count("GetRole")), (1, 0));
}
