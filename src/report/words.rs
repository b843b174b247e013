//! Changes and findings in words.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use super::{
    results::ChangeResult,
    text::{BOLD, CYAN, DIM, GREEN, Line, PLAIN, RED, YELLOW},
};
use crate::model::{
    AccountId, Action, Arn, Change, Content, Finding, ObjectRef, PolicyGrant, RbacSubject, RoleRef, Rule, Source,
    Subject, SubjectKind, Surface, policy_name,
};

/// How changes and findings are told: in the block of which account, and how deep.
#[derive(Clone, Copy)]
pub(super) struct Telling<'a> {
    /// The account of the block: its own roles and users go by their name alone.
    pub account: Option<&'a AccountId>,
    /// Columns before the sign.
    pub indent: usize,
}

impl Telling<'_> {
    /// A change: its sign, subject and content on one line, why and by whom under it.
    pub(super) fn change(self, change: &Change, result: Option<ChangeResult<'_>>) -> Vec<Line> {
        let style = match change.action {
            Action::Add => GREEN,
            Action::Change => YELLOW,
            Action::Remove => RED,
        };
        let first = Line::new(self.indent)
            .with(style.bold(), format!("{} ", change.action.sign()))
            .with(BOLD, self.subject(&change.subject));
        let mut lines = vec![content(first, change.before.as_ref(), change.after.as_ref())];
        if let (Some(Content::Rules(before)), Some(Content::Rules(after))) = (&change.before, &change.after) {
            let sides = [('-', RED, before, after), ('+', GREEN, after, before)];
            for (sign, style, of, other) in sides {
                for rule in of.iter().filter(|rule| !other.contains(rule)) {
                    lines.push(self.under().with(style, format!("{sign} {}", rule_words(rule))));
                }
            }
        }
        let why = self.under().with(DIM, reasons(change).join("; "));
        match result {
            None | Some(ChangeResult::Planned) => lines.push(why),
            Some(ChangeResult::Written) => lines.push(why.with(DIM, "; ").with(GREEN, "written")),
            Some(result) => lines.extend([why, self.not_written(result)]),
        }
        lines
    }

    /// A finding: what was found, what to do next, and the line of the policy it goes back to.
    pub(super) fn finding(self, finding: &Finding) -> Vec<Line> {
        let style = if finding.incomplete { RED } else { YELLOW };
        let mut told = finding.message.lines();
        let mut text = told.next().unwrap_or_default().to_owned();
        if !text.contains(finding.subject.as_str()) {
            text = match self.own_name(&finding.subject) {
                Some(name) if finding.subject.contains(":role/") => format!("role {name}: {text}"),
                Some(name) => format!("user {name}: {text}"),
                None => format!("{}: {text}", finding.subject),
            };
        }
        let mut lines = vec![Line::new(self.indent).with(style.bold(), "! ").with(PLAIN, text)];
        lines.extend(told.map(|line| self.under().solid(PLAIN, line)));
        if let Some(next) = &finding.next {
            lines.extend(self.next(next));
        }
        if let Some(source) = finding.source.as_ref().filter(|source| !finding.message.contains(&source.to_string())) {
            lines.push(self.under().with(DIM, format!("from {source}")));
        }
        lines
    }

    /// What to do next.
    pub(super) fn next(self, next: &str) -> Vec<Line> {
        let mut told = next.lines();
        let first = self.under().with(CYAN, "→ ").with(PLAIN, told.next().unwrap_or_default());
        let more = told.map(|line| self.under().solid(PLAIN, format!("  {line}")));
        std::iter::once(first.hanging(self.indent + 6)).chain(more).collect()
    }

    fn under(self) -> Line {
        Line::new(self.indent + 4).hanging(self.indent + 4)
    }

    fn not_written(self, result: ChangeResult<'_>) -> Line {
        let words = match result {
            ChangeResult::Conflict(_) => "not written, changed meanwhile: ",
            _ => "not written: ",
        };
        self.under().with(RED.bold(), words).with(PLAIN, result.why().unwrap_or_default())
    }

    fn subject(self, subject: &Subject) -> String {
        match subject {
            Subject::Role(arn) => format!("role {}", self.own_name(arn).unwrap_or(arn)),
            Subject::User(arn) => format!("user {}", self.own_name(arn).unwrap_or(arn)),
            Subject::Policy { principal, policy } => {
                let kind = if principal.contains(":user/") { "user" } else { "role" };
                format!("{} for {kind} {}", policy_name(policy), self.own_name(principal).unwrap_or(principal))
            }
            Subject::Object(ObjectRef { kind, namespace: Some(namespace), name }) => {
                format!("{kind} {namespace}/{name}")
            }
            Subject::Object(ObjectRef { kind, namespace: None, name }) => format!("{kind} {name}"),
            other => other.to_string(),
        }
    }

    /// The name of a role or user of the block's own account, path included.
    pub(super) fn own_name(self, text: &str) -> Option<&str> {
        let arn = text.parse::<Arn>().ok()?;
        if arn.service != "iam" || arn.account != self.account?.as_str() {
            return None;
        }
        let resource = text.splitn(6, ':').nth(5)?;
        resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/"))
    }
}

/// Adds what a subject holds to its line: in full where it comes or goes, else what differs.
fn content(line: Line, before: Option<&Content>, after: Option<&Content>) -> Line {
    match (before, after) {
        (
            Some(
                Content::Row { username: old_name, groups: old_groups }
                | Content::Entry { username: old_name, groups: old_groups, .. },
            ),
            Some(Content::Row { username, groups } | Content::Entry { username, groups, .. }),
        ) if old_name != username || old_groups != groups => {
            let line = if old_name == username {
                line
            } else {
                line.with(PLAIN, format!("  as {} → {}", named(old_name), named(username)))
            };
            if old_groups == groups {
                line
            } else {
                line.with(PLAIN, format!("  groups {} → {}", list(old_groups), list(groups)))
            }
        }
        (
            Some(Content::Binding { role_ref: old_role, subjects: old_subjects }),
            Some(Content::Binding { role_ref, subjects }),
        ) if old_role != role_ref || old_subjects != subjects => {
            let line = if old_role == role_ref {
                line.with(PLAIN, format!("  to {}", role_words(role_ref)))
            } else {
                line.with(PLAIN, format!("  to {} → {}", role_words(old_role), role_words(role_ref)))
            };
            if old_subjects == subjects {
                line.with(PLAIN, format!("  for {}", subjects_words(subjects)))
            } else {
                line.with(PLAIN, format!("  for {} → {}", subjects_words(old_subjects), subjects_words(subjects)))
            }
        }
        (Some(Content::Scope(old)), Some(Content::Scope(new))) if old != new => {
            line.with(PLAIN, format!("  in {old} → {new}"))
        }
        (Some(Content::Mode(old)), Some(Content::Mode(new))) if old != new => {
            line.with(PLAIN, format!("  {old} → {new}"))
        }
        (Some(Content::Rules(_)), Some(Content::Rules(_))) | (None, None) => line,
        (Some(Content::Text(old)), Some(Content::Text(new))) => {
            line.with(PLAIN, format!("  rewritten, {} → {} lines", old.lines().count(), new.lines().count()))
        }
        (_, Some(whole)) | (Some(whole), None) => whole_content(line, whole),
    }
}

fn whole_content(line: Line, content: &Content) -> Line {
    match content {
        Content::Row { username, groups } => {
            line.with(PLAIN, format!("  as {}", named(username))).with(PLAIN, format!("  in {}", list(groups)))
        }
        Content::Entry { username, groups, policies } => {
            let line =
                line.with(PLAIN, format!("  as {}", named(username))).with(PLAIN, format!("  in {}", list(groups)));
            let policies: Vec<String> = policies.iter().map(PolicyGrant::to_string).collect();
            if policies.is_empty() { line } else { line.with(PLAIN, format!("  with {}", policies.join("; "))) }
        }
        Content::Scope(scope) => line.with(PLAIN, format!("  in {scope}")),
        Content::Account => line.with(PLAIN, "  everybody in it under their own ARN, in no group"),
        Content::Mode(mode) => line.with(PLAIN, format!("  {mode}")),
        Content::Text(text) => line.with(PLAIN, format!("  {} lines", text.lines().count())),
        Content::Rules(rules) => {
            let rules: Vec<_> = rules.iter().map(rule_words).collect();
            line.with(PLAIN, format!("  {}", rules.join("; ")))
        }
        Content::Binding { role_ref, subjects } => {
            line.with(PLAIN, format!("  {} → {}", subjects_words(subjects), role_words(role_ref)))
        }
    }
}

/// Why, by whom and on whose word.
fn reasons(change: &Change) -> Vec<String> {
    let mut reasons: Vec<String> = [change.reason.clone()].into_iter().filter(|reason| !reason.is_empty()).collect();
    if let Some(by) = &change.changed_by {
        let time = by.time.map(|time| format!(" on {}", minute(time))).unwrap_or_default();
        reasons.push(format!("changed by {}{time}", by.manager));
    }
    let verb = if change.surface == Surface::Rbac { "wanted" } else { "granted" };
    match (&change.who, change.sources.is_empty()) {
        (Some(who), false) => reasons.push(format!("{verb} to {who} by {}", places(&change.sources))),
        (None, false) => reasons.push(format!("{verb} by {}", places(&change.sources))),
        (Some(who), true) => reasons.push(who.clone()),
        (None, true) => {}
    }
    reasons
}

/// `policy.yaml:14, teams.yaml:3`.
pub(super) fn places(sources: &[Source]) -> String {
    sources.iter().map(Source::to_string).collect::<Vec<_>>().join(", ")
}

/// A moment to the minute, in UTC.
pub(super) fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How long a pass took.
pub(super) fn duration(from: Timestamp, to: Timestamp) -> String {
    let took = to.duration_since(from).max(SignedDuration::ZERO);
    match took.as_secs() {
        0..60 => format!("{:.1} s", took.as_secs_f64()),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

pub(super) fn named(username: &str) -> &str {
    if username.is_empty() { "nobody (empty username)" } else { username }
}

pub(super) fn list(groups: &[String]) -> String {
    if groups.is_empty() { "no group".to_owned() } else { groups.join(", ") }
}

pub(super) fn subjects_words(subjects: &[RbacSubject]) -> String {
    if subjects.is_empty() {
        return "nobody".to_owned();
    }
    let words = |subject: &RbacSubject| match (subject.kind, &subject.namespace) {
        (SubjectKind::Group, _) => format!("group {}", subject.name),
        (SubjectKind::User, _) => format!("user {}", subject.name),
        (SubjectKind::ServiceAccount, Some(namespace)) => format!("service account {namespace}/{}", subject.name),
        (SubjectKind::ServiceAccount, None) => format!("service account {}", subject.name),
    };
    subjects.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// `ClusterRole edit`, in Kubernetes' own spelling, which tells a Role from an IAM role.
pub(super) fn role_words(role: &RoleRef) -> String {
    format!("{} {}", role.kind, role.name)
}

/// `get, list on pods, pods/log`, with the API groups where they are not the core group.
pub(super) fn rule_words(rule: &Rule) -> String {
    let mut words = format!("{} on ", rule.verbs.join(", "));
    let targets: Vec<&str> = rule.resources.iter().chain(&rule.non_resource_urls).map(String::as_str).collect();
    words.push_str(&targets.join(", "));
    let groups: Vec<&str> = rule.api_groups.iter().map(|g| if g.is_empty() { "core" } else { g.as_str() }).collect();
    if groups.iter().any(|group| *group != "core") {
        let _ = write!(words, " ({})", groups.join(", "));
    }
    if !rule.resource_names.is_empty() {
        let _ = write!(words, " named {}", rule.resource_names.join(", "));
    }
    words
}
