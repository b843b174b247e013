//! What people see of a diagnosis, and that what they paste is what `deploy` holds.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use serde::Deserialize as _;
use serde_yaml::Value;

use super::*;
use crate::{
    model::{
        AuthenticationMode, Cause, Checked, ClusterUser, Need, Part, Partition, Place, Region, Told, Verdict,
        kubernetes_rights,
    },
    report::{Format, View},
};

const MEMBER_ACTIONS: [&str; 3] = ["eks:DescribeCluster", "eks:CreateAccessEntry", "iam:GetRole"];

fn told(cause: Cause, what: &str) -> Told {
    Told { cause, what: what.to_owned(), next: Some("Do this.".to_owned()) }
}

fn place(account: u64, cluster: Option<&str>) -> Place {
    Place {
        account: Some(format!("{account:012}").parse().unwrap()),
        account_name: Some(format!("team-{account}")),
        region: cluster.map(|_| Region::new("eu-west-1")),
        cluster: cluster.map(str::to_owned),
    }
}

fn checked(part: Part, place: Place, checks: Vec<(Need, Verdict)>) -> Checked {
    let principal = place.account.as_ref().map(|account| format!("arn:aws:iam::{account}:role/ops/rolecall-member"));
    Checked { part, place, principal, mode: None, user: None, checks }
}

fn diagnosis(checked: Vec<Checked>) -> Diagnosis {
    Diagnosis {
        organization: Some("o-a1b2c3d4e5".to_owned()),
        partition: Partition::new("aws"),
        enforce: true,
        hub: Some("arn:aws:iam::999988887777:role/rolecall-hub".to_owned()),
        hub_account: None,
        member_role: "ops/rolecall-member".to_owned(),
        hub_external_id: true,
        member_external_id: true,
        source_identity: true,
        queue: None,
        checked,
    }
}

fn account(number: u64, missing: &[&'static str]) -> Checked {
    let refused = |action: &str| Verdict::Missing(told(Cause::NotAllowed, &format!("{action} was refused")));
    let mut checks = vec![(Need::MemberRole, Verdict::Fine)];
    for action in MEMBER_ACTIONS {
        let verdict = if missing.contains(&action) { refused(action) } else { Verdict::Fine };
        checks.push((Need::MemberAction(action), verdict));
    }
    checked(Part::Account, place(number, None), checks)
}

fn cluster(number: u64, name: &str, need: Need, verdict: Verdict) -> Checked {
    let mut checks = vec![(need, verdict)];
    if need != Need::Reach {
        checks.insert(0, (Need::Reach, Verdict::Fine));
    }
    Checked { mode: Some(AuthenticationMode::Api), ..checked(Part::Cluster, place(number, Some(name)), checks) }
}

/// 250 accounts of which most lack the same, and a cluster for each way of being shut out.
fn large() -> Diagnosis {
    let mut all = vec![checked(
        Part::Hub,
        Place::default(),
        vec![
            (Need::Credentials, Verdict::Fine),
            (
                Need::HubAction("organizations:ListRoots"),
                Verdict::Missing(told(Cause::NotAllowed, "ListRoots was refused")),
            ),
        ],
    )];
    let refused = Verdict::Missing(told(Cause::NotAllowed, "AssumeRole was refused"));
    all.push(checked(Part::Account, place(1, None), vec![(Need::MemberRole, refused)]));
    all.push(account(2, &[]));
    all.push(account(3, &["eks:CreateAccessEntry", "iam:GetRole"]));
    all.extend((4..250).map(|number| account(number, &["iam:GetRole"])));
    let untold = Verdict::Untold(told(Cause::Conditions, "it depends on aws:ResourceTag/team"));
    all.push(checked(Part::Account, place(250, None), vec![(Need::MemberAction("eks:CreateAccessEntry"), untold)]));
    let missing = |cause| Verdict::Missing(told(cause, "the cluster answers 401"));
    all.push(cluster(2, "one", Need::SignIn, missing(Cause::UnknownToEntries)));
    all.push(cluster(2, "two", Need::SignIn, missing(Cause::UnknownToEntries)));
    all.push(cluster(3, "odd' name", Need::SignIn, missing(Cause::EntryWithoutEffect)));
    all.push(cluster(4, "old", Need::SignIn, missing(Cause::UnknownToAwsAuth)));
    all.push(cluster(5, "far", Need::Reach, Verdict::Missing(told(Cause::Unreachable, "nobody answers"))));
    all.push(cluster(6, "leaning", Need::OwnEntry, Verdict::Advice(told(Cause::AwsAuthWhereEntries, "no entry"))));
    all.extend([7, 8].map(without_rights));
    diagnosis(all)
}

/// A cluster that lets rolecall read only.
fn without_rights(number: u64) -> Checked {
    let verdict =
        |writes| if writes { Verdict::Missing(told(Cause::NotAllowed, "not allowed")) } else { Verdict::Fine };
    let name = format!("arn:aws:sts::{number:012}:assumed-role/rolecall-member/rolecall");
    let rights = kubernetes_rights().into_iter().map(|right| (Need::Right(right), verdict(right.writes)));
    Checked {
        user: Some(ClusterUser { name, groups: vec!["readers".to_owned()] }),
        ..checked(Part::Cluster, place(number, Some("main")), rights.collect())
    }
}

const WIDE: View =
    View { color: false, width: Some(110), diff: false, unknown_only: false, brief: false, strict: false, limit: None };

#[test]
fn a_large_fleet_as_a_table() {
    assert_snapshot!(render_diagnosis(&large(), false, Format::Table, &WIDE));
}

#[test]
fn a_large_fleet_as_markdown() {
    let mut small = large();
    small.checked.retain(|checked| checked.place.account.as_ref().is_none_or(|id| id.as_str() < "000000000005"));
    assert_snapshot!(render_diagnosis(&small, true, Format::Markdown, &WIDE));
}

#[test]
fn a_diagnosis_as_json() {
    let mut small = large();
    small.checked.retain(|checked| checked.place.account.as_ref().is_some_and(|id| id.as_str() < "000000000004"));
    assert_snapshot!(render_diagnosis(&small, false, Format::Json, &WIDE));
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn who_lacks_everything_is_told_the_whole_policies_of_deploy() {
    let diagnosis = Diagnosis { member_role: "rolecall-member".to_owned(), ..diagnosis(Vec::new()) };
    let all = |text: &'static str| -> BTreeSet<&'static str> {
        text.split('"').filter(|word| word.contains(':') && !word.starts_with("arn:")).collect()
    };
    let member = include_str!("../../../deploy/iam/member-policy.json");
    assert_eq!(json(&iam::member_policy(&diagnosis, &all(member))), json(member));
    let hub = include_str!("../../../deploy/iam/hub-policy.json");
    assert_eq!(json(&iam::hub_policy(&diagnosis, None, &all(hub))), json(hub));
    let trust = include_str!("../../../deploy/iam/member-trust.json").replace("HUB_ACCOUNT_ID", "999988887777");
    assert_eq!(json(&iam::member_trust(&diagnosis)), json(&trust));
    assert_eq!(json(&iam::hub_trust(&diagnosis)), json(include_str!("../../../deploy/iam/hub-trust.json")));
}

#[test]
fn another_partition_has_other_arns_and_without_an_external_id_there_is_no_condition() {
    let diagnosis = Diagnosis {
        partition: Partition::new("aws-cn"),
        member_external_id: false,
        source_identity: false,
        ..diagnosis(Vec::new())
    };
    let policy = iam::hub_policy(&diagnosis, None, &BTreeSet::from(["sts:AssumeRole"]));
    assert_eq!(json(&policy)["Statement"][0]["Resource"], "arn:aws-cn:iam::*:role/ops/rolecall-member");
    let trust = json(&iam::member_trust(&diagnosis));
    assert_eq!(trust["Statement"][0].get("Condition"), None);
    assert_eq!(trust["Statement"][0]["Action"], serde_json::json!(["sts:AssumeRole"]));
}

fn documents(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text).map(|one| Value::deserialize(one).unwrap()).collect()
}

/// Group, resource, name, namespace and verb of everything that a manifest allows.
fn allowed(text: &str) -> BTreeSet<[String; 5]> {
    let mut all = BTreeSet::new();
    for document in documents(text) {
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        for rule in document["rules"].as_sequence().into_iter().flatten() {
            let list = |name: &str| -> Vec<String> {
                let list = rule[name].as_sequence().cloned().unwrap_or_default();
                list.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
            };
            let names = if list("resourceNames").is_empty() { vec![String::new()] } else { list("resourceNames") };
            for group in list("apiGroups") {
                for resource in list("resources") {
                    for name in &names {
                        for verb in list("verbs") {
                            all.insert([group.clone(), resource.clone(), name.clone(), namespace.clone(), verb]);
                        }
                    }
                }
            }
        }
    }
    all
}

#[test]
fn the_rights_that_are_asked_for_are_those_of_the_manifest() {
    let manifest = allowed(include_str!("../../../deploy/kubernetes/cluster-access.yaml"));
    let asked = kubernetes_rights().into_iter().map(|right| {
        let [name, namespace] = [right.name, right.namespace].map(|text| text.unwrap_or_default().to_owned());
        [right.group.to_owned(), right.resource.to_owned(), name, namespace, right.verb.to_owned()]
    });
    let asked: BTreeSet<[String; 5]> = asked.collect();
    // To get any ConfigMap is to get aws-auth.
    let implied = ["", "configmaps", "aws-auth", "kube-system", "get"].map(str::to_owned);
    let more: Vec<_> = asked.difference(&manifest).collect();
    assert_eq!(more, [&implied]);
    assert_eq!(manifest.difference(&asked).count(), 0);
}

#[test]
fn the_manifest_is_whole_for_the_group_and_cut_for_who_only_reads() {
    let mut diagnosis = diagnosis(Vec::new());
    let whole = include_str!("../../../deploy/kubernetes/cluster-access.yaml");
    assert_eq!(documents(&access::manifest(&diagnosis, &access::Subject::Group, &[])), documents(whole));
    diagnosis.enforce = false;
    let reads = allowed(&access::manifest(&diagnosis, &access::Subject::Group, &[]));
    let verbs: BTreeSet<&str> = reads.iter().map(|right| right[4].as_str()).collect();
    assert_eq!(verbs, ["get", "list"].into());
    assert!(reads.is_subset(&allowed(whole)) && reads.len() == 10, "{reads:?}");
}

#[test]
fn one_manifest_serves_the_clusters_of_many_accounts() {
    let two = [7, 8].map(without_rights);
    let places: Vec<&Checked> = two.iter().collect();
    let diagnosis = diagnosis(Vec::new());
    let subjects: BTreeMap<_, usize> = places.iter().map(|checked| (access::subject(checked), 1)).collect();
    let [subject] = subjects.into_keys().collect::<Vec<_>>().try_into().unwrap();
    let name = |places: &[&Checked]| {
        documents(&access::manifest(&diagnosis, &subject, places))[1]["subjects"][0]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(name(&places), "arn:aws:sts::ACCOUNT:assumed-role/rolecall-member/rolecall");
    assert_eq!(name(&places[..1]), "arn:aws:sts::000000000007:assumed-role/rolecall-member/rolecall");
}

#[test]
fn what_is_missing_weighs_more_than_what_cannot_be_told() {
    let only = |verdict| diagnosis(vec![cluster(1, "one", Need::SignIn, verdict)]).exit_code().code();
    assert_eq!(only(Verdict::Fine), 0);
    assert_eq!(only(Verdict::Advice(told(Cause::AwsAuthAlone, ""))), 0);
    assert_eq!(only(Verdict::Untold(told(Cause::Timeout, ""))), 3);
    assert_eq!(large().exit_code().code(), 1);
}
