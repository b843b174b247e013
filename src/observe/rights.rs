//! Who a cluster takes rolecall for, and what it lets it do.

use std::fmt::Debug;

use futures::{StreamExt, stream};
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{
        ResourceAttributes, ResourceRule, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SelfSubjectRulesReview,
        SelfSubjectRulesReviewSpec, SubjectRulesReviewStatus,
    },
};
use kube::{Api, Resource, api::PostParams};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    connect,
    model::{ClusterId, ClusterUser, KubernetesRight, Unreadable, UnreadableKind},
};

/// Questions about single rights that are asked at the same time.
const AT_ONCE: usize = 8;
/// A namespace in which nobody has rights of his own, so that what holds there holds everywhere.
const NOWHERE: &str = "rolecall-asks-what-holds-everywhere";

/// What a cluster says of whoever asks.
#[derive(Clone, Debug)]
pub struct Rights {
    /// Who it takes the caller for; `None` where it does not tell.
    pub user: Option<ClusterUser>,
    /// Each right that was asked for, and whether the caller has it.
    pub held: Vec<(KubernetesRight, Result<bool, Unreadable>)>,
}

/// Asks the cluster which of these rights the caller has. Nothing is tried and nothing changes: reviews are kept nowhere.
///
/// The rules that RBAC has for the caller come in one answer each for the whole cluster and for kube-system. Where the
/// answer says that it is not complete, as EKS does where access policies may give more, what is not in it is asked one by
/// one, but first whether everything is allowed.
///
/// See <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/self-subject-rules-review-v1/>.
///
/// # Errors
/// When the cluster cannot be reached or does not know the caller.
pub async fn rights(
    client: &kube::Client,
    cluster: &ClusterId,
    wanted: &[KubernetesRight],
) -> Result<Rights, Unreadable> {
    let asks = Asks { client, cluster };
    // Whoever is not known ends the connection for all that is asked on it, so the first question goes alone.
    let everywhere = asks.rules(NOWHERE).await?;
    let namespace = wanted.iter().find_map(|right| right.namespace);
    let inside = async {
        match namespace {
            Some(namespace) => asks.rules(namespace).await,
            None => Ok(Rules::default()),
        }
    };
    let (inside, user) = futures::join!(inside, asks.user());
    let inside = inside?;
    let in_rules = |right: &KubernetesRight| {
        let rules = if right.namespace.is_some() { &inside } else { &everywhere };
        let given = rules.rules.iter().any(|rule| covers(rule, right));
        (given || rules.complete).then_some(given)
    };
    let open = wanted.iter().any(|right| in_rules(right).is_none());
    let everything = open && asks.may(everything()).await.unwrap_or(false);
    let questions: Vec<_> = wanted
        .iter()
        .map(|right| {
            let known = in_rules(right).or_else(|| everything.then_some(true));
            let asks = &asks;
            async move {
                let held = match known {
                    Some(held) => Ok(held),
                    None => asks.may(attributes(right)).await,
                };
                (*right, held)
            }
        })
        .collect();
    let held = stream::iter(questions).buffered(AT_ONCE).collect().await;
    Ok(Rights { user, held })
}

/// What RBAC has for the caller in a namespace.
#[derive(Default)]
struct Rules {
    rules: Vec<ResourceRule>,
    complete: bool,
}

struct Asks<'a> {
    client: &'a kube::Client,
    cluster: &'a ClusterId,
}

impl Asks<'_> {
    async fn ask<K>(&self, review: &K, doing: &str) -> Result<K, Unreadable>
    where
        K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
    {
        let api: Api<K> = Api::all(self.client.clone());
        let asked = api.create(&PostParams::default(), review).await;
        asked.map_err(|error| connect::unreadable(&error, doing, self.cluster))
    }

    /// A cluster that lets nobody ask for rules still tells of single rights.
    async fn rules(&self, namespace: &str) -> Result<Rules, Unreadable> {
        let spec = SelfSubjectRulesReviewSpec { namespace: Some(namespace.to_owned()) };
        let review = SelfSubjectRulesReview { spec, ..SelfSubjectRulesReview::default() };
        match self.ask(&review, "asking what rolecall may do").await {
            Ok(SelfSubjectRulesReview {
                status: Some(SubjectRulesReviewStatus { incomplete, resource_rules, .. }),
                ..
            }) => Ok(Rules { rules: resource_rules, complete: !incomplete }),
            Ok(_) => Ok(Rules::default()),
            Err(why) if matches!(why.kind, UnreadableKind::Forbidden | UnreadableKind::Server) => Ok(Rules::default()),
            Err(why) => Err(why),
        }
    }

    async fn may(&self, attributes: ResourceAttributes) -> Result<bool, Unreadable> {
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let answer = self.ask(&review, "asking whether rolecall may do something").await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    async fn user(&self) -> Option<ClusterUser> {
        let answer = self.ask(&SelfSubjectReview::default(), "asking who rolecall is").await.ok()?;
        let user = answer.status?.user_info?;
        Some(ClusterUser { name: user.username?, groups: user.groups.unwrap_or_default() })
    }
}

fn everything() -> ResourceAttributes {
    let all = || Some("*".to_owned());
    ResourceAttributes { group: all(), resource: all(), verb: all(), version: all(), ..ResourceAttributes::default() }
}

fn attributes(right: &KubernetesRight) -> ResourceAttributes {
    ResourceAttributes {
        group: Some(right.group.to_owned()),
        resource: Some(right.resource.to_owned()),
        verb: Some(right.verb.to_owned()),
        namespace: right.namespace.map(str::to_owned),
        name: right.name.map(str::to_owned),
        ..ResourceAttributes::default()
    }
}

/// Whether a rule gives the right. One that is limited to names gives it for these alone.
///
/// See <https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources>.
fn covers(rule: &ResourceRule, right: &KubernetesRight) -> bool {
    let holds = |list: &[String], one: &str| list.iter().any(|held| held == "*" || held == one);
    let names = rule.resource_names.as_deref().unwrap_or_default();
    holds(&rule.verbs, right.verb)
        && holds(rule.api_groups.as_deref().unwrap_or_default(), right.group)
        && holds(rule.resources.as_deref().unwrap_or_default(), right.resource)
        && (names.is_empty() || right.name.is_some_and(|name| names.iter().any(|held| held == name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[&str], resources: &[&str], names: &[&str]) -> ResourceRule {
        let list = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        ResourceRule {
            api_groups: Some(vec![String::new()]),
            resource_names: Some(list(names)),
            resources: Some(list(resources)),
            verbs: list(verbs),
        }
    }

    #[test]
    fn a_rule_that_is_limited_to_names_gives_nothing_beyond_them() {
        let rights = crate::model::kubernetes_rights();
        let of = |verb, name| rights.iter().find(|r| r.resource == "configmaps" && r.verb == verb && r.name == name);
        let (one, any) = (of("get", Some("aws-auth")), of("get", None));
        let given = |rule: &ResourceRule| [one, any].map(|right| right.is_some_and(|right| covers(rule, right)));
        assert_eq!(given(&rule(&["get"], &["configmaps"], &["aws-auth"])), [true, false]);
        assert_eq!(given(&rule(&["get"], &["configmaps"], &["other"])), [false, false]);
        assert_eq!(given(&rule(&["*"], &["*"], &[])), [true, true]);
        assert_eq!(given(&rule(&["list"], &["configmaps"], &[])), [false, false]);
        assert_eq!(given(&rule(&["get"], &["configmaps/status"], &[])), [false, false]);
        let other = ResourceRule { api_groups: Some(vec!["apps".to_owned()]), ..rule(&["*"], &["*"], &[]) };
        assert_eq!(given(&other), [false, false]);
    }
}
