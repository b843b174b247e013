//! Organizations in moto: accounts in organizational units, IAM roles and users, EKS clusters.
//!
//! moto takes the account from the credentials of a request, so every organization here has a management account
//! of its own and tests do not see each other's. Its `ListAccounts` gives `State` but no `Paths`.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_eks::types::VpcConfigRequest;
use rolecall::lab::world::keys::{Caller, Key};

use super::World;

/// The role that rolecall assumes in every account that is made here.
pub const MEMBER_ROLE: &str = "rolecall-member";

/// The role whose credentials [`Organization::environment`] gives, in the management account.
const HUB_ROLE: &str = "rolecall-hub";

/// An organization with nothing but its management account and its root at first.
pub struct Organization {
    /// The management account's id.
    pub management: String,
    /// The root's id, the parent of the first units.
    pub root: String,
    world: &'static World,
}

impl World {
    /// Credentials of somebody's session in a role. moto does not ask whether the role exists.
    pub async fn session(&self, role_arn: &str, session_name: &str) -> Credentials {
        self.session_at(&self.sts.url, role_arn, session_name).await
    }

    pub(super) async fn session_at(&self, sts_url: &str, role_arn: &str, session_name: &str) -> Credentials {
        let nobody = Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "tests");
        let sts = aws_sdk_sts::Client::new(&self.aws(sts_url, nobody, "us-east-1").await);
        let answer = sts.assume_role().role_arn(role_arn).role_session_name(session_name).send().await.unwrap();
        let given = answer.credentials.unwrap();
        let (id, secret) = (given.access_key_id, given.secret_access_key);
        Credentials::new(id, secret, Some(given.session_token), None, "tests")
    }

    pub(super) async fn aws(&self, url: &str, credentials: Credentials, region: &str) -> SdkConfig {
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(url)
            .credentials_provider(credentials)
            .region(Region::new(region.to_owned()))
            .load()
            .await
    }
}

impl Organization {
    /// Makes a new organization.
    pub async fn new(world: &'static World) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(999_900_000_000);
        let management = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
        let mut new = Self { management, root: String::new(), world };
        let organizations = new.organizations().await;
        organizations.create_organization().send().await.unwrap();
        let roots = organizations.list_roots().send().await.unwrap();
        roots.roots()[0].id().unwrap().clone_into(&mut new.root);
        new
    }

    /// A client of Organizations in the management account.
    pub async fn organizations(&self) -> aws_sdk_organizations::Client {
        aws_sdk_organizations::Client::new(&self.inside(&self.management, "us-east-1").await)
    }

    /// A client of IAM in an account.
    pub async fn iam(&self, account: &str) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.inside(account, "us-east-1").await)
    }

    /// A client of EKS in an account and region.
    pub async fn eks(&self, account: &str, region: &str) -> aws_sdk_eks::Client {
        aws_sdk_eks::Client::new(&self.inside(account, region).await)
    }

    /// Clients of Identity Center and its directory in the management account.
    pub async fn center(&self, region: &str) -> (aws_sdk_ssoadmin::Client, aws_sdk_identitystore::Client) {
        let config = self.inside(&self.management, region).await;
        (aws_sdk_ssoadmin::Client::new(&config), aws_sdk_identitystore::Client::new(&config))
    }

    /// Makes an organizational unit under `parent` (the root or another unit) and gives its id.
    pub async fn unit(&self, parent: &str, name: &str) -> String {
        let create = self.organizations().await.create_organizational_unit().parent_id(parent).name(name);
        let unit = create.send().await.unwrap().organizational_unit.unwrap();
        unit.id.unwrap()
    }

    /// Makes an account in a unit, with the member role in it, and gives its id.
    pub async fn account(&self, unit: &str, name: &str) -> String {
        let organizations = self.organizations().await;
        let create = organizations.create_account().account_name(name).email(format!("{name}@example.com"));
        let status = create.send().await.unwrap().create_account_status.unwrap();
        let account = status.account_id.unwrap();
        let move_it = organizations.move_account().account_id(&account);
        move_it.source_parent_id(&self.root).destination_parent_id(unit).send().await.unwrap();
        self.role(&account, "/", MEMBER_ROLE).await;
        account
    }

    /// Closes an account, which leaves it SUSPENDED.
    pub async fn suspend(&self, account: &str) {
        self.organizations().await.close_account().account_id(account).send().await.unwrap();
    }

    /// Makes an IAM role (`path` is `/` or `/a/b/`) and gives its ARN.
    pub async fn role(&self, account: &str, path: &str, name: &str) -> String {
        let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
        let iam = self.iam(account).await;
        let create = iam.create_role().role_name(name).path(path).assume_role_policy_document(trust);
        create.send().await.unwrap().role.unwrap().arn
    }

    /// Makes an IAM user with an access key and gives its ARN and credentials, which the STS takes in tokens.
    pub async fn user(&self, account: &str, path: &str, name: &str) -> (String, Credentials) {
        let iam = self.iam(account).await;
        let user = iam.create_user().user_name(name).path(path).send().await.unwrap().user.unwrap();
        let given = iam.create_access_key().user_name(name).send().await.unwrap().access_key.unwrap();
        let caller = Caller {
            arn: user.arn.clone(),
            account: account.parse().unwrap(),
            user_id: user.user_id,
            role: None,
            access_key: given.access_key_id.clone(),
        };
        let secret = given.secret_access_key.clone();
        self.world.sts.remember(Key { secret, session_token: None, expires: None, caller });
        (user.arn, Credentials::new(given.access_key_id, given.secret_access_key, None, None, "tests"))
    }

    /// Registers an EKS cluster in moto and gives its ARN. Its endpoint leads nowhere: settings need the
    /// `connect_rule` of the real cluster that stands for it.
    pub async fn cluster(&self, account: &str, region: &str, name: &str, tags: &[(&str, &str)]) -> String {
        let mut create = self.eks(account, region).await.create_cluster().name(name);
        for (key, value) in tags {
            create = create.tags(*key, *value);
        }
        let create = create
            .role_arn(format!("arn:aws:iam::{account}:role/eks"))
            .resources_vpc_config(VpcConfigRequest::builder().build());
        create.send().await.unwrap().cluster.unwrap().arn.unwrap()
    }

    /// The variables that make a process run as the hub of this organization, and reach nothing but moto and the
    /// STS of the tests. Start it with an otherwise cleared environment.
    pub async fn environment(&self) -> Vec<(&'static str, String)> {
        let hub = self.world.session(&format!("arn:aws:iam::{}:role/{HUB_ROLE}", self.management), "hub").await;
        vec![
            ("AWS_ACCESS_KEY_ID", hub.access_key_id().to_owned()),
            ("AWS_SECRET_ACCESS_KEY", hub.secret_access_key().to_owned()),
            ("AWS_SESSION_TOKEN", hub.session_token().unwrap().to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ENDPOINT_URL", self.world.moto_url.clone()),
            ("AWS_ENDPOINT_URL_STS", self.world.sts.url.clone()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]
    }

    /// The configuration of somebody working in an account.
    async fn inside(&self, account: &str, region: &str) -> SdkConfig {
        let role = format!("arn:aws:iam::{account}:role/tests");
        let credentials = self.world.session(&role, "tests").await;
        self.world.aws(&self.world.moto_url, credentials, region).await
    }
}
