//! Rows become access entries, on the lab, with a look at everybody's access after every call.

mod watch;

use std::{fs, time::Duration};

use assert_cmd::assert::OutputAssertExt as _;
use jiff::Timestamp;
use predicates::str::contains;
use rolecall::{
    lab::{Call, Refusal, Verdict},
    model::{AuthenticationMode, BRIDGE, ClusterId, ExitCode, Fate, MigrateReport, Status},
    report::{Format, View, render_migration},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    access_entries::scene::{CLUSTER_ADMIN, Scene, is_ours, role},
    support::fleet::rolecall,
};
use rolecall::fleet::{MigrateOptions, Within};
use watch::{Watch, everybody};

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

const OWNED: &str = "rolecall.dev/owned-rows";
const NODE: &str = "- rolearn: arn:aws:iam::222222222222:role/auditor\n  username: system:node:{{EC2PrivateDNSName}}\n  groups: [system:bootstrappers, system:nodes]\n";

fn options() -> MigrateOptions {
    MigrateOptions {
        to: None,
        include_own: false,
        settle: Duration::ZERO,
        timeout: Duration::from_mins(5),
        within: None,
    }
}

fn only(names: &[&str]) -> Within {
    Within { names: names.iter().map(|&name| name.to_owned()).collect(), by_person: true, ..Within::default() }
}

fn row(name: &str, username: &str, groups: &str) -> String {
    format!("- rolearn: {}\n  username: {username}\n  groups: [{groups}]\n", role(name))
}

/// An administrator with a path, somebody else, and a comment of somebody's.
fn people() -> String {
    let (ops, dev) = (row("ops", "ops", "system:masters, ops"), row("dev", "dev:{{SessionName}}", "devs"));
    format!("# the operators\n{ops}{dev}")
}

fn put(scene: &Scene, id: &ClusterId, roles: &str, annotations: &Value) {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"mapRoles": roles},
        "metadata": {"name": "aws-auth", "namespace": "kube-system", "annotations": annotations},
    });
    let mut state = scene.lab.world().write();
    state.clusters.get_mut(id).unwrap().api.store().put(object, Timestamp::now()).unwrap();
}

fn roles(scene: &Scene) -> String {
    scene.aws_auth().unwrap()["mapRoles"].as_str().unwrap().to_owned()
}

async fn apply(scene: &Scene, options: MigrateOptions) -> MigrateReport {
    scene.survey(options, CancellationToken::new()).await.carry_out().await
}

fn denied() -> Verdict {
    Verdict::Refuse(Refusal::new(403, "AccessDeniedException", "not authorized to perform it"))
}

#[tokio::test]
async fn a_whole_fleet_moves_and_nobody_has_less_at_any_moment() {
    let scene = Scene::new(ApiAndConfigMap).await;
    let two = scene.add_cluster("two", ApiAndConfigMap);
    let old = scene.add_cluster("old", ConfigMap);
    let owned = json!({OWNED: json!({"mapRoles": {role("dev"): null}, "mapUsers": {}, "mapAccounts": {}}).to_string()});
    put(&scene, &scene.id, &format!("{}{NODE}", people()), &owned);
    for id in [&two, &old] {
        put(&scene, id, &people(), &json!({"theirs": "kept"}));
    }
    let survey = scene.survey(options(), CancellationToken::new()).await;
    assert_eq!(survey.report().exit_code(), ExitCode::Drift);
    let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    let report = survey.carry_out().await;
    let writes = watch.writes();
    assert_eq!(writes.iter().filter(|write| *write == "CreateAccessEntry").count(), 4, "{writes:?}");

    assert_eq!(report.exit_code(), ExitCode::Drift, "the third has no access entries: {report:#?}");
    let of = |name: &str| report.clusters.iter().find(|cluster| cluster.report.cluster.id.name == name).unwrap();
    assert_eq!((of("one").report.status, of("two").report.status), (Status::Applied, Status::Applied));
    assert!(of("old").report.next.as_ref().unwrap().contains("--to API_AND_CONFIG_MAP"), "{:#?}", of("old"));
    assert_eq!(roles(&scene), format!("# the operators\n{NODE}"), "the others stay byte for byte");
    let (ops, dev) = (scene.entry("teams/ops").unwrap(), scene.entry("dev").unwrap());
    assert_eq!((ops.groups.as_slice(), ops.policies.contains_key(CLUSTER_ADMIN)), (&["ops".to_owned()][..], true));
    assert!(is_ours(&dev) && !is_ours(&ops), "whose the row was, the entry is");
    let annotations = scene.change(|cluster| cluster.api.store().get("configmaps", "kube-system", "aws-auth").unwrap());
    assert!(annotations["metadata"]["annotations"].get(OWNED).is_none(), "{annotations:#}");
    assert!(scene.change(|cluster| cluster.api.store().get("clusterrolebindings", "", BRIDGE)).is_none());

    let again = apply(&scene, MigrateOptions { within: Some(only(&["one", &two.to_string()])), ..options() }).await;
    assert_eq!((again.exit_code(), again.clusters.len()), (ExitCode::InSync, 2));
    assert_eq!(watch.writes(), writes, "there is nothing left to write");
    assert_eq!(again.clusters[0].rows[0].fate, Fate::Stays, "that of nodes");
}

#[tokio::test]
async fn stopped_after_any_write_it_goes_on() {
    for made in 0.. {
        let scene = Scene::new(ApiAndConfigMap).await;
        put(&scene, &scene.id, &people(), &json!({}));
        let whole = everybody(&scene.lab.world().read());
        let watch = Watch::new(
            scene.lab.world(),
            move |_: &Call, before| if before < made { Verdict::Serve } else { denied() },
        );
        let first = apply(&scene, options()).await;
        let stopped = watch.writes().len();
        let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
        let second = apply(&scene, options()).await;
        watch.writes();
        assert_eq!(second.exit_code(), ExitCode::InSync, "after {made}: {second:#?}");
        assert_eq!(everybody(&scene.lab.world().read()), whole);
        assert!(
            roles(&scene).starts_with("# the operators\n") && !roles(&scene).contains("rolearn"),
            "{}",
            roles(&scene)
        );
        if first.exit_code() == ExitCode::InSync {
            assert!(
                made == stopped && made > 5,
                "a bridge, two entries, a policy, the bridge left, rows, the bridge gone"
            );
            return;
        }
        assert_eq!(first.exit_code(), ExitCode::Drift, "after {made}: {first:#?}");
        assert!(first.clusters[0].report.why.as_ref().unwrap().contains("not authorized"), "{first:#?}");
    }
}

#[tokio::test]
async fn called_off_it_stands_safely_and_goes_on() {
    let scene = Scene::new(ApiAndConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let cancel = CancellationToken::new();
    let survey = scene.survey(options(), cancel.clone()).await;
    let watch = Watch::new(scene.lab.world(), move |call, _| {
        if call.operation == "AssociateAccessPolicy" {
            cancel.cancel();
        }
        Verdict::Serve
    });
    let report = survey.carry_out().await;
    let said = report.clusters[0].report.why.as_ref().unwrap();
    assert!(said.contains("called off"), "{report:#?}");
    assert!(
        roles(&scene).contains("role/ops") && scene.entry("teams/ops").unwrap().groups.contains(&BRIDGE.to_owned())
    );
    assert_eq!(apply(&scene, options()).await.exit_code(), ExitCode::InSync);
    watch.writes();
}

#[tokio::test]
async fn an_association_that_fails_leaves_the_row_and_the_bridge() {
    let scene = Scene::new(ApiAndConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let refuse = |call: &Call, _| if call.operation == "AssociateAccessPolicy" { denied() } else { Verdict::Serve };
    let watch = Watch::new(scene.lab.world(), refuse);
    let report = apply(&scene, options()).await;
    watch.writes();
    let cluster = &report.clusters[0];
    assert_eq!((report.exit_code(), cluster.rows[0].fate), (ExitCode::Drift, Fate::Settles), "{report:#?}");
    assert!(cluster.report.why.as_ref().unwrap().contains("AssociateAccessPolicy"), "{report:#?}");
    assert_eq!(
        roles(&scene),
        format!("# the operators\n{}", row("ops", "ops", "system:masters, ops")),
        "dev has moved"
    );
    assert_eq!(scene.entry("teams/ops").unwrap().groups, ["ops", BRIDGE]);
}

#[tokio::test]
async fn nothing_is_built_upon_what_is_not_settled() {
    let scene = Scene::new(ApiAndConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let patient = MigrateOptions { settle: Duration::from_hours(1), ..options() };
    let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    let report = apply(&scene, patient).await;
    let cluster = &report.clusters[0];
    assert!(cluster.report.why.as_ref().unwrap().contains("the time is over"), "{report:#?}");
    assert!(cluster.waits_until.is_some() && cluster.rows.iter().all(|row| row.fate == Fate::Settles));
    assert_eq!(roles(&scene), people(), "no row has gone");
    assert!(scene.entry("teams/ops").unwrap().groups.contains(&BRIDGE.to_owned()));
    assert_eq!(watch.writes().iter().filter(|write| *write == "UpdateAccessEntry").count(), 0);

    let soon = MigrateOptions { settle: Duration::from_millis(200), ..options() };
    assert_eq!(apply(&scene, soon).await.exit_code(), ExitCode::InSync);
    watch.writes();
}

#[tokio::test]
async fn the_mode_goes_all_the_way_with_the_migration_between() {
    let scene = Scene::new(ConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let to = |to| MigrateOptions { to: Some(to), ..options() };
    let survey = scene.survey(to(Api), CancellationToken::new()).await;
    assert_eq!(survey.report().mode_changes(), 1);
    let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    let report = survey.carry_out().await;
    let writes = watch.writes();
    assert_eq!(report.exit_code(), ExitCode::InSync, "{report:#?}");
    assert_eq!(scene.change(|cluster| cluster.authentication_mode()), Api);
    assert_eq!(writes.iter().filter(|write| *write == "UpdateClusterConfig").count(), 2, "{writes:?}");
    assert_eq!((writes.first(), writes.last()), (Some(&"UpdateClusterConfig".to_owned()), writes.first()));
    assert_eq!(apply(&scene, to(ApiAndConfigMap)).await.clusters[0].mode, None, "there is no way back");
}

#[tokio::test]
async fn an_update_that_is_under_way_is_waited_for() {
    let scene = Scene::new(ConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let lose =
        |call: &Call, _| if call.operation == "UpdateClusterConfig" { Verdict::LoseAnswer } else { Verdict::Serve };
    Watch::new(scene.lab.world(), lose);
    let to = MigrateOptions { to: Some(ApiAndConfigMap), ..options() };
    let first = apply(&scene, to.clone()).await;
    Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    let second = apply(&scene, to).await;
    assert_eq!(second.exit_code(), ExitCode::InSync, "{first:#?}{second:#?}");
    assert_eq!(scene.change(|cluster| cluster.authentication_mode()), ApiAndConfigMap);
}

#[tokio::test]
async fn mode_api_is_refused_while_rows_of_nodes_need_aws_auth() {
    for mode in [ConfigMap, ApiAndConfigMap] {
        let scene = Scene::new(mode).await;
        put(&scene, &scene.id, &format!("{NODE}{}", people()), &json!({}));
        let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
        let report = apply(&scene, MigrateOptions { to: Some(Api), ..options() }).await;
        watch.writes();
        let cluster = &report.clusters[0];
        assert_eq!(report.exit_code(), ExitCode::Drift);
        assert!(cluster.report.why.as_ref().unwrap().contains("role/auditor is still needed"), "{report:#?}");
        assert_eq!(scene.change(|cluster| cluster.authentication_mode()), ApiAndConfigMap);
        assert_eq!(roles(&scene), format!("{NODE}# the operators\n"), "people have moved all the same");
        scene.put_entry("auditor", |entry| entry.kind = "EC2_LINUX".to_owned());
        let report = apply(&scene, MigrateOptions { to: Some(Api), ..options() }).await;
        assert_eq!(report.exit_code(), ExitCode::InSync, "{report:#?}");
        assert_eq!(scene.change(|cluster| cluster.authentication_mode()), Api);
    }
}

#[tokio::test]
async fn a_namesake_in_another_account_moves_as_itself() {
    let scene = Scene::new(ApiAndConfigMap).await;
    let hub = "111111111111".parse().unwrap();
    scene.lab.world().write().add_role(&hub, "/", "dev", json!({}), Timestamp::now()).unwrap();
    let there = "arn:aws:iam::111111111111:role/dev";
    let text = format!("{}- rolearn: {there}\n  username: guest\n  groups: [guests]\n", row("dev", "dev", "devs"));
    put(&scene, &scene.id, &text, &json!({}));
    let survey = scene.survey(options(), CancellationToken::new()).await;
    assert!(survey.report().clusters[0].rows[1].why.contains("not one of those that are walked"), "{survey:#?}");
    let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    assert_eq!(survey.carry_out().await.exit_code(), ExitCode::InSync);
    watch.writes();
    let guest = scene.change(|cluster| cluster.entries[there].clone());
    assert_eq!(
        (guest.groups, scene.entry("dev").unwrap().groups),
        (vec!["guests".to_owned()], vec!["devs".to_owned()])
    );
}

#[tokio::test]
async fn more_clusters_than_the_budget_allows_are_not_begun() {
    let scene = Scene::with(ApiAndConfigMap, "safety: {maxChangedClusters: 1}\n").await;
    let two = scene.add_cluster("two", ApiAndConfigMap);
    for id in [&scene.id, &two] {
        put(&scene, id, &people(), &json!({}));
    }
    let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    let report = apply(&scene, options()).await;
    assert_eq!((report.exit_code(), watch.writes().len()), (ExitCode::Drift, 0));
    assert!(report.clusters.iter().all(|cluster| cluster.report.status == Status::Blocked), "{report:#?}");
    let report = apply(&scene, MigrateOptions { within: Some(only(&["two"])), ..options() }).await;
    assert_eq!(report.exit_code(), ExitCode::InSync);
    assert_eq!(roles(&scene), people());
}

#[tokio::test]
async fn a_pass_in_the_middle_of_it_takes_nobody_off_the_bridge() {
    let scene = Scene::new(ApiAndConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let refuse = |call: &Call, _| if call.operation == "AssociateAccessPolicy" { denied() } else { Verdict::Serve };
    Watch::new(scene.lab.world(), refuse);
    apply(&scene, options()).await;
    let watch = Watch::new(scene.lab.world(), |_, _| Verdict::Serve);
    scene.sync("access: []").await;
    assert!(scene.change(|cluster| cluster.api.store().get("clusterrolebindings", "", BRIDGE)).is_some());
    let wanted = "access:\n  - who: {role: ops}\n    groups: [system:masters, ops]\n    username: ops";
    assert_eq!(scene.sync(wanted).await.status, Status::Applied);
    let updates = || watch.writes().iter().filter(|write| *write == "UpdateAccessEntry").count();
    assert_eq!(updates(), 0, "when the policy is in effect is not the pass's to tell: {:?}", watch.writes());
    assert_eq!(scene.sync(wanted).await.status, Status::InSync);
    assert_eq!(apply(&scene, options()).await.exit_code(), ExitCode::InSync);
    assert_eq!((updates(), scene.entry("teams/ops").unwrap().groups), (1, vec!["ops".to_owned()]));
}

#[tokio::test]
async fn the_report_tells_rows_and_writes() {
    let scene = Scene::new(ApiAndConfigMap).await;
    put(&scene, &scene.id, &people(), &json!({}));
    let survey = scene.survey(options(), CancellationToken::new()).await;
    let view = View::default();
    let json: Value = serde_json::from_str(&render_migration(survey.report(), Format::Json, &view)).unwrap();
    let row = &json["clusters"][0]["rows"][0];
    assert_eq!((&row["fate"], &row["principal"]), (&json!("moves"), &json!(role("teams/ops"))));
    assert_eq!((&row["same"], &row["entry"]["groups"]), (&json!(true), &json!(["ops", "system:masters"])));
    assert_eq!(json["result"], "drift");
    let report = survey.carry_out().await;
    let json: Value = serde_json::from_str(&render_migration(&report, Format::Json, &view)).unwrap();
    let writes = json["clusters"][0]["writes"].as_array().unwrap();
    let objects: Vec<&str> = writes.iter().map(|write| write["object"].as_str().unwrap()).collect();
    assert_eq!(objects.last(), Some(&"clusterrolebinding rolecall:migration"), "{objects:?}");
    assert!(writes.iter().all(|write| write["result"] == "written"), "{writes:#?}");
    assert!(objects.contains(&"access policy AmazonEKSClusterAdminPolicy of arn:aws:iam::222222222222:role/teams/ops"));
    let table = render_migration(&report, Format::Table, &view);
    assert!(
        table.contains("row and access entry give the same") && table.ends_with("Nothing is left to be moved.\n"),
        "{table}"
    );
}

#[test]
fn what_cannot_be_taken_back_is_not_done_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "apiVersion: rolecall.dev/v1\nkind: Settings\norganization: {memberRole: m, regions: [eu-west-1]}\npolicy: [policy.yaml]\n";
    fs::write(folder.path().join("policy.yaml"), "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\naccess: []\n")
        .unwrap();
    let write =
        |mode: &str| fs::write(folder.path().join("rolecall.yaml"), format!("{settings}mode: {mode}\n")).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = rolecall(folder.path());
        command.arg("migrate").args(arguments).env("AWS_EC2_METADATA_DISABLED", "true");
        command.assert()
    };
    write("report");
    run(&["--apply"]).code(2).stdout("").stderr(contains("mode: enforce"));
    write("enforce");
    run(&["--apply", "--to", "API"]).code(2).stdout("").stderr(contains("`--yes`"));
    run(&["--to", "CONFIG_MAP"]).code(2).stdout("");
    run(&["--yes"]).code(2).stdout("");
}
