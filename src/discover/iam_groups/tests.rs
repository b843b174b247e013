//! The rules of policy evaluation, each case with where AWS documents it, below
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/>.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    document::Document,
    evaluate::{Caller, Verdict, group_may_assume, group_may_assume_every_role, trust_lets_in},
};
use crate::model::{Arn, Identity};

const ROLE: &str = "arn:aws:iam::111122223333:role/teams/K8sAdmin";
const ROOT: &str = "arn:aws:iam::111122223333:root";

fn document(statements: &Value) -> Document {
    let whole = json!({"Version": "2012-10-17", "Statement": statements});
    Document::read(&whole.to_string()).unwrap_or_else(|why| panic!("{why}: {whole}"))
}

fn arn() -> Arn {
    ROLE.parse().unwrap()
}

fn eve() -> Identity {
    let arn = "arn:aws:iam::111122223333:user/ops/eve".parse().unwrap();
    Identity { arn, unique_id: Some("AIDAEVE".to_owned()), created: None }
}

/// `no`, `perhaps`, `yes`, or what a yes depends on.
fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::No => "no".to_owned(),
        Verdict::Perhaps => "perhaps".to_owned(),
        Verdict::Yes(terms) => {
            let keys = |keys: &std::collections::BTreeSet<String>| keys.iter().cloned().collect::<Vec<_>>().join(" ");
            let (only, not) = (keys(&terms.only_if), keys(&terms.not_if));
            let only = if only.is_empty() { only } else { format!(" if {only}") };
            let not = if not.is_empty() { not } else { format!(" unless {not}") };
            format!("yes{only}{not}")
        }
    }
}

#[track_caller]
fn says(page: &str, statements: &Value, expected: &str) {
    assert_eq!(word(&group_may_assume([&document(statements)], ROLE)), expected, "{page}: {statements}");
}

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn deny(action: &str, resource: &str) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": resource})
}

#[test]
fn without_an_allow_it_is_denied_and_a_deny_wins() {
    let page = "reference_policies_evaluation-logic_policy-eval-basics.html";
    says(page, &json!([]), "no");
    says(page, &allow("sts:AssumeRole", ROLE), "yes");
    says(page, &json!([allow("sts:AssumeRole", ROLE), deny("sts:AssumeRole", ROLE)]), "no");
    says(page, &json!([deny("*", "*"), allow("sts:AssumeRole", ROLE)]), "no");
    says(page, &json!([allow("sts:AssumeRole", ROLE), deny("sts:AssumeRole", "arn:aws:iam::*:role/other")]), "yes");
    let (given, taken) = (document(&allow("sts:AssumeRole", ROLE)), document(&deny("sts:*", "*")));
    assert_eq!(group_may_assume([&given, &taken], ROLE), Verdict::No, "policies count together");
}

#[test]
fn actions_match_whatever_their_case_with_wildcards() {
    let page = "reference_policies_elements_action.html";
    for action in ["sts:assumerole", "STS:AssumeRole", "sts:*", "sts:Assume*", "sts:AssumeRol?", "s?s:*Role", "*"] {
        says(page, &allow(action, ROLE), "yes");
    }
    for action in ["sts:AssumeRoleWithSAML", "sts:AssumeRole?", "sts:Assume", "iam:*", "sts:TagSession", "AssumeRole"] {
        says(page, &allow(action, ROLE), "no");
    }
    says(page, &json!({"Effect": "Allow", "Action": ["iam:PassRole", "sts:AssumeRole"], "Resource": [ROLE]}), "yes");
    let page = "reference_policies_elements_notaction.html";
    says(page, &json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": ROLE}), "yes");
    says(page, &json!({"Effect": "Allow", "NotAction": ["iam:*", "STS:*"], "Resource": ROLE}), "no");
    let not_iam = json!({"Effect": "Deny", "NotAction": ["iam:*"], "Resource": "*"});
    says(page, &json!([allow("sts:AssumeRole", ROLE), not_iam]), "no");
}

#[test]
fn resources_match_with_their_case_with_wildcards() {
    let page = "reference_policies_elements_resource.html";
    let account = "arn:aws:iam::111122223333";
    for resource in [
        "*",
        "arn:*",
        "arn:aws:iam",
        "arn:aws:iam::*",
        "arn:aws:iam::*:role/teams/*",
        "arn:aws:iam::1111*:role/teams/K8s*",
        &format!("{account}:role/*"),
        &format!("{account}:role/*Admin"),
        &format!("{account}:role/teams/K8sAdmi?"),
        &format!("{account}:*"),
    ] {
        says(page, &allow("sts:AssumeRole", resource), "yes");
    }
    for resource in [
        &format!("{account}:role/K8sAdmin"),
        &format!("{account}:role/teams/k8sadmin"),
        &format!("{account}:user/*"),
        &format!("{account}:role/teams/K8sAdmin?"),
        "arn:aws:iam::444455556666:role/*",
        "arn:aws-cn:iam::*:role/*",
        "arn:aws:s3",
        // Within its segment an asterisk ends with it; a question mark is never a colon.
        "arn:a*Admin",
        "arn:aws:iam:?111122223333:role/teams/K8sAdmin",
    ] {
        says(page, &allow("sts:AssumeRole", resource), "no");
    }
    let page = "reference_policies_elements_notresource.html";
    says(page, &json!({"Effect": "Allow", "Action": "sts:*", "NotResource": ROLE}), "no");
    says(page, &json!({"Effect": "Allow", "Action": "sts:*", "NotResource": ["arn:aws:s3:::x"]}), "yes");
    let all_but_this = json!({"Effect": "Deny", "Action": "sts:AssumeRole", "NotResource": [ROLE]});
    says(page, &json!([allow("sts:AssumeRole", "*"), all_but_this]), "yes");
}

#[test]
fn conditions_are_told_and_decide_nothing_by_themselves() {
    let page = "reference_policies_elements_condition.html";
    let mfa = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}, "StringEquals": {"aws:PrincipalTag/x": ["a"]}});
    let with = |mut statement: Value, condition: &Value| {
        statement["Condition"] = condition.clone();
        statement
    };
    let told = "aws:MultiFactorAuthPresent aws:PrincipalTag/x";
    let only = with(allow("sts:AssumeRole", ROLE), &mfa);
    says(page, &only, &format!("yes if {told}"));
    says(page, &json!([only, allow("sts:AssumeRole", "*")]), "yes");
    let unless = with(deny("sts:AssumeRole", "*"), &mfa);
    says(page, &json!([allow("sts:AssumeRole", ROLE), unless]), &format!("yes unless {told}"));
    says(page, &unless, "no");
    says(page, &json!([only, deny("sts:AssumeRole", "*")]), "no");
}

#[test]
fn policy_variables_are_not_guessed() {
    let page = "reference_policies_variables.html";
    let own = "arn:aws:iam::111122223333:role/teams/${aws:username}";
    says(page, &allow("sts:AssumeRole", own), "perhaps");
    says(page, &allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/${aws:username}-x"), "no");
    says(page, &json!([allow("sts:AssumeRole", own), allow("sts:AssumeRole", ROLE)]), "yes");
    says(page, &json!([deny("sts:AssumeRole", own), allow("sts:AssumeRole", ROLE)]), "yes unless a policy variable");
    says(page, &json!([allow("sts:AssumeRole", own), deny("sts:*", "*")]), "no");
    says(page, &json!({"Effect": "Allow", "Action": "sts:*", "NotResource": own}), "perhaps");
    says(page, &allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/teams/${*}"), "no");
    let old = json!({"Statement": [allow("sts:AssumeRole", own)]}).to_string();
    let old = Document::read(&old).unwrap();
    assert_eq!(group_may_assume([&old], ROLE), Verdict::No, "{page}: only version 2012-10-17 has them");
    let literal = "arn:aws:iam::111122223333:role/teams/${aws:username}";
    assert_eq!(word(&group_may_assume([&old], literal)), "yes");
}

#[test]
fn a_group_that_may_assume_whatever_there_is_is_known_by_it() {
    let every = |statements: &Value| group_may_assume_every_role(&[document(statements)], &arn());
    let account = "arn:aws:iam::111122223333";
    for resource in ["*", "arn:aws:iam::*:role/*", "arn:aws:iam", &format!("{account}:role/*"), &format!("{account}:*")]
    {
        assert!(every(&allow("sts:AssumeRole", resource)), "{resource}");
        assert!(every(&allow("*", resource)), "{resource}");
    }
    assert!(every(&json!({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"})));
    assert!(every(&json!({"Effect": "Allow", "Action": "sts:*", "NotResource": ROLE})), "all but one");
    let tagged = json!({"StringEquals": {"iam:ResourceTag/team": "a"}});
    assert!(every(&json!({"Effect": "Allow", "Action": "sts:*", "Resource": "*", "Condition": tagged})));
    for resource in [&format!("{account}:role/=*"), &format!("{account}:role/*/*"), &format!("{account}:role/?"), ROLE]
    {
        assert!(!every(&allow("sts:AssumeRole", resource)), "{resource}");
    }
    assert!(!every(&allow("iam:*", "*")));
    let all_but_this = json!({"Effect": "Deny", "Action": "sts:AssumeRole", "NotResource": [ROLE]});
    assert!(!every(&json!([allow("*", "*"), all_but_this])), "one is left");
}

#[track_caller]
fn trusts(statements: &Value, anybody: &str, user: &str) {
    let trust = document(statements);
    assert_eq!(word(&trust_lets_in(&trust, &arn(), Caller::AnyUser)), anybody, "anybody: {statements}");
    assert_eq!(word(&trust_lets_in(&trust, &arn(), Caller::User(&eve()))), user, "eve: {statements}");
}

/// `reference_policies_elements_principal.html`
#[test]
fn a_trust_policy_names_the_account_or_its_users() {
    let to = |principal: Value| json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"});
    for whole in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ROOT}), json!({"AWS": ["111122223333"]})] {
        trusts(&to(whole), "yes", "yes");
    }
    for named in [json!({"AWS": "arn:aws:iam::111122223333:user/ops/eve"}), json!({"AWS": [ROLE, "AIDAEVE"]})] {
        trusts(&to(named), "no", "yes");
    }
    for others in [
        json!({"Service": "ec2.amazonaws.com"}),
        json!({"Federated": "arn:aws:iam::111122223333:saml-provider/x"}),
        json!({"AWS": "arn:aws:iam::444455556666:root"}),
        json!({"AWS": "arn:aws:iam::111122223333:user/eve"}),
        json!({"AWS": "arn:aws:iam::111122223333:user/*"}),
        json!({"AWS": "AIDAOLD"}),
    ] {
        trusts(&to(others), "no", "no");
    }
    trusts(&json!([]), "no", "no");
    trusts(&json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRoleWithSAML"}), "no", "no");
    let denied = |principal: Value| json!({"Effect": "Deny", "Principal": principal, "Action": "sts:*"});
    let whole = to(json!({"AWS": ROOT}));
    trusts(&json!([whole, denied(json!({"AWS": "arn:aws:iam::111122223333:user/ops/eve"}))]), "yes", "no");
    trusts(&json!([whole, denied(json!("*"))]), "no", "no");
    let but_eve = json!({"Effect": "Deny", "NotPrincipal": {"AWS": eve().arn.to_string()}, "Action": "sts:AssumeRole"});
    trusts(&json!([whole, but_eve]), "no", "yes");
    let mut with_id = whole;
    with_id["Condition"] = json!({"StringEquals": {"sts:ExternalId": "x"}});
    trusts(&with_id, "yes if sts:ExternalId", "yes if sts:ExternalId");
}

#[test]
fn what_is_no_policy_is_an_error_and_not_an_empty_one() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"Statement": "x"}"#,
        r#"{"Statement": [{"Action": "*", "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "allow", "Action": "*", "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": 1, "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "NotAction": "*", "Resource": "*"}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": []}]}"#,
        r#"{"Statement": [{"Effect": "Allow", "Action": "*", "Principal": "me"}]}"#,
    ] {
        assert!(Document::read(text).is_err(), "{text}");
    }
    let encoded = "%7B%22Statement%22%3A%20%5B%5D%7D";
    assert!(Document::read(encoded).unwrap().statements.is_empty());
    assert_eq!(
        Document::read(r#"{"Statement": [{"Effect": "Deny", "Action": "a:%2A", "Resource": "*"}]}"#)
            .unwrap()
            .statements
            .len(),
        1
    );
}

/// How much a verdict gives.
fn width(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::No => 0,
        Verdict::Perhaps => 1,
        Verdict::Yes(_) => 2,
    }
}

fn statements() -> impl Strategy<Value = Value> {
    let action = prop::sample::select(vec!["sts:AssumeRole", "sts:*", "*", "iam:*", "STS:assume*"]);
    let resource = prop::sample::select(vec![
        "*",
        ROLE,
        "arn:aws:iam::*:role/teams/*",
        "arn:aws:iam::111122223333:role/${aws:username}",
        "arn:aws:iam::111122223333:role/other",
    ]);
    let names = (prop::bool::ANY, prop::bool::ANY, prop::bool::ANY, prop::bool::ANY);
    (names, action, resource).prop_map(|((allows, not_action, not_resource, mfa), action, resource)| {
        let mut statement = json!({"Effect": if allows { "Allow" } else { "Deny" }});
        statement[if not_action { "NotAction" } else { "Action" }] = json!(action);
        statement[if not_resource { "NotResource" } else { "Resource" }] = json!([resource]);
        if mfa {
            statement["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": true}});
        }
        statement
    })
}

proptest! {
    #[test]
    fn one_more_deny_never_widens(all in prop::collection::vec(statements(), 0..6), mut more in statements()) {
        more["Effect"] = json!("Deny");
        let before = group_may_assume([&document(&json!(all))], ROLE);
        let mut after = all.clone();
        after.push(more);
        let after = group_may_assume([&document(&json!(after))], ROLE);
        prop_assert!(width(&after) <= width(&before), "{before:?} {after:?}");
    }

    #[test]
    fn one_more_allow_never_narrows(all in prop::collection::vec(statements(), 0..6), mut more in statements()) {
        more["Effect"] = json!("Allow");
        let before = group_may_assume([&document(&json!(all))], ROLE);
        let mut after = all.clone();
        after.push(more);
        prop_assert!(width(&group_may_assume([&document(&json!(after))], ROLE)) >= width(&before));
    }

    #[test]
    fn neither_order_nor_division_into_policies_matters(
        all in prop::collection::vec(statements(), 0..6).prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        cut in 0_usize..6,
    ) {
        let (all, shuffled) = all;
        let (first, second) = shuffled.split_at(cut.min(shuffled.len()));
        let apart = [document(&json!(first)), document(&json!(second))];
        prop_assert_eq!(group_may_assume([&document(&json!(all))], ROLE), group_may_assume(&apart, ROLE));
    }
}
