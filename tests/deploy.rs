//! The manifests under `deploy/kubernetes`, as people apply them.

use std::{collections::BTreeMap, fs, path::PathBuf};

use k8s_openapi::api::{
    core::v1::{ConfigMap, Namespace},
    rbac::v1::{ClusterRole, ClusterRoleBinding},
};
use kube::{
    ResourceExt as _,
    api::{Api, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde::Deserialize as _;

use crate::support::{
    Fleet, MEMBER_ROLE, RealCluster,
    fleet::{NODE_ROWS, REGION, rolecall},
    people::Person,
    world,
};

/// Every document of a manifest.
fn documents(name: &str) -> Vec<DynamicObject> {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap();
    let documents = serde_yaml::Deserializer::from_str(&text);
    documents.map(|one| DynamicObject::deserialize(one).unwrap_or_else(|e| panic!("{}: {e}", path.display()))).collect()
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes")
}

/// Every manifest that is applied to some cluster, by its name.
fn manifests() -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != "kustomization.yaml").collect();
    names.sort();
    names
}

fn api(cluster: &RealCluster, object: &DynamicObject) -> Api<DynamicObject> {
    let types = object.types.as_ref().unwrap();
    let (group, version) = types.api_version.split_once('/').unwrap_or(("", &types.api_version));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &types.kind));
    match &object.metadata.namespace {
        Some(namespace) => Api::namespaced_with(cluster.admin(), namespace, &resource),
        None => Api::all_with(cluster.admin(), &resource),
    }
}

/// Applies it as `kubectl apply --server-side` does, fields that the server does not know being an error.
async fn apply(cluster: &RealCluster, object: &DynamicObject, dry_run: bool) -> Result<DynamicObject, kube::Error> {
    let parameters = PatchParams { dry_run, ..PatchParams::apply("tests") }.validation_strict();
    api(cluster, object).patch(&object.name_any(), &parameters, &Patch::Apply(object)).await
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn a_real_apiserver_takes_every_manifest() {
    let cluster = world().await.fresh_cluster("manifests").await;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for object in documents("namespace.yaml") {
        apply(&cluster, &object, false).await.unwrap();
    }
    for name in manifests() {
        for object in documents(&name) {
            let kind = object.types.as_ref().unwrap().kind.clone();
            let taken = apply(&cluster, &object, true).await;
            assert!(taken.is_ok(), "{name}: {kind} {}: {taken:?}", object.name_any());
            *kinds.entry(kind).or_default() += 1;
        }
    }
    for kind in ["ClusterRole", "ConfigMap", "Deployment", "Namespace", "Role", "Service", "ServiceAccount"] {
        assert_eq!(kinds.get(kind), Some(&1), "{kinds:?}");
    }
    let namespaces: Api<Namespace> = Api::all(cluster.admin());
    let label = &namespaces.get("rolecall").await.unwrap().labels()["pod-security.kubernetes.io/enforce"].clone();
    assert_eq!(label, "restricted");
    pods_meet_the_namespaces_standard(&cluster).await;
}

/// The apiserver holds pods, not Deployments, to the namespace's pod security standard: so the pod of the template is
/// asked for as the Deployment's controller would.
async fn pods_meet_the_namespaces_standard(cluster: &RealCluster) {
    let deployment = documents("deployment.yaml").remove(0);
    let pod = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rolecall-0", "namespace": "rolecall"},
        "spec": deployment.data["spec"]["template"]["spec"],
    });
    let pod: DynamicObject = serde_json::from_value(pod).unwrap();
    let dry_run = PostParams { dry_run: true, ..PostParams::default() };
    api(cluster, &pod).create(&dry_run, &pod).await.unwrap();
    let mut root = pod;
    root.data["spec"]["securityContext"]["runAsNonRoot"] = false.into();
    let refused = api(cluster, &root).create(&dry_run, &root).await.unwrap_err();
    assert!(refused.to_string().contains("PodSecurity"), "the standard is in force: {refused}");
}

#[test]
fn the_files_of_the_config_map_are_valid_where_the_pod_finds_them() {
    let map: ConfigMap = documents("configmap.yaml").remove(0).try_parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in map.data.unwrap() {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = rolecall(folder.path()).args(["validate", "--strict"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));

    let deployment = documents("deployment.yaml").remove(0).data;
    let pod = &deployment["spec"]["template"]["spec"];
    let (container, volume) = (&pod["containers"][0], &pod["volumes"][0]);
    let mount = container["volumeMounts"][0]["mountPath"].as_str().unwrap();
    assert_eq!(volume["configMap"]["name"], map.metadata.name.unwrap());
    assert_eq!(volume["name"], container["volumeMounts"][0]["name"]);
    let mut arguments: Vec<&str> =
        container["args"].as_array().unwrap().iter().map(|argument| argument.as_str().unwrap()).collect();
    assert_eq!(arguments[1], format!("{mount}/rolecall.yaml"));
    // The very arguments, with `validate` in the place of `run`.
    let settings = folder.path().join("rolecall.yaml");
    arguments[1] = settings.to_str().unwrap();
    assert_eq!(arguments.pop(), Some("run"));
    let status = rolecall(folder.path()).args(arguments).arg("validate").status().unwrap();
    assert!(status.success());
}

#[tokio::test]
#[ignore = "needs the real control plane: run tests/run"]
async fn the_permissions_inside_a_cluster_suffice_for_everything() {
    let world = world().await;
    let mut fleet = Fleet::new(world, "permissions").await;
    let account = fleet.organization.account(&fleet.organization.root, "dev").await;
    fleet.organization.cluster(&account, REGION, "permissions", &[]).await;
    // Somebody else made this cluster: rolecall gets in by its row alone, and not as an administrator.
    fleet.clusters.push(world.fresh_cluster("permissions").await);
    let cluster = &fleet.clusters[0];
    let own_row =
        format!("- rolearn: arn:aws:iam::{account}:role/{MEMBER_ROLE}\n  username: rolecall\n  groups: [rolecall]\n");
    cluster.write_aws_auth([("mapRoles", &format!("{NODE_ROWS}{own_row}"))]).await;
    for role in ["fitcycleMasters", "fitcycleDevCluster_Admin", "fitcycleDevCluster_User"] {
        fleet.organization.role(&account, "/", role).await;
    }
    let seed = format!("{}/config/seeds/fitcycle.yaml", env!("CARGO_MANIFEST_DIR"));
    let seed = fs::read_to_string(seed).unwrap();
    fleet.policy(&seed);
    fleet.settings("mode: enforce\n");

    let member = Person::at(cluster, &world.session(&format!("arn:aws:iam::{account}:role/{MEMBER_ROLE}"), "x").await);
    let identity = member.gets_in("rolecall").await;
    assert!(!identity.groups.contains(&"system:masters".to_owned()), "{identity:?}");
    let denied = fleet.run(&["plan"]).await.expect(3);
    assert!(denied.stdout.contains("access denied"), "without permissions it sees nothing: {}", denied.stdout);

    for object in documents("cluster-access.yaml") {
        apply(cluster, &object, false).await.unwrap();
    }
    fleet.run(&["sync"]).await.expect(0);
    let rows = cluster.aws_auth().await.unwrap().data.unwrap()["mapRoles"].clone();
    assert!(rows.starts_with(&format!("{NODE_ROWS}{own_row}")) && rows.contains("fitcycleMasters"), "{rows}");
    for name in ["ad-cluster-admins", "ad-cluster-devs"] {
        assert!(Api::<ClusterRole>::all(cluster.admin()).get_opt(name).await.unwrap().is_some(), "{name}");
    }
    let bindings: Api<ClusterRoleBinding> = Api::all(cluster.admin());
    let ours = ListParams::default().labels("app.kubernetes.io/managed-by=rolecall");
    assert_eq!(bindings.list(&ours).await.unwrap().items.len(), 2);
    fleet.run(&["sync"]).await.expect(0);

    // Changed rules, a binding to another role, roles in a namespace, and what is no longer wanted take every verb.
    let namespaces = "namespaces: [{name: default, clusterRoles: [view], roles: [extra]}]";
    let extra = "  - name: extra\n    namespace: default\n    rules: [{apiGroups: [\"\"], resources: [secrets], verbs: [list]}]\n";
    let changed = seed.replace("clusterRoles: [ad-cluster-devs]", namespaces).replace("[get, list, watch]", "[get]");
    let changed = changed.replace("groups:\n  - name", &format!("{extra}groups:\n  - name"));
    fleet.policy(&changed);
    fleet.run(&["sync"]).await.expect(0);
    assert_eq!(bindings.list(&ours).await.unwrap().items.len(), 1);
    fleet.run(&["plan"]).await.expect(0);

    // A section that does not parse is repaired, its text kept in a ConfigMap beside it.
    let rows = cluster.aws_auth().await.unwrap().data.unwrap()["mapRoles"].clone();
    let broken = "- userarn: arn:aws:iam::111122223333:user/eve\n  username: eve\n- userarn: [broken\n";
    cluster.write_aws_auth([("mapRoles", &rows), ("mapUsers", broken)]).await;
    fleet.run(&["sync"]).await.expect(1);
    fleet.run(&["sync", "--repair"]).await.expect(0);
    let maps: Api<ConfigMap> = Api::namespaced(cluster.admin(), "kube-system");
    let kept = maps.list(&ListParams::default()).await.unwrap().items;
    let kept: Vec<&ConfigMap> = kept.iter().filter(|map| map.name_any().starts_with("aws-auth-backup-")).collect();
    assert!(serde_json::to_string(&kept).unwrap().contains("userarn: [broken"), "{kept:?}");
}
