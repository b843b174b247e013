//! What every fresh cluster has.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde_json::Value;

use super::store::Key;

/// The resourceVersion after the bootstrap.
pub(super) const VERSION: u64 = 1000;

/// The objects, held once for all clusters.
pub(super) fn objects() -> &'static BTreeMap<Key, Arc<Value>> {
    static OBJECTS: LazyLock<BTreeMap<Key, Arc<Value>>> = LazyLock::new(BTreeMap::new);
    &OBJECTS
}
