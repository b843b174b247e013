//! Access entries, from discovery to the second pass, on the lab's EKS and API servers.

mod bounds;
mod memory;
pub mod scene;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use rolecall::{
    lab::{Call, Interference, Refusal, Verdict, world::World},
    model::{AuthenticationMode, ClusterReport, FindingCode, PassKind, Status},
    report::{Format, View, render},
};
use serde_json::{Value, json};

use scene::{CLUSTER_ADMIN, Scene, is_ours, role};

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

/// `dev` gets a group and a policy, `ops`, which has a path, everything.
pub const POLICY: &str = "\
access:
  - who: {role: dev}
    groups: [devs]
    username: \"dev:{{SessionName}}\"
    accessPolicies: [{policy: AmazonEKSViewPolicy, namespaces: [team-a, \"dev-*\"]}]
  - who: {role: ops}
    groups: [system:masters]";

const VIEW: &str = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";

fn found(report: &ClusterReport, code: FindingCode) -> Vec<&str> {
    let findings = report.plan.iter().flat_map(|plan| &plan.findings);
    findings.filter(|finding| finding.code == code).map(|finding| finding.message.as_str()).collect()
}

/// A second pass finds nothing to do and writes nothing.
pub async fn converged(scene: &Scene, policy: &str) {
    let again = scene.sync(policy).await;
    assert_eq!((again.status, again.why.as_deref()), (Status::InSync, None), "{:#?}", again.plan);
    assert_eq!(scene.writes(), [].into());
}

#[tokio::test]
async fn entries_are_made_changed_and_taken_away() {
    let scene = Scene::new(Api).await;
    let made = scene.sync(POLICY).await;
    assert_eq!((made.status, made.why.as_deref()), (Status::Applied, None), "{made:#?}");
    let (dev, ops) = (scene.entry("dev").unwrap(), scene.entry("teams/ops").unwrap());
    assert!(is_ours(&dev) && is_ours(&ops));
    assert_eq!((dev.username.as_str(), dev.groups), ("dev:{{SessionName}}", vec!["devs".to_owned()]));
    assert_eq!(dev.policies[VIEW].namespaces, ["dev-*", "team-a"]);
    assert_eq!((ops.groups.len(), ops.policies[CLUSTER_ADMIN].namespaces.len()), (0, 0));
    converged(&scene, POLICY).await;

    let changed = "access:\n  - who: {role: dev}\n    groups: [devs, more]\n    username: \"dev:{{SessionName}}\"";
    let report = scene.sync(changed).await;
    assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
    let dev = scene.entry("dev").unwrap();
    assert_eq!((dev.groups.len(), dev.policies.len()), (2, 0));
    assert_eq!(dev.username, "dev:{{SessionName}}", "what is not sent would go back to its default");
    assert!(scene.entry("teams/ops").is_none(), "no longer granted");
    assert!(scene.entry("rolecall-member").is_some(), "its own way in");
    converged(&scene, changed).await;
}

#[tokio::test]
async fn a_cluster_as_it_shall_be_costs_a_list_and_two_calls_for_each_entry() {
    let scene = Scene::with(Api, "unmanaged: keep\n").await;
    scene.sync(POLICY).await;
    scene.pass(PassKind::Plan, POLICY).await;
    let calls = scene.calls();
    let of = |name: &str| calls.get(name).copied().unwrap_or_default();
    assert_eq!((of("ListAccessEntries"), of("DescribeAccessEntry")), (1, 3), "rolecall's own is the third");
    assert_eq!(of("ListAssociatedAccessPolicies"), 2);
}

#[tokio::test]
async fn what_the_policy_names_is_adopted_and_what_it_does_not_is_told() {
    let scene = Scene::new(Api).await;
    scene.put_entry("dev", |entry| entry.groups = vec!["old".to_owned()]);
    scene.put_entry("other", |entry| entry.groups = vec!["theirs".to_owned()]);
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Applied, "{report:#?}");
    let dev = scene.entry("dev").unwrap();
    assert!(is_ours(&dev) && dev.groups == ["devs"]);
    let other = scene.entry("other").unwrap();
    assert!(!is_ours(&other) && other.groups == ["theirs"]);
    assert!(found(&report, FindingCode::Unmanaged).iter().any(|message| message.contains("theirs as arn:")));
    converged(&scene, POLICY).await;
}

#[tokio::test]
async fn what_is_not_ours_goes_only_when_the_settings_say_so() {
    let scene = Scene::with(Api, "unmanaged: remove\n").await;
    scene.put_entry("other", |entry| entry.groups = vec!["theirs".to_owned()]);
    scene.put_entry("auditor", |entry| entry.kind = "EC2_LINUX".to_owned());
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Applied, "{report:#?}");
    assert!(scene.entry("other").is_none() && scene.entry("auditor").is_some());
    converged(&scene, POLICY).await;
}

#[tokio::test]
async fn the_entry_of_a_role_that_was_made_anew_is_healed() {
    let scene = Scene::new(Api).await;
    scene.put_entry("dev", |entry| {
        entry.groups = vec!["devs".to_owned()];
        entry.username = "dev:{{SessionName}}".to_owned();
        entry.tags.insert("team".to_owned(), "a".to_owned());
    });
    scene.recreate_role("/", "dev");
    let before = scene.entry("dev").unwrap();
    let report = scene.sync(POLICY).await;
    assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
    let after = scene.entry("dev").unwrap();
    assert!(after.principal_id != before.principal_id && after.created > before.created);
    assert!(is_ours(&after) && after.tags["team"] == "a" && after.policies.contains_key(VIEW));
    let reasons = report.plan.iter().flat_map(|plan| &plan.changes).map(|change| change.reason.as_str());
    assert_eq!(reasons.filter(|reason| reason.starts_with("lets nobody in")).count(), 1);
    converged(&scene, POLICY).await;
}

#[tokio::test]
async fn beside_aws_auth_the_entries_count_and_the_rows_stay() {
    let scene = Scene::new(ApiAndConfigMap).await;
    let rows = format!("- rolearn: {}\n  username: old\n  groups: [devs]   # by hand\n", role("dev"));
    scene.put_aws_auth(&rows);
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Applied, "{report:#?}");
    assert!(is_ours(&scene.entry("dev").unwrap()));
    assert_eq!(scene.aws_auth().unwrap()["mapRoles"], rows);
    let shadowed = found(&report, FindingCode::RowShadowed);
    assert!(shadowed[0].contains("devs as old, but has no effect"), "{shadowed:?}");
    converged(&scene, POLICY).await;
    let with_account = format!("{POLICY}\n  - who: {{account: \"444455556666\"}}");
    scene.sync(&with_account).await;
    assert!(scene.aws_auth().unwrap()["mapAccounts"].as_str().unwrap().contains("444455556666"));
    converged(&scene, &with_account).await;
}

#[tokio::test]
async fn nobody_goes_without_access_because_an_entry_overrides_his_row_too_soon() {
    let scene = Scene::new(ApiAndConfigMap).await;
    let rows = format!(
        "- rolearn: {}\n  username: old\n  groups: [olds]\n- rolearn: {}\n  username: root\n  groups: [system:masters]\n",
        role("dev"),
        role("ops")
    );
    scene.put_aws_auth(&rows);
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Drifted, "{report:#?}");
    let left = found(&report, FindingCode::LeftToMigrate);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(scene.entry("dev").is_none() && scene.entry("teams/ops").is_none());
    assert_eq!((scene.aws_auth().unwrap()["mapRoles"].as_str(), scene.writes()), (Some(rows.as_str()), [].into()));
    let demoted = POLICY.replace("system:masters", "viewers");
    scene.sync(&demoted).await;
    assert_eq!(scene.entry("teams/ops").unwrap().groups, ["viewers"], "who shall have less gets it at once");
}

#[tokio::test]
async fn an_access_policy_is_there_before_the_group_that_it_stands_for_goes() {
    let scene = Scene::new(Api).await;
    scene.sync("access:\n  - who: {role: dev}\n    groups: [devs, olds]\n    username: \"dev:{{SessionName}}\"").await;
    let report = scene.sync(POLICY).await;
    let (plan, _) = report.carried_out().next().unwrap();
    let kinds: Vec<String> = plan.steps.iter().map(|step| format!("{:?}", step.write)).collect();
    let at = |what: &str| kinds.iter().position(|kind| kind.starts_with(what) && kind.contains("role/dev")).unwrap();
    assert!(at("AssociatePolicy") < at("UpdateEntry"), "{kinds:#?}");
}

#[tokio::test]
async fn in_mode_api_aws_auth_is_neither_read_nor_written() {
    let scene = Scene::new(Api).await;
    scene.put_aws_auth("- not: [valid\n");
    let with_account = format!("{POLICY}\n  - who: {{account: \"444455556666\"}}");
    let report = scene.sync(&with_account).await;
    assert_eq!(report.status, Status::Drifted, "the account has no place: {report:#?}");
    assert!(found(&report, FindingCode::CannotBePlaced)[0].contains("444455556666"));
    assert!(scene.entry("dev").is_some());
    let calls = scene.lab.world().tally.take();
    assert!(calls.keys().all(|(_, operation)| !operation.contains("configmaps")), "{calls:?}");
}

#[tokio::test]
async fn a_cluster_that_reads_no_entries_is_not_asked_for_any() {
    let scene = Scene::new(ConfigMap).await;
    let policy = "access:\n  - who: {role: dev}\n    groups: [devs]\n    username: dev";
    let report = scene.sync(policy).await;
    assert_eq!(report.status, Status::Applied, "{report:#?}");
    let calls = scene.lab.world().tally.take();
    assert!(calls.keys().all(|(_, operation)| !operation.contains("Access")), "{calls:?}");
    assert!(calls.keys().any(|(_, operation)| operation.contains("configmaps")), "{calls:?}");
    assert!(scene.aws_auth().unwrap()["mapRoles"].as_str().unwrap().contains(&role("dev")));
    converged(&scene, policy).await;
}

#[tokio::test]
async fn the_settings_keep_people_on_aws_auth() {
    let scene = Scene::with(ApiAndConfigMap, "clusters: {surface: aws-auth}\n").await;
    let policy = "access:\n  - who: {role: dev}\n    groups: [devs]\n    username: dev";
    assert_eq!(scene.sync(policy).await.status, Status::Applied);
    assert!(scene.entry("dev").is_none());
    assert!(scene.aws_auth().unwrap()["mapRoles"].as_str().unwrap().contains(&role("dev")));
}

/// Answers some calls otherwise, or does something right before them.
struct At {
    operation: &'static str,
    verdict: Verdict,
    first: fn(&Arc<World>),
    once: std::sync::Once,
}

impl Interference for At {
    fn latency(&self, _call: &Call) -> Duration {
        Duration::ZERO
    }

    fn verdict<'a>(&'a self, world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict> {
        Box::pin(async move {
            if call.operation != self.operation {
                return Verdict::Serve;
            }
            self.once.call_once(|| (self.first)(world));
            self.verdict.clone()
        })
    }
}

fn at(operation: &'static str, verdict: Verdict, first: fn(&Arc<World>)) -> At {
    At { operation, verdict, first, once: std::sync::Once::new() }
}

fn denied() -> Verdict {
    Verdict::Refuse(Refusal::new(403, "AccessDeniedException", "not authorized to perform it"))
}

#[tokio::test]
async fn unknown_is_not_empty() {
    let scene = Scene::new(Api).await;
    scene.sync(POLICY).await;
    let nobody = "access: []";
    scene.interfere(at("ListAccessEntries", denied(), |_| ()));
    let report = scene.sync(nobody).await;
    assert_eq!(report.status, Status::AccessDenied, "{report:#?}");
    assert!(report.next.unwrap().contains("eks:ListAccessEntries"));
    assert!(scene.entry("dev").is_some() && scene.entry("teams/ops").is_some());
    scene.interfere(at("DescribeAccessEntry", denied(), |_| ()));
    let report = scene.sync(nobody).await;
    assert!(found(&report, FindingCode::RemovalHeldBack)[0].contains("could not be read"), "{report:#?}");
    assert!(scene.entry("dev").is_some() && scene.entry("teams/ops").is_some());
}

/// The role's entry goes, or comes, behind rolecall's back.
fn toggle(world: &Arc<World>, name: &str) {
    let mut state = world.write();
    let account = "222222222222".parse().unwrap();
    let role = &state.accounts[&account].iam.roles[name];
    let (arn, id) = (role.arn(&account), role.id.clone());
    let cluster = state.clusters.values_mut().next().unwrap();
    if cluster.entries.remove(&arn.to_string()).is_none() {
        let entry = rolecall::lab::world::eks::AccessEntry::new(&arn, id, jiff::Timestamp::now());
        cluster.entries.insert(arn.to_string(), entry);
    }
}

#[tokio::test]
async fn an_entry_that_goes_between_list_and_describe_is_absent() {
    let scene = Scene::new(Api).await;
    scene.put_entry("dev", |entry| entry.groups = vec!["old".to_owned()]);
    scene.interfere(at("DescribeAccessEntry", Verdict::Serve, |world| toggle(world, "dev")));
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Applied, "{report:#?}");
    assert!(is_ours(&scene.entry("dev").unwrap()));
}

#[tokio::test]
async fn an_entry_that_somebody_makes_at_the_same_moment_is_adopted() {
    let scene = Scene::new(Api).await;
    scene.interfere(at("CreateAccessEntry", Verdict::Serve, |world| toggle(world, "dev")));
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Applied, "{report:#?}");
    assert_eq!(report.earlier.len(), 1, "the conflict made it be read and planned again");
    let dev = scene.entry("dev").unwrap();
    assert!(is_ours(&dev) && dev.groups == ["devs"]);
    converged(&scene, POLICY).await;
}

#[tokio::test]
async fn a_write_that_is_refused_is_told_in_words() {
    let scene = Scene::new(Api).await;
    scene.interfere(at("CreateAccessEntry", denied(), |_| ()));
    let report = scene.sync(POLICY).await;
    assert_eq!(report.status, Status::Drifted);
    assert!(report.why.unwrap().contains("CreateAccessEntry of arn:aws:iam::222222222222:role/"));
    assert!(report.next.unwrap().starts_with("Allow eks:CreateAccessEntry to"));
}

/// Refuses the first calls of an operation.
struct First {
    operation: &'static str,
    left: AtomicUsize,
    refusal: Refusal,
}

impl Interference for First {
    fn latency(&self, _call: &Call) -> Duration {
        Duration::ZERO
    }

    fn verdict<'a>(&'a self, _world: &'a Arc<World>, call: &'a Call) -> BoxFuture<'a, Verdict> {
        let hit = call.operation == self.operation
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        let verdict = if hit { Verdict::Refuse(self.refusal.clone()) } else { Verdict::Serve };
        Box::pin(std::future::ready(verdict))
    }
}

#[tokio::test]
async fn a_principal_that_eks_does_not_know_yet_is_tried_again() {
    let scene = Scene::new(Api).await;
    let said = "The specified principalArn is invalid: invalid principal.";
    let refusal = Refusal::new(400, "InvalidParameterException", said);
    scene.interfere(First { operation: "CreateAccessEntry", left: AtomicUsize::new(2), refusal });
    let report = scene.sync(POLICY).await;
    assert_eq!((report.status, report.why.as_deref()), (Status::Applied, None), "{report:#?}");
    assert_eq!(scene.calls()["CreateAccessEntry"], 4);
}

#[tokio::test]
async fn the_report_tells_writes_of_entries_with_before_and_after() {
    let scene = Scene::new(Api).await;
    scene.put_entry("dev", |entry| entry.groups = vec!["old".to_owned()]);
    let report = scene.pass(PassKind::Sync, POLICY).await;
    let view = View { diff: true, ..View::default() };
    let json: Value = serde_json::from_str(&render(&report, Format::Json, &view)).unwrap();
    let cluster = &json["clusters"][0];
    let entry = |action: &str| {
        let writes = cluster["writes"].as_array().unwrap();
        writes
            .iter()
            .find(|write| write["action"] == action && write["object"].as_str().unwrap().contains("/dev"))
            .unwrap()
    };
    assert_eq!(entry("update")["before"]["groups"], json!(["old"]));
    assert_eq!(entry("update")["after"]["groups"], json!(["devs"]));
    assert_eq!(
        entry("create")["after"],
        json!({"kind": "policy", "scope": "namespace", "namespaces": ["dev-*", "team-a"]})
    );
    assert_eq!(entry("tag")["result"], "written");
    let policy =
        &cluster["changes"].as_array().unwrap().iter().find(|c| c["subject"]["kind"] == "access-policy").unwrap();
    assert!(policy["subject"]["principal"].as_str().unwrap().starts_with("arn:aws:iam::222222222222:role/"));
    assert!(cluster["diff"]["access-entries"].as_str().unwrap().contains("-  group: old\n"), "{cluster:#}");
    let table = render(&report, Format::Table, &view);
    for words in [
        "access-entries +",
        "~ role dev  as arn:aws:sts::222222222222:assumed-role/dev/{{SessionName}} → dev:{{SessionName}}  groups old → devs",
        "+ AmazonEKSViewPolicy for role dev  in namespaces dev-*, team-a",
        "+ AmazonEKSClusterAdminPolicy for role teams/ops  in the whole cluster",
        "access entries (planned)",
    ] {
        assert!(table.contains(words), "{words:?} is not in\n{table}");
    }
    assert!(render(&report, Format::Markdown, &view).contains("AmazonEKSViewPolicy for role dev"));
}
