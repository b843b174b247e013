//! What people and machines get to see of a pass, as snapshots, and what must hold whatever the pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use insta::assert_snapshot;

use super::{
    fixture::{cluster, rich, rich_plan},
    *,
};
use crate::model::*;

const WIDE: View =
    View { color: false, width: Some(110), diff: false, unknown_only: false, brief: false, strict: false, limit: None };

#[test]
fn a_plan_as_a_table() {
    assert_snapshot!(render(&rich(PassKind::Plan), Format::Table, &View { diff: true, ..WIDE }));
}

#[test]
fn a_sync_as_a_table() {
    assert_snapshot!(render(&rich(PassKind::Sync), Format::Table, &WIDE));
}

#[test]
fn a_narrow_terminal() {
    let text = render(&rich(PassKind::Plan), Format::Table, &View { width: Some(72), ..WIDE });
    assert_snapshot!(text);
}

#[test]
fn only_what_is_unknown() {
    assert_snapshot!(render(&rich(PassKind::Plan), Format::Table, &View { unknown_only: true, ..WIDE }));
}

#[test]
fn drift_and_findings_in_short() {
    assert_snapshot!(render(&rich(PassKind::Plan), Format::Table, &View { brief: true, ..WIDE }));
}

#[test]
fn a_plan_as_markdown() {
    assert_snapshot!(render(&rich(PassKind::Plan), Format::Markdown, &View { diff: true, ..WIDE }));
}

#[test]
fn a_sync_as_json() {
    assert_snapshot!(render(&rich(PassKind::Sync), Format::Json, &View { diff: true, ..WIDE }));
}

#[test]
fn a_calm_fleet_takes_few_lines() {
    let mut report = rich(PassKind::Plan);
    report.findings.clear();
    report.clusters.truncate(1);
    assert_snapshot!(render(&report, Format::Table, &WIDE), @r"
    Roll call of o-a1b2c3d4e5: 3 accounts, 2 regions, 1 cluster                                    2.1 s
      in sync 1

    The cluster is in sync with the policy.
    Nothing was changed (plan).
    ");
    report.clusters.clear();
    assert_snapshot!(render(&report, Format::Table, &WIDE), @r"
    Roll call of o-a1b2c3d4e5: 3 accounts, 2 regions, 0 clusters                                   2.1 s

    No cluster was found in the accounts and regions that the settings name.
    Nothing was changed (plan).
    ");
}

#[test]
fn discovery_in_every_format() {
    let pass = rich(PassKind::Plan);
    let mut clusters: Vec<Cluster> = pass.clusters.iter().take(4).map(|report| report.cluster.clone()).collect();
    clusters[1].phase = ClusterPhase::LeftAlone("CREATING".to_owned());
    let empty = cluster(("777788889999", "attic"), "eu-west-1", "none").account;
    let accounts = [clusters[0].account.clone(), clusters[2].account.clone(), empty];
    let found = Discovered {
        organization: pass.organization.as_deref(),
        accounts: &accounts,
        clusters: &clusters,
        findings: &pass.findings,
    };
    assert_snapshot!("discovery_table", render_discovery(&found, Format::Table, &WIDE));
    assert_snapshot!("discovery_markdown", render_discovery(&found, Format::Markdown, &WIDE));
    let json: serde_json::Value = serde_json::from_str(&render_discovery(&found, Format::Json, &WIDE)).unwrap();
    assert_eq!(json["clusters"].as_array().unwrap().len(), 4);
    assert_eq!(json["clusters"][1]["status"], "CREATING");
    assert_eq!(json["accounts"][2]["organizationalUnit"], "/Workloads/Prod");
}

#[test]
fn nothing_from_outside_steers_a_terminal() {
    for kind in [PassKind::Plan, PassKind::Sync] {
        for format in [Format::Table, Format::Json, Format::Markdown] {
            let text = render(&rich(kind), format, &View { diff: true, ..WIDE });
            assert!(!text.chars().any(|c| c != '\n' && text::is_unsafe(c)), "{text}");
        }
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    for diff in [false, true] {
        let plain = render(&rich(PassKind::Sync), Format::Table, &View { diff, ..WIDE });
        let colored = render(&rich(PassKind::Sync), Format::Table, &View { diff, color: true, ..WIDE });
        assert!(colored.contains("\u{1b}["));
        let mut stripped = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            stripped.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        assert_eq!(stripped + rest, plain);
    }
}

#[test]
fn json_says_what_the_exit_code_says() {
    let mut report = rich(PassKind::Plan);
    let result = |report: &PassReport, strict| {
        let text = render(report, Format::Json, &View { strict, ..WIDE });
        serde_json::from_str::<serde_json::Value>(&text).unwrap()["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(result(&report, false), "incomplete");
    report.findings.clear();
    report.clusters.truncate(2);
    assert_eq!(result(&report, false), "drift");
    report.clusters.truncate(1);
    assert_eq!(result(&report, false), "in-sync");
    let id = report.clusters[0].cluster.id.clone();
    let notice = Finding::notice(FindingCode::Unmanaged, "x", "x is not ours");
    report.clusters[0].plan = Some(Plan { findings: vec![notice], ..Plan::empty(id) });
    assert_eq!(result(&report, false), "in-sync");
    assert_eq!(result(&report, true), "drift");
}

#[test]
fn a_change_of_several_writes_is_written_when_all_are() {
    let cluster = cluster(("444455556666", "prod"), "eu-west-1", "c");
    let mut plan = rich_plan(&cluster);
    plan.steps.truncate(2);
    plan.steps[1].changes = vec![0];
    let done = StepResult::Done { at: jiff::Timestamp::UNIX_EPOCH, resource_version: None };
    let conflict = StepResult::Conflict("moved".to_owned());
    let outcome =
        Outcome { steps: vec![StepOutcome { step: 0, result: done }, StepOutcome { step: 1, result: conflict }] };
    let results = results(&plan, Some(&outcome));
    assert_eq!(results[0].1, ChangeResult::Conflict("moved"));
    assert_eq!(results[1].1, ChangeResult::Written);
    assert_eq!(results[4].1, ChangeResult::Planned);
}
