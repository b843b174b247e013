//! Managed policies: the account's own, and a few of AWS's.

use serde_json::{Value, json};

use super::{checks, encoded, exists, gone, iam, iam_mut, input, invalid, required};
use crate::{
    lab::{
        aws::{
            Ask,
            wire::{Fault, iso},
        },
        world::{
            State,
            iam::{Iam, ManagedPolicy},
        },
    },
    model::{AccountId, Arn},
};

/// How many versions a policy has at most.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
const VERSIONS: usize = 5;

/// What comes before the name of AWS's own policies.
const OF_AWS: &str = "arn:aws:iam::aws:policy/";

/// A policy that is found: the account's or AWS's.
pub(super) enum Found<'a> {
    Own(&'a ManagedPolicy),
    OfAws(&'static str, Value),
}

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (name, path) = (checks::name(ask, "PolicyName", 128)?, checks::path(ask)?);
    let document = checks::policy(ask)?;
    let mut state = ask.world.write();
    if iam(ask, &state)?.policies.contains_key(&name.to_lowercase()) {
        return Err(exists("A policy called", name));
    }
    let account = ask.caller.account.clone();
    state.add_policy(&account, path, name, document, ask.now).ok_or_else(gone)?;
    let iam = iam(ask, &state)?;
    let policy = iam.policies.get(&name.to_lowercase()).ok_or_else(gone)?;
    Ok(json!({"Policy": told(&account, iam, policy)}))
}

pub(super) fn get(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let policy = match find(ask, &state)? {
        Found::Own(policy) => told(&ask.caller.account, iam(ask, &state)?, policy),
        Found::OfAws(name, _) => json!({
            "PolicyName": name,
            "PolicyId": format!("ANPA{:A<17}", name.to_uppercase().chars().take(17).collect::<String>()),
            "Arn": format!("{OF_AWS}{name}"),
            "Path": "/",
            "DefaultVersionId": "v1",
            "AttachmentCount": attachments(iam(ask, &state)?, &format!("{OF_AWS}{name}")),
            "PermissionsBoundaryUsageCount": 0,
            "IsAttachable": true,
        }),
    };
    Ok(json!({"Policy": policy}))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let arn = required(ask, "PolicyArn")?;
    let mut state = ask.world.write();
    let key = own(ask, &mut state)?.name.to_lowercase();
    let iam = iam_mut(ask, &mut state)?;
    if attachments(iam, arn) > 0 {
        let message = "Cannot delete a policy attached to entities.";
        return Err(Fault::new("DeleteConflict", message).status(409));
    }
    iam.policies.remove(&key);
    Ok(Value::Null)
}

pub(super) fn create_version(ask: &Ask<'_>) -> Result<Value, Fault> {
    let document = checks::policy(ask)?;
    let in_force = input::text(ask.input, "SetAsDefault") == Some("true");
    let mut state = ask.world.write();
    let policy = own(ask, &mut state)?;
    if policy.versions.len() >= VERSIONS {
        let message = format!("A managed policy can have up to {VERSIONS} versions.");
        return Err(Fault::new("LimitExceeded", message).status(409));
    }
    policy.versions.push((document, ask.now));
    let number = policy.versions.len();
    if in_force {
        policy.in_force = number;
    }
    let version = json!({"VersionId": format!("v{number}"), "IsDefaultVersion": in_force, "CreateDate": iso(ask.now)});
    Ok(json!({"PolicyVersion": version}))
}

pub(super) fn get_version(ask: &Ask<'_>) -> Result<Value, Fault> {
    let (arn, id) = (required(ask, "PolicyArn")?, required(ask, "VersionId")?);
    let state = ask.world.read();
    let number = id.strip_prefix('v').and_then(|number| number.parse::<usize>().ok());
    let number = number.ok_or_else(|| invalid(format!("Value '{id}' at 'versionId' failed to satisfy constraint")))?;
    let missing = || {
        Fault::new("NoSuchEntity", format!("Policy {arn} version {id} does not exist or is not attachable."))
            .status(404)
    };
    let (document, created, in_force) = match find(ask, &state)? {
        Found::Own(policy) => {
            let version = number.checked_sub(1).and_then(|at| policy.versions.get(at)).ok_or_else(missing)?;
            (encoded(&version.0), version.1, policy.in_force == number)
        }
        Found::OfAws(_, document) if number == 1 => (encoded(&document), jiff::Timestamp::UNIX_EPOCH, true),
        Found::OfAws(..) => return Err(missing()),
    };
    let version =
        json!({"Document": document, "VersionId": id, "IsDefaultVersion": in_force, "CreateDate": iso(created)});
    Ok(json!({"PolicyVersion": version}))
}

/// The policy that `PolicyArn` names.
pub(super) fn find<'a>(ask: &Ask<'_>, state: &'a State) -> Result<Found<'a>, Fault> {
    let text = required(ask, "PolicyArn")?;
    if let Some(name) = text.strip_prefix(OF_AWS) {
        return of_aws(name).ok_or_else(|| not_found(text));
    }
    let policy = iam(ask, state)?.policies.get(&key(text)?).ok_or_else(|| not_found(text))?;
    let exact = policy.arn(&ask.caller.account).to_string() == text;
    if exact { Ok(Found::Own(policy)) } else { Err(not_found(text)) }
}

fn own<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut ManagedPolicy, Fault> {
    let text = required(ask, "PolicyArn")?;
    let account = ask.caller.account.clone();
    let policy = iam_mut(ask, state)?.policies.get_mut(&key(text)?).ok_or_else(|| not_found(text))?;
    if policy.arn(&account).to_string() == text { Ok(policy) } else { Err(not_found(text)) }
}

fn key(text: &str) -> Result<String, Fault> {
    let arn: Option<Arn> = text.parse().ok();
    let name = arn.as_ref().and_then(|arn| arn.resource.strip_prefix("policy/")?.rsplit('/').next());
    let name = name.ok_or_else(|| Fault::new("InvalidInput", format!("ARN {text} is not valid.")))?;
    Ok(name.to_lowercase())
}

pub(super) fn not_found(arn: &str) -> Fault {
    let message = format!("Policy {arn} does not exist or is not attachable.");
    Fault::new("NoSuchEntity", message).status(404)
}

/// See <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html>.
fn of_aws(name: &str) -> Option<Found<'static>> {
    let statements = match name {
        "AdministratorAccess" => json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
        "PowerUserAccess" => json!([
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": ["iam:CreateServiceLinkedRole", "iam:ListRoles", "organizations:DescribeOrganization"],
                "Resource": "*",
            },
        ]),
        "IAMReadOnlyAccess" => json!([{"Effect": "Allow", "Action": ["iam:Get*", "iam:List*"], "Resource": "*"}]),
        _ => return None,
    };
    let known = ["AdministratorAccess", "PowerUserAccess", "IAMReadOnlyAccess"];
    let name = known.into_iter().find(|known| *known == name)?;
    Some(Found::OfAws(name, json!({"Version": "2012-10-17", "Statement": statements})))
}

fn attachments(iam: &Iam, arn: &str) -> usize {
    iam.groups.values().filter(|group| group.attached.contains(arn)).count()
}

fn told(account: &AccountId, iam: &Iam, policy: &ManagedPolicy) -> Value {
    let arn = policy.arn(account).to_string();
    let changed = policy.versions.last().map_or(policy.created, |(_, made)| *made);
    json!({
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "AttachmentCount": attachments(iam, &arn),
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": format!("v{}", policy.in_force),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": iso(policy.created),
        "UpdateDate": iso(changed),
    })
}
