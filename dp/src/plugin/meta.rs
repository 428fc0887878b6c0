//! `_meta`: what every plugin's configuration may say besides its own.

use serde::Deserialize;
use serde_json::Value;

use super::Error;
use crate::expr::Expr;

/// `_meta` of a plugin's configuration, compiled.
#[derive(Debug, Default)]
pub struct Meta {
    /// Configured and not run.
    pub disable: bool,
    /// Instead of the plugin's own priority.
    pub priority: Option<i64>,
    /// The plugin runs only for requests that meet this.
    pub filter: Option<Expr>,
    /// Body of the plugin's own answers from 400 up.
    pub error_response: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    disable: bool,
    priority: Option<i64>,
    filter: Option<Value>,
    error_response: Option<Value>,
}

// === impl Meta ===

impl Meta {
    /// Splits a plugin's configuration into `_meta` and the rest.
    pub fn split(config: &Value) -> Result<(Self, Value), Error> {
        let mut rest = config.clone();
        let Some(object) = rest.as_object_mut() else {
            return Err(Error::Refused("the configuration is not an object".to_owned()));
        };
        let Some(meta) = object.shift_remove("_meta") else { return Ok((Self::default(), rest)) };
        if meta.get("pre_function").is_some() {
            return Err(Error::Refused("_meta.pre_function: Lua functions are not supported".to_owned()));
        }
        let raw: Raw = serde_json::from_value(meta).map_err(|e| Error::Refused(format!("_meta: {e}")))?;
        let filter = raw.filter.as_ref().map(Expr::compile).transpose();
        let meta = Self {
            disable: raw.disable,
            priority: raw.priority,
            filter: filter.map_err(|e| Error::Refused(format!("failed to validate the 'vars' expression: {e}")))?,
            error_response: raw.error_response,
        };
        Ok((meta, rest))
    }
}
