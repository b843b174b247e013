//! The next writes of access entries, of the bridge and of aws-auth.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{
    model::{
        AccessScope, Action, BRIDGE, CLUSTER_ADMIN_POLICY, CLUSTER_ADMIN_ROLE, Change, Content, EntryPrecondition,
        Fate, Finding, FindingCode, ObjectPrecondition, ObjectRef, ObservedBinding, ObservedEntry, Partition, RbacKind,
        RbacSubject, RoleRef, RowMove, Subject, SubjectKind, Surface, Write, access_policy_arn,
    },
    plan::{
        draft::Pending,
        entries::{at, content, subject},
    },
};

use super::{Context, expressible, is_admin, is_bridged, text};

/// What can be written now, and when there is more.
#[derive(Default)]
pub(super) struct Next {
    pub(super) pending: Vec<Pending>,
    pub(super) waits_until: Option<Timestamp>,
}

impl Next {
    fn wait(&mut self, until: Timestamp) {
        self.waits_until = Some(self.waits_until.map_or(until, |earliest| earliest.min(until)));
    }
}

/// The binding that gives the group of the bridge what `system:masters` gives.
enum Bridge<'a> {
    Stands(&'a ObservedBinding),
    Absent,
    /// It cannot be used, for this reason.
    Unusable(String),
    Unknown,
}

/// Plans what can be done now; rows that turn out to have to wait or stay are judged anew.
///
/// Each step was made sure of by observation, and no principal waits for another: one that EKS refuses keeps nobody else.
/// An access entry of an administrator is made only when the bridge was seen to stand.
pub(super) fn next(context: &Context<'_>, rows: &mut [RowMove], findings: &mut Vec<Finding>) -> Next {
    let mut next = Next::default();
    if rows.iter().any(|row| row.fate == Fate::Goes) {
        match text::without(context, rows) {
            Ok(pending) => next.pending.push(pending),
            Err(finding) => findings.push(*finding),
        }
    }
    let bridge = bridge(context);
    let settling = rows.iter().filter(|row| row.fate == Fate::Settles);
    let settling: BTreeSet<&str> = settling.filter_map(|row| row.principal.as_deref()).collect();
    let mut crossing = false;
    for entry in context.entries() {
        if is_bridged(entry) {
            crossing = true;
            cross(context, entry, &mut next, findings);
        } else if settling.contains(entry.principal.as_str())
            && let Some(until) = context.settles(entry)
        {
            next.wait(until);
        }
    }
    hold(&bridge, rows);
    let admins = rows.iter().any(|row| is_made(row) && is_of_admin(row));
    if (admins || crossing) && matches!(bridge, Bridge::Absent) {
        next.pending.push(build());
    }
    let stands = matches!(bridge, Bridge::Stands(_));
    let mut made: Vec<&RowMove> = rows.iter().filter(|row| is_made(row) && (stands || !is_of_admin(row))).collect();
    // rolecall's own way in comes last: whatever happens to the others is then told.
    made.sort_by_key(|row| context.protection.is_own(&row.arn));
    for row in made {
        make(context, row, &mut next.pending);
    }
    if let Bridge::Stands(binding) = bridge
        && next.pending.is_empty()
        && next.waits_until.is_none()
        && !admins
        && !context.may_be_needed()
    {
        next.pending.push(take_down(binding));
    }
    next
}

impl Context<'_> {
    fn entries(&self) -> impl Iterator<Item = &ObservedEntry> {
        self.state.entries.known().and_then(Option::as_ref).into_iter().flat_map(|state| &state.entries)
    }

    /// Whether somebody may still get in by the bridge.
    fn may_be_needed(&self) -> bool {
        let known = self.state.entries.known().and_then(Option::as_ref);
        known.is_none_or(|state| {
            !state.unread.is_empty() || state.entries.iter().any(|entry| entry.groups.iter().any(|g| g == BRIDGE))
        })
    }
}

/// Whether the row's access entry is to be made; of several rows of a principal the one that counts.
fn is_made(row: &RowMove) -> bool {
    row.fate == Fate::Moves && row.entry.is_some()
}

fn is_of_admin(row: &RowMove) -> bool {
    row.entry.as_ref().is_some_and(|wanted| expressible::groups(wanted).1)
}

fn object() -> ObjectRef {
    ObjectRef { kind: RbacKind::ClusterRoleBinding, namespace: None, name: BRIDGE.to_owned() }
}

fn role_ref() -> RoleRef {
    RoleRef { kind: RbacKind::ClusterRole, name: CLUSTER_ADMIN_ROLE.to_owned() }
}

fn subjects() -> Vec<RbacSubject> {
    vec![RbacSubject { kind: SubjectKind::Group, name: BRIDGE.to_owned(), namespace: None }]
}

fn bridge<'a>(context: &Context<'a>) -> Bridge<'a> {
    let Some(rbac) = context.state.rbac.known() else { return Bridge::Unknown };
    let Some(binding) = rbac.bindings.iter().find(|binding| binding.object == object()) else { return Bridge::Absent };
    if binding.ours && binding.role_ref == role_ref() && binding.subjects == subjects() {
        return Bridge::Stands(binding);
    }
    Bridge::Unusable(format!("{} exists and is not as rolecall makes it", binding.object))
}

/// Administrators move over the bridge or not at all.
fn hold(bridge: &Bridge<'_>, rows: &mut [RowMove]) {
    let (fate, why, next) = match bridge {
        Bridge::Stands(_) | Bridge::Absent => return,
        Bridge::Unknown => (Fate::Unknown, "RBAC, by which it stays an administrator on its way, was not read", None),
        Bridge::Unusable(why) => (Fate::Stays, why.as_str(), Some("delete that ClusterRoleBinding".to_owned())),
    };
    for row in rows.iter_mut().filter(|row| is_made(row) && is_of_admin(row)) {
        (row.fate, row.why, row.next, row.entry) = (fate, why.to_owned(), next.clone(), None);
    }
}

/// An entry on the bridge: the policy first; when that is settled, the group of the bridge goes.
fn cross(context: &Context<'_>, entry: &ObservedEntry, next: &mut Next, findings: &mut Vec<Finding>) {
    let Some(policies) = &entry.policies else {
        let message = "its access policies were not read, so that it keeps the group of the bridge".to_owned();
        findings.push(Finding::gap(FindingCode::ClusterUnreadable, entry.principal.clone(), message));
        return;
    };
    if !policies.iter().any(is_admin) {
        let arn = admin_policy(context);
        let before = policies.iter().find(|grant| grant.policy == arn).map(|grant| grant.scope.clone());
        next.pending.push(associate(&entry.principal, at(entry), arn, before));
        return;
    }
    if let Some(until) = context.settles(entry) {
        next.wait(until);
        return;
    }
    let groups = entry.groups.iter().filter(|group| *group != BRIDGE).cloned().collect();
    let after = Content::Entry { username: entry.username.clone(), groups, policies: Vec::new() };
    let reason = format!("{CLUSTER_ADMIN_POLICY} gives what {BRIDGE} gave on the way");
    let write = Write::UpdateEntry {
        principal: entry.principal.clone(),
        precondition: at(entry),
        before: content(entry),
        after: after.clone(),
    };
    let change = change(subject(&entry.principal), reason, Some(content(entry)), Some(after));
    // It takes nothing away from anybody, so that nothing else has to succeed before.
    next.pending.push(Pending { write, changes: vec![change], removes: false, counts: false });
}

fn admin_policy(context: &Context<'_>) -> String {
    access_policy_arn(&Partition::of_region(&context.cluster.id.region), CLUSTER_ADMIN_POLICY)
}

fn associate(principal: &str, precondition: EntryPrecondition, policy: String, before: Option<AccessScope>) -> Pending {
    let after = AccessScope::Cluster;
    let named = Subject::Policy { principal: principal.to_owned(), policy: policy.clone() };
    let scope = |scope: &AccessScope| Content::Scope(scope.clone());
    let reason = "stands for system:masters".to_owned();
    let change = change(named, reason, before.as_ref().map(scope), Some(scope(&after)));
    let write = Write::AssociatePolicy { principal: principal.to_owned(), precondition, policy, before, after };
    Pending { write, changes: vec![change], removes: false, counts: false }
}

/// Makes the entry of a row and, for an administrator, associates the policy.
fn make(context: &Context<'_>, row: &RowMove, pending: &mut Vec<Pending>) {
    let (Some(principal), Some(wanted)) = (&row.principal, &row.entry) else { return };
    let (mut groups, admin) = expressible::groups(wanted);
    if admin {
        groups.push(BRIDGE.to_owned());
    }
    let after = Content::Entry { username: wanted.username.clone(), groups, policies: Vec::new() };
    let reason = format!("gives what item {} of {} gives", row.index + 1, row.section);
    let change = change(subject(principal), reason, None, Some(after.clone()));
    let write = Write::CreateEntry { principal: principal.clone(), ours: row.ours, after };
    pending.push(Pending { write, changes: vec![change], removes: false, counts: false });
    if admin {
        pending.push(associate(principal, EntryPrecondition::AfterPrevious, admin_policy(context), None));
    }
}

/// The bridge itself.
fn build() -> Pending {
    let after = Content::Binding { role_ref: role_ref(), subjects: subjects() };
    let reason = "keeps administrators what they are while their rows move".to_owned();
    let write = Write::ApplyObject {
        object: object(),
        precondition: ObjectPrecondition::Absent,
        before: None,
        after: after.clone(),
    };
    let change = Change { surface: Surface::Rbac, ..change(Subject::Object(object()), reason, None, Some(after)) };
    Pending { write, changes: vec![change], removes: false, counts: false }
}

fn take_down(binding: &ObservedBinding) -> Pending {
    let before = Content::Binding { role_ref: binding.role_ref.clone(), subjects: binding.subjects.clone() };
    let reason = "nobody is on the way any more".to_owned();
    let change = change(Subject::Object(object()), reason, Some(before.clone()), None);
    let precondition =
        ObjectPrecondition::At { uid: binding.uid.clone(), resource_version: binding.resource_version.clone() };
    let write = Write::DeleteObject { object: object(), precondition, before };
    let change = Change { surface: Surface::Rbac, ..change };
    Pending { write, changes: vec![change], removes: true, counts: false }
}

fn change(subject: Subject, reason: String, before: Option<Content>, after: Option<Content>) -> Change {
    Change {
        surface: Surface::AccessEntries,
        action: match (&before, &after) {
            (None, _) => Action::Add,
            (Some(_), Some(_)) => Action::Change,
            (Some(_), None) => Action::Remove,
        },
        subject,
        who: None,
        reason,
        before,
        after,
        sources: Vec::new(),
        changed_by: None,
    }
}
