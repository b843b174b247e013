//! How long the pure rooms take: compiling a policy, reading aws-auth as EKS does, editing its text, and planning.
//!
//! `cargo bench --bench rooms -- plan` measures what has `plan` in its name. The rows are as eksctl, Terraform and people
//! write them: in block style, plain and quoted, with and without lists in brackets. Inputs are made only for what is
//! measured.

// What a measurement begins with is right, or there is nothing to measure.
#![allow(clippy::unwrap_used)]

use std::{cell::LazyCell, collections::BTreeMap, fmt::Write as _, hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rolecall::{
    authenticator,
    model::{
        Account, AuthenticationMode, AwsAuth, Cluster, ClusterId, ClusterPhase, ClusterState, Desired, Identities,
        Identity, Lookup, ObjectRef, Observed, ObservedBinding, ObservedRole, PlanRules, Principal, RbacKind,
        RbacState, Region, Section, Unmanaged, binding_name,
    },
    plan::{
        self, OWNED_ROWS,
        splice::{Edit, RowText, splice},
    },
    policy::{self, Policy},
    source::{Diagnostics, SourceFile},
};

const ACCOUNT: &str = "111122223333";
const SIZES: [usize; 3] = [10, 1_000, 10_000];
/// Half of them roles, half of them bindings.
const OBJECTS: usize = 200;
const TODAY: jiff::civil::Date = jiff::civil::date(2026, 11, 22);

fn cluster() -> Cluster {
    let account = Account {
        id: ACCOUNT.parse().unwrap(),
        name: "payments".to_owned(),
        ou_path: Some("/Prod".to_owned()),
        tags: None,
    };
    Cluster {
        id: ClusterId { account: account.id.clone(), region: Region::new("eu-west-1"), name: "checkout".to_owned() },
        account,
        arn: format!("arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/checkout"),
        phase: ClusterPhase::Ready,
        endpoint: String::new(),
        certificate_authority: String::new(),
        authentication_mode: AuthenticationMode::ConfigMap,
        tags: BTreeMap::new(),
        version: None,
    }
}

fn rules() -> PlanRules {
    PlanRules {
        surface: rolecall::model::SurfaceChoice::Auto,
        unmanaged: Unmanaged::Report,
        protect: vec![rolecall::model::ArnPattern::new("arn:aws:iam::*:role/breakglass")],
        onboarding: None,
        own_principal: Some(format!("arn:aws:iam::{ACCOUNT}:role/rolecall-member")),
        max_removals: 5,
        repair: false,
    }
}

/// A policy that gives `rows` roles their groups and owns `objects` RBAC objects.
fn policy(rows: usize, objects: usize) -> Policy {
    let mut text = "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\n".to_owned();
    let owned = objects / 2;
    if owned > 0 {
        text.push_str("roles:\n");
        for n in 0..owned {
            let _ = writeln!(
                text,
                "  - {{name: team-{n}, rules: [{{apiGroups: [\"\"], resources: [pods, pods/log], verbs: [get, list]}}]}}"
            );
        }
        text.push_str("groups:\n");
        for n in 0..owned {
            let _ = writeln!(text, "  - {{name: team-{n}, clusterRoles: [team-{n}]}}");
        }
    }
    text.push_str("access:\n");
    for n in 0..rows {
        let groups = if n % 3 == 0 { format!("team-{}, viewers", n % 100) } else { format!("team-{}", n % 100) };
        let _ = writeln!(
            text,
            "  - {{who: {{role: team-role-{n}}}, groups: [{groups}], username: \"user-{n}:{{{{SessionName}}}}\"}}"
        );
    }
    let mut diagnostics = Diagnostics::new();
    policy::parse(&[SourceFile::new("policy.yaml", text)], &mut diagnostics).unwrap()
}

fn identities(rows: usize) -> Identities {
    let found = (0..rows).map(|n| {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/teams/team-role-{n}").parse().unwrap();
        let identity = Identity { arn, unique_id: Some(format!("AROA{n:017}")), created: None };
        (Principal::RoleName(format!("team-role-{n}")), Lookup::Found(vec![identity]))
    });
    Identities { found: found.collect(), ..Identities::default() }
}

fn desired(rows: usize, objects: usize) -> Desired {
    policy::compile(&policy(rows, objects), &cluster(), &identities(rows), TODAY)
}

/// The mapRoles that holds what is desired, each row in one of the ways in which they are written.
fn map_roles(desired: &Desired) -> String {
    let mut text = String::new();
    for (n, row) in desired.rows.iter().enumerate() {
        let (arn, username, groups) = (row.mapped_arn(), &row.username, &row.groups);
        let list = |indent: &str| groups.iter().fold(String::new(), |list, group| format!("{list}{indent}- {group}\n"));
        text += &match n % 4 {
            0 => format!("- groups:\n{}  rolearn: {arn}\n  username: {username}\n", list("  ")),
            1 => format!("- rolearn: {arn}\n  username: \"{username}\"\n  groups:\n{}", list("    ")),
            2 => format!(
                "- \"groups\":\n{}  \"rolearn\": \"{arn}\"\n  \"username\": \"{username}\"\n",
                list("  - ").replace("- - ", "- ")
            ),
            _ => format!(
                "# {}\n- rolearn: '{arn}'  # by hand\n  username: '{username}'\n  groups: [{}]\n",
                row.who,
                groups.join(", ")
            ),
        };
    }
    text
}

fn aws_auth(desired: &Desired, text: String) -> AwsAuth {
    let owned: BTreeMap<_, _> = desired.rows.iter().map(|row| (row.mapped_arn(), row.unique_id.clone())).collect();
    let owned = serde_json::json!({"mapRoles": owned, "mapUsers": {}, "mapAccounts": {}});
    AwsAuth {
        uid: "u".to_owned(),
        resource_version: "1".to_owned(),
        data: BTreeMap::from([(Section::Roles.key().to_owned(), text)]),
        annotations: BTreeMap::from([(OWNED_ROWS.to_owned(), owned.to_string())]),
        managers: Vec::new(),
        immutable: false,
    }
}

fn rbac(desired: &Desired) -> RbacState {
    let object = |kind, name: &str| ObjectRef { kind, namespace: None, name: name.to_owned() };
    let (uid, resource_version) = ("u".to_owned(), "1".to_owned());
    let roles = desired.roles.iter().map(|role| ObservedRole {
        object: object(RbacKind::ClusterRole, &role.name),
        rules: role.rules.clone(),
        aggregated: false,
        ours: true,
        labels: BTreeMap::new(),
        uid: uid.clone(),
        resource_version: resource_version.clone(),
        managers: Vec::new(),
    });
    let bindings = desired.bindings.iter().map(|binding| ObservedBinding {
        object: object(RbacKind::ClusterRoleBinding, &binding_name(&binding.subject, &binding.role_ref)),
        role_ref: binding.role_ref.clone(),
        subjects: vec![binding.subject.clone()],
        ours: true,
        uid: uid.clone(),
        resource_version: resource_version.clone(),
        managers: Vec::new(),
    });
    RbacState { roles: roles.collect(), bindings: bindings.collect(), ..RbacState::default() }
}

fn state(desired: &Desired, text: String) -> ClusterState {
    ClusterState {
        aws_auth: Observed::Known(Some(aws_auth(desired, text))),
        entries: Observed::Known(None),
        rbac: Observed::Known(rbac(desired)),
    }
}

fn nothing() -> ClusterState {
    ClusterState {
        aws_auth: Observed::Known(None),
        entries: Observed::Known(None),
        rbac: Observed::Known(RbacState::default()),
    }
}

fn compiling(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    for rows in SIZES {
        group.bench_function(BenchmarkId::from_parameter(rows), |b| {
            let (policy, cluster, identities) = (policy(rows, 0), cluster(), identities(rows));
            b.iter(|| policy::compile(black_box(&policy), &cluster, &identities, TODAY));
        });
    }
}

fn authenticating(c: &mut Criterion) {
    let mut group = c.benchmark_group("authenticator");
    for rows in SIZES {
        let data = LazyCell::new(|| aws_auth(&Desired::default(), map_roles(&desired(rows, 0))).data);
        let reading = LazyCell::new(|| authenticator::read(&data));
        group.bench_function(BenchmarkId::new("read", rows), |b| {
            let data = &*data;
            b.iter(|| authenticator::read(black_box(data)));
        });
        let caller = format!("arn:aws:iam::{ACCOUNT}:role/team-role-{}", rows / 2);
        group.bench_function(BenchmarkId::new("resolve", rows), |b| {
            let reading = &*reading;
            b.iter(|| authenticator::resolve(black_box(reading), &caller, ACCOUNT).unwrap());
        });
        group.bench_function(BenchmarkId::new("effective", rows), |b| {
            let reading = &*reading;
            b.iter(|| authenticator::effective(black_box(reading)));
        });
    }
}

fn splicing(c: &mut Criterion) {
    let mut group = c.benchmark_group("splice");
    let new = RowText {
        arn: format!("arn:aws:iam::{ACCOUNT}:role/new"),
        username: Some("new:{{SessionName}}".to_owned()),
        groups: vec!["team-1".to_owned()],
    };
    for rows in SIZES {
        let edits = [Edit::Replace { index: rows / 2, row: new.clone() }, Edit::Append(new.clone())];
        group.bench_function(BenchmarkId::from_parameter(rows), |b| {
            let text = map_roles(&desired(rows, 0));
            b.iter(|| splice(Section::Roles, black_box(Some(&text)), &edits).unwrap());
        });
    }
}

fn planning(c: &mut Criterion) {
    let mut group = c.benchmark_group("plan");
    let (cluster, rules) = (cluster(), rules());
    for rows in SIZES {
        let desired = LazyCell::new(|| desired(rows, OBJECTS));
        for (case, expected) in [("in-sync", 0), ("one-row-changed", 1), ("missing", rows + OBJECTS)] {
            group.bench_function(BenchmarkId::new(case, rows), |b| {
                let desired = &*desired;
                let text = map_roles(desired);
                let state = match case {
                    "in-sync" => state(desired, text),
                    "one-row-changed" => {
                        let (row, other) = ("team-role-0\n  username: user-0:", "team-role-0\n  username: other:");
                        state(desired, text.replacen(row, other, 1))
                    }
                    _ => nothing(),
                };
                assert_eq!(plan::plan(&cluster, desired, &state, &rules).changes.len(), expected, "{case}");
                b.iter(|| plan::plan(&cluster, black_box(desired), &state, &rules));
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = compiling, authenticating, splicing, planning
}
criterion_main!(benches);
