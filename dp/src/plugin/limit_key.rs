//! What limiting plugins count by.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::redis;
use crate::context::Context;
use crate::layer4::Client;
use crate::vars::{Template, Var};

/// What `key` is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum KeyType {
    /// Name of a variable.
    #[default]
    Var,
    /// Text with variables.
    VarCombination,
}

/// Where counters are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub enum Policy {
    /// In this instance.
    #[default]
    Local,
    /// In one Redis server.
    Redis,
    /// In a cluster of them.
    RedisCluster,
}

/// The compiled key.
#[derive(Debug)]
pub enum Key {
    /// A variable.
    Var(Var),
    /// A text with variables.
    Combination(Template),
    /// A text.
    Constant(Box<str>),
}

// === impl Policy ===

impl Policy {
    /// The Redis servers that it means, if it means any.
    #[must_use]
    pub fn redis(self) -> Option<redis::Kind> {
        match self {
            Self::Local => None,
            Self::Redis => Some(redis::Kind::One),
            Self::RedisCluster => Some(redis::Kind::Cluster),
        }
    }
}

// === impl Key ===

impl Key {
    /// A key as it is configured.
    #[must_use]
    pub fn compile(key: &str, key_type: KeyType) -> Self {
        match key_type {
            KeyType::Var => Self::Var(Var::parse(key)),
            KeyType::VarCombination => Self::Combination(Template::parse(key)),
        }
    }

    /// Its value in this request; unset when no variable of it has one.
    #[must_use]
    pub fn read<'c>(&'c self, context: &'c Context<'_>) -> Option<Cow<'c, str>> {
        match self {
            Self::Var(var) => var.read(context),
            Self::Combination(template) => {
                let (text, resolved) = template.render(context);
                (resolved > 0).then_some(Cow::Owned(text))
            }
            Self::Constant(text) => Some(Cow::Borrowed(text)),
        }
    }

    /// Its value for a stream's client.
    #[must_use]
    pub fn read_client(&self, client: &Client) -> Option<String> {
        match self {
            Self::Var(var) => client.read(var).map(Cow::into_owned),
            Self::Combination(template) => {
                let (text, resolved) = template.render_with(&|var| client.read(var));
                (resolved > 0).then_some(text)
            }
            Self::Constant(text) => Some(text.to_string()),
        }
    }

    /// The same; the client's address when it has no value.
    #[must_use]
    pub fn read_or_address<'c>(&'c self, context: &'c Context<'_>) -> Cow<'c, str> {
        self.read(context).unwrap_or(Cow::Borrowed(&context.request.connection.remote_ip))
    }
}
