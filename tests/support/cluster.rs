//! A real cluster: a kube-apiserver and, as its token webhook, the authenticator that EKS runs.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{Api, PostParams};
use rcgen::KeyPair;

use super::World;
use super::certs::Authority;
use super::process::Guarded;

/// The bearer tokens that the apiserver knows beside those the authenticator vouches for.
const ADMIN_TOKEN: &str = "rolecall-tests-admin";
const AUTHENTICATOR_TOKEN: &str = "rolecall-tests-authenticator";

/// A running cluster; it stops when this is dropped.
///
/// There is no controller manager: namespaces are not emptied, aggregated `ClusterRoles` (admin, edit, view) stay
/// without rules, and no service account gets a token.
pub struct RealCluster {
    /// The name that tokens must be made for (the `x-k8s-aws-id` that the authenticator insists on).
    pub name: String,
    /// `https://127.0.0.1:PORT`.
    pub server: String,
    /// The certificate authority of `server`.
    pub ca_file: PathBuf,
    authenticator: Guarded,
    _apiserver: Guarded,
}

impl RealCluster {
    /// Starts one. The order matters: the authenticator makes the webhook file that the apiserver reads at its
    /// start, and a watch that is refused because its Role is not there yet costs the authenticator five seconds.
    pub(super) async fn start(world: &World, name: &str, creator: Option<&str>) -> Self {
        let dir = world.new_folder(name);
        let authority = Authority::new(&format!("{name} CA"));
        let ca_file = dir.join("ca.crt");
        std::fs::write(&ca_file, authority.pem()).unwrap();

        let webhook_port = super::free_port();
        init_authenticator(world, &dir, name, webhook_port, creator);
        let port = super::free_port();
        let server = format!("https://127.0.0.1:{port}");
        let mut apiserver = start_apiserver(world, &dir, &authority, port);
        let admin = client(&server, &ca_file, ADMIN_TOKEN);
        apiserver.wait_ready(async || is_ready(&admin).await).await;
        let_authenticator_read(&admin).await;
        let mut authenticator = start_authenticator(world, &dir, name, &server, webhook_port);
        authenticator.wait_ready(async || super::listens(webhook_port)).await;

        Self { name: name.to_owned(), server, ca_file, authenticator, _apiserver: apiserver }
    }

    /// A client in `system:masters`, independent of aws-auth. Clients belong to the runtime of their test.
    pub fn admin(&self) -> kube::Client {
        self.client(ADMIN_TOKEN)
    }

    /// A client with this bearer token.
    pub fn client(&self, token: &str) -> kube::Client {
        client(&self.server, &self.ca_file, token)
    }

    /// The `ConfigMap` kube-system/aws-auth, if there is one.
    pub async fn aws_auth(&self) -> Option<ConfigMap> {
        self.config_maps().get_opt("aws-auth").await.unwrap()
    }

    /// Writes kube-system/aws-auth with these keys (`mapRoles`, …), replacing what was there.
    pub async fn write_aws_auth<const N: usize>(&self, sections: [(&str, &str); N]) {
        let data = sections.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
        let metadata = ObjectMeta { name: Some("aws-auth".into()), ..ObjectMeta::default() };
        let map = ConfigMap { metadata, data: Some(data), ..ConfigMap::default() };
        let maps = self.config_maps();
        if maps.get_opt("aws-auth").await.unwrap().is_some() {
            maps.replace("aws-auth", &PostParams::default(), &map).await.unwrap();
        } else {
            maps.create(&PostParams::default(), &map).await.unwrap();
        }
    }

    /// The rule for `clusters.connect` in the settings that leads rolecall to this cluster, as YAML in one line.
    pub fn connect_rule(&self) -> String {
        let (name, server, ca) = (&self.name, &self.server, self.ca_file.display());
        format!("{{match: {{clusters: [{name}]}}, server: \"{server}\", caFile: \"{ca}\"}}")
    }

    /// What the authenticator has logged: why it let a caller in or not.
    pub fn authenticator_log(&self) -> String {
        self.authenticator.log()
    }

    fn config_maps(&self) -> Api<ConfigMap> {
        Api::namespaced(self.admin(), "kube-system")
    }
}

fn client(server: &str, ca_file: &Path, token: &str) -> kube::Client {
    let mut config = kube::Config::new(server.parse().unwrap());
    config.root_cert_file = Some(ca_file.to_owned());
    config.auth_info.token = Some(token.to_owned().into());
    // A test asks again itself where it waits for something; a hidden retry would only hide what happened.
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

/// Writes `cert.pem`, `key.pem` and the webhook's kubeconfig into `dir`. The creator of an EKS cluster gets in without
/// any row; here a mapping of the authenticator's own file stands for that.
fn init_authenticator(world: &World, dir: &Path, name: &str, port: u16, creator: Option<&str>) {
    let creators =
        creator.map(|arn| format!("{{rolearn: \"{arn}\", username: kubernetes-admin, groups: [system:masters]}}"));
    let file = format!("server: {{port: {port}, mapRoles: [{}]}}\n", creators.unwrap_or_default());
    std::fs::write(dir.join("aia.yaml"), file).unwrap();
    let output = Command::new(world.binaries.join("aws-iam-authenticator"))
        .args(["init", "-i", name, "--hostname=127.0.0.1", "-c", "aia.yaml"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "aws-iam-authenticator init: {}", String::from_utf8_lossy(&output.stderr));
}

fn start_apiserver(world: &World, dir: &Path, authority: &Authority, port: u16) -> Guarded {
    let write = |file: &str, text: String| {
        std::fs::write(dir.join(file), text).unwrap();
    };
    let (certificate, key) = authority.issue(&["localhost", "127.0.0.1"]);
    write("server.crt", certificate.pem());
    write("server.key", key.serialize_pem());
    let service_accounts = KeyPair::generate().unwrap();
    write("sa.key", service_accounts.serialize_pem());
    write("sa.pub", service_accounts.public_key_pem());
    write(
        "tokens.csv",
        format!("{ADMIN_TOKEN},admin,admin,system:masters\n{AUTHENTICATOR_TOKEN},authenticator,authenticator\n"),
    );
    let mut command = Command::new(&world.apiserver);
    command.current_dir(dir).args([
        &format!("--etcd-servers={}", world.etcd_url),
        &format!("--etcd-prefix=/{}", dir.file_name().unwrap().to_string_lossy()),
        &format!("--secure-port={port}"),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--cert-dir=.",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=sa.pub",
        "--service-account-signing-key-file=sa.key",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",
        "--token-auth-file=tokens.csv",
        "--authentication-token-webhook-config-file=aws-iam-authenticator.kubeconfig",
        "--authentication-token-webhook-cache-ttl=0s",
    ]);
    Guarded::start(&command, &dir.join("apiserver.log"))
}

async fn is_ready(admin: &kube::Client) -> bool {
    let request = http::Request::get("/readyz").body(Vec::new()).unwrap();
    let namespaces: Api<Namespace> = Api::all(admin.clone());
    admin.request_text(request).await.is_ok() && matches!(namespaces.get_opt("kube-system").await, Ok(Some(_)))
}

/// Gives the authenticator's user what EKS gives it: reading kube-system/aws-auth.
async fn let_authenticator_read(admin: &kube::Client) {
    let metadata = ObjectMeta { name: Some("eks-authenticator".into()), ..ObjectMeta::default() };
    let role = Role {
        metadata: metadata.clone(),
        rules: Some(vec![PolicyRule {
            api_groups: Some(vec![String::new()]),
            resources: Some(vec!["configmaps".into()]),
            resource_names: Some(vec!["aws-auth".into()]),
            verbs: ["get", "list", "watch"].map(String::from).into(),
            ..PolicyRule::default()
        }]),
    };
    let binding = RoleBinding {
        metadata,
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".into()),
            kind: "Role".into(),
            name: "eks-authenticator".into(),
        },
        subjects: Some(vec![Subject { kind: "User".into(), name: "authenticator".into(), ..Subject::default() }]),
    };
    let roles: Api<Role> = Api::namespaced(admin.clone(), "kube-system");
    roles.create(&PostParams::default(), &role).await.unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(admin.clone(), "kube-system");
    bindings.create(&PostParams::default(), &binding).await.unwrap();
}

/// Its health port is fixed, so of several on one machine only the first serves it; the others just log that.
fn start_authenticator(world: &World, dir: &Path, name: &str, server: &str, port: u16) -> Guarded {
    let kubeconfig = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": dir.join("ca.crt")}}],
        "users": [{"name": "u", "user": {"token": AUTHENTICATOR_TOKEN}}],
    });
    std::fs::write(dir.join("authenticator.kubeconfig"), kubeconfig.to_string()).unwrap();
    let mut command = Command::new(world.binaries.join("aws-iam-authenticator"));
    command
        .current_dir(dir)
        .args(["server", "-i", name, "-c", "aia.yaml", "--backend-mode=MountedFile,EKSConfigMap"])
        .arg("--kubeconfig=authenticator.kubeconfig")
        .args(["--address=127.0.0.1", &format!("--port={port}"), "--state-dir=.", "--kubeconfig-pregenerated"])
        .env("HTTPS_PROXY", &world.sts.proxy_url)
        .env("NO_PROXY", "127.0.0.1,localhost")
        .env("SSL_CERT_FILE", world.folder.join("sts-ca.crt"))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // With these it asks EC2 for the names of nodes; the EC2 of the tests looks at no signature.
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env_remove("AWS_SESSION_TOKEN")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_ENDPOINT_URL")
        .env_remove("AWS_ENDPOINT_URL_EC2")
        .env_remove("AWS_CA_BUNDLE")
        .env_remove("HTTP_PROXY")
        .env_remove("https_proxy")
        .env_remove("http_proxy")
        .env_remove("no_proxy");
    Guarded::start(&command, &dir.join("authenticator.log"))
}
