//! Why a principal gets into a cluster, or why not: the chain from a group of people to the rules of RBAC.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Cluster, Lookup, ObjectRef, PolicyGrant, Principal, RbacSubject, RoleRef, Rule, Section, Source, Surface};

/// What a question about a principal comes down to on one cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The cluster.
    pub cluster: Cluster,
    /// What the question names, with what the cluster's account knows of it. Empty where one ARN was asked for that is not
    /// looked up.
    pub asked: Vec<(Principal, Lookup)>,
    /// One answer for each IAM principal that it comes down to.
    pub answers: Vec<Answer>,
    /// What could not be read, so that the answers may lack it.
    pub unknown: Vec<String>,
}

/// What one IAM principal can do on a cluster, and by what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The role's or user's ARN, path included where it is known.
    pub arn: String,
    /// Its unique id, where known.
    pub unique_id: Option<String>,
    /// When it was made, where known.
    pub created: Option<Timestamp>,
    /// The permission set whose role it is, by its name.
    pub permission_set: Option<String>,
    /// What the policy wants for it; `None`: it does not name it on this cluster.
    pub wanted: Option<Grant>,
    /// The lines of the policy that grant it.
    pub sources: Vec<Source>,
    /// How the policy names it.
    pub who: Option<String>,
    /// What stands in the cluster for it, that which counts first.
    pub live: Vec<Mapping>,
    /// What it may do by what counts; empty when nothing does.
    pub bindings: Vec<Bound>,
}

impl Answer {
    /// What lets it in, if anything does.
    pub fn effective(&self) -> Option<&Mapping> {
        self.live.iter().find(|mapping| mapping.void.is_none())
    }
}

/// A username, groups and access policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// The username, templates included.
    pub username: String,
    /// The Kubernetes groups.
    pub groups: Vec<String>,
    /// Access policies of EKS.
    pub policies: Vec<PolicyGrant>,
}

/// A row or an access entry that maps the principal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mapping {
    /// Where it stands.
    pub surface: Surface,
    /// The section and the position of a row of aws-auth, counted from 0.
    pub row: Option<(Section, usize)>,
    /// What it gives.
    pub grant: Grant,
    /// Whether it is rolecall's.
    pub ours: bool,
    /// Why it has no effect, when it has none.
    pub void: Option<String>,
}

/// A role that the principal holds by its username or one of its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bound {
    /// The username or group by which it holds it.
    pub by: RbacSubject,
    /// The binding.
    pub binding: ObjectRef,
    /// The role.
    pub role: RoleRef,
    /// Its rules; `None` when the role does not exist.
    pub rules: Option<Vec<Rule>>,
    /// Whether the binding is rolecall's.
    pub ours: bool,
}
