//! Options of the commands that look back.

use clap::Args;

use super::Server;

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

/// Options of `changes`.
#[derive(Debug, Args)]
pub struct Changes {
    #[command(flatten)]
    pub server: Server,
    /// After this revision or time (RFC 3339). Without it: everything that can still be told.
    #[arg(long, value_name = "REVISION|TIME")]
    pub from: Option<String>,
    /// Up to this revision or time. Without it: now.
    #[arg(long, value_name = "REVISION|TIME")]
    pub to: Option<String>,
    /// Only of this gateway group.
    #[arg(long)]
    pub group: Option<String>,
    /// Only of resources of this kind, such as `route`.
    #[arg(long)]
    pub kind: Option<String>,
    /// Only of the resource with this id.
    #[arg(long, requires = "kind")]
    pub id: Option<String>,
    /// Only by this actor.
    #[arg(long)]
    pub actor: Option<String>,
    /// Only by this action, such as `group.rollback`.
    #[arg(long)]
    pub action: Option<String>,
    /// Stop after so many events.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// Options of `show`.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    pub server: Server,
    /// Only resources of this kind, such as `route`.
    pub kind: Option<String>,
    /// Only the resource with this id, in full.
    pub id: Option<String>,
    /// The revision or time (RFC 3339). Without it: now.
    #[arg(long, value_name = "REVISION|TIME")]
    pub at: Option<String>,
    /// The gateway group. Without it: that of the key, or `default`.
    #[arg(long)]
    pub group: Option<String>,
}
