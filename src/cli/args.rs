//! The arguments and what `--help` says of them.

mod walks;

pub(super) use walks::{DoctorArgs, ExplainArgs, ImportArgs, MigrateArgs, ModeArg, PlanArgs, ReportArgs, SyncArgs};

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::report;

const EXIT_CODES: &str = "\
EXIT CODES
  0  everything is in sync (or, for `run`, it was told to stop)
  1  drift: clusters differ from the policy, or changes are left
  2  an error: nothing can be said
  3  incomplete: part of the fleet is unknown";

/// Keeps access to every EKS cluster of an AWS organization in line with one central policy.
#[derive(Debug, Parser)]
#[command(name = "rolecall", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// The settings file; the policy files it names are relative to it.
    #[arg(long, global = true, value_name = "FILE", env = "ROLECALL_SETTINGS", default_value = "rolecall.yaml")]
    pub settings: PathBuf,
    /// The form of what is printed.
    #[arg(long, short, global = true, value_name = "FORMAT", value_enum, default_value = "table")]
    pub output: Output,
    /// Colours; NO_COLOR in the environment turns `auto` off.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: Color,
    /// The form of the log lines on standard error.
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: LogFormat,
    /// More log lines: -v what is done, -vv each step, -vvv also the libraries; RUST_LOG beats it.
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// The form of the output: for people at a terminal, for machines, for comments on pull requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Table,
    Json,
    Markdown,
}

impl From<Output> for report::Format {
    fn from(output: Output) -> Self {
        match output {
            Output::Table => Self::Table,
            Output::Json => Self::Json,
            Output::Markdown => Self::Markdown,
        }
    }
}

/// When there are colours; `auto` is on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// The form of log lines: for people, or one JSON object a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check settings and policy without touching AWS or any cluster.
    #[command(after_help = "\
EXAMPLES
  rolecall validate
  rolecall --settings prod/rolecall.yaml validate
  rolecall validate --strict --output json      # for CI: warnings fail, one object for each

Ends with 0 when the files are valid, 1 when `--strict` meets warnings, 2 when they are not valid.")]
    Validate(ValidateArgs),
    /// Print the JSON Schema of the settings or of the policy, for editors.
    #[command(after_help = "\
EXAMPLES
  rolecall schema settings > rolecall.schema.json
  rolecall schema policy > policy.schema.json

An editor that knows the YAML language server takes it by this first line of the file:
  # yaml-language-server: $schema=policy.schema.json")]
    Schema(SchemaArgs),
    /// Show the accounts and clusters that a pass would walk; no cluster is contacted.
    #[command(after_help = "\
EXAMPLES
  rolecall discover
  rolecall discover --output json | jq -r '.clusters[] | [.account, .region, .name] | @tsv'

Ends with 0, or 3 when an account or region could not be read.")]
    Discover,
    /// Check hub, accounts and clusters for everything that rolecall needs; nothing is written.
    #[command(after_help = "\
EXAMPLES
  rolecall doctor                               # what is missing, and what to paste where
  rolecall doctor --all                         # also what is fine and what is not needed
  rolecall doctor --output json | jq -r '.paste[] | select(.kind == \"member-policy\").text'

Reads are tried. Writes are not: IAM is asked what would become of them, and each cluster what rolecall may do in it.
Ends with 0 when nothing is missing, 1 when something is, 2 after an error, 3 when nothing is known to be missing but
something could not be told.")]
    Doctor(DoctorArgs),
    /// Write the policy that describes what the clusters have now; no cluster is changed, and no policy is needed.
    #[command(after_help = "\
EXAMPLES
  rolecall import > policy.yaml
  rolecall import --out policy.yaml             # refuses to overwrite; --force does not
  rolecall import --verbose > policy.yaml       # names everything that is not in the policy, and why

A plan right after it shows no change. Ends with 0 when everything is described, 1 when something could not be, 2 after an
error, 3 when part of the fleet is unknown: then the first lines of the file say so.")]
    Import(ImportArgs),
    /// Compare every cluster with the policy and show what `sync` would change; nothing is written.
    #[command(after_help = "\
EXAMPLES
  rolecall plan
  rolecall plan --account 444455556666 --cluster checkout
  rolecall plan --diff                          # with the text of aws-auth before and after
  rolecall plan --out plan.json && rolecall sync --plan plan.json
  rolecall plan --output markdown > comment.md  # for a pull request

Ends with 0 in sync, 1 with drift, 2 after an error, 3 when part of the fleet is unknown.")]
    Plan(PlanArgs),
    /// Bring every cluster in line with the policy.
    #[command(after_help = "\
EXAMPLES
  rolecall sync
  rolecall sync --plan plan.json                # just that plan; clusters that moved since are refused
  rolecall sync --repair                        # also rewrite aws-auth sections that do not parse

The settings must say `mode: enforce`. Ends with 0 in sync, 1 when something is left, 2 after an error, 3 when part of
the fleet is unknown.")]
    Sync(SyncArgs),
    /// Show drift and findings in short, or what is unknown and why; nothing is written.
    #[command(after_help = "\
EXAMPLES
  rolecall report
  rolecall report --unknown                     # what could not be read, why, and what to do
  rolecall report --strict --output json        # findings count as drift

Ends with 0 in sync, 1 with drift, 2 after an error, 3 when part of the fleet is unknown.")]
    Report(ReportArgs),
    /// Move the rows of aws-auth to access entries, without a moment in which anybody has less; shows what would move.
    #[command(after_help = "\
EXAMPLES
  rolecall migrate                              # what would move, what stays and why; nothing is written
  rolecall migrate --apply --cluster checkout   # one cluster first
  rolecall migrate --apply                      # every cluster that reads access entries
  rolecall migrate --apply --to API_AND_CONFIG_MAP
  rolecall migrate --apply --to API --yes       # for scripts: the number of clusters is not asked for

Stopped anywhere, it goes on where it was when it is run again. Ends with 0 when nothing is left to move, 1 when something
is, 2 after an error, 3 when part of the fleet is unknown.")]
    Migrate(MigrateArgs),
    /// Tell why somebody gets into the clusters, as whom and to do what, or why not; nothing is written.
    #[command(after_help = "\
EXAMPLES
  rolecall explain directoryGroup:K8s-Developers
  rolecall explain permissionSet:PlatformAdmin --account 444455556666
  rolecall explain arn:aws:sts::444455556666:assumed-role/deployer/build-17
  rolecall explain alice --output json          # whatever bears this name: role, user, permission set, group

Ends with 0 when it gets in somewhere, 1 when nowhere, 2 after an error, 3 when part of the answer is not known.")]
    Explain(ExplainArgs),
    /// Run passes on the schedule of the settings until SIGTERM.
    #[command(after_help = "\
EXAMPLES
  rolecall run
  rolecall --settings /etc/rolecall/rolecall.yaml --log-format json run

`mode: report` only looks, `mode: enforce` corrects. Settings and policy are read again when they change and on SIGHUP;
files that are not valid change nothing. Health, readiness and metrics are served where `web.listen` says.")]
    Run,
    /// Try rolecall: an organization that lives in this process is looked at, corrected and kept in line.
    #[cfg(feature = "lab")]
    #[command(after_help = "\
EXAMPLES
  rolecall demo                                 # then the daemon, until Ctrl-C
  rolecall demo --once                          # ends when everything is in sync
  rolecall demo --accounts 200 --clusters 1000 --seed 7
  rolecall demo --listen 127.0.0.1:9090         # the daemon's web address

Nothing of the organization is real, and nothing leaves this machine. Ends with 0, also after Ctrl-C; 2 after an error.")]
    Demo(DemoArgs),
    /// Serve the demo's organization and nothing else, for any AWS or Kubernetes tool.
    #[cfg(feature = "lab")]
    #[command(after_help = "\
EXAMPLES
  rolecall lab                                  # prints what to export, then serves until Ctrl-C
  rolecall lab --dir lab                        # writes env, rolecall.yaml and policy.yaml there
  rolecall lab --accounts 1250 --clusters 5000 --drift missing --latency 40ms

With `. lab/env` every AWS SDK and rolecall itself use it. `lab/env` is there as soon as the lab answers, and goes with it.
Ends with 0 after Ctrl-C, 2 after an error.")]
    Lab(LabArgs),
    /// Print the completion script of a shell.
    #[command(after_help = "\
EXAMPLES
  rolecall completions bash > ~/.local/share/bash-completion/completions/rolecall
  rolecall completions zsh > ~/.zfunc/_rolecall
  rolecall completions fish > ~/.config/fish/completions/rolecall.fish")]
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Warnings count: end with 1 when there are any.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of which file.
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// The files that have a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaOf {
    Settings,
    Policy,
}

/// A part of the fleet.
/// The size of an organization that lives in this process.
#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct SizeArgs {
    /// How many accounts the organization has.
    #[arg(long, value_name = "N", default_value_t = 40, value_parser = clap::value_parser!(u16).range(4..=5_000))]
    pub accounts: u16,
    /// How many clusters it has.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub clusters: u16,
    /// What chance begins with: the same seed gives the same organization.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    pub size: SizeArgs,
    /// End when everything is in sync, without the daemon.
    #[arg(long)]
    pub once: bool,
    /// Where the daemon serves health, readiness and metrics; without it, port 8080 or any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with = "once")]
    pub listen: Option<std::net::SocketAddr>,
}

#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    #[command(flatten)]
    pub size: SizeArgs,
    /// How far the clusters are from the policy.
    #[arg(long, value_enum, default_value = "demo")]
    pub drift: DriftArg,
    /// How long every call takes before it is answered, such as 40ms.
    #[arg(long, value_name = "DURATION", default_value = "0ms", value_parser = super::lab::latency)]
    pub latency: std::time::Duration,
    /// The port of the AWS side; without it, any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Where settings, policy and `env` are written; without it, into a temporary directory that is removed at the end.
    #[arg(long, value_name = "DIRECTORY")]
    pub dir: Option<PathBuf>,
}

/// How far the clusters are from the policy.
#[cfg(feature = "lab")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DriftArg {
    /// They are in sync.
    None,
    /// All but the rows of nodes and rolecall's own way in is missing.
    Missing,
    /// A third of them, each in another way.
    Demo,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
