//! Identity Center: which permission sets the groups of its directory are assigned, account by account.
//!
//! [`Center`] lives as long as the hub and keeps what cannot change, and for a while what matters little; a
//! [`Directory`] is one pass's view, in which everything that decides about access is asked for anew, and once.
//!
//! Groups do not nest here: Identity Store knows none within another, and what is synced from Active Directory comes
//! flattened. Users who are assigned a permission set directly are in no group; they show up only where somebody else
//! holds the same permission set (see [`Sharing`]).

mod ask;
mod directory;
mod memory;
mod sharing;
mod trials;
mod words;

use std::{fmt, sync::Arc};

use aws_config::SdkConfig;
use aws_sdk_ssoadmin::config::retry::RetryPartition;

pub use directory::{Assigned, Directory};
pub use sharing::Sharing;

use self::memory::Memory;
use super::{
    credentials::CachedCredentials,
    error::Call,
    rates::CenterRates,
    session::{in_region, with_credentials},
};
use crate::model::{AccountId, Place, Region};

/// The way to Identity Center, with what is remembered of it from pass to pass.
pub struct Center {
    region: Region,
    /// The account that asks, and as whom it does.
    account: AccountId,
    caller: String,
    admin: aws_sdk_ssoadmin::Client,
    store: aws_sdk_identitystore::Client,
    rates: CenterRates,
    memory: Memory,
}

impl fmt::Debug for Center {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Center").field("region", &self.region).field("caller", &self.caller).finish_non_exhaustive()
    }
}

impl Center {
    pub(super) fn new(
        base: &SdkConfig,
        credentials: &Arc<CachedCredentials>,
        region: &Region,
        account: AccountId,
        caller: String,
    ) -> Self {
        let base = in_region(&with_credentials(base, credentials), region);
        let retries = |service: &str| RetryPartition::new(format!("{service}-{account}-{region}"));
        let admin = aws_sdk_ssoadmin::config::Builder::from(&base).retry_partition(retries("sso")).build();
        let store = aws_sdk_identitystore::config::Builder::from(&base);
        let store = store.retry_partition(retries("identitystore")).build();
        Self {
            region: region.clone(),
            account,
            caller,
            admin: aws_sdk_ssoadmin::Client::from_conf(admin),
            store: aws_sdk_identitystore::Client::from_conf(store),
            rates: CenterRates::documented(),
            memory: Memory::default(),
        }
    }

    /// One pass's view. What was remembered too long ago is forgotten.
    pub fn directory(self: &Arc<Self>) -> Arc<Directory> {
        self.memory.forget_old();
        Arc::new(Directory::new(Arc::clone(self)))
    }

    fn call(&self, action: &'static str) -> Call {
        let place =
            Place { account: Some(self.account.clone()), region: Some(self.region.clone()), ..Place::default() };
        Call::new(action, place).by(self.caller.clone())
    }
}
