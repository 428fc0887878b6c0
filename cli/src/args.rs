//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// An API gateway whose configuration is a log: history, rollback and audit for every change.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Print the answer as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// All commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a whole gateway for a first look: the control plane and one data plane, as child processes.
    Up(Up),
    /// Run the control plane.
    Cp(Role),
    /// Run a data plane.
    Dp(Role),
    /// Read the audit log.
    Audit(Audit),
    /// Show the versions of one resource.
    History(History),
    /// Put a gateway group back to the state of a revision, as a new event.
    Rollback(Rollback),
    /// Bring a gateway group to the state of a file in ADC's format, as one event or not at all.
    Apply(Apply),
    /// Show what a file would change; exit code 2 when it would.
    Diff(Apply),
    /// Say whether a file could be applied, with everything that is wrong.
    Validate(Apply),
    /// Write a gateway group's configuration as a file that `apply` takes, secrets included.
    Dump(Dump),
    /// Prepare the database; for its administrator.
    Db(Db),
}

/// Options of `up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Where everything is kept: database, certificates, keys, the two configuration files.
    #[arg(long, value_name = "DIR", default_value = "./data")]
    pub data_dir: PathBuf,
    /// `sqlite` (a file in the data directory), `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/DATABASE` or
    /// `mysql://USER:PASSWORD@HOST/DATABASE` (MySQL and MariaDB). Without it: that of the
    /// last start, or `sqlite`.
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,
    /// The Admin API key. Without it: that of the last start, or a new one.
    #[arg(long, value_name = "KEY")]
    pub admin_key: Option<String>,
    /// A setting of either half: `listen.admin_api=127.0.0.1:0`. A name that both know goes to both, unless `cp.` or `dp.` stands
    /// before it: `dp.listen.status=127.0.0.1:0`. May be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Take a free loopback port for every listener that no `--set` names.
    #[arg(long)]
    pub free_ports: bool,
    /// Leave a child process that died dead.
    #[arg(long)]
    pub no_restart: bool,
    /// Stop when standard input ends.
    #[arg(long, hide = true)]
    pub stop_with_parent: bool,
}

/// Options of the two production roles.
#[derive(Debug, Args)]
pub struct Role {
    /// The configuration file (YAML).
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Overrides one setting of the file. May be repeated.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    pub sets: Vec<String>,
    /// Only say whether the configuration is right.
    #[arg(long)]
    pub check_config: bool,
    /// Stop when standard input ends.
    #[arg(long, hide = true)]
    pub stop_with_parent: bool,
}

/// Where the control plane is, for the commands that ask it.
#[derive(Debug, Args)]
pub struct Server {
    /// The control plane's address.
    #[arg(long, value_name = "URL", env = "PORTOLAN_SERVER", default_value = "http://127.0.0.1:9180")]
    pub server: String,
    /// The Admin API key.
    #[arg(long, value_name = "KEY", env = "PORTOLAN_TOKEN", hide_env_values = true)]
    pub token: Option<String>,
    /// The authority to trust (PEM), for an https address.
    #[arg(long, value_name = "FILE", env = "PORTOLAN_CA")]
    pub ca: Option<PathBuf>,
}

/// Options of `audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// What to read.
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// Commands under `audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// List events, newest first.
    Events(Events),
    /// Write a range of the log with everything that proves it into a folder (docs/audit/README.md). Is itself an event.
    Export(Export),
    /// Verify a bundle, without network or database, or a database. Exit code 1 when something does not fit.
    Verify(Verify),
    /// Print the verifier key that the log names, to be kept where nobody who runs the log can change it.
    Key(AuditKey),
}

/// Options of `audit export`.
#[derive(Debug, Args)]
pub struct Export {
    /// The database: `sqlite:PATH`, `postgres://…` or `mysql://…`.
    #[arg(long, value_name = "URL", env = "PORTOLAN_STORE", hide_env_values = true)]
    pub store: String,
    /// First revision. Without it: the first of the log.
    #[arg(long, value_name = "REVISION")]
    pub from: Option<i64>,
    /// Last revision. Without it: the last one that a checkpoint covers.
    #[arg(long, value_name = "REVISION")]
    pub to: Option<i64>,
    /// The folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Options of `audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The folder of a bundle.
    #[arg(required_unless_present = "store", conflicts_with = "store")]
    pub bundle: Option<PathBuf>,
    /// A database instead: `sqlite:PATH`, `postgres://…` or `mysql://…`. Nothing is written to it.
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// File with the verifier keys to trust, one a line.
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// File with checkpoints that were kept outside of the database, such as the one that `audit.checkpoint_file` makes. The log
    /// must lead to them too.
    #[arg(long, value_name = "FILE")]
    pub checkpoints: Option<PathBuf>,
}

/// Options of `audit key`.
#[derive(Debug, Args)]
pub struct AuditKey {
    /// The database: `sqlite:PATH`, `postgres://…` or `mysql://…`.
    #[arg(long, value_name = "URL", env = "PORTOLAN_STORE", hide_env_values = true)]
    pub store: String,
}

/// Options of `audit events`.
#[derive(Debug, Args)]
pub struct Events {
    #[command(flatten)]
    pub server: Server,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// Only revisions below this one.
    #[arg(long, value_name = "REVISION")]
    pub before: Option<u64>,
    /// Only revisions above this one.
    #[arg(long, value_name = "REVISION")]
    pub after: Option<u64>,
    /// Only this action, such as `route.update`.
    #[arg(long)]
    pub action: Option<String>,
    /// Only this actor's.
    #[arg(long)]
    pub actor: Option<String>,
    /// Only with this outcome: success, refused, denied or failed.
    #[arg(long)]
    pub outcome: Option<String>,
    /// Only about this kind of resource, such as `route`.
    #[arg(long)]
    pub kind: Option<String>,
    /// Only about the resource with this id.
    #[arg(long)]
    pub id: Option<String>,
    /// Only of this gateway group.
    #[arg(long)]
    pub group: Option<String>,
}

/// Options of `history`.
#[derive(Debug, Args)]
pub struct History {
    #[command(flatten)]
    pub server: Server,
    /// The kind of the resource: route, service, upstream or consumer.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The gateway group it belongs to.
    #[arg(long, default_value = "default")]
    pub group: String,
}

/// Options of `apply`, `diff` and `validate`.
#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    pub server: Server,
    /// The file, in YAML or JSON; `-` reads the standard input.
    #[arg(short, long, value_name = "FILE")]
    pub file: PathBuf,
    /// The gateway group. Without it: that of the key, or `default`.
    #[arg(long)]
    pub group: Option<String>,
    /// Only show what would change.
    #[arg(long)]
    pub dry_run: bool,
    /// Delete even what is still in use.
    #[arg(long)]
    pub force: bool,
    /// Do nothing if the gateway group has changed since this revision.
    #[arg(long, value_name = "REVISION")]
    pub if_revision: Option<u64>,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Options of `dump`.
#[derive(Debug, Args)]
pub struct Dump {
    #[command(flatten)]
    pub server: Server,
    /// The gateway group. Without it: that of the key, or `default`.
    #[arg(long)]
    pub group: Option<String>,
    /// The file to write, for the owner only. Without it: the standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Options of `rollback`.
#[derive(Debug, Args)]
pub struct Rollback {
    #[command(flatten)]
    pub server: Server,
    /// The gateway group.
    #[arg(long)]
    pub group: String,
    /// The revision whose state comes back.
    #[arg(long, value_name = "REVISION")]
    pub to: u64,
    /// Only show what would change.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask on a terminal.
    #[arg(long)]
    pub yes: bool,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Options of `db`.
#[derive(Debug, Args)]
pub struct Db {
    /// What to do.
    #[command(subcommand)]
    pub command: DbCommand,
}

/// Commands under `db`.
#[derive(Debug, Subcommand)]
pub enum DbCommand {
    /// Migrate a PostgreSQL database and take the log out of the reach of those who run it: the control planes' login may then read
    /// and append, and nothing else. May be run again, and must be after an upgrade of Portolan.
    Protect(Protect),
}

/// Options of `db protect`.
#[derive(Debug, Args)]
pub struct Protect {
    /// The database, as a superuser: `postgres://postgres@HOST/DATABASE`.
    #[arg(long, value_name = "URL", env = "PORTOLAN_ADMIN_STORE", hide_env_values = true)]
    pub store: String,
    /// The existing login that the control planes use.
    #[arg(long, value_name = "ROLE")]
    pub app_role: String,
}
