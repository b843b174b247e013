//! What every fresh cluster has.
//!
//! `bootstrap.json` holds the namespaces and RBAC objects of a kube-apiserver v1.36.3 right after its first start. The
//! rules of the aggregated roles admin, edit and view are filled in as the control plane does.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;
use serde_json::Value;

use super::{aggregate, kinds::Kind, managed::Managers, object, store::Key};

/// The resourceVersion after the bootstrap.
pub(super) const VERSION: u64 = 1000;
const MADE: &str = "2026-01-01T00:00:00Z";

/// The objects, held once for all clusters. They look the same in each, uids included.
pub(super) fn objects() -> &'static BTreeMap<Key, Arc<Value>> {
    static OBJECTS: LazyLock<BTreeMap<Key, Arc<Value>>> = LazyLock::new(made);
    &OBJECTS
}

fn made() -> BTreeMap<Key, Arc<Value>> {
    // The file is part of the program, and a test reads it.
    let objects: Vec<Value> = serde_json::from_str(include_str!("bootstrap.json")).unwrap_or_default();
    let mut made: BTreeMap<Key, Arc<Value>> = BTreeMap::new();
    for (index, mut object) in objects.into_iter().enumerate() {
        let Some(kind) = Kind::of_object(object::text(&object, "apiVersion"), object::text(&object, "kind")) else {
            continue;
        };
        let mut managers = Managers::default();
        managers.update(&Value::Null, &object, "kube-apiserver", MADE.parse().unwrap_or(Timestamp::UNIX_EPOCH));
        managers.write(&mut object);
        object::set_meta(&mut object, "uid", Some(&format!("00000000-0000-4000-8000-{index:012x}")));
        object::set_meta(&mut object, "resourceVersion", Some(&(index + 1).to_string()));
        object::set_meta(&mut object, "creationTimestamp", Some(MADE));
        let key = (kind.plural, object::namespace(&object).to_owned(), object::name(&object).to_owned());
        made.insert(key, Arc::new(object));
    }
    fill(&mut made);
    made
}

/// Fills the aggregated roles; a round fills those whose sources are full.
fn fill(made: &mut BTreeMap<Key, Arc<Value>>) {
    let now = MADE.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    for _ in 0..4 {
        let is_role = |(key, _): &(&Key, &Arc<Value>)| key.0 == "clusterroles";
        let roles: Vec<Arc<Value>> = made.iter().filter(is_role).map(|(_, role)| Arc::clone(role)).collect();
        for role in &roles {
            if let Some(filled) = aggregate::filled(role, &roles, now) {
                let key = ("clusterroles", String::new(), object::name(role).to_owned());
                made.insert(key, Arc::new(filled));
            }
        }
    }
}
