//! The arguments and what `--help` says of them.

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
    /// Compare every cluster with the policy and show what `sync` would change; nothing is written.
    #[command(after_help = "\
EXAMPLES
  rolecall plan
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
    /// Run passes on the schedule of the settings until SIGTERM.
    #[command(after_help = "\
EXAMPLES
  rolecall run
  rolecall --settings /etc/rolecall/rolecall.yaml --log-format json run

`mode: report` only looks, `mode: enforce` corrects. Settings and policy are read again when they change and on SIGHUP;
files that are not valid change nothing. Health, readiness and metrics are served where `web.listen` says.")]
    Run,
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

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Also write the plan to a file that `sync --plan` carries out.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show the text of aws-auth before and after.
    #[arg(long)]
    pub diff: bool,
    /// Findings count as drift.
    #[arg(long)]
    pub strict: bool,
    /// Plan the repair of aws-auth sections that do not parse, too.
    #[arg(long)]
    pub repair: bool,
}

#[derive(Debug, Args)]
pub(super) struct SyncArgs {
    /// Carry out this plan of `plan --out` and nothing else.
    #[arg(long, value_name = "FILE", conflicts_with = "repair")]
    pub plan: Option<PathBuf>,
    /// Also rewrite aws-auth sections that do not parse; the broken text is kept in a ConfigMap beside it.
    #[arg(long)]
    pub repair: bool,
    /// Findings count as drift.
    #[arg(long)]
    pub strict: bool,
    /// Show the text of aws-auth before and after.
    #[arg(long)]
    pub diff: bool,
}

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Only what is unknown, and why.
    #[arg(long)]
    pub unknown: bool,
    /// Findings count as drift.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
