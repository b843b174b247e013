//! AWS's half of the lab: one port for all services.
//!
//! A call's service is the one its credentials are scoped to. Its signature is checked, then whether the role behind the
//! session may do it, then its module in here answers.

mod input;
mod pages;
mod wire;

mod account;
mod eks;
mod iam;
mod identitystore;
mod organizations;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod samples;
mod sqs;
mod ssoadmin;
mod sts;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests;
mod trail;

use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::{Value, json};
use wire::{Asked, Fault, Protocol};

use super::{
    Call, PageEnds, Refusal,
    door::Desk,
    sigv4,
    world::{State, World, keys::Caller},
};
use crate::model::{ClusterId, Region, wildcard};

/// A service: its names, how it speaks, and who answers for it.
struct Service {
    /// The name in credential scopes and before the colon of its IAM actions.
    name: &'static str,
    protocol: Protocol,
    /// Carries an operation out; one that is not known is [`Fault::unknown_operation`].
    answer: fn(&Ask<'_>) -> Result<Value, Fault>,
    /// The ARN that an operation is about, for the words of AccessDenied.
    resource: fn(&Ask<'_>) -> String,
}

const SERVICES: [&Service; 8] = [
    &account::SERVICE,
    &eks::SERVICE,
    &iam::SERVICE,
    &identitystore::SERVICE,
    &organizations::SERVICE,
    &sqs::SERVICE,
    &ssoadmin::SERVICE,
    &sts::SERVICE,
];

/// One call to be answered: signed, and allowed to its caller.
struct Ask<'a> {
    /// The world; a service locks it for as long as it needs, the desk holds no lock.
    world: &'a Arc<World>,
    /// The time as the lab's servers see it.
    now: Timestamp,
    /// Who asks.
    caller: &'a Caller,
    /// The region that is asked.
    region: &'a Region,
    /// The host and port that it came to.
    host: &'a str,
    /// The operation's name in the API.
    operation: &'a str,
    /// Its parameters, an object; `input` reads them.
    input: &'a Value,
    /// How many items a page of a listing may hold at most, where the lab cuts pages short on purpose.
    page_ends: Option<usize>,
}

/// Where AWS answers.
pub(super) struct AwsDesk {
    world: Arc<World>,
    requests: AtomicU64,
}

impl AwsDesk {
    pub(super) fn new(world: Arc<World>) -> Self {
        Self { world, requests: AtomicU64::new(0) }
    }

    fn request_id(&self) -> String {
        let count = self.requests.fetch_add(1, Ordering::Relaxed);
        uuid::Uuid::from_u64_pair(0x1ab0_0000_0000_4000, 0x8000_0000_0000_0000 | count).to_string()
    }

    fn carry_out(&self, service: &Service, asked: &Asked, request: &Request<Bytes>) -> Result<Value, Fault> {
        let now = self.world.now();
        let signed = sigv4::verify(&self.world.read(), request, now)?;
        let ask = Ask {
            world: &self.world,
            now,
            caller: &signed.caller,
            region: &signed.region,
            host: request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default(),
            operation: &asked.operation,
            input: &asked.input,
            page_ends: request.extensions().get::<PageEnds>().map(|ends| ends.0),
        };
        let allowed = allowed(&self.world.read(), service.name, &ask);
        allowed.map_err(|because| denied(service, &ask, because))??;
        let answer = (service.answer)(&ask);
        if !READS.iter().any(|start| ask.operation.starts_with(start)) {
            trail::record(service, &ask, &answer);
        }
        answer
    }

    fn tally(&self) -> Response<Bytes> {
        let mut counts = serde_json::Map::new();
        for ((service, operation), count) in self.world.tally.take() {
            let of_service = counts.entry(service).or_insert_with(|| json!({}));
            if let Value::Object(of_service) = of_service {
                of_service.insert(operation, count.into());
            }
        }
        let body = Value::Object(counts).to_string();
        wire::response(200, "application/json", body.into(), &self.request_id())
    }
}

/// Where the lab tells how often what was called since it was last asked, as JSON by service and operation. No signature.
const TALLY: &str = "/_lab/tally";

impl Desk for AwsDesk {
    fn aside(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        (request.uri().path() == TALLY).then(|| self.tally())
    }

    fn call(&self, request: &Request<Bytes>) -> Call {
        let nothing = Call {
            service: "unknown",
            operation: String::new(),
            account: None,
            region: None,
            cluster: None,
            writes: false,
        };
        let Some(service) = service_of(request) else { return nothing };
        let scope = scope_of(request);
        let account = scope.and_then(|(key, ..)| Some(self.world.read().keys.get(key)?.caller.account.clone()));
        let region = scope.map(|(_, region, _)| Region::new(region));
        let Ok(asked) = service.protocol.read(request) else { return Call { service: service.name, ..nothing } };
        let cluster = input::text(&asked.input, "clusterName").or_else(|| input::text(&asked.input, "name"));
        let cluster = cluster.filter(|_| service.name == "eks").zip(account.clone()).zip(region.clone());
        let cluster = cluster.map(|((name, account), region)| ClusterId { account, region, name: name.to_owned() });
        let writes = !READS.iter().any(|start| asked.operation.starts_with(start));
        Call { service: service.name, operation: asked.operation, account, region, cluster, writes }
    }

    fn hold<'a>(&'a self, request: &'a Request<Bytes>) -> BoxFuture<'a, ()> {
        let asked = service_of(request).filter(|service| service.name == sqs::SERVICE.name);
        let asked = asked.and_then(|service| service.protocol.read(request).ok());
        match asked.filter(|asked| asked.operation == "ReceiveMessage") {
            Some(asked) => Box::pin(async move { sqs::long_poll(&self.world, &asked.input).await }),
            None => Box::pin(ready(())),
        }
    }

    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let id = self.request_id();
        let Some(service) = service_of(request) else {
            let missing = Refusal::new(403, "MissingAuthenticationToken", "Missing Authentication Token");
            return sts::SERVICE.protocol.error(&missing.into(), &id);
        };
        let asked = match service.protocol.read(request) {
            Ok(asked) => asked,
            Err(fault) => return service.protocol.error(&fault, &id),
        };
        match self.carry_out(service, &asked, request) {
            Ok(output) => service.protocol.answer(&asked, &output, &id),
            Err(fault) => service.protocol.error(&fault, &id),
        }
    }

    fn refuse(&self, request: &Request<Bytes>, refusal: &Refusal) -> Response<Bytes> {
        let service = service_of(request).unwrap_or(&sts::SERVICE);
        service.protocol.error(&refusal.clone().into(), &self.request_id())
    }
}

/// How the names of operations begin that change nothing.
const READS: [&str; 5] = ["AssumeRole", "Describe", "Get", "IsMember", "List"];

fn scope_of(request: &Request<Bytes>) -> Option<(&str, &str, &str)> {
    sigv4::scope_of(request.headers().get("authorization")?.to_str().ok()?)
}

fn service_of(request: &Request<Bytes>) -> Option<&'static Service> {
    let (_, _, name) = scope_of(request)?;
    SERVICES.into_iter().find(|service| service.name == name)
}

/// Whether the caller may do this, or the words that say why not.
///
/// # Errors
/// The outer error is a missing permission, the inner one a caller that is no more.
fn allowed(state: &State, service: &str, ask: &Ask<'_>) -> Result<Result<(), Fault>, &'static str> {
    let Some(account) = state.accounts.get(&ask.caller.account) else {
        let invalid = "The security token included in the request is invalid.";
        return Ok(Err(Refusal::new(403, "InvalidClientTokenId", invalid).into()));
    };
    // GetCallerIdentity takes no permission, and no policy can deny it.
    let Some(name) = ask.caller.role.as_ref().filter(|_| ask.operation != "GetCallerIdentity") else {
        return Ok(Ok(()));
    };
    let action = format!("{service}:{}", ask.operation);
    let role = account.iam.roles.get(name);
    // A role that was made anew under the name is another one.
    match role.filter(|role| ask.caller.user_id.split(':').next() == Some(role.id.as_str())) {
        None => Err("because no identity-based policy allows the"),
        Some(role) if role.denied.iter().any(|denied| covers(denied, &action)) => {
            Err("with an explicit deny in an identity-based policy for the")
        }
        Some(role) if role.not_allowed.iter().any(|missing| covers(missing, &action)) => {
            Err("because no identity-based policy allows the")
        }
        Some(_) => Ok(Ok(())),
    }
}

/// Whether a pattern such as `eks:*` covers an action; case does not matter.
fn covers(pattern: &str, action: &str) -> bool {
    wildcard(pattern.to_ascii_lowercase().as_bytes(), action.to_ascii_lowercase().as_bytes())
}

fn denied(service: &Service, ask: &Ask<'_>, because: &str) -> Fault {
    let (arn, resource) = (&ask.caller.arn, (service.resource)(ask));
    let action = format!("{}:{}", service.name, ask.operation);
    let message =
        format!("User: {arn} is not authorized to perform: {action} on resource: {resource} {because} {action} action");
    Refusal::new(403, "AccessDenied", message).into()
}
