//! A session in one account.

use std::sync::Arc;

use aws_config::{Region as SdkRegion, SdkConfig, identity::IdentityCache};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{DiscoverError, DiscoverErrorKind, credentials::CachedCredentials, error::Call};
use crate::model::{AccountId, Arn, Partition, Place, Region};

/// The member role's session in one account. Its credentials renew themselves.
#[derive(Debug)]
pub struct Session {
    account: AccountId,
    principal: Arn,
    base: SdkConfig,
    credentials: Arc<CachedCredentials>,
    turns: Semaphore,
}

impl Session {
    pub(super) fn new(
        account: AccountId,
        principal: Arn,
        base: &SdkConfig,
        credentials: Arc<CachedCredentials>,
        calls_at_once: usize,
    ) -> Self {
        let base = with_credentials(base, &credentials);
        Self { account, principal, base, credentials, turns: Semaphore::new(calls_at_once) }
    }

    /// Waits until the account may be asked one thing more at once; the turn lasts until it is dropped.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed, so there always is a permit in the end.
        self.turns.acquire().await.ok()
    }

    /// The account it is in.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// The IAM role as which it comes into a cluster, in the form that EKS compares: without its path.
    pub fn own_principal(&self) -> &Arn {
        &self.principal
    }

    /// The partition it is in.
    pub fn partition(&self) -> &Partition {
        &self.principal.partition
    }

    /// The credentials, kept and renewed: each call gives what is good for at least the next minutes.
    pub fn credentials_provider(&self) -> SharedCredentialsProvider {
        shared(&self.credentials)
    }

    /// The SDK configuration for the account in a region.
    pub fn config(&self, region: &Region) -> SdkConfig {
        in_region(&self.base, region)
    }

    /// The configuration for services that are not bound to a region.
    pub(super) fn home_config(&self) -> &SdkConfig {
        &self.base
    }

    /// Makes sure that there are credentials.
    pub(super) async fn ready(&self) -> Result<(), DiscoverError> {
        self.credentials.get().await.map(drop)
    }

    /// Whether the call is worth another try, since AWS took the credentials for ended and new ones can be asked for.
    pub(super) async fn renew_after(&self, error: &DiscoverError) -> bool {
        let ended = error.what() == DiscoverErrorKind::ExpiredCredentials;
        if ended {
            self.credentials.forget().await;
        }
        ended
    }

    /// A call of this session, for the words of its errors.
    pub(super) fn call(&self, action: &'static str, region: Option<&Region>) -> Call {
        let place = Place { account: Some(self.account.clone()), region: region.cloned(), ..Place::default() };
        Call::new(action, place).by(self.principal.to_string())
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
