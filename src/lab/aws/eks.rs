//! EKS.

use serde_json::Value;

use super::{
    Ask, Service,
    wire::{Fault, Protocol},
};

pub(super) const SERVICE: Service =
    Service { name: "eks", protocol: Protocol::Rest(&[]), answer, resource: |_| "*".to_owned() };

fn answer(ask: &Ask<'_>) -> Result<Value, Fault> {
    Err(Fault::unknown_operation(ask.operation))
}
