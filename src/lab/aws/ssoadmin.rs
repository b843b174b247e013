//! Identity Center.

use serde_json::Value;

use super::{
    Ask, Service,
    wire::{Fault, Protocol},
};

pub(super) const SERVICE: Service = Service {
    name: "sso",
    protocol: Protocol::Json { version: "1.1", target: "SWBExternalService", message: "Message" },
    answer,
    resource: |_| "*".to_owned(),
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    Err(Fault::unknown_operation(ask.operation))
}
