//! Tags of clusters and access entries.
//!
//! See <https://docs.aws.amazon.com/eks/latest/APIReference/API_TagResource.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{entries, names};
use crate::{
    lab::{
        aws::{Ask, input, wire::Fault},
        world::State,
    },
    model::{Arn, ClusterId, Region},
};

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    // The place of tags is looked for in one way only, and that is to change them; the call is rare.
    let mut state = ask.world.write();
    Ok(json!({"tags": *tags(ask, &mut state)?}))
}

pub(super) fn tag(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let known = tags(ask, &mut state)?;
    *known = names::tags(ask.input, known).map_err(bad)?;
    Ok(json!({}))
}

pub(super) fn untag(ask: &Ask<'_>) -> Result<Value, Fault> {
    let mut state = ask.world.write();
    let known = tags(ask, &mut state)?;
    for key in input::texts(ask.input, "tagKeys") {
        known.remove(&key);
    }
    Ok(json!({}))
}

/// The tags of the resource that is named.
fn tags<'a>(ask: &Ask<'_>, state: &'a mut State) -> Result<&'a mut BTreeMap<String, String>, Fault> {
    let wanted = input::required(ask.input, "resourceArn", "BadRequestException")?;
    let arn: Arn = wanted.parse().map_err(|_| bad(format!("Invalid ARN: {wanted}")))?;
    let missing = || Fault::new("NotFoundException", "Resource was not found").status(404);
    if arn.service != "eks" || arn.account != ask.caller.account.as_str() || arn.region != ask.region.as_str() {
        return Err(missing());
    }
    let mut parts = arn.resource.split('/');
    let (kind, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let id = ClusterId {
        account: ask.caller.account.clone(),
        region: Region::new(arn.region.as_str()),
        name: name.to_owned(),
    };
    let cluster = state.clusters.get_mut(&id).ok_or_else(missing)?;
    match kind {
        "cluster" if parts.next().is_none() => Ok(&mut cluster.tags),
        "access-entry" => {
            let entry = cluster.entries.values_mut().find(|entry| entries::arn(&id, entry) == wanted);
            Ok(&mut entry.ok_or_else(missing)?.tags)
        }
        _ => Err(missing()),
    }
}

fn bad(message: String) -> Fault {
    Fault::new("BadRequestException", message)
}
