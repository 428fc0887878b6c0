//! Which log lines pass.

use serde::{Deserialize, Deserializer, de};
use tracing_subscriber::filter::{LevelFilter, Targets};

/// A level, or a list of a level and exceptions: `info`, `warn,portolan_dp=debug`.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Targets);

/// Not a filter.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "unknown log level `{0}`, expected one of `off`, `error`, `warn`, `info`, `debug`, `trace`, \
     or a list such as `info,portolan_dp=debug`"
)]
pub struct Unknown(String);

// === impl Filter ===

impl Filter {
    pub(super) fn targets(&self) -> Targets {
        self.0.clone()
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self(Targets::new().with_default(LevelFilter::INFO))
    }
}

impl std::str::FromStr for Filter {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let mut targets = Targets::new();
        for part in text.split(',').map(str::trim) {
            let (target, level) = part.rsplit_once('=').unwrap_or(("", part));
            let level = level_of(level).ok_or_else(|| Unknown(part.to_owned()))?;
            targets = if target.is_empty() { targets.with_default(level) } else { targets.with_target(target, level) };
        }
        Ok(Self(targets))
    }
}

/// By name only: tracing would take numbers and the empty text too.
fn level_of(name: &str) -> Option<LevelFilter> {
    let named = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic());
    named.then(|| name.parse().ok()).flatten()
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_lists_are_filters() {
        for good in ["info", "off", "TRACE", "warn,portolan_dp=debug", "warn, hyper=off"] {
            assert!(good.parse::<Filter>().is_ok(), "{good}");
        }
        assert_eq!("info".parse::<Filter>().unwrap(), Filter::default());
    }

    #[test]
    fn anything_else_is_refused_with_the_allowed_values() {
        for bad in ["", "loud", "3", "info,,debug", "hyper=", "hyper=loud", "hyper"] {
            assert!(bad.parse::<Filter>().is_err(), "{bad}");
        }
        let text = "loud".parse::<Filter>().unwrap_err().to_string();
        assert!(text.contains("`loud`") && text.contains("`debug`"), "{text}");
    }
}
