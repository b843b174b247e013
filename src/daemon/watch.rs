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
    /// What cannot be watched, and was said.
    refused: BTreeSet<PathBuf>,
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
        Ok(Self { debouncer, watched: BTreeSet::new(), refused: BTreeSet::new() })
    }

    /// Watches these files and directories and no others. Those that are watched already are watched anew, since a
    /// directory that was replaced by another of its name has taken the watch with it. What cannot be watched is said in
    /// the log once.
    pub(super) fn follow<'p>(&mut self, paths: impl IntoIterator<Item = &'p PathBuf>) {
        for old in &self.watched {
            // A directory that is gone is no longer watched, which is all that is wanted.
            let _ = self.debouncer.unwatch(old);
        }
        self.watched.clear();
        let wanted: BTreeSet<PathBuf> = paths.into_iter().map(|path| directory(path)).collect();
        self.refused.retain(|path| wanted.contains(path));
        for path in wanted {
            match self.debouncer.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.refused.remove(&path);
                    self.watched.insert(path);
                }
                Err(error) => {
                    if self.refused.insert(path.clone()) {
                        warn!(path = %path.display(), %error, "cannot watch for changes; they are seen within a minute");
                    }
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
