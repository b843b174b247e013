//! One account of ministack with a cluster in it, a real API server behind that, and the rolecall that looks after it.

use std::collections::BTreeMap;

use aws_sdk_eks::{
    operation::describe_access_entry::DescribeAccessEntryError,
    types::{AccessScope, AccessScopeType, AuthenticationMode, CreateAccessConfigRequest, VpcConfigRequest},
};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Api, ListParams};
use rolecall::model::ENTRY_TAG;
use serde_json::Value;

use crate::support::{
    MEMBER_ROLE, RealCluster,
    fleet::{REGION, Ran, rolecall},
    ministack::Ministack,
    scene::versions,
    world,
};

pub const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
pub const EDIT: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy";

pub struct Scene {
    pub account: String,
    cluster: RealCluster,
    eks: aws_sdk_eks::Client,
    iam: aws_sdk_iam::Client,
    environment: Vec<(&'static str, String)>,
    folder: std::path::PathBuf,
}

/// An entry as ministack tells it, with the namespaces of its policies; none for the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub username: String,
    pub groups: Vec<String>,
    pub tags: BTreeMap<String, String>,
    pub policies: BTreeMap<String, Vec<String>>,
    modified: i64,
}

impl Entry {
    pub fn is_ours(&self) -> bool {
        self.tags.get(ENTRY_TAG.0).is_some_and(|value| value == ENTRY_TAG.1)
    }
}

impl Scene {
    /// A cluster in mode `API_AND_CONFIG_MAP` that rolecall's member role made, in an account of this number.
    pub async fn new(name: &str, number: u32) -> Self {
        let world = world().await;
        let ministack = world.ministack().await;
        let account = format!("9996{number:08}");
        let member = format!("arn:aws:iam::{account}:role/{MEMBER_ROLE}");
        let (eks, iam) = ministack.clients(world, &member, REGION).await;
        let access = CreateAccessConfigRequest::builder().authentication_mode(AuthenticationMode::ApiAndConfigMap);
        let create = eks.create_cluster().name(name).role_arn(format!("arn:aws:iam::{account}:role/eks"));
        let create = create.resources_vpc_config(VpcConfigRequest::builder().build()).access_config(access.build());
        create.send().await.unwrap();
        let folder = world.new_folder(name);
        let environment = environment(ministack, &account).await;
        let cluster = world.fresh_cluster_of(name, &member).await;
        let scene = Self { account, cluster, eks, iam, environment, folder };
        scene.roles(&[("/", MEMBER_ROLE)]).await;
        scene.settings("");
        scene
    }

    /// Writes settings with further top-level keys.
    pub fn settings(&self, more: &str) {
        let text = format!(
            "apiVersion: rolecall.dev/v1\nkind: Settings\norganization:\n  memberRole: {MEMBER_ROLE}\n  regions: [{REGION}]\n  \
             accounts: [\"{}\"]\nclusters:\n  timeout: 20s\n  connect:\n    - {}\npolicy: [policy.yaml]\nmode: enforce\n{more}",
            self.account,
            self.cluster.connect_rule()
        );
        std::fs::write(self.folder.join("rolecall.yaml"), text).unwrap();
    }

    pub fn policy(&self, text: &str) {
        std::fs::write(self.folder.join("policy.yaml"), text).unwrap();
    }

    /// Runs rolecall to its end. What it said is shown with a test that fails.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = rolecall(&self.folder);
        command.args(arguments).envs(self.environment.iter().map(|(key, value)| (key, value)));
        let ran: Ran = tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
        println!("$ rolecall {}\n{}{}exit {:?}", arguments.join(" "), ran.stderr, ran.stdout, ran.code);
        ran
    }

    /// Runs rolecall with its report as JSON.
    pub async fn json(&self, arguments: &[&str], code: i32) -> Value {
        self.run(&[&["--output", "json"], arguments].concat()).await.expect(code).json()
    }

    /// A pass over what is as it shall be: it writes nothing, neither in the cluster nor to its entries.
    pub async fn sync_writes_nothing(&self) {
        let before = (versions(&self.cluster).await, self.entries().await);
        let report = self.json(&["sync"], 0).await;
        assert_eq!(report["written"], 0, "{report:#}");
        assert!((versions(&self.cluster).await, self.entries().await) == before);
    }

    /// The ARN of a role, path included.
    pub fn arn(&self, path_and_name: &str) -> String {
        format!("arn:aws:iam::{}:role/{path_and_name}", self.account)
    }

    /// The ARNs of these roles, sorted.
    pub fn arns(&self, roles: &[&str]) -> Vec<String> {
        let mut arns: Vec<String> = roles.iter().map(|role| self.arn(role)).collect();
        arns.sort();
        arns
    }

    /// Makes roles of these paths and names.
    pub async fn roles(&self, roles: &[(&str, &str)]) {
        for (path, name) in roles {
            let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
            let create = self.iam.create_role().path(*path).role_name(*name).assume_role_policy_document(trust);
            create.send().await.unwrap();
        }
    }

    /// The principals that ministack lists, sorted.
    pub async fn listed(&self) -> Vec<String> {
        let listed = self.eks.list_access_entries().cluster_name(&self.cluster.name).max_results(100);
        let mut listed = listed.send().await.unwrap().access_entries.unwrap_or_default();
        listed.sort();
        listed
    }

    pub async fn entries(&self) -> BTreeMap<String, Entry> {
        let mut entries = BTreeMap::new();
        for principal in self.listed().await {
            let entry = self.entry_of(&principal).await.unwrap();
            entries.insert(principal, entry);
        }
        entries
    }

    /// A role's entry.
    pub async fn entry(&self, path_and_name: &str) -> Option<Entry> {
        self.entry_of(&self.arn(path_and_name)).await
    }

    async fn entry_of(&self, principal: &str) -> Option<Entry> {
        let name = &self.cluster.name;
        let described = self.eks.describe_access_entry().cluster_name(name).principal_arn(principal).send().await;
        let told = match described {
            Ok(described) => described.access_entry.unwrap(),
            Err(error)
                if error.as_service_error().is_some_and(DescribeAccessEntryError::is_resource_not_found_exception) =>
            {
                return None;
            }
            Err(error) => panic!("{error:?}"),
        };
        let associated = self.eks.list_associated_access_policies().cluster_name(name).principal_arn(principal);
        let associated = associated.send().await.unwrap().associated_access_policies.unwrap();
        let policies = associated.into_iter().map(|association| {
            let mut namespaces = association.access_scope.unwrap().namespaces.unwrap_or_default();
            namespaces.sort();
            (association.policy_arn.unwrap(), namespaces)
        });
        Some(Entry {
            username: told.username.unwrap_or_default(),
            groups: told.kubernetes_groups.unwrap_or_default(),
            tags: told.tags.unwrap_or_default().into_iter().collect(),
            policies: policies.collect(),
            modified: told.modified_at.unwrap().secs(),
        })
    }

    /// Somebody else makes an entry in one group.
    pub async fn make_entry(&self, role: &str, group: &str) {
        let make = self.eks.create_access_entry().cluster_name(&self.cluster.name).principal_arn(self.arn(role));
        make.kubernetes_groups(group).username(role).send().await.unwrap();
    }

    pub async fn update_entry(&self, role: &str, username: &str, groups: &[&str]) {
        let update = self.eks.update_access_entry().cluster_name(&self.cluster.name).principal_arn(self.arn(role));
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        update.username(username).set_kubernetes_groups(Some(groups)).send().await.unwrap();
    }

    pub async fn delete_entry(&self, role: &str) {
        let delete = self.eks.delete_access_entry().cluster_name(&self.cluster.name).principal_arn(self.arn(role));
        delete.send().await.unwrap();
    }

    /// Associates a policy, in these namespaces or, with none, in the whole cluster.
    pub async fn associate(&self, role: &str, policy: &str, namespaces: &[&str]) {
        let kind = if namespaces.is_empty() { AccessScopeType::Cluster } else { AccessScopeType::Namespace };
        let namespaces = namespaces.iter().map(|namespace| (*namespace).to_owned()).collect();
        let scope = AccessScope::builder().r#type(kind).set_namespaces(Some(namespaces)).build();
        let associate =
            self.eks.associate_access_policy().cluster_name(&self.cluster.name).principal_arn(self.arn(role));
        associate.policy_arn(policy).access_scope(scope).send().await.unwrap();
    }

    /// The cluster roles that a group is bound to, as the real API server has them.
    pub async fn bound_to(&self, group: &str) -> Vec<String> {
        let bindings: Api<ClusterRoleBinding> = Api::all(self.cluster.admin());
        let bindings = bindings.list(&ListParams::default()).await.unwrap().items.into_iter();
        let of_group = bindings.filter(|binding| {
            let mut subjects = binding.subjects.iter().flatten();
            subjects.any(|subject| subject.kind == "Group" && subject.name == group)
        });
        of_group.map(|binding| binding.role_ref.name).collect()
    }
}

/// The variables that make a process run as the hub, and reach nothing but ministack and the STS before it.
async fn environment(ministack: &Ministack, account: &str) -> Vec<(&'static str, String)> {
    let hub = ministack.session(world().await, &format!("arn:aws:iam::{account}:role/rolecall-hub"), "hub").await;
    vec![
        ("AWS_ACCESS_KEY_ID", hub.access_key_id().to_owned()),
        ("AWS_SECRET_ACCESS_KEY", hub.secret_access_key().to_owned()),
        ("AWS_SESSION_TOKEN", hub.session_token().unwrap().to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", ministack.url.clone()),
        ("AWS_ENDPOINT_URL_STS", ministack.sts_url.clone()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
    ]
}
