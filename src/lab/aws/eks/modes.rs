//! The change of the authentication mode.
//!
//! See <https://docs.aws.amazon.com/eks/latest/userguide/setting-up-access-entries.html>.

use serde_json::{Value, json};

use super::{changes, cluster, cluster_id, cluster_mut, in_use, invalid, not_found, page, required, takes_changes};
use crate::{
    lab::{
        aws::{
            Ask, input,
            pages::Page,
            wire::{Fault, epoch},
        },
        world::eks::Update,
    },
    model::AuthenticationMode,
};

const KIND: &str = "AccessConfigUpdate";

/// Asks for the next mode. The lab changes nothing else.
pub(super) fn update(ask: &Ask<'_>) -> Result<Value, Fault> {
    let id = cluster_id(ask, required(ask, "name")?);
    let mut state = ask.world.write();
    let unique = state.new_uuid();
    let cluster = cluster_mut(&mut state, &id)?;
    let token = input::text(ask.input, "clientRequestToken").map(str::to_owned);
    if let Some(same) = cluster.updates.iter().find(|update| token.is_some() && update.token == token) {
        return Ok(told(same));
    }
    takes_changes(cluster)?;
    let mode = ask.input.get("accessConfig").and_then(|config| input::text(config, "authenticationMode"));
    let mode = mode.ok_or_else(|| invalid("No changes needed for the cluster: the lab only changes accessConfig"))?;
    if let Some(running) = cluster.updates.iter().find(|update| update.looks_left > 0) {
        let (name, running) = (&id.name, &running.id);
        let message = format!("Cannot {KIND} because cluster {name} currently has update {running} in progress");
        return Err(in_use(message).with("clusterName", name.as_str()));
    }
    let from = cluster.authentication_mode();
    let to: AuthenticationMode = mode.parse().map_err(|_| unsupported(from, mode))?;
    if !one_step(from, to) {
        return Err(unsupported(from, mode));
    }
    let update = Update {
        id: unique,
        kind: KIND.to_owned(),
        params: vec![("AuthenticationMode".to_owned(), mode.to_owned())],
        created: ask.now,
        looks_left: changes::LOOKS,
        mode: Some(to),
        token,
    };
    let answer = told(&update);
    cluster.updates.push(update);
    "UPDATING".clone_into(&mut cluster.status);
    Ok(answer)
}

/// Modes only go forward, one at a time.
fn one_step(from: AuthenticationMode, to: AuthenticationMode) -> bool {
    use AuthenticationMode::{Api, ApiAndConfigMap, ConfigMap};
    matches!((from, to), (ConfigMap, ApiAndConfigMap) | (ApiAndConfigMap, Api))
}

fn unsupported(from: AuthenticationMode, to: &str) -> Fault {
    invalid(format!("Unsupported authentication mode update from {from} to {to}"))
}

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let cluster = cluster(&state, &cluster_id(ask, required(ask, "name")?))?;
    let mut ids: Vec<_> = cluster.updates.iter().map(|update| (update.id.clone(), &update.id)).collect();
    ids.sort_unstable();
    let Page { items, next } = page(ask, ids)?;
    Ok(json!({"updateIds": items, "nextToken": next}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let id = cluster_id(ask, required(ask, "name")?);
    let wanted = required(ask, "updateId")?;
    let mut state = ask.world.write();
    changes::look(&mut state, &id, ask.now);
    let update = cluster(&state, &id)?.updates.iter().find(|update| update.id == wanted);
    update.map(told).ok_or_else(|| not_found(format!("No update found for ID: {wanted}")))
}

fn told(update: &Update) -> Value {
    let params = update.params.iter().map(|(kind, value)| json!({"type": kind, "value": value}));
    json!({"update": {
        "id": update.id,
        "status": if update.looks_left > 0 { "InProgress" } else { "Successful" },
        "type": update.kind,
        "params": params.collect::<Value>(),
        "createdAt": epoch(update.created),
        "errors": [],
    }})
}
