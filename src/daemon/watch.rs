//! Notices when the settings or the policy change on disk.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, RecommendedCache, new_debouncer,
    notify::{self, RecommendedWatcher, RecursiveMode},
};
use tokio::sync::mpsc;
use tracing::warn;

/// How long the disk must be quiet before files are read again: editors and ConfigMap mounts change in several moves.
const QUIET: Duration = Duration::from_millis(500);

/// Watches the directories of the files that were loaded. Directories and not files, since a ConfigMap mount changes by
/// swapping a symbolic link beside the files, and many editors by renaming a new file over the old one.
pub(super) struct Watcher {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    watched: BTreeSet<PathBuf>,
}

impl Watcher {
    /// Sends a word whenever something changed in a watched directory.
    pub(super) fn start(changes: mpsc::Sender<()>) -> Result<Self, notify::Error> {
        let debouncer = new_debouncer(QUIET, None, move |result: DebounceEventResult| match result {
            Ok(events) if events.iter().all(|event| event.kind.is_access()) => {}
            // One word in the channel stands for any number of changes.
            Ok(_) => {
                let _ = changes.try_send(());
            }
            Err(errors) => warn!(?errors, "watching settings and policy for changes failed"),
        })?;
        Ok(Self { debouncer, watched: BTreeSet::new() })
    }

    /// Watches these files and directories and no others. What cannot be watched is said in the log: SIGHUP still works.
    pub(super) fn follow(&mut self, paths: &[PathBuf]) {
        let wanted: BTreeSet<PathBuf> = paths.iter().map(|path| directory(path)).collect();
        for gone in self.watched.difference(&wanted).cloned().collect::<Vec<_>>() {
            if let Err(error) = self.debouncer.unwatch(&gone) {
                warn!(path = %gone.display(), %error, "cannot stop watching");
            }
            self.watched.remove(&gone);
        }
        for new in wanted.difference(&self.watched).cloned().collect::<Vec<_>>() {
            match self.debouncer.watch(&new, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert(new)),
                Err(error) => {
                    warn!(path = %new.display(), %error, "cannot watch for changes; send SIGHUP after changing it")
                }
            }
        }
    }
}

fn directory(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
