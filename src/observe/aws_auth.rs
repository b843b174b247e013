//! The ConfigMap kube-system/aws-auth.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::managers;
use crate::{
    connect,
    model::{AwsAuth, ClusterId, Unreadable},
};

const DOING: &str = "reading configmap kube-system/aws-auth";

/// The ConfigMap as it is stored, `None` when there is none.
pub(super) async fn read(client: &kube::Client, cluster: &ClusterId) -> Result<Option<AwsAuth>, Unreadable> {
    let configmaps: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    let stored = configmaps.get_opt("aws-auth").await.map_err(|error| connect::unreadable(&error, DOING, cluster))?;
    stored.map(|stored| aws_auth(stored, cluster)).transpose()
}

fn aws_auth(stored: ConfigMap, cluster: &ClusterId) -> Result<AwsAuth, Unreadable> {
    let managers = managers(&stored.metadata);
    let (Some(uid), Some(resource_version)) = (stored.metadata.uid, stored.metadata.resource_version) else {
        return Err(connect::server_error("the object has no uid or resourceVersion", DOING, cluster));
    };
    Ok(AwsAuth {
        uid,
        resource_version,
        data: stored.data.unwrap_or_default(),
        annotations: stored.metadata.annotations.unwrap_or_default(),
        managers,
        immutable: stored.immutable.unwrap_or(false),
    })
}
