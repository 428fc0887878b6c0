//! ip-restriction: lets clients in, or keeps them out, by their address.
//!
//! ```json
//! {"ip-restriction": {"whitelist": ["10.0.0.0/8", "2001:db8::/32"]}}
//! {"ip-restriction": {"blacklist": ["203.0.113.7"], "response_code": 404}}
//! ```

use std::net::IpAddr;

use http::StatusCode;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::expr::network;
use crate::layer4::plugin::{Preread, Session, StreamPlugin, Verdict};
use crate::plugin::{Answer, Error, Flow, Phase, Phases, Plugin, Scope};

/// Configuration on routes, services and consumers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Config {
    /// addresses and networks that are let in; nobody else is
    #[schemars(length(min = 1))]
    pub whitelist: Option<Vec<String>>,
    /// addresses and networks that are kept out
    #[schemars(length(min = 1))]
    pub blacklist: Option<Vec<String>>,
    /// text of a refusal
    #[schemars(length(min = 1, max = 1024))]
    pub message: String,
    /// status of a refusal
    #[schemars(range(min = 403, max = 404))]
    pub response_code: u16,
}

/// The compiled form.
#[derive(Debug)]
pub struct IpRestriction {
    networks: Vec<IpNet>,
    /// Whether those in the networks are the ones let in.
    inside: bool,
    refusal: Answer,
}

// === impl Config ===

impl Default for Config {
    fn default() -> Self {
        let message = "Your IP address is not allowed".to_owned();
        Self { whitelist: None, blacklist: None, message, response_code: 403 }
    }
}

// === impl IpRestriction ===

impl Plugin for IpRestriction {
    const NAME: &'static str = "ip-restriction";
    const PRIORITY: i64 = 3000;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::ACCESS;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        for name in ["whitelist", "blacklist"] {
            schema["properties"][name]["items"] = json!({
                "type": "string",
                "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"}],
            });
        }
        schema["oneOf"] = json!([{"required": ["whitelist"]}, {"required": ["blacklist"]}]);
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let inside = config.whitelist.is_some();
        let all = config.whitelist.or(config.blacklist).unwrap_or_default();
        let parse = |text: &String| network(text).ok_or_else(|| Error::Refused(format!("invalid ip address: {text}")));
        let status = StatusCode::from_u16(config.response_code);
        let status = status.map_err(|_| Error::Refused("response_code must be 403 or 404".to_owned()))?;
        Ok(Self {
            networks: all.iter().map(parse).collect::<Result<_, _>>()?,
            inside,
            refusal: Answer::json(status, &json!({"message": config.message})),
        })
    }
}

impl Phases for IpRestriction {
    fn access<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let address = context.request.connection.remote.ip();
        if self.admits(address) { Flow::Continue } else { Flow::Respond(self.refusal.clone()) }
    }
}

impl StreamPlugin for IpRestriction {
    const NAME: &'static str = <Self as Plugin>::NAME;
    const PRIORITY: i64 = <Self as Plugin>::PRIORITY;
    const VERSION: f64 = <Self as Plugin>::VERSION;

    type Checked = Config;
    type Config = Config;

    fn compile_stream(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        Self::compile(config, scope)
    }

    fn refine_stream_schema(schema: &mut Value) {
        Self::refine_schema(schema);
    }
}

impl Preread for IpRestriction {
    fn preread(&self, session: &mut Session<'_>) -> Verdict {
        if self.admits(session.client.remote.ip()) {
            return Verdict::Pass;
        }
        // Of the codes that nginx has for streams.
        Verdict::Refuse(if self.refusal.status == StatusCode::FORBIDDEN { 403 } else { 400 })
    }
}

impl IpRestriction {
    fn admits(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address)) == self.inside
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    #[test]
    fn clients_pass_by_their_address() {
        let cases = [
            (json!({"whitelist": ["192.0.2.0/24"]}), "192.0.2.7", None),
            (json!({"whitelist": ["192.0.2.7"]}), "192.0.2.7", None),
            (json!({"whitelist": ["192.0.2.8", "2001:db8::/32"]}), "2001:db8::1", None),
            (json!({"whitelist": ["192.0.2.0/25"]}), "192.0.2.200", Some(403)),
            (json!({"whitelist": ["0.0.0.0/0"]}), "2001:db8::1", Some(403)),
            (json!({"blacklist": ["0.0.0.0/0"], "response_code": 404}), "192.0.2.7", Some(404)),
            (json!({"blacklist": ["0.0.0.0/0"]}), "::ffff:192.0.2.7", Some(403)),
            (json!({"blacklist": ["::1", "192.0.2.8"]}), "192.0.2.7", None),
        ];
        for (config, address, expected) in cases {
            let plugin = compile::<IpRestriction>(config.clone(), &State::default()).unwrap();
            with_context(http::Request::get("/").header("host", "h"), |context| {
                let seen = context.request.connection.seen_from(
                    format!("[{address}]:1").parse().unwrap_or_else(|_| format!("{address}:1").parse().unwrap()),
                );
                context.request.connection = Rc::new(seen);
                let answer = decided(plugin.access(context));
                assert_eq!(answer.as_ref().map(|answer| answer.status.as_u16()), expected, "{config} {address}");
                if let Some(answer) = answer {
                    assert_eq!(answer.body, r#"{"message":"Your IP address is not allowed"}"#);
                }
            });
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        refused::<IpRestriction>(&[
            (json!({}), ""),
            (json!({"whitelist": ["::1"], "blacklist": ["::1"]}), ""),
            (json!({"whitelist": []}), "property \"whitelist\""),
            (json!({"blacklist": ["somebody"]}), "property \"blacklist\""),
            (json!({"blacklist": ["10.0.0.0/33"]}), "invalid ip address: 10.0.0.0/33"),
            (json!({"whitelist": ["::1"], "response_code": 200}), "property \"response_code\""),
            (json!({"whitelist": ["::1"], "message": ""}), "property \"message\""),
        ]);
    }
}
