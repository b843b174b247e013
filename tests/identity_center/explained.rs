//! `explain` on a cluster of access entries: what counts, what the policy wants, and what nobody holds any more.

use std::sync::Arc;

use rolecall::{
    fleet::{self, PassOptions, Quiet},
    model::{AuthenticationMode::ApiAndConfigMap, Explanation, PassKind, Surface},
    policy,
};
use tokio_util::sync::CancellationToken;

use super::people::{GROUP, held, roles, scene};
use crate::access_entries::scene::{Scene, role};

const POLICY: &str = "\
groups: [{name: devs, clusterRoles: [view]}]
access:
  - who: {directoryGroup: K8s-Developers@corp.example.com}
    groups: [devs]
    username: \"dev:{{SessionName}}\"";

async fn explain(scene: &Scene, question: &str) -> Explanation {
    let asked = policy::asked(question, true).unwrap();
    let options = PassOptions { asked, ..PassOptions::new(PassKind::Plan) };
    let (inputs, cancel) = (Arc::new(scene.inputs(POLICY)), CancellationToken::new());
    let mut explained = fleet::explain(inputs, options, &scene.hub, cancel, Arc::new(Quiet)).await.unwrap();
    assert!(!explained.is_incomplete(), "{explained:#?}");
    explained.clusters.remove(0)
}

#[tokio::test]
async fn the_chain_of_a_directory_group_is_told_from_its_name_to_its_rules() {
    let scene = scene(ApiAndConfigMap).await;
    held(&scene, GROUP, "Dev");
    let wanting = explain(&scene, &format!("directoryGroup:{GROUP}")).await;
    let answer = &wanting.answers[0];
    assert!(answer.effective().is_none() && answer.live.is_empty());
    assert_eq!(answer.wanted.as_ref().unwrap().groups, ["devs"], "the policy wants what does not stand yet");

    scene.sync(POLICY).await;
    let bare = role(roles(&scene, "Dev")[0].rsplit('/').next().unwrap());
    scene.put_aws_auth(&format!("- rolearn: {bare}\n  username: old\n  groups: [system:masters]\n"));
    let explanation = explain(&scene, &format!("directoryGroup:{GROUP}")).await;
    let answer = &explanation.answers[0];
    assert_eq!(answer.permission_set.as_deref(), Some("Dev"));
    let counts = answer.effective().unwrap();
    assert_eq!(
        (counts.surface, counts.ours, &counts.grant.groups[..]),
        (Surface::AccessEntries, true, &["devs".to_owned()][..])
    );
    assert_eq!(answer.live.len(), 2, "the row beside it is told, and that it has no effect");
    assert!(answer.live[1].void.is_some() && answer.live[1].grant.groups == ["system:masters"]);
    assert_eq!(answer.bindings[0].role.name, "view");
    assert_eq!(answer.sources[0].line, 5);

    let session = format!("{}/ana", bare.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/"));
    let of_the_session = explain(&scene, &session).await;
    assert_eq!(of_the_session.answers[0].effective(), answer.effective());
    let nobody = explain(&scene, "permissionSet:Other").await;
    assert!(nobody.answers.is_empty());
}
