//! The lab's organization, as if nobody had ever run rolecall there.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use jiff::Timestamp;
use rolecall::{
    lab::{
        Lab,
        blueprint::{Blueprint, Built, Drift},
        world::{State, World},
    },
    model::{AuthenticationMode, ENTRY_TAG, Region},
};
use serde_json::{Value, json};

use crate::support::fleet::{Ran, rolecall};

struct Fleet {
    lab: Lab,
    folder: tempfile::TempDir,
    hub: rolecall::lab::blueprint::HubKey,
}

/// A fleet drawn by chance, changed by `change` before anybody looks at it; its settings name no policy.
fn fleet(drift: Drift, change: impl FnOnce(&mut State)) -> Fleet {
    let regions = ["eu-west-1", "us-east-1"].map(Region::new).to_vec();
    let blueprint = Blueprint { accounts: 12, clusters: 30, regions, seed: 5, drift };
    let Built { mut state, settings, hub, .. } = blueprint.build(Timestamp::now()).unwrap();
    change(&mut state);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rolecall.yaml"), settings.replace("policy: [policy.yaml]\n", "")).unwrap();
    fs::write(folder.path().join("with-policy.yaml"), settings.replace("then: remove", "then: report")).unwrap();
    Fleet { lab: Lab::start(World::new(state)).unwrap(), folder, hub }
}

impl Fleet {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rolecall(self.folder.path());
        command.args(arguments).envs([
            ("AWS_ENDPOINT_URL", self.lab.url()),
            ("AWS_ACCESS_KEY_ID", &self.hub.id),
            ("AWS_SECRET_ACCESS_KEY", &self.hub.secret),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]);
        command
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Ran {
        Ran::from(self.command(arguments).output().unwrap()).expect(code)
    }

    /// A command under the policy that was imported.
    #[track_caller]
    fn under_policy(&self, arguments: &[&str], code: i32) -> Ran {
        self.run(&[&["--settings", "with-policy.yaml"], arguments].concat(), code)
    }

    fn policy(&self) -> String {
        fs::read_to_string(self.folder.path().join("policy.yaml")).unwrap()
    }
}

fn changed(report: &Value) -> BTreeSet<String> {
    let clusters = report["clusters"].as_array().unwrap().iter();
    let named = |cluster: &Value| {
        format!("{}/{}/{}", text(&cluster["account"]["id"]), text(&cluster["region"]), text(&cluster["name"]))
    };
    let differs = |cluster: &&Value| cluster["changes"].as_array().is_some_and(|changes| !changes.is_empty());
    clusters.filter(differs).map(named).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Takes every mark of rolecall's off: what is left was made by hand.
fn by_hand(state: &mut State) {
    let now = Timestamp::now();
    for cluster in state.clusters.values_mut() {
        for entry in cluster.entries.values_mut() {
            entry.tags.remove(ENTRY_TAG.0);
        }
        let store = cluster.api.store();
        if let Some(stored) = store.get("configmaps", "kube-system", "aws-auth") {
            let mut stored = Value::clone(&stored);
            stored["metadata"]["annotations"] = json!({});
            if cluster.authentication_mode() == AuthenticationMode::ApiAndConfigMap {
                // Where entries are read, too, somebody still used aws-auth.
                let row = format!(
                    "- rolearn: arn:aws:iam::{}:role/eks-admin\n  username: by-hand\n  groups: [auditors]\n",
                    cluster.id.account
                );
                let rows = format!("{}{row}", text(&stored["data"]["mapRoles"]));
                stored["data"]["mapRoles"] = Value::String(rows);
            }
            store.put(stored, now);
        }
        for resource in ["clusterroles", "roles", "clusterrolebindings", "rolebindings"] {
            for object in store.list(resource, None) {
                let ours = object["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "rolecall";
                if ours {
                    let mut object = Value::clone(&object);
                    let metadata = object["metadata"].clone();
                    let namespace = metadata["namespace"].as_str().unwrap_or_default();
                    store.delete(resource, namespace, text(&metadata["name"]));
                    let name = text(&metadata["name"]).replace("rolecall:", "ops-").replace(':', "-");
                    object["metadata"] = json!({"name": name});
                    if !namespace.is_empty() {
                        object["metadata"]["namespace"] = json!(namespace);
                    }
                    store.put(object, now);
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_made_by_hand_is_described_and_a_plan_changes_nothing() {
    let fleet = fleet(Drift::None, by_hand);
    let imported = fleet.run(&["import", "--out", "policy.yaml"], 0);
    assert!(imported.stdout.is_empty() && imported.stderr.contains("policy.yaml: "), "{}", imported.stderr);
    let policy = fleet.policy();
    assert!(policy.lines().count() < 110, "{policy}");
    assert!(policy.contains("where: {organizationalUnits: [/Workloads/Prod/**]}"), "{policy}");
    assert!(policy.contains("username: by-hand"), "{policy}");
    fleet.under_policy(&["validate"], 0);
    let planned = fleet.under_policy(&["plan", "--output", "json"], 0).json();
    assert_eq!(changed(&planned), BTreeSet::new());
    assert_eq!(fleet.run(&["import"], 0).stdout, policy, "the same fleet gives the same policy");

    // Taking over writes notes alone, and what was taken over is described as before.
    fleet.under_policy(&["sync"], 0);
    assert_eq!(fleet.run(&["import"], 0).stdout, policy);
    drop(fleet.lab.world().tally.take());
    fleet.under_policy(&["sync"], 0);
    let writes = fleet.lab.world().tally.take().into_keys().filter(|(service, operation)| {
        let reads = ["get", "list", "Describe", "List", "AssumeRole", "Get"];
        *service != "organizations" && !reads.iter().any(|read| operation.starts_with(read))
    });
    assert_eq!(writes.collect::<Vec<_>>(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_import_cannot_hold_is_what_a_plan_finds() {
    let fleet = fleet(Drift::Demo, |_| ());
    let imported = Ran::from(fleet.command(&["import", "--out", "policy.yaml", "--verbose"]).output().unwrap());
    assert!([Some(1), Some(3)].contains(&imported.code), "{imported:?}");
    let planned =
        Ran::from(fleet.command(&["--settings", "with-policy.yaml", "plan", "--output", "json"]).output().unwrap());
    let changed = changed(&planned.json());
    for cluster in &changed {
        assert!(imported.stderr.contains(&format!("  {cluster}: ")), "{cluster} is not in\n{}", imported.stderr);
    }
    assert!(imported.stderr.contains("it does not parse, so that nobody in it gets in"), "{}", imported.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_overwritten_only_when_asked() {
    let fleet = fleet(Drift::Missing, |_| ());
    let path: &Path = &fleet.folder.path().join("policy.yaml");
    fs::write(path, "mine").unwrap();
    let refused = fleet.run(&["import", "--out", "policy.yaml"], 2);
    assert!(refused.stderr.contains("is there already") && refused.stdout.is_empty(), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(path).unwrap(), "mine");
    fleet.run(&["import", "--out", "policy.yaml", "--force"], 0);
    assert!(fleet.policy().contains("access: []"), "{}", fleet.policy());
    fleet.under_policy(&["plan"], 0);
}
