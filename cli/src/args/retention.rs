//! Options of the commands under `audit` that keep payloads of the log, and that let go of them.

use clap::{Args, Subcommand};

use super::Server;

/// Options of `audit hold`.
#[derive(Debug, Args)]
pub struct Hold {
    /// What to do.
    #[command(subcommand)]
    pub command: HoldCommand,
}

/// Commands under `audit hold`.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    /// Set a legal hold: nothing that it covers is pruned or erased, past or to come.
    Add(HoldAdd),
    /// List the holds in force.
    List(HoldList),
    /// Release a hold, as a new event.
    Release(HoldRelease),
}

/// Options of `audit hold add`: one of an actor, a gateway group, a resource, and a range of revisions.
#[derive(Debug, Args)]
pub struct HoldAdd {
    #[command(flatten)]
    pub server: Server,
    /// All events of this actor.
    #[arg(long, value_name = "ID", conflicts_with_all = ["group", "kind", "first"])]
    pub actor: Option<String>,
    /// Everything in this gateway group; or, with `--kind`, the group of the resource.
    #[arg(long, conflicts_with = "first")]
    pub group: Option<String>,
    /// The resource of this kind, such as `route`, with the id that `--id` gives.
    #[arg(long, requires = "id", conflicts_with = "first")]
    pub kind: Option<String>,
    /// The id of the resource.
    #[arg(long, requires = "kind")]
    pub id: Option<String>,
    /// The events from this revision to `--last`.
    #[arg(long, value_name = "REVISION", requires = "last")]
    pub first: Option<i64>,
    /// The last of these revisions.
    #[arg(long, value_name = "REVISION", requires = "first")]
    pub last: Option<i64>,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// Options of `audit hold list`.
#[derive(Debug, Args)]
pub struct HoldList {
    #[command(flatten)]
    pub server: Server,
}

/// Options of `audit hold release`.
#[derive(Debug, Args)]
pub struct HoldRelease {
    #[command(flatten)]
    pub server: Server,
    /// The hold: the revision that set it.
    pub id: String,
    /// Why, for the log.
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// Options of `audit erase`.
#[derive(Debug, Args)]
pub struct Erase {
    /// The actor's id.
    pub actor: String,
    #[command(flatten)]
    pub order: Order,
}

/// Options of `audit prune`.
#[derive(Debug, Args)]
pub struct Prune {
    /// Events recorded before this time (RFC 3339), or below this revision.
    #[arg(long, value_name = "REVISION|TIME")]
    pub before: String,
    #[command(flatten)]
    pub order: Order,
}

/// What is common to letting go.
#[derive(Debug, Args)]
pub struct Order {
    #[command(flatten)]
    pub server: Server,
    /// Only show how much would go.
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask on a terminal.
    #[arg(long)]
    pub yes: bool,
    /// Why, for the log. Needed unless it is a dry run.
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    pub reason: Option<String>,
}
