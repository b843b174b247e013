//! rolecall's discovery walks the lab as it would walk AWS: nothing in it knows the difference.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region as SdkRegion};
use aws_credential_types::Credentials;
use jiff::Timestamp;
use rolecall::discover::{self, Need};
use rolecall::lab::Lab;
use rolecall::lab::kube::ApiServer;
use rolecall::lab::world::eks::EksCluster;
use rolecall::lab::world::keys::{Caller, Key};
use rolecall::lab::world::organization::{Account, Organization, Unit};
use rolecall::lab::world::{State, World};
use rolecall::model::{
    AccountId, AuthenticationMode, ClusterId, MemberRole, OrganizationScope, Region, Regions, Selector,
};

const HUB: &str = "111111111111";
const MEMBER: &str = "222222222222";
const GONE: &str = "333333333333";

fn account(id: &str, parent: &str, state: &str) -> (AccountId, Account) {
    let id: AccountId = id.parse().unwrap();
    let made = Account {
        id: id.clone(),
        name: format!("account {id}"),
        email: format!("{id}@example.com"),
        state: state.to_owned(),
        parent: parent.to_owned(),
        joined: Timestamp::UNIX_EPOCH,
        tags: BTreeMap::from([("team".to_owned(), "a".to_owned())]),
        regions: BTreeSet::from(["eu-west-1", "us-east-1"].map(Region::new)),
        iam: rolecall::lab::world::iam::Iam::default(),
    };
    (id, made)
}

fn world() -> Arc<World> {
    let unit = |id: &str, name: &str, parent: &str| {
        (id.to_owned(), Unit { id: id.to_owned(), name: name.to_owned(), parent: parent.to_owned() })
    };
    let units = [unit("ou-ab12-00000001", "prod", "r-ab12"), unit("ou-ab12-00000002", "blue", "ou-ab12-00000001")];
    let caller = Caller {
        arn: format!("arn:aws:iam::{HUB}:user/hub"),
        account: HUB.parse().unwrap(),
        user_id: "AIDAHUB".to_owned(),
        role: None,
        access_key: "AKIAHUB".to_owned(),
    };
    let key = Key { secret: "secret".to_owned(), session_token: None, expires: None, caller };
    let mut state = State {
        organization: Organization {
            id: "o-a1b2c3d4e5".to_owned(),
            management: HUB.parse().unwrap(),
            root: "r-ab12".to_owned(),
            units: BTreeMap::from(units),
        },
        accounts: BTreeMap::from([
            account(HUB, "r-ab12", "ACTIVE"),
            account(MEMBER, "ou-ab12-00000002", "ACTIVE"),
            account(GONE, "r-ab12", "SUSPENDED"),
        ]),
        clusters: BTreeMap::new(),
        center: None,
        queues: BTreeMap::new(),
        keys: BTreeMap::from([("AKIAHUB".to_owned(), key)]),
        serial: 0,
    };
    let trust = serde_json::json!({"Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{HUB}:root")},
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
    }]});
    state.add_role(&MEMBER.parse().unwrap(), "/", "rolecall-member", trust, Timestamp::UNIX_EPOCH).unwrap();
    World::new(state)
}

#[tokio::test]
async fn the_lab_is_walked_from_the_organization_to_its_clusters() {
    let lab = Lab::start(world()).unwrap();
    let id = ClusterId { account: MEMBER.parse().unwrap(), region: Region::new("eu-west-1"), name: "one".to_owned() };
    let api = ApiServer::new(id.clone()).unwrap();
    let endpoint = api.endpoint();
    let creator = format!("arn:aws:iam::{MEMBER}:role/rolecall-member");
    let mode = Some(AuthenticationMode::ApiAndConfigMap);
    lab.add_cluster(EksCluster::new(id.clone(), mode, creator, Timestamp::UNIX_EPOCH, api));
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(lab.url())
        .region(SdkRegion::new("eu-west-1"))
        .credentials_provider(Credentials::new("AKIAHUB", "secret", None, None, "tests"))
        .load()
        .await;
    let scope = OrganizationScope {
        hub: None,
        member: MemberRole {
            path_and_name: "rolecall-member".to_owned(),
            external_id: None,
            session_name: "rolecall".to_owned(),
            source_identity: Some("rolecall".to_owned()),
        },
        regions: Regions::Enabled,
        include: Selector::default(),
        exclude: None,
        accounts: None,
        identity_center: None,
    };
    let hub = discover::hub_with(config, &scope, 4).await.unwrap();
    let need = Need { account_tags: true, ou_paths: true };
    let organization = discover::organization(&hub, &scope, need, &|_| ()).await.unwrap();
    assert!(organization.complete, "{:?}", organization.findings);
    let told: Vec<_> = organization.accounts.iter().map(|a| (a.id.as_str(), a.ou_path.as_deref().unwrap())).collect();
    assert_eq!(told, [(HUB, "/"), (MEMBER, "/prod/blue")]);
    let member = &organization.accounts[1];
    assert_eq!(member.tags.as_ref().unwrap()["team"], "a");
    let session = hub.session(&member.id).await.unwrap();
    let regions = discover::regions(&session, &scope.regions).await.unwrap();
    assert_eq!(regions, ["eu-west-1", "us-east-1"].map(Region::new));
    let eks = discover::Eks::new(&session, member, &regions[0]);
    let (mut clusters, mut findings) = (Vec::new(), Vec::new());
    for name in eks.names().await.unwrap() {
        let (cluster, notice) = eks.describe(&name).await.unwrap().unwrap();
        clusters.push(cluster);
        findings.extend(notice);
    }
    assert_eq!(findings, []);
    assert_eq!((&clusters[0].id, clusters[0].authentication_mode), (&id, AuthenticationMode::ApiAndConfigMap));
    assert_eq!(clusters[0].endpoint, endpoint);
    let tally = lab.world().tally.take();
    assert_eq!(tally[&("eks", "DescribeCluster".to_owned())], 1);
    let (url, address) = (lab.url().to_owned(), endpoint.replace("https://", ""));
    lab.stop();
    for closed in [url.replace("http://", ""), address] {
        assert!(std::net::TcpStream::connect(&closed).is_err(), "{closed} is still open");
    }
}
