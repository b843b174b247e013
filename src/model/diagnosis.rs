//! What rolecall needs before it can work, and where it is missing.

use std::fmt;

use serde::Serialize;

use super::{AuthenticationMode, Partition, Place};

/// One right in a cluster, as RBAC speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesRight {
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource in the plural.
    pub resource: &'static str,
    /// The verb.
    pub verb: &'static str,
    /// The namespace, where it is enough to have it there.
    pub namespace: Option<&'static str>,
    /// The object's name, where it is enough to have it on that one.
    pub name: Option<&'static str>,
    /// Whether it is needed only where changes are written.
    #[serde(skip)]
    pub writes: bool,
    /// Whether it is needed only where the cluster reads aws-auth.
    #[serde(skip)]
    pub aws_auth: bool,
}

impl fmt::Display for KubernetesRight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        self.name.map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const RBAC_KINDS: [&str; 4] = ["clusterroles", "roles", "clusterrolebindings", "rolebindings"];
const SYSTEM: Option<&str> = Some("kube-system");

/// Every right that rolecall may need in a cluster: what `deploy/kubernetes/cluster-access.yaml` grants.
pub fn kubernetes_rights() -> Vec<KubernetesRight> {
    let rbac = |resource, verb, writes| KubernetesRight {
        group: RBAC,
        resource,
        verb,
        namespace: None,
        name: None,
        writes,
        aws_auth: false,
    };
    let map = |verb, name, writes| KubernetesRight {
        group: "",
        resource: "configmaps",
        verb,
        namespace: SYSTEM,
        name,
        writes,
        aws_auth: true,
    };
    let mut rights = vec![
        map("get", Some("aws-auth"), false),
        map("update", Some("aws-auth"), true),
        map("create", None, true),
        // Backups of broken sections have names that are not known beforehand.
        map("get", None, true),
        KubernetesRight { group: "", resource: "namespaces", ..rbac("namespaces", "get", false) },
    ];
    for resource in RBAC_KINDS {
        rights.extend(["get", "list"].map(|verb| rbac(resource, verb, false)));
        rights.extend(["create", "patch", "delete"].map(|verb| rbac(resource, verb, true)));
    }
    for resource in &RBAC_KINDS[..2] {
        rights.extend(["bind", "escalate"].map(|verb| rbac(resource, verb, true)));
    }
    rights
}

/// One thing that rolecall needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Credentials of its own.
    Credentials,
    /// That the hub role may be assumed.
    HubRole,
    /// That the organization's accounts are known.
    Accounts,
    /// That the clusters are there which a person asked for.
    Clusters,
    /// An IAM action of the hub.
    HubAction(&'static str),
    /// That the hub may assume the member role.
    MemberRole,
    /// An IAM action of the member role.
    MemberAction(&'static str),
    /// That the cluster's API server answers.
    Reach,
    /// That the cluster knows the member role.
    SignIn,
    /// A right in the cluster.
    Right(KubernetesRight),
    /// A way in that no mistake in aws-auth closes.
    OwnEntry,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credentials => f.write_str("credentials"),
            Self::HubRole => f.write_str("assuming the hub role"),
            Self::Accounts => f.write_str("the list of accounts"),
            Self::Clusters => f.write_str("the clusters that were asked for"),
            Self::HubAction(action) | Self::MemberAction(action) => f.write_str(action),
            Self::MemberRole => f.write_str("sts:AssumeRole"),
            Self::Reach => f.write_str("reaching the API server"),
            Self::SignIn => f.write_str("signing in"),
            Self::Right(right) => right.fmt(f),
            Self::OwnEntry => f.write_str("an access entry of its own"),
        }
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Fine,
    /// It is there, and something about it is worth telling.
    Advice(Told),
    /// It is missing.
    Missing(Told),
    /// It could not be told whether it is there.
    Untold(Told),
    /// It is not needed here, for this reason.
    NotNeeded(&'static str),
}

impl Verdict {
    /// How much it weighs beside others about the same need: a thing that is missing in one cluster is missing in the
    /// account, whatever the others say.
    fn weight(&self) -> u8 {
        match self {
            Self::NotNeeded(_) => 0,
            Self::Fine => 1,
            Self::Advice(_) => 2,
            Self::Untold(_) => 3,
            Self::Missing(_) => 4,
        }
    }

    /// The graver of two verdicts; the first where they weigh the same.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    /// What is told with it.
    pub fn told(&self) -> Option<&Told> {
        match self {
            Self::Advice(told) | Self::Missing(told) | Self::Untold(told) => Some(told),
            Self::Fine | Self::NotNeeded(_) => None,
        }
    }

    /// Its stable name for machines.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Advice(_) => "advice",
            Self::Missing(_) => "missing",
            Self::Untold(_) => "untold",
            Self::NotNeeded(_) => "not-needed",
        }
    }
}

/// Why a check is not simply fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The kind of reason, by which places with the same trouble are told together.
    pub cause: Cause,
    /// What happened, in a sentence.
    pub what: String,
    /// What to do next.
    pub next: Option<String>,
}

/// The kinds of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Nothing allows it.
    NotAllowed,
    /// Something denies it, so that allowing it does not help: an explicit deny, a service control policy, a boundary.
    Denied,
    /// There are no credentials, or they have ended.
    NoCredentials,
    /// The account belongs to no organization.
    NoOrganization,
    /// Nobody answers.
    Unreachable,
    /// Somebody answers whose certificate does not fit.
    Tls,
    /// The cluster does not know rolecall, and reads aws-auth alone.
    UnknownToAwsAuth,
    /// The cluster does not know rolecall, and reads access entries.
    UnknownToEntries,
    /// The cluster does not know rolecall yet, which gives itself an access entry.
    SelfEntry,
    /// There is an access entry for it, and the cluster does not let it in.
    EntryWithoutEffect,
    /// It gets in by aws-auth, and the cluster reads access entries.
    AwsAuthWhereEntries,
    /// It gets in by aws-auth, and the cluster reads nothing else.
    AwsAuthAlone,
    /// It is not tried since it would change something, and nobody may be asked.
    NotTried,
    /// It depends on conditions that the simulation does not know.
    Conditions,
    /// The time ran out.
    Timeout,
    /// Too many calls.
    Throttled,
    /// What comes before it failed.
    Before,
    /// Anything else.
    Other,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// rolecall's own credentials and the organization.
    Hub,
    /// An account and the member role in it.
    Account,
    /// A cluster.
    Cluster,
}

/// The hub, an account or a cluster with all its checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which of them.
    pub part: Part,
    /// Where.
    pub place: Place,
    /// As whom rolecall comes there: an ARN, with the role's path.
    pub principal: Option<String>,
    /// How the cluster maps IAM principals.
    pub mode: Option<AuthenticationMode>,
    /// Who the cluster takes rolecall for.
    pub user: Option<ClusterUser>,
    /// The checks, each need once.
    pub checks: Vec<(Need, Verdict)>,
}

/// Who a cluster takes a caller for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterUser {
    /// The username.
    pub name: String,
    /// The groups.
    pub groups: Vec<String>,
}

/// Everything that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each tells of one key of the settings, and they do not depend on each other"
)]
pub struct Diagnosis {
    /// The organization's id, where there is one.
    pub organization: Option<String>,
    /// The partition.
    pub partition: Partition,
    /// Whether changes are written (`mode: enforce`).
    pub enforce: bool,
    /// Who the hub is, as trust policies name it.
    pub hub: Option<String>,
    /// The account of the hub role, where the settings name one.
    pub hub_account: Option<String>,
    /// The member role as the settings name it, `name` or `path/name`.
    pub member_role: String,
    /// Whether the settings have an external id for the hub role.
    pub hub_external_id: bool,
    /// Whether the settings have an external id for the member role.
    pub member_external_id: bool,
    /// Whether the settings have a source identity.
    pub source_identity: bool,
    /// The ARN of the queue of events, where the settings name one.
    pub queue: Option<String>,
    /// The hub, the accounts and the clusters, sorted.
    pub checked: Vec<Checked>,
}

impl Diagnosis {
    /// Every check.
    pub fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.checked.iter().flat_map(|checked| checked.checks.iter().map(|(_, verdict)| verdict))
    }

    /// Whether something is missing, or else could not be told.
    pub fn exit_code(&self) -> super::ExitCode {
        let any = |is: fn(&Verdict) -> bool| self.verdicts().any(is);
        if any(|verdict| matches!(verdict, Verdict::Missing(_))) {
            super::ExitCode::Drift
        } else if any(|verdict| matches!(verdict, Verdict::Untold(_))) {
            super::ExitCode::Incomplete
        } else {
            super::ExitCode::InSync
        }
    }
}
