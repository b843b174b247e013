//! What the demo itself says, between the reports.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use jiff::{Timestamp, tz::TimeZone};
use tokio_util::sync::CancellationToken;

use crate::cli::{args::SizeArgs, lab::REGIONS, terminal::Terminal};

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const CYAN: Style = AnsiColor::Cyan.on_default();
/// Something went wrong in the organization.
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
/// It was put right.
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
/// rolecall has something to complain about.
pub(super) const RED: Style = AnsiColor::Red.on_default();

/// The demo's own words and the token that ends it.
pub(super) struct Stage<'t> {
    terminal: &'t Terminal,
    pub(super) stop: CancellationToken,
}

impl<'t> Stage<'t> {
    pub(super) fn new(terminal: &'t Terminal, stop: CancellationToken) -> Self {
        Self { terminal, stop }
    }

    /// The first words.
    pub(super) fn opening(&self, size: &SizeArgs) {
        let title = self.styled(BOLD, "rolecall demo");
        let (accounts, clusters, regions, seed) = (size.accounts, size.clusters, REGIONS.len(), size.seed);
        let noun = if clusters == 1 { "cluster" } else { "clusters" };
        self.say(&format!(
            "{title}: an AWS organization of {accounts} accounts with {clusters} EKS {noun} in {regions} regions, played by this \
             process\n(seed {seed}). Nothing of it is real, and nothing leaves this machine.\n"
        ));
    }

    /// What comes next.
    pub(super) fn scene(&self, number: usize, words: &str) {
        self.say(&format!("\n{} {}\n", self.styled(BOLD, &format!("{number}.")), self.styled(BOLD, words)));
    }

    /// A remark on what was just shown.
    pub(super) fn note(&self, words: &str) {
        self.say("\n");
        self.aside(words);
    }

    /// A remark on what comes next.
    pub(super) fn aside(&self, words: &str) {
        self.say(&format!("{}\n", self.styled(DIM, words)));
    }

    /// The command line that is carried out.
    pub(super) fn command(&self, arguments: &[&str]) {
        self.say(&format!("{}\n\n", self.styled(CYAN, &format!("$ rolecall {}", arguments.join(" ")))));
    }

    /// Something that happened just now.
    pub(super) fn event(&self, style: Style, sign: &str, words: &str) {
        let now = Timestamp::now().to_zoned(TimeZone::system()).strftime("%H:%M:%S").to_string();
        self.say(&format!("{} {} {words}\n", self.styled(DIM, &now), self.styled(style, &format!("{sign:<9}"))));
    }

    /// The last words where everything was shown.
    pub(super) fn in_sync(&self) {
        self.say(
            "\nThe organization and its files are gone. `rolecall demo` without `--once` goes on with the daemon.\n",
        );
    }

    /// The last words after Ctrl-C.
    pub(super) fn called_off(&self) {
        self.say("\nStopped: rolecall has ended, the organization and its files are gone.\n");
    }

    /// Says something; where nobody reads any more, the demo ends.
    pub(super) fn say(&self, text: &str) {
        let mut out = io::stdout().lock();
        if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
            self.stop.cancel();
        }
    }

    /// How the children shall colour what they say, where it was decided for this process.
    pub(super) fn color_flag(&self) -> Option<&'static str> {
        self.terminal.color.then_some("always")
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.terminal.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}
