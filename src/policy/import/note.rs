//! What an import has to tell beside the policy.

use crate::model::ClusterId;

/// Why something is not in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoteKind {
    /// A policy has no words for it.
    Inexpressible,
    /// Whether it has an effect could not be told.
    Unknown,
    /// It lets nobody in, so that there is nothing to describe.
    Ineffective,
    /// It is nobody's grant: it belongs to nodes, to EKS or to rolecall itself.
    LeftOut,
}

/// Something that is not in the policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// Why not, in a word.
    pub kind: NoteKind,
    /// Why not, in a sentence without the subject: what is the same for many is told once.
    pub why: String,
    /// What it is: an ARN, a row, an object.
    pub subject: String,
    /// Where.
    pub cluster: ClusterId,
}
