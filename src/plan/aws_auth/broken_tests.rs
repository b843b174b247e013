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
    let fixed = findings[0].next.as_deref().unwrap();
    let rescued = format!("# nodes\n{NODE}{}", row("ops", "ops", &["ops"]));
    assert!(fixed.contains(&rescued) && fixed.contains(&arn("dev")) && !fixed.contains(&arn("bad")), "{fixed}");
    assert!(fixed.contains("one row that cannot be read, on line 7"), "{fixed}");
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

#[test]
fn only_whole_rows_are_rescued() {
    // The groups slipped to the rows' own column: their lines are no rows.
    let slipped =
        format!("- rolearn: {}\n  username: a\n  groups\n- system:masters\n{}", arn("a"), row("b", "b", &["g"]));
    let rescue = super::broken::rescue(Section::Roles, &slipped);
    assert_eq!((rescue.text, rescue.lost), (Some(row("b", "b", &["g"])), vec![1, 4]));
    assert_eq!(super::broken::rescue(Section::Roles, "a: [").text, None);
}
