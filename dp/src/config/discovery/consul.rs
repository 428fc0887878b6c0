//! Section `discovery.consul`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Address, Secret};
use crate::config::Invalid;

/// Where Consul is and what is wanted of it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Consul {
    /// Its servers, each followed on its own; the last that tells something of a service is believed.
    pub servers: Vec<Address>,
    /// Token.
    pub token: Secret,
    /// Without `keepalive`: seconds between two questions.
    pub fetch_interval: u64,
    /// Whether changes are waited for, with blocking queries.
    pub keepalive: bool,
    /// Weight of each node.
    pub weight: u32,
    /// Bounds on slowness.
    pub timeout: ConsulTimeout,
    /// Order of the nodes of a service.
    pub sort_type: SortType,
    /// Services that are left out, beside `consul`.
    pub skip_services: Vec<String>,
    /// File to keep the services in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump: Option<ConsulDump>,
    /// The node of services that are not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_service: Option<DefaultService>,
    /// Memory, in APISIX. Has no effect here.
    pub shared_size: String,
}

/// Bounds on slowness.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsulTimeout {
    /// For a connection, in milliseconds.
    pub connect: u64,
    /// For an answer, in milliseconds.
    pub read: u64,
    /// How long a blocking query waits for a change, in seconds.
    pub wait: u64,
}

/// Order of nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SortType {
    /// As Consul tells them.
    #[default]
    Origin,
    /// By host.
    HostSort,
    /// By port.
    PortSort,
    /// By host and port.
    CombineSort,
}

/// The file that services are kept in.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConsulDump {
    /// Where.
    pub path: PathBuf,
    /// Whether it is read at the start.
    #[serde(default = "yes")]
    pub load_on_init: bool,
    /// Seconds after which what it says is too old; 0: never.
    #[serde(default)]
    pub expire: u64,
}

/// The node of services that are not known.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultService {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Metadata.
    #[serde(default)]
    pub metadata: Map<String, Value>,
}

fn yes() -> bool {
    true
}

// === impl Consul ===

impl Default for Consul {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            token: Secret::default(),
            fetch_interval: 3,
            keepalive: true,
            weight: 1,
            timeout: ConsulTimeout::default(),
            sort_type: SortType::default(),
            skip_services: Vec::new(),
            dump: None,
            default_service: None,
            shared_size: "64m".to_owned(),
        }
    }
}

impl Default for ConsulTimeout {
    fn default() -> Self {
        Self { connect: 2000, read: 2000, wait: 60 }
    }
}

impl Consul {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        super::check_servers("discovery.consul.servers", &self.servers)?;
        super::check_positive(&[
            ("discovery.consul.fetch_interval", self.fetch_interval),
            ("discovery.consul.weight", self.weight.into()),
            ("discovery.consul.timeout.connect", self.timeout.connect),
            ("discovery.consul.timeout.read", self.timeout.read),
            ("discovery.consul.timeout.wait", self.timeout.wait),
        ])
    }
}
