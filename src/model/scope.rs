//! Where a pass goes and how it gets in, as the settings say it.

use std::{num::NonZeroU64, path::PathBuf};

use super::{AccountId, Arn, Region, Secret, Selector};

/// A role to read the organization with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubRole {
    /// The role's ARN.
    pub arn: Arn,
    /// The external id that its trust policy asks for.
    pub external_id: Option<Secret>,
}

/// Where the organization's Identity Center is and as whom it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityCenterScope {
    /// The region of its instance; it answers in no other.
    pub region: Region,
    /// A role to read it with; without it whoever reads the organization does.
    pub role: Option<HubRole>,
}

/// The role that is assumed in every account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRole {
    /// `name` or `path/name`.
    pub path_and_name: String,
    /// The external id that its trust policy asks for.
    pub external_id: Option<Secret>,
    /// The session name that CloudTrail shows.
    pub session_name: String,
    /// The source identity that CloudTrail shows.
    pub source_identity: Option<String>,
}

/// The regions that are asked for clusters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Regions {
    /// Those that each account has enabled.
    Enabled,
    /// Just these.
    Fixed(Vec<Region>),
}

/// Which accounts and regions a pass walks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationScope {
    /// A role to read the organization with; without it rolecall's own credentials do.
    pub hub: Option<HubRole>,
    /// The role assumed in every account.
    pub member: MemberRole,
    /// The regions.
    pub regions: Regions,
    /// Which clusters are walked.
    pub include: Selector,
    /// Which are not.
    pub exclude: Option<Selector>,
    /// Just these accounts, without reading an organization.
    pub accounts: Option<Vec<AccountId>>,
    /// Identity Center, which directory groups are looked up in.
    pub identity_center: Option<IdentityCenterScope>,
}

/// A queue into which EventBridge puts what happens in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventQueue {
    /// Its URL.
    pub url: String,
    /// Its region.
    pub region: Region,
    /// A role to read it with; without it rolecall's own credentials do.
    pub role: Option<HubRole>,
}

/// How to reach some clusters' API servers in another way than EKS tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectRule {
    /// For which clusters.
    pub matches: Selector,
    /// Through this HTTP proxy, whose URL may hold a password.
    pub proxy: Option<Secret>,
    /// At this URL.
    pub server: Option<String>,
    /// With this file of CA certificates instead of the CA that EKS reports.
    pub ca_file: Option<PathBuf>,
    /// The name that the server's certificate must bear.
    pub tls_server_name: Option<String>,
    /// Another timeout, in seconds.
    pub timeout_seconds: Option<NonZeroU64>,
}
