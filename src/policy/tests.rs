use jiff::civil::date;

use super::{Policy, lint, parse, schema};
use crate::{
    model::{Principal, RbacKind, Source, SubjectKind},
    source::{Diagnostics, SourceFile},
};

const HEAD: &str = "apiVersion: rolecall.dev/v1\nkind: AccessPolicy\n";

fn read(texts: &[(&str, &str)]) -> (Option<Policy>, Vec<String>) {
    let files: Vec<SourceFile> = texts.iter().map(|(name, text)| SourceFile::new(*name, *text)).collect();
    let mut diagnostics = Diagnostics::new();
    let policy = parse(&files, &mut diagnostics);
    (policy, diagnostics.one_lines(&files))
}

/// What is wrong with a policy of these lines, which begin on line 3.
fn wrong(body: &str) -> Vec<String> {
    let (policy, lines) = read(&[("p.yaml", &format!("{HEAD}{body}"))]);
    assert!(policy.is_none(), "{body} is good");
    lines
}

#[track_caller]
fn one_error(body: &str, place: &str, parts: &[&str]) {
    let lines = wrong(body);
    let [line] = &lines[..] else { panic!("{body}\n{lines:#?}") };
    assert!(line.starts_with(&format!("p.yaml:{place}: error: ")), "{line}");
    for part in parts {
        assert!(line.contains(part), "{line} lacks {part}");
    }
}

#[test]
fn the_example_is_good_and_gives_no_cause_for_warnings() {
    let (policy, lines) = read(&[("policy.yaml", include_str!("../../config/policy.yaml"))]);
    assert_eq!(lines, Vec::<String>::new());
    let policy = policy.unwrap();
    let warnings = lint(&policy, date(2026, 11, 22));
    assert!(warnings.is_empty(), "{warnings:#?}");
    assert_eq!((policy.roles.len(), policy.subjects.len(), policy.access.len(), policy.nodes.len()), (3, 4, 10, 1));
    let sources: Vec<Source> = policy.access.iter().map(|entry| entry.spot.source.clone()).collect();
    let text = include_str!("../../config/policy.yaml");
    for source in sources {
        assert!(text.lines().nth(source.line - 1).unwrap().contains("who:"), "{source}");
    }
    assert!(policy.needs_account_tags() && policy.needs_ou_paths());
}

#[test]
fn a_policy_that_says_nothing_is_an_error_unless_it_says_so() {
    let (policy, lines) = read(&[("a.yaml", HEAD), ("b.yaml", HEAD)]);
    assert!(policy.is_none() && lines.len() == 1, "{lines:?}");
    assert!(lines[0].contains("the policy says nothing"), "{lines:?}");
    assert!(wrong("access:\n").iter().all(|line| line.contains("error")));
    let (policy, lines) = read(&[("a.yaml", HEAD), ("b.yaml", &format!("{HEAD}access: []\n"))]);
    assert!(policy.is_some(), "{lines:?}");
}

#[test]
fn the_example_fits_the_schema_that_editors_get() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let example: serde_json::Value = serde_yaml::from_str(include_str!("../../config/policy.yaml")).unwrap();
    let errors: Vec<String> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let text = schema.to_string();
    assert!(["permissionSet", "directoryGroup", "iamGroup"].iter().all(|key| text.contains(key)), "{text}");
}

#[test]
fn every_seed_is_good() {
    for (name, text) in [
        ("admin-beside-nodes", include_str!("../../config/seeds/admin-beside-nodes.yaml")),
        ("developers-by-user", include_str!("../../config/seeds/developers-by-user.yaml")),
        ("fitcycle", include_str!("../../config/seeds/fitcycle.yaml")),
        ("sso-role", include_str!("../../config/seeds/sso-role.yaml")),
        ("user-arn", include_str!("../../config/seeds/user-arn.yaml")),
        ("no-aws-auth", include_str!("../../config/seeds/no-aws-auth.yaml")),
        ("console-access", include_str!("../../config/seeds/console-access.yaml")),
    ] {
        let (policy, lines) = read(&[(name, text)]);
        assert_eq!(lines, Vec::<String>::new(), "{name}");
        let mut warnings = lint(&policy.unwrap(), date(2026, 11, 22));
        warnings.retain(|warning| !warning.message.contains("system:masters on every cluster"));
        assert!(warnings.is_empty(), "{name} {warnings:#?}");
    }
}

#[test]
fn files_merge_and_each_entry_knows_its_line() {
    let a = format!("{HEAD}access:\n  - who: {{role: dev}}\n    groups: [devs]\n");
    let b = format!("{HEAD}groups:\n  - name: devs\n    namespaces:\n      - name: team-a\n        roles: [x]\n");
    let (policy, lines) = read(&[("a.yaml", &a), ("b.yaml", &b)]);
    assert_eq!(lines, Vec::<String>::new());
    let policy = policy.unwrap();
    assert_eq!(policy.access[0].who.principal, Principal::RoleName("dev".to_owned()));
    assert_eq!(policy.access[0].spot.source.to_string(), "a.yaml:4");
    let subject = &policy.subjects[0];
    assert_eq!((subject.subject.kind, subject.spot.source.to_string().as_str()), (SubjectKind::Group, "b.yaml:4"));
    let binding = &subject.bindings[0];
    assert_eq!((binding.namespace.as_deref(), binding.role_ref.kind), (Some("team-a"), RbacKind::Role));
    assert_eq!(binding.spot.source.to_string(), "b.yaml:7");
}

#[test]
fn an_entry_stands_on_the_line_of_its_who() {
    let (policy, _) = read(&[("p.yaml", &format!("{HEAD}access:\n  - who:\n      role: dev\n"))]);
    assert_eq!(policy.unwrap().access[0].spot.source.line, 4);
}

#[test]
fn no_file_is_not_an_empty_policy() {
    let (policy, lines) = read(&[]);
    assert!(policy.is_none());
    assert_eq!(lines, ["policy: error: there is no policy file to read"]);
}

#[test]
fn everything_wrong_is_said_at_once() {
    let lines = wrong(
        "roles:\n  - {name: view, rules: [{apiGroups: [''], resources: [pods], verbs: [get]}]}\naccess:\n  - who: {rolle: \
         x}\n    groups: [system:nodes]\n    colour: red\n  - who: {role: 'arn:aws:iam::1:role/x'}\n    until: soon\n    \
         where: {regions: ['[']}\n",
    );
    let places: Vec<&str> = lines.iter().map(|line| line.split(": error").next().unwrap()).collect();
    assert_eq!(
        places,
        ["p.yaml:4:12", "p.yaml:6:11", "p.yaml:7:14", "p.yaml:8:5", "p.yaml:9:17", "p.yaml:10:12", "p.yaml:11:23"],
        "{lines:#?}"
    );
    assert!(lines[1].contains("did you mean `role`?"), "{}", lines[1]);
}

#[test]
fn whoever_gets_in_is_named_by_one_key() {
    one_error("access: [{who: {}}]", "3:16", &["needed: account, directoryGroup, iamGroup, permissionSet, role, user"]);
    one_error("access: [{who: {role: a, user: b}}]", "3:16", &["do not go together", "keep one"]);
    one_error("access: [{groups: [a]}]", "3:11", &["`who` is missing"]);
    for (name, at) in [("''", "3:33"), ("' A'", "3:33")] {
        one_error(&format!("access: [{{who: {{directoryGroup: {name}}}}}]"), at, &["1 to 1024 characters"]);
    }
    one_error("access: [{who: {account: 012345678901}}]", "3:26", &["must be quoted"]);
    one_error(
        "access: [{who: {role: 'arn:aws:sts::111122223333:assumed-role/dev/me'}}]",
        "3:23",
        &["iam::111122223333:role/dev"],
    );
}

#[test]
fn an_iam_group_is_named_with_a_role_or_for_its_members() {
    let who = |who: &str| {
        let (policy, lines) = read(&[("p.yaml", &format!("{HEAD}access: [{{who: {{{who}}}, groups: [a]}}]"))]);
        policy.unwrap_or_else(|| panic!("{lines:?}")).access[0].who.to_string()
    };
    assert_eq!(who("iamGroup: DevOps"), "IAM group DevOps");
    assert_eq!(who("iamGroup: DevOps, members: false"), "IAM group DevOps");
    assert_eq!(who("iamGroup: DevOps, via: K8sAdmin"), "IAM group DevOps via role K8sAdmin");
    assert_eq!(who("iamGroup: DevOps, members: true"), "members of IAM group DevOps");
    one_error("access: [{who: {role: a, via: b}}]", "3:16", &["`role` and `via` do not go together", "keep one"]);
    one_error("access: [{who: {user: a, members: true}}]", "3:16", &["do not go together"]);
    one_error("access: [{who: {via: b}}]", "3:11", &["`iamGroup` is missing in `who`"]);
    one_error("access: [{who: {iamGroup: a, viaRole: b}}]", "3:30", &["viaRole", "did you mean `via`?"]);
    one_error("access: [{who: {iamGroup: a, via: b, members: true}}]", "3:38", &["do not go together", "keep `via`"]);
    one_error("access: [{who: {iamGroup: a, members: yes please}}]", "3:39", &["`members`: expected true or false"]);
    one_error("access: [{who: {iamGroup: 'a b'}}]", "3:27", &["cannot be an IAM group"]);
    one_error("access: [{who: {iamGroup: 'a*'}}]", "3:27", &["named in full"]);
    one_error("access: [{who: {iamGroup: ops/a}}]", "3:27", &["`iamGroup: a`"]);
    one_error(
        "access: [{who: {iamGroup: 'arn:aws:iam::111122223333:group/ops/DevOps'}}]",
        "3:27",
        &["`iamGroup: DevOps`", "accounts: [\"111122223333\"]"],
    );
    one_error("access: [{who: {iamGroup: a, via: 'arn:aws:iam::111122223333:role/x/b'}}]", "3:35", &["`via: b`"]);
    one_error("access: [{who: {iamGroup: a, via: x/b}}]", "3:35", &["`via: b`"]);
}

#[test]
fn names_that_are_not_the_policys_are_refused() {
    let groups = ["system:nodes", "system:bootstrappers", "system:node-proxier", "eks:x"];
    for group in groups {
        one_error(&format!("access: [{{who: {{role: a}}, groups: [{group}]}}]"), "3:36", &["`nodes`"]);
    }
    one_error("access: [{who: {role: a}, username: 'system:x'}]", "3:37", &["keeps for itself"]);
    one_error("access: [{who: {role: a}, username: ''}]", "3:37", &["empty"]);
    one_error(
        "access: [{who: {role: a}, username: {{SessionName}}}]",
        "3:38",
        &["must be quoted", "\"{{SessionName}}\""],
    );
    one_error("groups: [{name: '', clusterRoles: [view]}]", "3:17", &["empty"]);
    one_error("groups: [{name: a, clusterRoles: [a/b]}]", "3:35", &["cannot be the name"]);
    one_error("groups: [{name: a, namespaces: [{name: A, roles: [b]}]}]", "3:40", &["namespace"]);
    one_error("roles: [{name: 'system:x', rules: []}]", "3:16", &["Kubernetes"]);
    one_error("roles: [{name: edit, rules: []}]", "3:16", &["every cluster has already"]);
}

#[test]
fn entries_that_bind_or_allow_nothing_are_refused() {
    one_error("groups: [{name: a}]", "3:11", &["binds no role"]);
    one_error("users: [{name: a, namespaces: [{name: b}]}]", "3:33", &["names no role"]);
    one_error("roles: [{name: a, rules: [{apiGroups: [''], resources: [pods]}]}]", "3:28", &["`verbs`"]);
    one_error("roles: [{name: a, rules: [{verbs: [get]}]}]", "3:28", &["`resources`"]);
    let urls = "roles: [{name: a, namespace: b, rules: [{verbs: [get], nonResourceURLs: [/x]}]}]";
    one_error(urls, "3:42", &["without `namespace`"]);
    one_error("access: [{who: {account: '444455556666'}, groups: [a]}]", "3:43", &["not possible for an account"]);
    one_error("access: [{who: {account: '444455556666'}, username: a}]", "3:43", &["not possible for an account"]);
}

#[test]
fn contradictions_name_both_places() {
    let a = format!("{HEAD}access:\n  - {{who: {{role: dev}}, username: x}}\n");
    let b = format!("{HEAD}access:\n  - {{who: {{role: Dev}}, username: y, where: {{regions: [eu-*]}}}}\n");
    let files = [SourceFile::new("a.yaml", a), SourceFile::new("b.yaml", b)];
    let mut diagnostics = Diagnostics::new();
    assert!(parse(&files, &mut diagnostics).is_none());
    let [error] = &diagnostics.iter().collect::<Vec<_>>()[..] else { panic!("{diagnostics:?}") };
    assert!(error.message.contains("two usernames, \"x\" and \"y\""), "{}", error.message);
    assert_eq!((error.file.as_str(), error.related[0].0.as_str()), ("b.yaml", "a.yaml"));

    let rule = |verb: &str| format!("{{name: a, rules: [{{apiGroups: [''], resources: [pods], verbs: [{verb}]}}]}}");
    one_error(&format!("roles:\n  - {}\n  - {}", rule("get"), rule("list")), "5:12", &["defined twice"]);
    one_error("nodes: [{role: n}]\naccess:\n  - who: {role: n}", "5:10", &["role of nodes"]);
}

#[test]
fn entries_kept_apart_do_not_contradict() {
    let (policy, lines) = read(&[(
        "p.yaml",
        &format!(
            "{HEAD}access:\n  - {{who: {{role: a}}, username: x, where: {{regions: [eu-*]}}}}\n  - {{who: {{role: a}}, \
             username: y, where: {{regions: [us-*]}}}}\n  - {{who: {{role: a}}, username: x, groups: [b]}}\n"
        ),
    )]);
    assert!(policy.is_none() && lines.len() == 1, "x everywhere and y in us-*: {lines:#?}");
    assert!(lines[0].contains("p.yaml:6:"), "{lines:#?}");
}

#[test]
fn access_policies_are_given_by_name_or_arn_and_for_namespaces() {
    let body = "access:\n  - who: {role: a}\n    accessPolicies:\n      - AmazonEKSViewPolicy\n      - \
                {policy: \"arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy\", namespaces: [b-*, a]}\n";
    let (policy, lines) = read(&[("p.yaml", &format!("{HEAD}{body}"))]);
    assert_eq!(lines, Vec::<String>::new());
    let given: Vec<String> =
        policy.unwrap().access[0].policies.iter().map(|p| format!("{}: {}", p.name, p.scope)).collect();
    assert_eq!(given, ["AmazonEKSViewPolicy: the whole cluster", "AmazonEKSEditPolicy: namespaces a, b-*"]);
    let entry = |policies: &str| format!("access:\n  - who: {{role: a}}\n    accessPolicies: [{policies}]\n");
    one_error(&entry("\"no policy\""), "5:22", &["is not an access policy of EKS", "aws eks list-access-policies"]);
    one_error(&entry("{policy: View, namespaces: [Team]}"), "5:50", &["cannot be a namespace"]);
    assert!(!wrong(&entry("{policy: View, namespaces: []}")).is_empty());
    one_error("access:\n  - who: {account: \"444455556666\"}\n    accessPolicies: [View]\n", "5:5", &["not possible"]);
}

#[test]
fn what_access_entries_cannot_take_is_refused_where_only_they_can_be_meant() {
    let entry = |more: &str| format!("access:\n  - who: {{role: a}}\n    username: \"x-{{{{SessionName}}}}\"\n{more}");
    one_error(&entry("    accessPolicies: [View]\n"), "5:15", &["must have a colon before", "creating-access-entries"]);
    let (policy, _) = read(&[("p.yaml", &format!("{HEAD}{}", entry("")))]);
    let warnings = lint(&policy.unwrap(), date(2026, 11, 22));
    assert!(warnings.iter().any(|warning| warning.message.contains("it is not placed")), "{warnings:?}");
    let groups =
        "access:\n  - who: {role: a}\n    groups: [system:masters, \"system:x\"]\n    accessPolicies: [View]\n";
    one_error(groups, "5:30", &["cannot begin with `system:`"]);
}
