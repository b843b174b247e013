//! The chain from a group of people to the rules of RBAC, cluster by cluster.

use serde::Serialize;

use super::{
    Format, View,
    json::print,
    text::{BOLD, DIM, GREEN, Line, PLAIN, RED, YELLOW, count, render_all},
    words::{list, minute, named, places, role_words, rule_words, subjects_words},
};
use crate::model::{Answer, Bound, Explanation, Grant, Lookup, MASTERS, Mapping, Principal, Surface};

/// Whom it explains, in the words of the question, and what was found on each cluster.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The question's principals, as text.
    pub question: &'a str,
    /// One for each cluster, sorted.
    pub clusters: &'a [Explanation],
    /// What could not be read outside of clusters, in sentences.
    pub unknown: &'a [String],
}

/// The explanation as text that ends with a line break.
pub fn render_explanation(explained: &Explained<'_>, format: Format, view: &View) -> String {
    match format {
        Format::Json => json(explained),
        Format::Table => render_all(&lines(explained, view), view.width, view.color),
        Format::Markdown => {
            format!("```text\n{}```\n", render_all(&lines(explained, &View { color: false, ..*view }), None, false))
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    schema_version: u32,
    question: &'a str,
    clusters: &'a [Explanation],
    unknown: &'a [String],
}

fn json(explained: &Explained<'_>) -> String {
    let Explained { question, clusters, unknown } = *explained;
    print(&Entry { schema_version: 1, question, clusters, unknown })
}

fn lines(explained: &Explained<'_>, view: &View) -> Vec<Line> {
    let lets_in = |cluster: &&Explanation| cluster.answers.iter().any(|answer| answer.effective().is_some());
    let inside = explained.clusters.iter().filter(lets_in).count();
    let (all, question) = (count(explained.clusters.len(), "cluster"), explained.question);
    let mut lines = vec![Line::new(0).with(BOLD, format!("{question} gets into {inside} of {all}"))];
    let shown = view.limit.unwrap_or(usize::MAX);
    for cluster in explained.clusters.iter().take(shown) {
        lines.push(Line::new(0));
        lines.extend(of_cluster(cluster));
    }
    if let Some(left) = explained.clusters.len().checked_sub(shown).filter(|left| *left > 0) {
        lines.push(Line::new(0));
        lines.push(Line::new(0).with(DIM, format!("{} more, see them without `--limit`", count(left, "cluster"))));
    }
    lines.extend(explained.unknown.iter().map(|why| Line::new(0).with(RED, why)));
    lines
}

fn of_cluster(explanation: &Explanation) -> Vec<Line> {
    let mut lines = vec![Line::new(0).with(BOLD, explanation.cluster.place().to_string())];
    for (principal, lookup) in &explanation.asked {
        match lookup {
            Lookup::Unknown(why) => {
                lines.push(Line::new(2).with(RED, format!("{principal}: could not be looked up: {why}")));
            }
            Lookup::Missing => {
                lines.push(Line::new(2).with(DIM, format!("{principal}: {}", nothing_behind(principal))));
            }
            Lookup::Found(_) | Lookup::Outside | Lookup::Elsewhere(_) => {}
        }
    }
    for answer in &explanation.answers {
        lines.extend(of_answer(answer, &explanation.asked));
    }
    lines.extend(explanation.unknown.iter().map(|why| Line::new(2).with(RED, format!("not read: {why}"))));
    lines
}

fn nothing_behind(principal: &Principal) -> &'static str {
    match principal {
        Principal::PermissionSet(_) => "has no role in this account",
        Principal::DirectoryGroup(_) => "is assigned no permission set in this account",
        _ => "does not exist in this account",
    }
}

fn of_answer(answer: &Answer, asked: &[(Principal, Lookup)]) -> Vec<Line> {
    let mut lines = vec![chain(answer, asked)];
    let effective = answer.effective();
    let head = |style, text: &str| Line::new(4).hanging(15).solid(style, format!("{text:<11}"));
    match effective {
        Some(mapping) => {
            lines.push(head(GREEN, "gets in").with(PLAIN, given(&mapping.grant)));
            lines.push(Line::new(15).with(DIM, by(mapping)));
        }
        None => lines.push(head(YELLOW, "stays out").with(PLAIN, "nothing that stands in the cluster lets it in")),
    }
    lines.push(policy_side(answer, effective, head(PLAIN, "policy")));
    let void = answer.live.iter().filter_map(|mapping| Some((mapping, mapping.void.as_ref()?)));
    lines.extend(void.map(|(mapping, why)| {
        head(YELLOW, "no effect").with(PLAIN, format!("{}, {}: {why}", by(mapping), given(&mapping.grant)))
    }));
    lines.extend(effective.map(|mapping| may(mapping, answer)).unwrap_or_default());
    lines
}

/// `directory group G → permission set S → role R (AROA…, made …)`.
fn chain(answer: &Answer, asked: &[(Principal, Lookup)]) -> Line {
    let of = |lookup: &Lookup| match lookup {
        Lookup::Found(found) => found.iter().any(|identity| identity.arn.to_string() == answer.arn),
        _ => false,
    };
    let groups = asked.iter().filter(|(principal, lookup)| {
        matches!(principal, Principal::DirectoryGroup(_) | Principal::IamGroup(_)) && of(lookup)
    });
    let mut parts: Vec<String> = groups.map(|(principal, _)| principal.to_string()).collect();
    parts.extend(answer.permission_set.iter().map(|set| format!("permission set {set}")));
    let made = answer.created.map(|created| format!("made {}", minute(created)));
    let about: Vec<String> = answer.unique_id.clone().into_iter().chain(made).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    parts.push(format!("{}{about}", answer.arn));
    Line::new(2).with(PLAIN, parts.join(" → "))
}

fn given(grant: &Grant) -> String {
    let mut words = format!("as {} in {}", named(&grant.username), list(&grant.groups));
    if !grant.policies.is_empty() {
        let policies: Vec<String> = grant.policies.iter().map(ToString::to_string).collect();
        words = format!("{words} with {}", policies.join(", "));
    }
    words
}

fn by(mapping: &Mapping) -> String {
    let whose = if mapping.ours { "rolecall's" } else { "not rolecall's" };
    match (mapping.surface, mapping.row) {
        (_, Some((section, index))) => format!("by row {} of {section} in aws-auth, {whose}", index + 1),
        (Surface::AccessEntries, None) => format!("by its access entry, {whose}"),
        (surface, None) => format!("by {surface}, {whose}"),
    }
}

fn policy_side(answer: &Answer, effective: Option<&Mapping>, line: Line) -> Line {
    let Some(wanted) = &answer.wanted else {
        return line.with(DIM, "does not name it here");
    };
    let granted = format!("{}; granted by {}", given(wanted), places(&answer.sources));
    match effective {
        Some(mapping) if gives(&mapping.grant, wanted) => {
            line.with(PLAIN, format!("the same, granted by {}", places(&answer.sources)))
        }
        _ => line.with(YELLOW, format!("wants it {granted}")),
    }
}

/// Whether what stands gives what is wanted: `system:masters` is a policy on an access entry.
fn gives(held: &Grant, wanted: &Grant) -> bool {
    let power = |grant: &Grant| {
        let mut all: Vec<String> = grant.groups.iter().filter(|group| *group != MASTERS).cloned().collect();
        let masters = grant.groups.iter().any(|group| group == MASTERS);
        let admin = |policy: &&crate::model::PolicyGrant| policy.name() == crate::model::CLUSTER_ADMIN_POLICY;
        all.extend(grant.policies.iter().filter(|policy| !admin(policy)).map(ToString::to_string));
        let mut admins: Vec<String> = grant.policies.iter().filter(admin).map(ToString::to_string).collect();
        if masters && admins.is_empty() {
            admins.push(format!("{} in the whole cluster", crate::model::CLUSTER_ADMIN_POLICY));
        }
        all.extend(admins);
        all.sort();
        all.dedup();
        all
    };
    held.username == wanted.username && power(held) == power(wanted)
}

fn may(mapping: &Mapping, answer: &Answer) -> Vec<Line> {
    let head = |first: bool| {
        let text = if first { "may" } else { "" };
        Line::new(4).hanging(15).solid(PLAIN, format!("{text:<11}"))
    };
    let mut lines = Vec::new();
    if mapping.grant.groups.iter().any(|group| group == MASTERS) {
        lines.push(head(true).with(RED, format!("do everything: {MASTERS} is beyond RBAC")));
    }
    for policy in &mapping.grant.policies {
        lines.push(head(lines.is_empty()).with(PLAIN, format!("do what {policy} allows")));
    }
    for bound in &answer.bindings {
        lines.push(head(lines.is_empty()).with(PLAIN, held(bound)));
        lines.extend(rules(bound));
    }
    if lines.is_empty() {
        let nothing = "do nothing but what everybody who gets in may: no role is bound to its username or groups";
        lines.push(head(true).with(YELLOW, nothing));
    }
    lines
}

fn held(bound: &Bound) -> String {
    let place = bound.binding.namespace.as_ref().map(|name| format!(" in namespace {name}")).unwrap_or_default();
    let whose = if bound.ours { ", rolecall's" } else { "" };
    let by = subjects_words(std::slice::from_ref(&bound.by));
    format!("{}{place} by {by} ({}{whose})", role_words(&bound.role), bound.binding)
}

/// Rules beyond these are counted: a ClusterRole such as admin has dozens.
const RULES: usize = 4;

fn rules(bound: &Bound) -> Vec<Line> {
    let line = |style, text: String| Line::new(17).with(style, text);
    let Some(rules) = &bound.rules else {
        return vec![line(RED, format!("{} does not exist: the binding gives nothing", role_words(&bound.role)))];
    };
    let mut lines: Vec<Line> = rules.iter().take(RULES).map(|rule| line(DIM, rule_words(rule))).collect();
    if let Some(more) = rules.len().checked_sub(RULES).filter(|more| *more > 0) {
        lines.push(line(DIM, format!("and {} (all of them with `--output json`)", count(more, "more rule"))));
    }
    lines
}
