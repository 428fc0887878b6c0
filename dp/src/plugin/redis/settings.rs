//! Where Redis is, as the configurations of plugins say it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::plugin::{Error, schema_of};

/// What kind of servers there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Policy `redis`.
    One,
    /// Policy `redis-cluster`.
    Cluster,
    /// Policy `redis-sentinel`.
    Sentinel,
}

/// The settings of one of them. Two that look alike lead to the same servers.
#[derive(Debug, Clone)]
pub(super) enum Settings {
    One(One),
    Cluster(Cluster),
    Sentinel(Sentinel),
}

/// Settings with the policy `redis`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct One {
    /// name or address of the Redis server
    #[schemars(length(min = 2))]
    pub(super) redis_host: String,
    /// its port
    #[serde(default = "port")]
    #[schemars(range(min = 1))]
    pub(super) redis_port: u64,
    /// user to log in as; without a password there is no login
    #[schemars(length(min = 1))]
    pub(super) redis_username: Option<String>,
    /// password to log in with
    #[schemars(length(min = 0))]
    pub(super) redis_password: Option<String>,
    /// number of the database
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub(super) redis_database: i64,
    /// milliseconds to wait for a connection, and for an answer
    #[serde(default = "second")]
    #[schemars(range(min = 1))]
    pub(super) redis_timeout: u64,
    /// whether Redis is spoken to over TLS
    #[serde(default)]
    pub(super) redis_ssl: bool,
    /// whether its certificate is verified
    #[serde(default)]
    pub(super) redis_ssl_verify: bool,
    /// milliseconds without a request after which a connection is not used again
    #[serde(default = "ten_seconds")]
    #[schemars(range(min = 1000))]
    pub(super) redis_keepalive_timeout: u64,
    /// connections that may be kept; each worker keeps one, which all its requests share
    #[serde(default = "hundred")]
    #[schemars(range(min = 1))]
    #[expect(dead_code, reason = "one connection is enough, whatever the number is")]
    pub(super) redis_keepalive_pool: u64,
}

/// Settings with the policy `redis-cluster`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct Cluster {
    /// some nodes of the cluster, `host:port`; the others are learnt from them
    #[schemars(length(min = 1))]
    pub(super) redis_cluster_nodes: Vec<Node>,
    /// name of the cluster in the gateway's log
    pub(super) redis_cluster_name: String,
    /// password to log in with
    #[schemars(length(min = 0))]
    pub(super) redis_password: Option<String>,
    /// milliseconds to wait for connections, and for an answer
    #[serde(default = "second")]
    #[schemars(range(min = 1))]
    pub(super) redis_timeout: u64,
    /// whether Redis is spoken to over TLS
    #[serde(default)]
    pub(super) redis_cluster_ssl: bool,
    /// whether the nodes' certificates are verified
    #[serde(default)]
    pub(super) redis_cluster_ssl_verify: bool,
    /// milliseconds without a request after which connections are not used again
    #[serde(default = "ten_seconds")]
    #[schemars(range(min = 1000))]
    pub(super) redis_keepalive_timeout: u64,
    /// connections that may be kept; each worker keeps one to each node, which all its requests share
    #[serde(default = "hundred")]
    #[schemars(range(min = 1))]
    #[expect(dead_code, reason = "one connection is enough, whatever the number is")]
    pub(super) redis_keepalive_pool: u64,
}

/// `host:port`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Node(#[schemars(length(min = 2, max = 100))] pub(super) String);

/// Settings with the policy `redis-sentinel`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub(super) struct Sentinel {
    /// sentinels, asked in turn where the server is
    #[schemars(length(min = 1))]
    pub(super) redis_sentinels: Vec<Address>,
    /// name of the group of servers that they watch
    #[schemars(length(min = 1))]
    pub(super) redis_master_name: String,
    /// which of them is used; counting takes the master
    #[serde(default)]
    pub(super) redis_role: Role,
    /// user to log in as; without a password there is no login
    #[schemars(length(min = 1))]
    pub(super) redis_username: Option<String>,
    /// password to log in with
    #[schemars(length(min = 0))]
    pub(super) redis_password: Option<String>,
    /// user to log in as at the sentinels
    #[schemars(length(min = 1))]
    pub(super) sentinel_username: Option<String>,
    /// password to log in with at the sentinels
    #[schemars(length(min = 0))]
    pub(super) sentinel_password: Option<String>,
    /// number of the database
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub(super) redis_database: i64,
    /// milliseconds to wait for a connection
    #[serde(default = "second")]
    #[schemars(range(min = 1))]
    pub(super) redis_connect_timeout: u64,
    /// milliseconds to wait for an answer
    #[serde(default = "second")]
    #[schemars(range(min = 1))]
    pub(super) redis_read_timeout: u64,
    /// milliseconds without a request after which a connection is not used again
    #[serde(default = "minute")]
    #[schemars(range(min = 1))]
    pub(super) redis_keepalive_timeout: u64,
}

/// Where a sentinel is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(inline)]
pub(super) struct Address {
    /// name or address
    #[schemars(length(min = 2))]
    pub(super) host: String,
    /// port
    #[schemars(range(min = 1, max = 65535))]
    pub(super) port: u16,
}

/// Master or replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Role {
    /// The server that takes writes.
    #[default]
    Master,
    /// A server that follows it.
    Slave,
}

fn port() -> u64 {
    6379
}

fn hundred() -> u64 {
    100
}

fn second() -> u64 {
    1000
}

fn ten_seconds() -> u64 {
    10_000
}

fn minute() -> u64 {
    60_000
}

// === impl Kind ===

impl Kind {
    /// Name of the policy.
    #[must_use]
    pub fn policy(self) -> &'static str {
        match self {
            Self::One => "redis",
            Self::Cluster => "redis-cluster",
            Self::Sentinel => "redis-sentinel",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::One => schema_of::<One>(),
            Self::Cluster => schema_of::<Cluster>(),
            Self::Sentinel => schema_of::<Sentinel>(),
        }
    }
}

// === impl Settings ===

impl Settings {
    pub(super) fn read(kind: Kind, config: &Value) -> Result<Self, Error> {
        Ok(match kind {
            Kind::One => Self::One(One::deserialize(config)?),
            Kind::Cluster => Self::Cluster(Cluster::deserialize(config)?),
            Kind::Sentinel => Self::Sentinel(Sentinel::deserialize(config)?),
        })
    }
}

/// Adds to a plugin's schema what each policy asks for; nothing is asked of settings that the policy does not use.
/// `more` are properties that the plugin has with these policies only.
pub fn refine(schema: &mut Value, kinds: &[Kind], more: &Value) {
    let mut last = None;
    for kind in kinds.iter().rev() {
        let mut then = kind.schema();
        if let (Some(properties), Some(more)) = (then["properties"].as_object_mut(), more.as_object()) {
            properties.extend(more.clone());
        }
        let mut condition = json!({"if": {"properties": {"policy": {"enum": [kind.policy()]}}}, "then": then});
        if let Some(otherwise) = last.take() {
            condition["else"] = otherwise;
        }
        last = Some(condition);
    }
    if let (Some(schema), Some(Value::Object(conditions))) = (schema.as_object_mut(), last) {
        schema.extend(conditions);
    }
}
