use insta::assert_snapshot;
use jiff::Timestamp;

use super::super::{Format, View, fixture::cluster, render_migration};
use crate::model::*;

const WIDE: View =
    View { color: false, width: Some(110), diff: false, unknown_only: false, brief: false, strict: false, limit: None };

fn gives(username: &str, groups: &[&str]) -> Gives {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    Gives { username: username.to_owned(), groups, policies: Vec::new() }
}

fn row(name: &str, fate: Fate, row: Gives, entry: Option<Gives>, why: &str) -> RowMove {
    RowMove {
        section: Section::Roles,
        index: 2,
        arn: format!("arn:aws:iam::444455556666:role/{name}"),
        row,
        ours: false,
        node: name == "node",
        fate,
        principal: entry.as_ref().map(|_| format!("arn:aws:iam::444455556666:role/teams/{name}")),
        entry,
        why: why.to_owned(),
        next: (fate == Fate::Shadowed).then(|| "delete the row or the access entry, whichever is not meant".to_owned()),
        needed: fate == Fate::Stays,
    }
}

fn change() -> (Plan, Outcome) {
    let id = cluster(("444455556666", "payments"), "eu-west-1", "checkout").id;
    let principal = "arn:aws:iam::444455556666:role/teams/dev".to_owned();
    let after = Content::Entry { username: "dev".to_owned(), groups: vec!["devs".to_owned()], policies: Vec::new() };
    let made = Change {
        surface: Surface::AccessEntries,
        action: Action::Add,
        subject: Subject::Role(principal.clone()),
        who: None,
        reason: "gives what item 3 of mapRoles gives".to_owned(),
        before: None,
        after: Some(after.clone()),
        sources: Vec::new(),
        changed_by: None,
    };
    let step = Step { write: Write::CreateEntry { principal, ours: false, after }, changes: vec![0], removes: false };
    let mode = Write::SetMode { before: AuthenticationMode::ConfigMap, after: AuthenticationMode::ApiAndConfigMap };
    let content = |mode| Some(Content::Mode(mode));
    let changed = Change {
        action: Action::Change,
        subject: Subject::Mode,
        reason: "asked for with `--to`; there is no way back".to_owned(),
        before: content(AuthenticationMode::ConfigMap),
        after: content(AuthenticationMode::ApiAndConfigMap),
        ..made.clone()
    };
    let steps = vec![step, Step { write: mode, changes: vec![1], removes: false }];
    let done = |step| {
        let at = Timestamp::from_second(1_795_000_100).unwrap();
        StepOutcome { step, result: StepResult::Done { at, resource_version: None } }
    };
    let plan = Plan { changes: vec![made, changed], steps, ..Plan::empty(id) };
    (plan, Outcome { steps: vec![done(0), done(1)] })
}

fn report(applied: bool) -> MigrateReport {
    let of = |name: &str, status: Status, rows: Vec<RowMove>| MigratedCluster {
        report: ClusterReport {
            cluster: cluster(("444455556666", "payments"), "eu-west-1", name),
            status,
            cause: None,
            why: None,
            next: None,
            plan: None,
            earlier: Vec::new(),
            outcome: None,
        },
        rows,
        mode: None,
        waits_until: None,
    };
    let admin = gives("ops", &["ops", "system:masters"]);
    let rows = vec![
        row("dev", Fate::Moves, gives("dev", &["devs"]), Some(gives("dev", &["devs"])), "an access entry is made"),
        row("ops", Fate::Settles, admin.clone(), Some(admin), "the entry is settled at 10:00:00 UTC"),
        row("qa", Fate::Shadowed, gives("qa", &["qas"]), Some(gives("qa", &[])), "has no effect"),
        row("node", Fate::Stays, gives("system:node:x", &["system:nodes"]), None, "it lets nodes join"),
        row("old", Fate::Unknown, gives("", &[]), None, "whether it exists cannot be told: \u{1b}[31mdenied"),
    ];
    let node = rows[3].clone();
    let mut checkout = of("checkout", Status::Drifted, rows);
    if applied {
        checkout.report.earlier = vec![change()];
    } else {
        checkout.report.plan = Some(change().0);
    }
    let mut refused = of("ledger", Status::Drifted, Vec::new());
    let reason = "account 999988887777 is still needed".to_owned();
    let (from, to) = (AuthenticationMode::ApiAndConfigMap, AuthenticationMode::Api);
    refused.mode = Some(ModeChange { from, to, refused: vec![reason.clone()] });
    refused.report.why = Some(format!("the authentication mode cannot become API: {reason}"));
    MigrateReport {
        applied,
        organization: Some("o-a1b2c3d4e5".to_owned()),
        started: Timestamp::from_second(1_795_000_000).unwrap(),
        finished: Timestamp::from_second(1_795_000_002).unwrap(),
        accounts: 1,
        regions: 1,
        clusters: vec![of("calm", Status::InSync, vec![node]), checkout, refused],
        findings: Vec::new(),
    }
}

#[test]
fn a_migration_as_a_table() {
    assert_snapshot!(render_migration(&report(false), Format::Table, &WIDE));
}

#[test]
fn a_migration_that_was_carried_out_as_a_table() {
    assert_snapshot!(render_migration(&report(true), Format::Table, &WIDE));
}

#[test]
fn a_migration_as_json() {
    assert_snapshot!(render_migration(&report(true), Format::Json, &WIDE));
}

#[test]
fn a_comment_cannot_be_broken_out_of() {
    let mut report = report(false);
    report.clusters[1].rows[0].why = "```\n# heading".to_owned();
    let text = render_migration(&report, Format::Markdown, &WIDE);
    assert_eq!(text.matches("```").count(), 2, "{text}");
}
