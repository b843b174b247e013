//! Principals as a person asks for them on the command line.

use super::{
    entry::Who,
    principal::{self, Wrong},
};
use crate::{
    authenticator,
    model::{Principal, SSO_PREFIX},
};

/// Whom a question names: `permissionSet:NAME`, `directoryGroup:NAME`, `iamGroup:NAME`, `role:NAME` and `user:NAME` name
/// one; an ARN, a session's too, names its role or user; a bare name is asked for as all of these but the groups of IAM,
/// the directory's only `with_directory`.
///
/// # Errors
/// What is wrong with the text, in a sentence, and what to write instead.
pub fn asked(text: &str, with_directory: bool) -> Result<Vec<Principal>, String> {
    let one = |who: Result<Who, Wrong>| who.map(|who| vec![who.principal]).map_err(|wrong| in_words(&wrong));
    if text.starts_with("arn:") {
        return arn(text);
    }
    match text.split_once(':') {
        Some(("permissionSet", name)) => one(principal::permission_set(name)),
        Some(("directoryGroup", name)) => one(principal::directory_group(name)),
        Some(("iamGroup", name)) => {
            let group = principal::iam_group(name).map_err(|wrong| in_words(&wrong))?;
            Ok(vec![Principal::IamGroup(crate::model::IamGroup { name: group, via: None, members: false })])
        }
        Some(("role", name)) => one(principal::role(name)),
        Some(("user", name)) => one(principal::user(name)),
        Some((kind, _)) => Err(format!(
            "{kind:?} is no kind of principal: write role:, user:, permissionSet:, directoryGroup: or iamGroup: before the \
             name, or an ARN"
        )),
        None if text.starts_with(SSO_PREFIX) => one(principal::role(text)),
        None => any(text, with_directory),
    }
}

fn arn(text: &str) -> Result<Vec<Principal>, String> {
    let canonical = authenticator::canonical_arn(text).map_err(|error| error.to_string())?;
    let wrong = match principal::role(&canonical) {
        Ok(who) => return Ok(vec![who.principal]),
        Err(wrong) => wrong,
    };
    principal::user(&canonical).map(|who| vec![who.principal]).map_err(|_| in_words(&wrong))
}

fn any(name: &str, with_directory: bool) -> Result<Vec<Principal>, String> {
    let mut whos = vec![principal::role(name), principal::user(name), principal::permission_set(name)];
    if with_directory {
        whos.push(principal::directory_group(name));
    }
    let first = whos.first().and_then(|who| who.as_ref().err().map(in_words));
    let all: Vec<Principal> = whos.into_iter().filter_map(Result::ok).map(|who| who.principal).collect();
    if all.is_empty() { Err(first.unwrap_or_default()) } else { Ok(all) }
}

fn in_words(wrong: &Wrong) -> String {
    match &wrong.help {
        Some(help) => format!("{}; {help}", wrong.message),
        None => wrong.message.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        asked(text, true).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_question_names_one_or_many() {
        assert_eq!(words("permissionSet:Dev"), ["permission set Dev"]);
        assert_eq!(words("directoryGroup:K8s Developers"), ["directory group K8s Developers"]);
        assert_eq!(words("iamGroup:ops"), ["IAM group ops"]);
        assert_eq!(words("dev"), ["role dev", "user dev", "permission set dev", "directory group dev"]);
        assert_eq!(asked("dev", false).unwrap().len(), 3);
        assert_eq!(words("AWSReservedSSO_Dev_0123456789abcdef"), ["role AWSReservedSSO_Dev_0123456789abcdef"]);
    }

    #[test]
    fn a_session_is_asked_for_as_its_role() {
        let role = "role arn:aws:iam::111122223333:role/dev";
        assert_eq!(words("arn:aws:sts::111122223333:assumed-role/dev/alice"), [role]);
        assert_eq!(words("arn:aws:iam::111122223333:user/eve"), ["user arn:aws:iam::111122223333:user/eve"]);
        for bad in ["arn:aws:s3:::x", "group:x", "role:a b", "permissionSet:AWSReservedSSO_Dev_0123456789abcdef"] {
            assert!(asked(bad, true).is_err(), "{bad}");
        }
    }
}
