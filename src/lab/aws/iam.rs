//! IAM.

use serde_json::Value;

use super::{
    Ask, Service,
    wire::{Fault, Protocol},
};

pub(super) const SERVICE: Service = Service {
    name: "iam",
    protocol: Protocol::Query { version: "2010-05-08", namespace: "https://iam.amazonaws.com/doc/2010-05-08/" },
    answer,
    resource: |_| "*".to_owned(),
};

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    Err(Fault::unknown_operation(ask.operation))
}
