use crate::{
    model::{
        Desired, DesiredBinding, DesiredRole, FindingCode, ObjectRef, Observed, RbacKind, RbacState, Unreadable,
        UnreadableKind, Write, binding_name,
    },
    plan::{fixtures::*, plan},
};

fn default_name(group_name: &str, role: &str) -> String {
    binding_name(&group(group_name), &cluster_role(role))
}

fn bindings(bindings: Vec<DesiredBinding>) -> Desired {
    Desired { bindings, ..Desired::default() }
}

#[test]
fn roles_and_bindings_are_made_and_stay() {
    let desired = Desired {
        roles: vec![role("reader", &["get"])],
        bindings: vec![binding("devs", "reader")],
        ..Desired::default()
    };
    let before = rbac(RbacState::default());
    let plan = run(&desired, &before);
    let name = default_name("devs", "reader");
    assert_eq!(
        told(&plan),
        ["+ clusterrole reader (missing)".to_owned(), format!("+ clusterrolebinding {name} (missing)")]
    );
    assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn the_order_of_rules_means_nothing() {
    let mut stored = observed_role("reader", &["list", "get"], true);
    stored.rules.insert(0, rule(&["watch"]));
    let mut wanted = role("reader", &["get", "list"]);
    wanted.rules.push(rule(&["watch", "watch"]));
    let desired = Desired { roles: vec![wanted], ..Desired::default() };
    let state = |ours| {
        rbac(RbacState { roles: vec![crate::model::ObservedRole { ours, ..stored.clone() }], ..RbacState::default() })
    };
    assert!(run(&desired, &state(true)).steps.is_empty());
    let taken_over = run(&desired, &state(false));
    assert_eq!((taken_over.steps.len(), taken_over.changes.len()), (1, 0));
    assert!(!taken_over.has_drift());
}

#[test]
fn rules_that_differ_are_changed_under_the_version_that_was_seen() {
    let mut stored = observed_role("reader", &["get", "delete"], true);
    stored.managers = vec![manager("kubectl-edit")];
    let desired = Desired { roles: vec![role("reader", &["get"])], ..Desired::default() };
    let plan = run(&desired, &rbac(RbacState { roles: vec![stored], ..RbacState::default() }));
    assert_eq!(told(&plan), ["~ clusterrole reader (rules differ)"]);
    assert_eq!(plan.changes[0].changed_by.as_ref().unwrap().manager, "kubectl-edit");
    let Write::ApplyObject { precondition, .. } = &plan.steps[0].write else { panic!() };
    assert_eq!(*precondition, super::at("u", "1"));
}

#[test]
fn a_role_of_somebody_else_is_left_alone() {
    let labelled = |key: &str, value: &str| {
        let mut stored = observed_role("reader", &["delete"], false);
        stored.labels.insert(key.to_owned(), value.to_owned());
        stored
    };
    let aggregated = crate::model::ObservedRole { aggregated: true, ..observed_role("reader", &["delete"], false) };
    let helm = labelled("app.kubernetes.io/managed-by", "Helm");
    let desired = Desired { roles: vec![role("reader", &["get"])], ..Desired::default() };
    for stored in [helm, labelled("kubernetes.io/bootstrapping", "rbac-defaults"), aggregated] {
        let plan = run(&desired, &rbac(RbacState { roles: vec![stored], ..RbacState::default() }));
        assert!(plan.steps.is_empty() && found(&plan, FindingCode::NameTaken)[0].drift);
    }
    let system = Desired { roles: vec![role("system:x", &["get"]), role("eks:x", &["get"])], ..Desired::default() };
    let plan = run(&system, &rbac(RbacState::default()));
    assert!(plan.steps.is_empty() && found(&plan, FindingCode::NameTaken).len() == 2);
}

#[test]
fn a_foreign_role_with_the_wanted_rules_is_no_drift() {
    let mut stored = observed_role("reader", &["get"], false);
    stored.labels.insert("app.kubernetes.io/managed-by".to_owned(), "Helm".to_owned());
    let desired = Desired { roles: vec![role("reader", &["get"])], ..Desired::default() };
    let plan = run(&desired, &rbac(RbacState { roles: vec![stored], ..RbacState::default() }));
    assert!(plan.steps.is_empty() && !plan.has_drift());
}

#[test]
fn a_binding_of_ours_satisfies_under_any_name() {
    let desired = bindings(vec![binding("devs", "view")]);
    let stored = observed_binding("some-name", "view", &["devs"], true);
    let plan = run(&desired, &rbac(RbacState { bindings: vec![stored], ..RbacState::default() }));
    assert!(plan.steps.is_empty() && plan.findings.is_empty());
}

#[test]
fn a_binding_of_others_that_grants_the_same_is_enough_while_it_stands() {
    let desired = bindings(vec![binding("devs", "view"), binding("ops", "view")]);
    let by_hand = observed_binding("by-hand", "view", &["devs", "others"], false);
    let before = rbac(RbacState { bindings: vec![by_hand.clone()], ..RbacState::default() });
    let plan = run(&desired, &before);
    assert_eq!(told(&plan), [format!("+ clusterrolebinding {} (missing)", default_name("ops", "view"))]);
    let notice = found(&plan, FindingCode::MetByOther)[0];
    assert!(!notice.drift && notice.message.contains("devs → clusterrole/view by clusterrolebinding by-hand"));
    assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
    assert!(run(&Desired::default(), &before).steps.is_empty(), "it is not removed with the policy's line");
    let gone = run(&desired, &rbac(RbacState::default()));
    assert_eq!(gone.changes.len(), 2, "when it goes, rolecall's own is made");
}

#[test]
fn a_binding_of_others_is_enough_only_with_the_same_role_and_reach() {
    let desired = bindings(vec![binding("devs", "view")]);
    let within = |mut stored: crate::model::ObservedBinding| {
        stored.object.kind = RbacKind::RoleBinding;
        stored.object.namespace = Some("shop".to_owned());
        stored
    };
    for stored in [
        observed_binding("other-role", "edit", &["devs"], false),
        observed_binding("other-group", "view", &["ops"], false),
        within(observed_binding("narrower", "view", &["devs"], false)),
    ] {
        let plan = run(&desired, &rbac(RbacState { bindings: vec![stored], ..RbacState::default() }));
        assert_eq!((plan.changes.len(), found(&plan, FindingCode::MetByOther).len()), (1, 0));
    }
}

#[test]
fn rolecalls_own_binding_counts_before_that_of_others() {
    let desired = bindings(vec![binding("devs", "view")]);
    let stored = ["a-hand", "rolecalls"].map(|name| observed_binding(name, "view", &["devs"], name == "rolecalls"));
    let plan = run(&desired, &rbac(RbacState { bindings: stored.to_vec(), ..RbacState::default() }));
    assert!(plan.steps.is_empty() && plan.findings.is_empty());
}

#[test]
fn another_role_gets_a_new_binding_before_the_old_one_goes() {
    let old = observed_binding(&default_name("devs", "edit"), "edit", &["devs"], true);
    let before = rbac(RbacState { bindings: vec![old], ..RbacState::default() });
    let desired = bindings(vec![binding("devs", "view")]);
    let plan = plan(&cluster(), &desired, &before, &crate::model::PlanRules { max_removals: 0, ..rules() });
    assert_eq!(plan.blocked, None);
    assert_eq!(plan.changes.iter().map(|c| c.action.sign()).collect::<String>(), "+-");
    assert_eq!(plan.changes[1].reason, "replaced by another binding");
    assert!(plan.steps[1].removes);
    assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn a_tampered_role_ref_is_replaced_under_a_further_name() {
    let name = default_name("devs", "view");
    let before = rbac(RbacState {
        bindings: vec![observed_binding(&name, "cluster-admin", &["devs"], true)],
        ..RbacState::default()
    });
    let desired = bindings(vec![binding("devs", "view")]);
    let plan = run(&desired, &before);
    let Write::ApplyObject { object, .. } = &plan.steps[0].write else { panic!() };
    assert!(object.name.starts_with(&format!("{name}:")));
    assert!(matches!(&plan.steps[1].write, Write::DeleteObject { object, .. } if object.name == name));
    let after = applied(&before, &plan);
    assert!(run(&desired, &after).steps.is_empty());
}

#[test]
fn tampered_subjects_are_set_right() {
    let name = default_name("devs", "view");
    for subjects in [&["devs", "others"][..], &["ops"], &[]] {
        let before =
            rbac(RbacState { bindings: vec![observed_binding(&name, "view", subjects, true)], ..RbacState::default() });
        // The tampered object looks like the other wish's: its name says whose it is.
        let desired = bindings(vec![binding("ops", "view"), binding("devs", "view")]);
        let plan = run(&desired, &before);
        assert!(told(&plan).contains(&format!("~ clusterrolebinding {name} (subjects differ)")));
        assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
    }
}

#[test]
fn a_foreign_binding_in_the_way_is_told_and_passed_by() {
    let name = default_name("devs", "view");
    let before =
        rbac(RbacState { bindings: vec![observed_binding(&name, "view", &["ops"], false)], ..RbacState::default() });
    let desired = bindings(vec![binding("devs", "view")]);
    let plan = run(&desired, &before);
    assert_eq!(plan.steps.len(), 1);
    let finding = found(&plan, FindingCode::NameTaken)[0];
    assert!(!finding.drift && finding.subject.ends_with(&name));
    assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn what_the_policy_dropped_goes_bindings_first() {
    let before = rbac(RbacState {
        roles: vec![observed_role("a-old", &["get"], true), observed_role("foreign", &["get"], false)],
        bindings: vec![observed_binding("z-old", "view", &["devs"], true)],
        ..RbacState::default()
    });
    let plan = run(&Desired::default(), &before);
    assert_eq!(
        told(&plan),
        ["- clusterrolebinding z-old (no longer granted)", "- clusterrole a-old (no longer in the policy)"]
    );
    assert!(plan.steps.iter().all(|step| step.removes));
    let unknown = Desired { unknown: vec!["tags".to_owned()], ..Desired::default() };
    let held = run(&unknown, &before);
    assert!(held.steps.is_empty());
    assert_eq!(found(&held, FindingCode::RemovalHeldBack).len(), 2);
}

#[test]
fn labels_on_the_platforms_own_objects_delete_nothing() {
    let before = rbac(RbacState {
        roles: vec![observed_role("system:node", &["get"], true)],
        bindings: vec![observed_binding("eks:x", "view", &["devs"], true)],
        ..RbacState::default()
    });
    let plan = run(&Desired::default(), &before);
    assert!(plan.steps.is_empty());
    assert_eq!(found(&plan, FindingCode::Protected).len(), 2);
}

#[test]
fn missing_namespaces_and_roles_are_told() {
    let within = DesiredRole { namespace: Some("shop".to_owned()), ..role("reader", &["get"]) };
    let bound = DesiredBinding { namespace: Some("shop".to_owned()), ..binding("devs", "reader") };
    let gone = ObjectRef { kind: RbacKind::ClusterRole, namespace: None, name: "gone".to_owned() };
    let desired = Desired { roles: vec![within], bindings: vec![bound, binding("devs", "gone")], ..Desired::default() };
    let before = rbac(RbacState {
        missing_namespaces: ["shop".to_owned()].into(),
        missing_roles: [gone].into(),
        ..RbacState::default()
    });
    let plan = run(&desired, &before);
    assert_eq!(plan.changes.len(), 1);
    let namespace = found(&plan, FindingCode::NamespaceMissing);
    assert!(namespace.len() == 1 && !namespace[0].drift && namespace[0].message.contains("role reader"));
    assert_eq!(found(&plan, FindingCode::RoleMissing)[0].subject, "clusterrole gone");
}

#[test]
fn unknown_rbac_is_left_alone_while_aws_auth_goes_on() {
    let why = Unreadable { kind: UnreadableKind::Forbidden, message: "403".to_owned(), next: Some("ask".to_owned()) };
    let mut state = state(Some(stored(NODE)));
    state.rbac = Observed::Unknown(why);
    let mut desired = rows(vec![wanted("dev", "dev", &["devs"])]);
    desired.bindings.push(binding("devs", "view"));
    let plan = run(&desired, &state);
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(found(&plan, FindingCode::ClusterUnreadable)[0].next.as_deref(), Some("ask"));
}
