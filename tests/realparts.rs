//! The real parts themselves: what the other tests take for granted about them.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use kube::api::{Api, PostParams};

use crate::support::{MEMBER_ROLE, Organization, RealCluster, eventually, world};

const REGION: &str = "eu-west-1";

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn an_apiserver_answers_its_admin() {
    let cluster = world().await.fresh_cluster("answers").await;
    let version = cluster.admin().apiserver_version().await.unwrap();
    assert_eq!(version.platform, "linux/amd64".replace("amd64", arch()));
    let admin = who(&cluster, "rolecall-tests-admin").await.unwrap();
    assert_eq!(admin.0, "admin");
    assert!(admin.1.contains(&"system:masters".to_owned()), "{admin:?}");
    assert!(cluster.aws_auth().await.is_none(), "a new cluster has no aws-auth");
    let rule: serde_json::Value = serde_yaml::from_str(&cluster.connect_rule()).unwrap();
    assert_eq!(rule["match"]["clusters"][0], "answers");
    assert_eq!(rule["server"], cluster.server);
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_signed_token_gets_in_by_its_row_and_only_unchanged() {
    let world = world().await;
    let cluster = world.fresh_cluster("tokens").await;
    let session = world.session("arn:aws:iam::111122223333:role/ci/deployer", "ana@example.com").await;
    let token = |cluster: &str| presign(&presigned_url(&session, cluster, REGION));

    assert_eq!(who(&cluster, &token("tokens")).await, None, "no row yet");

    let row =
        "- rolearn: arn:aws:iam::111122223333:role/deployer\n  username: ci:{{SessionName}}\n  groups: [deployers]\n";
    cluster.write_aws_auth([("mapRoles", row)]).await;
    let (username, groups) =
        eventually("caller let in by the row", async || who(&cluster, &token("tokens")).await).await;
    assert_eq!(username, "ci:ana-example.com");
    assert!(groups.contains(&"deployers".to_owned()), "{groups:?}");

    let url = presigned_url(&session, "tokens", REGION);
    let (before, signature) = url.split_once("X-Amz-Signature=").unwrap();
    let other = if signature.starts_with('0') { '1' } else { '0' };
    let changed = format!("{before}X-Amz-Signature={other}{}", &signature[1..]);
    assert_eq!(who(&cluster, &presign(&changed)).await, None, "the signature was changed");
    assert_eq!(who(&cluster, &token("another")).await, None, "the token is for another cluster");
    let elsewhere = url.replace("sts.eu-west-1.", "sts.us-east-1.");
    assert_eq!(who(&cluster, &presign(&elsewhere)).await, None, "the token is signed for another region");
    let log = cluster.authenticator_log();
    assert_eq!(log.matches("SignatureDoesNotMatch").count(), 3, "{log}");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn an_iam_user_gets_in_by_a_row_with_its_path() {
    let world = world().await;
    let cluster = world.fresh_cluster("users").await;
    let organization = Organization::new(world).await;
    let unit = organization.unit(&organization.root, "Security").await;
    let account = organization.account(&unit, "vault").await;
    let (arn, key) = organization.user(&account, "/people/", "breakglass").await;
    assert_eq!(arn, format!("arn:aws:iam::{account}:user/people/breakglass"));

    let row = format!("- userarn: {arn}\n  username: breakglass\n  groups: [system:masters]\n");
    cluster.write_aws_auth([("mapUsers", &row)]).await;
    let token = async || who(&cluster, &presign(&presigned_url(&key, "users", REGION))).await;
    assert_eq!(eventually("user let in by the row", token).await.0, "breakglass");
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn clusters_side_by_side_do_not_share_what_they_hold() {
    let world = world().await;
    let (one, two) = tokio::join!(world.fresh_cluster("one"), world.fresh_cluster("two"));
    one.write_aws_auth([("mapAccounts", "- \"111122223333\"\n")]).await;
    let session = world.session("arn:aws:iam::111122223333:role/reader", "ana").await;
    let into =
        async |cluster: &RealCluster| who(cluster, &presign(&presigned_url(&session, &cluster.name, REGION))).await;
    let (username, _) = eventually("caller let in by the account", async || into(&one).await).await;
    assert_eq!(username, "arn:aws:iam::111122223333:role/reader");
    assert!(two.aws_auth().await.is_none());
    assert_eq!(into(&two).await, None);
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn an_organization_has_units_accounts_and_clusters_of_its_own() {
    let world = world().await;
    let organization = Organization::new(world).await;
    let workloads = organization.unit(&organization.root, "Workloads").await;
    let dev = organization.unit(&workloads, "Dev").await;
    let first = organization.account(&workloads, "payments-prod").await;
    let second = organization.account(&dev, "payments-dev").await;
    let closed = organization.account(&dev, "old").await;
    organization.suspend(&closed).await;

    let organizations = organization.organizations().await;
    let listed = organizations.list_accounts().send().await.unwrap();
    let mut states: Vec<(&str, &str)> =
        listed.accounts().iter().map(|account| (account.id().unwrap(), account.state().unwrap().as_str())).collect();
    states.sort_unstable();
    let mut expected =
        vec![(&*organization.management, "ACTIVE"), (&first, "ACTIVE"), (&second, "ACTIVE"), (&closed, "SUSPENDED")];
    expected.sort_unstable();
    assert_eq!(states, expected);

    let in_dev = organizations.list_accounts_for_parent().parent_id(&dev).send().await.unwrap();
    let mut in_dev: Vec<&str> = in_dev.accounts().iter().filter_map(|account| account.id()).collect();
    in_dev.sort_unstable();
    let mut expected = [&*second, &*closed];
    expected.sort_unstable();
    assert_eq!(in_dev, expected);

    let arn = organization.cluster(&first, REGION, "checkout", &[("team", "a")]).await;
    assert_eq!(arn, format!("arn:aws:eks:{REGION}:{first}:cluster/checkout"));
    let described = organization.eks(&first, REGION).await.describe_cluster().name("checkout").send().await.unwrap();
    assert_eq!(described.cluster().unwrap().tags().unwrap()["team"], "a");
    for (account, region) in [(&*first, "us-east-1"), (&*second, REGION)] {
        let clusters = organization.eks(account, region).await.list_clusters().send().await.unwrap();
        assert!(clusters.clusters().is_empty(), "{account} {region}: {clusters:?}");
    }
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn roles_keep_their_path_and_a_denied_account_lets_nobody_assume() {
    let world = world().await;
    let organization = Organization::new(world).await;
    let unit = organization.unit(&organization.root, "Workloads").await;
    let account = organization.account(&unit, "data").await;
    let path = "/aws-reserved/sso.amazonaws.com/eu-west-1/";
    let role = organization.role(&account, path, "AWSReservedSSO_Developers_0123456789abcdef").await;
    let expected = format!("arn:aws:iam::{account}:role{path}AWSReservedSSO_Developers_0123456789abcdef");
    assert_eq!(role, expected);

    let member = format!("arn:aws:iam::{account}:role/{MEMBER_ROLE}");
    world.sts.deny_account(&account);
    let variables: std::collections::HashMap<_, _> = organization.environment().await.into_iter().collect();
    let hub = Credentials::new(
        &variables["AWS_ACCESS_KEY_ID"],
        &variables["AWS_SECRET_ACCESS_KEY"],
        variables.get("AWS_SESSION_TOKEN").cloned(),
        None,
        "tests",
    );
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .endpoint_url(&variables["AWS_ENDPOINT_URL_STS"])
        .region(aws_config::Region::new(REGION))
        .credentials_provider(hub)
        .load()
        .await;
    let sts = aws_sdk_sts::Client::new(&config);
    let caller = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(caller.account(), Some(&*organization.management), "the hub lives in the management account");
    let assume = sts.assume_role().role_arn(&member).role_session_name("rolecall").external_id("x y&z");
    let error = assume.send().await.unwrap_err().into_service_error();
    assert_eq!(error.meta().code(), Some("AccessDenied"));
    let last = world.sts.calls_into(&account).pop().unwrap();
    assert_eq!((last.role_arn, last.session_name), (member, "rolecall".to_owned()));
    assert_eq!((last.external_id.as_deref(), last.source_identity), (Some("x y&z"), None));
}

/// Who the apiserver takes the bearer of this token for; nobody when it answers 401.
async fn who(cluster: &RealCluster, token: &str) -> Option<(String, Vec<String>)> {
    let reviews: Api<SelfSubjectReview> = Api::all(cluster.client(token));
    match reviews.create(&PostParams::default(), &SelfSubjectReview::default()).await {
        Ok(review) => {
            let user = review.status.unwrap().user_info.unwrap();
            Some((user.username.unwrap(), user.groups.unwrap_or_default()))
        }
        Err(kube::Error::Api(status)) if status.code == 401 => None,
        Err(error) => panic!("neither in nor refused: {error}"),
    }
}

/// The token for a presigned URL.
fn presign(url: &str) -> String {
    format!("k8s-aws-v1.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(url))
}

/// `GetCallerIdentity` presigned for a cluster, by the AWS signer itself.
fn presigned_url(credentials: &Credentials, cluster: &str, region: &str) -> String {
    let url = format!("https://sts.{region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15");
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_mins(1));
    let identity = credentials.clone().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let headers = [("x-k8s-aws-id", cluster)];
    let request = SignableRequest::new("GET", &url, headers.into_iter(), SignableBody::Bytes(&[])).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut request = http::Request::get(&url).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    request.uri().to_string()
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}
