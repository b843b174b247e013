//! How far a pass has come, as bars on the terminal.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::{fleet::Progress, model::Status};

/// Bars on standard error; nothing at all where that is not a terminal.
pub(super) struct Bars {
    screen: MultiProgress,
    accounts: ProgressBar,
    clusters: ProgressBar,
}

impl Bars {
    /// Bars that appear once there is something to count.
    pub(super) fn new(bars: &MultiProgress) -> Self {
        let bar = |prefix: &'static str| {
            let bar = ProgressBar::new(0).with_prefix(prefix);
            // A template that does not parse costs the looks of a bar, not the command.
            let style = ProgressStyle::with_template("  {prefix:>10} {bar:30.green/dim} {pos}/{len} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸─"));
            bars.add(bar)
        };
        let (accounts, clusters) = (bar("accounts"), bar("clusters"));
        Self { screen: bars.clone(), accounts, clusters }
    }
}

impl Progress for Bars {
    fn accounts(&self, more: usize) {
        self.accounts.inc_length(wide(more));
    }

    fn account_done(&self) {
        self.accounts.inc(1);
    }

    fn clusters_found(&self, more: usize) {
        self.clusters.inc_length(wide(more));
    }

    fn cluster_done(&self, status: Status) {
        self.clusters.inc(1);
        self.clusters.set_message(status.words());
    }

    fn settling(&self) {
        self.clusters.set_message("settling");
    }

    fn applying(&self, clusters: usize) {
        self.accounts.finish();
        self.clusters.set_prefix("correcting");
        self.clusters.reset();
        self.clusters.set_length(wide(clusters));
    }
}

impl Drop for Bars {
    /// Leaves the terminal to what the command prints.
    fn drop(&mut self) {
        self.accounts.finish_and_clear();
        self.clusters.finish_and_clear();
        drop(self.screen.clear());
    }
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
