//! Somebody else who works in the clusters at the same time, with the best of intentions.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use rolecall::{
    authenticator::{SectionReading, read_section},
    lab::{
        Call,
        faults::{Change, Meddler},
        world::{World, eks::EksCluster},
    },
    model::Section,
};
use serde_json::{Value, json};

use super::{
    content::OWN_BINDING,
    dice::{chance, pick},
    scene::{Chunks, MEMBER},
    texts::appended,
};

/// Writes rows and labels by hand, and takes rolecall's own binding away.
pub struct Colleague {
    /// What is somebody else's: rows that are added here join it.
    pub chunks: Chunks,
    /// Counts what was written, so that no two rows are the same.
    pub count: AtomicU64,
}

impl Colleague {
    fn aws_auth(&self, world: &World, cluster: &EksCluster, rng: &mut Rng) -> Option<String> {
        let store = cluster.api.store();
        let mut object = Value::clone(&*store.get("configmaps", "kube-system", "aws-auth")?);
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let text = object["data"]["mapRoles"].as_str().unwrap_or_default().to_owned();
        let parses = matches!(read_section(Section::Roles, &text), SectionReading::Read(_));
        let what = match appended(&text, number, rng) {
            Some((text, chunk)) if parses && chance(rng, 0.6) => {
                object["data"]["mapRoles"] = json!(text);
                let what = format!("somebody adds {} to aws-auth", chunk.arn.as_deref().unwrap_or_default());
                self.chunks.lock().unwrap().entry(cluster.id.clone()).or_default().insert(chunk);
                what
            }
            _ => {
                object["metadata"]["annotations"]["example.com/touched"] = json!(number.to_string());
                "somebody annotates aws-auth".to_owned()
            }
        };
        store.put(object, world.now())?;
        Some(what)
    }

    fn rbac(world: &World, cluster: &EksCluster, resource: &str, rng: &mut Rng) -> Option<String> {
        let store = cluster.api.store();
        let ours = |object: &Value| object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "rolecall";
        let objects = store.list(resource, None);
        let objects: Vec<&Value> = objects.iter().map(|object| &**object).filter(|object| ours(object)).collect();
        if objects.is_empty() {
            return None;
        }
        let mut object = pick(rng, &objects).clone();
        object["metadata"]["annotations"] = json!({"example.com/touched": rng.u32(..).to_string()});
        let what = format!("somebody annotates {resource} {}", object["metadata"]["name"]);
        store.put(object, world.now())?;
        Some(what)
    }
}

impl Meddler for Colleague {
    fn write(&self, world: &World, call: &Call, rng: &mut Rng) -> Option<String> {
        let cluster = world.read().clusters.get(call.cluster.as_ref()?)?.clone();
        match call.operation.rsplit(' ').next()? {
            "configmaps" => self.aws_auth(world, &cluster, rng),
            resource => Self::rbac(world, &cluster, resource, rng),
        }
    }

    fn weaken(&self, world: &World, call: &Call, _rng: &mut Rng) -> Option<Change> {
        let cluster = world.read().clusters.get(call.cluster.as_ref()?)?.clone();
        let store = cluster.api.store();
        let binding = Value::clone(&*store.get("clusterrolebindings", "", OWN_BINDING)?);
        store.delete("clusterrolebindings", "", OWN_BINDING);
        let what = format!("rolecall's binding in {} is deleted", cluster.id);
        let undo = move |world: &World| drop(cluster.api.store().put(binding, world.now()));
        Some((what, Some(Box::new(undo))))
    }

    fn member_role(&self) -> &str {
        MEMBER
    }
}
