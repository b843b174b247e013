//! EKS clusters as EKS knows them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    lab::kube::ApiServer,
    model::{Arn, AuthenticationMode, ClusterId, Partition},
};

/// One cluster.
#[derive(Clone, Debug)]
pub struct EksCluster {
    /// Account, region and name.
    pub id: ClusterId,
    /// `arn:aws:eks:…:cluster/…`.
    pub arn: String,
    /// CREATING, ACTIVE, DELETING, FAILED, UPDATING or PENDING.
    pub status: String,
    /// The authentication mode; `None` leaves accessConfig out of the answers, as old servers do.
    pub mode: Option<AuthenticationMode>,
    /// The Kubernetes version, such as `1.36`.
    pub version: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// The full ARN of the principal that made it, who is its administrator.
    pub creator: String,
    /// Access entries by principal ARN.
    pub entries: BTreeMap<String, AccessEntry>,
    /// Updates, the newest last.
    pub updates: Vec<Update>,
    /// How many more times it is looked at before CREATING or DELETING is over; `None`: it stays as it is.
    pub looks_left: Option<u32>,
    /// What CreateCluster was told beside (roleArn, resourcesVpcConfig, …), as DescribeCluster tells it again.
    pub request: Map<String, Value>,
    /// Its API server.
    pub api: Arc<ApiServer>,
}

/// An access entry.
///
/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_AccessEntry.html>.
#[derive(Clone, Debug)]
pub struct AccessEntry {
    /// The full ARN, path included.
    pub principal: String,
    /// The principal's unique id when the entry was made: one that is made anew under the same ARN does not get in.
    pub principal_id: String,
    /// Kubernetes groups.
    pub groups: Vec<String>,
    /// The username, maybe with `{{SessionName}}`.
    pub username: String,
    /// STANDARD, EC2_LINUX, ….
    pub kind: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Access policies by their ARN.
    pub policies: BTreeMap<String, Association>,
    /// The client's token of the call that made it: the same call again is answered as if it were the first.
    pub token: Option<String>,
}

/// An access policy's association with an entry.
#[derive(Clone, Debug)]
pub struct Association {
    /// The namespaces it is for; empty for the whole cluster.
    pub namespaces: Vec<String>,
    /// When it was made.
    pub associated: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// An asynchronous change of a cluster.
#[derive(Clone, Debug)]
pub struct Update {
    /// A UUID.
    pub id: String,
    /// `AccessConfigUpdate`.
    pub kind: String,
    /// What it changes, as DescribeUpdate tells it.
    pub params: Vec<(String, String)>,
    /// When it was asked for.
    pub created: Timestamp,
    /// How many more times it is looked at before it is done.
    pub looks_left: u32,
    /// The mode that it leads to.
    pub mode: Option<AuthenticationMode>,
    /// The client's token of the call that asked for it.
    pub token: Option<String>,
}

impl EksCluster {
    /// An active cluster without tags and entries, as it stands some time after its creator made it.
    pub fn new(
        id: ClusterId,
        mode: Option<AuthenticationMode>,
        creator: String,
        created: Timestamp,
        api: Arc<ApiServer>,
    ) -> Self {
        let partition = Partition::of_region(&id.region);
        Self {
            arn: format!("arn:{partition}:eks:{}:{}:cluster/{}", id.region, id.account, id.name),
            id,
            status: "ACTIVE".to_owned(),
            mode,
            version: "1.36".to_owned(),
            tags: BTreeMap::new(),
            created,
            creator,
            entries: BTreeMap::new(),
            updates: Vec::new(),
            looks_left: None,
            request: Map::new(),
            api,
        }
    }

    /// The mode; clusters that report none read aws-auth alone.
    pub fn authentication_mode(&self) -> AuthenticationMode {
        self.mode.unwrap_or(AuthenticationMode::ConfigMap)
    }
}

impl AccessEntry {
    /// A STANDARD entry with the username that EKS chooses, without groups, tags and policies.
    pub fn new(principal: &Arn, principal_id: impl Into<String>, created: Timestamp) -> Self {
        Self {
            principal: principal.to_string(),
            principal_id: principal_id.into(),
            groups: Vec::new(),
            username: default_username(principal, "STANDARD"),
            kind: "STANDARD".to_owned(),
            tags: BTreeMap::new(),
            created,
            modified: created,
            policies: BTreeMap::new(),
            token: None,
        }
    }
}

/// The username that EKS chooses where none is given.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.
pub fn default_username(principal: &Arn, kind: &str) -> String {
    match (kind, principal.role_name()) {
        ("EC2_LINUX" | "EC2_WINDOWS" | "EC2", _) => "system:node:{{EC2PrivateDNSName}}".to_owned(),
        ("FARGATE_LINUX" | "HYBRID_LINUX" | "HYPERPOD_LINUX", _) => "system:node:{{SessionName}}".to_owned(),
        (_, Some(role)) => {
            let Arn { partition, account, .. } = principal;
            format!("arn:{partition}:sts::{account}:assumed-role/{role}/{{{{SessionName}}}}")
        }
        (_, None) => principal.to_string(),
    }
}
