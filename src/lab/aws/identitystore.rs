//! The Identity Store.

use serde_json::Value;

use super::{
    Ask, Service,
    wire::{Fault, Protocol},
};

pub(super) const SERVICE: Service = Service {
    name: "identitystore",
    protocol: Protocol::Json { version: "1.1", target: "AWSIdentityStore", message: "Message" },
    answer,
    resource: |_| "*".to_owned(),
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    Err(Fault::unknown_operation(ask.operation))
}
