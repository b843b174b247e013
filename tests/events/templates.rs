//! The rules under `deploy/events`, held against the samples that the reader of events is tested with.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

fn folder(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A template; what CloudFormation's short functions give is left as their argument.
fn template(name: &str) -> Value {
    let text = fs::read_to_string(folder(&format!("deploy/events/{name}"))).unwrap();
    let plain = text.replace("!GetAtt ", "").replace("!Ref ", "");
    serde_yaml::from_str(&plain).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The event patterns of a template's rules, by the rules' names.
fn patterns(template: &Value) -> BTreeMap<String, Value> {
    let resources = template["Resources"].as_object().unwrap().iter();
    let rules = resources.filter(|(_, resource)| resource["Type"] == "AWS::Events::Rule");
    rules.map(|(name, rule)| (name.clone(), rule["Properties"]["EventPattern"].clone())).collect()
}

/// Whether an event fits a pattern, as far as these patterns go: lists of texts, and `exists`.
///
/// See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>.
fn fits(pattern: &Value, event: Option<&Value>) -> bool {
    match pattern {
        Value::Object(members) => {
            members.iter().all(|(name, pattern)| fits(pattern, event.and_then(|event| event.get(name))))
        }
        Value::Array(any) => any.iter().any(|one| match one.get("exists") {
            Some(exists) => exists.as_bool() == Some(event.is_some()),
            None => event == Some(one),
        }),
        other => panic!("a pattern holds {other}"),
    }
}

#[test]
fn each_event_that_matters_is_forwarded_once_and_reaches_the_queue() {
    let (queue, forward) = (patterns(&template("queue.yaml")), patterns(&template("forward.yaml")));
    assert_eq!((queue.len(), forward.len()), (1, 4));
    let dropped =
        ["ec2-run-instances.json", "eks-create-cluster-failed.json", "identitystore-create-group-membership.json"];
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    for file in fs::read_dir(folder("tests/events/samples")).unwrap() {
        let file = file.unwrap();
        let event: Value = serde_json::from_str(&fs::read_to_string(file.path()).unwrap()).unwrap();
        let name = file.file_name().into_string().unwrap();
        let rules: Vec<&String> =
            forward.iter().filter(|(_, pattern)| fits(pattern, Some(&event))).map(|(name, _)| name).collect();
        assert_eq!(rules.len(), usize::from(!dropped.contains(&name.as_str())), "{name}: {rules:?}");
        for rule in rules {
            assert!(fits(&queue["ToTheQueue"], Some(&event)), "{name}");
            *used.entry(rule.clone()).or_default() += 1;
        }
    }
    assert_eq!(used.len(), 4, "{used:?}");
}

#[test]
fn the_queue_is_the_one_that_the_hubs_policy_allows_and_only_the_rule_sends_to_it() {
    let (queue, forward) = (template("queue.yaml"), template("forward.yaml"));
    let resources = &queue["Resources"];
    let name = resources["Queue"]["Properties"]["QueueName"].as_str().unwrap();
    let policy = fs::read_to_string(folder("deploy/iam/hub-policy.json")).unwrap();
    assert!(policy.contains(&format!("arn:aws:sqs:*:*:{name}\"")), "{policy}");
    let statements = resources["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 1);
    assert_eq!(statements[0]["Condition"]["ArnEquals"]["aws:SourceArn"], "ToTheQueue.Arn");
    for rule in rules(&queue).into_iter().chain(rules(&forward)) {
        assert_eq!(rule["Properties"]["State"], "ENABLED");
        assert_eq!(rule["Properties"]["Targets"].as_array().unwrap().len(), 1);
    }
}

fn rules(template: &Value) -> Vec<Value> {
    let resources = template["Resources"].as_object().unwrap().values();
    resources.filter(|resource| resource["Type"] == "AWS::Events::Rule").cloned().collect()
}
