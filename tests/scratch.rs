//! Scratch.
use crate::support::{Fleet, world, fleet::own_row};
#[tokio::test]
#[ignore]
async fn scratch() {
    let (mut fleet, accounts, _) = crate::first_light::fleet().await;
    let _ = &mut fleet;
    fleet.settings("mode: enforce\nprotect: [\"arn:aws:iam::*:role/breakglass\"]\n");
    let a = &accounts[0];
    fleet.clusters[0].write_aws_auth([("mapRoles", &format!("{}# contractor, ask Joe\n- rolearn: arn:aws:iam::{a}:role/old-contractor\n  username: joe\n  groups: [system:masters]\n- rolearn: arn:aws:iam::{a}:role/eks-admin\n  username: someone\n  groups:\n    - viewers\n", own_row(a))), ("mapUsers", "- userarn: x\n  username: {{SessionName}}\n")]).await;
    for args in [vec!["discover"], vec!["plan"], vec!["plan","--diff"], vec!["report"], vec!["-o","markdown","plan"], vec!["-o","json","plan"], vec!["-v","sync"], vec!["sync"],vec!["plan"], vec!["-o","json","sync"]] {
        let ran = fleet.run(&args).await;
        println!("\n$ rolecall {}\n{}{}exit {:?}", args.join(" "), ran.stdout, ran.stderr, ran.code);
    }
    let _ = world;
    let _: Option<Fleet> = None;
    println!("{:#?}", fleet.clusters[0].aws_auth().await.unwrap());
}
