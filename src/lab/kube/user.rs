//! Who asks.

use std::collections::BTreeMap;

/// A caller that was let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    /// The username.
    pub(super) name: String,
    /// The uid.
    pub(super) uid: String,
    /// The groups.
    pub(super) groups: Vec<String>,
    /// What else the authenticator tells.
    pub(super) extra: BTreeMap<String, Vec<String>>,
    /// Access policies of the access entry that let the caller in.
    pub(super) policies: Vec<AccessPolicy>,
}

/// An access policy that is associated with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccessPolicy {
    /// Its name, such as `AmazonEKSViewPolicy`.
    pub(super) name: String,
    /// The namespaces it is for; empty for the whole cluster.
    pub(super) namespaces: Vec<String>,
}

/// The group that may do everything.
pub(super) const MASTERS: &str = "system:masters";

impl User {
    /// Whoever comes without a token.
    pub(super) fn anonymous() -> Self {
        Self { name: "system:anonymous".into(), groups: vec!["system:unauthenticated".into()], ..Self::default() }
    }

    /// Whoever has the lab's own token.
    pub(super) fn admin() -> Self {
        let groups = vec![MASTERS.into(), "system:authenticated".into()];
        Self { name: "admin".into(), uid: "admin".into(), groups, ..Self::default() }
    }

    /// Whether it may do everything.
    pub(super) fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }
}
