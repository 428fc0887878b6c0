//! limit-conn on stream routes: so many streams at the same time.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::places::{self, Places};
use super::{Config, LimitConn};
use crate::layer4::plugin::{Preread, Session, StreamPlugin, Verdict};
use crate::plugin::limit_key::{KeyType, Policy};
use crate::plugin::{Error, Plugin, Scope};

/// What is asked of stream routes. A service may say more, as for its other routes.
#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "for its schema")]
pub struct Checked {
    /// streams at the same time that pass at once
    conn: u64,
    /// how many more may wait
    burst: u64,
    /// seconds that they wait
    default_conn_delay: f64,
    /// wait as long as that says, however long streams take; here it is always so
    #[serde(default)]
    only_use_default_delay: bool,
    /// what is counted by: a variable or a text with variables, as key_type says; without a value it is the client's
    /// address
    key: String,
    /// what the key is
    #[serde(default)]
    key_type: KeyType,
}

impl StreamPlugin for LimitConn {
    const NAME: &'static str = <Self as Plugin>::NAME;
    const PRIORITY: i64 = <Self as Plugin>::PRIORITY;
    const VERSION: f64 = <Self as Plugin>::VERSION;

    type Checked = Checked;
    type Config = Config;

    fn refine_stream_schema(schema: &mut Value) {
        schema["properties"]["conn"]["minimum"] = json!(1);
        schema["properties"]["default_conn_delay"]["exclusiveMinimum"] = json!(0);
    }

    fn compile_stream(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        if config.policy != Policy::Local {
            return Err(Error::Refused("streams are counted on each data plane: policy must be local".to_owned()));
        }
        Self::compile(config, scope)
    }
}

impl Preread for LimitConn {
    fn preread(&self, session: &mut Session<'_>) -> Verdict {
        let Places::Here(running) = &self.places else { return Verdict::Refuse(500) };
        let mut delay = Duration::ZERO;
        let mut counted = false;
        for limit in &self.limits {
            let client = session.client;
            let read = &|var: &_| client.read(var);
            let conn = limit.conn.read_with(read).filter(|conn| *conn > 0);
            let key = limit.key.read_client(client);
            let key = if self.several { key } else { key.or_else(|| Some(client.remote.ip().to_string())) };
            let (Some(conn), Some(burst), Some(key)) = (conn, limit.burst.read_with(read), key) else { continue };
            counted = true;
            let Some((place, inside)) = places::enter(running, key.into(), conn.saturating_add(burst)) else {
                return Verdict::Refuse(503);
            };
            session.kept.places.push(place);
            delay += self.wait(inside, conn);
        }
        match counted {
            false if !self.degrade => Verdict::Refuse(500),
            _ if delay < super::SHORTEST => Verdict::Pass,
            _ => Verdict::Wait(delay),
        }
    }
}
