//! EKS clusters as EKS knows them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;

use crate::{
    lab::kube::ApiServer,
    model::{AuthenticationMode, ClusterId},
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
    /// Updates by id, the newest last.
    pub updates: Vec<Update>,
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
}
