//! A pass with every status and every kind of change, for tests.
#![allow(clippy::unwrap_used, clippy::unnecessary_wraps)]

use std::collections::BTreeMap;

use crate::model::*;

pub(super) fn cluster(account: (&str, &str), region: &str, name: &str) -> Cluster {
    let id: AccountId = account.0.parse().unwrap();
    Cluster {
        id: ClusterId { account: id.clone(), region: Region::new(region), name: name.to_owned() },
        account: Account { id, name: account.1.to_owned(), ou_path: Some("/Workloads/Prod".to_owned()), tags: None },
        arn: format!("arn:aws:eks:{region}:{}:cluster/{name}", account.0),
        phase: ClusterPhase::Ready,
        endpoint: "https://example.eks.amazonaws.com".to_owned(),
        certificate_authority: String::new(),
        authentication_mode: AuthenticationMode::ConfigMap,
        tags: BTreeMap::new(),
        version: Some("1.33".to_owned()),
    }
}

fn report(cluster: Cluster, status: Status) -> ClusterReport {
    ClusterReport {
        cluster,
        status,
        cause: None,
        why: None,
        next: None,
        plan: None,
        earlier: Vec::new(),
        outcome: None,
    }
}

fn row(username: &str, groups: &[&str]) -> Option<Content> {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    Some(Content::Row { username: username.to_owned(), groups })
}

fn source(line: usize) -> Vec<Source> {
    vec![Source { file: "policy.yaml".to_owned(), line }]
}

fn change(surface: Surface, subject: Subject, before: Option<Content>, after: Option<Content>) -> Change {
    let (action, reason) = match (&before, &after) {
        (None, _) => (Action::Add, "missing"),
        (_, None) => (Action::Remove, "no longer granted"),
        _ => (Action::Change, "differs"),
    };
    let reason = reason.to_owned();
    let sources = if after.is_some() { source(14) } else { Vec::new() };
    Change { surface, action, subject, who: None, reason, before, after, sources, changed_by: None }
}

fn object(kind: RbacKind, namespace: Option<&str>, name: &str) -> ObjectRef {
    ObjectRef { kind, namespace: namespace.map(str::to_owned), name: name.to_owned() }
}

fn binding(role: &str, groups: &[&str]) -> Option<Content> {
    let subject = |name: &&str| RbacSubject { kind: SubjectKind::Group, name: (*name).to_owned(), namespace: None };
    Some(Content::Binding {
        role_ref: RoleRef { kind: RbacKind::ClusterRole, name: role.to_owned() },
        subjects: groups.iter().map(subject).collect(),
    })
}

fn rule(verbs: &[&str], resources: &[&str], group: &str) -> Rule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Rule { api_groups: owned(&[group]), resources: owned(resources), verbs: owned(verbs), ..Rule::default() }
}

fn aws_auth_changes() -> Vec<Change> {
    let role = |name: &str| Subject::Role(format!("arn:aws:iam::444455556666:role/{name}"));
    let user = Subject::User("arn:aws:iam::999988887777:user/ops/breakglass".to_owned());
    let admin = row("admin:{{SessionName}}", &["ad-cluster-admins"]);
    vec![
        Change {
            who: Some("permission set PlatformAdmin".to_owned()),
            ..change(Surface::AwsAuth, role("AWSReservedSSO_PlatformAdmin_0123456789abcdef"), None, admin)
        },
        Change {
            reason: "groups differ".to_owned(),
            changed_by: Some(ChangedBy {
                manager: "kubectl-edit".to_owned(),
                time: Some("2026-11-20T14:02:11Z".parse().unwrap()),
            }),
            sources: source(31),
            ..change(
                Surface::AwsAuth,
                role("deployer"),
                row("deployer", &["deployers", "system:masters"]),
                row("deployer", &["deployers"]),
            )
        },
        change(Surface::AwsAuth, user, row("old", &[]), None),
        change(Surface::AwsAuth, Subject::Account("123456789012".parse().unwrap()), None, Some(Content::Account)),
    ]
}

fn rbac_changes() -> Vec<Change> {
    let pods = rule(&["get", "list", "watch"], &["pods", "pods/log"], "");
    let deployments = rule(&["get", "list"], &["deployments"], "apps");
    let role = object(RbacKind::ClusterRole, None, "ad-cluster-devs");
    let team = object(RbacKind::Role, Some("team-a"), "team-a-extra");
    let devs = object(RbacKind::ClusterRoleBinding, None, "ad-cluster-devs");
    let edit = object(RbacKind::RoleBinding, Some("team-a"), "ad-cluster-devs-edit");
    let rules = |rules: &[&Rule]| Some(Content::Rules(rules.iter().map(|rule| (*rule).clone()).collect()));
    vec![
        change(Surface::Rbac, Subject::Object(role), None, rules(&[&pods, &deployments])),
        change(Surface::Rbac, Subject::Object(team), rules(&[&pods]), rules(&[&deployments])),
        change(Surface::Rbac, Subject::Object(devs), None, binding("ad-cluster-devs", &["ad-cluster-devs"])),
        change(Surface::Rbac, Subject::Object(edit), binding("edit", &["devs"]), binding("edit", &["devs", "ops"])),
    ]
}

/// A plan with every kind of change, a finding and the text to write.
pub(super) fn rich_plan(cluster: &Cluster) -> Plan {
    let text = |rows: &str| AwsAuthText {
        data: [("mapRoles".to_owned(), format!("# nodes first\n{rows}"))].into(),
        annotations: BTreeMap::new(),
    };
    let aws_auth = Write::PutAwsAuth {
        precondition: AwsAuthPrecondition::At { uid: "u".to_owned(), resource_version: "7".to_owned() },
        before: Some(text("- rolearn: a\n  groups: [deployers, system:masters]\n")),
        after: text("- rolearn: a\n  groups: [deployers]\n- rolearn: b\n"),
    };
    let changes: Vec<Change> = aws_auth_changes().into_iter().chain(rbac_changes()).collect();
    let mut steps = vec![Step { write: aws_auth, changes: (0..4).collect(), removes: true }];
    for (index, change) in changes.iter().enumerate().skip(4) {
        if let (Subject::Object(object), Some(after)) = (&change.subject, &change.after) {
            let precondition = ObjectPrecondition::Absent;
            let before = change.before.clone();
            let write = Write::ApplyObject { object: object.clone(), precondition, before, after: after.clone() };
            steps.push(Step { write, changes: vec![index], removes: false });
        }
    }
    let unmanaged = Finding::notice(
        FindingCode::Unmanaged,
        "arn:aws:iam::444455556666:role/old-contractor",
        "as contractor in system:masters, not ours: left alone (`unmanaged: report`)",
    );
    Plan { cluster: cluster.id.clone(), changes, steps, findings: vec![unmanaged], blocked: None }
}

fn broken(cluster: &Cluster) -> Plan {
    let section = Change {
        reason: "does not parse; repaired on demand, the broken text is kept in a ConfigMap beside it".to_owned(),
        ..change(
            Surface::AwsAuth,
            Subject::Section(Section::Users),
            Some(Content::Text("- userarn: [\n".to_owned())),
            Some(Content::Text("- userarn: a\n  username: a\n".to_owned())),
        )
    };
    let finding = Finding::drift(
        FindingCode::SectionBroken,
        "mapUsers",
        "mapUsers does not parse at line 1, column 12: nobody in it gets in. The fixed section would be:\n- userarn: a\n  username: a",
    )
    .next("Run `rolecall sync --repair` to write it.");
    Plan { changes: vec![section], findings: vec![finding], ..Plan::empty(cluster.id.clone()) }
}

fn outcome(failed: Option<usize>, steps: usize) -> Outcome {
    let done = StepResult::Done { at: jiff::Timestamp::UNIX_EPOCH, resource_version: None };
    let result = |step| match failed {
        Some(failed) if step == failed => StepResult::Failed(Unreadable {
            kind: UnreadableKind::Forbidden,
            message: "the cluster refused: rolecall lacks `bind` on clusterroles".to_owned(),
            next: None,
        }),
        Some(failed) if step > failed => StepResult::Skipped("an earlier write failed".to_owned()),
        _ => done.clone(),
    };
    Outcome { steps: (0..steps).map(|step| StepOutcome { step, result: result(step) }).collect() }
}

fn unknown(cluster: Cluster, status: Status, why: &str, next: &str) -> ClusterReport {
    ClusterReport { why: Some(why.to_owned()), next: Some(next.to_owned()), ..report(cluster, status) }
}

fn clusters(kind: PassKind) -> Vec<ClusterReport> {
    let prod = ("444455556666", "payments-prod");
    let dev = ("111122223333", "dev\u{1b}[2J|`x`");
    let checkout = cluster(prod, "eu-west-1", "checkout");
    let plan = rich_plan(&checkout);
    let steps = plan.steps.len();
    let ledger = cluster(prod, "eu-west-1", "ledger");
    let guard = Guard {
        name: "max-removals".to_owned(),
        message: "7 rows would be removed, 5 are allowed in one pass".to_owned(),
        next: "If that is meant, raise safety.maxRemovalsPerCluster.".to_owned(),
    };
    let sync = kind == PassKind::Sync;
    let applied = cluster(prod, "eu-west-1", "orders");
    vec![
        report(cluster(dev, "eu-west-1", "calm"), Status::InSync),
        ClusterReport {
            plan: Some(broken(&cluster(dev, "eu-west-1", "broken"))),
            ..report(cluster(dev, "eu-west-1", "broken"), Status::Drifted)
        },
        ClusterReport {
            outcome: sync.then(|| outcome(Some(2), steps)),
            plan: Some(plan),
            ..report(checkout, Status::Drifted)
        },
        ClusterReport {
            plan: Some(Plan { blocked: Some(guard), ..Plan::empty(ledger.id.clone()) }),
            ..report(ledger, Status::Blocked)
        },
        ClusterReport {
            outcome: sync.then(|| outcome(None, steps)),
            plan: Some(rich_plan(&applied)),
            ..report(applied, if sync { Status::Applied } else { Status::Drifted })
        },
        unknown(
            cluster(prod, "us-east-1", "private"),
            Status::Unreachable,
            "https://10.0.0.1 did not answer within 30 s",
            "Give it a proxy under clusters.connect.",
        ),
        unknown(
            cluster(prod, "us-east-1", "locked"),
            Status::AccessDenied,
            "the cluster answers 401: it does not know arn:aws:iam::444455556666:role/rolecall-member",
            "Ask the cluster's creator to map it.",
        ),
        unknown(
            cluster(prod, "us-east-1", "odd"),
            Status::Unknown,
            "the server answered with what is not JSON",
            "Run with -v.",
        ),
        ClusterReport {
            why: Some("CREATING".to_owned()),
            ..report(cluster(prod, "us-east-1", "young"), Status::LeftAlone)
        },
        ClusterReport {
            why: Some("migration (ops, until 2027-01-31)".to_owned()),
            ..report(cluster(prod, "us-east-1", "legacy"), Status::Paused)
        },
    ]
}

/// A pass with every status.
pub(super) fn rich(kind: PassKind) -> PassReport {
    let denied = Finding::gap(
        FindingCode::AccountUnreadable,
        "777788889999",
        "AssumeRole on arn:aws:iam::777788889999:role/rolecall-member was denied",
    )
    .next("Check the trust policy of the member role.")
    .at(Place {
        account: Some("777788889999".parse().unwrap()),
        account_name: Some("attic".to_owned()),
        ..Place::default()
    });
    PassReport {
        kind,
        organization: Some("o-a1b2c3d4e5".to_owned()),
        started: "2026-11-22T03:00:00Z".parse().unwrap(),
        finished: "2026-11-22T03:00:02.1Z".parse().unwrap(),
        accounts: 3,
        regions: 2,
        clusters: clusters(kind),
        findings: vec![denied],
    }
}
