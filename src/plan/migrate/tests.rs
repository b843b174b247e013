use super::{fixtures::*, migrate};
use crate::{
    model::{
        AuthenticationMode, AwsAuth, ClusterState, EntryPrecondition, Fate, FindingCode, Lookup, MigrateRules,
        Migration, Observed, UnreadEntry, Unreadable, UnreadableKind, Write,
    },
    plan::fixtures::owning,
};

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

/// The migration of a cluster that has nothing but this mapRoles.
fn of_rows(roles: &str) -> Migration {
    run(ApiAndConfigMap, &state(Some(stored(roles)), Vec::new()))
}

fn with(change: impl FnOnce(&mut MigrateRules)) -> MigrateRules {
    let mut rules = rules();
    change(&mut rules);
    rules
}

fn writes(migration: &Migration) -> Vec<String> {
    let told = |write: &Write| match write {
        Write::PutAwsAuth { .. } => "put".to_owned(),
        Write::ApplyObject { .. } => "bridge".to_owned(),
        Write::DeleteObject { .. } => "no bridge".to_owned(),
        Write::SetMode { after, .. } => after.to_string(),
        Write::CreateEntry { principal, .. } => format!("create {}", principal.rsplit('/').next().unwrap()),
        Write::UpdateEntry { principal, .. } => format!("update {}", principal.rsplit('/').next().unwrap()),
        Write::AssociatePolicy { principal, .. } => format!("associate {}", principal.rsplit('/').next().unwrap()),
        other => panic!("{other:?}"),
    };
    migration.plan.steps.iter().map(|step| told(&step.write)).collect()
}

/// What a lone row comes to, and a part of the reason.
#[test]
fn every_kind_of_row_has_its_fate() {
    let text = |arn: &str, username: &str, group: &str| {
        format!("- rolearn: {arn}\n  username: \"{username}\"\n  groups: [\"{group}\"]\n")
    };
    let dev = arn("dev");
    for (roles, fate, why) in [
        (text(&dev, "dev", "devs"), Fate::Moves, "is made"),
        (text(&dev, "dev:{{SessionName}}", "devs"), Fate::Moves, "is made"),
        (text(&dev, "u-{{AccountID}}", "g-{{AccountID}}"), Fate::Moves, "is made"),
        (text(&dev, "dev", "system:masters"), Fate::Moves, "is made"),
        (NODE.to_owned(), Fate::Stays, "lets nodes join"),
        (text(&dev, "dev", "eks:kube-proxy-windows"), Fate::Stays, "lets nodes join"),
        (text(&dev, "dev", "system:authenticated"), Fate::Stays, "cannot begin with `system:`"),
        (text(&dev, "system:admin", "devs"), Fate::Stays, "cannot begin with `system:`"),
        (text(&dev, "{{SessionName}}", "devs"), Fate::Stays, "a colon before"),
        (text(&dev, "dev-{{AccessKeyID}}", "devs"), Fate::Stays, "no other template"),
        (text(&dev, "dev-{{Oops}}", "devs"), Fate::Stays, "no other template"),
        (text(&dev, "dev", "g-{{SessionName}}"), Fate::Stays, "no templates in groups"),
        (text(&dev, "dev", "rolecall:migration"), Fate::Stays, "by which rows move"),
        (text(&dev, "dev", ""), Fate::Stays, "empty"),
        (text(&dev, "", "devs"), Fate::Stays, "cannot be empty"),
        (text(&arn("teams/dev"), "dev", "devs"), Fate::Stays, "lets nobody in"),
        (text("arn:aws:sts::111122223333:assumed-role/dev/me", "dev", "devs"), Fate::Stays, "lets nobody in"),
        (text("arn:aws:iam::111122223333:role/*", "dev", "devs"), Fate::Moves, "is made"),
        (text("arn:aws:iam::111122223333:root", "dev", "devs"), Fate::Stays, "neither"),
        (text(&arn("AWSServiceRoleForAmazonEMRContainers"), "emr", "devs"), Fate::Stays, "of an AWS service"),
        (text("arn:aws:iam::111122223333:user/ops/me", "me", "devs"), Fate::Moves, "is made"),
    ] {
        let migration = of_rows(&roles);
        let (is, because) = only(&migration);
        assert!(is == fate && because.contains(why), "{roles}{is:?}: {because}");
        assert_eq!(migration.plan.steps.is_empty(), fate != Fate::Moves, "{roles}{:#?}", migration.plan.steps);
    }
}

#[test]
fn what_is_known_of_the_account_is_filled_in() {
    let migration = of_rows(&row("dev", "u-{{AccountID}}", &["g-{{AccountID}}"]));
    let entry = migration.rows[0].entry.clone().unwrap();
    assert_eq!((entry.username.as_str(), entry.groups), ("u-111122223333", vec!["g-111122223333".to_owned()]));
}

#[test]
fn accounts_sections_that_do_not_parse_and_dropped_rows_are_told() {
    let mut aws_auth = stored("- username: nobody\n");
    aws_auth.data.insert("mapAccounts".to_owned(), "- \"444455556666\"\n".to_owned());
    aws_auth.data.insert("mapUsers".to_owned(), "- [\n".to_owned());
    let migration = run(ApiAndConfigMap, &state(Some(aws_auth), Vec::new()));
    assert_eq!(only(&migration), (Fate::Stays, "no access entry stands for a whole account"));
    let codes: Vec<FindingCode> = migration.plan.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [FindingCode::RowIneffective, FindingCode::SectionBroken]);
}

#[test]
fn the_path_is_restored_and_a_namesake_elsewhere_is_somebody_else() {
    let elsewhere = "arn:aws:iam::999988887777:role/dev";
    let roles =
        format!("{}- rolearn: {elsewhere}\n  username: other\n  groups: [devs]\n", row("dev", "dev", &["devs"]));
    let state = state(Some(stored(&roles)), vec![entry(elsewhere, "other", &["devs"], &[])]);
    let mut people = people(&state, &[("dev", "teams/")]);
    for (principal, lookup) in &mut people.found {
        if principal.to_string().contains("999988887777") {
            *lookup = Lookup::Outside;
        }
    }
    let migration = migrate(&cluster(ApiAndConfigMap), &state, &people, &rules(), moment(10_000));
    let [here, there] = migration.rows.as_slice() else { panic!("{:#?}", migration.rows) };
    assert_eq!((here.fate, here.principal.clone()), (Fate::Moves, Some(arn("teams/dev"))));
    assert_eq!((there.fate, there.principal.as_deref()), (Fate::Goes, Some(elsewhere)));
}

#[test]
fn who_does_not_exist_or_cannot_be_told_stays() {
    let state = state(Some(stored(&row("dev", "dev", &["devs"]))), Vec::new());
    for (lookup, fate, needed) in [
        (Some(Lookup::Missing), Fate::Stays, false),
        (Some(Lookup::Unknown("denied".to_owned())), Fate::Unknown, true),
        (None, Fate::Unknown, true),
    ] {
        let mut people = people(&state, &[]);
        let principal = people.found.keys().next().unwrap().clone();
        people.found.remove(&principal);
        people.found.extend(lookup.map(|lookup| (principal, lookup)));
        let migration = migrate(&cluster(ApiAndConfigMap), &state, &people, &rules(), moment(10_000));
        assert_eq!((only(&migration).0, migration.rows[0].needed), (fate, needed));
        assert!(migration.plan.steps.is_empty());
    }
}

#[test]
fn the_last_duplicate_moves_and_the_others_go_with_it() {
    let roles = format!("{}{}", row("dev", "old", &["olds"]), row("dev", "dev", &["devs"]));
    let first = of_rows(&roles);
    assert_eq!(first.rows[0].why, "has no effect: item 2 of mapRoles counts, with which it goes");
    assert_eq!((first.rows[0].entry.clone(), writes(&first)), (None, vec!["create dev".to_owned()]));
    let state = state(Some(stored(&roles)), vec![entry(&arn("dev"), "dev", &["devs"], &[])]);
    let Write::PutAwsAuth { after, .. } = &run(ApiAndConfigMap, &state).plan.steps[0].write else { panic!() };
    assert_eq!(after.data["mapRoles"], "[]\n");
}

#[test]
fn an_administrator_moves_over_the_bridge() {
    let roles = format!("# people\n{}{NODE}", row("ops", "ops", &["system:masters", "ops"]));
    let first = of_rows(&roles);
    assert_eq!(writes(&first), ["bridge"], "nothing overrides the row before the bridge was seen to stand");
    let second = run(ApiAndConfigMap, &bridged(state(Some(stored(&roles)), Vec::new())));
    assert_eq!(writes(&second), ["create ops", "associate ops"]);

    let half = entry(&arn("ops"), "ops", &["ops", "rolecall:migration"], &[]);
    let third = run(ApiAndConfigMap, &bridged(state(Some(stored(&roles)), vec![half.clone()])));
    assert_eq!((writes(&third), third.rows[0].fate), (vec!["associate ops".to_owned()], Fate::Settles));

    let mut whole = entry(&arn("ops"), "ops", &["ops", "rolecall:migration"], &[admin()]);
    whole.associated = Some(moment(9_990));
    let waiting = run(ApiAndConfigMap, &bridged(state(Some(stored(&roles)), vec![whole.clone()])));
    assert_eq!((writes(&waiting), waiting.waits_until), (Vec::new(), Some(moment(9_990 + SETTLE))));
    whole.associated = Some(moment(9_900));
    let fourth = run(ApiAndConfigMap, &bridged(state(Some(stored(&roles)), vec![whole])));
    assert_eq!((writes(&fourth), fourth.rows[0].fate), (vec!["update ops".to_owned()], Fate::Settles));

    let done = entry(&arn("ops"), "ops", &["ops"], &[admin()]);
    let fifth = run(ApiAndConfigMap, &bridged(state(Some(stored(&roles)), vec![done.clone()])));
    let Write::PutAwsAuth { after, .. } = &fifth.plan.steps[0].write else { panic!() };
    assert_eq!((writes(&fifth), &after.data["mapRoles"]), (vec!["put".to_owned()], &format!("# people\n{NODE}")));
    let last = run(ApiAndConfigMap, &bridged(state(Some(stored(NODE)), vec![done])));
    assert_eq!(writes(&last), ["no bridge"]);
}

#[test]
fn who_is_on_the_bridge_without_a_row_gets_over_it() {
    let half = entry(&arn("ops"), "ops", &["rolecall:migration"], &[]);
    let migration = run(Api, &state(None, vec![half]));
    assert_eq!(writes(&migration), ["associate ops", "bridge"]);
}

#[test]
fn a_binding_of_somebody_else_in_the_place_of_the_bridge_keeps_administrators_alone() {
    let roles = format!("{}{}", row("ops", "ops", &["system:masters"]), row("dev", "dev", &["devs"]));
    let mut state = state(Some(stored(&roles)), Vec::new());
    if let Observed::Known(rbac) = &mut state.rbac {
        rbac.bindings.push(observed_binding("rolecall:migration", "view", &["rolecall:migration"], true));
    }
    let migration = run(ApiAndConfigMap, &state);
    assert_eq!((writes(&migration), migration.rows[0].fate), (vec!["create dev".to_owned()], Fate::Stays));
    state.rbac = Observed::Unknown(unreadable());
    let migration = run(ApiAndConfigMap, &state);
    assert_eq!((writes(&migration), migration.rows[0].fate), (vec!["create dev".to_owned()], Fate::Unknown));
}

fn unreadable() -> Unreadable {
    Unreadable { kind: UnreadableKind::Server, message: "why".to_owned(), next: None }
}

type Change = fn(&mut crate::model::ObservedEntry);

/// What becomes of the row of `dev` in `devs` beside this entry.
fn beside(change: impl FnOnce(&mut crate::model::ObservedEntry)) -> Migration {
    let mut held = entry(&arn("dev"), "dev", &["devs"], &[]);
    change(&mut held);
    run(ApiAndConfigMap, &state(Some(stored(&row("dev", "dev", &["devs"]))), vec![held]))
}

#[test]
fn a_row_goes_only_beside_an_entry_that_is_settled_and_gives_the_same() {
    assert_eq!(only(&beside(|_| ())).0, Fate::Goes);
    let view = crate::model::PolicyGrant { policy: "arn:aws:eks::aws:x/AmazonEKSViewPolicy".to_owned(), ..admin() };
    let more = beside(|entry| entry.policies = Some(vec![view]));
    assert!(only(&more).0 == Fate::Goes && only(&more).1.contains("AmazonEKSViewPolicy"), "{more:#?}");
    let young = beside(|entry| entry.modified = moment(9_950));
    assert_eq!((only(&young).0, young.waits_until, writes(&young)), (Fate::Settles, Some(moment(10_010)), Vec::new()));
    let others: [(Change, Fate); 6] = [
        (|entry| entry.username = "other".to_owned(), Fate::Shadowed),
        (|entry| entry.groups.push("more".to_owned()), Fate::Shadowed),
        (|entry| entry.policies = Some(vec![admin()]), Fate::Shadowed),
        (|entry| entry.policies = None, Fate::Unknown),
        (|entry| entry.kind = "EC2_LINUX".to_owned(), Fate::Stays),
        (|entry| entry.created = moment(40), Fate::Stays),
    ];
    for (change, fate) in others {
        let migration = beside(change);
        assert_eq!((only(&migration).0, writes(&migration)), (fate, Vec::new()), "{migration:#?}");
    }
}

#[test]
fn an_entry_without_its_policy_that_nobody_bridges_is_not_the_same() {
    let roles = row("ops", "ops", &["system:masters"]);
    let migration = run(ApiAndConfigMap, &state(Some(stored(&roles)), vec![entry(&arn("ops"), "ops", &[], &[])]));
    assert_eq!((only(&migration).0, writes(&migration)), (Fate::Shadowed, Vec::new()));
}

#[test]
fn protected_principals_and_rolecalls_own_way_in_stay() {
    let roles = format!("{}{}", row("rolecall", "r", &["system:masters"]), row("breakglass", "b", &["devs"]));
    let protect = vec![crate::model::ArnPattern::new("arn:aws:iam::*:role/breakglass")];
    let rules = with(|rules| (rules.protect, rules.own_principal) = (protect, Some(arn("rolecall"))));
    let kept = state(Some(stored(&roles)), Vec::new());
    let plan = |state: &ClusterState, rules: &MigrateRules| {
        migrate(&cluster(ApiAndConfigMap), state, &people(state, &[]), rules, moment(10_000))
    };
    let migration = plan(&kept, &rules);
    assert!(migration.rows.iter().all(|row| row.fate == Fate::Stays && row.needed), "{:#?}", migration.rows);
    assert!(migration.plan.steps.is_empty());
    let entries = vec![entry(&arn("rolecall"), "r", &[], &[admin()]), entry(&arn("breakglass"), "b", &["devs"], &[])];
    let beside = plan(&state(Some(stored(&roles)), entries), &rules);
    assert!(beside.rows.iter().all(|row| row.fate == Fate::Stays && !row.needed), "{:#?}", beside.rows);
    let own = MigrateRules { include_own: true, ..rules };
    let more = format!("{roles}{}", row("ops", "ops", &["system:masters"]));
    let migration = plan(&bridged(state(Some(stored(&more)), Vec::new())), &own);
    assert_eq!(writes(&migration), ["create ops", "associate ops", "create rolecall", "associate rolecall"]);
}

#[test]
fn whose_a_row_is_its_entry_becomes() {
    let roles = format!("{}{}", row("dev", "dev", &["devs"]), row("qa", "qa", &["qas"]));
    let aws_auth = owning(stored(&roles), &["dev"]);
    let migration = run(ApiAndConfigMap, &state(Some(aws_auth.clone()), Vec::new()));
    let tags = migration.plan.steps.iter().map(|step| match &step.write {
        Write::CreateEntry { ours, .. } => *ours,
        other => panic!("{other:?}"),
    });
    assert_eq!(tags.collect::<Vec<_>>(), [true, false]);
    let entries = vec![entry(&arn("dev"), "dev", &["devs"], &[])];
    let migration = run(ApiAndConfigMap, &state(Some(aws_auth), entries));
    let Write::PutAwsAuth { after, .. } = &migration.plan.steps[0].write else { panic!() };
    assert!(after.annotations.is_empty(), "nothing is rolecall's any more: {:?}", after.annotations);
    assert_eq!(after.data["mapRoles"], row("qa", "qa", &["qas"]));
}

#[test]
fn aws_auth_that_cannot_be_written_safely_is_left() {
    let held = || vec![entry(&arn("dev"), "dev", &["devs"], &[])];
    let text = row("dev", "dev", &["devs"]);
    let immutable = AwsAuth { immutable: true, ..stored(&text) };
    let anchored = stored(&text.replace("- rolearn", "- &a\n  rolearn").replace("groups:\n", "groups: &g\n"));
    for aws_auth in [immutable, anchored] {
        let migration = run(ApiAndConfigMap, &state(Some(aws_auth.clone()), held()));
        let told = migration.plan.findings.iter().any(|finding| finding.code == FindingCode::CannotBeEdited);
        let texts: Vec<_> = migration.plan.steps.iter().collect();
        assert!(told && texts.is_empty(), "{aws_auth:#?}{migration:#?}");
    }
}

#[test]
fn nothing_is_moved_on_what_is_not_known() {
    let mut half = state(Some(stored(&row("dev", "dev", &["devs"]))), Vec::new());
    if let Observed::Known(Some(entries)) = &mut half.entries {
        entries.unread.push(UnreadEntry { principal: arn("teams/dev"), why: unreadable() });
    }
    assert_eq!(only(&run(ApiAndConfigMap, &half)).0, Fate::Unknown);
    let mut none = half.clone();
    none.entries = Observed::Unknown(unreadable());
    let migration = run(ApiAndConfigMap, &none);
    assert_eq!((only(&migration).0, writes(&migration)), (Fate::Unknown, Vec::new()));
    assert!(migration.plan.findings.iter().any(|finding| finding.incomplete));
    none.aws_auth = Observed::Unknown(unreadable());
    assert!(run(ApiAndConfigMap, &none).rows.is_empty());
}

fn towards(from: AuthenticationMode, to: AuthenticationMode, state: &ClusterState, own: Option<&str>) -> Migration {
    let rules = with(|rules| (rules.to, rules.own_principal) = (Some(to), own.map(arn)));
    migrate(&cluster(from), state, &people(state, &[]), &rules, moment(10_000))
}

#[test]
fn the_mode_goes_forward_one_step_at_a_time() {
    let rows = state(Some(stored(&row("dev", "dev", &["devs"]))), Vec::new());
    let no_entries = ClusterState { entries: Observed::Known(None), ..rows.clone() };
    assert_eq!(writes(&run(ConfigMap, &no_entries)), Vec::<String>::new());
    assert_eq!(writes(&towards(ConfigMap, ApiAndConfigMap, &no_entries, None)), ["API_AND_CONFIG_MAP"]);
    assert_eq!(writes(&towards(ConfigMap, Api, &no_entries, None)), ["API_AND_CONFIG_MAP"]);
    let moving = towards(ApiAndConfigMap, Api, &rows, None);
    assert_eq!((writes(&moving), moving.mode.unwrap().refused), (vec!["create dev".to_owned()], Vec::new()));
    let moved = state(Some(stored("[]\n")), vec![entry(&arn("dev"), "dev", &["devs"], &[])]);
    assert_eq!(writes(&towards(ApiAndConfigMap, Api, &moved, None)), ["API"]);
    assert_eq!(towards(Api, Api, &moved, None).mode, None);
    assert_eq!(towards(Api, ApiAndConfigMap, &moved, None).mode, None);
}

#[test]
fn mode_api_is_refused_while_somebody_still_needs_aws_auth() {
    let refused = |from, aws_auth: AwsAuth, entries, own| {
        let migration = towards(from, Api, &state(Some(aws_auth), entries), own);
        let steps = writes(&migration);
        assert!(!steps.contains(&"API".to_owned()), "{steps:?}");
        migration.mode.unwrap().refused
    };
    let reasons = refused(ApiAndConfigMap, stored(NODE), Vec::new(), None);
    assert!(reasons[0].contains("role/node is still needed"), "{reasons:?}");
    assert_eq!(refused(ConfigMap, stored(NODE), Vec::new(), None), Vec::<String>::new(), "EKS makes those of nodes");
    let mut accounts = stored("[]\n");
    accounts.data.insert("mapAccounts".to_owned(), "- \"444455556666\"\n".to_owned());
    for from in [ConfigMap, ApiAndConfigMap] {
        let reasons = refused(from, accounts.clone(), Vec::new(), None);
        assert!(reasons[0].contains("account 444455556666"), "{reasons:?}");
    }
    assert_eq!(writes(&towards(ConfigMap, Api, &state(Some(accounts), Vec::new()), None)), Vec::<String>::new());
    let reasons = refused(ApiAndConfigMap, stored("[]\n"), Vec::new(), Some("rolecall"));
    assert!(reasons[0].contains("rolecall's own way in"), "{reasons:?}");
    let mut node = entry(&arn("node"), "system:node:{{EC2PrivateDNSName}}", &["system:nodes"], &[]);
    node.kind = "EC2_LINUX".to_owned();
    assert_eq!(writes(&towards(ApiAndConfigMap, Api, &state(Some(stored(NODE)), vec![node]), None)), ["API"]);
}

#[test]
fn steps_say_under_which_condition_they_hold() {
    let half = entry(&arn("ops"), "ops", &["rolecall:migration"], &[admin()]);
    let (created, modified) = (half.created, half.modified);
    let migration = run(Api, &bridged(state(None, vec![half])));
    let Write::UpdateEntry { precondition, .. } = &migration.plan.steps[0].write else { panic!() };
    assert_eq!(*precondition, EntryPrecondition::At { created, modified });
}
