//! The exact writes that make a plan's changes, each with the condition under which it may be made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AccessScope, AuthenticationMode, AwsAuth, Content, EntryPrecondition, ObjectRef};

/// The data and rolecall's annotations of aws-auth, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAuthText {
    /// Every key of the data, byte for byte.
    pub data: BTreeMap<String, String>,
    /// Every annotation.
    pub annotations: BTreeMap<String, String>,
}

impl From<&AwsAuth> for AwsAuthText {
    fn from(stored: &AwsAuth) -> Self {
        Self { data: stored.data.clone(), annotations: stored.annotations.clone() }
    }
}

/// Under which condition aws-auth may be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AwsAuthPrecondition {
    /// There is no such ConfigMap.
    Absent,
    /// It is this object in this version.
    At {
        /// The object's uid.
        uid: String,
        /// Its resourceVersion.
        resource_version: String,
    },
    /// It is exactly what the plan's previous write of aws-auth left behind.
    AfterPrevious,
}

/// Under which condition an RBAC object may be written or deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObjectPrecondition {
    /// There is no such object.
    Absent,
    /// It is this object in this version.
    At {
        /// The object's uid.
        uid: String,
        /// Its resourceVersion.
        resource_version: String,
    },
}

/// One exact write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// Writes aws-auth whole, other labels and fields of the object kept as they are.
    PutAwsAuth {
        /// Under which condition.
        precondition: AwsAuthPrecondition,
        /// What it holds before; `None` when there is none.
        before: Option<AwsAuthText>,
        /// What it shall hold.
        after: AwsAuthText,
    },
    /// Keeps a copy of broken text in a ConfigMap of its own in kube-system; never overwrites one.
    CreateBackup {
        /// The ConfigMap's name.
        name: String,
        /// Its data.
        data: BTreeMap<String, String>,
    },
    /// Creates or changes an RBAC object by server-side apply as field manager `rolecall`.
    ApplyObject {
        /// What names it.
        object: ObjectRef,
        /// Under which condition.
        precondition: ObjectPrecondition,
        /// What it holds before.
        before: Option<Content>,
        /// `Content::Rules` or `Content::Binding`.
        after: Content,
    },
    /// Creates an access entry of type STANDARD.
    CreateEntry {
        /// The principal's full ARN. It has no entry.
        principal: String,
        /// Whether it gets rolecall's tag; one that is made of somebody else's row stays theirs.
        #[serde(default = "yes")]
        ours: bool,
        /// `Content::Entry`.
        after: Content,
    },
    /// Sets the username and groups of an access entry. What UpdateAccessEntry is not given goes back to its default, so
    /// that both are always sent.
    UpdateEntry {
        /// The principal's full ARN.
        principal: String,
        /// Under which condition.
        precondition: EntryPrecondition,
        /// What it holds before.
        before: Content,
        /// `Content::Entry`.
        after: Content,
    },
    /// Puts rolecall's tag on an access entry and changes nothing else.
    TagEntry {
        /// The principal's full ARN.
        principal: String,
        /// Under which condition.
        precondition: EntryPrecondition,
    },
    /// Deletes an access entry that lets nobody in, since its principal was made anew, and creates it again at once.
    RecreateEntry {
        /// The principal's full ARN.
        principal: String,
        /// Under which condition: always `At`.
        precondition: EntryPrecondition,
        /// What it holds before.
        before: Content,
        /// `Content::Entry`.
        after: Content,
    },
    /// Deletes an access entry and with it its associations.
    DeleteEntry {
        /// The principal's full ARN.
        principal: String,
        /// Under which condition: always `At`.
        precondition: EntryPrecondition,
        /// What it holds before.
        before: Content,
    },
    /// Associates an access policy with an entry, or changes where it holds.
    AssociatePolicy {
        /// The principal's full ARN.
        principal: String,
        /// Under which condition on the entry.
        precondition: EntryPrecondition,
        /// The policy's ARN.
        policy: String,
        /// Where it holds before; `None` when it is not associated.
        before: Option<AccessScope>,
        /// Where it shall hold.
        after: AccessScope,
    },
    /// Takes an access policy from an entry.
    DisassociatePolicy {
        /// The principal's full ARN.
        principal: String,
        /// Under which condition on the entry.
        precondition: EntryPrecondition,
        /// The policy's ARN.
        policy: String,
        /// Where it holds before.
        before: AccessScope,
    },
    /// Takes the cluster one authentication mode further and waits until EKS has done so. There is no way back.
    SetMode {
        /// The mode that it has.
        before: AuthenticationMode,
        /// The next mode.
        after: AuthenticationMode,
    },
    /// Deletes an RBAC object of ours.
    DeleteObject {
        /// What names it.
        object: ObjectRef,
        /// Under which condition: always `At`.
        precondition: ObjectPrecondition,
        /// What it holds before.
        before: Content,
    },
}

impl Write {
    /// The principal whose access entry it writes, if it writes one.
    pub fn entry(&self) -> Option<&str> {
        match self {
            Self::CreateEntry { principal, .. }
            | Self::UpdateEntry { principal, .. }
            | Self::TagEntry { principal, .. }
            | Self::RecreateEntry { principal, .. }
            | Self::DeleteEntry { principal, .. }
            | Self::AssociatePolicy { principal, .. }
            | Self::DisassociatePolicy { principal, .. } => Some(principal),
            Self::PutAwsAuth { .. }
            | Self::CreateBackup { .. }
            | Self::ApplyObject { .. }
            | Self::SetMode { .. }
            | Self::DeleteObject { .. } => None,
        }
    }
}

/// Plans of an older version say nothing of it.
fn yes() -> bool {
    true
}
