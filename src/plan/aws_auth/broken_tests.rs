use std::collections::BTreeMap;

use crate::{
    model::{AuthenticationMode, Content, Desired, FindingCode, PlanRules, Section, Subject, Write},
    plan::{fixtures::*, plan},
};

/// An unquoted template: the way in which people break it most.
fn broken() -> String {
    format!(
        "# nodes\n{NODE}- rolearn: {}\n  username: {{{{SessionName}}}}\n{}",
        arn("bad"),
        row("ops", "ops", &["ops"])
    )
}

#[test]
fn a_broken_section_is_shown_and_never_overwritten() {
    let mut aws_auth = stored(&broken());
    aws_auth.data.insert("mapUsers".to_owned(), "- nonsense: [".to_owned());
    let plan = run(&rows(vec![wanted("dev", "dev", &["devs"])]), &state(Some(aws_auth)));
    assert!(plan.steps.is_empty() && plan.changes.is_empty());
    let findings = found(&plan, FindingCode::SectionBroken);
    assert_eq!(findings.iter().map(|f| f.subject.as_str()).collect::<Vec<_>>(), ["mapRoles", "mapUsers"]);
    assert!(findings.iter().all(|finding| finding.drift));
    assert!(findings[0].message.contains("at line 8, column 13"), "{}", findings[0].message);
    assert!(findings[1].message.contains("at line "), "{}", findings[1].message);
    let (told, fixed) = findings[0].next.as_deref().unwrap().split_once("The fixed section:").unwrap();
    let rescued = format!("# nodes\n{NODE}{}", row("ops", "ops", &["ops"]));
    assert!(fixed.contains(&rescued) && fixed.contains(&arn("dev")) && !fixed.contains(&arn("bad")), "{fixed}");
    assert!(told.contains("one row that cannot be read, on line 7") && told.contains(&arn("bad")), "{told}");
}

#[test]
fn other_sections_go_on() {
    let mut aws_auth = stored(&row("dev", "dev", &["devs"]));
    aws_auth.data.insert("mapUsers".to_owned(), "- [".to_owned());
    let plan = run(&rows(vec![wanted("dev", "dev", &["other"])]), &state(Some(aws_auth)));
    assert_eq!(told(&plan), [format!("~ role {} (groups differ)", arn("dev"))]);
    assert_eq!(texts(&plan)[0].data["mapUsers"], "- [");
    assert_eq!(found(&plan, FindingCode::SectionBroken).len(), 1);
}

#[test]
fn a_repair_keeps_the_old_text_first() {
    let rules = PlanRules { repair: true, ..rules() };
    let desired = rows(vec![wanted("dev", "dev", &["devs"])]);
    let before = state(Some(stored(&broken())));
    let repaired = plan(&cluster(), &desired, &before, &rules);
    assert_eq!(repaired.blocked, None);
    let Write::CreateBackup { name, data } = &repaired.steps[0].write else { panic!("{:?}", repaired.steps) };
    assert!(name.starts_with("aws-auth-backup-") && name.len() == "aws-auth-backup-".len() + 10);
    assert_eq!(data["mapRoles"], broken());
    let section = repaired.changes.iter().find(|c| c.subject == Subject::Section(Section::Roles)).unwrap();
    assert_eq!(section.before, Some(Content::Text(broken())));
    assert!(roles(&repaired).starts_with(&format!("# nodes\n{NODE}{}", row("ops", "ops", &["ops"]))));
    assert_eq!(repaired.steps.len(), 2);
    let again = plan(&cluster(), &desired, &applied(&before, &repaired), &rules);
    assert!(again.steps.is_empty(), "{again:?}");
    assert!(found(&again, FindingCode::SectionBroken).is_empty());
}

#[test]
fn a_repair_also_takes_away_what_is_no_longer_granted() {
    let rules = PlanRules { repair: true, ..rules() };
    let before = state(Some(owning(stored(&broken()), &["ops"])));
    let desired = rows(vec![wanted("dev", "dev", &["devs"])]);
    let repaired = plan(&cluster(), &desired, &before, &rules);
    assert!(told(&repaired).contains(&format!("- role {} (no longer granted)", arn("ops"))));
    let after = applied(&before, &repaired);
    assert!(!after.aws_auth.known().unwrap().as_ref().unwrap().data["mapRoles"].contains("role/ops"));
    assert!(plan(&cluster(), &desired, &after, &rules).steps.is_empty());
}

#[test]
fn nothing_is_repaired_into_nothing() {
    let rules = PlanRules { repair: true, ..rules() };
    let plan = plan(&cluster(), &Desired::default(), &state(Some(stored("- [\n"))), &rules);
    assert!(plan.steps.is_empty());
    assert!(found(&plan, FindingCode::SectionBroken)[0].next.as_deref().unwrap().contains("by hand"));
}

#[test]
fn who_still_gets_in_is_told_when_it_is_the_own_way_in() {
    let rules = PlanRules { own_principal: Some(arn("rolecall-member")), ..rules() };
    let mut cluster = cluster();
    let before = state(Some(stored(&broken())));
    let message = |plan: crate::model::Plan| found(&plan, FindingCode::SectionBroken)[0].message.clone();
    assert!(message(plan(&cluster, &Desired::default(), &before, &rules)).contains("created the cluster"));
    cluster.authentication_mode = AuthenticationMode::ApiAndConfigMap;
    assert!(message(plan(&cluster, &Desired::default(), &before, &rules)).contains("access entry"));
    assert!(!message(run(&Desired::default(), &before)).contains("created the cluster"));
}

#[test]
fn backups_are_named_after_what_they_keep() {
    let data = |text: &str| BTreeMap::from([("mapRoles".to_owned(), text.to_owned())]);
    assert_eq!(super::broken::backup_name(&data("a")), super::broken::backup_name(&data("a")));
    assert_ne!(super::broken::backup_name(&data("a")), super::broken::backup_name(&data("b")));
}

fn rescued(text: &str) -> (Option<String>, Vec<usize>) {
    let rescue = super::rescue::rescue(Section::Roles, text);
    (rescue.text, rescue.lost)
}

#[test]
fn only_whole_rows_are_rescued() {
    // The groups slipped to the rows' own column: their lines are no rows.
    let slipped =
        format!("- rolearn: {}\n  username: a\n  groups\n- system:masters\n{}", arn("a"), row("b", "b", &["g"]));
    assert_eq!(rescued(&slipped), (Some(row("b", "b", &["g"])), vec![1, 4]));
    assert_eq!(rescued("a: [").0, None);
}

fn flow(name: &str) -> String {
    format!("{{rolearn: \"{}\", username: '{name}, it''s', groups: [a, \"}}b\"]}}", arn(name))
}

#[test]
fn rows_in_braces_are_rescued_out_of_a_list_in_brackets() {
    let (a, b) = (flow("a"), flow("b"));
    let whole = format!("# who\n[{a},\n {b}]\n");
    assert_eq!(rescued(&format!("# who\n[{a},\n {b}\n")), (Some(whole.clone()), vec![]), "never closed");
    assert_eq!(rescued(&format!("# who\n[{a}\n {b}]\n")), (Some(whole.clone()), vec![]), "no comma");
    let typo = format!("{{rolearn: {}, username: {{{{x, groups: []}}", arn("x"));
    let noted = format!("# who\n[{a},\n # {}\n {typo},\n {b}]\n", flow("note"));
    assert_eq!(rescued(&noted), (Some(whole), vec![4]), "a row that is never closed; comments are no rows");
}

#[test]
fn rows_in_braces_that_slipped_are_rescued() {
    let typo = format!("- rolearn: {}\n  username: {{{{x\n", arn("x"));
    let (a, b) = (flow("a"), flow("b"));
    assert_eq!(rescued(&format!("- {a}\n{typo}   - {b}\n")), (Some(format!("- {a}\n- {b}\n")), vec![2]));
    assert_eq!(rescued(&format!("- {a}\n - {b}\n")), (Some(format!("- {a}\n- {b}\n")), vec![]));
}

fn repaired(text: &str, desired: &Desired) -> crate::model::Plan {
    let protect = vec![crate::model::ArnPattern::new("arn:aws:iam::*:role/breakglass")];
    plan(&cluster(), desired, &state(Some(stored(text))), &PlanRules { repair: true, protect, ..rules() })
}

#[test]
fn whoever_is_left_out_is_named() {
    let plan = repaired(&broken(), &rows(vec![wanted("dev", "dev", &["d"])]));
    let next = found(&plan, FindingCode::SectionBroken)[0].next.as_deref().unwrap();
    assert!(next.contains(&format!("no row is left for {}. The fixed section", arn("bad"))), "{next}");
    let repair = plan.changes.iter().find(|change| change.subject == Subject::Section(Section::Roles)).unwrap();
    assert!(repair.reason.ends_with(&format!("no row is left for {}", arn("bad"))), "{}", repair.reason);
    let plan = repaired(&broken(), &rows(vec![wanted("bad", "bad", &["d"])]));
    assert!(!found(&plan, FindingCode::SectionBroken)[0].next.as_deref().unwrap().contains("no row is left"));
}

#[test]
fn who_is_protected_is_not_left_out() {
    let break_glass = broken().replace(&arn("bad"), &arn("breakglass"));
    let plan = repaired(&break_glass, &rows(vec![wanted("dev", "dev", &["d"])]));
    assert!(plan.steps.is_empty() && plan.changes.is_empty(), "{plan:?}");
    let next = found(&plan, FindingCode::SectionBroken)[0].next.as_deref().unwrap();
    assert!(next.contains("it is protected by") && next.contains(&arn("breakglass")), "{next}");

    let nodes =
        format!("{}- rolearn: {}\n  username: {{{{x}}}}\n  groups: [system:nodes]\n", row("a", "a", &[]), arn("n"));
    let plan = repaired(&nodes, &rows(vec![wanted("dev", "dev", &["d"])]));
    assert!(plan.steps.is_empty(), "{plan:?}");
    let next = found(&plan, FindingCode::SectionBroken)[0].next.as_deref().unwrap();
    assert!(next.contains("let nodes join") && next.contains(&arn("n")), "{next}");
    let plan = repaired(&nodes, &rows(vec![wanted("n", "n", &["d"])]));
    assert_eq!(plan.steps.len(), 2, "the policy gives the row");
}
