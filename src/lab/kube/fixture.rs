//! A world of one account with one cluster, for tests.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use aws_credential_types::Credentials;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::{sync::CancellationToken, sync::DropGuard};

use super::ApiServer;
use crate::{
    lab::world::{
        State, World,
        eks::{AccessEntry, Association, EksCluster},
        keys::{Caller, Key},
        organization::Organization,
    },
    model::{AuthenticationMode, ClusterId, Region},
};

/// The account.
pub(super) const ACCOUNT: &str = "111122223333";

/// A served cluster; it ends with this.
pub(super) struct Served {
    pub(super) world: Arc<World>,
    pub(super) api: Arc<ApiServer>,
    pub(super) id: ClusterId,
    _cancel: DropGuard,
}

impl Served {
    /// One in this mode, made by `role/creator`.
    pub(super) fn start(mode: AuthenticationMode) -> Self {
        let account = ACCOUNT.parse().unwrap();
        let id = ClusterId { account, region: Region::new("eu-west-1"), name: "one".to_owned() };
        let api = ApiServer::new(id.clone()).unwrap();
        let creator = format!("arn:aws:iam::{ACCOUNT}:role/ci/creator");
        let cluster = EksCluster::new(id.clone(), Some(mode), creator, Timestamp::UNIX_EPOCH, Arc::clone(&api));
        let organization = Organization {
            id: "o-1234567890".into(),
            management: ACCOUNT.parse().unwrap(),
            root: "r-root".into(),
            units: BTreeMap::new(),
        };
        let world = World::new(State {
            organization,
            accounts: BTreeMap::new(),
            clusters: [(id.clone(), cluster)].into(),
            center: None,
            queues: BTreeMap::new(),
            keys: BTreeMap::new(),
            serial: 0,
        });
        let cancel = CancellationToken::new();
        drop(api.serve(&world, cancel.clone()));
        Self { world, api, id, _cancel: cancel.drop_guard() }
    }

    /// A client with this bearer token.
    pub(super) fn client(&self, token: &str) -> kube::Client {
        let mut config = kube::Config::new(self.api.endpoint().parse().unwrap());
        let ca = pem(self.api.ca_pem());
        config.root_cert = Some(vec![ca]);
        config.auth_info.token = Some(token.to_owned().into());
        config.default_retry = false;
        kube::Client::try_from(config).unwrap()
    }

    /// A client that may do everything.
    pub(super) fn admin(&self) -> kube::Client {
        self.client(&self.api.admin_token())
    }

    /// A token for a session of a role, signed now for this cluster.
    pub(super) fn token(&self, role: &str) -> String {
        self.token_for(role, &self.id.name, SystemTime::now())
    }

    /// A token for a session of a role, signed at a time for a cluster.
    pub(super) fn token_for(&self, role: &str, cluster: &str, at: SystemTime) -> String {
        let access_key = format!("ASIA{}", role.to_uppercase());
        let caller = Caller {
            arn: format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/jo@example"),
            account: ACCOUNT.parse().unwrap(),
            user_id: format!("{}:jo@example", role_id(role)),
            role: Some(role.to_owned()),
            access_key: access_key.clone(),
        };
        let key = Key { secret: "secret".into(), session_token: Some("session".into()), expires: None, caller };
        self.world.write().keys.insert(access_key.clone(), key);
        let credentials = Credentials::new(access_key, "secret", Some("session".into()), None, "test");
        presigned(&credentials, cluster, at)
    }

    /// Adds an access entry for a role.
    pub(super) fn entry(&self, role: &str, principal_id: &str, groups: &[&str], policies: &[(&str, &[&str])]) {
        let principal = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let now = Timestamp::UNIX_EPOCH;
        let association = |namespaces: &[&str]| Association {
            namespaces: namespaces.iter().map(ToString::to_string).collect(),
            associated: now,
            modified: now,
        };
        let name = |policy: &str| format!("arn:aws:eks::aws:cluster-access-policy/{policy}");
        let entry = AccessEntry {
            principal: principal.clone(),
            principal_id: principal_id.to_owned(),
            groups: groups.iter().map(ToString::to_string).collect(),
            username: format!("entry:{role}:{{{{SessionName}}}}"),
            kind: "STANDARD".into(),
            tags: BTreeMap::new(),
            created: now,
            modified: now,
            policies: policies.iter().map(|(policy, within)| (name(policy), association(within))).collect(),
            token: None,
        };
        let mut state = self.world.write();
        state.clusters.get_mut(&self.id).unwrap().entries.insert(principal, entry);
    }

    /// Writes aws-auth with these rows in mapRoles.
    pub(super) fn map_roles(&self, rows: &str) {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "aws-auth", "namespace": "kube-system"},
            "data": {"mapRoles": rows},
        });
        self.api.store().put(object, Timestamp::UNIX_EPOCH).unwrap();
    }

    /// Stores an object past all checks.
    pub(super) fn put(&self, object: Value) {
        self.api.store().put(object, Timestamp::UNIX_EPOCH).unwrap();
    }

    /// Gives a user a ClusterRole with these rules.
    pub(super) fn grant(&self, user: &str, rules: &Value) {
        self.put(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": user}, "rules": rules,
        }));
        self.put(json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": user},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }));
    }

    /// Lets a role in by aws-auth under its own name as username, and gives a client for it.
    pub(super) fn known(&self, role: &str) -> kube::Client {
        self.map_roles(&format!("- {{rolearn: \"arn:aws:iam::{ACCOUNT}:role/{role}\", username: {role}}}\n"));
        self.client(&self.token(role))
    }
}

/// The unique id of a role.
pub(super) fn role_id(role: &str) -> String {
    format!("AROA{}", role.to_uppercase())
}

fn presigned(credentials: &Credentials, cluster: &str, at: SystemTime) -> String {
    use aws_sigv4::{http_request as sigv4, sign::v4};
    use base64::Engine as _;

    let identity = credentials.clone().into();
    let mut settings = sigv4::SigningSettings::default();
    settings.signature_location = sigv4::SignatureLocation::QueryParams;
    settings.expires_in = Some(std::time::Duration::from_mins(1));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("sts")
        .time(at)
        .settings(settings)
        .build()
        .unwrap();
    let url = "https://sts.eu-west-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15";
    let headers = [("host", "sts.eu-west-1.amazonaws.com"), ("x-k8s-aws-id", cluster)];
    let request =
        sigv4::SignableRequest::new("GET", url, headers.into_iter(), sigv4::SignableBody::Bytes(b"")).unwrap();
    let (instructions, _) = sigv4::sign(request, &params.into()).unwrap().into_parts();
    let mut request = http::Request::get(url).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let encoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(request.uri().to_string());
    format!("k8s-aws-v1.{encoded}")
}

fn pem(text: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(text.as_bytes()).unwrap().to_vec()
}
