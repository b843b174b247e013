//! One EKS cluster and where it stands.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{Account, AccountId, Place, Region};

/// What names a cluster in the whole organization.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId {
    /// The account that owns it.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name, unique in account and region.
    pub name: String,
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.name)
    }
}

/// How the cluster maps IAM principals: by aws-auth, by access entries or by both.
///
/// See <https://docs.aws.amazon.com/eks/latest/userguide/grant-k8s-access.html#set-cam>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticationMode {
    /// Only the aws-auth ConfigMap; also what a server means that reports no access configuration.
    ConfigMap,
    /// Both; an access entry beats a row of the same principal.
    ApiAndConfigMap,
    /// Only access entries; aws-auth is not read.
    Api,
}

impl AuthenticationMode {
    /// Whether the cluster reads aws-auth at all.
    pub fn reads_aws_auth(self) -> bool {
        self != Self::Api
    }

    /// Whether the cluster reads access entries.
    pub fn reads_entries(self) -> bool {
        self != Self::ConfigMap
    }

    /// The mode's name in the EKS API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigMap => "CONFIG_MAP",
            Self::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            Self::Api => "API",
        }
    }
}

impl fmt::Display for AuthenticationMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AuthenticationMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "CONFIG_MAP" => Ok(Self::ConfigMap),
            "API_AND_CONFIG_MAP" => Ok(Self::ApiAndConfigMap),
            "API" => Ok(Self::Api),
            other => Err(format!("unknown authentication mode {other:?}")),
        }
    }
}

/// The part of a cluster's life that matters to a pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterPhase {
    /// ACTIVE: its API server answers.
    Ready,
    /// UPDATING: its API server answers, and who gets in or how it is reached may be about to change.
    Updating,
    /// CREATING, DELETING, FAILED, PENDING or a status not known to this version: left alone, by its EKS name.
    LeftAlone(String),
}

/// One EKS cluster as DescribeCluster and the organization tell of it.
///
/// See <https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Account, region and name.
    pub id: ClusterId,
    /// The account as the organization describes it.
    pub account: Account,
    /// The cluster's ARN.
    pub arn: String,
    /// Whether it can be worked on.
    pub phase: ClusterPhase,
    /// The URL of its API server; empty while it is being created.
    pub endpoint: String,
    /// The CA bundle in base64 as EKS reports it, possibly of several PEM blocks; empty while it is being created.
    pub certificate_authority: String,
    /// How it maps IAM principals.
    pub authentication_mode: AuthenticationMode,
    /// The cluster's own tags.
    pub tags: BTreeMap<String, String>,
    /// The Kubernetes version, such as `1.33`.
    pub version: Option<String>,
}

impl Cluster {
    /// Where it is, for findings.
    pub fn place(&self) -> Place {
        Place { region: Some(self.id.region.clone()), cluster: Some(self.id.name.clone()), ..self.account.place() }
    }
}
