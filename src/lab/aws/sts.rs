//! STS: who is calling, and sessions of roles.
//!
//! See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.

mod trust;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use trust::{Asking, Trust};

use super::{
    Ask, Service, covers, input,
    wire::{Fault, Protocol, iso},
};
use crate::{
    lab::world::{
        State,
        iam::Role,
        keys::{Caller, Key},
        organization::Account,
    },
    model::Arn,
};

pub(super) const SERVICE: Service = Service {
    name: "sts",
    protocol: Protocol::Query { version: "2011-06-15", namespace: "https://sts.amazonaws.com/doc/2011-06-15/" },
    answer,
    resource: |ask| input::text(ask.input, "RoleArn").unwrap_or("*").to_owned(),
};

/// How long a session lasts that asks for nothing else, and the longest that one session gets from another.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>.
const HOUR: i64 = 3600;
/// Keys that have ended are known as expired for this long, so that the list of keys does not grow forever.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    match ask.operation {
        "AssumeRole" => assume_role(ask),
        "GetCallerIdentity" => {
            let Caller { arn, account, user_id, .. } = ask.caller;
            Ok(json!({"UserId": user_id, "Account": account, "Arn": arn}))
        }
        other => Err(Fault::unknown_operation(other)),
    }
}

fn assume_role(ask: &Ask<'_>) -> Result<Value, Fault> {
    let session = Session::read(ask)?;
    let mut state = ask.world.write();
    let (account, role) = session.role(&state).ok_or_else(|| denied(ask, "sts:AssumeRole", session.role_arn))?;
    for action in session.actions() {
        let trust = Trust { state: &state, role, caller: ask.caller };
        let asking = Asking { action, external_id: session.external_id, name: session.name, source: session.source };
        if caller_is_denied(&state, ask.caller, action) || !trust.allows(&asking) {
            return Err(denied(ask, action, session.role_arn));
        }
    }
    let chained = ask.caller.role.is_some();
    if chained && session.seconds > HOUR {
        return Err(validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    if session.seconds > i64::from(role.max_session) {
        return Err(validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    let caller = Caller {
        arn: format!("arn:aws:sts::{}:assumed-role/{}/{}", account.id, role.name, session.name),
        account: account.id.clone(),
        user_id: format!("{}:{}", role.id, session.name),
        role: Some(role.name.to_ascii_lowercase()),
        access_key: String::new(),
    };
    let expires = ask.now + SignedDuration::from_secs(session.seconds);
    let given = give(&mut state, caller, expires, ask.now);
    let mut answer = json!({
        "Credentials": {
            "AccessKeyId": given.caller.access_key,
            "SecretAccessKey": given.secret,
            "SessionToken": given.session_token,
            "Expiration": iso(expires),
        },
        "AssumedRoleUser": {"AssumedRoleId": given.caller.user_id, "Arn": given.caller.arn},
    });
    if let Some(source) = session.source {
        answer["SourceIdentity"] = source.into();
    }
    Ok(answer)
}

/// What an AssumeRole asks for, its parameters being good.
struct Session<'a> {
    role_arn: &'a str,
    name: &'a str,
    external_id: Option<&'a str>,
    source: Option<&'a str>,
    tagged: bool,
    seconds: i64,
}

impl<'a> Session<'a> {
    fn read(ask: &Ask<'a>) -> Result<Self, Fault> {
        let role_arn = input::required(ask.input, "RoleArn", "ValidationError")?;
        length("roleArn", role_arn, 20, 2048)?;
        let name = input::required(ask.input, "RoleSessionName", "ValidationError")?;
        words("roleSessionName", name, "+=,.@-", 2, 64)?;
        let external_id = input::text(ask.input, "ExternalId");
        external_id.map_or(Ok(()), |id| words("externalId", id, "+=,.@:/-", 2, 1224))?;
        let source = input::text(ask.input, "SourceIdentity");
        source.map_or(Ok(()), |source| words("sourceIdentity", source, "+=,.@-", 2, 64))?;
        let seconds = match input::text(ask.input, "DurationSeconds") {
            None => HOUR,
            Some(text) => duration(text)?,
        };
        let arn: Result<Arn, _> = role_arn.parse();
        if arn.map_or(true, |arn| arn.service != "iam" || !arn.resource.starts_with("role/")) {
            return Err(validation(&format!("{role_arn} is invalid")));
        }
        let tagged = ask.input.get("Tags").is_some_and(|tags| tags.as_array().is_some_and(|tags| !tags.is_empty()));
        Ok(Self { role_arn, name, external_id, source, tagged, seconds })
    }

    /// The role and its account, if both are there and the account is active.
    fn role<'s>(&self, state: &'s State) -> Option<(&'s Account, &'s Role)> {
        let arn: Arn = self.role_arn.parse().ok()?;
        let account = state.accounts.get(&arn.account_id()?).filter(|account| account.state == "ACTIVE")?;
        let role = account.iam.roles.get(&arn.role_name()?.to_ascii_lowercase())?;
        (role.arn(&account.id) == arn).then_some((account, role))
    }

    /// What the trust policy has to allow, and the caller.
    fn actions(&self) -> impl Iterator<Item = &'static str> + use<> {
        let source = self.source.map(|_| "sts:SetSourceIdentity");
        let tags = self.tagged.then_some("sts:TagSession");
        [Some("sts:AssumeRole"), source, tags].into_iter().flatten()
    }
}

/// Temporary credentials for a caller.
fn give(state: &mut State, mut caller: Caller, expires: Timestamp, now: Timestamp) -> Key {
    if state.keys.len() % 1024 == 1023 {
        state.keys.retain(|_, key| key.expires.is_none_or(|end| end + REMEMBERED > now));
    }
    caller.access_key = state.new_id("ASIA", 16);
    let text = |salt: &str| STANDARD.encode(Sha256::digest(format!("{salt} {}", caller.access_key).as_bytes()));
    let secret: String = text("secret").chars().take(40).collect();
    let session_token = ["a", "b", "c", "d", "e", "f"].map(text).concat();
    let key = Key { secret, session_token: Some(session_token), expires: Some(expires), caller };
    state.keys.insert(key.caller.access_key.clone(), key.clone());
    key
}

fn caller_is_denied(state: &State, caller: &Caller, action: &str) -> bool {
    let role = caller.role.as_ref().and_then(|name| state.accounts.get(&caller.account)?.iam.roles.get(name));
    role.is_some_and(|role| role.denied.union(&role.not_allowed).any(|denied| covers(denied, action)))
}

fn denied(ask: &Ask<'_>, action: &str, role_arn: &str) -> Fault {
    let message = format!("User: {} is not authorized to perform: {action} on resource: {role_arn}", ask.caller.arn);
    Fault::new("AccessDenied", message).status(403)
}

fn validation(message: &str) -> Fault {
    Fault::new("ValidationError", message)
}

fn unsatisfied(name: &str, value: &str, constraint: &str) -> Fault {
    let at = format!("Value '{value}' at '{name}' failed to satisfy constraint: Member must {constraint}");
    validation(&format!("1 validation error detected: {at}"))
}

fn length(name: &str, value: &str, least: usize, most: usize) -> Result<(), Fault> {
    let count = value.chars().count();
    if count < least {
        return Err(unsatisfied(name, value, &format!("have length greater than or equal to {least}")));
    }
    if count > most {
        return Err(unsatisfied(name, value, &format!("have length less than or equal to {most}")));
    }
    Ok(())
}

fn words(name: &str, value: &str, more: &str, least: usize, most: usize) -> Result<(), Fault> {
    length(name, value, least, most)?;
    if value.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || more.contains(c)) {
        return Ok(());
    }
    let pattern = more.replace('/', "\\/");
    Err(unsatisfied(name, value, &format!("satisfy regular expression pattern: [\\w{pattern}]*")))
}

fn duration(text: &str) -> Result<i64, Fault> {
    let bounds = |constraint| unsatisfied("durationSeconds", text, constraint);
    match text.parse::<i64>() {
        Err(_) => Err(Fault::new("MalformedInput", "DurationSeconds is not a number")),
        Ok(..900) => Err(bounds("have value greater than or equal to 900")),
        Ok(43_201..) => Err(bounds("have value less than or equal to 43200")),
        Ok(seconds) => Ok(seconds),
    }
}
