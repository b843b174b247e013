//! The resources that are served.

/// One resource.
#[expect(clippy::struct_field_names, reason = "an object's kind is called so")]
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// The API group; empty for the core group.
    pub(super) group: &'static str,
    /// The name in URLs.
    pub(super) plural: &'static str,
    /// The name for one, in discovery.
    pub(super) singular: &'static str,
    /// The kind of its objects.
    pub(super) kind: &'static str,
    /// Whether its objects live in namespaces.
    pub(super) namespaced: bool,
    /// Short names, in discovery.
    pub(super) short: &'static [&'static str],
}

/// Every resource that is stored.
pub(super) static KINDS: [Kind; 7] = [
    Kind {
        group: "",
        plural: "configmaps",
        singular: "configmap",
        kind: "ConfigMap",
        namespaced: true,
        short: &["cm"],
    },
    Kind {
        group: "",
        plural: "namespaces",
        singular: "namespace",
        kind: "Namespace",
        namespaced: false,
        short: &["ns"],
    },
    Kind {
        group: RBAC,
        plural: "clusterrolebindings",
        singular: "clusterrolebinding",
        kind: "ClusterRoleBinding",
        namespaced: false,
        short: &[],
    },
    Kind {
        group: RBAC,
        plural: "clusterroles",
        singular: "clusterrole",
        kind: "ClusterRole",
        namespaced: false,
        short: &[],
    },
    Kind {
        group: RBAC,
        plural: "rolebindings",
        singular: "rolebinding",
        kind: "RoleBinding",
        namespaced: true,
        short: &[],
    },
    Kind { group: RBAC, plural: "roles", singular: "role", kind: "Role", namespaced: true, short: &[] },
    Kind { group: COORDINATION, plural: "leases", singular: "lease", kind: "Lease", namespaced: true, short: &[] },
];

/// The group of RBAC.
pub(super) const RBAC: &str = "rbac.authorization.k8s.io";
/// The group of leases.
pub(super) const COORDINATION: &str = "coordination.k8s.io";

impl Kind {
    /// The resource of this name in this group.
    pub(super) fn of_resource(group: &str, plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.group == group && kind.plural == plural)
    }

    /// The resource of this name; the few that are served have names of their own.
    pub(super) fn of_plural(plural: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.plural == plural)
    }

    /// The resource of an object's apiVersion and kind.
    pub(super) fn of_object(api_version: &str, kind: &str) -> Option<&'static Self> {
        KINDS.iter().find(|known| known.kind == kind && known.api_version() == api_version)
    }

    /// The apiVersion of its objects.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() { "v1".to_owned() } else { format!("{}/v1", self.group) }
    }

    /// The resource with its group, as messages name it: `clusterroles.rbac.authorization.k8s.io`, `configmaps`.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}
