//! The log of the process: to stderr, for people or as JSON lines.

use std::io::IsTerminal;

use serde::Deserialize;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::DefaultFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

mod filter;
#[cfg(test)]
mod tests;

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
    let colours = std::io::stderr().is_terminal();
    let to_stderr = fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines(config, to_stderr)).try_init().map_err(|_| AlreadySet)
}

/// An error with all its sources on one line, since each `Display` of ours tells its own step only.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let texts = std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string);
    texts.collect::<Vec<_>>().join(": ")
}

/// `lines` in the format and with the filter of the configuration.
fn lines<S, W>(
    config: &Config,
    lines: fmt::Layer<S, DefaultFields, fmt::format::Format, W>,
) -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = match config.format {
        Format::Human => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    lines.with_filter(config.level.targets())
}
