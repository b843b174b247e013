//! Credentials that are asked for once and renewed before they end.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use tokio::sync::Mutex;

use super::{DiscoverError, DiscoverErrorKind, actions, error::Call, rates::HubRates};
use crate::model::{AccountId, Arn, Place, Secret};

/// How long an assumed session lives. A session made by another session is cut to an hour whatever its role allows.
///
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>.
const SESSION_SECONDS: i32 = 3600;
/// Credentials with less time left than this are renewed before they are used.
const MARGIN: Duration = Duration::from_mins(5);
/// Credentials that tell no end are asked for again after this time, since a file or variable may have changed.
const UNTOLD: Duration = Duration::from_mins(15);
/// After a renewal that failed, credentials that are still good serve for this long before the next attempt.
const PAUSE: Duration = Duration::from_secs(30);

/// A role to be assumed.
pub(super) struct AssumedRole {
    pub(super) client: aws_sdk_sts::Client,
    pub(super) rates: Arc<HubRates>,
    pub(super) role: Arn,
    pub(super) external_id: Option<Secret>,
    pub(super) session_name: String,
    pub(super) source_identity: Option<String>,
    /// Who assumes it, for the words of errors.
    pub(super) caller: Option<String>,
}

impl AssumedRole {
    async fn assume(&self) -> Result<Credentials, DiscoverError> {
        let place = Place { account: self.role.account_id(), ..Place::default() };
        let mut call = Call::new(actions::ASSUME_ROLE, place).on(self.role.to_string());
        call.caller.clone_from(&self.caller);
        self.rates.sts.wait().await;
        let asking = self
            .client
            .assume_role()
            .role_arn(self.role.to_string())
            .role_session_name(&self.session_name)
            .set_external_id(self.external_id.as_ref().map(|id| id.expose().to_owned()))
            .set_source_identity(self.source_identity.clone())
            .duration_seconds(SESSION_SECONDS)
            .send();
        // On the heap, since every task that may have to renew a session has room for it.
        let answer = Box::pin(asking).await.map_err(|e| DiscoverError::of(&e, &call))?;
        let bad = |why: &str| DiscoverError::new(DiscoverErrorKind::Other, &call, why);
        let given = answer.credentials().ok_or_else(|| bad("the answer held no credentials"))?;
        let end = SystemTime::try_from(*given.expiration()).map_err(|_| bad("the session's end is not a time"))?;
        let mut credentials = Credentials::builder()
            .access_key_id(given.access_key_id())
            .secret_access_key(given.secret_access_key())
            .session_token(given.session_token())
            .expiry(end)
            .provider_name("rolecall");
        credentials.set_account_id(self.role.account_id().as_ref().map(AccountId::as_str).map(Into::into));
        Ok(credentials.build())
    }
}

/// Where credentials come from.
pub(super) enum Source {
    /// The SDK's own chain.
    Chain(SharedCredentialsProvider),
    /// AssumeRole.
    Role(Box<AssumedRole>),
}

struct Held {
    credentials: Credentials,
    renew_at: SystemTime,
}

/// Credentials kept until shortly before they end. However many ask at once, one request is made.
pub(super) struct CachedCredentials {
    source: Source,
    held: Mutex<Option<Held>>,
}

impl CachedCredentials {
    pub(super) fn new(source: Source) -> Self {
        Self { source, held: Mutex::new(None) }
    }

    /// The credentials, renewed when they near their end. A renewal that fails does not take away what is still good.
    pub(super) async fn get(&self) -> Result<Credentials, DiscoverError> {
        let mut held = self.held.lock().await;
        let now = SystemTime::now();
        if let Some(held) = held.as_ref().filter(|held| now < held.renew_at) {
            return Ok(held.credentials.clone());
        }
        match self.fetch().await {
            Ok(credentials) => {
                let renew_at = renew_at(SystemTime::now(), credentials.expiry());
                *held = Some(Held { credentials: credentials.clone(), renew_at });
                Ok(credentials)
            }
            Err(error) => match held.as_mut().filter(|held| outlives(&held.credentials, now + PAUSE)) {
                Some(held) => {
                    tracing::warn!(
                        kind = error.kind(),
                        "credentials could not be renewed, the old ones still serve: {error}"
                    );
                    held.renew_at = now + PAUSE;
                    Ok(held.credentials.clone())
                }
                None => Err(error),
            },
        }
    }

    /// Gives up what is held: AWS says that it has ended, whatever it was to last.
    pub(super) async fn forget(&self) {
        *self.held.lock().await = None;
    }

    async fn fetch(&self) -> Result<Credentials, DiscoverError> {
        match &self.source {
            Source::Role(role) => role.assume().await,
            Source::Chain(provider) => provider.provide_credentials().await.map_err(|e| {
                DiscoverError::of_credentials(&e, &Call::new(actions::GET_CALLER_IDENTITY, Place::default()))
            }),
        }
    }
}

impl fmt::Debug for CachedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CachedCredentials")
    }
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async move { self.get().await.map_err(CredentialsError::provider_error) })
    }
}

fn outlives(credentials: &Credentials, moment: SystemTime) -> bool {
    credentials.expiry().is_none_or(|end| end > moment)
}

/// From when on credentials that end then are renewed: five minutes before, or at half of what is left where that is less.
fn renew_at(now: SystemTime, end: Option<SystemTime>) -> SystemTime {
    let Some(end) = end else { return now + UNTOLD };
    let left = end.duration_since(now).unwrap_or_default();
    if left > MARGIN * 2 { end - MARGIN } else { now + left / 2 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_renewed_before_they_end_and_not_at_every_call() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(1000);
        let minutes = |n: u64| now + Duration::from_mins(n);
        assert_eq!(renew_at(now, Some(minutes(60))), minutes(55));
        assert_eq!(renew_at(now, Some(minutes(4))), minutes(2));
        assert_eq!(renew_at(now, Some(now - Duration::from_secs(1))), now);
        assert_eq!(renew_at(now, None), minutes(15));
    }

    #[derive(Debug)]
    struct Refusing;

    impl ProvideCredentials for Refusing {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("the file is gone")))
        }
    }

    #[tokio::test]
    async fn a_renewal_that_fails_leaves_what_is_still_good_and_nothing_that_is_not() {
        for (left, serves) in [(Duration::from_mins(4), true), (Duration::from_secs(5), false)] {
            let now = SystemTime::now();
            let credentials = Credentials::new("OLDKEY", "secret", None, Some(now + left), "test");
            let cached = CachedCredentials::new(Source::Chain(SharedCredentialsProvider::new(Refusing)));
            *cached.held.lock().await = Some(Held { credentials, renew_at: now });
            match cached.get().await {
                Ok(credentials) => assert!(serves && credentials.access_key_id() == "OLDKEY"),
                Err(error) => {
                    assert!(!serves && error.what() == DiscoverErrorKind::NoCredentials, "{error}");
                    assert!(error.to_string().contains("the file is gone"), "{error}");
                }
            }
        }
    }
}
