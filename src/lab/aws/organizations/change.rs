//! Making an organization: units, accounts, and moving them.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{account, account_id, invalid, matching, members, not_found, parent, shapes, tags, unit_names, violation};
use crate::{
    lab::{
        aws::{
            Ask, input,
            wire::{Fault, epoch},
        },
        world::{
            State,
            iam::{Iam, Role},
            organization::{Account, Unit},
        },
    },
    model::AccountId,
};

/// How deep units may be nested.
///
/// See <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>.
const DEPTH: usize = 5;

pub(super) fn create_unit(ask: &Ask<'_>, state: &mut State) -> Result<Value, Fault> {
    let parent = parent(ask, state, "ParentId", "ParentNotFoundException", "parent")?.to_owned();
    let name = matching(ask, "Name", |name| (1..=128).contains(&name.chars().count()))?.to_owned();
    if !tags::asked(ask)?.is_empty() {
        let message = "You can't perform the specified operation on that target entity.";
        return Err(invalid("TARGET_NOT_SUPPORTED", message));
    }
    if unit_names(state, &parent).any(|unit| unit.name == name) {
        return Err(Fault::new("DuplicateOrganizationalUnitException", "An OU with the same name already exists."));
    }
    if shapes::units_down_to(state, &parent).len() >= DEPTH {
        let message = "You attempted to create an OU tree that is too many levels deep.";
        return Err(violation("OU_DEPTH_LIMIT_EXCEEDED", message));
    }
    let root = state.organization.root.trim_start_matches("r-").to_owned();
    let id = format!("ou-{root}-{}", state.new_id("", 8).to_ascii_lowercase());
    let unit = Unit { id: id.clone(), name, parent };
    let answer = json!({"OrganizationalUnit": shapes::unit(state, &unit)});
    state.organization.units.insert(id, unit);
    Ok(answer)
}

pub(super) fn move_account(ask: &Ask<'_>, state: &mut State) -> Result<Value, Fault> {
    let id = account_id(ask, "AccountId")?;
    let from = parent(ask, state, "SourceParentId", "SourceParentNotFoundException", "source parent")?;
    let code = "DestinationParentNotFoundException";
    let to = parent(ask, state, "DestinationParentId", code, "destination parent")?;
    let at = &account(state, &id)?.parent;
    if at == to {
        let message = "The account is already in the destination parent.";
        return Err(Fault::new("DuplicateAccountException", message));
    }
    if at != from {
        return Err(not_found("AccountNotFoundException", "account"));
    }
    if let Some(account) = state.accounts.get_mut(&id) {
        to.clone_into(&mut account.parent);
    }
    Ok(Value::Null)
}

/// The account is there at once, the request says so when it is looked at. The management account may assume the role
/// that comes with it.
pub(super) fn create_account(ask: &Ask<'_>, state: &mut State) -> Result<Value, Fault> {
    let email = matching(ask, "Email", |email| (6..=64).contains(&email.len()) && email.contains('@'))?;
    let printable = |name: &str| name.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let name = matching(ask, "AccountName", |name| (1..=50).contains(&name.len()) && printable(name))?;
    let role = input::text(ask.input, "RoleName").unwrap_or("OrganizationAccountAccessRole");
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if role.starts_with("AWSServiceRoleFor") || !(1..=64).contains(&role.len()) || !role.chars().all(allowed) {
        return Err(invalid("INVALID_ROLE_NAME", "You provided a role name that isn't valid."));
    }
    let tags = tags::asked(ask)?;
    let taken = members(state).any(|account| account.email.eq_ignore_ascii_case(email));
    let id = if taken { None } else { Some(new_account_id(state)?) };
    let request = request_id(id.as_ref());
    let answer = json!({"CreateAccountStatus": {
        "Id": request,
        "AccountName": name,
        "State": "IN_PROGRESS",
        "RequestedTimestamp": epoch(ask.now),
    }});
    let Some(id) = id else { return Ok(answer) };
    let role = access_role(ask, state, role);
    let regions = state.accounts.get(&state.organization.management).map(|account| account.regions.clone());
    let account = Account {
        id: id.clone(),
        name: name.to_owned(),
        email: email.to_owned(),
        state: "ACTIVE".to_owned(),
        parent: state.organization.root.clone(),
        joined: ask.now,
        tags,
        regions: regions.unwrap_or_default(),
        iam: Iam { roles: BTreeMap::from([(role.name.to_ascii_lowercase(), role)]), ..Iam::default() },
    };
    state.accounts.insert(id, account);
    Ok(answer)
}

fn access_role(ask: &Ask<'_>, state: &mut State, name: &str) -> Role {
    let management = format!("arn:aws:iam::{}:root", state.organization.management);
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": management}, "Action": "sts:AssumeRole"}],
    });
    Role::new(name, "/", state.new_id("AROA", 17), ask.now, trust)
}

pub(super) fn describe_creation(ask: &Ask<'_>, state: &State) -> Result<Value, Fault> {
    let looks = |id: &str| id.strip_prefix("car-").is_some_and(|rest| super::is_word(rest, 8));
    let request = matching(ask, "CreateAccountRequestId", looks)?;
    if request == request_id(None) {
        return Ok(json!({"CreateAccountStatus": {
            "Id": request,
            "State": "FAILED",
            "RequestedTimestamp": epoch(ask.now),
            "CompletedTimestamp": epoch(ask.now),
            "FailureReason": "EMAIL_ALREADY_EXISTS",
        }}));
    }
    let made = members(state).find(|account| request_id(Some(&account.id)) == request);
    let made = made.ok_or_else(|| not_found("CreateAccountStatusNotFoundException", "account creation request"))?;
    Ok(json!({"CreateAccountStatus": {
        "Id": request,
        "AccountName": made.name,
        "State": "SUCCEEDED",
        "RequestedTimestamp": epoch(made.joined),
        "CompletedTimestamp": epoch(made.joined),
        "AccountId": made.id,
    }}))
}

/// A request's id is made of the account's that came of it, so that nothing else has to be kept; one from which none came
/// is that of a taken address.
fn request_id(account: Option<&AccountId>) -> String {
    let digest = Sha256::digest(account.map_or("", AccountId::as_str).as_bytes());
    digest.iter().take(16).fold("car-".to_owned(), |id, byte| id + &format!("{byte:02x}"))
}

fn new_account_id(state: &mut State) -> Result<AccountId, Fault> {
    loop {
        state.serial += 1;
        // Twelve digits without a zero in front; the odd factor spreads them.
        let digits = 100_000_000_000 + state.serial.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 900_000_000_000;
        let id: AccountId = digits.to_string().parse().map_err(|e| Fault::new("ServiceException", format!("{e}")))?;
        if !state.accounts.contains_key(&id) {
            return Ok(id);
        }
    }
}
