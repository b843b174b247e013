//! Principals as a policy writes them: names, paths, ARNs.

use std::fmt;

use super::entry::Who;
use crate::model::{AccountId, Arn, Partition, Principal, SSO_PREFIX};

/// The permission set whose role this is by its name, in the name's own case, where names are compared without regard to
/// theirs.
pub(super) fn permission_set_in_any_case(role: &str) -> Option<&str> {
    let (prefix, rest) = role.split_at_checked(SSO_PREFIX.len())?;
    let (set, suffix) = rest.rsplit_once('_').filter(|_| prefix.eq_ignore_ascii_case(SSO_PREFIX))?;
    (suffix.len() == 16 && suffix.bytes().all(|b| b.is_ascii_hexdigit())).then_some(set)
}

/// What is wrong with a principal, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Wrong {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Role,
    User,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::User => "user",
        }
    }

    fn named(self, name: &str) -> Principal {
        match self {
            Self::Role => Principal::RoleName(name.to_owned()),
            Self::User => Principal::UserName(name.to_owned()),
        }
    }

    fn by_arn(self, arn: Arn) -> Principal {
        match self {
            Self::Role => Principal::RoleArn(arn),
            Self::User => Principal::UserArn(arn),
        }
    }
}

/// A role by name, `path/name` or ARN.
pub(super) fn role(text: &str) -> Result<Who, Wrong> {
    iam(Kind::Role, text)
}

/// A user by name, `path/name` or ARN.
pub(super) fn user(text: &str) -> Result<Who, Wrong> {
    iam(Kind::User, text)
}

/// A permission set by its name.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreatePermissionSet.html>.
pub(super) fn permission_set(text: &str) -> Result<Who, Wrong> {
    if let Some(rest) = text.strip_prefix(SSO_PREFIX) {
        let name = rest.rsplit_once('_').map_or(rest, |(name, _)| name);
        return Err(Wrong::new(format!("{text:?} is the name of a permission set's role"))
            .help(format!("write the permission set's own name: `permissionSet: {name}`")));
    }
    if text.contains(':') {
        return Err(Wrong::new(format!("{text:?} is not the name of a permission set"))
            .help("write its name, not its ARN; the name is the same in every account"));
    }
    if !(1..=32).contains(&text.len()) || !text.bytes().all(is_iam_byte) {
        return Err(Wrong::new(format!(
            "{text:?} cannot be the name of a permission set: it takes 1 to 32 letters, digits and `+=,.@_-`"
        )));
    }
    Ok(Who { principal: Principal::PermissionSet(text.to_owned()), path: None })
}

/// An IAM group by its name, which stands for the group of that name in each cluster's own account.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateGroup.html>.
pub(super) fn iam_group(text: &str) -> Result<String, Wrong> {
    let own =
        "an IAM group is named without account and path: it is the group of that name in each cluster's own account";
    if let Some(arn) = text.parse::<Arn>().ok().filter(|arn| arn.service == "iam") {
        if let Some(name) = arn.resource.strip_prefix("group/").and_then(|rest| rest.rsplit('/').next()) {
            let place = format!("choose the account by `where: {{accounts: [\"{}\"]}}`", arn.account);
            return Err(Wrong::new(format!("{text:?} is an ARN, and {own}"))
                .help(format!("write `iamGroup: {name}` and {place}")));
        }
        return Err(Wrong::new(format!("{text:?} is not the ARN of an IAM group")).help(format!("write a name: {own}")));
    }
    if let Some((_, name)) = text.rsplit_once('/') {
        return Err(Wrong::new(format!("{text:?} has a path, and {own}")).help(format!("write `iamGroup: {name}`")));
    }
    if text.contains(['*', '?']) {
        return Err(Wrong::new(format!("{text:?} is a pattern, and a group is named in full"))
            .help("name each group in an entry of its own"));
    }
    if !(1..=128).contains(&text.len()) || !text.bytes().all(is_iam_byte) {
        return Err(Wrong::new(format!(
            "{text:?} cannot be an IAM group: a name takes 1 to 128 letters, digits and `+=,.@_-`"
        )));
    }
    Ok(text.to_owned())
}

/// The one role by which an IAM group's members come, by its name: a role of the group's own account.
pub(super) fn via(text: &str) -> Result<String, Wrong> {
    let who = role(text)?;
    match (who.principal, who.path) {
        (Principal::RoleName(name), None) => Ok(name),
        (Principal::RoleName(name), Some(_)) => {
            Err(Wrong::new(format!("{text:?} has a path, and a role's name alone tells which one it is"))
                .help(format!("write `via: {name}`")))
        }
        (Principal::RoleArn(arn), _) => {
            let name = arn.role_name().unwrap_or_default();
            Err(Wrong::new(format!("{text:?} is an ARN, and `via` names a role of the group's own account"))
                .help(format!("write `via: {name}`")))
        }
        _ => Err(Wrong::new(format!("{text:?} is not the name of an IAM role"))),
    }
}

/// A group of Identity Center's directory by its display name, exactly as Identity Store has it.
///
/// See <https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_Group.html>.
pub(super) fn directory_group(text: &str) -> Result<Who, Wrong> {
    let length = text.chars().count();
    if !(1..=1024).contains(&length) || text.chars().any(char::is_control) || text.trim() != text {
        return Err(Wrong::new(format!(
            "{text:?} cannot be the name of a directory group: it takes 1 to 1024 characters and no space around them"
        ))
        .help("write its display name as Identity Center shows it"));
    }
    Ok(Who { principal: Principal::DirectoryGroup(text.to_owned()), path: None })
}

/// An account by its id.
pub(super) fn account(text: &str) -> Result<Who, Wrong> {
    if let Some(arn) = text.parse::<Arn>().ok().filter(|arn| arn.service == "iam" && arn.resource == "root") {
        return Err(Wrong::new(format!("{text:?} is an ARN")).help(format!("write `account: \"{}\"`", arn.account)));
    }
    let id = text.parse::<AccountId>().map_err(|e| Wrong::new(e.to_string()))?;
    Ok(Who { principal: Principal::Account(id), path: None })
}

fn iam(kind: Kind, text: &str) -> Result<Who, Wrong> {
    if text.contains(':') {
        return by_arn(kind, text);
    }
    let (path, name) = split(text.trim_start_matches('/'));
    iam_name(kind, text, name, path.as_deref())?;
    Ok(Who { principal: kind.named(name), path })
}

/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>.
fn by_arn(kind: Kind, text: &str) -> Result<Who, Wrong> {
    let word = kind.word();
    let form = format!("an IAM {word}'s ARN takes the form arn:aws:iam::111122223333:{word}/NAME");
    let arn = text.parse::<Arn>().map_err(|e| Wrong::new(e.to_string()).help(&form))?;
    other_arn(kind, text, &arn)?;
    let resource = arn.resource.strip_prefix(word).and_then(|rest| rest.strip_prefix('/'));
    let Some(resource) = resource.filter(|_| arn.service == "iam") else {
        return Err(Wrong::new(format!("{text:?} is not the ARN of an IAM {word}")).help(form));
    };
    if !is_partition(&arn.partition) || !arn.region.is_empty() {
        return Err(
            Wrong::new(format!("{text:?} has no AWS partition or has a region, which IAM's ARNs have not")).help(form)
        );
    }
    if arn.account_id().is_none() {
        return Err(Wrong::new(format!("{text:?} names no account: {:?} is not an id of 12 digits", arn.account))
            .help("write all 12 digits, leading zeros included"));
    }
    let (path, name) = split(resource);
    iam_name(kind, text, name, path.as_deref())?;
    Ok(Who { path, principal: kind.by_arn(arn) })
}

/// ARNs that people take for a role's or user's, each with what to write instead.
fn other_arn(kind: Kind, text: &str, arn: &Arn) -> Result<(), Wrong> {
    if arn.service == "sts"
        && let Some(session) = arn.resource.strip_prefix("assumed-role/")
    {
        let name = session.split('/').next().unwrap_or_default();
        return Err(Wrong::new(format!("{text:?} is the ARN of a session, not of the role behind it")).help(format!(
            "write the role's ARN: `role: \"arn:{}:iam::{}:role/{name}\"`",
            arn.partition, arn.account
        )));
    }
    if arn.service != "iam" {
        return Ok(());
    }
    if arn.resource == "root" {
        return Err(Wrong::new(format!("{text:?} is a whole account, not a {}", kind.word()))
            .help(format!("to let in everybody of the account write `account: \"{}\"`", arn.account)));
    }
    let other = if kind == Kind::Role { "user" } else { "role" };
    if arn.resource.starts_with(&format!("{other}/")) {
        return Err(
            Wrong::new(format!("{text:?} is the ARN of a {other}")).help(format!("write `{other}: \"{text}\"`"))
        );
    }
    if arn.resource.starts_with("instance-profile/") {
        return Err(Wrong::new(format!("{text:?} is the ARN of an instance profile"))
            .help("write the ARN of the role that the instance profile holds"));
    }
    Ok(())
}

/// Roles take up to 64 characters, users too, of this set; a path is `/` or begins and ends with `/`.
///
/// See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>.
fn iam_name(kind: Kind, text: &str, name: &str, path: Option<&str>) -> Result<(), Wrong> {
    let word = kind.word();
    if name.contains(['*', '?']) {
        return Err(Wrong::new(format!("{text:?} is a pattern, and a {word} is named in full"))
            .help(format!("name each {word} in an entry of its own; `where` chooses the clusters")));
    }
    let good_path = path.is_none_or(|path| path.len() <= 512 && path.bytes().all(|b| b.is_ascii_graphic()));
    if !(1..=64).contains(&name.len()) || !name.bytes().all(is_iam_byte) || !good_path {
        return Err(Wrong::new(format!(
            "{text:?} cannot be an IAM {word}: a name takes 1 to 64 letters, digits and `+=,.@_-`, after a path with `/`"
        )));
    }
    Ok(())
}

fn is_iam_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b)
}

fn is_partition(partition: &Partition) -> bool {
    partition.as_str() == "aws" || partition.as_str().starts_with("aws-")
}

/// `ci/deployer` → (`/ci/`, `deployer`).
fn split(path_and_name: &str) -> (Option<String>, &str) {
    match path_and_name.rsplit_once('/') {
        Some((path, name)) => (Some(format!("/{path}/")), name),
        None => (None, path_and_name),
    }
}

/// The path of an IAM ARN, `/` for none.
pub(super) fn path_of(arn: &Arn) -> String {
    let path_and_name = arn.resource.split_once('/').map_or("", |(_, rest)| rest);
    split(path_and_name).0.unwrap_or_else(|| "/".to_owned())
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.as_deref().unwrap_or("/").trim_start_matches('/');
        match &self.principal {
            Principal::RoleName(name) => write!(f, "role {path}{name}"),
            Principal::UserName(name) => write!(f, "user {path}{name}"),
            other => write!(f, "{other}"),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn help(wrong: Result<Who, Wrong>) -> String {
        wrong.unwrap_err().help.unwrap()
    }

    #[test]
    fn a_role_is_a_name_a_path_and_name_or_an_arn() {
        let named = role("ci/team/deployer").unwrap();
        assert_eq!(named.principal, Principal::RoleName("deployer".to_owned()));
        assert_eq!((named.path.as_deref(), named.to_string().as_str()), (Some("/ci/team/"), "role ci/team/deployer"));
        let arn = role("arn:aws:iam::111122223333:role/ci/deployer").unwrap();
        assert!(matches!(arn.principal, Principal::RoleArn(_)));
        assert_eq!(arn.path.as_deref(), Some("/ci/"));
        assert!(role("arn:aws-cn:iam::111122223333:role/deployer").unwrap().path.is_none());
        assert_eq!(user("ops/eve").unwrap().to_string(), "user ops/eve");
        assert_eq!(user("eve").unwrap().principal, Principal::UserName("eve".to_owned()));
    }

    #[test]
    fn other_arns_say_what_to_write() {
        assert!(
            help(role("arn:aws:sts::111122223333:assumed-role/dev/alice"))
                .contains("`role: \"arn:aws:iam::111122223333:role/dev\"`")
        );
        assert!(help(role("arn:aws:iam::111122223333:root")).contains("`account: \"111122223333\"`"));
        assert!(help(role("arn:aws:iam::111122223333:user/eve")).contains("`user: "));
        assert!(help(user("arn:aws:iam::111122223333:role/dev")).contains("`role: "));
        assert!(help(role("arn:aws:iam::111122223333:instance-profile/x")).contains("role that the instance profile"));
        assert!(help(role("arn:aws:iam::11112222333:role/dev")).contains("12 digits"));
        assert!(help(role("arn:aws:s3:::bucket")).contains(":role/NAME"));
        assert!(help(role("arn:aws:iam:us-east-1:111122223333:role/dev")).contains(":role/NAME"));
        assert!(help(role("arn:iam:role")).contains(":role/NAME"));
    }

    #[test]
    fn names_keep_to_what_iam_takes() {
        let long = "a".repeat(65);
        for bad in ["", "a b", "dev*", "ci/", "rôle", &long, "arn:aws:iam::111122223333:role/", "a b/dev"] {
            assert!(role(bad).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "arn:aws:sso:::permissionSet/x", &"a".repeat(33)] {
            assert!(permission_set(bad).is_err(), "{bad:?}");
        }
        assert!(help(permission_set("AWSReservedSSO_Dev_Ops_0123456789abcdef")).contains("`permissionSet: Dev_Ops`"));
        assert!(permission_set(&"a".repeat(32)).is_ok());
    }

    #[test]
    fn accounts_are_ids() {
        assert!(account("012345678901").is_ok());
        assert!(account("12345678901").is_err());
        assert!(help(account("arn:aws:iam::111122223333:root")).contains("111122223333"));
    }

    #[test]
    fn paths_of_arns() {
        let path = |text: &str| path_of(&text.parse().unwrap());
        assert_eq!(path("arn:aws:iam::111122223333:role/dev"), "/");
        assert_eq!(path("arn:aws:iam::111122223333:user/ops/a/eve"), "/ops/a/");
    }
}
