//! The change of the authentication mode: forward only, one step at a time.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>.

use crate::{
    model::{
        Action, AuthenticationMode, Change, Content, ModeChange, RowMove, STANDARD, Section, Subject, Surface, Write,
    },
    plan::{draft::Pending, protection::normalized},
};

use super::Context;

use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};

/// The change that is asked for, unless the cluster is there already.
pub(super) fn change(context: &Context<'_>, rows: &[RowMove]) -> Option<ModeChange> {
    let (from, to) = (context.cluster.authentication_mode, context.rules.to?);
    if from >= to {
        return None;
    }
    let refused = if to == Api { reasons(context, rows) } else { Vec::new() };
    Some(ModeChange { from, to, refused })
}

/// Why the cluster must not cease to read aws-auth, what is still moving excepted.
fn reasons(context: &Context<'_>, rows: &[RowMove]) -> Vec<String> {
    let mut reasons = Vec::new();
    let state = context.state;
    for (what, unknown) in [("aws-auth", state.aws_auth.unknown()), ("the access entries", state.entries.unknown())] {
        reasons.extend(unknown.map(|_| format!("{what} could not be read")));
    }
    // The change to API_AND_CONFIG_MAP is what makes EKS make the access entries of nodes.
    let in_sight = |row: &&RowMove| context.cluster.authentication_mode == ConfigMap && row.node;
    for row in rows.iter().filter(|row| row.needed && !row.fate.is_open() && !in_sight(row)) {
        let what = if row.section == Section::Accounts { "account" } else { "the row of" };
        reasons.push(format!("{what} {} is still needed: {}", row.arn, row.why));
    }
    if context.cluster.authentication_mode == ApiAndConfigMap {
        let unread = state.entries.known().and_then(Option::as_ref).map_or(0, |entries| entries.unread.len());
        if unread > 0 {
            reasons.push(format!("{unread} access entries could not be read"));
        }
        let own = context.rules.own_principal.as_deref().map(normalized);
        let stands = |own: &String| context.entries.get(own).is_some_and(|entry| entry.kind == STANDARD);
        let moves = |own: &String| rows.iter().any(|row| row.fate.is_open() && normalized(&row.arn) == *own);
        if let Some(own) = own.filter(|own| !stands(own) && !moves(own)) {
            reasons.push(format!("rolecall's own way in, {own}, has no access entry"));
        }
    }
    reasons
}

/// The next step, when nothing stands in its way. It is not begun towards a mode that cannot be reached, since there is no
/// way back.
pub(super) fn step(change: &ModeChange, rows: &[RowMove]) -> Option<Pending> {
    let after = match change.from {
        ConfigMap => ApiAndConfigMap,
        ApiAndConfigMap | Api => Api,
    };
    if !change.refused.is_empty() || (after == Api && rows.iter().any(|row| row.needed)) {
        return None;
    }
    let made = Change {
        surface: Surface::AccessEntries,
        action: Action::Change,
        subject: Subject::Mode,
        who: None,
        reason: "asked for with `--to`; there is no way back".to_owned(),
        before: Some(Content::Mode(change.from)),
        after: Some(Content::Mode(after)),
        sources: Vec::new(),
        changed_by: None,
    };
    let write = Write::SetMode { before: change.from, after };
    Some(Pending { write, changes: vec![made], removes: false, counts: false })
}
