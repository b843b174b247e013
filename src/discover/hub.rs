//! Who rolecall is in AWS, and the sessions it gets from there.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::SdkConfig;
use aws_sdk_sts::config::retry::RetryPartition;

use super::{
    Center, DiscoverError, DiscoverErrorKind, Session, actions, config,
    credentials::{AssumedRole, CachedCredentials, Source},
    error::Call,
    rates::HubRates,
    session::{in_region, with_credentials},
};
use crate::model::{AccountId, Arn, EventQueue, MemberRole, OrganizationScope, Partition, Place, Region, Regions};

/// Who the hub credentials are, as GetCallerIdentity tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The caller's ARN: a user's or an assumed role's.
    pub arn: Arn,
    /// The caller's account.
    pub account: AccountId,
}

impl Caller {
    /// Whether the caller is a session of the member role in that account, so that it needs no other.
    ///
    /// The ARN of a session tells its role without the path, so names are compared.
    fn is_role_in(&self, account: &AccountId, path_and_name: &str) -> bool {
        let name = path_and_name.rsplit('/').next().unwrap_or_default();
        let session_of = self.arn.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
        self.account == *account && self.arn.service == "sts" && session_of == Some(name)
    }
}

/// rolecall's own place in AWS: the credentials that read the organization and assume the member role everywhere.
pub struct Hub {
    base: SdkConfig,
    credentials: Arc<CachedCredentials>,
    caller: Caller,
    member: MemberRole,
    sts: aws_sdk_sts::Client,
    pub(super) rates: Arc<HubRates>,
    calls_per_account: usize,
    sessions: Mutex<HashMap<AccountId, Arc<Session>>>,
    center: Option<Arc<Center>>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("caller", &self.caller).finish_non_exhaustive()
    }
}

/// Finds rolecall's own credentials by the SDK's default chain, assumes the hub role if the settings name one, and asks
/// AWS who that is. No account is ever asked more than `calls_per_account` things at once.
///
/// # Errors
/// When there are no credentials, the hub role cannot be assumed, or STS cannot be asked.
pub async fn hub(scope: &OrganizationScope, calls_per_account: usize) -> Result<Hub, DiscoverError> {
    hub_with(config::load().await, scope, calls_per_account).await
}

/// The same with a given SDK configuration; its credentials, HTTP client, endpoints, retries and timeouts serve every call.
///
/// # Errors
/// As [`hub()`].
pub async fn hub_with(
    base: SdkConfig,
    scope: &OrganizationScope,
    calls_per_account: usize,
) -> Result<Hub, DiscoverError> {
    let region = sts_region(base.region().map(AsRef::as_ref), &scope.regions);
    let mut base = in_region(&base, &region);
    let asking = Call::new(actions::GET_CALLER_IDENTITY, Place::default());
    let chain = base.credentials_provider().ok_or_else(|| {
        DiscoverError::new(DiscoverErrorKind::NoCredentials, &asking, "the SDK was configured without any")
    })?;
    let mut credentials = Arc::new(CachedCredentials::new(Source::Chain(chain)));
    base = with_credentials(&base, &credentials);
    let rates = Arc::new(HubRates::documented());
    if let Some(hub) = &scope.hub {
        let role = AssumedRole {
            client: sts_client(&base, "chain", &region),
            rates: Arc::clone(&rates),
            role: hub.arn.clone(),
            external_id: hub.external_id.clone(),
            session_name: scope.member.session_name.clone(),
            source_identity: scope.member.source_identity.clone(),
            caller: None,
        };
        credentials = Arc::new(CachedCredentials::new(Source::Role(Box::new(role))));
        credentials.get().await?;
        base = with_credentials(&base, &credentials);
    }
    rates.sts.wait().await;
    let caller = caller(&sts_client(&base, "hub", &region), &asking).await?;
    let sts = sts_client(&base, caller.account.as_str(), &region);
    tracing::debug!(caller = %caller.arn, "hub credentials found");
    let center = scope.identity_center.as_ref().map(|center| {
        let Some(role) = &center.role else {
            let (account, caller) = (caller.account.clone(), caller.arn.to_string());
            return Arc::new(Center::new(&base, &credentials, &center.region, account, caller));
        };
        let account = role.arn.account_id().unwrap_or_else(|| caller.account.clone());
        let assumed = AssumedRole {
            client: sts.clone(),
            rates: Arc::clone(&rates),
            role: role.arn.clone(),
            external_id: role.external_id.clone(),
            session_name: scope.member.session_name.clone(),
            source_identity: scope.member.source_identity.clone(),
            caller: Some(caller.arn.to_string()),
        };
        let credentials = Arc::new(CachedCredentials::new(Source::Role(Box::new(assumed))));
        Arc::new(Center::new(&base, &credentials, &center.region, account, role.arn.to_string()))
    });
    Ok(Hub {
        base,
        credentials,
        caller,
        member: scope.member.clone(),
        sts,
        rates,
        calls_per_account,
        sessions: Mutex::default(),
        center,
    })
}

impl Hub {
    /// Who the hub credentials are.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The partition of the hub, and so of the whole organization.
    pub fn partition(&self) -> &Partition {
        &self.caller.arn.partition
    }

    /// The member role's session in an account: the hub's own credentials where they are that role already, else an
    /// assumed one. Sessions are kept and their credentials renewed before they end; callers at the same time share one
    /// AssumeRole.
    ///
    /// # Errors
    /// When the member role cannot be assumed.
    pub async fn session(&self, account: &AccountId) -> Result<Arc<Session>, DiscoverError> {
        let session = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(sessions.entry(account.clone()).or_insert_with(|| Arc::new(self.new_session(account))))
        };
        session.ready().await?;
        Ok(session)
    }

    /// The way to Identity Center, where the settings say where it is.
    pub fn center(&self) -> Option<&Arc<Center>> {
        self.center.as_ref()
    }

    fn new_session(&self, account: &AccountId) -> Session {
        let role = Arn::iam_role(self.partition(), account, &self.member.path_and_name);
        if self.caller.is_role_in(account, &self.member.path_and_name) {
            return Session::new(
                account.clone(),
                role,
                &self.base,
                Arc::clone(&self.credentials),
                self.calls_per_account,
            );
        }
        let assumed = AssumedRole {
            client: self.sts.clone(),
            rates: Arc::clone(&self.rates),
            role: role.clone(),
            external_id: self.member.external_id.clone(),
            session_name: self.member.session_name.clone(),
            source_identity: self.member.source_identity.clone(),
            caller: Some(self.caller.arn.to_string()),
        };
        let credentials = Arc::new(CachedCredentials::new(Source::Role(Box::new(assumed))));
        Session::new(account.clone(), role, &self.base, credentials, self.calls_per_account)
    }

    /// Organizations answers in one region of each partition.
    pub(super) fn organizations(&self) -> aws_sdk_organizations::Client {
        let config = in_region(&self.base, &self.partition().organizations_region());
        let config = aws_sdk_organizations::config::Builder::from(&config)
            .retry_partition(RetryPartition::new(format!("organizations-{}", self.caller.account)))
            .build();
        aws_sdk_organizations::Client::from_conf(config)
    }

    /// The configuration for a queue in its region, and who asks: the hub, or the role that is named for it. A role is
    /// assumed when something is first asked.
    pub(super) fn for_queue(&self, queue: &EventQueue) -> (SdkConfig, Arn) {
        let base = in_region(&self.base, &queue.region);
        let Some(role) = &queue.role else { return (base, self.caller.arn.clone()) };
        let assumed = AssumedRole {
            client: self.sts.clone(),
            rates: Arc::clone(&self.rates),
            role: role.arn.clone(),
            external_id: role.external_id.clone(),
            session_name: self.member.session_name.clone(),
            source_identity: self.member.source_identity.clone(),
            caller: Some(self.caller.arn.to_string()),
        };
        let credentials = Arc::new(CachedCredentials::new(Source::Role(Box::new(assumed))));
        (with_credentials(&base, &credentials), role.arn.clone())
    }

    /// IAM, asked by whoever reads the queue.
    pub(super) fn iam_for_queue(&self, queue: &EventQueue) -> aws_sdk_iam::Client {
        let (base, caller) = self.for_queue(queue);
        let config = aws_sdk_iam::config::Builder::from(&base)
            .retry_partition(RetryPartition::new(format!("iam-{}", caller.account)))
            .build();
        aws_sdk_iam::Client::from_conf(config)
    }

    /// A call of the hub, for the words of its errors.
    pub(super) fn call(&self, action: &'static str) -> Call {
        let place = Place { account: Some(self.caller.account.clone()), ..Place::default() };
        Call::new(action, place).by(self.caller.arn.to_string())
    }
}

async fn caller(sts: &aws_sdk_sts::Client, asking: &Call) -> Result<Caller, DiscoverError> {
    let answer = sts.get_caller_identity().send().await.map_err(|e| DiscoverError::of(&e, asking))?;
    let bad = |why: String| DiscoverError::new(DiscoverErrorKind::Other, asking, &why);
    let arn: Arn = answer.arn().unwrap_or_default().parse().map_err(|e| bad(format!("{e}")))?;
    let account = answer.account().unwrap_or_default().parse().map_err(|e| bad(format!("{e}")))?;
    Ok(Caller { arn, account })
}

/// A regional STS, since sessions of the global one are not good in regions that have to be enabled. An AWS_REGION that
/// is set to nothing counts as none.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_region-endpoints.html>.
fn sts_region(configured: Option<&str>, regions: &Regions) -> Region {
    match (configured.filter(|region| !region.is_empty()), regions) {
        (Some(region), _) => Region::new(region),
        (None, Regions::Fixed(fixed)) if !fixed.is_empty() => fixed[0].clone(),
        (None, _) => Region::new("us-east-1"),
    }
}

/// STS counts its calls for the caller's account, so that all that one caller asks shares its retries.
fn sts_client(base: &SdkConfig, caller: &str, region: &Region) -> aws_sdk_sts::Client {
    let retries = RetryPartition::new(format!("sts-{caller}-{region}"));
    let config = aws_sdk_sts::config::Builder::from(base).retry_partition(retries).build();
    aws_sdk_sts::Client::from_conf(config)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn only_a_session_of_the_member_role_in_that_account_needs_no_other() {
        let account: AccountId = "111122223333".parse().unwrap();
        let other: AccountId = "444455556666".parse().unwrap();
        let caller = |arn: &str| Caller { arn: arn.parse().unwrap(), account: account.clone() };
        let member = caller("arn:aws:sts::111122223333:assumed-role/rolecall-member/x");
        assert!(member.is_role_in(&account, "rolecall-member"));
        assert!(member.is_role_in(&account, "platform/rolecall-member"));
        assert!(!member.is_role_in(&other, "rolecall-member"));
        assert!(!member.is_role_in(&account, "rolecall"));
        assert!(!caller("arn:aws:iam::111122223333:user/rolecall-member").is_role_in(&account, "rolecall-member"));
    }

    #[test]
    fn sts_is_asked_in_the_configured_region_or_the_first_fixed_one() {
        let fixed = Regions::Fixed(vec![Region::new("cn-north-1")]);
        assert_eq!(sts_region(Some("eu-west-1"), &fixed).as_str(), "eu-west-1");
        assert_eq!(sts_region(Some(""), &fixed).as_str(), "cn-north-1");
        assert_eq!(sts_region(None, &Regions::Enabled).as_str(), "us-east-1");
    }
}
