//! server-info: who this data plane is, for tools made for APISIX. It is told with and without the plugin: in the key
//! space by `sync/heartbeat.rs`, on the control port by `control.rs`.
//!
//! ```json
//! {"server-info": {}}
//! ```

use schemars::JsonSchema;
use serde::Deserialize;

use crate::plugin::{Error, Phase, Phases, Plugin, Scope};

/// Configuration on routes, services and global rules: there is none.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {}

/// The compiled form.
#[derive(Debug)]
pub struct ServerInfo;

// === impl ServerInfo ===

impl Plugin for ServerInfo {
    const NAME: &'static str = "server-info";
    const PRIORITY: i64 = 990;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::NONE;

    type Config = Config;

    fn compile(_config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Phases for ServerInfo {}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, refused};

    #[test]
    fn any_object_will_do() {
        compile::<ServerInfo>(json!({}), &State::default()).unwrap();
        compile::<ServerInfo>(json!({"report_ttl": 60}), &State::default()).unwrap();
        refused::<ServerInfo>(&[(json!("on"), "")]);
    }
}
