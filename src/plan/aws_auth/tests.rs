use crate::{
    model::{
        ArnPattern, AuthenticationMode, AwsAuthPrecondition, Content, Desired, DesiredRow, FindingCode, Observed,
        PlanRules, Section, SurfaceChoice, Unmanaged, Unreadable, UnreadableKind, Write,
    },
    plan::{OWNED_ROWS, fixtures::*, plan},
};

fn owned(plan: &crate::model::Plan) -> String {
    texts(plan).last().unwrap().annotations[OWNED_ROWS].clone()
}

#[test]
fn a_missing_row_is_added_after_the_rows_that_are_there() {
    let live = format!("# ours to keep\n{NODE}");
    let plan = run(&rows(vec![wanted("ci/dev", "dev", &["devs"])]), &state(Some(stored(&live))));
    assert_eq!(told(&plan), [format!("+ role {} (missing)", arn("dev"))]);
    assert!(roles(&plan).starts_with(&live) && roles(&plan).contains(&arn("dev")));
    assert_eq!(plan.changes[0].who.as_deref(), Some("role ci/dev"));
    assert_eq!(plan.changes[0].sources[0].to_string(), "policy.yaml:7");
    assert_eq!(owned(&plan), format!(r#"{{"mapRoles":{{"{}":null}},"mapUsers":{{}},"mapAccounts":{{}}}}"#, arn("dev")));
    assert!(plan.has_drift() && plan.findings.is_empty());
}

#[test]
fn a_cluster_without_the_configmap_gets_one() {
    let node = DesiredRow { node: true, ..wanted("node", "system:node:{{EC2PrivateDNSName}}", &["system:nodes"]) };
    let mut desired = rows(vec![node, wanted("dev", "dev", &["devs"])]);
    desired.accounts.push(account("000011112222"));
    let plan = run(&desired, &state(None));
    let Write::PutAwsAuth { precondition, before, after } = &plan.steps[0].write else { panic!() };
    assert_eq!((precondition, before), (&AwsAuthPrecondition::Absent, &None));
    assert!(after.data["mapAccounts"].contains("000011112222") && !after.data.contains_key("mapUsers"));
    assert!(!owned(&plan).contains("role/node") && owned(&plan).contains("role/dev"));
    assert_eq!(told(&plan).len(), 3);
    assert!(run(&Desired::default(), &state(None)).steps.is_empty());
}

#[test]
fn what_already_stands_as_wanted_is_only_taken_over() {
    let live = row("Dev", "dev", &["b", "a", "b"]);
    let desired = rows(vec![DesiredRow { unique_id: Some("AROA1".to_owned()), ..wanted("dev", "dev", &["a", "b"]) }]);
    let before = state(Some(stored(&live)));
    let plan = run(&desired, &before);
    assert!(plan.changes.is_empty() && !plan.has_drift());
    assert_eq!((plan.steps.len(), plan.steps[0].changes.len(), roles(&plan)), (1, 0, live.as_str()));
    assert!(owned(&plan).contains("AROA1"));
    assert_eq!(found(&plan, FindingCode::TakenOver).len(), 1, "the write is told although nothing changes");
    let after = applied(&before, &plan);
    let second = run(&desired, &after);
    assert!(second.steps.is_empty() && found(&second, FindingCode::TakenOver).is_empty());
    // An id that is not known this time is not forgotten.
    assert!(run(&rows(vec![wanted("dev", "dev", &["a", "b"])]), &after).steps.is_empty());
}

#[test]
fn a_row_that_differs_is_changed_in_its_place() {
    let mut live = owning(stored(&format!("{}{NODE}", row("dev", "dev", &["devs", "system:masters"]))), &["dev"]);
    live.managers = vec![manager("kubectl-edit")];
    let plan = run(&rows(vec![wanted("dev", "dev", &["devs"])]), &state(Some(live)));
    assert_eq!(told(&plan), [format!("~ role {} (groups differ)", arn("dev"))]);
    assert_eq!(plan.changes[0].changed_by.as_ref().unwrap().manager, "kubectl-edit");
    let groups = vec!["devs".to_owned(), "system:masters".to_owned()];
    assert_eq!(plan.changes[0].before, Some(Content::Row { username: "dev".to_owned(), groups }));
    assert!(roles(&plan).ends_with(NODE) && !roles(&plan).contains("system:masters"));
    let named = run(
        &rows(vec![wanted("dev", "d", &["devs", "system:masters"])]),
        &state(Some(stored(&row("dev", "dev", &["devs", "system:masters"])))),
    );
    assert_eq!(told(&named), [format!("~ role {} (username differs)", arn("dev"))]);
}

#[test]
fn of_several_rows_the_one_that_counts_is_changed_and_the_other_told() {
    let first = row("dev", "dev", &["devs"]);
    let live = format!("{first}{}", row("dev", "dev", &["system:masters"]));
    let plan = run(&rows(vec![wanted("dev", "dev", &["devs"])]), &state(Some(stored(&live))));
    assert!(roles(&plan).starts_with(&first) && !roles(&plan).contains("system:masters"));
    assert_eq!(found(&plan, FindingCode::RowShadowed).len(), 1);
}

#[test]
fn a_user_under_map_roles_counts_before_map_users() {
    let user = "arn:aws:iam::111122223333:user/ops/ada";
    let mut live = stored(&format!("- rolearn: {user}\n  username: ada\n  groups: [system:masters]\n"));
    live.data.insert("mapUsers".to_owned(), format!("- userarn: {user}\n  username: ada\n  groups: [ops]\n"));
    let ada = DesiredRow { section: Section::Users, principal: user.parse().unwrap(), ..wanted("x", "ada", &["ops"]) };
    let plan = run(&rows(vec![ada]), &state(Some(live.clone())));
    assert_eq!(told(&plan), [format!("~ role {user} (groups differ)")]);
    assert_eq!(texts(&plan)[0].data["mapUsers"], live.data["mapUsers"]);
    assert_eq!(found(&plan, FindingCode::RowShadowed).len(), 1);
}

#[test]
fn two_spellings_of_one_user_are_made_equal() {
    let spelled = |name: &str, group: &str| {
        format!("- userarn: arn:aws:iam::111122223333:user/{name}\n  username: ada\n  groups: [{group}]\n")
    };
    let mut live = stored("");
    live.data.insert("mapUsers".to_owned(), format!("{}{}", spelled("Ada", "system:masters"), spelled("ada", "ops")));
    let principal = "arn:aws:iam::111122223333:user/ada".parse().unwrap();
    let ada = DesiredRow { section: Section::Users, principal, ..wanted("x", "ada", &["ops"]) };
    let plan = run(&rows(vec![ada]), &state(Some(live)));
    assert_eq!(plan.changes.len(), 1);
    assert!(!texts(&plan)[0].data["mapUsers"].contains("system:masters"));
}

#[test]
fn letters_that_only_look_different_are_the_same_to_the_authenticator() {
    let live = row("\u{17f}taff-\u{212a}", "dev", &["system:masters"]);
    let plan = run(&rows(vec![wanted("staff-k", "dev", &["devs"])]), &state(Some(stored(&live))));
    assert_eq!(told(&plan), [format!("~ role {} (groups differ)", arn("staff-k"))]);
}

#[test]
fn a_row_that_never_matches_is_replaced_when_ours_and_told_when_not() {
    let live = row("ci/dev", "dev", &["devs"]);
    let desired = rows(vec![wanted("ci/dev", "dev", &["devs"])]);
    let ours = run(&desired, &state(Some(owning(stored(&live), &["dev"]))));
    assert_eq!(ours.changes.len(), 1);
    assert!(ours.changes[0].reason.starts_with("never matches: "), "{}", ours.changes[0].reason);
    assert!(!roles(&ours).contains("ci/dev"));
    let theirs = run(&desired, &state(Some(stored(&live))));
    assert_eq!(told(&theirs), [format!("+ role {} (missing)", arn("dev"))]);
    assert!(roles(&theirs).starts_with(&live));
    assert_eq!(found(&theirs, FindingCode::RowIneffective).len(), 1);
}

#[test]
fn node_rows_are_added_and_never_changed() {
    let node =
        |groups: &[&str]| DesiredRow { node: true, ..wanted("node", "system:node:{{EC2PrivateDNSName}}", groups) };
    let differs = run(&rows(vec![node(&["system:nodes"])]), &state(Some(stored(NODE))));
    assert!(differs.steps.is_empty() && found(&differs, FindingCode::Protected)[0].drift);
    let named = run(&rows(vec![wanted("node", "n", &["devs"])]), &state(Some(stored(NODE))));
    assert!(named.steps.is_empty() && found(&named, FindingCode::Protected)[0].drift);
    let same = run(&rows(vec![node(&["system:bootstrappers", "system:nodes"])]), &state(Some(stored(NODE))));
    assert!(same.steps.is_empty() && same.findings.is_empty());
    let person = row("node", "somebody", &["devs"]);
    let taken = run(&rows(vec![node(&["system:nodes"])]), &state(Some(stored(&person))));
    assert!(taken.steps.is_empty() && found(&taken, FindingCode::Protected)[0].drift);
}

#[test]
fn what_is_no_longer_granted_goes_after_what_is_added() {
    let live = format!("{NODE}{}", row("old", "changed-by-somebody", &["other"]));
    let before = state(Some(owning(stored(&live), &["old", "vanished"])));
    let desired = rows(vec![wanted("new", "new", &["devs"])]);
    let plan = run(&desired, &before);
    let told = told(&plan);
    assert_eq!(
        told,
        [format!("+ role {} (missing)", arn("new")), format!("- role {} (no longer granted)", arn("old"))]
    );
    assert_eq!(plan.steps.iter().map(|step| step.removes).collect::<Vec<_>>(), [false, true]);
    let written = texts(&plan);
    assert!(written[0].data["mapRoles"].contains("role/old") && !written[1].data["mapRoles"].contains("role/old"));
    assert!(written[0].annotations[OWNED_ROWS].contains("role/old"));
    assert!(!owned(&plan).contains("role/old") && !owned(&plan).contains("vanished"));
    let Write::PutAwsAuth { precondition, .. } = &plan.steps[1].write else { panic!() };
    assert_eq!(*precondition, AwsAuthPrecondition::AfterPrevious);
    assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn only_removals_are_one_write() {
    let plan = run(&Desired::default(), &state(Some(owning(stored(&row("old", "o", &["g"])), &["old"]))));
    assert_eq!(plan.steps.len(), 1);
    assert!(plan.steps[0].removes && !texts(&plan)[0].annotations.contains_key(OWNED_ROWS));
}

#[test]
fn a_permission_set_under_a_new_suffix_is_told() {
    let name = |suffix: &str| format!("AWSReservedSSO_Dev_Ops_{suffix}");
    let live = stored(&row(&name("0123456789abcdef"), "o", &["g"]));
    let desired = rows(vec![wanted(&name("fedcba9876543210"), "o", &["g"])]);
    let plan = run(&desired, &state(Some(owning(live, &[&name("0123456789abcdef")]))));
    let reason = &plan.changes.last().unwrap().reason;
    assert_eq!(
        *reason,
        format!("no longer granted: the permission set's role was made anew as {}", name("fedcba9876543210"))
    );
}

#[test]
fn nothing_is_removed_while_something_is_unknown() {
    let live =
        state(Some(owning(stored(&format!("{}{}", row("old", "o", &["g"]), row("by-hand", "h", &["g"]))), &["old"])));
    let desired = Desired { unknown: vec!["IAM of 1 is unreadable".to_owned()], ..Desired::default() };
    let plan = plan(&cluster(), &desired, &live, &PlanRules { unmanaged: Unmanaged::Remove, ..rules() });
    assert!(plan.steps.is_empty());
    let held = found(&plan, FindingCode::RemovalHeldBack);
    assert_eq!(held.len(), 2);
    assert!(held[0].incomplete && held[0].message.contains("IAM of 1 is unreadable"));
}

#[test]
fn unmanaged_rows_are_kept_told_or_removed() {
    let live = state(Some(stored(&format!("{NODE}{}", row("by-hand", "h", &["system:masters"])))));
    let with = |unmanaged| plan(&cluster(), &Desired::default(), &live, &PlanRules { unmanaged, ..rules() });
    assert!(with(Unmanaged::Keep).findings.is_empty());
    let told_only = with(Unmanaged::Report);
    let finding = found(&told_only, FindingCode::Unmanaged)[0];
    assert!(finding.message.contains("system:masters as h: not ours, left alone") && !finding.drift);
    assert!(told_only.steps.is_empty() && told_only.findings.len() == 1);
    let removed = with(Unmanaged::Remove);
    assert_eq!(told(&removed), [format!("- role {} (not in the policy)", arn("by-hand"))]);
    assert_eq!(roles(&removed), NODE);
}

#[test]
fn the_protected_stay_as_they_are() {
    let text = format!("{}{}", row("breakglass", "b", &["system:masters"]), row("rolecall-member", "r", &["rolecall"]));
    let live = state(Some(owning(stored(&text), &["breakglass"])));
    let rules = PlanRules {
        unmanaged: Unmanaged::Remove,
        protect: vec![ArnPattern::new("arn:aws:iam::*:role/break*")],
        own_principal: Some(arn("eks/rolecall-member")),
        ..rules()
    };
    let gone = plan(&cluster(), &Desired::default(), &live, &rules);
    assert!(gone.steps.is_empty());
    // That the own way in stays goes without saying.
    assert_eq!(found(&gone, FindingCode::Protected).len(), 1);
    let other = rows(vec![wanted("breakglass", "b", &["view"]), wanted("rolecall-member", "r", &["view"])]);
    let changed = plan(&cluster(), &other, &live, &rules);
    assert!(changed.steps.is_empty());
    assert!(found(&changed, FindingCode::Protected).iter().all(|finding| finding.drift));
}

#[test]
fn the_roles_of_aws_services_stay_when_everything_unmanaged_goes() {
    let text = format!("{}{}", row("AWSServiceRoleForAmazonEMRContainers", "emr", &["emr"]), row("old", "o", &["o"]));
    let rules = PlanRules { unmanaged: Unmanaged::Remove, ..rules() };
    let cleaned = plan(&cluster(), &Desired::default(), &state(Some(stored(&text))), &rules);
    assert_eq!(
        cleaned.changes.iter().map(|change| change.subject.to_string()).collect::<Vec<_>>(),
        [format!("role {}", arn("old").parse::<crate::model::Arn>().unwrap().without_role_path())]
    );
    assert_eq!(found(&cleaned, FindingCode::Protected).len(), 1);
}

#[test]
fn unknown_is_not_empty() {
    let why = Unreadable { kind: UnreadableKind::Forbidden, message: "403 in c".to_owned(), next: None };
    let mut live = state(None);
    live.aws_auth = Observed::Unknown(why);
    let mut desired = rows(vec![wanted("dev", "dev", &["devs"])]);
    desired.roles.push(role("reader", &["get"]));
    let plan = run(&desired, &live);
    assert_eq!(told(&plan), ["+ clusterrole reader (missing)"]);
    let finding = found(&plan, FindingCode::ClusterUnreadable)[0];
    assert!(finding.incomplete && finding.message.contains("403 in c"));
    assert_eq!(finding.place.cluster.as_deref(), Some("checkout"));
}

#[test]
fn a_cluster_of_entries_only_is_told_once() {
    let mut cluster = cluster();
    cluster.authentication_mode = AuthenticationMode::Api;
    let mut desired = rows(vec![wanted("dev", "dev", &["devs"])]);
    desired.accounts.push(account("000011112222"));
    let on_aws_auth = PlanRules { surface: SurfaceChoice::AwsAuth, ..rules() };
    let plan = plan(&cluster, &desired, &state(Some(stored("- ["))), &on_aws_auth);
    assert!(plan.steps.is_empty() && plan.findings.iter().all(|finding| finding.drift));
    let told: Vec<&str> = plan.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(told[0].starts_with("1 grant of the policy cannot be placed"), "{told:?}");
    assert!(told.len() == 2 && told[1].contains("000011112222"), "{told:?}");
    // EKS lets the nodes in by itself.
    let node = DesiredRow { node: true, ..wanted("node", "system:node:{{EC2PrivateDNSName}}", &["system:nodes"]) };
    assert!(super::plan(&cluster, &rows(vec![node]), &[], &state(None), &rules()).findings.is_empty());
}

#[test]
fn an_immutable_configmap_is_told() {
    let mut live = stored(NODE);
    live.immutable = true;
    let plan = run(&rows(vec![wanted("dev", "dev", &["devs"])]), &state(Some(live)));
    assert!(plan.steps.is_empty() && plan.changes.is_empty());
    assert!(found(&plan, FindingCode::CannotBeEdited)[0].drift);
}

#[test]
fn a_text_that_cannot_be_spliced_is_left_alone() {
    let live = format!("- &a\n  rolearn: {}\n  username: dev\n  groups: [x]\n- *a\n", arn("dev"));
    let before = state(Some(owning(stored(&live), &["dev"])));
    let plan = run(&rows(vec![wanted("dev", "dev", &["devs"])]), &before);
    assert!(plan.steps.is_empty() && plan.changes.is_empty());
    let finding = found(&plan, FindingCode::CannotBeEdited)[0];
    assert!(finding.drift && finding.message.contains("groups differ"), "{}", finding.message);
}

#[test]
fn an_annotation_that_is_not_understood_makes_nothing_ours() {
    let mut live = stored(&row("old", "o", &["g"]));
    live.annotations.insert(OWNED_ROWS.to_owned(), "{".to_owned());
    let plan = run(&Desired::default(), &state(Some(live)));
    assert!(plan.steps.is_empty());
    assert_eq!(found(&plan, FindingCode::ReadingsDiffer).len(), 1);
    assert_eq!(found(&plan, FindingCode::Unmanaged).len(), 1);
}

#[test]
fn accounts_come_and_go() {
    let mut live = stored("");
    live.data.insert("mapAccounts".to_owned(), "- \"000011112222\"\n".to_owned());
    let text = r#"{"mapAccounts":{"000011112222":null}}"#.to_owned();
    live.annotations.insert(OWNED_ROWS.to_owned(), text);
    let desired = Desired { accounts: vec![account("333344445555")], ..Desired::default() };
    let before = state(Some(live));
    let plan = run(&desired, &before);
    assert_eq!(told(&plan), ["+ account 333344445555 (missing)", "- account 000011112222 (no longer granted)"]);
    assert!(run(&desired, &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn more_removals_than_allowed_are_blocked_but_shown() {
    let text: String = ["a", "b", "c"].map(|name| row(name, name, &["g"])).concat();
    let live = state(Some(owning(stored(&text), &["a", "b", "c"])));
    let with = |max_removals| plan(&cluster(), &Desired::default(), &live, &PlanRules { max_removals, ..rules() });
    assert_eq!(with(3).blocked, None);
    let blocked = with(2);
    assert_eq!(blocked.blocked.unwrap().name, "max-removals");
    assert_eq!(blocked.steps.len(), 1);
}

#[test]
fn losing_the_own_way_in_is_blocked() {
    let mut live = stored("");
    live.data.insert("mapAccounts".to_owned(), "- \"111122223333\"\n".to_owned());
    live.annotations.insert(OWNED_ROWS.to_owned(), r#"{"mapAccounts":{"111122223333":null}}"#.to_owned());
    let own = PlanRules { own_principal: Some(arn("rolecall-member")), ..rules() };
    let blocked = plan(&cluster(), &Desired::default(), &state(Some(live.clone())), &own).blocked.unwrap();
    assert_eq!(blocked.name, "own-access");
    let protect = PlanRules { protect: vec![ArnPattern::new(arn("breakglass"))], ..rules() };
    let blocked = plan(&cluster(), &Desired::default(), &state(Some(live)), &protect).blocked.unwrap();
    assert_eq!(blocked.name, "protected");
}

#[test]
fn two_wishes_for_one_arn_and_a_nameless_one_are_refused() {
    let desired =
        rows(vec![wanted("a/dev", "dev", &["x"]), wanted("b/dev", "dev", &["y"]), wanted("nameless", "", &["x"])]);
    let plan = run(&desired, &state(Some(stored(NODE))));
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(found(&plan, FindingCode::CannotBePlaced).len(), 2);
}

#[test]
fn an_arn_owned_in_two_spellings_is_removed_once() {
    let mut live = owning(stored(&row("dev", "dev", &["devs"])), &["dev"]);
    let text = serde_json::json!({"mapRoles": {arn("dev"): null, arn("DEV"): null}, "mapUsers": {}, "mapAccounts": {}});
    live.annotations.insert(OWNED_ROWS.to_owned(), text.to_string());
    let before = state(Some(live));
    let plan = run(&Desired::default(), &before);
    assert_eq!(told(&plan), [format!("- role {} (no longer granted)", arn("dev"))]);
    assert!(run(&Desired::default(), &applied(&before, &plan)).steps.is_empty());
}

#[test]
fn an_annotation_that_is_not_understood_is_not_overwritten() {
    let mut live = stored(&row("dev", "dev", &["devs"]));
    live.annotations.insert(OWNED_ROWS.to_owned(), r#"{"version":2}"#.to_owned());
    let plan = run(&rows(vec![wanted("dev", "dev", &["ops"]), wanted("ops", "ops", &["ops"])]), &state(Some(live)));
    assert!(texts(&plan).iter().all(|text| text.annotations[OWNED_ROWS] == r#"{"version":2}"#));
}
