//! multi-auth: several authentication plugins, one of which must know the caller.
//!
//! ```json
//! {"multi-auth": {"auth_plugins": [{"basic-auth": {}}, {"key-auth": {"header": "X-Key"}}]}}
//! ```

use std::sync::Arc;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::plugin::{Answer, Error, Factory, Flow, Phase, Phases, Plugin, Proof, Scope};
use crate::plugins;

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// authentication plugins with their configurations, in the order in which they are asked
    #[schemars(length(min = 2))]
    pub auth_plugins: Vec<Map<String, Value>>,
}

/// The compiled form.
pub struct MultiAuth {
    inner: Vec<Arc<dyn Phases>>,
}

// === impl MultiAuth ===

impl Plugin for MultiAuth {
    const NAME: &'static str = "multi-auth";
    const PRIORITY: i64 = 2600;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;
    /// It is one of the authentication plugins, and names nobody itself: the field is never a text.
    const IDENTITY: Option<&'static str> = Some("auth_plugins");

    type Config = Config;

    fn compile(config: Config, scope: &Scope<'_>) -> Result<Self, Error> {
        let pairs = config.auth_plugins.iter().flatten();
        let inner = pairs.map(|(name, config)| {
            let factory = authenticator(name)?;
            let scope = Scope {
                resource: scope.resource,
                config,
                metadata: None,
                certificates: scope.certificates,
                state: scope.state,
            };
            let refused = |e| Error::Refused(format!("plugin {name} check schema failed: {e}"));
            factory.compile(config, &scope).map_err(refused)
        });
        Ok(Self { inner: inner.collect::<Result<_, _>>()? })
    }

    fn compile_consumer(_config: &Value) -> Result<Proof, Error> {
        Ok(None)
    }

    /// What the inner plugins' configurations must be like, those who only read schemas learn here.
    fn refine_schema(schema: &mut Value) {
        let authenticators = plugins::PLUGINS.iter().filter(|plugin| authenticator(plugin.name()).is_ok());
        let schemas = authenticators.map(|plugin| (plugin.name().to_owned(), plugin.schema()));
        schema["properties"]["auth_plugins"]["items"] = json!({
            "type": "object",
            "additionalProperties": false,
            "properties": schemas.collect::<Map<_, _>>(),
        });
    }
}

impl Phases for MultiAuth {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        Flow::Wait(Box::pin(async move {
            let mut challenge = None;
            for plugin in &self.inner {
                let mut flow = plugin.rewrite(context);
                let answer = loop {
                    match flow {
                        Flow::Continue => return Flow::Continue,
                        Flow::Respond(answer) => break answer,
                        Flow::Wait(future) => flow = future.await,
                    }
                };
                challenge = answer.headers.get(WWW_AUTHENTICATE).cloned().or(challenge);
            }
            let mut answer = Answer::json(StatusCode::UNAUTHORIZED, &json!({"message": "Authorization Failed"}));
            if let Some(challenge) = challenge {
                answer.headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Flow::Respond(answer)
        }))
    }
}

/// The authentication plugin of this name.
fn authenticator(name: &str) -> Result<&'static dyn Factory, Error> {
    let plugin = plugins::by_name(name).ok_or_else(|| Error::Refused(format!("{name} plugin did not found")))?;
    if plugin.identity().is_none() || name == MultiAuth::NAME {
        return Err(Error::Refused(format!("{name} plugin is not supported")));
    }
    Ok(plugin)
}

impl std::fmt::Debug for MultiAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MultiAuth").field("plugins", &self.inner.len()).finish()
    }
}

#[cfg(test)]
mod tests;
