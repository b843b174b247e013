//! What changes in the world while somebody works in it.

use fastrand::Rng;
use jiff::SignedDuration;

use super::Undo;
use crate::lab::{Call, world::World};

/// What happened, and how it is taken back.
pub type Change = (String, Option<Undo>);

/// Somebody else who works in the world; says what he did, in words, or that he did nothing.
pub trait Meddler: Send + Sync {
    /// Writes to the cluster right before the call does.
    fn write(&self, world: &World, call: &Call, rng: &mut Rng) -> Option<String>;

    /// Takes permissions away from the caller in the cluster, with the way to give them back.
    fn weaken(&self, world: &World, call: &Call, rng: &mut Rng) -> Option<Change>;

    /// The role, by its name in lower case, as which calls are made in accounts: it is not deleted, and permissions are
    /// taken from it.
    fn member_role(&self) -> &str;
}

/// Nobody else is there.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Meddler for Nobody {
    fn write(&self, _world: &World, _call: &Call, _rng: &mut Rng) -> Option<String> {
        None
    }

    fn weaken(&self, _world: &World, _call: &Call, _rng: &mut Rng) -> Option<Change> {
        None
    }

    fn member_role(&self) -> &'static str {
        "rolecall-member"
    }
}

/// Ends every session in the account of the call.
pub(super) fn expire(world: &World, call: &Call) -> Option<Change> {
    let account = call.account.as_ref()?;
    let now = world.now();
    let mut state = world.write();
    let sessions = state.keys.values_mut().filter(|key| key.caller.account == *account && key.expires.is_some());
    let ended = sessions.map(|key| key.expires = Some(now)).count();
    (ended > 0).then(|| (format!("{ended} sessions of {account} end at once"), None))
}

/// Sets the clocks apart by up to twenty minutes, and the next time right again.
///
/// AWS takes signatures up to five minutes old, the authenticator tokens up to fifteen:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>.
pub(super) fn skew(world: &World, rng: &mut Rng) -> Change {
    let minutes = [0, -20, -6, 3, 6, 20];
    let minutes = rng.choice(&minutes).copied().unwrap_or_default();
    world.set_skew(SignedDuration::from_mins(minutes));
    let undo: Undo = Box::new(|world| world.set_skew(SignedDuration::ZERO));
    (format!("the servers' clocks are {minutes} min off"), Some(undo))
}

/// Deletes a role of the account.
pub(super) fn role_goes(world: &World, call: &Call, meddler: &dyn super::Meddler, rng: &mut Rng) -> Option<Change> {
    let mut state = world.write();
    let account = state.accounts.get_mut(call.account.as_ref()?)?;
    let names: Vec<String> =
        account.iam.roles.keys().filter(|name| name.as_str() != meddler.member_role()).cloned().collect();
    let role = account.iam.roles.remove(rng.choice(&names)?)?;
    Some((format!("role {} of {} is deleted", role.name, account.id), None))
}

/// Suspends the account, unless it is the management account.
pub(super) fn account_goes(world: &World, call: &Call) -> Option<Change> {
    let id = call.account.as_ref()?;
    let mut state = world.write();
    if state.organization.management == *id {
        return None;
    }
    let account = state.accounts.get_mut(id)?;
    "SUSPENDED".clone_into(&mut account.state);
    Some((format!("account {id} is suspended"), None))
}

/// Denies the action of this very call to the member role of its account until the faults stop.
pub(super) fn deny(world: &World, call: &Call, meddler: &dyn super::Meddler) -> Option<Change> {
    let action = format!("{}:{}", call.service, call.operation);
    let (account, name) = (call.account.clone()?, meddler.member_role().to_owned());
    let mut state = world.write();
    let role = state.accounts.get_mut(&account)?.iam.roles.get_mut(&name)?;
    if !role.denied.insert(action.clone()) {
        return None;
    }
    let what = format!("{action} is denied to {name} of {account} from now on");
    let undo: Undo = Box::new(move |world| {
        let mut state = world.write();
        let role = state.accounts.get_mut(&account).and_then(|account| account.iam.roles.get_mut(&name));
        role.map(|role| role.denied.remove(&action));
    });
    Some((what, Some(undo)))
}
