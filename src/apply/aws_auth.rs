//! The ConfigMap kube-system/aws-auth and the backups beside it.

use std::collections::BTreeMap;

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{Api, api::PostParams};

use super::{Miss, Place};
use crate::{
    connect::{self, path_segment},
    model::{AwsAuthPrecondition, AwsAuthText, MANAGED_BY, MANAGER},
};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "aws-auth";
const READING: &str = "reading configmap kube-system/aws-auth before writing it";
const WRITING: &str = "writing configmap kube-system/aws-auth";
const CHECKING: &str = "reading configmap kube-system/aws-auth back";

/// What a write of aws-auth left behind.
pub(super) struct Left {
    uid: String,
    pub(super) resource_version: String,
}

impl Place<'_> {
    /// Writes aws-auth whole when it is still what the plan saw, and reads it back. Labels, binary data and all else of the
    /// object stay as they are; the server compares the resourceVersion once more.
    pub(super) async fn put_aws_auth(
        self,
        precondition: &AwsAuthPrecondition,
        before: Option<&AwsAuthText>,
        after: &AwsAuthText,
        left: Option<&Left>,
    ) -> Result<Left, Miss> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let live = api.get_opt(NAME).await.map_err(|error| self.miss(&error, READING))?;
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let stored = match expected(precondition, left)? {
            None if live.is_some() => return Err(conflict("it exists now, and the plan had seen none")),
            None => {
                let new = new_configmap(NAME, &after.data, after.annotations.clone(), BTreeMap::new());
                api.create(&params, &new).await.map_err(|error| self.miss(&error, WRITING))?
            }
            Some((uid, resource_version)) => {
                let Some(mut next) = live else { return Err(conflict("it is gone")) };
                unchanged(&next, uid, resource_version, before)?;
                next.data = Some(after.data.clone());
                next.metadata.annotations = Some(after.annotations.clone());
                api.replace(NAME, &params, &next).await.map_err(|error| self.miss(&error, WRITING))?
            }
        };
        let left = self.left(&stored)?;
        let live = api.get_opt(NAME).await.map_err(|error| self.miss(&error, CHECKING))?;
        match live {
            Some(live) if text(&live) == *after && live.metadata.uid.as_ref() == Some(&left.uid) => Ok(left),
            Some(live) if live.metadata.resource_version.as_ref() == Some(&left.resource_version) => {
                Err(self.altered(WRITING))
            }
            _ => Err(conflict("somebody else wrote it right after rolecall did")),
        }
    }

    fn left(self, stored: &ConfigMap) -> Result<Left, Miss> {
        match (&stored.metadata.uid, &stored.metadata.resource_version) {
            (Some(uid), Some(version)) => Ok(Left { uid: uid.clone(), resource_version: version.clone() }),
            _ => Err(Miss::Failed(connect::server_error(
                "the server's answer has no uid or resourceVersion",
                WRITING,
                self.cluster,
            ))),
        }
    }

    /// Keeps data in a ConfigMap of its own. One that exists is never overwritten; when it holds the same, all is done.
    pub(super) async fn create_backup(self, name: &str, data: &BTreeMap<String, String>) -> Result<String, Miss> {
        let doing = format!("writing the backup kube-system/{name}");
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        let params = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        let labels = BTreeMap::from([(MANAGED_BY.to_owned(), MANAGER.to_owned())]);
        let new = new_configmap(name, data, BTreeMap::new(), labels);
        let stored = match api.create(&params, &new).await {
            Ok(stored) => stored,
            Err(kube::Error::Api(status)) if status.code == 409 => {
                let kept = api.get(&path_segment(name)).await.map_err(|error| self.miss(&error, &doing))?;
                if kept.data.as_ref() != Some(data) {
                    return Err(Miss::Conflict(format!("{doing}: a ConfigMap of this name holds something else")));
                }
                kept
            }
            Err(error) => return Err(self.miss(&error, &doing)),
        };
        if stored.data.as_ref().unwrap_or(&BTreeMap::new()) != data {
            return Err(self.altered(&doing));
        }
        Ok(stored.metadata.resource_version.unwrap_or_default())
    }
}

/// The uid and resourceVersion that the live object must have, `None` when there must be none.
fn expected<'a>(
    precondition: &'a AwsAuthPrecondition,
    left: Option<&'a Left>,
) -> Result<Option<(&'a str, &'a str)>, Miss> {
    match (precondition, left) {
        (AwsAuthPrecondition::Absent, _) => Ok(None),
        (AwsAuthPrecondition::At { uid, resource_version }, _) => Ok(Some((uid, resource_version))),
        (AwsAuthPrecondition::AfterPrevious, Some(left)) => Ok(Some((&left.uid, &left.resource_version))),
        (AwsAuthPrecondition::AfterPrevious, None) => {
            Err(conflict("the plan builds on an earlier write of aws-auth, and there was none"))
        }
    }
}

fn unchanged(live: &ConfigMap, uid: &str, resource_version: &str, before: Option<&AwsAuthText>) -> Result<(), Miss> {
    if live.metadata.uid.as_deref() != Some(uid) {
        return Err(conflict("it was deleted and created anew since the plan was made"));
    }
    if live.metadata.resource_version.as_deref() != Some(resource_version) {
        return Err(conflict("somebody wrote it since the plan was made"));
    }
    if before != Some(&text(live)) {
        return Err(conflict("it does not hold what the plan had seen"));
    }
    Ok(())
}

fn text(live: &ConfigMap) -> AwsAuthText {
    AwsAuthText {
        data: live.data.clone().unwrap_or_default(),
        annotations: live.metadata.annotations.clone().unwrap_or_default(),
    }
}

fn new_configmap(
    name: &str,
    data: &BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
) -> ConfigMap {
    let given = |map: BTreeMap<String, String>| (!map.is_empty()).then_some(map);
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            annotations: given(annotations),
            labels: given(labels),
            ..ObjectMeta::default()
        },
        data: Some(data.clone()),
        ..ConfigMap::default()
    }
}

fn conflict(why: &str) -> Miss {
    Miss::Conflict(format!("configmap kube-system/aws-auth: {why}"))
}
