//! The policy file.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use super::{
    bits::Bits,
    facts::{Access, Fact},
    select::{Choice, Fleet, Key},
    yaml::{self, Yaml},
};
use crate::model::{AccessScope, Cluster, Match, Principal, RbacKind, RbacSubject, RoleRef, Rule, SubjectKind};

/// The columns of a comment.
const WIDTH: usize = 110;
/// Names that a comment lists.
const LISTED: usize = 5;

/// A list of the file, in the order in which they stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum List {
    Roles,
    Groups,
    Users,
    Access,
    Nodes,
}

impl List {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Roles, "roles"),
        (Self::Groups, "groups"),
        (Self::Users, "users"),
        (Self::Access, "access"),
        (Self::Nodes, "nodes"),
    ];
}

/// What an entry says, apart from where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Saying {
    list: List,
    name: String,
    keys: Vec<(String, Yaml)>,
}

/// An entry as it stands in the file.
struct Entry {
    saying: Saying,
    choice: Choice,
    clusters: usize,
}

/// The file, and how many entries it has.
pub(super) fn policy(
    organization: Option<&str>,
    fleet: &Fleet<'_>,
    holders: &BTreeMap<Fact, Bits>,
    unread: &[&Cluster],
) -> (String, usize) {
    let mut chosen: HashMap<Bits, Vec<Choice>> = HashMap::new();
    let mut entries = Vec::new();
    for (saying, bits) in sayings(holders) {
        let choices = chosen.entry(bits).or_insert_with_key(|bits| fleet.choose(bits));
        for choice in choices.iter() {
            let clusters = fleet.meant(choice).len();
            entries.push(Entry { saying: saying.clone(), choice: choice.clone(), clusters });
        }
    }
    entries.sort_by(|a, b| {
        let key = |entry: &Entry| (entry.saying.list, Reverse(entry.clusters));
        key(a).cmp(&key(b)).then_with(|| a.choice.cmp(&b.choice)).then_with(|| a.saying.cmp(&b.saying))
    });
    let mut out = head(organization, fleet, unread);
    out.push_str("apiVersion: rolecall.dev/v1\nkind: AccessPolicy\n");
    for (list, key) in List::ALL {
        let entries: Vec<&Entry> = entries.iter().filter(|entry| entry.saying.list == list).collect();
        if !entries.is_empty() {
            let _ = write!(out, "\n{key}:\n");
            section(&mut out, fleet, &entries, unread);
        }
    }
    if !entries.iter().any(|entry| entry.saying.list == List::Access) {
        out.push_str("\naccess: []\n");
    }
    (out, entries.len())
}

fn head(organization: Option<&str>, fleet: &Fleet<'_>, unread: &[&Cluster]) -> String {
    let of = organization.map(|id| format!(" of {id}")).unwrap_or_default();
    let count = counted(fleet.clusters.len(), "cluster");
    let mut text = vec![format!(
        "What {count}{of} had when `rolecall import` read them: who gets in, into which groups, and the roles that these are \
         bound to. rolecall's own way in is not in here, since rolecall never changes it."
    )];
    if !unread.is_empty() {
        let names: Vec<String> = unread.iter().map(|cluster| cluster.id.to_string()).collect();
        text.push(format!(
            "NOT THE WHOLE FLEET: {} could not be read, and what is there is not in here: {}. Entries that are meant for them, \
             too, say so: import again when all can be read, or look at `rolecall plan` before anything is written.",
            counted(unread.len(), "cluster"),
            listed(&names, 50)
        ));
    }
    text.iter().map(|text| comment(text, 0)).collect::<Vec<_>>().concat()
}

fn section(out: &mut String, fleet: &Fleet<'_>, entries: &[&Entry], unread: &[&Cluster]) {
    let mut last: Option<&Choice> = None;
    for entry in entries {
        if last != Some(&entry.choice) {
            out.push_str(&comment(&where_words(fleet, entry, unread), 2));
            last = Some(&entry.choice);
        }
        let mut keys = entry.saying.keys.clone();
        keys.extend(entry.choice.yaml().map(|choice| ("where".to_owned(), choice)));
        let short = matches!(entry.saying.list, List::Groups | List::Users | List::Nodes);
        yaml::item(out, 2, &keys, short);
    }
}

/// How many clusters an entry means, and what its `where` alone does not tell.
fn where_words(fleet: &Fleet<'_>, entry: &Entry, unread: &[&Cluster]) -> String {
    let (meant, all) = (entry.clusters, fleet.clusters.len());
    let mut words = match meant {
        _ if meant == all => format!("every cluster ({all})"),
        _ => format!("{meant} of {all} clusters"),
    };
    let of_accounts = entry.choice.parts.iter().chain(&entry.choice.not).any(|part| part.key == Key::Account);
    if of_accounts {
        let parts = entry.choice.parts.iter().chain(&entry.choice.not).filter(|part| part.key == Key::Account);
        let names: Vec<String> = parts.flat_map(|part| &part.values).map(|id| account_name(fleet, id)).collect();
        let noun = if names.len() == 1 { "account" } else { "accounts" };
        let _ = write!(words, ", {noun} {}", listed(&names, LISTED));
    }
    let selector = entry.choice.selector().unwrap_or_default();
    let also = unread.iter().filter(|cluster| selector.matches(cluster) != Match::No);
    let also: Vec<String> = also.map(|cluster| cluster.id.to_string()).collect();
    if !also.is_empty() {
        let _ = write!(words, "; and {} that could not be read: {}", also.len(), listed(&also, LISTED));
    }
    words
}

fn account_name(fleet: &Fleet<'_>, id: &str) -> String {
    let found = fleet.clusters.iter().find(|cluster| cluster.id.account.as_str() == id);
    found.map_or_else(|| id.to_owned(), |cluster| cluster.account.name.clone())
}

/// The roles that a subject is bound to, each with the namespace of the binding.
type BoundRoles<'f> = Vec<(Option<&'f str>, &'f RoleRef)>;

/// Facts that one entry can say: the bindings of a subject on the same clusters are one.
fn sayings(holders: &BTreeMap<Fact, Bits>) -> Vec<(Saying, Bits)> {
    let mut bound: BTreeMap<(&RbacSubject, &Bits), BoundRoles<'_>> = BTreeMap::new();
    let mut sayings = Vec::new();
    for (fact, bits) in holders {
        match fact {
            Fact::Binding { subject, namespace, role_ref } => {
                bound.entry((subject, bits)).or_default().push((namespace.as_deref(), role_ref));
            }
            Fact::Role { name, namespace, rules } => {
                sayings.push((role(name, namespace.as_deref(), rules), bits.clone()));
            }
            Fact::Access(access) => sayings.push((grant(access), bits.clone())),
            Fact::Node(who) => {
                let (name, keys) = (who.to_string(), vec![("role".to_owned(), Yaml::Text(named(who).1))]);
                sayings.push((Saying { list: List::Nodes, name, keys }, bits.clone()));
            }
        }
    }
    sayings.extend(bound.into_iter().map(|((subject, bits), roles)| (bindings(subject, &roles), bits.clone())));
    sayings
}

fn role(name: &str, namespace: Option<&str>, rules: &[Rule]) -> Saying {
    let mut keys = vec![("name".to_owned(), Yaml::Text(name.to_owned()))];
    keys.extend(namespace.map(|namespace| ("namespace".to_owned(), Yaml::Text(namespace.to_owned()))));
    let rule = |rule: &Rule| {
        let lists = [
            ("apiGroups", &rule.api_groups),
            ("resources", &rule.resources),
            ("resourceNames", &rule.resource_names),
            ("nonResourceURLs", &rule.non_resource_urls),
            ("verbs", &rule.verbs),
        ];
        let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
        Yaml::Map(lists.map(|(key, list)| (key.to_owned(), Yaml::texts(list))).collect())
    };
    keys.push(("rules".to_owned(), Yaml::List(rules.iter().map(rule).collect())));
    Saying { list: List::Roles, name: name.to_owned(), keys }
}

fn bindings(subject: &RbacSubject, roles: &[(Option<&str>, &RoleRef)]) -> Saying {
    let list = |namespace: Option<&str>, kind: RbacKind| {
        let here = roles.iter().filter(|(within, role)| *within == namespace && role.kind == kind);
        Yaml::List(here.map(|(_, role)| Yaml::Text(role.name.clone())).collect())
    };
    let some = |key: &str, list: Yaml| (list != Yaml::List(Vec::new())).then(|| (key.to_owned(), list));
    let mut keys = vec![("name".to_owned(), Yaml::Text(subject.name.clone()))];
    keys.extend(some("clusterRoles", list(None, RbacKind::ClusterRole)));
    let mut namespaces: Vec<&str> = roles.iter().filter_map(|(namespace, _)| *namespace).collect();
    namespaces.dedup();
    let namespace = |name: &&str| {
        let mut keys = vec![("name".to_owned(), Yaml::Text((*name).to_owned()))];
        keys.extend(some("clusterRoles", list(Some(name), RbacKind::ClusterRole)));
        keys.extend(some("roles", list(Some(name), RbacKind::Role)));
        Yaml::Map(keys)
    };
    keys.extend(some("namespaces", Yaml::List(namespaces.iter().map(namespace).collect())));
    let list = if subject.kind == SubjectKind::User { List::Users } else { List::Groups };
    Saying { list, name: subject.name.clone(), keys }
}

fn grant(access: &Access) -> Saying {
    let (key, name) = named(&access.who);
    let who = Yaml::Map(vec![(key.to_owned(), Yaml::Text(name.clone()))]);
    let mut keys = vec![("who".to_owned(), who)];
    if !access.groups.is_empty() {
        keys.push(("groups".to_owned(), Yaml::texts(&access.groups)));
    }
    let policy = |(name, scope): &(String, AccessScope)| match scope {
        AccessScope::Cluster => Yaml::Text(name.clone()),
        AccessScope::Namespaces(names) => Yaml::Map(vec![
            ("policy".to_owned(), Yaml::Text(name.clone())),
            ("namespaces".to_owned(), Yaml::texts(names)),
        ]),
    };
    if !access.policies.is_empty() {
        keys.push(("accessPolicies".to_owned(), Yaml::List(access.policies.iter().map(policy).collect())));
    }
    keys.extend(access.username.as_ref().map(|name| ("username".to_owned(), Yaml::Text(name.clone()))));
    Saying { list: List::Access, name, keys }
}

/// The key and the value by which a policy names a principal.
fn named(who: &Principal) -> (&'static str, String) {
    match who {
        Principal::RoleName(name) => ("role", name.clone()),
        Principal::RoleArn(arn) => ("role", arn.to_string()),
        Principal::UserName(name) => ("user", name.clone()),
        Principal::UserArn(arn) => ("user", arn.to_string()),
        Principal::PermissionSet(name) => ("permissionSet", name.clone()),
        Principal::DirectoryGroup(name) => ("directoryGroup", name.clone()),
        Principal::IamGroup(group) => ("iamGroup", group.name.clone()),
        Principal::Account(id) => ("account", id.to_string()),
    }
}

fn counted(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn listed(names: &[String], at_most: usize) -> String {
    let shown = names.iter().take(at_most).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(at_most) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Words as lines of a comment.
fn comment(text: &str, indent: usize) -> String {
    let lead = format!("{:indent$}#", "");
    let (mut out, mut line) = (String::new(), lead.clone());
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line != lead {
            out.push_str(&line);
            out.push('\n');
            line.clone_from(&lead);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    out
}
