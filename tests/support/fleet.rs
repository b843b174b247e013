//! A fleet for one test: an organization in moto, real clusters, a settings file, and rolecall as a process of its own.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use super::{MEMBER_ROLE, Organization, RealCluster, World};

/// The region of clusters whose region does not matter.
pub const REGION: &str = "eu-west-1";

/// How EKS lets nodes in.
pub const NODE_ROWS: &str = "# Written by eksctl.\n- rolearn: arn:aws:iam::111122223333:role/eks-node\n  username: system:node:{{EC2PrivateDNSName}}\n  groups:\n  - system:bootstrappers\n  - system:nodes\n";

/// One organization with its real clusters, and the files of the rolecall that looks after them.
pub struct Fleet {
    /// The organization in moto.
    pub organization: Organization,
    /// The real clusters, in the order in which they were made.
    pub clusters: Vec<RealCluster>,
    /// Where settings and policy are.
    pub folder: PathBuf,
    environment: Vec<(&'static str, String)>,
}

/// What rolecall left behind.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: Option<i32>,
    /// What it printed as data.
    pub stdout: String,
    /// What it logged.
    pub stderr: String,
}

impl Ran {
    /// Fails the test, showing everything, unless rolecall ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}\n{}\n{}", self.stdout, self.stderr))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Fleet {
    /// An organization with nothing in it.
    pub async fn new(world: &'static World, name: &str) -> Self {
        let organization = Organization::new(world).await;
        let environment = organization.environment().await;
        Self { organization, clusters: Vec::new(), folder: world.new_folder(name), environment }
    }

    /// A fleet of one account in `/Workloads/Dev` and one cluster in it that knows rolecall by a row of aws-auth.
    pub async fn of_one(world: &'static World, name: &str) -> (Self, String) {
        let mut fleet = Self::new(world, name).await;
        let workloads = fleet.organization.unit(&fleet.organization.root, "Workloads").await;
        let dev = fleet.organization.unit(&workloads, "Dev").await;
        let account = fleet.organization.account(&dev, "dev").await;
        fleet.cluster(world, &account, name).await;
        let rows = format!("{NODE_ROWS}{}", own_row(&account));
        fleet.clusters[0].write_aws_auth([("mapRoles", &rows)]).await;
        (fleet, account)
    }

    /// Adds a real cluster without aws-auth to an account; the account's member role made it, so it gets in.
    pub async fn cluster(&mut self, world: &'static World, account: &str, name: &str) -> &RealCluster {
        self.organization.cluster(account, REGION, name, &[("team", "a")]).await;
        let cluster = world.fresh_cluster_of(name, &format!("arn:aws:iam::{account}:role/{MEMBER_ROLE}")).await;
        self.clusters.push(cluster);
        self.clusters.last().unwrap()
    }

    /// Writes the policy.
    pub fn policy(&self, text: &str) {
        std::fs::write(self.folder.join("policy.yaml"), text).unwrap();
    }

    /// Writes settings that lead to the real clusters, with further top-level keys.
    pub fn settings(&self, more: &str) {
        let rules: Vec<String> = self.clusters.iter().map(|c| format!("    - {}\n", c.connect_rule())).collect();
        let connect = rules.concat();
        self.settings_with_connect(&connect, more);
    }

    /// Writes settings with these rules under `connect`, indented by four.
    pub fn settings_with_connect(&self, connect: &str, more: &str) {
        let text = format!(
            "apiVersion: rolecall.dev/v1\nkind: Settings\norganization:\n  memberRole: {MEMBER_ROLE}\n  regions: [{REGION}]\n\
             clusters:\n  timeout: 20s\n  connect:\n{connect}policy: [policy.yaml]\n{more}"
        );
        std::fs::write(self.settings_file(), text).unwrap();
    }

    /// The settings file.
    pub fn settings_file(&self) -> PathBuf {
        self.folder.join("rolecall.yaml")
    }

    /// The command, ready to run as the hub of this organization in the folder of the files.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rolecall(&self.folder);
        command.args(arguments).envs(self.environment.iter().map(|(key, value)| (key, value)));
        command
    }

    /// Runs rolecall to its end. What it said is shown with a test that fails.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let ran: Ran = tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap();
        println!("$ rolecall {}\n{}{}exit {:?}", arguments.join(" "), ran.stderr, ran.stdout, ran.code);
        ran
    }
}

/// rolecall with an empty environment, in a folder.
pub fn rolecall(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rolecall"));
    command.env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

/// The row by which a cluster knows rolecall's member role.
pub fn own_row(account: &str) -> String {
    format!("- rolearn: arn:aws:iam::{account}:role/{MEMBER_ROLE}\n  username: rolecall\n  groups: [system:masters]\n")
}
