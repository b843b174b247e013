//! Identity Center during one pass: what the policy's directory groups are assigned, and who shares it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::Context;
use crate::{
    discover::{Assigned, Directory, Hub, Sharing},
    model::{Account, Finding, Principal},
};

/// Identity Center as one pass sees it; nothing where the settings do not say where it is.
pub(super) struct CenterView(Option<(Arc<Directory>, Sharing)>);

impl CenterView {
    pub(super) fn new(hub: &Hub) -> Self {
        Self(hub.center().map(|center| {
            let directory = center.directory();
            (Arc::clone(&directory), Sharing::new(directory))
        }))
    }

    /// What the directory groups among these principals are assigned in the account.
    pub(super) async fn assigned(
        &self,
        context: &Context,
        account: &Account,
        wanted: &BTreeSet<Principal>,
    ) -> BTreeMap<String, Assigned> {
        let groups = wanted.iter().filter_map(|principal| match principal {
            Principal::DirectoryGroup(name) => Some(name.clone()),
            _ => None,
        });
        let groups: BTreeSet<String> = groups.collect();
        let Some((directory, sharing)) = self.0.as_ref().filter(|_| !groups.is_empty()) else {
            return BTreeMap::new();
        };
        let asking = async {
            let assigned = directory.assigned(&account.id, &groups).await;
            sharing.look(account, &groups).await;
            assigned
        };
        context.unless_called_off(asking).await.unwrap_or_default()
    }

    /// What was found that concerns more than one cluster. For who shares what it waits until the cluster timeout is over
    /// since the first question, which it mostly is when the clusters were read.
    pub(super) async fn findings(&self, context: &Context) -> Vec<Finding> {
        let Some((directory, sharing)) = &self.0 else { return Vec::new() };
        let shared = context.unless_called_off(sharing.findings(context.inputs.settings.timeout)).await;
        let mut findings = directory.findings();
        for finding in &mut findings {
            let of = |who: &Principal| who.to_string() == finding.subject;
            let line = context.inputs.policy.access.iter().find(|entry| of(&entry.who.principal));
            finding.source = line.map(|entry| entry.spot.source.clone());
        }
        findings.extend(shared.unwrap_or_default());
        findings
    }
}
