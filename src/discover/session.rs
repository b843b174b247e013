//! A session in one account.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_config::{Region as SdkRegion, SdkConfig, identity::IdentityCache};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_sts::config::retry::RetryPartition;

use super::{
    DiscoverError, DiscoverErrorKind, Turns,
    credentials::CachedCredentials,
    error::Call,
    rates::{Rate, member_rate},
};
use crate::model::{AccountId, Arn, Partition, Place, Region};

/// By service and region.
type Rates = HashMap<(&'static str, Option<Region>), Arc<Rate>>;

/// The name of EKS among the services.
pub(super) const EKS: &str = "eks";

/// The member role's session in one account. Its credentials renew themselves.
#[derive(Debug)]
pub struct Session {
    account: AccountId,
    role: Arn,
    base: SdkConfig,
    credentials: Arc<CachedCredentials>,
    turns: Turns,
    rates: Mutex<Rates>,
}

impl Session {
    pub(super) fn new(
        account: AccountId,
        role: Arn,
        base: &SdkConfig,
        credentials: Arc<CachedCredentials>,
        calls_at_once: usize,
    ) -> Self {
        let base = with_credentials(base, &credentials);
        Self { account, role, base, credentials, turns: Turns::new(calls_at_once), rates: Mutex::default() }
    }

    /// One service in the account, in a region where it has them.
    pub(super) fn service(&self, name: &'static str, region: Option<&Region>) -> Service<'_> {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = Arc::clone(rates.entry((name, region.cloned())).or_insert_with(|| Arc::new(member_rate())));
        let region = region.map(|region| format!("-{region}")).unwrap_or_default();
        Service { session: self, rate, partition: format!("{name}-{}{region}", self.account) }
    }

    /// How many calls a service's rates let through.
    #[cfg(test)]
    pub(super) fn passed(&self, service: &str) -> usize {
        let rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.iter().filter(|((name, _), _)| *name == service).map(|(_, rate)| rate.passed()).sum()
    }

    /// The account it is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The IAM role as which it comes into a cluster, in the form that EKS compares: without its path.
    pub fn own_principal(&self) -> Arn {
        self.role.without_role_path()
    }

    /// The same role's full ARN.
    pub fn own_role(&self) -> &Arn {
        &self.role
    }

    /// The partition it is in.
    pub fn partition(&self) -> &Partition {
        &self.role.partition
    }

    /// The credentials, kept and renewed: each call gives what is good for at least the next minutes.
    pub fn credentials_provider(&self) -> SharedCredentialsProvider {
        shared(&self.credentials)
    }

    /// The SDK configuration for the account in a region.
    pub fn config(&self, region: &Region) -> SdkConfig {
        in_region(&self.base, region)
    }

    /// A client of EKS in a region; its calls are to be made by [`Session::ask_eks`].
    pub fn eks(&self, region: &Region) -> aws_sdk_eks::Client {
        let config = aws_sdk_eks::config::Builder::from(&self.config(region))
            .retry_partition(self.service(EKS, Some(region)).retries())
            .build();
        aws_sdk_eks::Client::from_conf(config)
    }

    /// Makes a call to EKS when its rate and the number of calls at once in the account allow it.
    pub async fn ask_eks<T: Send>(&self, region: &Region, call: impl Future<Output = T> + Send) -> T {
        self.service(EKS, Some(region)).ask(call).await
    }

    /// The configuration for services that are not bound to a region.
    pub(super) fn home_config(&self) -> &SdkConfig {
        &self.base
    }

    /// Makes sure that there are credentials.
    pub(super) async fn ready(&self) -> Result<(), DiscoverError> {
        self.credentials.get().await.map(drop)
    }

    /// Asks once more where AWS took the credentials for ended before their time: new ones can be asked for.
    pub(super) async fn renewing<T, F>(&self, ask: impl Fn() -> F) -> Result<T, DiscoverError>
    where
        F: Future<Output = Result<T, DiscoverError>>,
    {
        match ask().await {
            Err(error) if error.what() == DiscoverErrorKind::ExpiredCredentials => {
                self.credentials.forget().await;
                ask().await
            }
            result => result,
        }
    }

    /// A call of this session, for the words of its errors.
    pub(super) fn call(&self, action: &'static str, region: Option<&Region>) -> Call {
        let place = Place { account: Some(self.account.clone()), region: region.cloned(), ..Place::default() };
        Call::new(action, place).by(self.own_principal().to_string())
    }
}

/// One service in one account and region, with the rate and the retries that are its own.
pub(super) struct Service<'s> {
    session: &'s Session,
    rate: Arc<Rate>,
    partition: String,
}

impl Service<'_> {
    /// The retries that this account and region share, and no other: one that is throttled takes none from the rest.
    pub(super) fn retries(&self) -> RetryPartition {
        RetryPartition::new(self.partition.clone())
    }

    /// Makes a call when the service's rate and the number of calls at once in the account allow it.
    pub(super) fn ask<'c, T: Send + 'c>(
        &'c self,
        call: impl Future<Output = T> + Send + 'c,
    ) -> impl Future<Output = T> + Send + 'c {
        // The SDK's futures are tens of kilobytes each, and a thousand tasks of a walk wait with one: on the heap it is
        // there only while the call is made.
        let call = Box::pin(call);
        async move {
            self.rate.wait().await;
            self.session.turns.take(call).await
        }
    }
}

/// The same configuration with other credentials. They keep themselves, so that the SDK's cache, which would give out a
/// session up to its last seconds, is not used.
pub(super) fn with_credentials(base: &SdkConfig, credentials: &Arc<CachedCredentials>) -> SdkConfig {
    base.to_builder().credentials_provider(shared(credentials)).identity_cache(IdentityCache::no_cache()).build()
}

fn shared(credentials: &Arc<CachedCredentials>) -> SharedCredentialsProvider {
    let provider: Arc<dyn ProvideCredentials> = Arc::<CachedCredentials>::clone(credentials);
    SharedCredentialsProvider::from(provider)
}

/// The same configuration in a region.
pub(super) fn in_region(base: &SdkConfig, region: &Region) -> SdkConfig {
    base.to_builder().region(SdkRegion::new(region.as_str().to_owned())).build()
}
