//! Whether rolecall is ready, and why not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What readiness rests on. Clones share one state.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Settings and policy are loaded.
    loaded: bool,
    /// Why the files on disk are not valid, when the last attempt to load them failed.
    rejected: Option<String>,
    /// A pass has ended, be it with drift or with gaps.
    passed: bool,
    /// Why the last pass ended in an error.
    failed: Option<String>,
}

impl Health {
    /// Settings and policy were loaded, or were not for this reason; then the last good ones stay in use.
    pub fn loaded(&self, result: Result<(), String>) {
        let mut state = self.state();
        state.loaded |= result.is_ok();
        state.rejected = result.err();
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
    /// Why it is not ready: no valid settings yet, or no pass yet.
    pub fn readiness(&self) -> Result<String, String> {
        let state = self.state();
        match &*state {
            State { loaded: false, rejected: Some(why), .. } => Err(format!("no valid settings: {why}")),
            State { loaded: false, .. } => Err("the settings are not loaded yet".to_owned()),
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
        // The state is four plain values, each whole at any time, so a panic elsewhere cannot have left it broken.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn ready_takes_settings_and_one_pass() {
        let health = Health::default();
        assert!(health.readiness().unwrap_err().contains("not loaded"));
        health.loaded(Err("rolecall.yaml:3: unknown key".to_owned()));
        assert!(health.readiness().unwrap_err().contains("rolecall.yaml:3"));
        health.loaded(Ok(()));
        assert!(health.readiness().unwrap_err().contains("has not ended"));
        health.pass_ended(Err("no credentials".to_owned()));
        assert!(health.readiness().unwrap_err().contains("no credentials"));
        health.pass_ended(Ok(()));
        assert_eq!(health.readiness().unwrap(), "ready");
    }

    #[test]
    fn what_goes_wrong_later_is_told_and_does_not_unready() {
        let health = Health::default();
        health.loaded(Ok(()));
        health.clone().pass_ended(Ok(()));
        health.loaded(Err("bad file".to_owned()));
        assert!(health.readiness().unwrap().contains("bad file"));
        health.loaded(Ok(()));
        health.pass_ended(Err("throttled".to_owned()));
        assert!(health.readiness().unwrap().contains("throttled"));
    }
}
