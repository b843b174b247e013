//! People who come to a cluster with their own AWS sessions, and what the real API server says of them.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use k8s_openapi::api::{
    authentication::v1::SelfSubjectReview,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
};
use kube::api::{Api, PostParams};
use rolecall::{connect::token, model::Region};

use super::{RealCluster, eventually, fleet::REGION};

/// Somebody at a cluster's door.
pub struct Person {
    client: kube::Client,
}

/// What the API server takes a caller for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub username: String,
    pub groups: Vec<String>,
}

impl Person {
    /// Comes to the cluster with a token of rolecall's own making, signed by this session.
    pub fn at(cluster: &RealCluster, session: &Credentials) -> Self {
        let token = token::presign(session, &Region::new(REGION), &cluster.name, SystemTime::now()).unwrap();
        Self { client: cluster.client(token.text.expose()) }
    }

    /// Who the API server takes them for; `None` when it does not let them in (401).
    pub async fn is(&self) -> Option<Identity> {
        let api: Api<SelfSubjectReview> = Api::all(self.client.clone());
        match api.create(&PostParams::default(), &SelfSubjectReview::default()).await {
            Ok(review) => {
                let user = review.status.unwrap().user_info.unwrap();
                Some(Identity { username: user.username.unwrap_or_default(), groups: user.groups.unwrap_or_default() })
            }
            Err(kube::Error::Api(status)) if status.code == 401 => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Waits until the authenticator has read the rows and they are let in.
    pub async fn gets_in(&self, who: &str) -> Identity {
        eventually(&format!("way in for {who}"), async || self.is().await).await
    }

    /// Waits until they are no longer let in.
    pub async fn is_out(&self, who: &str) {
        eventually(&format!("401 for {who}"), async || self.is().await.is_none().then_some(())).await;
    }

    /// Whether they may do this, by the API server's own word.
    pub async fn may(&self, verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        let (resource, subresource) = resource.split_once('/').map_or((resource, None), |(r, s)| (r, Some(s)));
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    verb: Some(verb.into()),
                    group: Some(group.into()),
                    resource: Some(resource.into()),
                    subresource: subresource.map(Into::into),
                    namespace: namespace.map(Into::into),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        api.create(&PostParams::default(), &review).await.unwrap().status.unwrap().allowed
    }
}
