//! The log of the process: to stderr, for people or as JSON lines.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

mod filter;

pub use filter::Filter;

/// Section `log` of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What is logged.
    pub level: Filter,
    /// How it looks.
    pub format: Format,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// One line of text, coloured on a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// The process logs already.
#[derive(Debug, thiserror::Error)]
#[error("the log of this process is set up already")]
pub struct AlreadySet;

/// Sets the log of the process. Once, in `main` or in the role's `run`.
pub fn init(config: &Config) -> Result<(), AlreadySet> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.format {
        Format::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(config.level.targets())).try_init().map_err(|_| AlreadySet)
}
