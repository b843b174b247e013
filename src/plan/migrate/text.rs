//! aws-auth without the rows that go.

use std::collections::BTreeSet;

use crate::{
    authenticator::{self, folded},
    model::{
        Action, AwsAuthPrecondition, AwsAuthText, Change, Content, Fate, Finding, FindingCode, RowMove, Section,
        Subject, Surface, Write,
    },
    plan::{
        draft::{Pending, listed},
        guards,
        splice::{Edit, splice},
    },
};

use super::Context;

/// The write that takes out every row that goes, and nothing else: the text is read back, and nobody who has no such row
/// may get anything else than before.
pub(super) fn without(context: &Context<'_>, rows: &[RowMove]) -> Result<Pending, Box<Finding>> {
    let going = || rows.iter().filter(|row| row.fate == Fate::Goes);
    let left = |why: &str| {
        let names: Vec<String> = going().map(|row| row.arn.clone()).collect();
        let message = format!("rows that could go stay: {why}. They are {}", listed(&names, 5));
        let finding = Finding::drift(FindingCode::CannotBeEdited, "aws-auth", message).on(Surface::AwsAuth);
        Box::new(finding.next("they have no effect any more: delete them by hand"))
    };
    let Some(stored) = context.stored else { return Err(left("aws-auth is not there")) };
    if stored.immutable {
        return Err(left("the ConfigMap kube-system/aws-auth is immutable"));
    }
    let mut after = AwsAuthText::from(stored);
    let mut owned = context.owned.clone();
    for section in [Section::Roles, Section::Users] {
        let of_section = || going().filter(|row| row.section == section);
        let edits: Vec<Edit> = of_section().map(|row| Edit::Remove { index: row.index }).collect();
        let Some(text) = stored.data.get(section.key()).filter(|_| !edits.is_empty()) else { continue };
        let spliced = splice(section, Some(text), &edits);
        let spliced = spliced.map_err(|why| left(&format!("{section} cannot be edited safely: {}", why.message)))?;
        after.data.insert(section.key().to_owned(), spliced);
        let gone: BTreeSet<String> = of_section().map(|row| folded(&row.arn)).collect();
        if let Some(owned) = &mut owned {
            owned.section_mut(section).retain(|arn, _| !gone.contains(&folded(arn)));
        }
    }
    if let Some(owned) = owned.filter(|owned| Some(owned) != context.owned.as_ref()) {
        let failed = |error| left(&format!("the list of rolecall's rows could not be written down ({error})"));
        owned.write(&mut after.annotations).map_err(failed)?;
    }
    let gone: BTreeSet<String> = going().map(|row| folded(&row.arn)).collect();
    let mut expected = guards::principals(&context.reading);
    expected.retain(|arn, _| !gone.contains(arn));
    let now = guards::principals(&authenticator::read(&after.data));
    let same = expected.len() == now.len()
        && expected.iter().zip(&now).all(|((arn, was), (other, is))| arn == other && guards::equal(was, is));
    if !same {
        return Err(left("the document as it would be written would not give the others what it gives them"));
    }
    let precondition =
        AwsAuthPrecondition::At { uid: stored.uid.clone(), resource_version: stored.resource_version.clone() };
    let write = Write::PutAwsAuth { precondition, before: Some(AwsAuthText::from(stored)), after };
    // The rows have no effect any more: it takes nothing away from anybody, and nothing else has to succeed before.
    Ok(Pending { write, changes: going().map(change).collect(), removes: false, counts: false })
}

fn change(row: &RowMove) -> Change {
    let user = row.section == Section::Users;
    Change {
        surface: Surface::AwsAuth,
        action: Action::Remove,
        subject: if user { Subject::User(row.arn.clone()) } else { Subject::Role(row.arn.clone()) },
        who: None,
        reason: row.why.clone(),
        before: Some(Content::Row { username: row.row.username.clone(), groups: row.row.groups.clone() }),
        after: None,
        sources: Vec::new(),
        changed_by: None,
    }
}
