//! Upstreams.

use serde::Deserialize;
use serde_json::Value;

use super::{Labels, Nodes, Timeout};
use crate::{Id, lenient};

/// Where requests go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Upstream {
    /// Its id; the key of the key space names it too. An upstream inside a route or service has none.
    pub id: Option<Id>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// The places, when they are not discovered.
    pub nodes: Option<Nodes>,
    /// The name under which the places are discovered.
    pub service_name: Option<String>,
    /// Who discovers them.
    pub discovery_type: Option<String>,
    /// What else discovery must know.
    pub discovery_args: Option<Value>,
    /// How a place is chosen.
    #[serde(rename = "type")]
    pub balancer: Balancer,
    /// What [`Balancer::Chash`] hashes.
    pub hash_on: HashOn,
    /// The name of what is hashed.
    pub key: Option<String>,
    /// How the places are spoken to.
    pub scheme: Scheme,
    /// The `Host` that the places see.
    pub pass_host: PassHost,
    /// The host for [`PassHost::Rewrite`].
    pub upstream_host: Option<String>,
    /// How often another place is tried; `None` = once per other node.
    #[serde(deserialize_with = "lenient::integer_option")]
    pub retries: Option<u32>,
    /// Seconds after which no other place is tried; 0 or `None` = no limit.
    pub retry_timeout: Option<f64>,
    /// Timeouts.
    pub timeout: Option<Timeout>,
    /// Idle connections.
    #[serde(deserialize_with = "lenient::structure")]
    pub keepalive_pool: Option<KeepalivePool>,
    /// TLS to the places.
    #[serde(deserialize_with = "lenient::structure")]
    pub tls: Option<Tls>,
    /// Health checks, as the document holds them.
    pub checks: Option<Value>,
}

/// How a place is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Balancer {
    /// In turn, by weight.
    #[default]
    RoundRobin,
    /// By a hash of the request.
    Chash,
    /// The fastest of late.
    Ewma,
    /// The one with the fewest requests under way.
    LeastConn,
    /// A name that is not known here; the check lets any pass.
    Other(String),
}

/// What a hash is taken of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashOn {
    /// A variable.
    #[default]
    Vars,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
    /// The consumer's name.
    Consumer,
    /// A text with variables in it.
    VarsCombinations,
}

/// How a place is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// HTTP/1.1.
    #[default]
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// HTTP/2 without TLS.
    Grpc,
    /// HTTP/2 over TLS.
    Grpcs,
    /// A byte stream.
    Tcp,
    /// A byte stream over TLS.
    Tls,
    /// Datagrams.
    Udp,
    /// Kafka's protocol.
    Kafka,
}

/// The `Host` that a place sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PassHost {
    /// The client's.
    #[default]
    Pass,
    /// The node's.
    Node,
    /// `upstream_host`.
    Rewrite,
}

/// How idle connections are kept.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(default)]
pub struct KeepalivePool {
    /// How many.
    #[serde(deserialize_with = "lenient::integer")]
    pub size: u32,
    /// For how many seconds.
    pub idle_timeout: f64,
    /// For how many requests.
    #[serde(deserialize_with = "lenient::integer")]
    pub requests: u32,
}

/// TLS to the places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tls {
    /// Whether the certificate of the place is verified.
    pub verify: bool,
    /// Our certificate, PEM.
    pub client_cert: Option<String>,
    /// Its key, PEM.
    pub client_key: Option<String>,
    /// Our certificate, as an ssl resource.
    pub client_cert_id: Option<Id>,
}

// === impl Balancer ===

impl From<String> for Balancer {
    fn from(name: String) -> Self {
        match name.as_str() {
            "roundrobin" => Self::RoundRobin,
            "chash" => Self::Chash,
            "ewma" => Self::Ewma,
            "least_conn" => Self::LeastConn,
            _ => Self::Other(name),
        }
    }
}

// === impl Scheme ===

impl Scheme {
    /// The port of a node that names none.
    pub const fn default_port(self) -> Option<u16> {
        match self {
            Self::Http | Self::Grpc => Some(80),
            Self::Https | Self::Grpcs => Some(443),
            Self::Tcp | Self::Tls | Self::Udp | Self::Kafka => None,
        }
    }

    /// Whether the connection is encrypted.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Https | Self::Grpcs | Self::Tls)
    }
}

// === impl KeepalivePool ===

impl Default for KeepalivePool {
    fn default() -> Self {
        Self { size: 320, idle_timeout: 60.0, requests: 1000 }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults() {
        let upstream: Upstream = serde_json::from_value(json!({"nodes": {"a:80": 1}, "keepalive_pool": []})).unwrap();
        assert_eq!(upstream.balancer, Balancer::RoundRobin);
        assert_eq!(
            (upstream.scheme, upstream.pass_host, upstream.hash_on),
            (Scheme::Http, PassHost::Pass, HashOn::Vars)
        );
        assert_eq!(upstream.keepalive_pool, Some(KeepalivePool { size: 320, idle_timeout: 60.0, requests: 1000 }));
        assert_eq!((upstream.retries, upstream.tls, upstream.checks), (None, None, None));
    }

    #[test]
    fn everything() {
        let upstream: Upstream = serde_json::from_value(json!({
            "type": "chash", "hash_on": "vars_combinations", "key": "$host", "scheme": "grpcs", "pass_host": "rewrite",
            "upstream_host": "h", "retries": 2, "retry_timeout": 0.5, "tls": {"verify": true}, "checks": {"active": {}},
            "keepalive_pool": {"size": 1e12}, "service_name": "s", "discovery_type": "dns"
        }))
        .unwrap();
        assert_eq!((upstream.balancer, upstream.hash_on), (Balancer::Chash, HashOn::VarsCombinations));
        assert_eq!((upstream.scheme, upstream.pass_host), (Scheme::Grpcs, PassHost::Rewrite));
        assert_eq!(upstream.keepalive_pool.unwrap().size, u32::MAX);
        assert!(upstream.tls.unwrap().verify && upstream.scheme.is_tls());
        assert_eq!(Balancer::from("mine".to_owned()), Balancer::Other("mine".to_owned()));
    }
}
