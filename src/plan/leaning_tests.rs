//! What one half of a plan may not take away while the other half may still lean on it.

use crate::model::{
    ArnPattern, AuthenticationMode, AwsAuth, ClusterState, Desired, FindingCode, Observed, PlanRules, RbacState,
    Unmanaged, Unreadable, UnreadableKind, Write,
};

use super::{fixtures::*, plan};

fn unread<T>() -> Observed<T> {
    let message = "forbidden".to_owned();
    Observed::Unknown(Unreadable { kind: UnreadableKind::Forbidden, message, next: None })
}

/// The policy moves `ops` from system:masters to a group that it binds itself.
fn moved() -> Desired {
    let bindings = vec![binding("admins", "cluster-admin")];
    Desired { bindings, ..rows(vec![wanted("ops", "ops", &["admins"]), wanted("new", "new", &["admins"])]) }
}

fn live() -> AwsAuth {
    owning(stored(&row("ops", "ops", &["system:masters"])), &["ops"])
}

/// Each step's kind, and whether it may go on after a failure.
fn steps(plan: &crate::model::Plan) -> Vec<(&'static str, bool)> {
    let kind = |write: &Write| match write {
        Write::PutAwsAuth { .. } => "aws-auth",
        Write::CreateBackup { .. } => "backup",
        Write::ApplyObject { .. } => "apply",
        Write::DeleteObject { .. } => "delete",
        other => panic!("{other:?} is not expected"),
    };
    plan.steps.iter().map(|step| (kind(&step.write), step.removes)).collect()
}

#[test]
fn a_row_gives_up_a_group_only_after_what_the_new_one_is_bound_to() {
    let before = ClusterState { rbac: Observed::Known(RbacState::default()), ..state(Some(live())) };
    let plan = run(&moved(), &before);
    // The binding and the new row come first; the row that moves is left out when either fails.
    assert_eq!(steps(&plan), [("apply", false), ("aws-auth", false), ("aws-auth", true)]);
    assert!(texts(&plan)[0].data["mapRoles"].starts_with(&row("ops", "ops", &["system:masters"])));
    assert!(texts(&plan)[0].data["mapRoles"].contains("role/new"));
    assert!(!roles(&plan).contains("system:masters"));
    assert!(run(&moved(), &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn a_row_keeps_its_groups_while_rbac_or_the_policy_is_not_known() {
    let unknown = Desired { unknown: vec!["tags".to_owned()], ..moved() };
    let unread = ClusterState { rbac: unread(), ..state(Some(live())) };
    for (desired, before) in [(&moved(), &unread), (&unknown, &state(Some(live())))] {
        let plan = run(desired, before);
        assert!(plan.changes.iter().any(|change| change.subject.to_string().ends_with("role/new")));
        assert!(roles(&plan).starts_with(&row("ops", "ops", &["system:masters"])), "{}", roles(&plan));
        assert!(found(&plan, FindingCode::RemovalHeldBack)[0].message.contains("role/ops would be changed"));
        assert!(steps(&plan).iter().all(|(_, removes)| !removes));
    }
}

#[test]
fn what_needs_no_binding_does_not_wait() {
    for groups in [&["system:masters"][..], &["devs"], &[]] {
        let live = owning(stored(&row("ops", "ops", &["devs", "old"])), &["ops"]);
        let before = ClusterState { rbac: unread(), ..state(Some(live)) };
        let plan = run(&rows(vec![wanted("ops", "ops", groups)]), &before);
        assert_eq!(steps(&plan), [("aws-auth", false)], "{groups:?}");
    }
}

#[test]
fn a_binding_by_which_rolecall_or_a_protected_principal_works_stays_with_its_role() {
    let live =
        row("rolecall", "rolecall", &["keepers"]) + &row("glass", "glass", &["breakers"]) + &row("x", "x", &["old"]);
    let bindings = vec![
        observed_binding("a", "keeping", &["keepers"], true),
        observed_binding("b", "breaking", &["breakers"], true),
        observed_binding("c", "edit", &["old"], true),
    ];
    let roles = ["keeping", "breaking", "unused"].map(|name| observed_role(name, &["get"], true)).into();
    let rbac = Observed::Known(RbacState { roles, bindings, ..RbacState::default() });
    let before = ClusterState { rbac, ..state(Some(stored(&live))) };
    let keeping = PlanRules {
        protect: vec![ArnPattern::new(arn("glass"))],
        own_principal: Some(arn("rolecall")),
        unmanaged: Unmanaged::Keep,
        ..rules()
    };
    let words = |desired: &Desired| told(&plan(&cluster(), desired, &before, &keeping));
    let gone = ["- clusterrolebinding c (no longer granted)", "- clusterrole unused (no longer in the policy)"];
    assert_eq!(words(&Desired::default()), gone);
    let kept = plan(&cluster(), &Desired::default(), &before, &keeping);
    let kept = found(&kept, FindingCode::Protected);
    assert!(kept[0].message.contains("rolecall's own way in") && kept[1].message.contains("role/glass"), "{kept:?}");
    // Another binding may take the place of the protected one, not of rolecall's own.
    let bindings = vec![binding("breakers", "view"), binding("keepers", "view")];
    let changes = words(&Desired { bindings, ..Desired::default() });
    assert!(changes.contains(&"- clusterrolebinding b (replaced by another binding)".to_owned()), "{changes:?}");
    assert!(!changes.iter().any(|change| change.contains("clusterrolebinding a ")), "{changes:?}");
}

#[test]
fn a_binding_stays_while_rows_that_may_hold_its_group_stay() {
    let old = RbacState { bindings: vec![observed_binding("old", "edit", &["old"], true)], ..RbacState::default() };
    let linked = format!("- &a\n  rolearn: {}\n  username: ops\n  groups: [old]\n- *a\n", arn("ops"));
    let broken = "- rolearn: {{x\n".to_owned();
    let with = |aws_auth| ClusterState { aws_auth, entries: Observed::Known(None), rbac: Observed::Known(old.clone()) };
    let known = |text: String| with(Observed::Known(Some(owning(stored(&text), &["ops"]))));
    let desired = rows(vec![wanted("ops", "ops", &["new"])]);
    for before in [with(unread()), known(linked), known(broken)] {
        let plan = run(&desired, &before);
        assert!(steps(&plan).is_empty(), "{:?}", plan.changes);
        let held = found(&plan, FindingCode::RemovalHeldBack);
        assert!(held.iter().any(|finding| finding.subject.contains("old") && finding.drift), "{:?}", plan.findings);
    }
    let writable = run(&desired, &known(row("ops", "ops", &["old"])));
    assert_eq!(steps(&writable), [("aws-auth", true), ("delete", true)]);
    // A cluster that does not read aws-auth has no such rows.
    let api = crate::model::Cluster { authentication_mode: AuthenticationMode::Api, ..cluster() };
    assert_eq!(steps(&plan(&api, &Desired::default(), &with(unread()), &rules())), [("delete", true)]);
}
