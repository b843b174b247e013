use super::fixtures::*;
use crate::model::{
    ArnPattern, AuthenticationMode, BRIDGE, ClusterState, Content, Desired, DesiredRow, EntriesState, FindingCode,
    Observed, ObservedEntry, Plan, PlanRules, SurfaceChoice, Unmanaged, UnreadEntry, Unreadable, UnreadableKind, Write,
};
use crate::plan::fixtures::{NODE, account, row, texts};

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

const DEFAULT: &str = "arn:aws:sts::111122223333:assumed-role/dev/{{SessionName}}";

fn dev(groups: &[&str]) -> Desired {
    rows(vec![wanted("dev", "dev", groups)])
}

fn why() -> Unreadable {
    Unreadable { kind: UnreadableKind::Throttled, message: "throttled".to_owned(), next: None }
}

/// What the writes are, in short.
fn writes(plan: &Plan) -> Vec<&'static str> {
    let word = |write: &Write| match write {
        Write::CreateEntry { .. } => "create",
        Write::UpdateEntry { .. } => "update",
        Write::TagEntry { .. } => "tag",
        Write::RecreateEntry { .. } => "recreate",
        Write::DeleteEntry { .. } => "delete",
        Write::AssociatePolicy { .. } => "associate",
        Write::DisassociatePolicy { .. } => "disassociate",
        _ => "other",
    };
    plan.steps.iter().map(|step| word(&step.write)).collect()
}

#[test]
fn a_missing_entry_is_made_and_masters_become_a_policy() {
    let desired =
        rows(vec![giving(wanted("dev", "dev", &["devs", "system:masters"]), &[policy("AmazonEKSViewPolicy", &["a"])])]);
    let plan = api(&desired, &state(Vec::new()));
    assert_eq!(writes(&plan), ["create", "associate", "associate"]);
    let Content::Entry { username, groups, .. } = plan.changes[0].after.clone().unwrap() else { panic!() };
    assert_eq!((username.as_str(), groups), ("dev", vec!["devs".to_owned()]));
    assert_eq!(told(&plan)[0], format!("+ role {} (missing)", arn("dev")));
    assert_eq!(told(&plan)[1], format!("+ policy AmazonEKSClusterAdminPolicy of {} (missing)", arn("dev")));
    let after = applied(&state(Vec::new()), &plan);
    assert!(api(&desired, &after).steps.is_empty());
}

#[test]
fn what_differs_is_updated_and_both_fields_are_sent() {
    let live = state(vec![ours(entry("dev", "old", &["devs"]))]);
    let plan = api(&dev(&["devs"]), &live);
    let [step] = &plan.steps[..] else { panic!("{:?}", plan.steps) };
    let Write::UpdateEntry { after: Content::Entry { username, groups, .. }, .. } = &step.write else { panic!() };
    assert_eq!((username.as_str(), groups.len(), step.removes), ("dev", 1, true));
    assert_eq!(plan.changes[0].reason, "username differs");
    let more = api(&dev(&["devs", "ops"]), &state(vec![ours(entry("dev", "dev", &["ops"]))]));
    assert!(!more.steps[0].removes, "groups are only added");
}

#[test]
fn policies_are_associated_changed_and_taken_away() {
    let desired = rows(vec![giving(wanted("dev", "dev", &[]), &[policy("View", &["a", "b"]), policy("Edit", &["a"])])]);
    let live = holding(ours(entry("dev", "dev", &[])), &[admin(), policy("Edit", &["a", "b"]), policy("View", &["a"])]);
    let plan = api(&desired, &state(vec![live.clone()]));
    let told = told(&plan);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("~ policy View") && told[1].starts_with("~ policy Edit"), "{told:?}");
    assert!(told[2].starts_with("- policy AmazonEKSClusterAdminPolicy") && told[2].ends_with("(no longer granted)"));
    let removes: Vec<bool> = plan.steps.iter().map(|step| step.removes).collect();
    assert_eq!(removes, [false, true, true], "what narrows comes last");
    assert!(api(&desired, &applied(&state(vec![live]), &plan)).steps.is_empty());
}

#[test]
fn an_entry_that_the_policy_names_is_adopted() {
    let live = state(vec![entry("dev", "dev", &["devs"])]);
    let plan = api(&dev(&["devs"]), &live);
    assert_eq!((writes(&plan), plan.changes.len()), (vec!["tag"], 0));
    assert_eq!(found(&plan, FindingCode::TakenOver).len(), 1);
    let differs = api(&dev(&["devs", "ops"]), &live);
    assert_eq!(writes(&differs), ["tag", "update"]);
    let dropped = api(&Desired::default(), &applied(&live, &plan));
    assert_eq!(writes(&dropped), ["delete"]);
}

#[test]
fn what_was_not_ours_becomes_ours_before_anything_is_given_to_it_or_taken() {
    let live = state(vec![holding(entry("dev", "old", &["ops"]), &[admin()])]);
    let desired = rows(vec![giving(wanted("dev", "dev", &["devs"]), &[policy("View", &["a"])])]);
    let plan = api(&desired, &live);
    assert_eq!(writes(&plan), ["tag", "associate", "update", "disassociate"]);
    assert!(api(&desired, &applied(&live, &plan)).steps.is_empty());
}

#[test]
fn what_is_remembered_is_told_with_its_time_and_nothing_is_done_on_the_grounds_of_it() {
    let remembered = |entry| ObservedEntry { remembered: Some(moment(7200)), ..entry };
    let live = state(vec![remembered(entry("other", "y", &["ops"]))]);
    let plan = api(&Desired::default(), &live);
    let [told] = &found(&plan, FindingCode::Unmanaged)[..] else { panic!("{:?}", plan.findings) };
    assert!(told.message.contains("ops as y (read at 1970-01-01 02:00 UTC): not ours"), "{}", told.message);
    let remove = PlanRules { unmanaged: Unmanaged::Remove, ..rules() };
    for entry in [entry("other", "y", &["ops"]), ours(entry("other", "y", &["ops"]))] {
        let plan = run(Api, &Desired::default(), &state(vec![remembered(entry)]), &remove);
        let [held] = &found(&plan, FindingCode::RemovalHeldBack)[..] else { panic!("{:?}", plan.findings) };
        assert!(plan.steps.is_empty() && held.message.contains("not in this pass"), "{}", held.message);
    }
    let named = api(&dev(&["devs"]), &state(vec![remembered(entry("dev", "dev", &["ops"]))]));
    assert!(named.steps.is_empty() && found(&named, FindingCode::ClusterUnreadable)[0].incomplete);
}

#[test]
fn only_what_is_ours_goes_unless_the_rest_is_to_be_removed() {
    let live = state(vec![ours(entry("gone", "x", &["devs"])), entry("other", "y", &["ops"])]);
    let plan = api(&Desired::default(), &live);
    assert_eq!(told(&plan), [format!("- role {} (no longer granted)", arn("gone"))]);
    let message = &found(&plan, FindingCode::Unmanaged)[0].message;
    assert!(message.contains("ops as y: not ours, left alone"), "{message}");
    let keep = PlanRules { unmanaged: Unmanaged::Keep, ..rules() };
    assert_eq!(run(Api, &Desired::default(), &live, &keep).findings, []);
    let remove = PlanRules { unmanaged: Unmanaged::Remove, ..rules() };
    assert_eq!(writes(&run(Api, &Desired::default(), &live, &remove)), ["delete", "delete"]);
    let few = PlanRules { max_removals: 1, ..remove };
    assert_eq!(run(Api, &Desired::default(), &live, &few).blocked.unwrap().name, "max-removals");
}

#[test]
fn entries_of_nodes_of_eks_of_the_creator_and_the_protected_stay() {
    let creator = holding(entry("creator", &DEFAULT.replace("/dev/", "/creator/"), &[]), &[admin()]);
    let entries = [
        ObservedEntry { kind: "EC2_LINUX".to_owned(), ..entry("node", "system:node:x", &["system:nodes"]) },
        entry("addon", "a", &["eks:addon"]),
        creator,
        entry("rolecall", "r", &[]),
        entry("breakglass", "b", &[]),
        entry("AWSServiceRoleForAmazonEKS", "s", &[]),
    ];
    let rules = PlanRules {
        unmanaged: Unmanaged::Remove,
        own_principal: Some(arn("rolecall")),
        protect: vec![ArnPattern::new("arn:aws:iam::*:role/breakglass")],
        ..rules()
    };
    let live =
        state(entries.iter().cloned().map(|e| ObservedEntry { ours: e.principal == arn("breakglass"), ..e }).collect());
    let names = ["node", "addon", "creator", "rolecall", "breakglass", "AWSServiceRoleForAmazonEKS"];
    assert!(run(Api, &Desired::default(), &live, &rules).steps.is_empty());
    let all = rows(names.map(|name| wanted(name, "other", &["devs"])).to_vec());
    let plan = run(Api, &all, &live, &rules);
    assert!(plan.steps.is_empty(), "{:?}", plan.steps);
    assert_eq!(plan.findings.iter().filter(|finding| finding.drift).count(), names.len());
}

#[test]
fn of_two_administrators_the_older_may_be_the_creator() {
    let late = ObservedEntry { created: moment(200), ..entry("dev", DEFAULT, &[]) };
    let first = entry("first", &DEFAULT.replace("/dev/", "/first/"), &[]);
    let live = state(vec![holding(late, &[admin()]), holding(first, &[admin()])]);
    let rules = PlanRules { unmanaged: Unmanaged::Remove, ..rules() };
    let plan = run(Api, &Desired::default(), &live, &rules);
    assert_eq!(told(&plan), [format!("- role {} (not in the policy)", arn("dev"))]);
}

#[test]
fn the_entry_of_a_role_that_was_made_anew_is_made_anew() {
    let live = state(vec![holding(ours(entry("dev", "dev", &["devs"])), &[admin()])]);
    let with = |second| {
        let row = DesiredRow { created: Some(moment(second)), ..wanted("dev", "dev", &["devs", "system:masters"]) };
        rows(vec![row])
    };
    assert!(api(&with(100), &live).steps.is_empty());
    let plan = api(&with(101), &live);
    assert_eq!(writes(&plan), ["recreate", "associate"]);
    assert!(plan.changes[0].reason.starts_with("lets nobody in"), "{}", plan.changes[0].reason);
    assert!(api(&with(101), &applied(&live, &plan)).steps.is_empty());
    let protected = PlanRules { protect: vec![ArnPattern::new(arn("dev"))], ..rules() };
    let plan = run(Api, &with(101), &live, &protected);
    assert!(plan.steps.is_empty() && found(&plan, FindingCode::EntryIneffective)[0].drift);
}

#[test]
fn nothing_is_taken_while_something_is_unknown() {
    let desired = Desired { unknown: vec!["why".to_owned()], ..dev(&["devs"]) };
    let live = state(vec![holding(ours(entry("dev", "old", &["ops"])), &[admin()]), ours(entry("gone", "x", &[]))]);
    let plan = api(&desired, &live);
    assert_eq!(writes(&plan), Vec::<&str>::new());
    assert_eq!(found(&plan, FindingCode::RemovalHeldBack).len(), 3);
    let unread = ClusterState { rbac: Observed::Unknown(why()), ..live.clone() };
    assert_eq!(writes(&api(&dev(&["devs"]), &unread)), ["delete"], "what is no longer granted leans on nothing");
    let unknown = ClusterState { entries: Observed::Unknown(why()), ..live };
    let plan = api(&dev(&["devs"]), &unknown);
    assert!(plan.steps.is_empty() && found(&plan, FindingCode::ClusterUnreadable)[0].incomplete);
}

#[test]
fn an_entry_that_could_not_be_read_is_neither_made_nor_removed() {
    let unread = ["dev", "stranger"].map(|name| UnreadEntry { principal: arn(name), why: why() }).to_vec();
    let mut live = state(Vec::new());
    live.entries = Observed::Known(Some(EntriesState { entries: vec![ours(entry("gone", "x", &[]))], unread }));
    let plan = api(&dev(&["devs"]), &live);
    assert_eq!(writes(&plan), ["delete"]);
    assert_eq!(plan.findings.iter().filter(|finding| finding.incomplete).count(), 2);
    assert!(found(&plan, FindingCode::RemovalHeldBack)[0].message.starts_with("1 access entries could not be read"));
}

#[test]
fn what_eks_would_refuse_is_told_and_left() {
    let desired =
        rows(vec![wanted("dev", "dev-{{SessionName}}", &["devs"]), wanted("ops", "ops", &["system:authenticated"])]);
    let plan = api(&desired, &state(vec![ours(entry("dev", "dev", &["devs"]))]));
    assert!(plan.steps.is_empty());
    let refused = found(&plan, FindingCode::CannotBePlaced);
    assert!(refused[0].message.contains("must have a colon before") && refused[0].drift);
    assert!(refused[1].message.contains("cannot begin with `system:`"));
}

#[test]
fn in_mode_api_accounts_have_no_place() {
    let plan = api(&Desired { accounts: vec![account("444455556666")], ..dev(&["devs"]) }, &state(Vec::new()));
    assert_eq!(writes(&plan), ["create"]);
    assert!(found(&plan, FindingCode::CannotBePlaced)[0].message.contains("444455556666"));
}

#[test]
fn beside_aws_auth_the_rows_stay_and_accounts_go_there() {
    let text = [NODE, &row("dev", "dev", &["olds"]), &row("stranger", "s", &["x"])].concat();
    let owned = crate::plan::fixtures::owning(crate::plan::fixtures::stored(&text), &["dev", "gone"]);
    let live = ClusterState { aws_auth: Observed::Known(Some(owned)), ..state(Vec::new()) };
    let desired = Desired { accounts: vec![account("444455556666")], ..dev(&["devs"]) };
    let plan = run(ApiAndConfigMap, &desired, &live, &rules());
    assert_eq!(writes(&plan), ["other", "create"]);
    assert_eq!(texts(&plan)[0].data["mapRoles"], text, "nobody's row is touched");
    assert!(texts(&plan)[0].data["mapAccounts"].contains("444455556666"));
    let moving = &found(&plan, FindingCode::RowShadowed)[0].message;
    assert!(moving.starts_with("1 row of aws-auth are left in place") || moving.contains("left in place"), "{moving}");
    let gone = run(ApiAndConfigMap, &Desired::default(), &live, &rules());
    assert!(told(&gone).contains(&format!("- role {} (no longer granted)", arn("dev"))), "{:?}", told(&gone));
}

#[test]
fn a_row_that_stands_as_wanted_stays_and_is_rolecalls() {
    let stored = crate::plan::fixtures::stored(&[NODE, &row("dev", "dev", &["devs"])].concat());
    let live = ClusterState { aws_auth: Observed::Known(Some(stored)), ..state(Vec::new()) };
    let plan = run(ApiAndConfigMap, &dev(&["devs"]), &live, &rules());
    assert_eq!((writes(&plan), plan.changes.len()), (vec!["other"], 0));
    assert!(!plan.has_drift() && found(&plan, FindingCode::LeftToMigrate)[0].message.contains(&arn("dev")));
    let after = crate::plan::fixtures::applied(&live, &plan);
    assert!(run(ApiAndConfigMap, &dev(&["devs"]), &after, &rules()).steps.is_empty());
    let dropped = run(ApiAndConfigMap, &Desired::default(), &after, &rules());
    assert_eq!(told(&dropped), [format!("- role {} (no longer granted)", arn("dev"))]);
    let changed = run(ApiAndConfigMap, &dev(&["ops"]), &after, &rules());
    assert_eq!(writes(&changed), ["create"], "what is wanted otherwise gets in by an entry");
    let by_entries = PlanRules { surface: SurfaceChoice::AccessEntries, ..rules() };
    assert_eq!(writes(&run(ApiAndConfigMap, &dev(&["devs"]), &live, &by_entries)), ["create"]);
    let with_entry = ClusterState { aws_auth: live.aws_auth, ..state(vec![entry("dev", "old", &["devs"])]) };
    assert!(writes(&run(ApiAndConfigMap, &dev(&["devs"]), &with_entry, &rules())).contains(&"update"));
}

#[test]
fn what_really_holds_is_told_of_a_principal_on_both_surfaces() {
    let live = beside(vec![entry("dev", "dev", &["ops"])], &row("dev", "dev", &["devs"]));
    let plan = run(ApiAndConfigMap, &Desired::default(), &live, &rules());
    let message = &found(&plan, FindingCode::RowShadowed)[0].message;
    assert!(
        message.contains("gives devs as dev, but has no effect") && message.ends_with("gives ops as dev"),
        "{message}"
    );
    let on_aws_auth = PlanRules { surface: SurfaceChoice::AwsAuth, ..rules() };
    let plan = run(ApiAndConfigMap, &dev(&["devs"]), &live, &on_aws_auth);
    assert!(found(&plan, FindingCode::RowShadowed)[0].drift, "the policy's place is overridden");
    assert!(plan.steps.iter().all(|step| step.write.entry().is_none()));
    let same = beside(
        vec![holding(entry("dev", "dev", &["devs"]), &[admin()])],
        &row("dev", "dev", &["system:masters", "devs"]),
    );
    let plan = run(ApiAndConfigMap, &Desired::default(), &same, &rules());
    assert!(found(&plan, FindingCode::RowShadowed)[0].message.contains("give the same"));
}

#[test]
fn an_entry_that_would_take_from_a_row_waits_for_what_it_leans_on() {
    let live = beside(Vec::new(), &row("dev", "dev", &["system:masters"]));
    let plan = run(ApiAndConfigMap, &dev(&["devs"]), &live, &rules());
    assert!(plan.steps[0].removes, "it comes after RBAC");
    let unread = ClusterState { rbac: Observed::Unknown(why()), ..live.clone() };
    assert!(run(ApiAndConfigMap, &dev(&["devs"]), &unread, &rules()).steps.is_empty());
    let unknown = ClusterState { aws_auth: Observed::Unknown(why()), ..live.clone() };
    let plan = run(ApiAndConfigMap, &dev(&["devs"]), &unknown, &rules());
    assert!(plan.steps.is_empty() && !found(&plan, FindingCode::RemovalHeldBack).is_empty());
    let own = PlanRules { own_principal: Some(arn("dev")), ..rules() };
    assert!(run(ApiAndConfigMap, &dev(&["devs"]), &live, &own).steps.is_empty(), "rolecall's own way in");
}

#[test]
fn administrators_by_rows_of_rolecalls_stay_when_the_mode_changes() {
    let text = [NODE, &row("dev", "dev", &["system:masters"])].concat();
    let owned = crate::plan::fixtures::owning(crate::plan::fixtures::stored(&text), &["dev"]);
    let live = ClusterState { aws_auth: Observed::Known(Some(owned)), ..state(Vec::new()) };
    let desired = dev(&["system:masters"]);
    for mode in [ConfigMap, ApiAndConfigMap] {
        let plan = run(mode, &desired, &live, &rules());
        assert!(plan.steps.is_empty() && !plan.has_drift(), "{mode:?}: {:?} {:?}", plan.steps, plan.findings);
    }
    let unread = ClusterState { entries: Observed::Unknown(why()), ..live.clone() };
    assert!(run(ApiAndConfigMap, &desired, &unread, &rules()).steps.is_empty());
    assert!(
        run(ApiAndConfigMap, &Desired { unknown: vec!["x".to_owned()], ..Desired::default() }, &live, &rules())
            .steps
            .is_empty()
    );
}

#[test]
fn who_is_on_the_bridge_of_a_migration_keeps_it() {
    let bridged = ours(entry("dev", "dev", &["devs", BRIDGE]));
    let desired = dev(&["devs", "system:masters"]);
    for policies in [&[][..], &[admin()]] {
        let live = beside(vec![holding(bridged.clone(), policies)], &row("dev", "dev", &["devs", "system:masters"]));
        let plan = run(ApiAndConfigMap, &desired, &live, &rules());
        assert!(!writes(&plan).contains(&"update"), "the policy may not be in effect yet: {:?}", writes(&plan));
        assert!(found(&plan, FindingCode::LeftToMigrate)[0].next.as_ref().unwrap().contains("migrate"));
        assert!(run(ApiAndConfigMap, &desired, &applied(&live, &plan), &rules()).steps.is_empty());
        let more = run(ApiAndConfigMap, &dev(&["devs", "ops", "system:masters"]), &live, &rules());
        let after = applied(&live, &more).entries.known().unwrap().as_ref().unwrap().entries[0].clone();
        assert_eq!(after.groups, ["devs", "ops", BRIDGE]);
        let less = run(ApiAndConfigMap, &dev(&["devs"]), &live, &rules());
        let after = applied(&live, &less).entries.known().unwrap().as_ref().unwrap().entries[0].clone();
        assert_eq!((after.groups, after.policies), (vec!["devs".to_owned()], Some(Vec::new())), "no longer granted");
    }
}

#[test]
fn a_row_that_counts_again_when_its_entry_goes_is_told() {
    let live = beside(vec![ours(entry("dev", "dev", &["devs"]))], &row("dev", "dev", &["system:masters"]));
    for unmanaged in [Unmanaged::Keep, Unmanaged::Report] {
        let plan = run(ApiAndConfigMap, &Desired::default(), &live, &PlanRules { unmanaged, ..rules() });
        assert_eq!(writes(&plan), ["delete"]);
        let told: Vec<&str> = found(&plan, FindingCode::RowShadowed).iter().map(|f| f.message.as_str()).collect();
        assert!(told.iter().any(|told| told.contains("counts again") && told.contains("system:masters")), "{told:?}");
    }
    let gone = run(ApiAndConfigMap, &Desired::default(), &live, &PlanRules { unmanaged: Unmanaged::Remove, ..rules() });
    let at = |word: &str| writes(&gone).iter().position(|write| *write == word).unwrap();
    assert!(at("other") < at("delete"), "the row goes before the entry that overrides it");
    assert!(found(&gone, FindingCode::RowShadowed).iter().all(|finding| !finding.message.contains("counts again")));
}

#[test]
fn of_a_stale_row_the_entry_is_not_the_one_to_delete() {
    let live = beside(vec![ours(entry("dev", "dev", &["devs"]))], &row("dev", "dev", &["system:masters"]));
    let plan = run(ApiAndConfigMap, &dev(&["devs"]), &live, &rules());
    let next = found(&plan, FindingCode::RowShadowed)[0].next.clone().unwrap();
    assert!(next.starts_with("delete the row"), "the entry is what the policy wants: {next}");
}

#[test]
fn the_surface_follows_mode_and_settings() {
    let on = |mode, surface, desired: &Desired| {
        writes(&run(mode, desired, &state(Vec::new()), &PlanRules { surface, ..rules() }))
    };
    let plain = dev(&["devs"]);
    assert_eq!(on(ConfigMap, SurfaceChoice::Auto, &plain), ["other"]);
    assert_eq!(on(ApiAndConfigMap, SurfaceChoice::Auto, &plain), ["create"]);
    assert_eq!(on(ApiAndConfigMap, SurfaceChoice::AwsAuth, &plain), ["other"]);
    for (mode, surface) in [(ConfigMap, SurfaceChoice::AccessEntries), (Api, SurfaceChoice::AwsAuth)] {
        let plan = run(mode, &plain, &state(Vec::new()), &PlanRules { surface, ..rules() });
        assert!(plan.steps.is_empty() && found(&plan, FindingCode::CannotBePlaced)[0].drift);
    }
    let policies = rows(vec![giving(wanted("dev", "dev", &[]), &[admin()])]);
    let plan = run(ConfigMap, &policies, &state(Vec::new()), &rules());
    assert!(plan.steps.is_empty() && found(&plan, FindingCode::CannotBePlaced)[0].drift);
}
