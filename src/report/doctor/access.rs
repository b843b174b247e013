//! What gives rolecall a way into clusters and rights in them: commands and a manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Deserialize as _;
use serde_yaml::{Mapping, Value};

use crate::model::{
    Arn, CLUSTER_ADMIN_POLICY, Checked, ClusterUser, Diagnosis, MASTERS, access_policy_arn, kubernetes_rights,
};

const CLUSTER_ACCESS: &str = include_str!("../../../deploy/kubernetes/cluster-access.yaml");
/// The group that the manifest speaks of.
const GROUP: &str = "rolecall";
/// Stands for the account of the cluster in usernames that hold it.
const ACCOUNT: &str = "ACCOUNT";

/// Whom the manifest gives rights to: the group `rolecall` where the mapping has it, else the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Group,
    User(String),
}

/// The subject for a cluster; the account in a username stands as a placeholder, so that one manifest serves many.
pub(super) fn subject(checked: &Checked) -> Subject {
    let Some(ClusterUser { name, groups }) = &checked.user else { return Subject::Group };
    if groups.iter().any(|group| group == GROUP) || name.is_empty() {
        return Subject::Group;
    }
    let account = checked.place.account.as_ref().map_or("", |account| account.as_str());
    Subject::User(if account.is_empty() { name.clone() } else { name.replace(account, ACCOUNT) })
}

/// The manifest: all that is needed, not just what is missing, since applying it replaces the rules that were there.
pub(super) fn manifest(diagnosis: &Diagnosis, subject: &Subject, places: &[&Checked]) -> String {
    let accounts: BTreeSet<_> = places.iter().filter_map(|checked| checked.place.account.as_ref()).collect();
    let name = match (subject, accounts.first()) {
        (Subject::Group, _) => None,
        (Subject::User(name), Some(only)) if accounts.len() == 1 => Some(name.replace(ACCOUNT, only.as_str())),
        (Subject::User(name), _) => Some(name.clone()),
    };
    let mut out = String::new();
    for document in serde_yaml::Deserializer::from_str(CLUSTER_ACCESS) {
        // The manifest is part of the program, and tests read it.
        let Ok(mut document) = Value::deserialize(document) else { return CLUSTER_ACCESS.to_owned() };
        cut_rules(diagnosis.enforce, &mut document);
        if let Some(name) = &name {
            bind_user(name, &mut document);
        }
        if !out.is_empty() {
            out.push_str("---\n");
        }
        out.push_str(&serde_yaml::to_string(&document).unwrap_or_default());
    }
    out
}

/// Leaves of the rules what the mode needs.
fn cut_rules(enforce: bool, document: &mut Value) {
    let Some(Value::Sequence(rules)) = document.get_mut("rules") else { return };
    let rights = kubernetes_rights();
    for rule in &mut *rules {
        let texts = |name: &str| -> Vec<String> {
            let list = rule.get(name).and_then(Value::as_sequence);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let (groups, resources) = (texts("apiGroups"), texts("resources"));
        let needed = |verb: &Value| {
            rights.iter().any(|right| {
                (enforce || !right.writes)
                    && verb.as_str() == Some(right.verb)
                    && groups.iter().any(|group| group == right.group)
                    && resources.iter().any(|resource| resource == right.resource)
            })
        };
        if let Some(Value::Sequence(verbs)) = rule.get_mut("verbs") {
            verbs.retain(needed);
        }
    }
    rules.retain(|rule| rule.get("verbs").and_then(Value::as_sequence).is_some_and(|verbs| !verbs.is_empty()));
}

fn bind_user(name: &str, document: &mut Value) {
    let Some(subjects) = document.get_mut("subjects") else { return };
    let mut user = Mapping::new();
    for (key, value) in [("apiGroup", "rbac.authorization.k8s.io"), ("kind", "User"), ("name", name)] {
        user.insert(key.into(), value.into());
    }
    *subjects = Value::Sequence(vec![Value::Mapping(user)]);
}

/// Clusters of one account and region, by their names.
type Shelves<'a> = BTreeMap<(String, &'a str, &'a str), Vec<&'a str>>;

/// The clusters by account, region and the role as which rolecall comes.
fn shelves<'a>(places: &[&'a Checked]) -> Shelves<'a> {
    let mut shelves = Shelves::new();
    for checked in places {
        let place = &checked.place;
        let (Some(region), Some(cluster), Some(role)) = (&place.region, &place.cluster, &checked.principal) else {
            continue;
        };
        let account = crate::model::Place { region: None, cluster: None, ..place.clone() }.to_string();
        shelves.entry((account, region.as_str(), role)).or_default().push(cluster);
    }
    shelves
}

/// The same commands for each cluster; `$cluster` where there are more than one. What comes from outside is quoted.
fn commands(places: &[&Checked], lines: impl Fn(&str, &str, &str) -> Vec<String>) -> String {
    let mut out = String::new();
    for ((account, region, role), clusters) in shelves(places) {
        let _ = writeln!(out, "# {}, {region}", one_line(&account));
        let (region, role) = (quoted(region), quoted(role));
        match clusters.as_slice() {
            [one] => {
                for line in lines(&quoted(one), &region, &role) {
                    let _ = writeln!(out, "{line}");
                }
            }
            many => {
                let names: Vec<String> = many.iter().map(|name| quoted(name)).collect();
                let _ = writeln!(out, "for cluster in {}; do", names.join(" "));
                for line in lines("\"$cluster\"", &region, &role) {
                    let _ = writeln!(out, "  {line}");
                }
                out.push_str("done\n");
            }
        }
    }
    out
}

/// The two commands that give rolecall an access entry; `anew` deletes the one that is there first.
pub(super) fn entry_commands(diagnosis: &Diagnosis, places: &[&Checked], anew: bool) -> String {
    let policy = access_policy_arn(&diagnosis.partition, CLUSTER_ADMIN_POLICY);
    commands(places, |cluster, region, role| {
        let on = format!("--region {region} --cluster-name {cluster} --principal-arn {role}");
        let delete = format!("aws eks delete-access-entry {on}");
        let create = format!("aws eks create-access-entry {on}");
        let associate =
            format!("aws eks associate-access-policy {on} --access-scope type=cluster --policy-arn {policy}");
        anew.then_some(delete).into_iter().chain([create, associate]).collect()
    })
}

/// The command that gives rolecall a row of aws-auth.
pub(super) fn row_commands(places: &[&Checked]) -> String {
    commands(places, |cluster, region, role| {
        let role = row_arn(role);
        vec![format!(
            "eksctl create iamidentitymapping --region {region} --cluster {cluster} --arn {role} --username rolecall --group {MASTERS} --no-duplicate-arns"
        )]
    })
}

/// The row that the same adds by hand.
pub(super) fn row(places: &[&Checked]) -> String {
    let role = places.first().and_then(|checked| checked.principal.as_deref()).unwrap_or("ROLE");
    format!("- rolearn: {}\n  username: rolecall\n  groups: [{MASTERS}]\n", row_arn(role))
}

/// The command that makes the clusters read access entries too.
pub(super) fn mode_commands(places: &[&Checked]) -> String {
    commands(places, |cluster, region, _| {
        vec![format!(
            "aws eks update-cluster-config --region {region} --name {cluster} --access-config authenticationMode=API_AND_CONFIG_MAP"
        )]
    })
}

/// A role as a row names it: without its path.
fn row_arn(role: &str) -> String {
    role.parse::<Arn>().map_or_else(|_| role.to_owned(), |arn| arn.without_role_path().to_string())
}

/// A word of a shell command.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", one_line(word).replace('\'', r"'\''"))
}

fn one_line(text: &str) -> String {
    crate::report::text::clean(text)
}
