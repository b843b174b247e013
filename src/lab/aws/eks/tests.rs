//! EKS by the SDK's own client, over the wire.

use aws_sdk_eks::{
    Client,
    error::ProvideErrorMetadata,
    types::{AccessScope, AccessScopeType, AuthenticationMode as Mode, UpdateAccessConfigRequest},
};
use serde_json::json;

use crate::{
    lab::{
        Lab,
        aws::samples::{self, MANAGEMENT, MEMBER, REGION, refused},
    },
    model::AuthenticationMode,
};

const ADMIN_VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy";

fn started() -> (Lab, Client) {
    let lab = Lab::start(samples::world()).unwrap();
    let client = Client::new(&samples::sdk(lab.url(), REGION));
    (lab, client)
}

fn admin() -> String {
    format!("arn:aws:iam::{MEMBER}:role/Admin")
}

fn deploy() -> String {
    format!("arn:aws:iam::{MEMBER}:user/ops/deploy")
}

#[tokio::test]
async fn clusters_are_listed_in_pages_whose_tokens_fit_no_other_call() {
    let (lab, eks) = started();
    for name in ["a", "b", "c"] {
        samples::cluster(lab.world(), name, None);
    }
    let first = eks.list_clusters().max_results(2).send().await.unwrap();
    assert_eq!(first.clusters(), ["a", "b"]);
    let token = first.next_token().unwrap();
    let second = eks.list_clusters().max_results(2).next_token(token).send().await.unwrap();
    assert_eq!((second.clusters(), second.next_token()), (&["c".to_owned()][..], None));
    let (code, _) = refused!(eks.list_access_policies().next_token(token));
    assert_eq!(code, "InvalidParameterException");
    let (code, _) = refused!(eks.list_clusters().max_results(101));
    assert_eq!(code, "InvalidParameterException");
    let elsewhere = Client::new(&samples::sdk(lab.url(), "us-east-1"));
    assert!(elsewhere.list_clusters().send().await.unwrap().clusters().is_empty());
}

#[tokio::test]
async fn a_cluster_tells_its_endpoint_its_ca_and_its_mode_if_it_has_one() {
    let (lab, eks) = started();
    let id = samples::cluster(lab.world(), "old", None);
    samples::cluster(lab.world(), "new", Some(AuthenticationMode::Api));
    let old = eks.describe_cluster().name("old").send().await.unwrap().cluster.unwrap();
    let api = std::sync::Arc::clone(&lab.world().read().clusters[&id].api);
    assert_eq!(old.endpoint(), Some(api.endpoint().as_str()));
    let ca = old.certificate_authority().unwrap().data().unwrap();
    let ca = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, ca).unwrap();
    assert_eq!(String::from_utf8(ca).unwrap(), api.ca_pem());
    assert!(old.access_config().is_none());
    assert_eq!(old.arn(), Some(format!("arn:aws:eks:{REGION}:{MEMBER}:cluster/old").as_str()));
    let new = eks.describe_cluster().name("new").send().await.unwrap().cluster.unwrap();
    assert_eq!(new.access_config().unwrap().authentication_mode(), Some(&Mode::Api));
    let (code, message) = refused!(eks.describe_cluster().name("none"));
    assert_eq!((code.as_str(), message.as_str()), ("ResourceNotFoundException", "No cluster found for name: none."));
}

#[tokio::test]
async fn entries_live_from_creation_to_deletion() {
    let (lab, eks) = started();
    samples::cluster(lab.world(), "c", Some(AuthenticationMode::ApiAndConfigMap));
    let made = eks.create_access_entry().cluster_name("c").principal_arn(deploy()).kubernetes_groups("viewers");
    let made = made.tags("team", "a").send().await.unwrap().access_entry.unwrap();
    assert_eq!((made.username(), made.r#type()), (Some(deploy().as_str()), Some("STANDARD")));
    assert!(made.access_entry_arn().unwrap().contains(&format!(":access-entry/c/user/{MEMBER}/deploy/")));
    let again = refused!(eks.create_access_entry().cluster_name("c").principal_arn(deploy()));
    assert_eq!(again.0, "ResourceInUseException");

    let role = eks.create_access_entry().cluster_name("c").principal_arn(admin()).username("a:{{SessionName}}");
    role.client_request_token("t").send().await.unwrap();
    let same = eks.create_access_entry().cluster_name("c").principal_arn(admin()).client_request_token("t");
    assert_eq!(same.send().await.unwrap().access_entry.unwrap().username(), Some("a:{{SessionName}}"));
    let update = eks.update_access_entry().cluster_name("c").principal_arn(admin()).kubernetes_groups("g");
    let updated = update.send().await.unwrap().access_entry.unwrap();
    assert_eq!(
        updated.username(),
        Some(format!("arn:aws:sts::{MEMBER}:assumed-role/Admin/{{{{SessionName}}}}").as_str())
    );
    assert_eq!(updated.kubernetes_groups(), ["g"]);

    let scope = AccessScope::builder().r#type(AccessScopeType::Namespace).namespaces("dev-*").build();
    let associate = eks.associate_access_policy().cluster_name("c").principal_arn(admin()).policy_arn(ADMIN_VIEW);
    associate.access_scope(scope).send().await.unwrap();
    let with = eks.list_access_entries().cluster_name("c").associated_policy_arn(ADMIN_VIEW).send().await.unwrap();
    assert_eq!(with.access_entries(), [admin()]);
    let held = eks.list_associated_access_policies().cluster_name("c").principal_arn(admin()).send().await.unwrap();
    let scope = held.associated_access_policies()[0].access_scope().unwrap();
    assert_eq!((scope.r#type(), scope.namespaces()), (Some(&AccessScopeType::Namespace), &["dev-*".to_owned()][..]));
    let take = eks.disassociate_access_policy().cluster_name("c").principal_arn(admin()).policy_arn(ADMIN_VIEW);
    take.clone().send().await.unwrap();
    assert_eq!(refused!(take).0, "ResourceNotFoundException");

    eks.delete_access_entry().cluster_name("c").principal_arn(admin()).send().await.unwrap();
    let left = eks.list_access_entries().cluster_name("c").send().await.unwrap();
    assert_eq!(left.access_entries(), [deploy()]);
    let gone = refused!(eks.describe_access_entry().cluster_name("c").principal_arn(admin()));
    assert_eq!(gone.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn what_eks_documents_as_wrong_is_refused() {
    let (lab, eks) = started();
    samples::cluster(lab.world(), "c", Some(AuthenticationMode::Api));
    samples::cluster(lab.world(), "old", None);
    let closed = refused!(eks.create_access_entry().cluster_name("old").principal_arn(admin()));
    let needed =
        "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
    assert_eq!(closed, ("InvalidRequestException".to_owned(), needed.to_owned()));
    let create = |principal: &str| eks.create_access_entry().cluster_name("c").principal_arn(principal);
    let nobody = "The specified principalArn is invalid: invalid principal.";
    let session = format!("arn:aws:sts::{MEMBER}:assumed-role/Admin/x");
    let pathless = deploy().replace("/ops", "");
    for principal in ["x", &session, &pathless, "arn:aws:iam::999999999999:role/Admin"] {
        assert_eq!(refused!(create(principal)).1, nobody, "{principal}");
    }
    for (call, why) in [
        (create(&admin()).username("system:x"), "The username must not begin with system:"),
        (create(&admin()).username("x{{SessionName}}"), "The username must contain a colon before {{SessionName}}"),
        (
            create(&admin()).kubernetes_groups("system:masters"),
            "The kubernetes group name system:masters is invalid, it cannot start with system:",
        ),
        (
            create(&format!("arn:aws:iam::{MEMBER}:role/aws-service-role/x.amazonaws.com/X")),
            "The caller is not allowed to modify access entries with a principalArn value of a Service Linked Role",
        ),
        (create(&admin()).r#type("ROBOT"), "The specified type ROBOT is invalid, it must be one of"),
    ] {
        let (code, message) = refused!(call);
        assert!(code == "InvalidParameterException" && message.starts_with(why), "{code}: {message}");
    }
    let foreign = format!("arn:aws:iam::{MANAGEMENT}:role/Admin");
    assert_eq!(refused!(create(&foreign).r#type("EC2_LINUX")).0, "InvalidParameterException");
    create(&foreign).send().await.unwrap();
    let nodes = create(&admin()).r#type("EC2_LINUX").send().await.unwrap().access_entry.unwrap();
    assert_eq!(nodes.username(), Some("system:node:{{EC2PrivateDNSName}}"));
    let update = refused!(eks.update_access_entry().cluster_name("c").principal_arn(admin()).username("x"));
    assert_eq!(update.1, "This operation can only be performed on Access Entries with a type of \"STANDARD\".");
    let cluster = AccessScope::builder().r#type(AccessScopeType::Cluster).build();
    let associate = eks.associate_access_policy().cluster_name("c").principal_arn(&foreign).access_scope(cluster);
    let unknown = associate.clone().policy_arn("arn:aws:eks::aws:cluster-access-policy/Nothing");
    assert_eq!(refused!(unknown).0, "ResourceNotFoundException");
    assert_eq!(refused!(associate.policy_arn("arn:aws:iam::aws:policy/X")).0, "InvalidParameterException");
}

#[tokio::test]
async fn a_cluster_takes_3000_entries() {
    let (lab, eks) = started();
    let id = samples::cluster(lab.world(), "c", Some(AuthenticationMode::Api));
    let one = eks.create_access_entry().cluster_name("c").principal_arn(deploy()).send().await;
    one.unwrap();
    {
        let mut state = lab.world().write();
        let entries = &mut state.clusters.get_mut(&id).unwrap().entries;
        let sample = entries[&deploy()].clone();
        for count in 1..3000 {
            entries.insert(count.to_string(), sample.clone());
        }
    }
    let (code, _) = refused!(eks.create_access_entry().cluster_name("c").principal_arn(admin()));
    assert_eq!(code, "ResourceLimitExceededException");
}

#[tokio::test]
async fn the_mode_goes_one_step_forward_at_a_time_and_the_creator_comes_in() {
    let (lab, eks) = started();
    samples::cluster(lab.world(), "c", None);
    let to = |mode: Mode| {
        let config = UpdateAccessConfigRequest::builder().authentication_mode(mode).build();
        eks.update_cluster_config().name("c").access_config(config)
    };
    let (code, message) = refused!(to(Mode::Api));
    let words = "Unsupported authentication mode update from CONFIG_MAP to API";
    assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterException", words));
    let update = to(Mode::ApiAndConfigMap).send().await.unwrap().update.unwrap();
    assert_eq!(update.status().unwrap().as_str(), "InProgress");
    let busy = refused!(to(Mode::ApiAndConfigMap));
    assert_eq!(busy.0, "ResourceInUseException");
    let status = async || {
        let update = eks.describe_update().name("c").update_id(update.id().unwrap()).send().await.unwrap();
        update.update.unwrap().status().unwrap().as_str().to_owned()
    };
    let cluster = async || eks.describe_cluster().name("c").send().await.unwrap().cluster.unwrap();
    assert_eq!(cluster().await.status().unwrap().as_str(), "UPDATING");
    assert_eq!(status().await, "Successful");
    let now = cluster().await;
    assert_eq!(now.status().unwrap().as_str(), "ACTIVE");
    assert_eq!(now.access_config().unwrap().authentication_mode(), Some(&Mode::ApiAndConfigMap));
    let entries = eks.list_access_entries().cluster_name("c").send().await.unwrap();
    assert_eq!(entries.access_entries(), [admin()]);
    assert_eq!(refused!(to(Mode::ConfigMap)).0, "InvalidParameterException");
    let updates = eks.list_updates().name("c").send().await.unwrap();
    assert_eq!(updates.update_ids(), [update.id().unwrap()]);
}

#[tokio::test]
async fn a_cluster_comes_up_after_a_few_looks_and_goes_with_its_api_server() {
    let (_lab, eks) = started();
    let network = aws_sdk_eks::types::VpcConfigRequest::builder().subnet_ids("subnet-1").subnet_ids("subnet-2").build();
    let config =
        aws_sdk_eks::types::CreateAccessConfigRequest::builder().authentication_mode(Mode::ApiAndConfigMap).build();
    let create = eks.create_cluster().name("c").resources_vpc_config(network).access_config(config);
    assert_eq!(refused!(create.clone().role_arn("arn:aws:iam::222222222222:role/None")).0, "InvalidParameterException");
    let create = create.role_arn(admin());
    let made = create.clone().client_request_token("one").send().await.unwrap().cluster.unwrap();
    assert_eq!((made.status().unwrap().as_str(), made.endpoint()), ("CREATING", None));
    assert_eq!(refused!(create.client_request_token("two")).0, "ResourceInUseException");
    let look = async || eks.describe_cluster().name("c").send().await.map(|answer| answer.cluster.unwrap());
    assert_eq!(look().await.unwrap().status().unwrap().as_str(), "CREATING");
    let ready = look().await.unwrap();
    assert_eq!(ready.status().unwrap().as_str(), "ACTIVE");
    let address = ready.endpoint().unwrap().trim_start_matches("https://").to_owned();
    tokio::net::TcpStream::connect(&address).await.unwrap();
    let entries = eks.list_access_entries().cluster_name("c").send().await.unwrap();
    assert_eq!(entries.access_entries(), [admin()]);

    eks.delete_cluster().name("c").send().await.unwrap();
    assert_eq!(look().await.unwrap().status().unwrap().as_str(), "DELETING");
    assert!(look().await.is_err());
    let refused = async {
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), refused).await.unwrap();
}

#[tokio::test]
async fn clusters_and_entries_have_tags() {
    let (lab, eks) = started();
    samples::cluster(lab.world(), "c", Some(AuthenticationMode::Api));
    let entry = eks.create_access_entry().cluster_name("c").principal_arn(admin()).send().await.unwrap();
    let entry = entry.access_entry.unwrap().access_entry_arn.unwrap();
    for arn in [entry.as_str(), &format!("arn:aws:eks:{REGION}:{MEMBER}:cluster/c")] {
        eks.tag_resource().resource_arn(arn).tags("a", "1").tags("b", "2").send().await.unwrap();
        eks.untag_resource().resource_arn(arn).tag_keys("a").send().await.unwrap();
        let tags = eks.list_tags_for_resource().resource_arn(arn).send().await.unwrap().tags.unwrap();
        assert_eq!(json!(tags), json!({"b": "2"}), "{arn}");
    }
    let missing = refused!(eks.list_tags_for_resource().resource_arn(format!("{entry}x")));
    assert_eq!(missing.0, "NotFoundException");
    let wrong = refused!(eks.tag_resource().resource_arn("x").tags("a", "1"));
    assert_eq!(wrong.0, "BadRequestException");
}
