//! Access keys and whom they stand for.

use jiff::Timestamp;

use crate::model::AccountId;

/// What an access key was given out with.
#[derive(Clone)]
pub struct Key {
    /// The secret access key.
    pub secret: String,
    /// The session token of temporary credentials.
    pub session_token: Option<String>,
    /// When temporary credentials end.
    pub expires: Option<Timestamp>,
    /// Whom it stands for.
    pub caller: Caller,
}

/// A caller as GetCallerIdentity tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// `arn:aws:iam::…:user/…` or `arn:aws:sts::…:assumed-role/ROLE/SESSION`.
    pub arn: String,
    /// The account.
    pub account: AccountId,
    /// `AIDA…`, or `AROA…:SESSION`.
    pub user_id: String,
    /// The name in lower case of the role behind a session.
    pub role: Option<String>,
    /// The access key's id.
    pub access_key: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("caller", &self.caller).finish_non_exhaustive()
    }
}
