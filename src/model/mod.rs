//! The words of rolecall as types: accounts, clusters, principals, what is desired, what was observed, the plan and
//! what became of it. No input, no output, no clock; this room imports nothing of the crate.

mod account;
mod arn;
mod aws_auth;
mod cluster;
mod desired;
mod diagnosis;
mod entry;
mod explanation;
mod finding;
mod glob;
mod identity;
mod migrate;
mod observed;
mod outcome;
mod pass;
mod plan;
mod rbac;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod samples;
mod scope;
mod secret;
mod selector;
mod way_in;
mod write;

pub use account::{Account, AccountId, AccountIdError, Region};
pub use arn::{Arn, ArnError, Partition, SSO_PREFIX, permission_set_of};
pub use aws_auth::{AwsAuth, FieldManager, Section};
pub use cluster::{AuthenticationMode, Cluster, ClusterId, ClusterPhase};
pub use desired::{Desired, DesiredAccount, DesiredBinding, DesiredRole, DesiredRow};
pub use diagnosis::{
    Cause, Checked, ClusterUser, Diagnosis, KubernetesRight, Need, Part, Told, Verdict, kubernetes_rights,
};
pub use entry::{
    AccessScope, CLUSTER_ADMIN_POLICY, ENTRY_TAG, EntriesState, EntryPrecondition, ObservedEntry, PolicyGrant,
    STANDARD, SurfaceChoice, UnreadEntry, access_policy_arn, entry_group_fault, entry_username_fault, policy_name,
};
pub use explanation::{Answer, Bound, Explanation, Grant, Mapping};
pub use finding::{Finding, FindingCode, Place, Source};
pub use glob::{ArnPattern, Glob, GlobError, OuGlob, wildcard};
pub use identity::{IamGroup, Identities, Identity, Lookup, Principal};
pub use migrate::{
    BRIDGE, CLUSTER_ADMIN_ROLE, Fate, Gives, MigrateReport, MigrateRules, MigratedCluster, Migration, ModeChange,
    RowMove,
};
pub use observed::{ClusterState, Observed, ObservedBinding, ObservedRole, RbacState, Unreadable, UnreadableKind};
pub use outcome::{Outcome, StepOutcome, StepResult};
pub use pass::{ClusterReport, ExitCode, PassKind, PassReport, Status};
pub use plan::{Action, Change, ChangedBy, Content, Guard, Plan, PlanRules, Step, Subject, Surface, Unmanaged};
pub use rbac::{
    MANAGED_BY, MANAGER, MASTERS, ObjectRef, RbacKind, RbacSubject, RoleRef, Rule, SubjectKind, binding_name,
};
pub use scope::{ConnectRule, EventQueue, HubRole, IdentityCenterScope, MemberRole, OrganizationScope, Regions};
pub use secret::Secret;
pub use selector::{Match, Selector};
pub use way_in::{Onboarding, commands_for_way_in};
pub use write::{AwsAuthPrecondition, AwsAuthText, ObjectPrecondition, Write};
