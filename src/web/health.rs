//! Whether rolecall is ready, and why not.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What readiness rests on.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Why the files on disk are not valid, when the last attempt to load them failed.
    rejected: Option<String>,
    /// A pass has ended, be it with drift or with gaps.
    passed: bool,
    /// Why the last pass ended in an error.
    failed: Option<String>,
}

impl Health {
    /// Settings and policy were read again, or are not valid for this reason; then the last good ones stay in use.
    pub fn reloaded(&self, result: Result<(), String>) {
        self.state().rejected = result.err();
    }

    /// A pass ended, or came to nothing for this reason.
    pub fn pass_ended(&self, result: Result<(), String>) {
        let mut state = self.state();
        state.passed |= result.is_ok();
        state.failed = result.err();
    }

    /// Ready, with what is worth a remark.
    ///
    /// # Errors
    /// Why it is not ready: no pass has ended yet.
    pub fn readiness(&self) -> Result<String, String> {
        let state = self.state();
        match &*state {
            State { passed: false, failed: Some(why), .. } => Err(format!("the first pass failed: {why}")),
            State { passed: false, .. } => Err("the first pass has not ended yet".to_owned()),
            State { rejected: Some(why), .. } => {
                Ok(format!("ready, with the last good settings: those on disk are not valid: {why}"))
            }
            State { failed: Some(why), .. } => Ok(format!("ready, though the last pass failed: {why}")),
            State { .. } => Ok("ready".to_owned()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is three plain values, each whole at any time, so a panic elsewhere cannot have left it broken.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn ready_takes_one_pass() {
        let health = Health::default();
        assert!(health.readiness().unwrap_err().contains("has not ended"));
        health.pass_ended(Err("no credentials".to_owned()));
        assert!(health.readiness().unwrap_err().contains("no credentials"));
        health.pass_ended(Ok(()));
        assert_eq!(health.readiness().unwrap(), "ready");
    }

    #[test]
    fn what_goes_wrong_later_is_told_and_does_not_unready() {
        let health = Health::default();
        health.pass_ended(Ok(()));
        health.reloaded(Err("bad file".to_owned()));
        assert!(health.readiness().unwrap().contains("bad file"));
        health.reloaded(Ok(()));
        health.pass_ended(Err("throttled".to_owned()));
        assert!(health.readiness().unwrap().contains("throttled"));
    }
}
