//! Things worth telling a person that are not changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountId, Region, Surface};

/// A place in a file that a person wrote, such as `policy.yaml:14`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// The file as the settings name it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// Where in the organization something was found; fields that do not apply are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The account.
    pub account: Option<AccountId>,
    /// The account's name.
    pub account_name: Option<String>,
    /// The region.
    pub region: Option<Region>,
    /// The cluster's name.
    pub cluster: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.account, &self.account_name) {
            (Some(id), Some(name)) if name != id.as_str() => write!(f, "{name} ({id})")?,
            (Some(id), _) => write!(f, "{id}")?,
            (None, _) => f.write_str("organization")?,
        }
        if let Some(region) = &self.region {
            write!(f, " {region}")?;
        }
        if let Some(cluster) = &self.cluster {
            write!(f, " {cluster}")?;
        }
        Ok(())
    }
}

/// What kind of thing was found; stable names for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingCode {
    /// An account could not be read.
    AccountUnreadable,
    /// A region of an account could not be read.
    RegionUnreadable,
    /// The organization could not be read as a whole.
    OrganizationIncomplete,
    /// An account is suspended, closed or being closed, and was skipped.
    AccountInactive,
    /// A cluster is being created or deleted, or has failed, and is left alone.
    ClusterLeftAlone,
    /// A principal of the policy does not exist.
    PrincipalMissing,
    /// Whether a principal of the policy exists could not be told.
    PrincipalUnknown,
    /// A permission set has more than one role in the account.
    PermissionSetAmbiguous,
    /// Members of an IAM group may assume a role only under conditions that are not looked into, or not all of them may.
    AssumeConditional,
    /// A role that an IAM group's policies let its members assume, and that is left out since the role's trust policy does
    /// not, or since it is no role for people.
    AssumeRefused,
    /// Others than the directory groups of the policy hold the permission set by which these get in.
    PermissionSetShared,
    /// Identity Center could not be read.
    IdentityCenterUnreadable,
    /// A selector of the policy means no cluster of the fleet.
    SelectorMatchesNothing,
    /// A selector could not be decided for the cluster.
    SelectorUnknown,
    /// A grant of the policy cannot be expressed on this cluster's surfaces.
    CannotBePlaced,
    /// Two lines of the policy contradict each other on the cluster.
    Contradiction,
    /// A grant has ended by its `until`.
    GrantEnded,
    /// A section of aws-auth does not parse: nobody in it gets in.
    SectionBroken,
    /// A row of aws-auth that the authenticator drops or that never matches anybody.
    RowIneffective,
    /// A row of aws-auth that a later row, or an access entry, of the same principal overrides.
    RowShadowed,
    /// An access entry that lets nobody in.
    EntryIneffective,
    /// A principal gets in by a row of aws-auth and would be without access while it is moved to an access entry.
    LeftToMigrate,
    /// Something stands as the policy wants and becomes rolecall's by a write that changes nothing else.
    TakenOver,
    /// Something that is not rolecall's already gives what the policy wants, so that nothing is made beside it.
    MetByOther,
    /// Something that is not rolecall's and that the policy does not speak of.
    Unmanaged,
    /// Something that would be removed or changed but is protected.
    Protected,
    /// The text of a section cannot be edited safely.
    CannotBeEdited,
    /// rolecall's reading of a document and the strict parser's differ: nothing is written.
    ReadingsDiffer,
    /// A namespace that the policy speaks of does not exist.
    NamespaceMissing,
    /// A role that a binding names does not exist.
    RoleMissing,
    /// An RBAC object of this name exists and is not rolecall's.
    NameTaken,
    /// Removals are held back because something was not known.
    RemovalHeldBack,
    /// A cluster could not be read.
    ClusterUnreadable,
    /// A cluster does not let rolecall in.
    NoWayIn,
}

/// A thing to report that is not a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: FindingCode,
    /// Where in the organization.
    #[serde(default)]
    pub place: Place,
    /// The surface it was found on, if any.
    pub surface: Option<Surface>,
    /// What it is about: an ARN, a name, a section.
    pub subject: String,
    /// What was found and why it matters, in a sentence.
    pub message: String,
    /// What to do next, in a sentence, where there is something.
    pub next: Option<String>,
    /// The line of the policy that it goes back to, if any.
    pub source: Option<Source>,
    /// Whether the cluster differs from the policy because of it, so that it counts as drift.
    pub drift: bool,
    /// Whether part of the fleet is unknown because of it, so that the pass counts as incomplete.
    pub incomplete: bool,
}

impl Finding {
    /// A finding that is only a notice: neither drift nor a gap.
    pub fn notice(code: FindingCode, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            place: Place::default(),
            surface: None,
            subject: subject.into(),
            message: message.into(),
            next: None,
            source: None,
            drift: false,
            incomplete: false,
        }
    }

    /// A finding by which the cluster differs from the policy.
    pub fn drift(code: FindingCode, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { drift: true, ..Self::notice(code, subject, message) }
    }

    /// A finding by which part of the fleet is unknown.
    pub fn gap(code: FindingCode, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { incomplete: true, ..Self::notice(code, subject, message) }
    }

    /// The same finding with what to do next.
    #[must_use]
    pub fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// The same finding on a surface.
    #[must_use]
    pub fn on(self, surface: Surface) -> Self {
        Self { surface: Some(surface), ..self }
    }

    /// The same finding with the line of the policy it goes back to.
    #[must_use]
    pub fn from_source(self, source: Option<&Source>) -> Self {
        Self { source: source.cloned(), ..self }
    }

    /// The same finding at a place.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        Self { place, ..self }
    }
}
