//! The IAM actions behind the calls of this room, and those about access entries and authentication modes; `deploy/iam`
//! allows exactly these.

pub(super) const DESCRIBE_ORGANIZATION: &str = "organizations:DescribeOrganization";
pub(super) const LIST_ACCOUNTS: &str = "organizations:ListAccounts";
pub(super) const LIST_ACCOUNTS_FOR_PARENT: &str = "organizations:ListAccountsForParent";
pub(super) const LIST_ORGANIZATIONAL_UNITS: &str = "organizations:ListOrganizationalUnitsForParent";
pub(super) const LIST_ROOTS: &str = "organizations:ListRoots";
pub(super) const LIST_TAGS: &str = "organizations:ListTagsForResource";
pub(super) const RECEIVE_MESSAGE: &str = "sqs:ReceiveMessage";
pub(super) const DELETE_MESSAGE: &str = "sqs:DeleteMessage";
pub(super) const CHANGE_VISIBILITY: &str = "sqs:ChangeMessageVisibility";
pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";
/// Asked for beside AssumeRole when a source identity is set.
const SET_SOURCE_IDENTITY: &str = "sts:SetSourceIdentity";
/// Takes no permission, and no policy can deny it.
pub(super) const GET_CALLER_IDENTITY: &str = "sts:GetCallerIdentity";

pub(super) const LIST_REGIONS: &str = "account:ListRegions";
pub(super) const LIST_CLUSTERS: &str = "eks:ListClusters";
pub(super) const DESCRIBE_CLUSTER: &str = "eks:DescribeCluster";
pub(super) const GET_GROUP: &str = "iam:GetGroup";
pub(super) const GET_GROUP_POLICY: &str = "iam:GetGroupPolicy";
pub(super) const GET_POLICY: &str = "iam:GetPolicy";
pub(super) const GET_POLICY_VERSION: &str = "iam:GetPolicyVersion";
pub(super) const GET_ROLE: &str = "iam:GetRole";
pub(super) const GET_USER: &str = "iam:GetUser";
pub(super) const LIST_ATTACHED_GROUP_POLICIES: &str = "iam:ListAttachedGroupPolicies";
pub(super) const LIST_GROUP_POLICIES: &str = "iam:ListGroupPolicies";
pub(super) const LIST_ROLES: &str = "iam:ListRoles";
/// Asked by `rolecall doctor` alone, and only where changes are written or there is a queue.
pub(super) const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

/// The calls that read access entries.
pub const ENTRY_READS: &[&str] =
    &["eks:DescribeAccessEntry", "eks:ListAccessEntries", "eks:ListAssociatedAccessPolicies"];
/// The calls that write them and are asked of the cluster.
///
/// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html>.
pub const ENTRY_WRITES_OF_CLUSTER: &[&str] = &["eks:CreateAccessEntry"];
/// The calls that write them and are asked of the entry.
pub const ENTRY_WRITES_OF_ENTRY: &[&str] = &[
    "eks:AssociateAccessPolicy",
    "eks:DeleteAccessEntry",
    "eks:DisassociateAccessPolicy",
    "eks:TagResource",
    "eks:UpdateAccessEntry",
];

pub(super) const DESCRIBE_GROUP: &str = "identitystore:DescribeGroup";
pub(super) const DESCRIBE_USER: &str = "identitystore:DescribeUser";
pub(super) const GET_GROUP_ID: &str = "identitystore:GetGroupId";
pub(super) const LIST_GROUPS: &str = "identitystore:ListGroups";
pub(super) const DESCRIBE_PERMISSION_SET: &str = "sso:DescribePermissionSet";
pub(super) const LIST_ASSIGNMENTS: &str = "sso:ListAccountAssignments";
pub(super) const LIST_ASSIGNMENTS_FOR_PRINCIPAL: &str = "sso:ListAccountAssignmentsForPrincipal";
pub(super) const LIST_INSTANCES: &str = "sso:ListInstances";
pub(super) const LIST_PROVISIONED_SETS: &str = "sso:ListPermissionSetsProvisionedToAccount";

/// The calls to the queue.
pub const QUEUE_ACTIONS: &[&str] = &[CHANGE_VISIBILITY, DELETE_MESSAGE, RECEIVE_MESSAGE];

/// What the hub credentials have to be allowed, sorted; those of the queue, and asking IAM about them, only where there is
/// one.
pub const HUB_ACTIONS: &[&str] = &[
    SIMULATE,
    DESCRIBE_ORGANIZATION,
    LIST_ACCOUNTS,
    LIST_ACCOUNTS_FOR_PARENT,
    LIST_ORGANIZATIONAL_UNITS,
    LIST_ROOTS,
    LIST_TAGS,
    CHANGE_VISIBILITY,
    DELETE_MESSAGE,
    RECEIVE_MESSAGE,
    ASSUME_ROLE,
    SET_SOURCE_IDENTITY,
];

/// What whoever reads Identity Center has to be allowed, sorted; needed only where the policy names directory groups.
pub const IDENTITY_CENTER_ACTIONS: &[&str] = &[
    DESCRIBE_GROUP,
    DESCRIBE_USER,
    GET_GROUP_ID,
    LIST_GROUPS,
    DESCRIBE_PERMISSION_SET,
    LIST_ASSIGNMENTS,
    LIST_ASSIGNMENTS_FOR_PRINCIPAL,
    LIST_INSTANCES,
    LIST_PROVISIONED_SETS,
];

/// What the member role has to be allowed in each account, sorted. The calls about access entries are those of who reads
/// and writes a cluster.
pub const MEMBER_ACTIONS: &[&str] = &[
    LIST_REGIONS,
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "eks:DeleteAccessEntry",
    "eks:DescribeAccessEntry",
    DESCRIBE_CLUSTER,
    "eks:DescribeUpdate",
    "eks:DisassociateAccessPolicy",
    "eks:ListAccessEntries",
    "eks:ListAssociatedAccessPolicies",
    LIST_CLUSTERS,
    "eks:TagResource",
    "eks:UpdateAccessEntry",
    "eks:UpdateClusterConfig",
    GET_GROUP,
    GET_GROUP_POLICY,
    GET_POLICY,
    GET_POLICY_VERSION,
    GET_ROLE,
    GET_USER,
    LIST_ATTACHED_GROUP_POLICIES,
    LIST_GROUP_POLICIES,
    LIST_ROLES,
    SIMULATE,
];
