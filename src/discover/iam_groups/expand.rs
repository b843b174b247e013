//! From an IAM group to the roles that its members may assume.

use std::collections::BTreeMap;

use super::{
    Group, Role,
    document::Document,
    evaluate::{Caller, Terms, Verdict, group_may_assume, group_may_assume_every_role, trust_lets_in},
};
use crate::model::{Account, Arn, Finding, FindingCode, Identity, Lookup};

/// How many roles a finding names.
const NAMED: usize = 5;

/// Where AWS keeps roles that are not people's: those of its services, and those of Identity Center, which AssumeRole
/// does not give to anybody.
const AWS_PATHS: [&str; 2] = ["role/aws-service-role/", "role/aws-reserved/"];

/// What a group comes down to.
pub(super) struct Expanded {
    pub(super) lookup: Lookup,
    pub(super) findings: Vec<Finding>,
}

/// The group among the account's roles.
pub(super) struct Expansion<'a> {
    pub(super) account: &'a Account,
    pub(super) name: &'a str,
    pub(super) group: &'a Group,
    /// The role as which rolecall itself comes in, without its path.
    pub(super) own: &'a Arn,
}

/// What is found of one role.
enum Found {
    /// The group's policies do not let its members assume it.
    NotAllowed,
    /// They do, and this is why it is left out all the same.
    LeftOut(String),
    /// It cannot be told, for this reason.
    Undecided(String),
    /// So many of the group's users may, under these terms; all of them where none is told.
    Assumable(Option<usize>, Terms),
}

impl Expansion<'_> {
    /// All roles that count. A group whose members may assume every role of the account is refused.
    pub(super) fn all(&self, roles: &[Role]) -> Expanded {
        if group_may_assume_every_role(&self.group.documents, self.own) {
            let name = self.name;
            let why = format!(
                "IAM group {name} lets its members assume every role of account {}, and all of these are not meant: \
                 `via: ROLE` beside `iamGroup: {name}` chooses one of them",
                self.account.id
            );
            return Expanded { lookup: Lookup::Unknown(why), findings: Vec::new() };
        }
        self.among(roles.iter())
    }

    /// The one role by which the members shall come.
    pub(super) fn via(&self, role: Option<&Role>) -> Expanded {
        self.among(role.into_iter())
    }

    fn among<'r>(&self, roles: impl Iterator<Item = &'r Role>) -> Expanded {
        let mut found: Vec<Identity> = Vec::new();
        let mut told = Told::default();
        for role in roles {
            let name = || role.identity.arn.role_name().unwrap_or_default().to_owned();
            match self.one(role) {
                Found::NotAllowed => {}
                Found::LeftOut(why) => told.left_out.entry(why).or_default().push(name()),
                Found::Undecided(why) => {
                    let why = format!(
                        "whether members of IAM group {} may assume role {} depends on {why}: name the roles themselves \
                         by `role`, or write them out in the group's policies",
                        self.name,
                        name()
                    );
                    return Expanded { lookup: Lookup::Unknown(why), findings: Vec::new() };
                }
                Found::Assumable(some, terms) => {
                    found.push(role.identity.clone());
                    if !terms.are_none() {
                        told.terms.entry(terms).or_default().push(name());
                    }
                    if let Some(some) = some {
                        told.partly.entry(some).or_default().push(name());
                    }
                }
            }
        }
        Expanded { lookup: Lookup::Found(found), findings: told.findings(self) }
    }

    fn one(&self, role: &Role) -> Found {
        let arn = &role.identity.arn;
        let (terms, decided) = match group_may_assume(&self.group.documents, &arn.to_string()) {
            Verdict::No => return Found::NotAllowed,
            Verdict::Perhaps => (Terms::default(), false),
            Verdict::Yes(terms) => (terms, true),
        };
        if AWS_PATHS.iter().any(|path| arn.resource.starts_with(path)) {
            return Found::LeftOut("AWS keeps it for its own use".to_owned());
        }
        if arn.without_role_path() == *self.own {
            return Found::LeftOut("it is rolecall's own".to_owned());
        }
        let trust = match role.trust.as_deref().ok_or_else(|| "IAM told none".to_owned()).and_then(Document::read) {
            Ok(trust) => trust,
            Err(why) => return Found::Undecided(format!("its trust policy, which cannot be read ({why})")),
        };
        let Some((some, by_trust)) = self.trusted(&trust, arn) else {
            let whom = "its trust policy lets neither the account nor a user of the group assume it";
            return Found::LeftOut(whom.to_owned());
        };
        if decided {
            Found::Assumable(some, terms.and(by_trust))
        } else {
            Found::Undecided("a policy variable in the group's policies".to_owned())
        }
    }

    /// How many of the group's users the trust policy lets in, none standing for all, and under which terms; `None` when
    /// nobody.
    fn trusted(&self, trust: &Document, role: &Arn) -> Option<(Option<usize>, Terms)> {
        let callers: Vec<Caller<'_>> = match self.group.users.as_slice() {
            [] => vec![Caller::AnyUser],
            users => users.iter().map(Caller::User).collect(),
        };
        let let_in = callers.iter().filter_map(|caller| match trust_lets_in(trust, role, *caller) {
            Verdict::Yes(terms) => Some(terms),
            Verdict::No | Verdict::Perhaps => None,
        });
        let let_in: Vec<Terms> = let_in.collect();
        let some = (let_in.len() < callers.len()).then_some(let_in.len());
        // What one user is let in under and another is not is told for both: it is a notice, no decision.
        let_in.into_iter().reduce(Terms::and).map(|terms| (some, terms))
    }
}

/// What there is to tell, each kind with the names of the roles.
#[derive(Default)]
struct Told {
    left_out: BTreeMap<String, Vec<String>>,
    terms: BTreeMap<Terms, Vec<String>>,
    partly: BTreeMap<usize, Vec<String>>,
}

impl Told {
    fn findings(self, group: &Expansion<'_>) -> Vec<Finding> {
        let name = group.name;
        let notice = |code, message: String| {
            Finding::notice(code, format!("IAM group {name}"), message).at(group.account.place())
        };
        let mut findings = Vec::new();
        for (why, roles) in self.left_out {
            let roles = listed(&roles);
            let message =
                format!("the policies of IAM group {name} allow its members {roles}, which is left out: {why}");
            let next = "let the role's trust policy name the account or the group's users, if they shall come by it";
            findings.push(notice(FindingCode::AssumeRefused, message).next(next));
        }
        for (terms, roles) in self.terms {
            let keys = |keys: &std::collections::BTreeSet<String>| keys.iter().cloned().collect::<Vec<_>>().join(", ");
            let mut what = Vec::new();
            if !terms.only_if.is_empty() {
                what.push(format!("only under a condition on {}", keys(&terms.only_if)));
            }
            if !terms.not_if.is_empty() {
                what.push(format!("not under a condition on {}", keys(&terms.not_if)));
            }
            let message = format!(
                "members of IAM group {name} may assume {}, but {}: it gets in, and AWS holds its callers to the condition",
                listed(&roles),
                what.join(", and ")
            );
            findings.push(notice(FindingCode::AssumeConditional, message));
        }
        for (some, roles) in self.partly {
            let all = group.group.users.len();
            let roles = listed(&roles);
            let message = format!(
                "the trust policy of {roles} lets {some} of the {all} users of IAM group {name} in: the others cannot \
                 come by it"
            );
            let next = "let the role's trust policy name the account, if all of them shall come by it";
            findings.push(notice(FindingCode::AssumeConditional, message).next(next));
        }
        findings
    }
}

/// `role a`, `roles a, b and 3 more`.
fn listed(roles: &[String]) -> String {
    let shown: Vec<&str> = roles.iter().take(NAMED).map(String::as_str).collect();
    let more = roles.len().saturating_sub(NAMED);
    let word = if roles.len() == 1 { "role" } else { "roles" };
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{word} {}{more}", shown.join(", "))
}
