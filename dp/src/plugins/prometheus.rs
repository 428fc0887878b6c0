//! prometheus: how the metrics of a route's requests are labelled. They are counted with and without the plugin.
//!
//! ```json
//! {"prometheus": {"prefer_name": true}}
//! ```

use http::response::Parts;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::context::Context;
use crate::layer4::plugin::{Kept, Preread, StreamPlugin};
use crate::metrics;
use crate::plugin::{Error, Phase, Phases, Plugin, Scope};

/// Configuration on routes, services and global rules.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// whether routes and services are shown by name instead of id
    pub prefer_name: bool,
}

/// The compiled form.
#[derive(Debug)]
pub struct Prometheus {
    prefer_name: bool,
}

// === impl Prometheus ===

impl Plugin for Prometheus {
    const NAME: &'static str = "prometheus";
    const PRIORITY: i64 = 500;
    const VERSION: f64 = 0.2;
    const PHASES: Phase = Phase::HEADER_FILTER;

    type Config = Config;

    fn metadata_schema() -> Option<Value> {
        Some(metrics::metadata_schema())
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        Ok(Self { prefer_name: config.prefer_name })
    }
}

impl Phases for Prometheus {
    /// The series of a request is looked up when its head is done. A route's configuration comes after the global one
    /// and wins.
    fn header_filter(&self, context: &mut Context<'_>, _response: &mut Parts) {
        context.plugins.prefer_name = self.prefer_name;
    }
}

impl StreamPlugin for Prometheus {
    const NAME: &'static str = <Self as Plugin>::NAME;
    const PRIORITY: i64 = <Self as Plugin>::PRIORITY;
    const VERSION: f64 = 0.1;

    type Checked = Config;
    type Config = Config;

    fn compile_stream(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        Self::compile(config, scope)
    }
}

impl Preread for Prometheus {
    fn begin(&self, kept: &mut Kept) {
        kept.prefer_name = self.prefer_name;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugins::tests::refused;

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<Prometheus>(&[(json!({"prefer_name": "yes"}), "property \"prefer_name\"")]);
    }
}
