//! Options of the commands under `audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Erase, Hold, Prune, Server};

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
    /// Set, list and release legal holds.
    Hold(Hold),
    /// Erase what is personal about the events of an actor: names, addresses, free text. The id and the proof stay.
    Erase(Erase),
    /// Let go of the payloads of old events, as far as no later state is told from them. The entries and the proof stay.
    Prune(Prune),
    /// Print the verifier keys that the log names, the present one first, to be kept where nobody who runs the log can change them.
    Key(AuditKey),
    /// Let another key sign the log from now on. What was signed before stays verifiable (docs/audit/README.md).
    RotateKey(RotateKey),
}

/// Options of `audit export`.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub server: Server,
    /// The database itself, without a control plane: `sqlite:PATH`, `postgres://…` or `mysql://…`.
    #[arg(long, value_name = "URL", env = "PORTOLAN_STORE", hide_env_values = true)]
    pub store: Option<String>,
    /// First revision. Without it: the first of the log.
    #[arg(long, value_name = "REVISION")]
    pub from: Option<i64>,
    /// Last revision. Without it: the last of the log; from a database, the last one that a checkpoint covers.
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

/// Options of `audit rotate-key`.
#[derive(Debug, Args)]
pub struct RotateKey {
    #[command(flatten)]
    pub server: Server,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
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
