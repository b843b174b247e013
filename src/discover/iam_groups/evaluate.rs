//! Whether policies let somebody assume a role, from their texts alone.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>. Where that depends on
//! the session (conditions, policy variables) it is not decided: an Allow with conditions counts, since whoever wrote the
//! policy asked for it, and AWS itself holds the caller to its conditions; a Deny with conditions does not count; both are
//! told. Permission boundaries, the policies of single users, and the organization's own policies are not looked at: they
//! may take away what is found here, and AWS holds the caller to them.

use std::collections::BTreeSet;

use super::{
    document::{Document, Only, Principals, Statement},
    pattern::Meant,
};
use crate::model::{Arn, Identity};

/// The action that it is all about.
const ASSUME_ROLE: &str = "sts:AssumeRole";

/// What is told in place of a condition's key where a statement depends on a policy variable.
const VARIABLE: &str = "a policy variable";

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No statement allows it, or one denies it.
    No,
    /// Only statements with policy variables may allow it.
    Perhaps,
    /// A statement allows it and none surely denies it.
    Yes(Terms),
}

/// What an answer depends on and is not looked into.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Terms {
    /// The keys of the conditions under which it is allowed; none when it is allowed without any.
    pub(super) only_if: BTreeSet<String>,
    /// The keys of conditions under which it is denied.
    pub(super) not_if: BTreeSet<String>,
}

impl Terms {
    pub(super) fn are_none(&self) -> bool {
        self.only_if.is_empty() && self.not_if.is_empty()
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.only_if.extend(other.only_if);
        self.not_if.extend(other.not_if);
        self
    }
}

/// Whether these policies of a group let its members assume the role.
pub(super) fn group_may_assume<'d>(documents: impl IntoIterator<Item = &'d Document>, role: &str) -> Verdict {
    let statements = documents.into_iter().flat_map(|document| &document.statements);
    judge(statements.filter(|statement| is_about_assuming(statement)).map(|statement| {
        let meant = match &statement.resource {
            None => Meant::No,
            Some(Only::These(these)) => any(these.iter().map(|pattern| pattern.matches(role))),
            Some(Only::AllBut(these)) => match any(these.iter().map(|pattern| pattern.matches(role))) {
                Meant::No => Meant::Yes,
                Meant::Perhaps => Meant::Perhaps,
                Meant::Yes => Meant::No,
            },
        };
        (statement, meant)
    }))
}

/// Whether the policies of a group let its members assume whatever role the account has or will have.
pub(super) fn group_may_assume_every_role(documents: &[Document], any_role: &Arn) -> bool {
    // No pattern that leaves a role out means both of these: they have no character in common at either end.
    let names = ["=", "@/,+.=@-every-role"];
    names.iter().all(|name| {
        let role = Arn { resource: format!("role/{name}"), ..any_role.clone() };
        matches!(group_may_assume(documents, &role.to_string()), Verdict::Yes(_))
    })
}

/// Somebody of the role's own account at its trust policy.
#[derive(Clone, Copy)]
pub(super) enum Caller<'a> {
    /// A user of the account that the policy does not name.
    AnyUser,
    User(&'a Identity),
}

/// Whether a role's trust policy lets somebody of its own account assume it.
pub(super) fn trust_lets_in(trust: &Document, role: &Arn, caller: Caller<'_>) -> Verdict {
    let statements = trust.statements.iter().filter(|statement| is_about_assuming(statement));
    judge(statements.map(|statement| {
        let named = match &statement.principal {
            None => false,
            Some(Only::These(these)) => is_among(these, role, caller),
            Some(Only::AllBut(these)) => !is_among(these, role, caller),
        };
        (statement, if named { Meant::Yes } else { Meant::No })
    }))
}

/// The account's root stands for everybody in the account whose own policies allow it, and so does its id.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-accounts>.
fn is_among(principals: &Principals, role: &Arn, caller: Caller<'_>) -> bool {
    let Principals::Aws(names) = principals else { return true };
    let root = format!("arn:{}:iam::{}:root", role.partition, role.account);
    names.iter().any(|name| {
        let user = match caller {
            Caller::AnyUser => false,
            Caller::User(user) => *name == user.arn.to_string() || Some(name) == user.unique_id.as_ref(),
        };
        user || name == "*" || *name == role.account || *name == root
    })
}

fn is_about_assuming(statement: &Statement) -> bool {
    match &statement.action {
        Only::These(these) => these.iter().any(|pattern| pattern.matches(ASSUME_ROLE)),
        Only::AllBut(these) => !these.iter().any(|pattern| pattern.matches(ASSUME_ROLE)),
    }
}

/// What several patterns mean together: one is enough.
fn any(meant: impl Iterator<Item = Meant>) -> Meant {
    meant.fold(Meant::No, |all, one| match (all, one) {
        (Meant::Yes, _) | (_, Meant::Yes) => Meant::Yes,
        (Meant::Perhaps, _) | (_, Meant::Perhaps) => Meant::Perhaps,
        _ => Meant::No,
    })
}

/// An explicit Deny wins, whatever allows; without an Allow it is denied.
fn judge<'s>(statements: impl Iterator<Item = (&'s Statement, Meant)>) -> Verdict {
    let (mut freely, mut perhaps) = (false, false);
    let mut terms = Terms::default();
    for (statement, meant) in statements {
        let (sure, free) = (meant == Meant::Yes, statement.conditions.is_empty());
        match (statement.allow, meant) {
            (_, Meant::No) => {}
            (false, Meant::Yes) if free => return Verdict::No,
            (false, _) => {
                terms.not_if.extend(statement.conditions.iter().cloned());
                terms.not_if.extend((!sure).then(|| VARIABLE.to_owned()));
            }
            (true, Meant::Perhaps) => perhaps = true,
            (true, Meant::Yes) if free => freely = true,
            (true, Meant::Yes) => terms.only_if.extend(statement.conditions.iter().cloned()),
        }
    }
    if freely {
        terms.only_if.clear();
    }
    match (freely || !terms.only_if.is_empty(), perhaps) {
        (true, _) => Verdict::Yes(terms),
        (false, true) => Verdict::Perhaps,
        (false, false) => Verdict::No,
    }
}
