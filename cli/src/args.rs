//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod audit;
mod history;
mod retention;

pub use audit::{Audit, AuditCommand, AuditKey, Events, Export, RotateKey, Verify};
pub use history::{Changes, History, Show};
pub use retention::{Erase, Hold, HoldAdd, HoldCommand, HoldRelease, Order, Prune};

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
    /// Read the audit log, prove it, and keep or let go of what it holds.
    Audit(Audit),
    /// Show the versions of one resource.
    History(History),
    /// Show what changed between two revisions or times.
    Changes(Changes),
    /// Show what a gateway group, or one of its resources, was at a revision or time.
    Show(Show),
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
