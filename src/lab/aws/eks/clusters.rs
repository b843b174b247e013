//! Clusters.
//!
//! See <https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html>.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::{bad_request, changes, cluster, cluster_id, cluster_mut, in_use, invalid, names, page, required};
use crate::{
    lab::{
        aws::{
            Ask, input,
            pages::Page,
            wire::{Fault, epoch},
        },
        kube::ApiServer,
        world::{State, eks::EksCluster},
    },
    model::{Arn, AuthenticationMode, ClusterId, Partition},
};

/// What of CreateCluster's parameters is told again as it was given.
const TOLD_AGAIN: [&str; 11] = [
    "clientRequestToken",
    "computeConfig",
    "deletionProtection",
    "encryptionConfig",
    "kubernetesNetworkConfig",
    "logging",
    "remoteNetworkConfig",
    "resourcesVpcConfig",
    "roleArn",
    "storageConfig",
    "upgradePolicy",
];

pub(super) fn list(ask: &Ask<'_>) -> Result<Value, Fault> {
    let state = ask.world.read();
    let first = cluster_id(ask, "");
    let here = |id: &&ClusterId| id.account == first.account && id.region == first.region;
    let ids = state.clusters.range(&first..).map(|(id, _)| id).take_while(here);
    let Page { items, next } = page(ask, ids.map(|id| (id.name.clone(), &id.name)))?;
    Ok(json!({"clusters": items, "nextToken": next}))
}

pub(super) fn describe(ask: &Ask<'_>) -> Result<Value, Fault> {
    let id = cluster_id(ask, required(ask, "name")?);
    {
        let state = ask.world.read();
        let cluster = cluster(&state, &id)?;
        if !changes::in_motion(cluster) {
            return Ok(json!({"cluster": told(cluster)}));
        }
    }
    let mut state = ask.world.write();
    changes::look(&mut state, &id, ask.now);
    Ok(json!({"cluster": told(cluster(&state, &id)?)}))
}

pub(super) fn create(ask: &Ask<'_>) -> Result<Value, Fault> {
    let id = cluster_id(ask, required(ask, "name")?);
    let mut state = ask.world.write();
    if let Some(known) = state.clusters.get(&id) {
        let token = input::text(ask.input, "clientRequestToken");
        if token.is_some() && known.request.get("clientRequestToken").and_then(Value::as_str) == token {
            return Ok(json!({"cluster": told(known)}));
        }
        let message = format!("Cluster already exists with name: {}", id.name);
        return Err(in_use(message).with("clusterName", id.name));
    }
    let mut made = asked_for(ask, &state, &id)?;
    let (access, with_creator) = mode(ask.input)?;
    made.mode = Some(access);
    made.api.serve(ask.world, CancellationToken::new());
    let mut answer = told(&made);
    if let Some(config) = answer.get_mut("accessConfig").and_then(Value::as_object_mut) {
        config.insert("bootstrapClusterCreatorAdminPermissions".to_owned(), with_creator.into());
    }
    state.clusters.insert(id.clone(), made);
    if with_creator {
        changes::enter_creator(&mut state, &id, ask.now);
    }
    Ok(json!({"cluster": answer}))
}

pub(super) fn delete(ask: &Ask<'_>) -> Result<Value, Fault> {
    let id = cluster_id(ask, required(ask, "name")?);
    let mut state = ask.world.write();
    let cluster = cluster_mut(&mut state, &id)?;
    if cluster.request.get("deletionProtection") == Some(&Value::Bool(true)) {
        return Err(bad_request(format!("Cluster {} has deletion protection enabled", id.name)));
    }
    if matches!(cluster.status.as_str(), "CREATING" | "UPDATING") {
        let message = format!("Cluster has an operation in progress: {}", cluster.status);
        return Err(in_use(message).with("clusterName", id.name));
    }
    "DELETING".clone_into(&mut cluster.status);
    cluster.looks_left = cluster.looks_left.or(Some(changes::LOOKS));
    Ok(json!({"cluster": told(cluster)}))
}

/// A cluster as it is asked for, being created, its API server bound.
fn asked_for(ask: &Ask<'_>, state: &State, id: &ClusterId) -> Result<EksCluster, Fault> {
    let mut letters = id.name.chars();
    let well_formed = letters.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !well_formed || id.name.len() > 100 {
        return Err(invalid(format!("The cluster name {} is invalid: up to 100 letters, digits, - and _", id.name)));
    }
    let role = required(ask, "roleArn")?;
    let known = role.parse::<Arn>().is_ok_and(|arn| arn.role_name().is_some() && state.principal_id(&arn).is_some());
    if !known {
        let why = "could not be assumed because it does not exist or the trusted entity is not correct";
        return Err(invalid(format!("Role with arn: {role}, {why}")));
    }
    let network = ask.input.get("resourcesVpcConfig").ok_or_else(|| invalid("resourcesVpcConfig is required"))?;
    if input::texts(network, "subnetIds").len() < 2 {
        return Err(invalid("Subnets specified must be in at least two different AZs"));
    }
    let tags = names::tags(ask.input, &BTreeMap::new()).map_err(invalid)?;
    let api = ApiServer::new(id.clone()).map_err(|e| {
        Fault::new("ServerException", format!("the lab has no socket or certificate for another cluster: {e}"))
            .status(500)
    })?;
    let mut cluster = EksCluster::new(id.clone(), None, creator(ask, state), ask.now, api);
    "CREATING".clone_into(&mut cluster.status);
    cluster.looks_left = Some(changes::LOOKS);
    cluster.tags = tags;
    if let Some(version) = input::text(ask.input, "version") {
        version.clone_into(&mut cluster.version);
    }
    let told_again = TOLD_AGAIN.iter().filter_map(|name| Some(((*name).to_owned(), ask.input.get(*name)?.clone())));
    cluster.request = told_again.collect();
    Ok(cluster)
}

/// The mode that is asked for, and whether the creator becomes an administrator.
fn mode(asked: &Value) -> Result<(AuthenticationMode, bool), Fault> {
    let config = asked.get("accessConfig").unwrap_or(&Value::Null);
    let mode = input::text(config, "authenticationMode").unwrap_or("CONFIG_MAP");
    let mode = mode.parse().map_err(|_| invalid(format!("The authentication mode {mode} is invalid")))?;
    let with_creator = config.get("bootstrapClusterCreatorAdminPermissions").and_then(Value::as_bool).unwrap_or(true);
    if mode == AuthenticationMode::ConfigMap && !with_creator {
        let rule = "must be true if cluster authentication mode is set to CONFIG_MAP";
        return Err(invalid(format!("bootstrapClusterCreatorAdminPermissions {rule}")));
    }
    Ok((mode, with_creator))
}

/// The IAM principal behind the caller.
fn creator(ask: &Ask<'_>, state: &State) -> String {
    let account = state.accounts.get(&ask.caller.account);
    let role = ask.caller.role.as_ref().and_then(|name| account?.iam.roles.get(name));
    role.map_or_else(|| ask.caller.arn.clone(), |role| role.arn(&ask.caller.account).to_string())
}

/// The cluster in EKS's words.
fn told(cluster: &EksCluster) -> Value {
    let ClusterId { account, region, name } = &cluster.id;
    let partition = Partition::of_region(region);
    let mut told = cluster.request.clone();
    let mut put = |name: &str, value: Value| told.insert(name.to_owned(), value);
    put("name", json!(name));
    put("arn", json!(cluster.arn));
    put("createdAt", epoch(cluster.created));
    put("version", json!(cluster.version));
    put("status", json!(cluster.status));
    put("platformVersion", json!("eks.1"));
    put("tags", json!(cluster.tags));
    put("health", json!({"issues": []}));
    let ready = cluster.status != "CREATING";
    put(
        "certificateAuthority",
        if ready { json!({"data": BASE64_STANDARD.encode(cluster.api.ca_pem())}) } else { json!({}) },
    );
    if ready {
        put("endpoint", json!(cluster.api.endpoint()));
        let issuer = format!("https://oidc.eks.{region}.{}/id/{account}{name}", partition.dns_suffix());
        put("identity", json!({"oidc": {"issuer": issuer}}));
    }
    if let Some(mode) = cluster.mode {
        put("accessConfig", json!({"authenticationMode": mode.as_str()}));
    }
    let role = Arn::iam_role(&partition, account, "eks-cluster-role").to_string();
    told.entry("roleArn").or_insert_with(|| role.into());
    told.entry("logging").or_insert_with(|| {
        let types = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
        json!({"clusterLogging": [{"types": types, "enabled": false}]})
    });
    filled(&mut told, "upgradePolicy", json!({"supportType": "EXTENDED"}));
    filled(&mut told, "kubernetesNetworkConfig", json!({"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4"}));
    let network = json!({
        "subnetIds": [], "securityGroupIds": [], "clusterSecurityGroupId": "sg-0123456789abcdef0",
        "vpcId": "vpc-0123456789abcdef0", "endpointPublicAccess": true, "endpointPrivateAccess": false,
        "publicAccessCidrs": ["0.0.0.0/0"],
    });
    filled(&mut told, "resourcesVpcConfig", network);
    Value::Object(told)
}

/// Sets what was not said of a structure.
fn filled(told: &mut Map<String, Value>, name: &str, defaults: Value) {
    let known = told.entry(name).or_insert_with(|| json!({}));
    if let (Value::Object(known), Value::Object(defaults)) = (known, defaults) {
        for (name, value) in defaults {
            known.entry(name).or_insert(value);
        }
    }
}
