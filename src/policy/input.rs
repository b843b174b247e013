//! A policy file as it is written; its doc comments are what an editor shows.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    model::Rule,
    source::{ApiVersion, selector::SelectorInput},
};

/// Who gets into which Kubernetes groups of which EKS clusters, and which roles those groups hold. Several files merge
/// into one policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "rolecall policy")]
pub(super) struct PolicyInput {
    /// The version of this language: `rolecall.dev/v1`.
    #[schemars(required)]
    #[serde(rename = "apiVersion")]
    pub(super) _api_version: Option<ApiVersion>,
    /// What this file is: `AccessPolicy`.
    #[schemars(required)]
    #[serde(rename = "kind")]
    pub(super) _kind: Option<KindInput>,
    /// Kubernetes roles that the policy owns: with `namespace` a Role, without it a ClusterRole.
    #[serde(default)]
    pub(super) roles: Vec<RoleInput>,
    /// Kubernetes groups and the roles they hold: the bindings.
    #[serde(default)]
    pub(super) groups: Vec<SubjectInput>,
    /// Kubernetes users and the roles they hold.
    #[serde(default)]
    pub(super) users: Vec<SubjectInput>,
    /// Who gets in, into which groups, where, and until when.
    #[serde(default)]
    pub(super) access: Vec<AccessInput>,
    /// IAM roles that nodes run as. Their aws-auth rows are added where they are missing, never changed or removed.
    #[serde(default)]
    pub(super) nodes: Vec<NodeInput>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum KindInput {
    AccessPolicy,
}

/// A ClusterRole, or with `namespace` a Role, that the policy owns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RoleInput {
    /// Its name.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// The namespace of a Role; without one it is a ClusterRole.
    pub(super) namespace: Option<String>,
    /// What it allows.
    #[schemars(required)]
    pub(super) rules: Option<Vec<RuleInput>>,
    /// On which clusters; without it on every one.
    #[serde(rename = "where", default)]
    pub(super) selector: SelectorInput,
}

/// One rule of a role, as Kubernetes writes it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct RuleInput {
    /// API groups; `""` is the core group.
    api_groups: Vec<String>,
    /// Resources, such as `pods` or `pods/log`.
    resources: Vec<String>,
    /// What may be done: get, list, watch, create, update, patch, delete and so on.
    verbs: Vec<String>,
    /// Names of the objects that the rule is limited to.
    resource_names: Vec<String>,
    /// URL paths that are not resources, such as `/metrics`; not possible in a Role.
    #[serde(rename = "nonResourceURLs")]
    non_resource_urls: Vec<String>,
}

impl From<RuleInput> for Rule {
    fn from(input: RuleInput) -> Self {
        Self {
            api_groups: input.api_groups,
            resources: input.resources,
            verbs: input.verbs,
            resource_names: input.resource_names,
            non_resource_urls: input.non_resource_urls,
        }
    }
}

/// A group or user and the roles it holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SubjectInput {
    /// The name of the group or user.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// ClusterRoles that it holds in the whole cluster.
    #[serde(default)]
    pub(super) cluster_roles: Vec<String>,
    /// Roles that it holds in single namespaces.
    #[serde(default)]
    pub(super) namespaces: Vec<NamespaceInput>,
    /// On which clusters; without it on every one.
    #[serde(rename = "where", default)]
    pub(super) selector: SelectorInput,
}

/// The roles that a group or user holds in one namespace.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NamespaceInput {
    /// The namespace.
    #[schemars(required)]
    pub(super) name: Option<String>,
    /// ClusterRoles that it holds in the namespace.
    #[serde(default)]
    pub(super) cluster_roles: Vec<String>,
    /// Roles of the namespace that it holds.
    #[serde(default)]
    pub(super) roles: Vec<String>,
}

/// Who gets in, into which groups, where, and until when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessInput {
    /// Who gets in.
    #[schemars(required)]
    pub(super) who: Option<WhoInput>,
    /// The Kubernetes groups that they are in.
    #[serde(default)]
    pub(super) groups: Vec<String>,
    /// The access policies of EKS that they hold, on clusters where they get in by access entries.
    #[serde(default)]
    pub(super) access_policies: Vec<AccessPolicyInput>,
    /// The Kubernetes username, in quotes where it holds a template such as `{{SessionName}}`. Without one a role's
    /// sessions are named by their ARN, and a user by its ARN.
    pub(super) username: Option<String>,
    /// On which clusters; without it on every one.
    #[serde(rename = "where", default)]
    pub(super) selector: SelectorInput,
    /// The last day of the grant, YYYY-MM-DD; without it the grant does not end.
    #[schemars(extend("examples" = ["2027-03-31"]))]
    pub(super) until: Option<String>,
}

/// An access policy of EKS: its name or ARN for the whole cluster, or with the namespaces in which it holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(super) enum AccessPolicyInput {
    Name(String),
    Scoped(ScopedPolicyInput),
}

/// An access policy of EKS and where it holds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ScopedPolicyInput {
    /// Its name or ARN, such as `AmazonEKSViewPolicy`.
    #[schemars(required, extend("examples" = ["AmazonEKSViewPolicy"]))]
    pub(super) policy: Option<String>,
    /// The namespaces in which it holds, `*` standing for any text; without them it holds in the whole cluster.
    #[schemars(length(min = 1))]
    pub(super) namespaces: Option<Vec<String>>,
}

/// Who gets in: named in exactly one of these ways.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, rename_all_fields = "camelCase", deny_unknown_fields)]
pub(super) enum WhoInput {
    Role {
        /// An IAM role: its name or path/name for that role in each cluster's own account, or its full ARN.
        role: String,
    },
    User {
        /// An IAM user: its name or path/name for that user in each cluster's own account, or its full ARN.
        user: String,
    },
    PermissionSet {
        /// A permission set of Identity Center by its name: the role it has in each cluster's own account.
        permission_set: String,
    },
    DirectoryGroup {
        /// A group of Identity Center's directory, such as one synced from Active Directory, by its display name: the
        /// roles of the permission sets that it is assigned in each cluster's own account.
        directory_group: String,
    },
    Account {
        /// An account id, in quotes: every role and user of the account, without groups (aws-auth's mapAccounts).
        account: String,
    },
    IamGroup {
        /// An IAM group of each cluster's own account by its name: the roles that its policies let its members assume.
        iam_group: String,
        /// The one role that counts, of those that the group's members may assume, by its name.
        via: Option<String>,
        /// `true` for the group's users themselves, one by one, in place of roles.
        members: Option<bool>,
    },
}

/// An IAM role that nodes run as.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NodeInput {
    /// The role's name or path/name in each cluster's own account, or its full ARN.
    #[schemars(required)]
    pub(super) role: Option<String>,
    /// On which clusters; without it on every one.
    #[serde(rename = "where", default)]
    pub(super) selector: SelectorInput,
}
