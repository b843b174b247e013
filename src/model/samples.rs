//! What unit tests of every room begin with.

use std::collections::BTreeMap;

use super::{Account, AuthenticationMode, Cluster, ClusterId, ClusterPhase, Region};

/// A cluster of account 111122223333 (`payments`, in `/Workloads/Prod`), ready and without tags.
pub(crate) fn cluster(name: &str) -> Cluster {
    let account = Account {
        id: "111122223333".parse().unwrap(),
        name: "payments".to_owned(),
        ou_path: Some("/Workloads/Prod".to_owned()),
        tags: None,
    };
    Cluster {
        id: ClusterId { account: account.id.clone(), region: Region::new("eu-west-1"), name: name.to_owned() },
        account,
        arn: format!("arn:aws:eks:eu-west-1:111122223333:cluster/{name}"),
        phase: ClusterPhase::Ready,
        endpoint: String::new(),
        certificate_authority: String::new(),
        authentication_mode: AuthenticationMode::ConfigMap,
        tags: BTreeMap::new(),
        version: None,
    }
}
