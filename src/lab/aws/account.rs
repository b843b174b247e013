//! The Account Management API.

use serde_json::Value;

use super::{
    Ask, Service,
    wire::{Fault, Protocol},
};

pub(super) const SERVICE: Service = Service {
    name: "account",
    protocol: Protocol::Rest(&[("POST", "/listRegions", "ListRegions")]),
    answer,
    resource: |_| "*".to_owned(),
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    Err(Fault::unknown_operation(ask.operation))
}
