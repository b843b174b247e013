//! ministack, the second simulated AWS: unlike moto it has access entries.
//!
//! It takes the account from the credentials of a request, as moto does, lets everybody do everything, and needs no
//! Docker: without it a cluster is there at once and its endpoint leads nowhere.

use std::process::Command;

use aws_credential_types::Credentials;
use tokio::sync::OnceCell;

use super::{World, free_port, listens, process::Guarded, required};

/// A running ministack, with the tests' STS before its own.
pub struct Ministack {
    /// Its endpoint, for `AWS_ENDPOINT_URL`.
    pub url: String,
    /// The STS whose sessions both ministack and the authenticators know, for `AWS_ENDPOINT_URL_STS`.
    pub sts_url: String,
    _process: Guarded,
}

impl World {
    /// ministack, started by the first caller.
    pub async fn ministack(&self) -> &'static Ministack {
        static MINISTACK: OnceCell<Ministack> = OnceCell::const_new();
        MINISTACK.get_or_init(|| Ministack::start(self)).await
    }
}

impl Ministack {
    async fn start(world: &World) -> Self {
        let (folder, port) = (world.new_folder("ministack"), free_port());
        let mut command = Command::new(required("ROLECALL_TEST_MINISTACK"));
        command
            .current_dir(&folder)
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("SERVICES", "eks,iam,sts")
            .env("TMPDIR", &folder)
            .env("HOME", &folder)
            // Where there is a Docker it would start a cluster of its own in it for each that is made.
            .env("DOCKER_HOST", format!("unix://{}", folder.join("no-docker.sock").display()));
        for name in ["AUTH", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PERSIST_STATE"] {
            command.env_remove(name);
        }
        let mut process = Guarded::start(&command, &folder.join("ministack.log"));
        process.wait_ready(async || listens(port)).await;
        let url = format!("http://127.0.0.1:{port}");
        Self { sts_url: world.sts.door_to(&url), url, _process: process }
    }

    /// Credentials of somebody's session in a role. ministack does not ask whether the role exists.
    pub async fn session(&self, world: &World, role_arn: &str, session_name: &str) -> Credentials {
        world.session_at(&self.sts_url, role_arn, session_name).await
    }

    /// Clients of EKS and IAM for somebody in this role.
    pub async fn clients(
        &self,
        world: &World,
        role_arn: &str,
        region: &str,
    ) -> (aws_sdk_eks::Client, aws_sdk_iam::Client) {
        let session = self.session(world, role_arn, "tests").await;
        let config = world.aws(&self.url, session, region).await;
        (aws_sdk_eks::Client::new(&config), aws_sdk_iam::Client::new(&config))
    }
}
